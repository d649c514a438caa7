package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/dkim"
	"github.com/tripod-dns/tripod/internal/taglist"
	"github.com/tripod-dns/tripod/internal/zone"
)

// Records in which verifiers find no key, or one that anybody can sign with.

var dkimSyntax = &Rule{
	ID:        "dkim-syntax",
	Severity:  Error,
	Summary:   "A DKIM key record breaks the grammar: verifiers ignore the key",
	Reference: "RFC 6376 §3.6.1",
	Domain: func(p *Pass) {
		p.dkimTexts(func(t *dkimText) {
			var panels, quotes bool
			for _, pr := range t.key.Problems {
				// Verifiers ignore the key as it is: to mend the record would let its owner send, so that is for a person to do.
				f := Finding{Message: pr.Message, Help: pr.Help}
				switch pr.Kind {
				case dkim.Version, dkim.KeyType, taglist.Duplicate:
				case dkim.KeyTypeCase:
					f.Severity = Warning
					f.Fix = keyFix(t, pr.Start, pr.End, pr.Fix)
				case dkim.BadValue, taglist.Empty, taglist.EmptyTag, taglist.MissingEquals, taglist.BadName, taglist.Quote,
					taglist.Control, taglist.NonASCII:
					f.Message += ignored
				case taglist.Escaped:
					if panels {
						continue // all of them came by one way
					}
					panels = true
					f.Message += ignored
				case taglist.SmartQuote:
					if quotes {
						continue
					}
					quotes = true
					f.Message += ignored
				default:
					continue
				}
				p.reportKey(t, pr.Start, pr.End, f)
			}
		})
	},
}

const ignored = ": verifiers have to ignore the key (RFC 6376 §6.1.2)"

var dkimKey = &Rule{
	ID:        "dkim-key",
	Severity:  Error,
	Summary:   "A DKIM record holds no usable key: no signature with its selector verifies",
	Reference: "RFC 6376 §3.6.1",
	Domain: func(p *Pass) {
		p.dkimTexts(func(t *dkimText) {
			for _, pr := range t.key.Problems {
				f := Finding{Message: pr.Message, Help: pr.Help}
				switch pr.Kind {
				case dkim.NoKey, dkim.NotKey, dkim.Mismatch, dkim.Order:
					// No fix: it would let somebody sign who cannot sign today.
				case dkim.Base64:
					f.Fix = keyFix(t, pr.Start, pr.End, pr.Fix)
				case dkim.PKCS1, dkim.Trailing:
					f.Severity = Warning
					f.Fix = keyFix(t, pr.Start, pr.End, pr.Fix)
				default:
					continue
				}
				p.reportKey(t, pr.Start, pr.End, f)
			}
		})
	},
}

var dkimKeySize = &Rule{
	ID:        "dkim-key-size",
	Severity:  Error,
	Summary:   "An RSA key that verifiers ignore, or may ignore, for its size",
	Reference: "RFC 8301 §3.2",
	Domain: func(p *Pass) {
		p.dkimTexts(func(t *dkimText) {
			k := t.key
			if k.Algorithm != dkim.RSA {
				return
			}
			f := Finding{Help: "make a key of 2048 bits under a new selector. Some generators make 1024 unless they are told: opendkim-genkey -b 2048, rspamadm dkim_keygen -b 2048"}
			switch {
			case k.Bits < 1024:
				f.Message = fmt.Sprintf("an RSA key of %d bits: verifiers must not accept its signatures (below 1024, RFC 8301 §3.2)", k.Bits)
			case k.Bits < 2048:
				f.Severity = Warning
				f.Message = fmt.Sprintf("an RSA key of %d bits: signers should use 2048 at least (RFC 8301 §3.2)", k.Bits)
			case k.Bits > 4096:
				f.Severity = Warning
				f.Message = fmt.Sprintf("an RSA key of %d bits: verifiers need not accept more than 4096 (RFC 8301 §3.2)", k.Bits)
				f.Help = "make a key of 2048 bits under a new selector"
			default:
				return
			}
			if k.Weakness() != "" {
				return // dkim-key-weak, whatever the size
			}
			p.reportKey(t, k.P.ValueStart, k.P.ValueEnd, f)
		})
	},
}

var dkimKeyWeak = &Rule{
	ID:        "dkim-key-weak",
	Severity:  Error,
	Summary:   "A key whose signatures anybody can make, or that is damaged",
	Reference: "RFC 6376 §8",
	Domain: func(p *Pass) {
		p.dkimTexts(func(t *dkimText) {
			if w := t.key.Weakness(); w != "" {
				p.reportKey(t, t.key.P.ValueStart, t.key.P.ValueEnd, Finding{
					Message: w, Help: "make a new key pair under a new selector, sign with that, and revoke this one (an empty p=)",
				})
			}
		})
	},
}

var dkimPrivateKey = &Rule{
	ID:        "dkim-private-key",
	Severity:  Error,
	Summary:   "Private key material in a public record: anyone can sign as you",
	Reference: "RFC 6376 §8.3",
	Domain: func(p *Pass) {
		for _, rr := range p.Zone.Records() {
			if rr.Type != dns.TypeTXT {
				continue
			}
			text := rr.Text.String()
			start, end, ok := dkim.FindPrivate(text)
			if !ok && (strings.Contains(text, "IBA") || strings.Contains(text, "CAQAw")) { // the version that such base64 begins with
				var tag taglist.Tag
				tag, ok = dkim.PrivateValue(taglist.Parse(text))
				start, end = tag.ValueStart, tag.ValueEnd
			}
			if !ok {
				continue
			}
			p.ReportText(rr, start, end, Finding{
				Message: "private key material: anyone who reads this record or this repository can sign with it",
				Help: "make a new key pair and publish its public half under a new selector; this one is lost, " +
					"also where it is deleted now: the repository's history keeps it",
			})
		}
	},
}

// vendorSelectors are selectors at which a vendor has all customers publish one key of its own.
var vendorSelectors = []string{"k1", "k2", "k3", "mandrill", "smtpapi", "zendesk1", "zendesk2"}

var dkimKeyShared = &Rule{
	ID:        "dkim-key-shared",
	Severity:  Warning,
	Summary:   "One key at several selectors or domains: who gets hold of it signs as all of them",
	Reference: "RFC 6376 §8",
	Fleet: func(fp *FleetPass) {
		type spot struct {
			p *Pass
			keyPrint
		}
		groups := map[[32]byte][]spot{}
		var order [][32]byte
		for _, d := range fp.Domains() {
			p := fp.Pass(d)
			for _, k := range p.keyPrints() {
				g := groups[k.print]
				if slices.ContainsFunc(g, func(s spot) bool { return s.rr.Name == k.rr.Name }) {
					continue // the same name in another view
				}
				if len(g) == 0 {
					order = append(order, k.print)
				}
				groups[k.print] = append(g, spot{p, k})
			}
		}
		for _, print := range order {
			g := groups[print]
			if len(g) < 2 {
				continue
			}
			names := make([]string, 0, 3)
			vendor := true
			f := Finding{}
			for i, s := range g {
				vendor = vendor && slices.Contains(vendorSelectors, s.selector)
				if i < 3 {
					names = append(names, s.rr.Name.String())
				}
				if at := s.rr.TextSpan(s.start, s.end); i > 0 && i <= 10 && !at.IsZero() {
					f.Related = append(f.Related, Related{At: at, Message: "the same key at " + s.rr.Name.String()})
				}
			}
			where := strings.Join(names, ", ")
			if len(g) > len(names) {
				where += fmt.Sprintf(" and %d more", len(g)-len(names))
			}
			f.Message = fmt.Sprintf("one key at %d names (%s): who gets hold of its private half signs as all of them", len(g), where)
			f.Help = "give each its own key, or let all of them lead to one record by CNAME"
			if vendor {
				f.Severity = Info
				f.Message = fmt.Sprintf("one key at %d names (%s): the vendor has all its customers publish it", len(g), where)
				f.Help = "ask the vendor whether it offers a CNAME, so that it can change its key itself"
			}
			g[0].p.ReportText(g[0].rr, g[0].start, g[0].end, f)
		}
	},
}

// holdsKey tells whether verifiers find a key among what a place answers, or may.
func (pl *dkimPlace) holdsKey() bool {
	for _, t := range pl.texts {
		if t.key.Algorithm != dkim.NoAlgorithm {
			return true
		}
	}
	for _, rr := range pl.answer.Records {
		if rr.Type == dns.TypeTXT && rr.Origin != zone.Third && dkim.Parse(rr.Text.String()).Algorithm != dkim.NoAlgorithm {
			return true
		}
	}
	return false
}
