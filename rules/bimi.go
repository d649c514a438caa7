package rules

import (
	"fmt"
	"strconv"

	"github.com/tripod-dns/tripod/internal/bimi"
	"github.com/tripod-dns/tripod/internal/dmarc"
)

var bimiRecord = &Rule{
	ID:        "bimi-record",
	Severity:  Warning,
	Summary:   "A BIMI record that readers cannot use: the logo may not be shown",
	Reference: "draft-brand-indicators-for-message-identification §4.2",
	Domain: func(p *Pass) {
		p.noteCNAMEs(p.around().bimi)
		for _, pl := range p.around().bimi {
			for _, t := range pl.meant(bimi.Meant) {
				p.reportGrammar(t, t.bimi.Problems, true)
			}
		}
	},
}

var bimiPolicy = &Rule{
	ID:        "bimi-policy",
	Severity:  Warning,
	Summary:   "The DMARC policy is too weak for BIMI: the logo is not shown",
	Reference: "draft-brand-indicators-for-message-identification §7.1",
	Domain: func(p *Pass) {
		for _, pl := range p.around().bimi {
			meant := pl.meant(bimi.Meant)
			if len(meant) == 0 || meant[0].bimi.Declines() {
				continue
			}
			rr := pl.record()
			d, known := p.policyOf(pl.owner, rr.At)
			if !known || !d.Applies() {
				continue // dmarc-missing and others say that there is none
			}
			if d, known = p.orgOf(pl.owner, rr.At); !known {
				continue
			}
			if why := tooWeak(d); why != "" {
				f := Finding{Message: why + ": the logo is not shown", Help: "BIMI wants quarantine for all mail or reject, at the name and at its Organizational Domain, sp included"}
				if at, _, ok := policySpot(d); ok {
					f.Related = []Related{{At: at, Message: "the policy"}}
				}
				p.ReportRecord(rr, f)
			}
		}
	},
}

// tooWeak says what in the policies of the name and of its Organizational Domain keeps a logo from being shown.
func tooWeak(d *dmarc.Discovery) string {
	if !d.Enforces() {
		if d.Declared != d.Policy {
			return fmt.Sprintf("t=y makes the DMARC policy of %s %s", d.Name, d.Policy)
		}
		return fmt.Sprintf("the DMARC policy of %s is %s", d.Name, d.Policy)
	}
	if why := weakRecord(d.Record, d.At.String()); why != "" {
		return why
	}
	if s := d.StepAt(d.OrgDomain); s != nil && s.Record != nil && s.Record != d.Record {
		return weakRecord(s.Record, s.Domain.String())
	}
	return ""
}

func weakRecord(r *dmarc.Record, at string) string {
	e := r.Effective
	switch {
	case !e.Valid:
		return ""
	case e.P == dmarc.None:
		return fmt.Sprintf("the DMARC policy of %s is none", at)
	case e.SP == dmarc.None:
		return fmt.Sprintf("sp=none in the DMARC record of %s", at)
	}
	if tag, ok := r.Tag("pct"); ok && (e.P == dmarc.Quarantine || e.SP == dmarc.Quarantine) {
		if n, err := strconv.Atoi(tag.Value); err == nil && n >= 0 && n < 100 {
			return fmt.Sprintf("pct=%d in the DMARC record of %s: not all mail is quarantined", n, at)
		}
	}
	return ""
}
