package dnscontrol

import (
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tripod-dns/tripod/internal/zone"
	"github.com/tripod-dns/tripod/planner"
)

func TestDiff(t *testing.T) {
	d := &zone.Domain{Name: "example.org", Emit: zone.EmitZone,
		IgnoreRecords: []zone.IgnoreRecord{{Label: "ignored"}},
		Records: records(t,
			"example.org 300 MX 10 mx1.example.org.",
			"example.org 300 MX 20 mx2.example.org.",
			"example.org 300 TXT say \"hi\" \\ é",
			"same.example.org 300 A 192.0.2.1",
			"ttl.example.org 600 A 192.0.2.1",
			"default.example.org - A 192.0.2.1",
			"new.example.org 300 AAAA 2001:DB8::1",
			"www.example.org 300 CNAME other.example.org.",
		)}
	base := records(t,
		"example.org 60 SOA a. b. 1 2 3 4 5",
		"example.org 60 NS ns1.example.org.",
		"example.org 300 MX 20 MX2.example.org.",
		"example.org 300 MX 30 mx3.example.org.",
		"example.org 300 TXT old",
		"same.example.org 300 A 192.0.2.1",
		"ttl.example.org 300 A 192.0.2.1",
		"default.example.org 300 A 192.0.2.1",
		"gone.example.org 300 TXT gone",
		"ignored.example.org 300 TXT others look after this",
		"www.example.org 300 A 192.0.2.2",
	)
	got, err := Diff(d, base)
	if err != nil {
		t.Fatal(err)
	}
	set := func(action string, name zone.Name, rtype string, before, after uint32, old, now []string) planner.Change {
		ttl := after
		if action == planner.Delete {
			ttl = before
		}
		return planner.Change{Zone: "example.org", Action: action, Name: name, Type: rtype, TTL: ttl, BeforeTTL: before, Before: old, After: now, Ours: true}
	}
	want := []planner.Change{
		set(planner.Modify, "example.org", "MX", 300, 300, []string{"20 mx2.example.org.", "30 mx3.example.org."}, []string{"10 mx1.example.org.", "20 mx2.example.org."}),
		set(planner.Modify, "example.org", "TXT", 300, 300, []string{"old"}, []string{`say "hi" \ é`}),
		set(planner.Delete, "gone.example.org", "TXT", 300, 0, []string{"gone"}, nil),
		set(planner.Create, "new.example.org", "AAAA", 0, 300, nil, []string{"2001:db8::1"}),
		set(planner.Modify, "ttl.example.org", "A", 300, 600, []string{"192.0.2.1"}, []string{"192.0.2.1"}),
		set(planner.Delete, "www.example.org", "A", 300, 0, []string{"192.0.2.2"}, nil),
		set(planner.Create, "www.example.org", "CNAME", 0, 300, nil, []string{"other.example.org."}),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestDiffExtend(t *testing.T) {
	rest := records(t, "example.org 300 TXT google-site-verification=x", "www.example.org 300 A 192.0.2.9")
	for _, r := range rest {
		r.Origin = zone.Rest
	}
	d := &zone.Domain{Name: "example.org", Emit: zone.EmitExtend, RestKnown: true, Rest: rest, RestTTL: 3600,
		Records: records(t, "example.org - TXT v=spf1 -all")}
	base := records(t, "example.org 300 TXT google-site-verification=x", "www.example.org 300 A 192.0.2.1", "old.example.org 300 A 192.0.2.1")
	for _, r := range base {
		r.Origin = zone.Third
	}
	got, err := Diff(d, base)
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got[0].Type != "TXT" || !got[0].Ours || !got[1].Ours || got[2].Ours || got[1].Action != planner.Delete {
		t.Errorf("changes %+v", got)
	}
	if planner.Digest(got) != planner.Digest(got[:2]) {
		t.Error("the digest covers what is not tripod's")
	}
	d.RestNoPurge = true
	if got, err = Diff(d, base); err != nil || len(got) != 2 {
		t.Errorf("NO_PURGE: %+v, %v", got, err)
	}
	// Nobody knows the other half: only the record sets of the definitions count.
	d.Rest, d.RestKnown, d.RestNoPurge = nil, false, false
	if got, err = Diff(d, base); err != nil || len(got) != 1 || got[0].Name != "example.org" {
		t.Errorf("other half unknown: %+v, %v", got, err)
	}
}

// What the linter has an error for is compared all the same, and nothing is printed past us.
func TestDiffIsSilent(t *testing.T) {
	d := &zone.Domain{Name: "example.org", Emit: zone.EmitZone, Records: records(t,
		"www.example.org 300 CNAME a.example.org.", "www.example.org 300 CNAME b.example.org.", "www.example.org 300 A 192.0.2.1",
		"x.example.org 300 TXT twice", "x.example.org 300 TXT twice")}
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout := os.Stdout
	os.Stdout = w
	_, diffErr := Diff(d, records(t, "www.example.org 300 TXT x", "www.example.org 300 CNAME c.example.org."))
	refused := Refuses(d)
	os.Stdout = stdout
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	out, err := io.ReadAll(r)
	if err != nil || diffErr != nil || len(out) != 0 {
		t.Errorf("printed %q; %v, %v", out, err, diffErr)
	}
	for _, want := range []string{"multiple CNAMEs", "cannot have CNAME and A", "exact duplicate record"} {
		if refused == nil || !strings.Contains(refused.Error(), want) {
			t.Errorf("refused with %v, want %q", refused, want)
		}
	}
}

func TestRefuses(t *testing.T) {
	for _, tc := range []struct{ record, want string }{
		{"a.example.com 300 TXT x", "outside the zone example.org"},
		{"a.example.org 300 SPF \"v=spf1 -all\"", "has no type SPF"},
		{"a.example.org 300 CAA 0 issuemail \"ca.example\"", "issuemail"},
		{"example.org 300 CNAME a.example.org.", "bare domain"},
		{"ignored.example.org 300 TXT x", "ignore_records leaves to others what the zone itself defines, which dnscontrol refuses: ignored.example.org TXT"},
		{"a.example.org 300 MX 10 b(c.example.org.", "invalid char"},
	} {
		d := &zone.Domain{Name: "example.org", Emit: zone.EmitZone, IgnoreRecords: []zone.IgnoreRecord{{Label: "ignored"}}}
		if f := strings.SplitN(tc.record, " ", 4); strings.ContainsAny(f[3], "(") {
			d.Records = records(t, "a.example.org 300 MX 10 b.example.org.")
			d.Records[0].Data = "10 b\\(c.example.org."
		} else {
			d.Records = records(t, tc.record)
		}
		if err := Refuses(d); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", tc.record, err, tc.want)
		}
	}
	if err := Refuses(hardZone(t)); err != nil {
		t.Error(err)
	}
}

// Applying the changes to the base gives the zone: no record is lost between the two comparisons that Diff makes.
func TestDiffLeadsToTheZone(t *testing.T) {
	lines := []string{
		"a.example.org %d A 192.0.2.1", "a.example.org %d A 192.0.2.2", "a.example.org %d TXT x", "a.example.org %d TXT \"", "a.example.org %d MX 10 b.example.org.",
		"b.example.org %d CNAME c.example.org.", "b.example.org %d TXT y", "c.example.org %d CNAME d.example.org.", "c.example.org %d CNAME e.example.org.",
	}
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(label string) (out []*zone.Record) {
			for _, l := range lines {
				if ttl := rapid.SampledFrom([]string{"", "300", "600"}).Draw(rt, label); ttl != "" {
					out = append(out, rec(t, strings.Replace(l, "%d", ttl, 1)))
				}
			}
			return out
		}
		base, d := draw("base"), &zone.Domain{Name: "example.org", Emit: zone.EmitZone, Records: draw("zone")}
		changes, err := Diff(d, base)
		if err != nil {
			rt.Fatal(err)
		}
		sets := map[string][]string{}
		put := func(list []*zone.Record, into map[string][]string) {
			for _, r := range list {
				k := string(r.Name) + " " + r.TypeName()
				into[k] = append(into[k], r.RData())
				slices.Sort(into[k])
			}
		}
		put(base, sets)
		for _, c := range changes {
			k := string(c.Name) + " " + c.Type
			if !slices.Equal(sets[k], c.Before) {
				rt.Errorf("%s: before %q, was %q", k, c.Before, sets[k])
			}
			delete(sets, k)
			if len(c.After) > 0 {
				sets[k] = c.After
			}
		}
		want := map[string][]string{}
		put(d.Records, want)
		if diff := cmp.Diff(want, sets); diff != "" {
			rt.Error(diff)
		}
	})
}

// Domains are looked at in parallel: the linked dnscontrol shares nothing between them.
func TestConcurrently(t *testing.T) {
	var group sync.WaitGroup
	for range 8 {
		d := hardZone(t)
		d.IgnoreRecords = []zone.IgnoreRecord{{Label: "nothing*"}}
		group.Go(func() {
			for range 20 {
				if _, err := Diff(d, d.Records[:10]); err != nil {
					t.Error(err)
				}
				if err := Refuses(d); err != nil {
					t.Error(err)
				}
				if _, err := Render([]*zone.Domain{d}, "x"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
}
