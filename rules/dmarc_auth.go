package rules

import (
	"fmt"
	"slices"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/dkim"
	"github.com/tripod-dns/tripod/internal/dmarc"
	"github.com/tripod-dns/tripod/internal/spf"
	"github.com/tripod-dns/tripod/internal/zone"
)

// Policies that the domain's own mail cannot meet.

// policyGroup is names that one policy applies to and that have one fault in common.
type policyGroup struct {
	d     *dmarc.Discovery
	names []zone.Name
}

// group adds a name to the group of the record that applies to it.
func group(groups []*policyGroup, d *dmarc.Discovery) []*policyGroup {
	for _, g := range groups {
		if g.d.RR == d.RR && g.d.Tag == d.Tag && g.d.OrgDomain == d.OrgDomain {
			g.names = append(g.names, d.Name)
			return groups
		}
	}
	return append(groups, &policyGroup{d, []zone.Name{d.Name}})
}

// inRepository tells whether the name lies in a zone of the repository and is not delegated, so that what stands under it is known.
func (p *Pass) inRepository(name zone.Name) bool {
	z, ok := p.dom.world.ZoneOf(name)
	if !ok {
		return false
	}
	_, cut := z.Cut(name)
	return !cut
}

// mayPass tells whether a record is meant to let somebody pass: whether it succeeds is for the SPF rules to say.
func mayPass(r *spf.Record) bool {
	if len(r.Problems) > 0 || r.Redirect() != nil && r.All() == nil {
		return true
	}
	return slices.ContainsFunc(r.Terms, func(t *spf.Term) bool { return t.Kind.IsMechanism() && t.Qualifier == '+' })
}

// spfMayAlign tells whether an SPF pass could align with name: at the name itself when strict, else anywhere under org. CNAMEs
// lead to records that may let somebody pass.
func (p *Pass) spfMayAlign(name, org zone.Name, mode dmarc.Mode) bool {
	if mode == dmarc.Strict {
		return slices.ContainsFunc(p.SPFSet(name), func(r *zone.Record) bool { return mayPass(p.ParseSPF(r)) }) ||
			len(p.Zone.Set(name, dns.TypeCNAME)) > 0
	}
	for _, z := range p.zonesUnder(org) {
		for _, r := range z.Under(org) {
			switch {
			case r.Name.HasUnderscore():
			case r.Type == dns.TypeTXT && spf.IsSPF(r.Text.String()):
				rec := spf.Parse
				if z == p.Zone {
					rec = func(string) *spf.Record { return p.ParseSPF(r) }
				}
				if mayPass(rec(r.Text.String())) {
					return true
				}
			case r.Type == dns.TypeCNAME && p.returnPath(r):
				return true
			}
		}
		for _, cut := range z.Cuts() {
			if cut.Under(org) && !cut.HasUnderscore() {
				return true
			}
		}
	}
	return false
}

// returnPath tells whether a CNAME may lead to an SPF record that lets somebody pass.
func (p *Pass) returnPath(r *zone.Record) bool {
	a := p.World().Lookup(p.Context(), r.Name, dns.TypeTXT)
	if !a.Status.Known() {
		return true
	}
	return slices.ContainsFunc(a.Records, func(t *zone.Record) bool {
		return spf.IsSPF(t.Text.String()) && mayPass(spf.Parse(t.Text.String()))
	})
}

// dkimMayAlign tells whether a DKIM signature could align with name.
func (p *Pass) dkimMayAlign(name, org zone.Name, mode dmarc.Mode) bool {
	if mode == dmarc.Relaxed {
		return p.HasKey(org) != No
	}
	keys := name.Child("_domainkey")
	if _, cut := p.Zone.Cut(keys); cut {
		return true
	}
	for _, r := range p.Zone.Under(keys) {
		if _, domain, ok := dkim.SplitName(r.Name); ok && domain == name && (r.Type == dns.TypeCNAME || r.Type == dns.TypeTXT && p.keyCounts(r)) {
			return true
		}
	}
	return false
}

// wholeMail notes where the mail records under a name are not known in full; the rule then cannot conclude from absence.
func (p *Pass) wholeMail(org zone.Name) bool {
	for _, z := range p.zonesUnder(org) {
		name := org
		if z.Domain.Name.Below(org) {
			name = z.Domain.Name
		}
		if ok, why := z.WholeUnder(name, dns.TypeTXT, dns.TypeCNAME); !ok {
			p.NotChecked(why)
			return false
		}
	}
	return true
}

// missingSPF notes the answers for want of which it is not known whom the SPF record of a name lets pass.
func (p *Pass) missingSPF(name zone.Name) {
	for _, q := range spf.Senders(p.Context(), p.World(), name).Missing {
		p.noteAnswer(zone.Answer{Status: zone.Unknown, Why: q.Why}, q.Name, q.Type, p.SPFSet(name)[0].At)
	}
}

var dmarcNoAuth = &Rule{
	ID:        "dmarc-no-auth",
	Severity:  Error,
	Summary:   "A policy is enforced while nothing can pass: all mail of the name is quarantined or rejected",
	Reference: "RFC 9989 §5.1.6",
	Whole:     true,
	Domain: func(p *Pass) {
		var groups []*policyGroup
		for _, name := range p.MailDomains() {
			// Who has neither MX nor SPF record sends nothing that could be lost.
			if len(p.SPFSet(name)) == 0 && !p.takesMail(name) {
				continue
			}
			d, known := p.policyOf(name, zone.Span{})
			if !known || !d.Enforces() || p.NonSending(name) || p.speaks(name) {
				continue
			}
			if d, known = p.orgOf(name, zone.Span{}); !known || !p.inRepository(d.OrgDomain) || wrongPSD(d) {
				continue // dmarc-psd says why nothing else aligns
			}
			if p.spfMayAlign(name, d.OrgDomain, d.Record.ASPF) || p.dkimMayAlign(name, d.OrgDomain, d.Record.ADKIM) || !p.wholeMail(d.OrgDomain) {
				continue
			}
			groups = group(groups, d)
		}
		for _, g := range groups {
			d := g.d
			where := "under " + d.OrgDomain.String()
			if d.Record.ASPF == dmarc.Strict && d.Record.ADKIM == dmarc.Strict {
				where = "at the very name (adkim=s, aspf=s)"
			}
			p.reportPolicy(d, Finding{
				Message: fmt.Sprintf("%s for %s, but nothing can pass: no SPF record lets an address pass and no DKIM key stands %s", d.Policy, nameList(g.names), where),
				Help:    "add the SPF terms or DKIM keys of whoever sends; where nobody does, say so with \"v=spf1 -all\"",
			})
		}
	},
}

var dmarcRejectSPFOnly = &Rule{
	ID:        "dmarc-reject-spf-only",
	Severity:  Error,
	Summary:   "reject rests on SPF alone: forwarded mail is rejected",
	Reference: "RFC 9989 §7.4",
	Whole:     true,
	Domain: func(p *Pass) {
		var groups []*policyGroup
		for _, name := range p.MailDomains() {
			if len(p.SPFSet(name)) == 0 {
				continue
			}
			d, known := p.policyOf(name, zone.Span{})
			if !known || d.Policy != dmarc.Reject {
				continue
			}
			passes := p.SPFPasses(name)
			if passes == No {
				continue
			}
			if d, known = p.orgOf(name, zone.Span{}); !known || !p.inRepository(d.OrgDomain) || wrongPSD(d) {
				continue // dmarc-psd says why nothing else aligns
			}
			switch key := p.HasKey(d.OrgDomain); {
			case key == Maybe:
				p.wholeMail(d.OrgDomain) // notes why
			case key == No && passes == Maybe:
				p.missingSPF(name)
			case key == No && !p.strayKeyUnder(d.OrgDomain): // dkim-name
				groups = group(groups, d)
			}
		}
		for _, g := range groups {
			p.reportPolicy(g.d, Finding{
				Message: fmt.Sprintf("reject for %s rests on SPF alone, no DKIM key stands under %s: mail that somebody forwards is rejected", nameList(g.names), g.d.OrgDomain),
				Help:    "have your senders sign with DKIM and publish their keys; until then write quarantine or none",
			})
		}
	},
}

var dmarcAlignment = &Rule{
	ID:        "dmarc-alignment",
	Severity:  Error, // of bulk senders; else a warning
	Summary:   "A sender's mail cannot pass DMARC: its records stand at another name, and alignment is strict",
	Reference: "RFC 9989 §4.4",
	Domain: func(p *Pass) {
		for _, u := range p.Domain.Senders {
			if len(u.DKIM) > 0 {
				continue // its keys stand at the very name
			}
			d, known := p.policyOf(u.Owner, u.At)
			if !known || !d.Applies() {
				continue
			}
			spfAt, sure := p.senderSPF(u)
			if !sure {
				continue
			}
			keyAt := p.senderKey(u)
			if keyAt == "" && p.dkimMayAlign(u.Owner, d.OrgDomain, d.Record.ADKIM) {
				continue // nothing says that the key is not the sender's
			}
			may := func(at zone.Name, mode dmarc.Mode) bool { return at != "" && (at == u.Owner || mode == dmarc.Relaxed) }
			if spfAt == "" && keyAt == "" || may(spfAt, d.Record.ASPF) || may(keyAt, d.Record.ADKIM) {
				continue
			}
			other, strict := spfAt, "aspf=s"
			if keyAt != "" {
				other, strict = keyAt, "adkim=s"
				if spfAt != "" {
					strict = "aspf=s with adkim=s"
				}
			}
			f := Finding{Severity: Warning, Name: u.Owner, At: u.At, Term: u.Name,
				Message: fmt.Sprintf("mail that %s sends as %s cannot pass DMARC: its records stand at %s, and %s wants the very name", u.Name, u.Owner, other, strict),
				Help:    "drop the strict mode, or have the sender sign with d=" + u.Owner.String(),
			}
			if at, _, ok := policySpot(d); ok {
				f.Related = []Related{{At: at, Message: "the policy"}}
			}
			p.Report(p.Bulk(f, "alignment with the From domain"))
		}
	},
}

// senderSPF is the name at which a sender's SPF stands: its own name before others, "" where there is none. sure is false
// where the record at its own name may let it pass by a way that is not looked into.
func (p *Pass) senderSPF(u *zone.SenderUse) (at zone.Name, sure bool) {
	own := p.SPFSet(u.Owner)
	if slices.ContainsFunc(own, func(r *zone.Record) bool { return hasTerms(p.ParseSPF(r), u.Terms) }) {
		return u.Owner, true
	}
	for _, r := range own {
		rec := p.ParseSPF(r)
		if len(rec.Problems) > 0 || slices.ContainsFunc(rec.Terms, func(t *spf.Term) bool { return t.Kind == spf.Include || t.Kind == spf.Redirect }) {
			return "", false
		}
	}
	for _, r := range p.Zone.Under(u.Owner) {
		mine := slices.Contains(u.Records, r.NameAt)
		switch {
		case r.Name.HasUnderscore():
			continue
		case r.Type == dns.TypeCNAME && mine:
		case r.Type == dns.TypeTXT && spf.IsSPF(r.Text.String()) && (mine || hasTerms(p.ParseSPF(r), u.Terms)):
		default:
			continue
		}
		if r.Name == u.Owner {
			return u.Owner, true
		}
		if at == "" {
			at = r.Name
		}
	}
	return at, true
}

// hasTerms tells whether a record holds one of a sender's terms.
func hasTerms(r *spf.Record, terms []string) bool {
	for _, s := range terms {
		for _, want := range spf.Parse(spf.Version + " " + s).Terms {
			if slices.ContainsFunc(r.Terms, func(t *spf.Term) bool { return t.Canonical() == want.Canonical() }) {
				return true
			}
		}
	}
	return false
}

// senderKey is the domain of a key that a sender's record blocks bring: its own name before others, "" where there is none.
func (p *Pass) senderKey(u *zone.SenderUse) (at zone.Name) {
	if len(u.Records) == 0 {
		return ""
	}
	for _, r := range p.Zone.Under(u.Owner) {
		if r.Type != dns.TypeTXT && r.Type != dns.TypeCNAME || !slices.Contains(u.Records, r.NameAt) {
			continue
		}
		if _, domain, ok := dkim.SplitName(r.Name); ok {
			if domain == u.Owner {
				return domain
			}
			if at == "" {
				at = domain
			}
		}
	}
	return at
}
