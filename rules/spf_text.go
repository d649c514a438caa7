package rules

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/spf"
	"github.com/tripod-dns/tripod/internal/zone"
)

// What is wrong with the text of a record, or with its place.

var spfSyntax = &Rule{
	ID:        "spf-syntax",
	Severity:  Error,
	Summary:   "An SPF record breaks the grammar: receivers answer permerror for all mail",
	Reference: "RFC 7208 §4.6",
	Domain: func(p *Pass) {
		for _, t := range p.spfTexts() {
			for _, pr := range t.parsed.Problems {
				p.ReportText(t.rec, pr.Start, pr.End, Finding{
					Message: fmt.Sprintf("%s: receivers answer permerror for all mail from %s", pr.Message, p.whose(t.rec.Name)),
					Help:    pr.Help,
				})
			}
		}
	},
}

var spfUnrecognised = &Rule{
	ID:        "spf-unrecognised",
	Severity:  Error,
	Summary:   "A record that was meant as SPF does not begin with v=spf1 and a space: receivers discard it",
	Reference: "RFC 7208 §4.5",
	Domain: func(p *Pass) {
		for _, rec := range p.Zone.Records() {
			if rec.Type != dns.TypeTXT {
				continue
			}
			pr, meant := spf.Unrecognised(rec.Text.String())
			if _, cut := p.Zone.Cut(rec.Name); !meant || cut {
				continue
			}
			msg := pr.Message
			if strings.HasPrefix(msg, "begins ") {
				msg = "the record " + msg
			}
			p.ReportText(rec, pr.Start, pr.End, Finding{Message: msg + ": receivers discard the record", Help: pr.Help})
		}
	},
}

var spfMultiple = &Rule{
	ID:        "spf-multiple",
	Severity:  Error,
	Summary:   "Two or more SPF records at a name: receivers answer permerror for all mail",
	Reference: "RFC 7208 §4.5",
	Whole:     true,
	Domain: func(p *Pass) {
		done := map[zone.Name]bool{}
		for _, t := range p.spfTexts() {
			name := t.rec.Name
			if done[name] {
				continue
			}
			done[name] = true
			if len(t.all) == 1 {
				p.Whole(name, dns.TypeTXT)
				continue
			}
			all := t.all
			at := all[len(all)-1]
			for i := len(all) - 1; i >= 0 && at.Origin != zone.Defined; i-- {
				at = all[i]
			}
			f := Finding{
				Message: fmt.Sprintf("%d SPF records at %s: receivers answer permerror for all mail from %s", len(all), name, p.whose(name)),
				Help:    "merge their terms into one record",
			}
			for _, o := range all {
				if o == at {
					continue
				}
				if o.Origin == zone.Rest {
					if !strings.HasSuffix(f.Help, "dnsconfig.js") {
						f.Help += "; the other one is in dnsconfig.js"
					}
					continue
				}
				if len(f.Related) < 5 {
					f.Related = append(f.Related, Related{At: wholeAt(o), Message: "another one"})
				}
			}
			p.reportWhole(at, f)
		}
	},
}

var spfSplit = &Rule{
	ID:        "spf-split",
	Severity:  Error,
	Summary:   "The space between two terms was lost: receivers read them as one",
	Reference: "RFC 7208 §3.3",
	Domain: func(p *Pass) {
		for _, t := range p.spfTexts() {
			for _, pr := range spf.LostSpaces(t.parsed, t.rec.Joints) {
				p.ReportText(t.rec, pr.Start, pr.End, Finding{Message: pr.Message, Help: pr.Help})
			}
		}
		p.spfTrees(func(t *spfText, tree *spf.Tree) {
			tree.Root.Walk(func(n *spf.Node) bool {
				if n.Via == nil || n.Parsed == nil || isOwn(n) || !ownAffair(n.Via) {
					return !isOwn(n) || n.Via == nil
				}
				for _, pr := range spf.LostSpaces(n.Parsed, n.Record.Joints) {
					p.reportAt(t, n.Top().Term, Finding{Third: true, Message: fmt.Sprintf("in %s %s", n.Name, pr.Message), Note: "leads to " + n.Name.String()})
				}
				return true
			})
		})
	},
}

var spfRRType = &Rule{
	ID:        "spf-rrtype",
	Severity:  Warning,
	Summary:   "A record of the obsolete type SPF (99), which receivers do not read",
	Reference: "RFC 7208 §3.1",
	Domain: func(p *Pass) {
		// No definition can hold the type, and the other half has it as a record that only a provider knows.
		for _, r := range p.Domain.RestPseudo {
			if r.Type == "SPF" {
				p.Report(Finding{Name: r.Name, Type: r.Type, Note: "the record is in dnsconfig.js",
					Message: fmt.Sprintf("%s has a record of type SPF (99): receivers read TXT only", r.Name),
					Help:    "delete it, and see that the TXT record says what is meant",
				})
			}
		}
	},
}

var spfSenderID = &Rule{
	ID:        "spf-senderid",
	Severity:  Warning,
	Summary:   "A Sender ID record, which SPF receivers do not read",
	Reference: "RFC 4406",
	Domain: func(p *Pass) {
		for _, rec := range p.Zone.Records() {
			if rec.Type != dns.TypeTXT || !spf.IsSenderID(rec.Text.String()) {
				continue
			}
			if _, cut := p.Zone.Cut(rec.Name); cut {
				continue
			}
			end := strings.IndexByte(rec.Text.String(), ' ')
			if end < 0 {
				end = rec.Text.Len()
			}
			p.ReportText(rec, 0, end, Finding{
				Message: fmt.Sprintf("%s is Sender ID, which SPF receivers do not read", rec.Text.String()[:end]),
				Help:    "delete the record; SPF is \"v=spf1\"",
			})
		}
	},
}

// Sizes of answers, in octets: RFC 7208 §3.4; DNS over UDP without EDNS (RFC 1035 §4.2.1); the size that resolvers
// commonly allow with EDNS.
const (
	maxSPFText  = 450
	maxPlainUDP = 512
	maxEDNS     = 1232
)

var spfLength = &Rule{
	ID:        "spf-length",
	Severity:  Warning,
	Summary:   "The answer that holds the SPF record is large",
	Reference: "RFC 7208 §3.4",
	Whole:     true,
	Domain: func(p *Pass) {
		for _, t := range p.spfTexts() {
			n := t.rec.Text.Len()
			if n <= maxSPFText && t.rec != t.all[0] {
				continue // the answer is the same for all of them
			}
			size := answerSize(t.rec.Name, p.Zone.Set(t.rec.Name, dns.TypeTXT))
			f := Finding{Help: "shorten it: drop senders that are no longer in use, or move ranges to an include, which costs one lookup"}
			switch {
			case n > maxSPFText:
				f.Message = fmt.Sprintf("SPF text of %d octets, RFC 7208 advises at most %d, so that the answer fits one UDP packet", n, maxSPFText)
			case size > maxEDNS:
				f.Message = fmt.Sprintf("the TXT records of %s make an answer of %d octets: above %d resolvers need TCP", t.rec.Name, size, maxEDNS)
				f.Help = "delete what is no longer needed beside it: " + p.otherTexts(t)
			case size > maxPlainUDP:
				f.Severity = Info
				f.Message = fmt.Sprintf("the TXT records of %s make an answer of %d octets: above %d it needs EDNS or TCP", t.rec.Name, size, maxPlainUDP)
				f.Help = ""
				if others := p.otherTexts(t); others != "" {
					f.Help = "beside it stand " + others
				}
			default:
				p.Whole(t.rec.Name, dns.TypeTXT)
				continue
			}
			p.reportWhole(t.rec, f)
		}
	},
}

// otherTexts names the TXT records beside an SPF record, with their sizes.
func (p *Pass) otherTexts(t *spfText) string {
	var out []string
	for _, r := range p.Zone.Set(t.rec.Name, dns.TypeTXT) {
		if r == t.rec {
			continue
		}
		if len(out) >= 5 {
			out = append(out, "") // termList shows the first five and counts the rest
			continue
		}
		s := r.Text.String()
		if len(s) > 30 {
			s = strings.ToValidUTF8(s[:30], "") + "…"
		}
		out = append(out, fmt.Sprintf("%q (%d octets)", s, r.Text.Len()))
	}
	return termList(out)
}

// answerSize is the size of a DNS answer with these records: header, question, each record with a compressed owner name,
// and the EDNS record (RFC 1035 §4.1, RFC 6891 §6.1.2).
func answerSize(name zone.Name, txt []*zone.Record) int {
	size := 12 + len(name) + 2 + 4 + 11
	for _, r := range txt {
		n := r.Text.Len()
		size += 12 + n + max(1, (n+254)/255)
	}
	return size
}
