package resolve

import (
	"context"
	"fmt"
	"testing"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// fleet is n zones of 12 records each.
func fleet(n int) []*zone.Domain {
	out := make([]*zone.Domain, n)
	for i := range out {
		apex := zone.Name(fmt.Sprintf("d%05d.example", i))
		d := &zone.Domain{Name: apex, Emit: zone.EmitZone, IgnoreRecords: []zone.IgnoreRecord{{Label: "www", Types: "A,AAAA"}, {Label: "_acme-challenge.**", Types: "TXT"}}}
		for j := range 12 {
			label := []string{"@", "_dmarc", "k1._domainkey", "k2._domainkey", "_mta-sts", "_smtp._tls", "mail", "*", "@", "x", "y", "z.y"}[j]
			d.Records = append(d.Records, &zone.Record{Name: apex.Child(label), Type: dns.TypeTXT, Text: zone.PlainText(fmt.Sprint("text ", j), zone.Span{})})
		}
		out[i] = d
	}
	return out
}

func BenchmarkIndex10000(b *testing.B) {
	domains := fleet(10_000)
	b.ReportAllocs()
	for b.Loop() {
		ix := NewIndex(domains)
		for _, z := range ix.Zones() {
			z.load()
		}
	}
}

func BenchmarkLookup(b *testing.B) {
	domains := fleet(10_000)
	w := NewWorld(NewIndex(domains), nil, nil, LockFirst)
	ctx := context.Background()
	i := 0
	b.ReportAllocs()
	for b.Loop() {
		apex := domains[i%len(domains)].Name
		w.Lookup(ctx, apex, dns.TypeTXT)
		w.Lookup(ctx, "k1._domainkey."+apex, dns.TypeTXT)
		w.Lookup(ctx, "nowhere."+apex, dns.TypeA)
		i++
	}
}
