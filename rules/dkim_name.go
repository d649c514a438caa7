package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
	"golang.org/x/net/publicsuffix"

	"github.com/tripod-dns/tripod/internal/dkim"
	"github.com/tripod-dns/tripod/internal/dmarc"
	"github.com/tripod-dns/tripod/internal/taglist"
	"github.com/tripod-dns/tripod/internal/zone"
)

// Names at which verifiers find no key, two, or too many.

var dkimMultiple = &Rule{
	ID:        "dkim-multiple",
	Severity:  Error,
	Summary:   "Several TXT records at a selector: which one a verifier reads is undefined",
	Reference: "RFC 6376 §3.6.2.2",
	Whole:     true,
	Domain: func(p *Pass) {
		for _, pl := range p.dkimPlaces() {
			p.noteCNAME(pl)
			if len(pl.texts) < 2 {
				if len(pl.texts) == 1 && !pl.texts[0].third {
					p.Whole(pl.texts[0].rr.Name, dns.TypeTXT)
				}
				continue
			}
			second := pl.texts[1]
			f := Finding{
				Message: fmt.Sprintf("%d TXT records at one selector: verifiers take any of them, or none", len(pl.texts)),
				Help:    "keep the one whose private half signs; other keys go under selectors of their own",
			}
			if at := pl.texts[0].rr.At; !second.third && !at.IsZero() {
				f.Related = []Related{{At: at, Message: "the first one"}}
			}
			if second.third {
				p.reportKey(second, 0, second.rr.Text.Len(), f)
				continue
			}
			p.ReportRecord(second.rr, f)
		}
	},
}

var dkimName = &Rule{
	ID:        "dkim-name",
	Severity:  Error,
	Summary:   "A key at a name where verifiers do not look",
	Reference: "RFC 6376 §3.6.2.1",
	Domain: func(p *Pass) {
		for _, pl := range p.dkimPlaces() {
			rr := pl.cname
			if rr == nil {
				rr = pl.texts[0].rr
			}
			p.selectorName(pl, rr)
		}
		for _, rr := range p.Zone.Records() {
			if rr.Type == dns.TypeTXT {
				p.keyElsewhere(rr)
			}
		}
	},
}

func (p *Pass) selectorName(pl *dkimPlace, rr *zone.Record) {
	f := Finding{At: rr.NameAt, Term: pl.selector}
	if labels := strings.Split(pl.selector, "."); slices.Contains(labels, dkim.Label) {
		f.Message = fmt.Sprintf("%s stands twice in the name: no signature makes verifiers look there", dkim.Label)
		f.Help = "write the selector alone: tripod adds " + dkim.Label + " and the domain"
		if rr.Block == "record" {
			f.Help = fmt.Sprintf("write the name once: %s.%s", labels[0], dkim.Label)
		}
		p.ReportRecord(rr, f)
		return
	}
	if pl.wildcard {
		return // dkim-wildcard
	}
	bad, underscore := dkim.CheckSelector(pl.selector)
	switch {
	case bad != "":
		f.Message = fmt.Sprintf("%q is no selector (%s): signers and verifiers cannot name it", pl.selector, bad)
		f.Help = "a selector has letters, digits and inner hyphens, with dots between labels (RFC 6376 §3.1)"
	case underscore:
		f.Severity = Info
		f.Message = fmt.Sprintf("the selector %q has an underscore, which RFC 6376 §3.1 does not allow: not every verifier takes it", pl.selector)
		f.Help = "choose one without it for the next key"
	default:
		return
	}
	p.ReportRecord(rr, f)
}

// strayKey tells whether a TXT is a key that stands at no selector.
func (p *Pass) strayKey(rr *zone.Record) bool {
	if rr.Type != dns.TypeTXT || !strings.Contains(rr.Text.String(), "p=") {
		return false
	}
	if _, _, ok := dkim.SplitName(rr.Name); ok {
		return false
	}
	l := taglist.Parse(rr.Text.String())
	v, ok := l.Get("v")
	if !ok || v.Unescaped() != "DKIM1" {
		return false // too little to say that it was meant as a key
	}
	_, cut := p.Zone.Cut(rr.Name)
	return !cut && !p.leadsTo(rr.Name) // a CNAME at a selector leads here
}

// strayKeyUnder tells whether dkim-name has found a key at a wrong name of the zone under org: the keys are not missing then.
func (p *Pass) strayKeyUnder(org zone.Name) bool {
	return slices.ContainsFunc(p.Zone.Under(org), p.strayKey)
}

// keyElsewhere looks for keys that stand at no selector.
func (p *Pass) keyElsewhere(rr *zone.Record) {
	if !p.strayKey(rr) {
		return
	}
	f := Finding{At: rr.NameAt, Term: rr.Name.Relative(p.Domain.Name)}
	f.Help = fmt.Sprintf("write it at <selector>.%s.%s", dkim.Label, p.Domain.Name)
	if rr.Name.First() == dkim.Label {
		f.Message = fmt.Sprintf("a key at %s without a selector: verifiers do not look there", dkim.Label)
		p.ReportRecord(rr, f)
		return
	}
	f.Message = "a DKIM key at a name without _domainkey: verifiers do not look there, unless a CNAME elsewhere leads here"
	for _, label := range rr.Name.Labels() {
		if taglist.Closest(label, dkim.Label) != "" {
			f.Help = fmt.Sprintf("did you mean %s instead of %s?", dkim.Label, label)
			break
		}
	}
	p.ReportRecord(rr, f)
}

var dkimDangling = &Rule{
	ID:        "dkim-dangling",
	Severity:  Error,
	Summary:   "A CNAME at a selector that leads to no key: no signature with this selector verifies",
	Reference: "RFC 6376 §3.6.2",
	Domain: func(p *Pass) {
		for _, pl := range p.dkimPlaces() {
			if pl.cname == nil {
				continue
			}
			p.noteCNAME(pl)
			end := pl.answer.Owner
			if end == "" {
				end = pl.cname.Target
			}
			f := Finding{Help: "ask the vendor for the target that it wants here, or delete the CNAME"}
			switch {
			case len(pl.texts) > 0 && pl.texts[0].rr.Name == pl.name:
				continue // dns-cname: a TXT stands beside it
			case pl.answer.Status == zone.NXDomain:
				f.Message = fmt.Sprintf("%s does not exist: no signature with this selector verifies", end)
			case pl.answer.Status == zone.NoData:
				f.Message = fmt.Sprintf("%s has no TXT record: no signature with this selector verifies", end)
			case pl.answer.Status == zone.Found && !pl.meant():
				f.Message = fmt.Sprintf("%s holds no key: no signature with this selector verifies", end)
			case pl.answer.Status == zone.Found && pl.revoked():
				f.Message = fmt.Sprintf("%s holds a revoked key: no signature with this selector verifies", end)
			default:
				continue
			}
			other, known := p.sameVendor(pl)
			if !known {
				continue // noted at that selector
			}
			if other != nil {
				f.Severity = Info
				f.Message = strings.TrimSuffix(f.Message, "verifies") + "verifies, but the vendor's other one does"
				f.Help = "nothing needs to be done while mail is signed with " + other.selector
			}
			p.ReportRecord(pl.cname, f)
		}
	},
}

// meant tells whether a text that the place's CNAME leads to was meant as a key.
func (pl *dkimPlace) meant() bool {
	return slices.ContainsFunc(pl.answer.Records, func(rr *zone.Record) bool {
		return rr.Type == dns.TypeTXT && (dkim.Meant(rr.Text.String()) || dkim.Parse(rr.Text.String()).HasP)
	})
}

func (pl *dkimPlace) revoked() bool {
	return !slices.ContainsFunc(pl.answer.Records, func(rr *zone.Record) bool {
		return rr.Type == dns.TypeTXT && !dkim.Parse(rr.Text.String()).Revoked
	})
}

// sameVendor is another selector of the domain that leads to the same vendor, and to a key; nil where there is none. known is false
// where that depends on an answer that is not known.
func (p *Pass) sameVendor(pl *dkimPlace) (other *dkimPlace, known bool) {
	vendor := registrable(pl.cname.Target)
	known = true
	for _, o := range p.dkimPlaces() {
		switch {
		case o == pl || o.cname == nil || o.domain != pl.domain || registrable(o.cname.Target) != vendor:
		case o.holdsKey():
			return o, true
		case !o.answer.Status.Known():
			known = false
		}
	}
	return nil, known
}

// registrable is the registrable domain of a name, or the name itself where it is a public suffix.
func registrable(n zone.Name) string {
	if s, err := publicsuffix.EffectiveTLDPlusOne(string(n)); err == nil {
		return s
	}
	return string(n)
}

var dkimEd25519Only = &Rule{
	ID:        "dkim-ed25519-only",
	Severity:  Warning,
	Summary:   "No RSA key beside Ed25519: for many receivers the mail is unsigned",
	Reference: "RFC 8463 §5",
	Domain: func(p *Pass) {
		type seen struct {
			ed  *zone.Record
			rsa bool
		}
		var order []zone.Name
		domains := map[zone.Name]*seen{}
		for _, pl := range p.dkimPlaces() {
			s := domains[pl.domain]
			if s == nil {
				s = &seen{}
				domains[pl.domain] = s
				order = append(order, pl.domain)
			}
			for _, t := range pl.texts {
				switch t.key.Algorithm {
				case dkim.RSA:
					s.rsa = true
				case dkim.Ed25519:
					if s.ed == nil && t.key.Usable() {
						s.ed = t.rr
						if t.third {
							s.ed = pl.cname
						}
					}
				case dkim.NoAlgorithm:
				}
			}
			// A CNAME may lead to an RSA key, here or elsewhere.
			s.rsa = s.rsa || pl.cname != nil && len(pl.texts) == 0
		}
		for _, name := range order {
			s := domains[name]
			if s.ed == nil || s.rsa {
				continue
			}
			if ok, why := p.Zone.WholeUnder(zone.Name(dkim.Label)+"."+name, dns.TypeTXT, dns.TypeCNAME); !ok {
				p.NotChecked(why)
				continue
			}
			p.ReportRecord(s.ed, Finding{
				Message: fmt.Sprintf("no RSA key beside Ed25519: mail from %s is unsigned for receivers that do not know RFC 8463", name),
				Help:    "sign with both: add an RSA key of 2048 bits under a selector of its own",
			})
		}
	},
}

var dkimWildcard = &Rule{
	ID:        "dkim-wildcard",
	Severity:  Warning,
	Summary:   "A wildcard below _domainkey gives every selector a key, also those that were deleted",
	Reference: "RFC 6376 §3.6.2.2",
	Domain: func(p *Pass) {
		for _, pl := range p.dkimPlaces() {
			if !pl.wildcard {
				continue
			}
			rr := pl.cname
			if rr == nil {
				if !slices.ContainsFunc(pl.texts, func(t *dkimText) bool { return !t.key.Revoked }) {
					continue // says that whatever is not there is revoked
				}
				rr = pl.texts[0].rr
			}
			p.ReportRecord(rr, Finding{
				At: rr.NameAt, Term: pl.selector,
				Message: fmt.Sprintf("%s answers for every selector, also for one that was deleted or that somebody made up", pl.name),
				Help:    "write the key at the selector that signs; a wildcard is of use with an empty p= only",
			})
		}
	},
}

var dkimNone = &Rule{
	ID:        "dkim-none",
	Severity:  Error, // of bulk senders; else a warning
	Summary:   "A domain sends without DKIM: forwarded mail fails, as SPF alone does not survive",
	Reference: "RFC 9989 §8",
	Whole:     true,
	Domain: func(p *Pass) {
		names := []zone.Name{p.Domain.Name}
		for _, pl := range p.dmarcPlaces() {
			if pl.count > 0 && pl.owner != p.Domain.Name && !pl.owner.HasUnderscore() && !pl.owner.IsWildcard() {
				names = append(names, pl.owner)
			}
		}
		done := map[zone.Name]bool{}
		for _, name := range names {
			if !p.IsMailDomain(name) {
				continue
			}
			passes := p.SPFPasses(name)
			if passes == No {
				continue
			}
			set := p.SPFSet(name)
			if len(set) == 0 {
				continue
			}
			d, known := p.orgOf(name, set[0].At)
			if !known || done[d.OrgDomain] {
				continue
			}
			keys := p.HasKey(d.OrgDomain)
			_, ours := p.dom.world.ZoneOf(d.OrgDomain)
			switch {
			case keys == Yes:
				continue
			case !ours:
				p.NotChecked(fmt.Sprintf("the keys under %s are not in the definitions", d.OrgDomain))
				continue
			case keys == Maybe:
				p.NotChecked(fmt.Sprintf("not all keys under %s are known", d.OrgDomain))
				continue
			case passes == Maybe:
				p.NotChecked(fmt.Sprintf("what the SPF record of %s lets pass is not known", name))
				continue
			case d.PolicyKnown && d.Policy == dmarc.Reject:
				continue // dmarc-reject-spf-only
			case p.strayKeyUnder(d.OrgDomain):
				continue // dkim-name
			}
			done[d.OrgDomain] = true
			p.ReportRecord(set[0], p.Bulk(Finding{
				Severity: Warning,
				Name:     name,
				Message:  fmt.Sprintf("SPF lets servers send as %s, but no DKIM key stands under %s: forwarded mail fails SPF, and nothing else can pass", name, d.OrgDomain),
				Help:     "have the sending servers sign, and publish their keys: dkim \"SELECTOR\" { … }, or the vendor's CNAME",
			}, "DKIM"))
		}
	},
}
