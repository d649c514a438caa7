package zone

import (
	"slices"
	"strings"
	"testing"
)

func TestParseName(t *testing.T) {
	for _, tt := range []struct{ in, want, err string }{
		{in: "Example.COM.", want: "example.com"},
		{in: "bücher.example", want: "xn--bcher-kva.example"},
		{in: "_dmarc.bücher.example", want: "_dmarc.xn--bcher-kva.example"},
		{in: "*.example.com", want: "*.example.com"},
		{in: ".", want: ""},
		{in: "", err: "empty name"},
		{in: "a..b", err: "empty label"},
		{in: ".a", err: "empty label"},
		{in: "a.b..", err: "empty label"},
		{in: strings.Repeat("a", 64) + ".example", err: "label of 64 octets, the limit is 63"},
		{in: strings.Repeat(strings.Repeat("a", 63)+".", 4) + "b", err: "name of 259 octets, the limit is 255"},
		{in: `a\.b.example`, want: `a\.b.example`},
		{in: `a\\.`, want: `a\\`},
		{in: `a.b\\..`, err: "empty label"},
		{in: `\097.example`, want: `\097.example`},
		{in: "a\x1b[31m.example", err: "control character U+001B in a name"},
		{in: "a\x7f.example", err: "control character U+007F in a name"},
		{in: "a／b.é.example", err: "not a domain name: it has characters that no U-label has"}, // U+FF0F would be mapped to a slash
		{in: "a\u3000b.example", err: "not a domain name: it has characters that no U-label has"},
		{in: "*.a/_b.é.example", want: "*.a/_b.xn--9ca.example"},
	} {
		got, err := ParseName(tt.in)
		if tt.err != "" {
			if err == nil || err.Error() != tt.err {
				t.Errorf("ParseName(%q): error %v, want %q", tt.in, err, tt.err)
			}
			continue
		}
		if err != nil || got != Name(tt.want) {
			t.Errorf("ParseName(%q) = %q, %v, want %q", tt.in, got, err, tt.want)
		}
	}
}

func TestUnescape(t *testing.T) {
	for in, want := range map[string]string{
		`plain`: "plain", `a\.b`: "a.b", `\097\\`: `a\`, `\255`: "\xff", `\256`: "256", `\1`: "1", `\12x`: "12x", `a\`: `a\`, `\"`: `"`,
	} {
		if got := Unescape(in); got != want {
			t.Errorf("Unescape(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestNameParts(t *testing.T) {
	n := Name(`a\.b._x.example.com`)
	if got := n.Labels(); !slices.Equal(got, []string{`a\.b`, "_x", "example", "com"}) {
		t.Errorf("Labels = %q", got)
	}
	if n.Count() != 4 || n.Last(2) != "example.com" || n.Last(9) != n || n.Parent() != "_x.example.com" {
		t.Errorf("Count %d, Last(2) %q, Parent %q", n.Count(), n.Last(2), n.Parent())
	}
	if !n.HasUnderscore() || Name("a.example.com").HasUnderscore() {
		t.Error("HasUnderscore is wrong")
	}
	if Root.Count() != 0 || Root.FQDN() != "." || Root.Parent() != Root {
		t.Error("the root is wrong")
	}
}

func TestUnder(t *testing.T) {
	for _, tt := range []struct {
		n, zone Name
		want    bool
	}{
		{"example.com", "example.com", true},
		{"a.example.com", "example.com", true},
		{"badexample.com", "example.com", false},
		{"com", "example.com", false},
		{`a\.example.com`, "example.com", false}, // the label is "a.example"
		{`a\\.example.com`, "example.com", true}, // the label is `a\`
		{"anything", Root, true},
	} {
		if got := tt.n.Under(tt.zone); got != tt.want {
			t.Errorf("%q.Under(%q) = %v", tt.n, tt.zone, got)
		}
	}
	if got := Name("a.b.example.com").Relative("example.com"); got != "a.b" {
		t.Errorf("Relative = %q", got)
	}
	if got := Name("example.org").Relative("example.com"); got != "example.org." {
		t.Errorf("Relative of a stranger = %q", got)
	}
	if got := Name("example.com").Child("S1._DomainKey"); got != "s1._domainkey.example.com" {
		t.Errorf("Child = %q", got)
	}
}

func TestCompare(t *testing.T) {
	names := []Name{"b.example.com", "example.com", "a.z.example.com", "z.example.com", "example.net", Root, "com"}
	slices.SortFunc(names, Name.Compare)
	want := []Name{Root, "com", "example.com", "b.example.com", "z.example.com", "a.z.example.com", "example.net"}
	if !slices.Equal(names, want) {
		t.Errorf("sorted: %q", names)
	}
}

func TestCompareIsByLabels(t *testing.T) {
	names := []Name{Root, "a", "b", "a.b", "b.a", "aa.b", "a.b.c", "-.b", "a-b.c", "a.bc", `a\.b`, `a\.b.c`, "*.b", "_x.a.b", "z.c"}
	for _, n := range names {
		for _, m := range names {
			got, want := n.Compare(m), compareLabels(n.Labels(), m.Labels())
			if (got < 0) != (want < 0) || (got > 0) != (want > 0) {
				t.Errorf("%q.Compare(%q) = %d, want the sign of %d", n, m, got, want)
			}
		}
	}
}

func FuzzParseName(f *testing.F) {
	for _, s := range []string{"example.com", `a\.b.c`, `\`, `\0`, "bücher.example", "*.x", "..", `a\.`, "xn--a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseName(s)
		if err != nil {
			return
		}
		if again, err := ParseName(string(n)); n != Root && (err != nil || again != n) {
			t.Errorf("ParseName(%q) = %q, and that parses as %q, %v", s, n, again, err)
		}
		if n.Count() != len(n.Labels()) || !n.Under(n.Parent()) {
			t.Errorf("%q: labels %q, parent %q", n, n.Labels(), n.Parent())
		}
	})
}
