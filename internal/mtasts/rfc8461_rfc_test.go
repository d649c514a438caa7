package mtasts

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestRFC8461AppendixA is the record and the policy of appendix A: mode testing, three MX hosts.
func TestRFC8461AppendixA(t *testing.T) {
	r := Parse("v=STSv1; id=20160831085700Z;")
	if len(r.Problems) > 0 || r.ID != "20160831085700Z" {
		t.Errorf("%+v", r)
	}
	p := ParsePolicy(strings.ReplaceAll("version: STSv1\nmode: testing\nmx: mx1.example.com\nmx: mx2.example.com\nmx: mx.backup-example.com\nmax_age: 1296000\n", "\n", "\r\n"))
	var mx []string
	for _, f := range p.MX {
		mx = append(mx, f.Value)
	}
	if d := cmp.Diff([]string{"mx1.example.com", "mx2.example.com", "mx.backup-example.com"}, mx); d != "" {
		t.Error(d)
	}
	if len(p.Problems) > 0 || p.Mode != Testing || p.MaxAge != 1296000 {
		t.Errorf("%+v", p)
	}
}

// TestRFC8461Section31 is the grammar of the record: v=STSv1 to the letter, id of 1 to 32 letters and digits, extensions whose
// names hold "_", "-" and ".", a final semicolon or none.
func TestRFC8461Section31(t *testing.T) {
	for text, valid := range map[string]bool{
		"v=STSv1; id=20160831085700Z;":           true, // the example
		"v=STSv1;id=a":                           true,
		"v=STSv1 ; id=a":                         true, // field-delim is *WSP ";" *WSP
		"v=STSv1; id=" + strings.Repeat("a", 32): true,
		"v=STSv1; id=a; x-1.2_3=!<>@:;":          true,
		"v=STSv1; id=a; 0x=1":                    true,
		"v = STSv1; id=a":                        false, // no white space around "="
		"V=STSv1; id=a":                          false, // case-sensitive (RFC 7405)
		"v=STSv1; Id=a":                          false,
		"v=STSv1; id=":                           false,
		"v=STSv1; id=" + strings.Repeat("a", 33): false,
		"v=STSv1; id=2026-11-24":                 false,
		"v=STSv1;":                               false, // id is required
		"v=STSv2; id=a":                          false,
		"v=STSv1; id=a; " + strings.Repeat("x", 33) + "=1": false,
		"v=STSv1; id=a; -x=1":                              false,
		"v=STSv1; id=a; x=a=b":                             false,
		"v=STSv1; id=a; x=":                                false,
	} {
		if r := Parse(text); (len(r.Problems) == 0) != valid {
			t.Errorf("%q: %v", text, brief(text, r.Problems))
		}
	}
}

// TestRFC8461Section32 is the grammar of the policy: fields once each but for mx, of which the first counts; unknown fields are
// ignored; LF and CRLF; a wildcard as the whole leftmost label only.
func TestRFC8461Section32(t *testing.T) {
	const rest = "mode: enforce\nmax_age: 604800\n"
	for text, valid := range map[string]bool{
		"version: STSv1\nmx: mail.example.com\n" + rest:                          true,
		"version: STSv1\r\nmx: mail.example.com\n" + rest:                        true,
		"version: STSv1\nmx: *.example.net\n" + rest:                             true,
		"version: STSv1\nmx: mail.example.com\nx-new_1.2: a: b\n" + rest:         true,
		"version: STSv1\nmx:mail.example.com\nmode:   enforce  \nmax_age:604800": true,
		"version: STSv1\nmode: none\nmax_age: 0":                                 true, // no mx in mode none
		"version: STSv1\nmx: mail.*.example.com\n" + rest:                        false,
		"version: STSv1\nmx: *example.com\n" + rest:                              false,
		"version: STSv1\nmx: not a hostname!\n" + rest:                           false,
		"version: STSv1\n" + rest:                                                false, // no mx
		"mx: mail.example.com\n" + rest:                                          false, // no version
		"version: STSv2\nmx: mail.example.com\n" + rest:                          false,
		"version: STSv1\nmx: mail.example.com\nmode: enforce\n":                  false, // no max_age
		"version: STSv1\nmx: mail.example.com\nmode: enforce\nmax_age: 31557601": false,
		"version: STSv1\nmx: mail.example.com\nmode: enforce\nmax_age: +5":       false,
		"version: STSv1\nmx: mail.example.com\nmode: enforce\nmax_age: 1_000":    false,
		"version: STSv1\nmx: mail.example.com\nmode: Enforce\nmax_age: 5":        false,
	} {
		if p := ParsePolicy(text); (len(p.Problems) == 0) != valid {
			t.Errorf("%q: %v", text, brief(text, p.Problems))
		}
	}
	if p := ParsePolicy("version: STSv1\nmode: enforce\nmode: none\nmx: a.example\nmax_age: 1\nmax_age: 2\n"); p.Mode != Enforce || p.MaxAge != 1 {
		t.Errorf("of repeated fields the first counts: %s, %d", p.Mode, p.MaxAge)
	}
}
