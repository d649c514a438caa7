package bimi

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParse(t *testing.T) {
	const ignored = "the record does not begin with v=BIMI1: it is ignored"
	tests := []struct {
		text  string
		hosts [2]string
		want  []string
	}{
		{"v=BIMI1; l=https://image.example.com/bimi/logo/example-bimi.svg; a=https://image.example.com/bimi/1234/cert.pem; avp=brand; lps=brand-1,news", [2]string{"image.example.com", "image.example.com"}, nil},
		{"v=BIMI1; l=https://example.com/logo%2C1.SVG?x=1.png; a=self;", [2]string{"example.com", ""}, nil},
		{"v=BIMI1; l=https://example.com/logo,1.SVG", [2]string{"example.com", ""}, []string{`bad-l 35 ",": l= holds a comma, which has to be encoded`}},
		{"v=BIMI1; l=https://logos/l.svg", [2]string{}, []string{`bad-l 19 "logos": l= needs a host with its full name`}},
		{"v=BIMI1; l=https://example.com/logo", [2]string{"example.com", ""}, nil},
		{"v=BIMI1; l=; a=;", [2]string{}, nil},
		{"v=BIMI1", [2]string{}, []string{`no-l 0 "v=BIMI1": no l=: there is no logo to show`}},
		{"v=BIMI1; l=http://example.com/logo.svg", [2]string{}, []string{`bad-l 11 "http": l= has to be fetched over https, not http`}},
		{"v=BIMI1; l=example.com/logo.svg", [2]string{}, []string{`bad-l 11 "example.com/logo.svg": l= is no https address`}},
		{"v=BIMI1; l=https://example.com/logo.png", [2]string{"example.com", ""}, []string{`bad-l 35 ".png": l= has to be an SVG, this is .png`}},
		{"v=BIMI1; l=https://example.com/l.svg; a=https://example.com/c.crt", [2]string{"example.com", "example.com"}, []string{`bad-a 61 ".crt": a= has to be a PEM file, this is .crt`}},
		{"v=BIMI1; l=https://a b/l.svg", [2]string{}, []string{`bad-l 20 " ": " " cannot stand in a URI`}},
		{"v=BIMI1; l=https://a.example/l.svg,https://b.example/l.svg", [2]string{}, []string{`bad-l 11 "https://a.example/l.svg,https://b.example/l.svg": l= holds more than one address`}},
		{"v=BIMI1; l=; avp=brands", [2]string{}, []string{`bad-avp 17 "brands": avp= is neither brand nor personal`}},
		{"v=BIMI1; l=; lps=a_b", [2]string{}, []string{`bad-lps 17 "a_b": lps= may hold letters, digits and hyphens, separated by commas`}},
		{"v=bimi1; l=", [2]string{}, []string{`version 0 "v=bimi1": ` + ignored}},
		{"l=; v=BIMI1", [2]string{}, []string{`version 4 "v=BIMI1": ` + ignored}},
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
		if h := [2]string{string(r.LHost), string(r.AHost)}; h != tt.hosts {
			t.Errorf("%q: hosts %v, want %v", tt.text, h, tt.hosts)
		}
		if r.String() != tt.text {
			t.Errorf("prints %q", r.String())
		}
	}
	if !Parse("v=BIMI1; l=; a=;").Declines() || !Parse("v=BIMI1;l=").Declines() || Parse("v=BIMI1; l=https://a.example/l.svg").Declines() {
		t.Error("Declines")
	}
	if !Meant("v=bimi1") || Meant("v=spf1") {
		t.Error("Meant")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("v=BIMI1; l=https://example.com/a.svg?#; a=self; avp=x; lps=,")
	f.Add(`v=BIMI1\; l=,\; a=https:\;`)
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
		_, _ = r.Declines(), Meant(s)
	})
}
