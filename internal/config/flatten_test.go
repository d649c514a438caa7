package config

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/tripod-dns/tripod/internal/zone"
)

const flattened = `domain "a.example" {
  spf {
    terms   = ["mx"]
    flatten = ["include:big.example"]
    all     = "fail"
  }
}
`

func TestFlatten(t *testing.T) {
	r := load(t, flattened)
	d := r.Domains[0]
	f := d.Flatten[0]
	ranges := []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24"), netip.MustParsePrefix("198.51.100.1/32"), netip.MustParsePrefix("2001:db8::/32"), netip.MustParsePrefix("2001:db8:1::1/128")}
	if err := r.Flatten(f, ranges); err != nil {
		t.Fatal(err)
	}
	if got := d.Records[0].Text.String(); got != "v=spf1 mx ip4:192.0.2.0/24 ip4:198.51.100.1 ip6:2001:db8::/32 ip6:2001:db8:1::1 -all" {
		t.Errorf("text %q", got)
	}
	if got := r.Files.Text(find(t, r, "a.example", "ip4:192.0.2.0/24")); got != "flatten" {
		t.Errorf("a range leads to %q", got)
	}
	if got := r.Files.Text(find(t, r, "a.example", "-all")); got != "fail" {
		t.Errorf("all leads to %q", got)
	}
	if err := r.Flatten(f, nil); err != nil || d.Records[0].Text.String() != "v=spf1 mx -all" {
		t.Errorf("%v, text %q", err, d.Records[0].Text)
	}
	if err := r.Flatten(&zone.Flatten{Owner: "x.example"}, nil); err == nil || err.Error() != "flatten x.example: not a list of this repository" {
		t.Errorf("error %v", err)
	}
}

// Over 450 octets the ranges move to names of their own, each of at most 450 octets; a second call replaces them.
func TestFlattenSplit(t *testing.T) {
	r := load(t, flattened)
	d := r.Domains[0]
	var ranges []netip.Prefix
	for i := range 60 {
		ranges = append(ranges, netip.MustParsePrefix(fmt.Sprintf("192.0.2.%d/32", i)))
	}
	for range 2 {
		if err := r.Flatten(d.Flatten[0], ranges); err != nil {
			t.Fatal(err)
		}
		if len(d.Records) != 4 || d.Records[0].Text.String() != "v=spf1 mx include:_spf1.a.example include:_spf2.a.example include:_spf3.a.example -all" {
			t.Fatalf("%d records, %q", len(d.Records), d.Records[0].Text)
		}
		n := 0
		for i, rec := range d.Records[1:] {
			if want := zone.Name(fmt.Sprintf("_spf%d.a.example", i+1)); rec.Name != want || rec.Text.Len() > 450 {
				t.Errorf("record %s of %d octets", rec.Name, rec.Text.Len())
			}
			n += strings.Count(rec.Text.String(), " ip4:")
		}
		if n != len(ranges) {
			t.Errorf("%d ranges of %d", n, len(ranges))
		}
	}
	if err := r.Flatten(d.Flatten[0], nil); err != nil || len(d.Records) != 1 {
		t.Errorf("%v, %d records", err, len(d.Records))
	}

	taken := load(t, flattened[:len(flattened)-2]+"  record \"TXT\" \"_spf2\" {\n    rdata = [\"x\"]\n  }\n}\n")
	if err := taken.Flatten(taken.Domains[0].Flatten[0], ranges); err == nil || err.Error() != "flatten a.example: _spf2.a.example is taken: the ranges need it, as they are over 450 octets" {
		t.Errorf("error %v", err)
	}
}
