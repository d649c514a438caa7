package rules

import (
	"fmt"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/dmarc"
	"github.com/tripod-dns/tripod/internal/spf"
	"github.com/tripod-dns/tripod/internal/zone"
)

// Whether a record is of use, and where one is wanted.

// ownReturnPath are includes of senders whose mail carries a return path of their own, or one at a name set up for it: SPF is
// checked there, never at the name in From. mx is the MX host by which a name that is such a return path is known.
var ownReturnPath = []struct {
	target     zone.Name
	sender, mx string
	where      string
}{
	{target: "servers.mcsv.net", sender: "Mailchimp", where: "its own domain"},
	{target: "spf.mandrillapp.com", sender: "Mandrill", where: "its own domain, or a return-path domain that you set up"},
	{target: "sendgrid.net", sender: "SendGrid", mx: "sendgrid.net", where: "a name of its own such as em1234.example.com"},
	{target: "amazonses.com", sender: "Amazon SES", mx: "amazonses.com", where: "amazonses.com, or the MAIL FROM domain that you set up"},
	{target: "spf.constantcontact.com", sender: "Constant Contact", where: "its own domain"},
	{target: "spf.brevo.com", sender: "Brevo", where: "its own domain"},
	{target: "spf.sendinblue.com", sender: "Brevo", where: "its own domain"},
}

var spfNeedless = &Rule{
	ID:        "spf-needless",
	Severity:  Info,
	Summary:   "An include of a sender that uses its own return path costs lookups and aligns nothing",
	Reference: "RFC 9989 §4.4",
	Domain: func(p *Pass) {
		p.mailTrees(func(t *spfText, tree *spf.Tree) {
			for _, tn := range tree.Root.Terms {
				if tn.Term.Kind != spf.Include || !tn.Reached {
					continue
				}
				for _, s := range ownReturnPath {
					if tn.Target != s.target || s.mx != "" && p.hasMXUnder(t.rec.Name, zone.Name(s.mx)) {
						continue
					}
					p.reportAt(t, tn.Term, Finding{
						Message: fmt.Sprintf("%s sends with a return path at %s: %s is never asked about its mail, and costs %s",
							s.sender, s.where, tn.Term.Text, lookups(tn.Lookups)),
						Help: "drop it when DKIM is set up with " + s.sender,
					})
				}
			}
		})
	},
}

func lookups(n int) string {
	if n == 1 {
		return "1 DNS lookup"
	}
	return fmt.Sprintf("%d DNS lookups", n)
}

// hasMXUnder tells whether a name's MX leads to hosts under another name: then the name is a return path of that sender.
func (p *Pass) hasMXUnder(name, under zone.Name) bool {
	for _, r := range p.Zone.Set(name, dns.TypeMX) {
		if r.Target.Under(under) {
			return true
		}
	}
	return false
}

var spfNoRecord = &Rule{
	ID:        "spf-no-record",
	Severity:  Error, // of bulk senders; else a warning
	Summary:   "A mail domain without an SPF record",
	Reference: "RFC 7208 §10.1",
	Whole:     true,
	Domain: func(p *Pass) {
		said := map[zone.Name]bool{}
		for _, name := range p.MailDomains() {
			mx := p.realMX(name)
			if mx == nil || p.hasSPF(name, mx.At) || !p.Whole(name, dns.TypeTXT) {
				continue
			}
			said[name] = true
			f := Finding{
				Severity: Warning,
				Message:  fmt.Sprintf("%s takes mail and has no SPF record: receivers cannot tell its senders from others", name),
				Help:     fmt.Sprintf(`write %s TXT "v=spf1 … ~all" with the hosts that send, or "v=spf1 -all" if none does`, name),
				Name:     name, Type: "TXT", At: mx.At,
			}
			if d, known := p.policyOf(name, mx.At); !known {
				continue
			} else if d.Enforces() && d.Source != dmarc.Own {
				f.Severity = Info
				f.Message = fmt.Sprintf("%s takes mail and has no SPF record: %s of %s protects it, mail that it sends needs DKIM", name, d.Policy, d.At)
			}
			p.Report(p.Bulk(f, "an SPF record"))
		}
		p.heloNames(said)
	},
}

// realMX is an MX of the name that leads to a host, nil where it takes no mail by MX.
func (p *Pass) realMX(name zone.Name) *zone.Record {
	for _, r := range p.Zone.Set(name, dns.TypeMX) {
		if r.Target != zone.Root {
			return r
		}
	}
	return nil
}

// hasSPF tells whether a name answers with an SPF record, or with a text that was meant as one. Where that is not known it
// counts as one.
func (p *Pass) hasSPF(name zone.Name, at zone.Span) bool {
	a := p.Lookup(name, dns.TypeTXT, at)
	if !a.Status.Known() {
		return true
	}
	for _, r := range a.Records {
		text := r.Text.String()
		if _, meant := spf.Unrecognised(text); meant || spf.IsSPF(text) {
			return true
		}
	}
	return false
}

// heloNames reports MX hosts of this zone without SPF: what they send without a sender (bounces) is judged by the name in HELO.
func (p *Pass) heloNames(said map[zone.Name]bool) {
	for _, r := range p.Zone.Records() {
		host := r.Target
		if r.Type != dns.TypeMX || host == zone.Root || said[host] || !host.Under(p.Domain.Name) {
			continue
		}
		said[host] = true
		z, ok := p.dom.world.ZoneOf(host)
		if _, cut := p.Zone.Cut(host); !ok || z != p.Zone || cut {
			continue
		}
		if len(p.Zone.Set(host, dns.TypeA))+len(p.Zone.Set(host, dns.TypeAAAA)) == 0 || p.hasSPF(host, r.At) || !p.Whole(host, dns.TypeTXT) {
			continue
		}
		p.Report(Finding{Severity: Info, Reference: "RFC 7208 §10.1.2", Name: host, Type: "TXT", At: r.At,
			Message: fmt.Sprintf("%s, an MX host, has no SPF record: bounces that it sends are judged by this name", host),
			Help:    fmt.Sprintf(`write %s TXT "v=spf1 a -all" if it sends under this name, else "v=spf1 -all"`, host),
		})
	}
}
