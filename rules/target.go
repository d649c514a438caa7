package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"
	"golang.org/x/net/publicsuffix"

	"github.com/tripod-dns/tripod/internal/dkim"
	"github.com/tripod-dns/tripod/internal/spf"
	"github.com/tripod-dns/tripod/internal/zone"
)

// hosting are vendors of whom anybody can get a name below these: where a name is given up, the next one has it.
var hosting = []zone.Name{
	"azurewebsites.net", "cloudapp.net", "cloudapp.azure.com", "trafficmanager.net", "azureedge.net", "azurefd.net", "azure-api.net",
	"azurecontainer.io", "blob.core.windows.net", "web.core.windows.net", "azurestaticapps.net", "herokuapp.com", "herokudns.com", "github.io",
	"gitlab.io", "elasticbeanstalk.com", "s3.amazonaws.com", "myshopify.com", "zendesk.com", "freshdesk.com", "netlify.app", "netlify.com",
	"vercel.app", "pages.dev", "workers.dev", "web.app", "firebaseapp.com", "appspot.com", "fly.dev", "onrender.com", "readthedocs.io", "pantheonsite.io",
	"wpengine.com", "wordpress.com", "tumblr.com", "surge.sh", "ghost.io", "statuspage.io", "helpscoutdocs.com", "bitbucket.io", "unbouncepages.com",
	"webflow.io", "helpjuice.com", "cargocollective.com", "uservoice.com", "ngrok.io", "launchrock.com",
}

var targetUnregistered = &Rule{
	ID:        "target-unregistered",
	Severity:  Error,
	Summary:   "A record leads to a domain that nobody has registered: whoever registers it speaks for you",
	Reference: "RFC 7208 §11.5",
	Domain: func(p *Pass) {
		p.spfTrees(func(t *spfText, tree *spf.Tree) {
			tree.WalkTerms(func(tn *spf.TermNode) { p.spfTarget(t, tn) })
		})
		for _, rr := range p.Zone.Records() {
			if _, cut := p.Zone.Cut(rr.Name); cut && rr.Type != dns.TypeNS {
				continue
			}
			switch rr.Type {
			case dns.TypeCNAME:
				p.cnameTarget(rr)
			case dns.TypeMX:
				if isNull(rr) || !p.outside(rr.Target) {
					continue
				}
				if a := p.Exists(rr.Target, dns.TypeA, rr.At); a.Status == zone.NXDomain {
					p.reportGone(rr, rr.Target, fmt.Sprintf("takes the mail of %s", rr.Name))
				}
			case dns.TypeNS:
				p.reportGone(rr, rr.Target, fmt.Sprintf("decides what %s answers", rr.Name))
			}
		}
		p.ownPolicies(func(t *dmarcText) {
			if t.shared {
				return
			}
			for _, h := range reportHosts(t.rec) {
				at := t.rr.TextSpan(h.uri.Start, h.uri.End)
				if !p.outside(h.host) || p.Exists(h.host, dns.TypeMX, at).Status != zone.NXDomain {
					continue
				}
				if reg, gone := p.unregistered(h.host, at); gone {
					p.reportDMARC(t, h.uri.Start, h.uri.End, goneFinding(reg, fmt.Sprintf("gets the reports about %s", t.place.owner)))
				}
			}
		})
		p.aroundTargets()
	},
}

// outside tells whether a name lies in no zone of the repository.
func (p *Pass) outside(name zone.Name) bool {
	_, ours := p.dom.world.ZoneOf(name)
	return !ours && name != zone.Root
}

// unregistered tells whether the registrable domain of a name does not exist.
func (p *Pass) unregistered(name zone.Name, at zone.Span) (reg zone.Name, gone bool) {
	if !p.outside(name) {
		return "", false
	}
	reg, ok := registrant(name)
	if !ok {
		return "", false
	}
	a := p.dom.world.DomainExists(p.Context(), reg)
	p.noteAnswer(a, reg, dns.TypeNS, at)
	return reg, a.Status == zone.NXDomain
}

// registrant is the domain of a name that is registered at a registry. The suffixes under which companies let others have names
// (github.io) are such domains themselves.
func registrant(name zone.Name) (zone.Name, bool) {
	suffix, icann := publicsuffix.PublicSuffix(string(name))
	for !icann {
		_, parent, ok := strings.Cut(suffix, ".")
		if !ok {
			break // a top-level domain that the list does not have
		}
		suffix, icann = publicsuffix.PublicSuffix(parent)
	}
	if string(name) == suffix {
		return "", false
	}
	return name.Last(zone.Name(suffix).Count() + 1), true
}

func goneFinding(reg zone.Name, can string) Finding {
	return Finding{
		Message: fmt.Sprintf("%s does not exist: whoever can register it %s", reg, can),
		Help:    "correct the name, or drop what leads there; make sure first that it is not registered, for DNS alone does not prove it",
	}
}

func (p *Pass) reportGone(rr *zone.Record, target zone.Name, can string) {
	if reg, gone := p.unregistered(target, rr.At); gone {
		p.ReportRecord(rr, goneFinding(reg, can))
	}
}

// spfTarget looks at the target of an SPF term, in a third party's record too: what is wrong there lets others send as well.
func (p *Pass) spfTarget(t *spfText, tn *spf.TermNode) {
	if !tn.Reached || tn.Dynamic || tn.Target == "" || !ownAffair(tn) || !p.outside(tn.Target) {
		return
	}
	switch tn.Term.Kind {
	case spf.Include, spf.Redirect:
		if !authorises(tn) || tn.Tree == nil || tn.Tree.Answer.Status != zone.NXDomain {
			return
		}
	case spf.A, spf.MX, spf.Exists:
		if !authorises(tn) || tn.Status != zone.NXDomain {
			return
		}
	default:
		return
	}
	top := tn.Top().Term
	reg, gone := p.unregistered(tn.Target, t.rec.TextSpan(top.Start, top.End))
	if gone {
		f := goneFinding(reg, fmt.Sprintf("can send as %s", t.rec.Name))
		p.reportTerm(t, tn, f)
	}
}

// authorises tells whether a match of a term lets a message pass: no term on the way there has another qualifier than +.
func authorises(tn *spf.TermNode) bool {
	for ; tn != nil; tn = tn.In.Via {
		if tn.Term.Kind.IsMechanism() && tn.Term.Qualifier != '+' {
			return false
		}
	}
	return true
}

// cnameTarget looks at where a CNAME leads.
func (p *Pass) cnameTarget(rr *zone.Record) {
	if !p.outside(rr.Target) {
		return
	}
	can := "answers for " + rr.Name.String()
	if _, domain, ok := dkim.SplitName(rr.Name); ok {
		can = fmt.Sprintf("can sign as %s", domain)
	} else if rr.Name.First() == "_dmarc" {
		can = fmt.Sprintf("decides on the DMARC policy of %s", rr.Name.Parent())
	}
	i := slices.IndexFunc(hosting, func(v zone.Name) bool { return rr.Target.Below(v) })
	if i < 0 || rr.Name.HasUnderscore() {
		p.reportGone(rr, rr.Target, can)
		return
	}
	if a := p.Exists(rr.Target, dns.TypeA, rr.At); a.Status == zone.NXDomain {
		p.ReportRecord(rr, Finding{Severity: Warning,
			Message: fmt.Sprintf("%s does not exist: whoever gets that name from the owner of %s %s", rr.Target, hosting[i], can),
			Help:    "drop the CNAME, or have the name set up there again",
		})
	}
}

// aroundTargets looks at the hosts that TLS reporting and BIMI records name.
func (p *Pass) aroundTargets() {
	v := p.around()
	for _, pl := range v.tlsrpt {
		for _, t := range pl.texts {
			if t.shared {
				continue
			}
			for _, u := range t.tlsrpt.RUA {
				if u.Valid() {
					p.hostTarget(t, u.Host, u.Start, u.End, fmt.Sprintf("gets the TLS reports about %s", pl.owner))
				}
			}
		}
	}
	for _, pl := range v.bimi {
		for _, t := range pl.texts {
			if t.shared {
				continue
			}
			b := t.bimi
			p.hostTarget(t, string(b.LHost), b.LTag.ValueStart, b.LTag.ValueEnd, fmt.Sprintf("chooses the logo of %s", pl.owner))
			if b.AHost != b.LHost {
				p.hostTarget(t, string(b.AHost), b.ATag.ValueStart, b.ATag.ValueEnd, fmt.Sprintf("gives evidence for the logo of %s", pl.owner))
			}
		}
	}
}

func (p *Pass) hostTarget(t *placeText, host string, start, end int, can string) {
	name, err := zone.ParseName(host)
	if host == "" || err != nil {
		return
	}
	at := t.rr.TextSpan(start, end)
	if t.third {
		at = t.place.cname.At
	}
	if reg, gone := p.unregistered(name, at); gone {
		p.reportPlaced(t, start, end, goneFinding(reg, can))
	}
}
