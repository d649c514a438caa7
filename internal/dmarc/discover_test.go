package dmarc

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"pgregory.net/rapid"

	"github.com/tripod-dns/tripod/internal/zone"
)

// world is a DNS of TXT records: names are owners without "_dmarc.", a "?" text says that the answer is not at hand, a "!"
// that it failed.
type world map[zone.Name][]string

func (w world) Lookup(_ context.Context, name zone.Name, qtype uint16) zone.Answer {
	texts, ok := w[zone.Name(strings.TrimPrefix(string(name), "_dmarc."))]
	if !ok || qtype != dns.TypeTXT {
		return zone.Answer{Status: zone.NXDomain, Owner: name}
	}
	a := zone.Answer{Status: zone.Found, Owner: name}
	for _, t := range texts {
		switch t {
		case "?":
			return zone.Answer{Status: zone.Unknown, Owner: name}
		case "!":
			return zone.Answer{Status: zone.Failed, Owner: name}
		}
		a.Records = append(a.Records, &zone.Record{Name: name, Type: dns.TypeTXT, Text: zone.PlainText(t, zone.Span{})})
	}
	return a
}

// Exists: a name exists when the world holds "@name" or something below it.
func (w world) Exists(_ context.Context, name zone.Name, _ uint16) zone.Answer {
	if texts, ok := w["@"+name]; ok && slices.Contains(texts, "?") {
		return zone.Answer{Status: zone.Unknown, Owner: name}
	}
	for n := range w {
		if zone.Name(strings.TrimPrefix(string(n), "@")).Under(name) {
			return zone.Answer{Status: zone.NoData, Owner: name}
		}
	}
	return zone.Answer{Status: zone.NXDomain, Owner: name}
}

func discover(w world, name zone.Name) Discovery { return Discover(context.Background(), w, name) }

func asked(d Discovery) []zone.Name {
	var out []zone.Name
	for i := range d.Steps {
		out = append(out, d.Steps[i].Name())
	}
	return out
}

func orgOf(w world) func(zone.Name) (zone.Name, bool) {
	return func(n zone.Name) (zone.Name, bool) { return OrgDomain(context.Background(), w, n) }
}

func names(s ...string) []zone.Name {
	out := make([]zone.Name, len(s))
	for i := range s {
		out[i] = zone.Name(s[i])
	}
	return out
}

// RFC 9989 §4.10: the full walk from a name of 13 labels.
func TestWalkSection410(t *testing.T) {
	d := discover(world{}, "a.b.c.d.e.f.g.h.i.j.mail.example.com")
	want := names("_dmarc.a.b.c.d.e.f.g.h.i.j.mail.example.com", "_dmarc.g.h.i.j.mail.example.com", "_dmarc.h.i.j.mail.example.com",
		"_dmarc.i.j.mail.example.com", "_dmarc.j.mail.example.com", "_dmarc.mail.example.com", "_dmarc.example.com", "_dmarc.com")
	if diff := cmp.Diff(want, asked(d)); diff != "" {
		t.Error(diff)
	}
	if d.OrgDomain != d.Name || d.Applies() || d.Record != nil || !d.PolicyKnown || !d.OrgKnown {
		t.Errorf("without any record: %+v", d)
	}
}

// RFC 9989 §4.10.2, the three examples at its end.
func TestOrgDomainSection4102(t *testing.T) {
	const plain = "v=DMARC1; p=none"
	for _, tt := range []struct {
		w    world
		want zone.Name
	}{
		{world{"mail.example.com": {plain}, "example.com": {plain}}, "example.com"},
		{world{"mail.example.com": {plain + "; psd=n"}}, "mail.example.com"},
		{world{"mail.example.com": {plain + "; psd=n"}, "example.com": {plain}}, "mail.example.com"},
		{world{"com": {plain + "; psd=y"}}, "example.com"},
	} {
		if got, known := OrgDomain(context.Background(), tt.w, "a.mail.example.com"); got != tt.want || !known {
			t.Errorf("%v: got %s (known %v), want %s", tt.w, got, known, tt.want)
		}
	}
}

// RFC 9989 §5.1.8: the record with psd=n at the zone cut is never asked for.
func TestDecentralizedSection518(t *testing.T) {
	w := world{
		"example.com":             {"v=DMARC1; p=reject"},
		"b.c.d.e.f.g.example.com": {"v=DMARC1; p=none; psd=n"},
	}
	d := discover(w, "mail.a.b.c.d.e.f.g.example.com")
	want := names("_dmarc.mail.a.b.c.d.e.f.g.example.com", "_dmarc.c.d.e.f.g.example.com", "_dmarc.d.e.f.g.example.com",
		"_dmarc.e.f.g.example.com", "_dmarc.f.g.example.com", "_dmarc.g.example.com", "_dmarc.example.com", "_dmarc.com")
	if diff := cmp.Diff(want, asked(d)); diff != "" {
		t.Error(diff)
	}
	if d.OrgDomain != "example.com" || d.At != "example.com" || d.Policy != Reject {
		t.Errorf("got org %s, record at %s, %s", d.OrgDomain, d.At, d.Policy)
	}
	// With the record that the section asks for, the walk finds it.
	w["mail.a.b.c.d.e.f.g.example.com"] = []string{"v=DMARC1; p=quarantine"}
	if d = discover(w, "mail.a.b.c.d.e.f.g.example.com"); d.Source != Own || d.Policy != Quarantine || d.OrgDomain != "example.com" {
		t.Errorf("own record: %s at %s, org %s", d.Policy, d.At, d.OrgDomain)
	}
}

// RFC 9989 B.4.1.
func TestAppendixB41(t *testing.T) {
	w := world{"example.com": {"v=DMARC1; p=reject"}, "signing.example.com": {"v=DMARC1; p=none"}}
	d := discover(w, "example.com")
	if d.OrgDomain != "example.com" || d.At != "example.com" || d.Source != Own || d.Policy != Reject || d.Tag != "p" {
		t.Errorf("%+v", d)
	}
	if diff := cmp.Diff(names("_dmarc.example.com", "_dmarc.com"), asked(d)); diff != "" {
		t.Error(diff)
	}
	for _, id := range names("example.com", "signing.example.com") {
		if ok, known := Aligned("example.com", id, Relaxed, orgOf(w)); !ok || !known {
			t.Errorf("%s is not aligned", id)
		}
	}
	if ok, known := Aligned("example.com", "signing.example.com", Strict, nil); ok || !known {
		t.Error("strict alignment of different names")
	}
}

// RFC 9989 B.4.2.
func TestAppendixB42(t *testing.T) {
	w := world{"example.com": {"v=DMARC1; p=reject; sp=quarantine"}, "signing.example.com": {"v=DMARC1; p=none"}}
	const author = "a.b.c.d.e.f.g.h.i.j.k.example.com"
	d := discover(w, author)
	want := names("_dmarc."+author, "_dmarc.g.h.i.j.k.example.com", "_dmarc.h.i.j.k.example.com", "_dmarc.i.j.k.example.com",
		"_dmarc.j.k.example.com", "_dmarc.k.example.com", "_dmarc.example.com", "_dmarc.com")
	if diff := cmp.Diff(want, asked(d)); diff != "" {
		t.Error(diff)
	}
	if d.OrgDomain != "example.com" || d.At != "example.com" || d.Source != Org || d.Policy != Quarantine || d.Tag != "sp" {
		t.Errorf("%+v", d)
	}
	for _, id := range names("example.com", "signing.example.com") {
		if ok, known := Aligned(author, id, Relaxed, orgOf(w)); !ok || !known {
			t.Errorf("%s is not aligned", id)
		}
	}
}

// RFC 9989 B.4.3.
func TestAppendixB43(t *testing.T) {
	w := world{"bank.example": {"v=DMARC1; p=none; psd=y"}, "giant.bank.example": {"v=DMARC1; p=reject"}}
	d := discover(w, "giant.bank.example")
	if d.OrgDomain != "giant.bank.example" || d.At != "giant.bank.example" || d.Policy != Reject {
		t.Errorf("%+v", d)
	}
	if diff := cmp.Diff(names("_dmarc.giant.bank.example", "_dmarc.bank.example"), asked(d)); diff != "" {
		t.Error(diff)
	}
	if ok, _ := Aligned("giant.bank.example", "mail.giant.bank.example", Relaxed, orgOf(w)); !ok {
		t.Error("mail.giant.bank.example is not aligned")
	}
	if ok, _ := Aligned("giant.bank.example", "mail.mega.bank.example", Relaxed, orgOf(w)); ok {
		t.Error("mail.mega.bank.example is aligned")
	}
	if org, _ := OrgDomain(context.Background(), w, "mail.mega.bank.example"); org != "mega.bank.example" {
		t.Errorf("org of mail.mega.bank.example: %s", org)
	}
	// The other bank has no record: that of the public suffix domain applies.
	if d = discover(w, "mega.bank.example"); d.Source != Suffix || d.At != "bank.example" || d.Policy != None || d.OrgDomain != "mega.bank.example" {
		t.Errorf("%+v", d)
	}
}

// A domain at every depth, with the Organizational Domain at every depth above it.
func TestDepths(t *testing.T) {
	labels := strings.Split("a.b.c.d.e.f.g.h.i.j.k.l.example.com", ".")
	for depth := 1; depth <= 14; depth++ {
		name := zone.Name(strings.Join(labels[14-depth:], "."))
		if n := name.Count(); n != depth {
			t.Fatalf("%s has %d labels", name, n)
		}
		steps := len(walkNames(name))
		if want := min(depth, 8); steps != want {
			t.Errorf("%s: %d questions, want %d", name, steps, want)
		}
		for above := 1; above <= depth; above++ {
			at := name.Last(above)
			d := discover(world{at: {"v=DMARC1; p=reject; sp=quarantine"}, "@" + name: nil}, name)
			visible := above == depth || above <= 7
			switch {
			case !visible && (d.Record != nil || d.OrgDomain != name):
				t.Errorf("%s found the record at %s, which no walk asks for", name, at)
			case visible && (d.At != at || d.OrgDomain != at):
				t.Errorf("%s: record at %q, org %s; want %s", name, d.At, d.OrgDomain, at)
			case visible && above == depth && (d.Policy != Reject || d.Source != Own || d.Tag != "p"),
				visible && above < depth && (d.Policy != Quarantine || d.Source != Org || d.Tag != "sp"):
				t.Errorf("%s: %s of %d by %q", name, d.Policy, d.Source, d.Tag)
			}
		}
	}
}

func TestDiscover(t *testing.T) {
	long := zone.Name(strings.Repeat(strings.Repeat("x", 61)+".", 4) + "abc") // 251 octets: no _dmarc name can be asked
	for _, tt := range []struct {
		name string
		w    world
		ask  zone.Name
		want string
	}{
		{"nothing", world{}, "example.com", "absent at  org example.com"},
		{"own", world{"example.com": {"v=DMARC1; p=reject"}}, "example.com", "reject p at example.com org example.com"},
		{"t=y", world{"example.com": {"v=DMARC1; p=reject; t=y"}}, "example.com", "quarantine (declared reject) p at example.com org example.com"},
		{"t=y of none", world{"example.com": {"v=DMARC1; p=none; t=y"}}, "example.com", "none p at example.com org example.com"},
		{"inherited p", world{"example.com": {"v=DMARC1; p=reject"}, "@x.example.com": nil}, "x.example.com", "reject p at example.com org example.com"},
		{"np", world{"example.com": {"v=DMARC1; p=none; np=reject"}}, "x.example.com", "reject np at example.com org example.com"},
		{"np, name exists", world{"example.com": {"v=DMARC1; p=none; np=reject"}, "@x.example.com": nil}, "x.example.com", "none p at example.com org example.com"},
		{"np, name below exists", world{"example.com": {"v=DMARC1; p=none; np=reject"}, "@y.x.example.com": nil}, "x.example.com", "none p at example.com org example.com"},
		{"np falls back to sp", world{"example.com": {"v=DMARC1; p=reject; sp=none"}}, "x.example.com", "none sp at example.com org example.com"},
		{"existence unknown", world{"example.com": {"v=DMARC1; p=none; np=reject"}, "@x.example.com": {"?"}}, "x.example.com",
			"none p at example.com org example.com policy unknown missing x.example.com A"},
		{"existence unknown and indifferent", world{"example.com": {"v=DMARC1; p=reject; sp=none; np=none"}, "@x.example.com": {"?"}}, "x.example.com",
			"none sp at example.com org example.com"},
		{"several at the name count as none", world{"x.example.com": {"v=DMARC1; p=none", "v=DMARC1; p=none"}, "example.com": {"v=DMARC1; p=reject"}},
			"x.example.com", "reject p at example.com org example.com"},
		{"others beside it", world{"example.com": {"hello", "v=DMARC1; p=reject", "v=DMARC10; p=none"}}, "example.com", "reject p at example.com org example.com"},
		{"an intermediate record covers only its own name", world{"m.example.com": {"v=DMARC1; p=none"}, "example.com": {"v=DMARC1; p=reject"}},
			"a.m.example.com", "reject p at example.com org example.com"},
		{"unless it has psd=n", world{"m.example.com": {"v=DMARC1; p=none; psd=n"}, "example.com": {"v=DMARC1; p=reject"}},
			"a.m.example.com", "none p at m.example.com org m.example.com"},
		{"psd=y at the start", world{"bank.example": {"v=DMARC1; p=reject; sp=none; psd=y"}}, "bank.example", "reject p at bank.example org bank.example"},
		{"psd=y, intermediate record", world{"bank.example": {"v=DMARC1; p=reject; psd=y"}, "m.x.bank.example": {"v=DMARC1; p=none"}},
			"a.m.x.bank.example", "reject p at bank.example org x.bank.example"},
		{"no valid p, rua", world{"example.com": {"v=DMARC1; p=rejct; rua=mailto:a@example.com"}}, "example.com", "none  at example.com org example.com"},
		{"no valid p, no rua: discovery does not go on", world{"x.example.com": {"v=DMARC1; p=rejct"}, "example.com": {"v=DMARC1; p=reject"}},
			"x.example.com", "absent at x.example.com org example.com"},
		{"invalid sp takes p along", world{"example.com": {"v=DMARC1; p=reject; sp=no; rua=mailto:a@example.com"}}, "example.com", "none  at example.com org example.com"},
		{"parent unknown, own record", world{"example.com": {"v=DMARC1; p=reject"}, "com": {"?"}}, "example.com",
			"reject p at example.com org example.com org unknown missing _dmarc.com TXT"},
		{"parent failed, inherited", world{"example.com": {"v=DMARC1; p=reject"}, "com": {"!"}}, "x.example.com",
			"reject p at example.com org example.com policy unknown org unknown missing _dmarc.com TXT"},
		{"own unknown", world{"x.example.com": {"?"}, "example.com": {"v=DMARC1; p=reject"}}, "x.example.com",
			"reject p at example.com org example.com policy unknown org unknown missing _dmarc.x.example.com TXT"},
		{"psd=n ends the walk before the unknown", world{"x.example.com": {"v=DMARC1; p=none; psd=n"}, "example.com": {"?"}}, "x.example.com",
			"none p at x.example.com org x.example.com"},
		{"name too long to ask", world{long.Parent(): {"v=DMARC1; p=reject"}, "@" + long: nil}, long, "reject p at " + string(long.Parent()) + " org " + string(long.Parent())},
		{"root", world{}, zone.Root, "absent at  org ."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := describe(discover(tt.w, tt.ask)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}

func describe(d Discovery) string {
	s := d.Policy.String()
	if d.Declared != d.Policy {
		s += " (declared " + d.Declared.String() + ")"
	}
	if d.Policy != Absent {
		s += " " + d.Tag
	}
	s += fmt.Sprintf(" at %s org %s", string(d.At), d.OrgDomain)
	if !d.PolicyKnown {
		s += " policy unknown"
	}
	if !d.OrgKnown {
		s += " org unknown"
	}
	for _, m := range d.Missing {
		s += fmt.Sprintf(" missing %s %s", m.Name, zone.TypeName(m.Type))
	}
	return s
}

func TestDiscoverPSL(t *testing.T) {
	for _, tt := range []struct {
		name string
		w    world
		ask  zone.Name
		want string
	}{
		{"own", world{"x.example.co.uk": {"v=DMARC1; p=none; t=y"}}, "x.example.co.uk", "none p at x.example.co.uk org example.co.uk"},
		{"inherited", world{"example.co.uk": {"v=DMARC1; p=reject; sp=none"}}, "a.b.example.co.uk", "none sp at example.co.uk org example.co.uk"},
		{"np unknown to them", world{"example.co.uk": {"v=DMARC1; p=reject; np=none"}}, "a.example.co.uk", "reject p at example.co.uk org example.co.uk"},
		{"invalid np too", world{"example.com": {"v=DMARC1; p=reject; np=foo"}}, "example.com", "reject p at example.com org example.com"},
		{"t unknown to them", world{"example.com": {"v=DMARC1; p=reject; t=y"}}, "example.com", "reject p at example.com org example.com"},
		{"psd unknown to them", world{"a.example.com": {"v=DMARC1; p=none; psd=n"}, "example.com": {"v=DMARC1; p=reject"}}, "b.a.example.com", "reject p at example.com org example.com"},
		{"suffix", world{"com": {"v=DMARC1; p=reject"}}, "example.com", "absent at  org example.com"},
		{"several end the search", world{"a.example.com": {"v=DMARC1; p=none", "v=DMARC1; p=none"}, "example.com": {"v=DMARC1; p=reject"}}, "a.example.com", "absent at  org example.com"},
		{"unknown", world{"a.example.com": {"?"}}, "a.example.com", "absent at  org example.com policy unknown missing _dmarc.a.example.com TXT"},
		{"root", world{}, zone.Root, "absent at  org ."},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if got := describe(DiscoverPSL(context.Background(), tt.w, tt.ask)); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
	for name, want := range map[zone.Name]bool{"com": true, "co.uk": true, "example.com": false, "github.io": true, "": false, "bank.example": false} {
		if got := IsPublicSuffix(name); got != want {
			t.Errorf("IsPublicSuffix(%q) = %v", name, got)
		}
	}
}

// naive is RFC 9989 §4.10 read aloud, over slices of labels, with none of the code under test but Parse.
func naive(w world, author string) (policy Policy, org string) {
	get := func(labels []string) *Record {
		var found []*Record
		for _, t := range w[zone.Name(strings.Join(labels, "."))] {
			if r := Parse(t); r.IsRecord {
				found = append(found, r)
			}
		}
		if len(found) != 1 {
			return nil
		}
		return found[0]
	}
	labels := strings.Split(author, ".")
	type hit struct {
		labels []string
		rec    *Record
	}
	var hits []hit
	target := labels
	for first := true; len(target) > 0; first = false {
		if r := get(target); r != nil {
			hits = append(hits, hit{target, r})
			if r.PSD != PSDUnset {
				break
			}
		}
		if first && len(labels) >= 8 {
			target = labels[len(labels)-7:]
		} else {
			target = target[1:]
		}
	}
	orgLabels := labels
	if len(hits) > 0 {
		orgLabels = hits[len(hits)-1].labels
		for _, h := range hits {
			if h.rec.PSD == PSDNo {
				orgLabels = h.labels
				break
			}
			if h.rec.PSD == PSDYes && len(h.labels) < len(labels) {
				orgLabels = labels[len(labels)-len(h.labels)-1:]
				break
			}
		}
	}
	org = strings.Join(orgLabels, ".")
	weaker := func(r *Record, p Policy) Policy {
		if r.Testing && p > None {
			p--
		}
		return p
	}
	for _, h := range hits {
		if len(h.labels) == len(labels) {
			return weaker(h.rec, h.rec.Effective.P), org
		}
	}
	pick := func(r *Record) Policy {
		if w.Exists(context.Background(), zone.Name(author), dns.TypeA).Status == zone.NXDomain {
			return weaker(r, r.Effective.NP)
		}
		return weaker(r, r.Effective.SP)
	}
	for _, h := range hits {
		if strings.Join(h.labels, ".") == org {
			return pick(h.rec), org
		}
	}
	for _, h := range hits {
		if h.rec.PSD == PSDYes {
			return pick(h.rec), org
		}
	}
	return Absent, org
}

func genRecord(t *rapid.T) string {
	var b strings.Builder
	b.WriteString("v=DMARC1")
	for _, tag := range []struct {
		name   string
		values []string
	}{
		{"p", []string{"", "none", "quarantine", "reject", "reject", "rejct"}},
		{"sp", []string{"", "", "none", "quarantine", "reject", "x"}},
		{"np", []string{"", "", "none", "quarantine", "reject", "x"}},
		{"psd", []string{"", "", "", "y", "n", "u"}},
		{"t", []string{"", "", "y", "n"}},
		{"rua", []string{"", "mailto:a@example.net", "nobody"}},
	} {
		if v := rapid.SampledFrom(tag.values).Draw(t, tag.name); v != "" {
			b.WriteString("; " + tag.name + "=" + v)
		}
	}
	return b.String()
}

func TestDiscoverAgainstNaive(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		depth := rapid.IntRange(1, 14).Draw(t, "depth")
		name := zone.Name(strings.Join(strings.Split("a.b.c.d.e.f.g.h.i.j.k.l.example.com", ".")[14-depth:], "."))
		w := world{}
		for n := name; n != zone.Root; n = n.Parent() {
			for range rapid.SampledFrom([]int{0, 0, 1, 1, 2}).Draw(t, "records") {
				w[n] = append(w[n], genRecord(t))
			}
		}
		if rapid.Bool().Draw(t, "exists") {
			w["@"+name] = nil
		}
		policy, org := naive(w, string(name))
		d := discover(w, name)
		if d.Policy != policy || string(d.OrgDomain) != org || !d.PolicyKnown || !d.OrgKnown {
			t.Fatalf("%s in %v: got %s, org %s; want %s, org %s", name, w, d.Policy, d.OrgDomain, policy, org)
		}
		if len(d.Steps) > 8 {
			t.Fatalf("%d questions", len(d.Steps))
		}
		if !d.Applies() && d.Declared != Absent || d.Policy > d.Declared || d.Declared != d.Policy && !d.Record.Testing {
			t.Fatalf("declared %s, policy %s", d.Declared, d.Policy)
		}
	})
}

// Whatever the missing answers would have been, what is called known does not change.
func TestKnownHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		name := zone.Name("a.b.c.example.com")
		full, partial := world{"@" + name: nil}, world{"@" + name: nil}
		for n := name; n != zone.Root; n = n.Parent() {
			if rapid.Bool().Draw(t, "record") {
				full[n] = []string{genRecord(t)}
				partial[n] = full[n]
			}
			if rapid.IntRange(0, 3).Draw(t, "hide") == 0 {
				partial[n] = []string{"?"}
			}
		}
		f, p := discover(full, name), discover(partial, name)
		if p.PolicyKnown && p.Policy != f.Policy || p.OrgKnown && p.OrgDomain != f.OrgDomain {
			t.Fatalf("full %v: %s, org %s; with gaps %v: %s, org %s", full, f.Policy, f.OrgDomain, partial, p.Policy, p.OrgDomain)
		}
		if (p.PolicyKnown && p.OrgKnown) != (len(p.Missing) == 0) {
			t.Fatalf("known %v %v, missing %v", p.PolicyKnown, p.OrgKnown, p.Missing)
		}
	})
}

func TestPermissionName(t *testing.T) {
	got, err := PermissionName("a.example", "corp.example")
	if err != nil || got != "a.example._report._dmarc.corp.example" {
		t.Errorf("got %s, %v", got, err)
	}
	// 253 octets are allowed, 254 are not.
	host := zone.Name("corp.example")
	room := 253 - len("._report._dmarc.") - len(host)
	label := strings.Repeat("x", 60)
	domain := zone.Name(label + "." + label + "." + label + "." + strings.Repeat("y", room-3*61))
	if n, err := PermissionName(domain, host); err != nil || len(n) != 253 {
		t.Errorf("%d octets: %v", len(n), err)
	}
	if _, err := PermissionName("z"+domain, host); err == nil || !strings.Contains(err.Error(), "name of 256 octets, the limit is 255") {
		t.Errorf("254 octets: %v", err)
	}
	for name, want := range map[zone.Name]bool{
		"a.example._report._dmarc.corp.example": true, "*._report._dmarc.corp.example": true, "_report._dmarc.corp.example": true,
		"_dmarc.corp.example": false, "_report.corp.example": false, "": false,
	} {
		if IsPermissionName(name) != want {
			t.Errorf("IsPermissionName(%q) is not %v", name, want)
		}
	}
}

func BenchmarkDiscover(b *testing.B) {
	w := world{"example.com": {"v=DMARC1; p=reject; sp=quarantine; rua=mailto:dmarc@example.com"}, "@x.example.com": nil}
	for b.Loop() {
		discover(w, "x.example.com")
	}
}
