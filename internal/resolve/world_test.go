package resolve

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// records reads a zone file.
func records(t testing.TB, origin, text string, from zone.Origin) []*zone.Record {
	t.Helper()
	var out []*zone.Record
	zp := dns.NewZoneParser(strings.NewReader(text), origin+".", "")
	zp.SetDefaultTTL(300)
	for rr, ok := zp.Next(); ok; rr, ok = zp.Next() {
		r := fromRR(rr)
		r.Origin = from
		// A place of its own for each record, as a definition has.
		r.At = zone.Span{File: 1, Start: uint32(len(out)), End: uint32(len(out) + 1)}
		out = append(out, r)
	}
	if err := zp.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}

func domain(t testing.TB, name, text string) *zone.Domain {
	t.Helper()
	return &zone.Domain{Name: zone.MustParseName(name), Emit: zone.EmitZone, Records: records(t, name, text, zone.Defined)}
}

// show puts an answer in one line.
func show(a zone.Answer) string {
	var b strings.Builder
	for _, r := range a.Chain {
		fmt.Fprintf(&b, "%s -> ", r.Name)
	}
	fmt.Fprintf(&b, "%s: %s", a.Owner, a.Status)
	for _, r := range a.Records {
		fmt.Fprintf(&b, " [%s]", r.RData())
	}
	if a.Wildcard != "" {
		fmt.Fprintf(&b, " by %s", a.Wildcard)
	}
	return b.String()
}

func question(t testing.TB, s string) (zone.Name, uint16) {
	t.Helper()
	name, typ, ok := strings.Cut(s, " ")
	if !ok || dns.StringToType[typ] == 0 {
		t.Fatalf("question %q", s)
	}
	return zone.MustParseName(name), dns.StringToType[typ]
}

type lookupTest struct{ ask, want string }

func checkLookups(t *testing.T, w *World, tests []lookupTest) {
	t.Helper()
	for _, tt := range tests {
		name, qtype := question(t, tt.ask)
		if got := show(w.Lookup(context.Background(), name, qtype)); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.ask, got, tt.want)
		}
	}
}

// The zone of RFC 4592 §2.2.1, with its questions and answers.
func TestWildcardsOfRFC4592(t *testing.T) {
	w := NewWorld(NewIndex([]*zone.Domain{domain(t, "example", `
*.example.            MX  10 host1.example.
sub.*.example.        TXT "this is not a wildcard"
host1.example.        A   192.0.2.1
_ssh._tcp.host1.example. SRV 0 0 22 host1.example.
_ssh._tcp.host2.example. SRV 0 0 22 host2.example.
subdel.example.       NS  ns.example.com.
`)}), nil, nil, LockFirst)
	checkLookups(t, w, []lookupTest{
		{"host3.example MX", "host3.example: found [10 host1.example.] by *.example"},
		{"host3.example A", "host3.example: no data by *.example"},
		{"foo.bar.example TXT", "foo.bar.example: no data by *.example"},
		{"host1.example MX", "host1.example: no data"},
		{"sub.*.example MX", "sub.*.example: no data"},
		{"*.example MX", "*.example: found [10 host1.example.]"},
		{"_telnet._tcp.host1.example SRV", "_telnet._tcp.host1.example: NXDOMAIN"},
		{"host.subdel.example A", "host.subdel.example: unknown"},
		{"ghost.*.example MX", "ghost.*.example: NXDOMAIN"},
		// Empty non-terminals exist (§2.2.2), and hide the wildcard.
		{"_tcp.host2.example MX", "_tcp.host2.example: no data"},
		{"host2.example MX", "host2.example: no data"},
		{"x.host2.example MX", "x.host2.example: NXDOMAIN"},
		{"example MX", "example: no data"},
	})
	if got := fmt.Sprint(w.Missing()); got != "[host.subdel.example. A]" {
		t.Errorf("missing %s", got)
	}
}

func TestMostSpecificZone(t *testing.T) {
	ix := NewIndex([]*zone.Domain{
		domain(t, "example.com", "@ TXT parent\n*.example.com. TXT wild\nx.sub.example.com. TXT occluded\nsub.example.com. DS 1 13 2 00\n"),
		domain(t, "sub.example.com", "@ TXT child\n"),
	}, domain(t, "only-in-d.example", "@ TXT rest\n"))
	w := NewWorld(ix, nil, nil, LockFirst)
	checkLookups(t, w, []lookupTest{
		{"sub.example.com TXT", "sub.example.com: found [child]"},
		{"x.sub.example.com TXT", "x.sub.example.com: NXDOMAIN"},
		{"xsub.example.com TXT", "xsub.example.com: found [wild] by *.example.com"},
		{"sub.example.com DS", "sub.example.com: found [1 13 2 00]"}, // on the parent's side of the cut
		{"example.com DS", "example.com: unknown"},                   // which is a third party's here
		{"only-in-d.example TXT", "only-in-d.example: found [rest]"},
		{"com TXT", "com: unknown"},
	})
	if len(ix.Zones()) != 2 {
		t.Errorf("%d zones: the D() without a definition is none of them", len(ix.Zones()))
	}
	var names []string
	for _, z := range ix.Under("", "example.com") {
		names = append(names, z.Domain.ID())
	}
	if diff := cmp.Diff([]string{"example.com", "sub.example.com"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestDelegations(t *testing.T) {
	d := domain(t, "example.com", `
@                    NS   ns1.example.com.
@                    TXT  apex
_domainkey           NS   ns.vendor.example.
_domainkey           TXT  occluded
_domainkey           DS   1 13 2 00
k1._domainkey        TXT  "occluded too"
deep._domainkey      NS   elsewhere.example.
*.wild               NS   ns.vendor.example.
`)
	w := NewWorld(NewIndex([]*zone.Domain{d}), mustLock(t, `{"schema": 1, "taken": "2026-11-24", "answers": {
"k1._domainkey.example.com. TXT": {"data": [["v=DKIM1; p="]]},
"_domainkey.example.com. TXT": {"rcode": "NXDOMAIN"},
"example.com. TXT": {"data": [["never asked"]]}}}`), nil, LockFirst)
	checkLookups(t, w, []lookupTest{
		{"example.com TXT", "example.com: found [apex]"},
		{"example.com NS", "example.com: found [ns1.example.com.]"}, // NS at the apex delegates nothing
		{"k1._domainkey.example.com TXT", "k1._domainkey.example.com: found [v=DKIM1; p=]"},
		{"_domainkey.example.com TXT", "_domainkey.example.com: NXDOMAIN"},
		{"_domainkey.example.com DS", "_domainkey.example.com: found [1 13 2 00]"},
		{"a.deep._domainkey.example.com TXT", "a.deep._domainkey.example.com: unknown"},
		{"x.wild.example.com A", "x.wild.example.com: no data by *.wild.example.com"}, // RFC 4592 §4.2
	})
	z, _ := w.ZoneOf("x.example.com")
	if diff := cmp.Diff([]zone.Name{"_domainkey.example.com"}, z.Cuts()); diff != "" {
		t.Errorf("cuts: %s", diff)
	}
	for name, want := range map[zone.Name]bool{"_domainkey.example.com": true, "x.deep._domainkey.example.com": true,
		"x_domainkey.example.com": false, "example.com": false, "zz.example.com": false} {
		if _, ok := z.Cut(name); ok != want {
			t.Errorf("cut at or above %s: %v", name, ok)
		}
	}
}

// RFC 6672 §2.2, table 1, as far as its names have one owner.
func TestDNAMEOfRFC6672(t *testing.T) {
	long := strings.Repeat("x23456789.", 20)
	d := domain(t, "example", `
example.com.example.  DNAME example.net.example.
a.example.net.example. TXT rewritten
@ TXT apex
shortloop.x.example.  DNAME shortloop.x.example.
x.example.com.example. TXT occluded
long.example. DNAME `+long+`target.example.
out.example. DNAME .
`)
	w := NewWorld(NewIndex([]*zone.Domain{d}), nil, nil, LockFirst)
	checkLookups(t, w, []lookupTest{
		{"com.example TXT", "com.example: no data"},
		{"example.com.example TXT", "example.com.example: no data"}, // the DNAME's owner is not rewritten
		{"a.example.com.example TXT", "a.example.com.example -> a.example.net.example: found [rewritten]"},
		{"ab.a.example.com.example TXT", "ab.a.example.com.example -> ab.a.example.net.example: NXDOMAIN"},
		{"x.example.com.example TXT", "x.example.com.example -> x.example.net.example: NXDOMAIN"},
		{"foo.shortloop.x.example TXT", "foo.shortloop.x.example -> foo.shortloop.x.example: failed"},
		{strings.Repeat("y23456789.", 5) + "long.example TXT", strings.Repeat("y23456789.", 5) + "long.example: failed"}, // YXDOMAIN
		{"a.out.example TXT", "a.out.example -> a: unknown"},
	})
	a := w.Lookup(context.Background(), "a.example.com.example", dns.TypeTXT)
	if got := a.Chain[0]; got.Type != dns.TypeCNAME || got.At != d.Records[0].At || got.Data != "a.example.net.example." {
		t.Errorf("the CNAME leads to %+v, its DNAME is %+v", got, d.Records[0])
	}
	a = w.Lookup(context.Background(), zone.Name(strings.Repeat("y23456789.", 5)+"long.example"), dns.TypeTXT)
	if !strings.Contains(a.Why, "the DNAME at long.example makes") {
		t.Errorf("why %q", a.Why)
	}
}

func TestCNAMEChains(t *testing.T) {
	var steps strings.Builder
	for i := range 12 {
		fmt.Fprintf(&steps, "l%02d CNAME l%02d\n", i, i+1)
	}
	d := domain(t, "example.com", steps.String()+`
l12     TXT   end
here    CNAME out.vendor.example.
back    TXT   "home again"
loop1   CNAME loop2
loop2   CNAME loop1
self    CNAME self
to-loop CNAME loop1
both    CNAME back
both    TXT   hidden
*.w     CNAME back
gone    CNAME nowhere.example.com.
lost    CNAME lost.vendor.example.
`)
	w := NewWorld(NewIndex([]*zone.Domain{d}), mustLock(t, `{"schema": 1, "taken": "2026-11-24", "answers": {
"out.vendor.example. CNAME": {"data": ["in.vendor.example."]},
"in.vendor.example. CNAME": {"data": ["back.example.com."]}}}`), nil, LockFirst)
	checkLookups(t, w, []lookupTest{
		{"here.example.com TXT", "here.example.com -> out.vendor.example -> in.vendor.example -> back.example.com: found [home again]"},
		{"here.example.com CNAME", "here.example.com: found [out.vendor.example.]"},
		{"both.example.com TXT", "both.example.com -> back.example.com: found [home again]"},
		{"q.w.example.com TXT", "*.w.example.com -> back.example.com: found [home again] by *.w.example.com"},
		{"gone.example.com TXT", "gone.example.com -> nowhere.example.com: NXDOMAIN"},
		{"lost.example.com TXT", "lost.example.com -> lost.vendor.example: unknown"},
		{"self.example.com TXT", "self.example.com -> self.example.com: failed"},
		{"loop1.example.com TXT", "loop1.example.com -> loop2.example.com -> loop1.example.com: failed"},
		{"to-loop.example.com TXT", "to-loop.example.com -> loop1.example.com -> loop2.example.com -> loop1.example.com: failed"},
		{"l02.example.com TXT", "l02.example.com -> l03.example.com -> l04.example.com -> l05.example.com -> l06.example.com -> l07.example.com -> " +
			"l08.example.com -> l09.example.com -> l10.example.com -> l11.example.com -> l12.example.com: found [end]"},
	})
	for ask, want := range map[zone.Name]string{
		"self.example.com":    "the CNAMEs of self.example.com lead back to it",
		"to-loop.example.com": "the CNAMEs of to-loop.example.com lead in a circle at loop1.example.com",
		"l01.example.com":     "l01.example.com leads to more than 10 CNAMEs",
		"lost.example.com":    "lost.vendor.example TXT is not in the lock file",
	} {
		if a := w.Lookup(context.Background(), ask, dns.TypeTXT); a.Why != want {
			t.Errorf("%s: %q, want %q", ask, a.Why, want)
		}
	}
	if a := w.Lookup(context.Background(), "l00.example.com", dns.TypeTXT); len(a.Chain) > maxChain+1 || a.Status != zone.Failed {
		t.Errorf("%d links, %v", len(a.Chain), a.Status)
	}
	a := w.Lookup(context.Background(), "both.example.com", dns.TypeTXT)
	if len(a.Records) != 1 || a.Records[0].At.IsZero() || a.Records[0].Origin != zone.Defined {
		t.Errorf("the repository's record leads to its place: %+v", a.Records)
	}
}

func TestTagsAreViews(t *testing.T) {
	world := domain(t, "example.com", "@ TXT world\nmail A 192.0.2.1\n")
	inside := domain(t, "example.com", "@ TXT inside\nx TXT only-inside\n")
	inside.Tag = "inside"
	sub := domain(t, "sub.example.com", "@ TXT sub\n")
	corp := domain(t, "corp.internal", "@ TXT corp\n")
	corp.Tag = "inside"
	w := NewWorld(NewIndex([]*zone.Domain{inside, world, sub, corp}), nil, nil, LockFirst)
	checkLookups(t, w, []lookupTest{
		{"example.com TXT", "example.com: found [world]"},
		{"x.example.com TXT", "x.example.com: NXDOMAIN"},
		{"corp.internal TXT", "corp.internal: unknown"},
		{"sub.example.com TXT", "sub.example.com: found [sub]"},
	})
	in := w.View("inside")
	checkLookups(t, in, []lookupTest{
		{"example.com TXT", "example.com: found [inside]"},
		{"x.example.com TXT", "x.example.com: found [only-inside]"},
		{"mail.example.com A", "mail.example.com: NXDOMAIN"},
		{"corp.internal TXT", "corp.internal: found [corp]"},
		{"sub.example.com TXT", "sub.example.com: NXDOMAIN"}, // the most specific zone within the tag
		{"other.example TXT", "other.example: unknown"},
	})
	if got := fmt.Sprint(w.Missing()); got != "[corp.internal. TXT other.example. TXT]" {
		t.Errorf("missing, in all views: %s", got)
	}
	if z := in.Zone(inside); z.Domain != inside {
		t.Errorf("zone of the definition: %v", z.Domain.ID())
	}
	var ids []string
	for _, z := range w.Index().Under("inside", "example.com") {
		ids = append(ids, z.Domain.ID())
	}
	if diff := cmp.Diff([]string{"example.com!inside", "sub.example.com"}, ids); diff != "" {
		t.Error(diff)
	}
}

func TestOtherHalf(t *testing.T) {
	half := func(edit func(*zone.Domain)) *World {
		d := domain(t, "example.com", "@ TXT \"v=spf1 -all\"\n_dmarc TXT \"v=DMARC1; p=none\"\n@ 600 TXT verification\n")
		d.Emit = zone.EmitExtend
		d.Rest = records(t, "example.com", "@ MX 10 mx\n@ TXT verification\nmx A 192.0.2.1\nsub NS ns.example.net.\n", zone.Rest)
		d.RestKnown = true
		if edit != nil {
			edit(d)
		}
		return NewWorld(NewIndex([]*zone.Domain{d}), nil, nil, LockFirst)
	}
	t.Run("known", func(t *testing.T) {
		w := half(nil)
		checkLookups(t, w, []lookupTest{
			{"example.com MX", "example.com: found [10 mx.example.com.]"},
			{"example.com TXT", "example.com: found [v=spf1 -all] [verification]"}, // the double once (RFC 2181 §5)
			{"example.com A", "example.com: no data"},
			{"www.example.com A", "www.example.com: NXDOMAIN"},
			{"www.sub.example.com A", "www.sub.example.com: unknown"},
		})
		z, _ := w.ZoneOf("example.com")
		if n := len(z.Set("example.com", dns.TypeTXT)); n != 3 {
			t.Errorf("the set has %d records: doubles stay for the rule about them", n)
		}
		checkWhole(t, z, map[string]string{
			"example.com TXT": "", "www.example.com A": "", "www.sub.example.com A": "sub.example.com is delegated", "sub.example.com DS": "",
		})
		if ok, why := z.WholeUnder("_domainkey.example.com"); !ok {
			t.Error(why)
		}
		if ok, why := z.WholeUnder("example.com"); ok || why != "sub.example.com is delegated" {
			t.Errorf("%v %q", ok, why)
		}
	})
	t.Run("unknown", func(t *testing.T) {
		w := half(func(d *zone.Domain) { d.Rest, d.RestKnown, d.RestWhy = nil, false, "no dnsconfig.js" })
		checkLookups(t, w, []lookupTest{
			{"_dmarc.example.com TXT", "_dmarc.example.com: found [v=DMARC1; p=none]"},
			{"example.com MX", "example.com: unknown"},
			{"www.example.com A", "www.example.com: unknown"},
		})
		z, _ := w.ZoneOf("example.com")
		checkWhole(t, z, map[string]string{"example.com TXT": "no dnsconfig.js", "www.example.com A": "no dnsconfig.js"})
		if ok, why := z.WholeUnder("_domainkey.example.com", dns.TypeTXT); ok || why != "no dnsconfig.js" {
			t.Errorf("%v %q", ok, why)
		}
	})
	t.Run("NO_PURGE", func(t *testing.T) {
		w := half(func(d *zone.Domain) { d.RestNoPurge = true })
		checkLookups(t, w, []lookupTest{
			{"example.com MX", "example.com: found [10 mx.example.com.]"},
			{"example.com A", "example.com: unknown"},
			{"www.example.com A", "www.example.com: unknown"},
		})
		z, _ := w.ZoneOf("example.com")
		checkWhole(t, z, map[string]string{"example.com TXT": "", "example.com A": noPurge})
	})
	t.Run("IGNORE", func(t *testing.T) {
		w := half(func(d *zone.Domain) {
			d.RestIgnores = []zone.IgnoreRecord{{Label: "www", Types: "A, AAAA"}, {Label: "_acme-challenge.**", Types: "TXT"}, {Label: "@", Types: "TXT", Target: "google*"}}
		})
		checkLookups(t, w, []lookupTest{
			{"www.example.com A", "www.example.com: unknown"},
			{"www.example.com TXT", "www.example.com: unknown"}, // whether the name exists is for others to say
			{"x.www.example.com A", "x.www.example.com: NXDOMAIN"},
			{"_acme-challenge.www.example.com TXT", "_acme-challenge.www.example.com: unknown"},
			{"_acme-challenge.example.com TXT", "_acme-challenge.example.com: NXDOMAIN"},
			{"example.com TXT", "example.com: found [v=spf1 -all] [verification]"},
		})
		z, _ := w.ZoneOf("example.com")
		checkWhole(t, z, map[string]string{
			"www.example.com A": `"www A, AAAA" is left to others`, "www.example.com TXT": "",
			"example.com TXT": `"@ TXT google*" is left to others`, "example.com MX": "",
		})
	})
	t.Run("ALIAS", func(t *testing.T) {
		w := half(func(d *zone.Domain) {
			d.RestPseudo = []zone.Pseudo{{Name: "example.com", Type: "ALIAS"}, {Name: "app.web.example.com", Type: "ALIAS"}, {Name: "*.p.example.com", Type: "ALIAS"}}
		})
		checkLookups(t, w, []lookupTest{
			{"example.com A", "example.com: unknown"},
			{"example.com MX", "example.com: found [10 mx.example.com.]"},
			{"app.web.example.com AAAA", "app.web.example.com: unknown"},
			{"app.web.example.com TXT", "app.web.example.com: no data"},
			{"web.example.com A", "web.example.com: no data"},
			{"x.p.example.com A", "x.p.example.com: unknown by *.p.example.com"},
			{"x.p.example.com TXT", "x.p.example.com: no data by *.p.example.com"},
		})
		if len(w.Missing()) > 0 {
			t.Errorf("no lock file can say what an ALIAS resolves to: %v", w.Missing())
		}
	})
}

func checkWhole(t *testing.T, z *Zone, want map[string]string) {
	t.Helper()
	for ask, why := range want {
		name, qtype := question(t, ask)
		if ok, got := z.Whole(name, qtype); got != why || ok != (why == "") {
			t.Errorf("Whole(%s) = %v, %q, want %q", ask, ok, got, why)
		}
	}
}

func TestNamesThatCannotBeAsked(t *testing.T) {
	w := NewWorld(NewIndex(nil), nil, nil, LockFirst)
	for _, n := range []zone.Name{"", "a..b", zone.Name(strings.Repeat("x", 64) + ".example"), zone.Name(strings.Repeat("abc.", 64) + "d")} {
		if a := w.Lookup(context.Background(), n, dns.TypeTXT); a.Status != zone.NXDomain || a.Why == "" {
			t.Errorf("%.20q: %v %q", n, a.Status, a.Why)
		}
	}
	if len(w.Needed()) > 0 {
		t.Errorf("asked: %v", w.Needed())
	}
}

func TestExistence(t *testing.T) {
	d := domain(t, "example.com", "@ MX 10 mx.vendor.example.\nmx2 A 192.0.2.1\n")
	w := NewWorld(NewIndex([]*zone.Domain{d}), mustLock(t, `{"schema": 1, "taken": "2026-11-24", "answers": {
"mx.vendor.example. A": {"exists": true},
"mx.vendor.example. AAAA": {"exists": false}}}`), nil, LockFirst)
	ctx := context.Background()
	for _, tt := range []lookupTest{
		{"mx.vendor.example A", "mx.vendor.example: found"},
		{"mx.vendor.example AAAA", "mx.vendor.example: no data"},
		{"mx2.example.com A", "mx2.example.com: found [192.0.2.1]"},
		{"example.com NS", "example.com: found"}, // every zone has NS
		{"other.example A", "other.example: unknown"},
	} {
		name, qtype := question(t, tt.ask)
		if got := show(w.Exists(ctx, name, qtype)); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.ask, got, tt.want)
		}
	}
	if a := w.Lookup(ctx, "mx.vendor.example", dns.TypeA); a.Status != zone.Unknown {
		t.Errorf("addresses that the lock file does not keep: %v", a.Status)
	}
	if a := w.Lookup(ctx, "example.com", dns.TypeNS); a.Status != zone.Unknown {
		t.Errorf("NS that come from the provider: %v", a.Status)
	}
	want := []Question{{"mx.vendor.example", dns.TypeA, true}, {"mx.vendor.example", dns.TypeAAAA, false},
		{"other.example", dns.TypeA, false}, {"other.example", dns.TypeAAAA, false}}
	if diff := cmp.Diff(want, w.Needed()); diff != "" {
		t.Error(diff)
	}
	want = []Question{{"mx.vendor.example", dns.TypeA, true}, {"other.example", dns.TypeA, false}}
	if diff := cmp.Diff(want, w.Missing()); diff != "" {
		t.Error(diff)
	}
}

// Rules ask from many goroutines, and the first question of a zone sorts it. For the race detector.
func TestManyAskAtOnce(t *testing.T) {
	w := NewWorld(NewIndex(fleet(20)), nil, nil, LockFirst)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 20 {
				apex := zone.Name(fmt.Sprintf("d%05d.example", i))
				if a := w.View("inside").Lookup(context.Background(), "_dmarc."+apex, dns.TypeTXT); a.Status != zone.Found {
					t.Errorf("%v", a.Status)
				}
				w.Exists(context.Background(), "mx.vendor.example", dns.TypeA)
				if n := len(w.Index().Under("", "example")); n != 20 {
					t.Errorf("%d zones", n)
				}
			}
		})
	}
	wg.Wait()
	if got := fmt.Sprint(w.Needed()); got != "[mx.vendor.example. A mx.vendor.example. AAAA]" {
		t.Error(got)
	}
}
