package resolve

import (
	"slices"
	"strings"
	"testing"

	"github.com/gobwas/glob"
	"github.com/miekg/dns"
	"pgregory.net/rapid"

	"github.com/tripod-dns/tripod/internal/zone"
)

// dnscontrol's own words for what IGNORE matches: no separators, so "*" reaches over dots.
func TestIgnorePatterns(t *testing.T) {
	for _, tt := range []struct {
		rec  zone.IgnoreRecord
		name zone.Name
		typ  uint16
		want bool
	}{
		{zone.IgnoreRecord{Label: "www"}, "www.example.com", dns.TypeTXT, true},
		{zone.IgnoreRecord{Label: "www"}, "x.www.example.com", dns.TypeTXT, false},
		{zone.IgnoreRecord{Label: "*"}, "example.com", dns.TypeTXT, true},
		{zone.IgnoreRecord{Label: "*.dev"}, "a.b.dev.example.com", dns.TypeTXT, true},
		{zone.IgnoreRecord{Label: "*.dev"}, "dev.example.com", dns.TypeTXT, false},
		{zone.IgnoreRecord{Label: "@", Types: "*"}, "example.com", dns.TypeA, true},
		{zone.IgnoreRecord{Label: "@", Types: "A,AAAA"}, "example.com", dns.TypeTXT, false},
		{zone.IgnoreRecord{Label: "{a,b}"}, "b.example.com", dns.TypeA, true},
		{zone.IgnoreRecord{Label: "s[0-9]"}, "s7.example.com", dns.TypeA, true},
		{zone.IgnoreRecord{Label: "x", Types: "CNAME"}, "x.example.com", dns.TypeTXT, true}, // it would answer for TXT
		{zone.IgnoreRecord{Types: "TXT", Target: "v=x*"}, "x.example.com", dns.TypeTXT, true},
		{zone.IgnoreRecord{Label: "[", Types: "TXT"}, "x.example.com", dns.TypeTXT, true}, // no pattern: nothing is certain
		{zone.IgnoreRecord{Label: strings.Repeat("*a", 40)}, "x.example.com", dns.TypeTXT, true},
	} {
		d := &zone.Domain{Name: "example.com", Emit: zone.EmitZone, IgnoreRecords: []zone.IgnoreRecord{tt.rec}}
		z := NewIndex([]*zone.Domain{d}).Zones()[0]
		if whole, why := z.Whole(tt.name, tt.typ); whole == tt.want {
			t.Errorf("%+v: %s %s left to others: %v (%s)", tt.rec, tt.name, zone.TypeName(tt.typ), !whole, why)
		}
	}
}

func TestWholeUnder(t *testing.T) {
	for _, tt := range []struct {
		label, types string
		name         zone.Name
		want         bool // known
	}{
		{"www", "", "_domainkey.example.com", true},
		{"www", "", "example.com", false},
		{"www", "A,AAAA", "example.com", true}, // of TXT
		{"www", "CNAME", "example.com", false},
		{"k1._domainkey", "TXT", "_domainkey.example.com", false},
		{"k1._domainkey", "TXT", "domainkey.example.com", true},
		{"_domainkey", "TXT", "_domainkey.example.com", false},
		{"*._domainkey", "TXT", "_domainkey.example.com", false},
		{"*._domainkey.mail", "TXT", "_domainkey.example.com", true},
		{"_acme-challenge.**", "TXT", "_domainkey.example.com", false}, // it may be
		{"*key", "TXT", "_domainkey.example.com", false},
		{"*.dev", "TXT", "_domainkey.example.com", true},
		{"*", "A", "_domainkey.example.com", true},
		{"*", "", "_domainkey.example.com", false},
	} {
		d := &zone.Domain{Name: "example.com", Emit: zone.EmitZone, IgnoreRecords: []zone.IgnoreRecord{{Label: tt.label, Types: tt.types}}}
		z := NewIndex([]*zone.Domain{d}).Zones()[0]
		if got, why := z.WholeUnder(tt.name, dns.TypeTXT); got != tt.want {
			t.Errorf("%q %q: under %s known: %v (%s)", tt.label, tt.types, tt.name, got, why)
		}
	}
}

// What a pattern matches at or below a name, WholeUnder must not call known.
func TestWholeUnderIsCareful(t *testing.T) {
	label := rapid.SampledFrom([]string{"a", "b", "_k", "*", "?", "a*", "*b", "[ab]", "{a,b}", "**"})
	plain := rapid.SampledFrom([]string{"a", "b", "_k"})
	rapid.Check(t, func(t *rapid.T) {
		pat := strings.Join(rapid.SliceOfN(label, 1, 4).Draw(t, "pattern"), ".")
		top := strings.Join(rapid.SliceOfN(plain, 1, 2).Draw(t, "top"), ".")
		rel := strings.Join(append(rapid.SliceOfN(plain, 0, 2).Draw(t, "below"), top), ".")
		if !glob.MustCompile(pat).Match(rel) {
			return
		}
		d := &zone.Domain{Name: "example.com", IgnoreRecords: []zone.IgnoreRecord{{Label: pat}}}
		z := NewIndex([]*zone.Domain{d}).Zones()[0]
		if known, _ := z.WholeUnder(zone.Name(top+".example.com"), dns.TypeTXT); known {
			t.Fatalf("%q matches %q, but all under %q is called known", pat, rel, top)
		}
	})
}

func TestNamesInOrder(t *testing.T) {
	label := rapid.SampledFrom([]string{"a", "b", "ab", "a-b", "_a", "*", `a\.b`, `\046`, "0"})
	rapid.Check(t, func(t *rapid.T) {
		names := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) zone.Name {
			return zone.Name(strings.Join(rapid.SliceOfN(label, 1, 4).Draw(t, "labels"), "."))
		}), 2, 12).Draw(t, "names")
		for _, a := range names {
			for _, b := range names {
				if got, want := sign(compareNames(a, b)), sign(a.Compare(b)); got != want {
					t.Fatalf("compare %s %s: %d, want %d", a, b, got, want)
				}
			}
		}
		slices.SortFunc(names, compareNames)
		for i, n := range names { // what is below a name follows it at once
			below := true
			for _, m := range names[i:] {
				if !m.Under(n) {
					below = false
				} else if !below {
					t.Fatalf("%s is torn from %s in %v", m, n, names)
				}
			}
		}
	})
}

func sign(n int) int { return min(1, max(-1, n)) }

func FuzzIgnorePattern(f *testing.F) {
	f.Add("*.a", "TXT", "x.a")
	f.Add("{a,[b-c]}?", "", "ab")
	f.Add(`\*{`, "A,", "*")
	f.Fuzz(func(_ *testing.T, label, types, name string) {
		var ps patterns
		p := ps.compile(zone.IgnoreRecord{Label: label, Types: types})
		p.matches(name)
		p.hasType(dns.TypeTXT)
		p.reaches(name)
	})
}
