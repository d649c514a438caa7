package rules

import (
	"fmt"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/dkim"
	"github.com/tripod-dns/tripod/internal/mtasts"
	"github.com/tripod-dns/tripod/internal/tlsrpt"
	"github.com/tripod-dns/tripod/internal/zone"
)

var dnsWildcardCNAME = &Rule{
	ID:        "dns-wildcard-cname",
	Severity:  Warning,
	Summary:   "A wildcard CNAME answers for the names at which mail records are looked for",
	Reference: "RFC 4592 §3.3.1",
	Whole:     true,
	Domain: func(p *Pass) {
		var last zone.Name
		for _, rr := range p.Zone.Records() {
			if rr.Type != dns.TypeCNAME || !rr.Name.IsWildcard() || rr.Name == last || rr.Name.HasUnderscore() {
				continue
			}
			last = rr.Name
			if _, cut := p.Zone.Cut(rr.Name); !cut {
				p.wildcardCNAME(rr)
			}
		}
	},
}

// wildcardCNAME asks at each mail name of the wildcard's parent what it gets from the wildcard.
func (p *Pass) wildcardCNAME(rr *zone.Record) {
	parent := rr.Name.Parent()
	var got []zone.Name
	for _, label := range [...]string{"_dmarc", "selector." + dkim.Label, mtasts.Label, tlsrpt.Label} {
		name := parent.Child(label)
		if len(p.Zone.At(name)) > 0 {
			continue
		}
		if ok, why := p.Zone.Whole(name, dns.TypeTXT); !ok {
			p.NotChecked(why)
			return
		}
		a := p.World().Lookup(p.Context(), name, dns.TypeTXT)
		if a.Wildcard != rr.Name {
			continue
		}
		p.noteAnswer(a, name, dns.TypeTXT, rr.At)
		switch {
		case !a.Status.Known():
			return
		case a.Status == zone.Found:
			got = append(got, name)
		}
	}
	if len(got) > 0 {
		p.ReportRecord(rr, Finding{
			Message: fmt.Sprintf("through %s the TXT records of %s stand at %s too", rr.Name, rr.Target, nameList(got)),
			Help:    "write A and AAAA records at the wildcard, which answer no question for a TXT, or only the names that are in use",
		})
		return
	}
	p.ReportRecord(rr, Finding{Severity: Info,
		Message: fmt.Sprintf("%s also answers where mail records of unused names are looked for: a TXT that comes to stand at %s stands there too", rr.Name, rr.Target),
		Help:    "nothing has to be done while no TXT stands there",
	})
}
