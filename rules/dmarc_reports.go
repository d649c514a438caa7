package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/dmarc"
	"github.com/tripod-dns/tripod/internal/taglist"
	"github.com/tripod-dns/tripod/internal/zone"
)

// Reports that nobody gets.

var dmarcNoRUA = &Rule{
	ID:        "dmarc-no-rua",
	Severity:  Warning,
	Summary:   "A policy is enforced without aggregate reports: nobody notices what breaks",
	Reference: "RFC 9989 §5.1.3",
	Domain: func(p *Pass) {
		p.ownPolicies(func(t *dmarcText) {
			if _, has := t.rec.Tag("rua"); has {
				return // where it is no good, dmarc-uri says so
			}
			if slices.ContainsFunc(t.rec.Problems, func(pr zone.Problem) bool {
				return pr.Kind == dmarc.KindUnknown && strings.HasPrefix(pr.Help, "did you mean rua=")
			}) {
				return // dmarc-unknown-tag
			}
			policy := t.rec.Effective.P // where that is none, dmarc-none speaks of reports
			if t.rec.Testing {
				policy = policy.Weaker()
			}
			if !policy.Enforces() {
				return
			}
			f := Finding{
				Severity: Warning,
				Message:  fmt.Sprintf("%s without rua: nobody will notice what mail of %s breaks", policy, t.place.owner),
				Help:     "add rua with a mailto: address; a name's own record does not inherit it",
			}
			switch {
			case t.rec.PSD == dmarc.PSDYes:
				f.Severity = Info // its registrants' reports are not for everybody to have (RFC 9989 §10.1)
			case p.NonSending(t.place.owner):
				f.Severity = Info
				f.Message = fmt.Sprintf("%s without rua: nobody will see who tries to send as %s", policy, t.place.owner)
			}
			spot := t.rec.Tags[0]
			if tag, ok := t.rec.Tag("p"); ok {
				spot = tag
			}
			p.reportDMARC(t, spot.ValueStart, spot.ValueEnd, f)
		})
	},
}

// A reportHost is one host that a record sends reports to: the first URI that names it.
type reportHost struct {
	uri  taglist.URI
	host zone.Name
	tag  string // "rua" or "ruf"
}

// reportHosts are the hosts of a record's usable mailto URIs, each once.
func reportHosts(r *dmarc.Record) []reportHost {
	var out []reportHost
	seen := map[zone.Name]bool{}
	for i, uris := range [2][]taglist.URI{r.RUA, r.RUF} {
		for _, u := range uris {
			if !u.Valid() || u.Scheme != "mailto" {
				continue
			}
			host, err := zone.ParseName(u.Host)
			if err != nil || seen[host] {
				continue
			}
			seen[host] = true
			out = append(out, reportHost{u, host, [2]string{"rua", "ruf"}[i]})
		}
	}
	return out
}

var dmarcExternal = &Rule{
	ID:        "dmarc-external",
	Severity:  Warning,
	Summary:   "The host of a report address does not permit the reports: receivers do not send them",
	Reference: "RFC 9990 §4",
	Fleet: func(fp *FleetPass) {
		orgs := map[string]map[zone.Name]orgAnswer{} // by split-horizon view: one host serves many domains
		for _, d := range fp.Domains() {
			p := fp.Pass(d)
			if orgs[d.Tag] == nil {
				orgs[d.Tag] = map[zone.Name]orgAnswer{}
			}
			p.ownPolicies(func(t *dmarcText) {
				for _, h := range reportHosts(t.rec) {
					p.external(t, h, orgs[d.Tag])
				}
			})
			p.overrides()
		}
	},
}

type orgAnswer struct {
	org   zone.Name
	known bool
}

// external checks that a host permits the reports that a record asks for.
func (p *Pass) external(t *dmarcText, h reportHost, orgs map[zone.Name]orgAnswer) {
	owner := t.place.owner
	if h.host == owner {
		return
	}
	at := t.rr.TextSpan(h.uri.Start, h.uri.End)
	host, ok := orgs[h.host]
	if !ok {
		host.org, host.known = dmarc.OrgDomain(p.Context(), p.SharedWorld(), h.host)
		orgs[h.host] = host
	}
	own, known := p.orgOf(owner, at)
	if !known {
		return
	}
	if host.known && host.org == own.OrgDomain {
		return
	}
	name, err := dmarc.PermissionName(owner, h.host)
	if err != nil {
		p.reportDMARC(t, h.uri.Start, h.uri.End, Finding{
			Message: fmt.Sprintf("receivers cannot ask %s for its permission, for the name would be longer than 253 octets: no reports are sent there", h.host),
			Help:    "send the reports to a host with a shorter name",
		})
		return
	}
	a := p.World().Lookup(p.Context(), name, dns.TypeTXT)
	if a.Status == zone.Found && permits(a.Records) {
		return // whether it was needed does not matter
	}
	if !host.known { // it may be in the same Organizational Domain, and need none
		for _, m := range p.Policy(h.host).Missing {
			p.noteAnswer(m.Answer, m.Name, m.Type, at)
		}
		return
	}
	p.noteAnswer(a, name, dns.TypeTXT, at)
	if !a.Status.Known() {
		return
	}
	f := Finding{
		Message: fmt.Sprintf("receivers send %s no reports without a TXT at %s", h.host, name),
		Help:    fmt.Sprintf("ask whoever runs %s to publish %s TXT \"v=DMARC1;\"", h.host, name),
	}
	if z, ok := p.dom.world.ZoneOf(name); ok {
		label := name.Relative(z.Domain.Name)
		f.Help = fmt.Sprintf("add to %s: record \"TXT\" %q { rdata = [\"v=DMARC1;\"] }, or %q, which permits reports about any domain",
			z.Domain.Name, label, "*"+strings.TrimPrefix(label, string(owner)))
		f.Related = []Related{{At: z.Domain.At, Message: "the zone of " + h.host.String()}}
	}
	p.reportDMARC(t, h.uri.Start, h.uri.End, f)
}

// permits tells whether one of the texts is a permission; several are fine (RFC 9990 §4).
func permits(recs []*zone.Record) bool {
	for _, rr := range recs {
		if dmarc.IsDMARC(rr.Text.String()) {
			return true
		}
	}
	return false
}

// overrides looks at the permissions that stand in this zone: the rua of one may only name another mailbox of the same host.
func (p *Pass) overrides() {
	for _, rr := range p.Zone.Records() {
		if rr.Type != dns.TypeTXT || !dmarc.IsPermissionName(rr.Name) || !dmarc.IsDMARC(rr.Text.String()) {
			continue
		}
		host := rr.Name
		for host.First() != "_dmarc" {
			host = host.Parent()
		}
		host = host.Parent()
		rec := p.ParseDMARC(rr)
		for _, uris := range [2][]taglist.URI{rec.RUA, rec.RUF} {
			for _, u := range uris {
				if u.Valid() && u.Scheme == "mailto" && zone.Name(u.Host) != host {
					p.ReportText(rr, u.Start, u.End, Finding{
						Message: fmt.Sprintf("%s is not on %s: receivers ignore the address that a permission puts in place on another host", u.Address, host),
						Help:    "name a mailbox of " + host.String() + ", or drop the tag: then reports go where the domain asked for them",
					})
				}
			}
		}
	}
}

var dmarcReportMX = &Rule{
	ID:        "dmarc-report-mx",
	Severity:  Warning,
	Summary:   "The domain of a report mailbox takes no mail",
	Reference: "RFC 9990 §3",
	Whole:     true,
	Domain: func(p *Pass) {
		p.ownPolicies(func(t *dmarcText) {
			if t.shared {
				return
			}
			for _, h := range reportHosts(t.rec) {
				at := t.rr.TextSpan(h.uri.Start, h.uri.End)
				if at.IsZero() && t.place.cname != nil {
					at = t.place.cname.At
				}
				why := p.noMail(h.host, at)
				if why == "" {
					continue
				}
				p.reportDMARC(t, h.uri.Start, h.uri.End, Finding{
					Message: fmt.Sprintf("%s: no report arrives at %s", why, h.uri.Address),
					Help:    "name a mailbox that exists, or give its domain an MX",
				})
			}
		})
	},
}

// noMail says why a name takes no mail (RFC 5321 §5.1), "" where it takes some or that is not known.
func (p *Pass) noMail(host zone.Name, at zone.Span) string {
	a := p.Lookup(host, dns.TypeMX, at)
	switch a.Status {
	case zone.Found:
		for _, rr := range a.Records {
			if rr.Target != zone.Root {
				return ""
			}
		}
		if len(a.Records) > 0 {
			return fmt.Sprintf("%s says by a null MX that it takes no mail", host)
		}
	case zone.NXDomain:
		return fmt.Sprintf("%s does not exist", host)
	case zone.NoData:
		if has, known, _ := p.HasAddress(host, at); known && !has {
			return fmt.Sprintf("%s has neither MX nor address", host)
		}
	}
	return ""
}
