package tlsrpt

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	const discarded = "the record does not begin with v=TLSRPTv1; – it is discarded (RFC 8460 §3)"
	tests := []struct {
		text string
		want []string
	}{
		{"v=TLSRPTv1;rua=mailto:reports@example.com", nil},               // RFC 8460 §3.1.1
		{"v=TLSRPTv1; rua=https://reporting.example.com/v1/tlsrpt", nil}, // RFC 8460 §3.1.2
		{"v=TLSRPTv1; rua=mailto:a@example.com , https://b.example/; x-1.y=2;", nil},
		{"v=TLSRPTv1", []string{`no-rua 0 "v=TLSRPTv1": no rua=: no reports are sent`}},
		{"v=TLSRPTv1; rua=", []string{`no-rua 12 "rua=": rua= is empty: no reports are sent`}},
		{"v=TLSRPTv1; RUA=mailto:a@example.com", []string{`no-rua 12 "RUA": RUA= is not rua=: no reports are sent`}},
		{"v=tlsrptv1; rua=mailto:a@example.com", []string{`version 0 "v=tlsrptv1": ` + discarded}},
		{" v=TLSRPTv1; rua=mailto:a@example.com", []string{`version 0 " ": ` + discarded}},
		{"rua=mailto:a@example.com; v=TLSRPTv1", []string{`version 26 "v=TLSRPTv1": ` + discarded}},
		{"v=TLSRPTv1 rua=mailto:a@example.com", []string{`version 2 "TLSRPTv1 rua=mailto:a@example.com": ` + discarded}},
		{"v=TLSRPTv1; rua=a@example.com", []string{`uri-scheme 16 "a@example.com": "a@example.com" is not a URI`}},
		{"v=TLSRPTv1; rua=http://example.com/", []string{`scheme 16 "http": reports go to mailto: and https: only, not to http:`}},
		{"v=TLSRPTv1; rua=mailto:a@example.com!10m", []string{`uri-size 36 "!10m": a size limit is DMARC's: here it makes the URI unusable`}},
	}
	for _, tt := range tests {
		r := Parse(tt.text)
		var got []string
		for _, p := range r.Problems {
			got = append(got, fmt.Sprintf("%s %d %q: %s", p.Kind, p.Start, tt.text[p.Start:p.End], p.Message))
		}
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%q: %s", tt.text, d)
		}
		if r.String() != tt.text {
			t.Errorf("prints %q", r.String())
		}
		if r.Usable() != (tt.want == nil) {
			t.Errorf("%q: usable %v", tt.text, r.Usable())
		}
	}
	if r := Parse("v=TLSRPTv1; rua=mailto:a@example.com,b"); !r.Usable() || len(r.Problems) != 1 {
		t.Error("one good URI is enough")
	}
	if !Meant(`"v=tlsrptv1`) || Meant("v=STSv1; id=1") || Meant("") {
		t.Error("Meant")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("v=TLSRPTv1; rua=mailto:a@example.com!1m,https://x/")
	f.Add(` v=tlsrptv1\; 1-a=2;; ruf=`)
	f.Fuzz(func(t *testing.T, s string) {
		r := Parse(s)
		if r.String() != s {
			t.Fatal("prints other bytes")
		}
		for _, p := range r.Problems {
			if p.Start < 0 || p.Start > p.End || p.End > len(s) || p.Message == "" {
				t.Fatalf("%+v", p)
			}
		}
		_, _ = r.Usable(), Meant(s)
	})
}
