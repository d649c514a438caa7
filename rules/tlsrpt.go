package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/mtasts"
	"github.com/tripod-dns/tripod/internal/taglist"
	"github.com/tripod-dns/tripod/internal/tlsrpt"
	"github.com/tripod-dns/tripod/internal/zone"
)

var tlsrptRecord = &Rule{
	ID:        "tlsrpt-record",
	Severity:  Error,
	Summary:   "A TLS reporting record that senders cannot use: reports are not sent",
	Reference: "RFC 8460 §3",
	Domain: func(p *Pass) {
		p.noteCNAMEs(p.around().tlsrpt)
		for _, pl := range p.around().tlsrpt {
			for _, t := range pl.meant(tlsrpt.Meant) {
				problems := slices.Clone(t.tlsrpt.Problems)
				for i, pr := range problems {
					if strings.HasPrefix(pr.Kind, "uri-") && pr.Kind != taglist.URISize {
						problems[i].Message += ": no report goes there"
					}
				}
				p.reportGrammar(t, problems, true)
			}
		}
	},
}

var tlsrptMultiple = &Rule{
	ID:        "tlsrpt-multiple",
	Severity:  Error,
	Summary:   "Several TLS reporting records at one name: no reports are sent",
	Reference: "RFC 8460 §3",
	Whole:     true,
	Domain: func(p *Pass) {
		p.noteCNAMEs(p.around().tlsrpt)
		p.reportSeveral(p.around().tlsrpt, "v=TLSRPTv1", "no reports are sent")
	},
}

var tlsrptMissing = &Rule{
	ID:        "tlsrpt-missing",
	Severity:  Info,
	Summary:   "MTA-STS or DANE without TLS reports: nobody notices when senders cannot deliver",
	Reference: "RFC 8460 §1",
	Whole:     true,
	Domain: func(p *Pass) {
		off := map[zone.Name]bool{}
		for _, pol := range p.Domain.MTASTS {
			off[pol.Owner] = pol.Mode == mtasts.None // it is being taken back
		}
		done := map[zone.Name]bool{}
		for _, pl := range p.around().mtasts {
			if !off[pl.owner] && len(pl.meant(mtasts.Meant)) > 0 {
				done[pl.owner] = true
				p.wantReports(pl.owner, pl.record(), "MTA-STS")
			}
		}
		for _, mx := range p.Zone.Records() {
			if mx.Type != dns.TypeMX || mx.Target == zone.Root || done[mx.Name] || mx.Name.IsWildcard() {
				continue
			}
			if _, cut := p.Zone.Cut(mx.Name); !cut && p.hasTLSA(mx.Target) {
				done[mx.Name] = true
				p.wantReports(mx.Name, mx, "DANE")
			}
		}
	},
}

// wantReports reports a name without a TLS reporting record. Texts that stand there are tlsrpt-record's affair.
func (p *Pass) wantReports(owner zone.Name, rr *zone.Record, what string) {
	name := owner.Child(tlsrpt.Label)
	if len(p.Zone.At(name)) > 0 {
		return
	}
	if _, cut := p.Zone.Cut(name); !cut && !p.Whole(name, dns.TypeTXT) {
		return
	}
	a := p.Lookup(name, dns.TypeTXT, rr.At)
	if !a.Status.Known() {
		return
	}
	for _, t := range a.Records {
		if tlsrpt.Meant(t.Text.String()) {
			return
		}
	}
	p.ReportRecord(rr, Finding{
		Message: fmt.Sprintf("%s has %s and asks for no TLS reports: nobody will notice when senders cannot deliver to it", owner, what),
		Help:    fmt.Sprintf("tls_rpt { rua = [\"mailto:…\"] } writes %s", name),
	})
}
