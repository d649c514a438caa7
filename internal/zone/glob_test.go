package zone

import (
	"strings"
	"testing"
)

func TestGlob(t *testing.T) {
	for _, tt := range []struct {
		pattern, s string
		want       bool
	}{
		{"www", "www", true},
		{"www", "www2", false},
		{"*", "a.b", true},
		{"_acme-challenge.**", "_acme-challenge.www", true},
		{"_acme-challenge.**", "_acme-challenge", false},
		{"{a,b}?", "ax", true},
		{"[!a]", "b", true},
		{`\*`, "*", true},
		{`\*`, "x", false},
	} {
		g, err := CompileGlob(tt.pattern)
		if err != nil {
			t.Errorf("%q: %v", tt.pattern, err)
			continue
		}
		if got := g.Match(tt.s); got != tt.want {
			t.Errorf("%q matches %q: %v, want %v", tt.pattern, tt.s, got, tt.want)
		}
	}
}

// TestGlobRefused holds that no pattern panics, which some do in the library.
func TestGlobRefused(t *testing.T) {
	for pattern, want := range map[string]string{
		`\*{`:                     "malformed pattern",
		`{a`:                      "malformed pattern",
		`}{`:                      "malformed pattern",
		`a{}`:                     "malformed pattern",
		`a\`:                      "malformed pattern",
		`[a`:                      "malformed pattern",
		strings.Repeat("*a", 17):  "pattern with 17 wildcards and alternatives, the limit is 16",
		strings.Repeat("a", 256):  "pattern of 256 octets, the limit is 255",
		strings.Repeat("{a,", 17): "pattern with 34 wildcards and alternatives, the limit is 16",
	} {
		if _, err := CompileGlob(pattern); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %q", pattern, err, want)
		}
	}
}

func FuzzGlob(f *testing.F) {
	for _, s := range []string{"*", "{a,b}", `\*{`, "[a-z]*", "a**b?", "{{a}}", "{,}", "[!", "}"} {
		f.Add(s, "a.b")
	}
	f.Fuzz(func(_ *testing.T, pattern, s string) {
		if g, err := CompileGlob(pattern); err == nil {
			g.Match(s)
		}
	})
}
