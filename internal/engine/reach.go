package engine

import (
	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/spf"
	"github.com/tripod-dns/tripod/internal/zone"
)

// reached are the domains in which a change of the named zones may show: they stand below one (DMARC), or their SPF records lead
// there, over however many zones, or depend on the message. It looks at every record once: following each domain's includes
// by itself takes time that grows with the square of a fleet whose zones include each other.
func (r *Repo) reached(domains []*zone.Domain, changed map[zone.Name]bool) map[*zone.Domain]bool {
	out := make(map[*zone.Domain]bool)
	if len(changed) == 0 {
		return out
	}
	includers := make(map[*zone.Domain][]*zone.Domain) // by the domain that they include
	var next []*zone.Domain
	reach := func(d *zone.Domain) {
		if !out[d] {
			out[d] = true
			next = append(next, d)
		}
	}
	under := func(n zone.Name) bool {
		for ; n != zone.Root; n = n.Parent() {
			if changed[n] {
				return true
			}
		}
		return false
	}
	for _, list := range [][]*zone.Domain{domains, r.others} {
		for _, d := range list {
			if under(d.Name) {
				reach(d)
			}
			seen := make(map[*zone.Domain]bool)
			for _, records := range [][]*zone.Record{d.Records, d.Rest} {
				for _, rec := range records {
					if rec.Type != dns.TypeTXT || !spf.IsSPF(rec.Text.String()) {
						continue
					}
					for _, t := range spf.Parse(rec.Text.String()).Terms {
						if t.Domain == nil {
							continue
						}
						s, ok := t.Domain.Static()
						if !ok {
							reach(d)
							continue
						}
						n, err := zone.ParseName(s)
						if err != nil {
							continue
						}
						if under(n) {
							reach(d)
						}
						if z, ok := r.index.ZoneIn(d.Tag, n); ok && z.Domain != d && !seen[z.Domain] {
							seen[z.Domain] = true
							includers[z.Domain] = append(includers[z.Domain], d)
						}
					}
				}
			}
		}
	}
	for len(next) > 0 {
		d := next[len(next)-1]
		next = next[:len(next)-1]
		for _, by := range includers[d] {
			reach(by)
		}
	}
	return out
}
