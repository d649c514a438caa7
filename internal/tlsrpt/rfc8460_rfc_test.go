package tlsrpt

import "testing"

// TestRFC8460Section31 are the examples of §3.1.1 (mailto) and §3.1.2 (https).
func TestRFC8460Section31(t *testing.T) {
	for section, text := range map[string]string{
		"3.1.1": "v=TLSRPTv1;rua=mailto:reports@example.com",
		"3.1.2": "v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt",
	} {
		r := Parse(text)
		if !r.Usable() || len(r.Problems) > 0 || len(r.RUA) != 1 {
			t.Errorf("%s: %+v", section, r.Problems)
		}
	}
}

// TestRFC8460Section3 is the grammar of the record: v=TLSRPTv1 to the letter, rua with a comma-separated list in which white space
// may stand, URIs with ",", "!" and ";" encoded, extensions.
func TestRFC8460Section3(t *testing.T) {
	for text, valid := range map[string]bool{
		"v=TLSRPTv1; rua=mailto:a@example.com , https://b.example/r": true,
		"v=TLSRPTv1 ; rua=mailto:a@example.com":                      true, // field-delim is *WSP ";" *WSP
		"v=TLSRPTv1; rua=mailto:a@example.com;":                      true,
		"v=TLSRPTv1; x-1.y_z=2; rua=mailto:a@example.com":            true,
		"v=TLSRPTv1; rua=https://b.example/r%2C1":                    true,
		"v=TLSRPTv1; rua=https://[2001:db8::1]/r":                    true,
		"v=TLSRPTv1":                               false, // no field
		"v=TLSRPTv1; x=1":                          false, // no rua
		"v=TLSRPTv1; RUA=mailto:a@example.com":     false,
		"v=TLSRPTV1; rua=mailto:a@example.com":     false,
		"v = TLSRPTv1; rua=mailto:a@example.com":   false,
		"v=TLSRPTv1; rua=mailto:a@example.com!10m": false, // the size is DMARC's
		"v=TLSRPTv1; rua=ftp://example.com/":       false,
		"v=TLSRPTv1; rua=xhttps://example.com/":    false,
		"v=TLSRPTv1; rua=https://a b.example/":     false,
	} {
		if r := Parse(text); (len(r.Problems) == 0) != valid {
			t.Errorf("%q: %+v", text, r.Problems)
		}
	}
}
