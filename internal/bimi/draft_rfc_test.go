package bimi

import "testing"

// TestDraftSection43 is the grammar of the assertion record in draft-brand-indicators-for-message-identification, §4.3: l= is
// required and may be empty (§4.3.1), a= and l= are single https URIs with commas encoded, unknown tags are ignored, lps= is a
// list of prefixes of 1 to 63 letters, digits and hyphens.
func TestDraftSection43(t *testing.T) {
	for text, valid := range map[string]bool{
		"v=BIMI1; l=https://image.example.com/bimi/logo/example-bimi.svg;":                                                        true,
		"v=BIMI1; l=https://image.example.com/bimi/logo/example-bimi.svg; a=https://image.example.com/bimi/logo/example-bimi.pem": true,
		"v=BIMI1; l=; a=;": true, // a declination
		"v=BIMI1; l=":      true,
		"v=BIMI1; l=https://example.com/a%2Cb.svg":              true,
		"v=BIMI1; l=; avp=personal":                             true,
		"v=BIMI1; l=https://example.com/l.svg; lps=brand , a-1": true,
		"v=BIMI1; l=https://example.com/l.svg; lps=":            true, // zero prefixes
		"v=BIMI1; l=https://example.com/l.svg; new=1":           true, // unknown tags are ignored
		"v = BIMI1; l=":                               true, // RFC 6376 §3.2
		"v=BIMI1; a=https://example.com/c.pem":        false,
		"v=BIMI1; l=http://example.com/l.svg":         false,
		"v=BIMI1; l=https://localhost/l.svg":          false, // a fully qualified name
		"v=BIMI1; l=; avp=Brand":                      false,
		"v=BIMI1; l=https://e.example/l.svg; lps=a.b": false,
		"v=BIMI1; l=https://e.example/l.svg; l=":      false,
		"v=bimi1; l=":                                 false,
	} {
		if r := Parse(text); (len(r.Problems) == 0) != valid {
			t.Errorf("%q: %+v", text, r.Problems)
		}
	}
}
