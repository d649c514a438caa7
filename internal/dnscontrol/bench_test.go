package dnscontrol

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tripod-dns/tripod/internal/zone"
)

func benchDomains(b *testing.B, n int) []*zone.Domain {
	b.Helper()
	var out []*zone.Domain
	for i := range n {
		name := fmt.Sprintf("d%05d.example", i)
		d := &zone.Domain{Name: zone.Name(name), Emit: zone.EmitZone, DNSProviders: []string{"bind"}}
		for _, line := range []string{
			"ZONE 300 NS ns1.example.net.", "ZONE 300 MX 10 mx1.ZONE.", "ZONE 300 MX 20 mx2.ZONE.", "ZONE 300 TXT v=spf1 mx include:_spf.example.net -all",
			"_dmarc.ZONE 300 TXT v=DMARC1; p=reject; rua=mailto:dmarc@example.net", "_mta-sts.ZONE 300 TXT v=STSv1; id=1",
			"_smtp._tls.ZONE 300 TXT v=TLSRPTv1; rua=mailto:x@example.net", "a._domainkey.ZONE 300 TXT " + longText + "ABC", "b._domainkey.ZONE 300 TXT " + longText + "DEF",
			"mx1.ZONE 300 A 192.0.2.1", "mx2.ZONE 300 A 192.0.2.2", "www.ZONE 300 CNAME ZONE.",
		} {
			d.Records = append(d.Records, rec(b, strings.ReplaceAll(line, "ZONE", name)))
		}
		out = append(out, d)
	}
	return out
}

func BenchmarkDiff(b *testing.B) {
	domains := benchDomains(b, 100)
	for b.Loop() {
		for _, d := range domains {
			if _, err := Diff(d, d.Records[:6]); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkRender(b *testing.B) {
	domains := benchDomains(b, 100)
	for b.Loop() {
		if _, err := Render(domains, "dnscontrol"); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRefuses(b *testing.B) {
	domains := benchDomains(b, 100)
	for b.Loop() {
		for _, d := range domains {
			if err := Refuses(d); err != nil {
				b.Fatal(err)
			}
		}
	}
}
