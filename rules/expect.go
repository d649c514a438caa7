package rules

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/spf"
	"github.com/tripod-dns/tripod/internal/zone"
)

var expectFailed = &Rule{
	ID:        "expect-failed",
	Severity:  Error,
	Summary:   "What an expect block asserts does not hold",
	Reference: "RFC 7208 §2.6, RFC 9989 §4.10.1",
	Domain: func(p *Pass) {
		for _, e := range p.Domain.Expects {
			if e.DMARC != "" {
				p.expectDMARC(e)
			} else {
				p.expectSPF(e)
			}
		}
	},
}

func (p *Pass) expectSPF(e *zone.Expect) {
	ip, err := netip.ParseAddr(e.IP)
	if err != nil {
		return // refused when it was read
	}
	r := spf.Check(p.Context(), p.World(), spf.Query{IP: ip, MailFrom: e.MailFrom, HELO: e.HELO, Now: p.Now})
	if r.Result == spf.Undetermined {
		for _, q := range r.Missing {
			p.noteAnswer(zone.Answer{Status: zone.Unknown, Why: q.Why}, q.Name, q.Type, e.SPFAt)
		}
		return
	}
	if strings.EqualFold(string(r.Result), e.SPF) {
		return
	}
	if r.Result == spf.TempError {
		// No statement about records: a name could not be looked up.
		p.NotChecked(r.Reason)
		return
	}
	sender := e.MailFrom
	if sender == "" {
		sender = "HELO " + e.HELO
	}
	f := Finding{At: e.SPFAt, Term: e.SPF, Type: "TXT", Reference: "RFC 7208 §2.6",
		Message: fmt.Sprintf("%s: %s is expected for %s from %s, SPF gives %s", e.What, e.SPF, sender, e.IP, r.Result),
		Help:    "mend the SPF record, or what is expected of it",
	}
	if len(r.Path) > 0 {
		f.Name = r.Path[0]
	}
	switch {
	case r.Mechanism != "":
		f.Help = fmt.Sprintf("%s of %s decides", r.Mechanism, r.Path[len(r.Path)-1])
	case r.Reason != "":
		f.Help = r.Reason
	case r.Result == spf.Neutral:
		f.Help = "no term matches"
	}
	p.Report(f)
}

func (p *Pass) expectDMARC(e *zone.Expect) {
	d := p.Policy(e.Name)
	if !d.PolicyKnown {
		p.missingDMARC(d, e.DMARCAt)
		return
	}
	if strings.EqualFold(d.Policy.String(), e.DMARC) {
		return
	}
	f := Finding{At: e.DMARCAt, Term: e.DMARC, Name: e.Name, Type: zone.TypeName(dns.TypeTXT), Reference: "RFC 9989 §4.10.1",
		Message: fmt.Sprintf("%s: %s is expected for %s, the policy is %s", e.What, e.DMARC, e.Name, d.Policy),
		Help:    "no DMARC record applies",
	}
	switch {
	case d.Record != nil && !d.Applies():
		f.Help = fmt.Sprintf("the record at %s gives no DMARC", d.Steps[0].Name())
		if s := d.StepAt(d.At); s != nil {
			f.Help = fmt.Sprintf("the record at %s gives no DMARC", s.Name())
		}
	case d.Record != nil:
		s := d.StepAt(d.At)
		f.Help = fmt.Sprintf("the record at %s counts as p=none", s.Name())
		if d.Tag != "" {
			f.Help = fmt.Sprintf("%s of %s applies", d.Tag, s.Name())
		}
		if d.Policy != d.Declared {
			f.Help += ", one step weaker by t=y"
		}
	}
	if at, _, ok := policySpot(d); ok {
		f.Related = []Related{{At: at, Message: "the policy"}}
	}
	p.Report(f)
}
