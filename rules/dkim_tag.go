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

// Tags that make a good key count for less, or for nothing.

var dkimSHA1 = &Rule{
	ID:        "dkim-sha1",
	Severity:  Error,
	Summary:   "A key that is not for SHA-256: verifiers accept no other hash",
	Reference: "RFC 8301 §3.1",
	Domain: func(p *Pass) {
		p.dkimTexts(func(t *dkimText) {
			k := t.key
			if len(k.Hashes) == 0 || k.Revoked || badValue(k) {
				return
			}
			named := func(hash string) int {
				return slices.IndexFunc(k.Hashes, func(v dkim.Value) bool { return v.Text == hash })
			}
			if named("sha256") >= 0 {
				if i := named("sha1"); i >= 0 {
					p.reportKey(t, k.Hashes[i].Start, k.Hashes[i].End, Finding{
						Severity: Info, Message: "h= names sha1, which nobody accepts any more (RFC 8301 §3.1)", Help: "drop h=: SHA-256 needs no permission",
					})
				}
				return
			}
			first, last := k.Hashes[0], k.Hashes[len(k.Hashes)-1]
			p.reportKey(t, first.Start, last.End, Finding{
				Message: "h= lacks sha256, the only hash that verifiers accept: no signature with this selector verifies (RFC 8301 §3.1)",
				Help:    "drop h=, and sign with rsa-sha256",
			})
		})
	},
}

// badValue tells whether a list of the record cannot be read, which dkim-syntax reports.
func badValue(k *dkim.Key) bool {
	return slices.ContainsFunc(k.Problems, func(pr zone.Problem) bool { return pr.Kind == dkim.BadValue })
}

var dkimTesting = &Rule{
	ID:        "dkim-testing",
	Severity:  Warning,
	Summary:   "t=y: mail that is signed with the key counts as unsigned where the signature fails",
	Reference: "RFC 6376 §3.6.1",
	Domain: func(p *Pass) {
		p.dkimTexts(func(t *dkimText) {
			v, ok := t.key.Testing()
			if !ok || t.key.Revoked {
				return
			}
			p.reportKey(t, v.Start, v.End, Finding{
				Message: "t=y says that the domain is testing DKIM: some receivers give its signatures no weight",
				Help:    "drop the flag once mail is signed as it should be",
			})
		})
	},
}

var dkimService = &Rule{
	ID:        "dkim-service",
	Severity:  Error,
	Summary:   "s= does not let the key sign mail: verifiers ignore it",
	Reference: "RFC 6376 §3.6.1",
	Domain: func(p *Pass) {
		p.dkimTexts(func(t *dkimText) {
			k := t.key
			if len(k.Services) == 0 || k.Revoked || badValue(k) {
				return
			}
			reports := false
			for _, s := range k.Services {
				reports = reports || s.Text == "tlsrpt"
			}
			first, last := k.Services[0], k.Services[len(k.Services)-1]
			switch {
			case k.ForEmail():
				for _, s := range k.Services {
					if s.Text == "*" || s.Text == "email" || s.Text == "tlsrpt" || s.Text == "" {
						continue
					}
					help := "drop s=: without it the key is for all services"
					if c := taglist.Closest(s.Text, "email", "tlsrpt"); c != "" {
						help = "did you mean " + c + "?"
					}
					p.reportKey(t, s.Start, s.End, Finding{
						Severity: Info, Message: fmt.Sprintf("s= names %q, a service that no RFC defines: verifiers ignore the word", s.Text), Help: help,
					})
				}
			case !reports: // a key for TLS reports alone is RFC 8460's
				p.reportKey(t, first.Start, last.End, Finding{
					Message: fmt.Sprintf("s=%s lacks email and *: verifiers have to ignore the key for mail", strings.TrimSpace(t.rr.Text.String()[first.Start:last.End])),
					Help:    "write s=email, or drop s=",
				})
			}
		})
	},
}

var dkimObsolete = &Rule{
	ID:        "dkim-obsolete",
	Severity:  Info,
	Summary:   "A tag or record of an older DKIM that nobody reads any more",
	Reference: "RFC 6376 §C.1",
	Domain: func(p *Pass) {
		p.dkimTexts(func(t *dkimText) {
			for i, tag := range t.key.List.Tags {
				if tag.Name != "g" {
					continue
				}
				f := Finding{Message: "g= was dropped by RFC 6376: verifiers ignore it", Help: "drop it", Reference: "RFC 6376 §E"}
				if tag.Value == "" {
					f.Message = "an empty g= was dropped by RFC 6376; verifiers of the older RFC 4871 take the key for no address at all"
				}
				if tag.Value == "*" && (t.rr.Raw || t.rr.Block == "record") {
					start, end := t.key.List.Cut(i)
					empty := ""
					f.Fix = keyFix(t, start, end, &empty)
				}
				p.reportKey(t, tag.NameStart, max(tag.NameEnd, tag.ValueEnd), f)
			}
		})
		for _, rr := range p.Zone.Records() {
			if rr.Type != dns.TypeTXT {
				continue
			}
			label, parent := rr.Name.Cut()
			switch {
			case label == "_adsp" && parent.First() == dkim.Label:
				p.ReportRecord(rr, Finding{
					Message: "ADSP was declared historic in 2013: receivers do not read it", Help: "delete the record; a DMARC policy says the same",
					Reference: "RFC 5617",
				})
			case label == dkim.Label && domainKeysPolicy(rr.Text.String()), label == "_policy" && parent.First() == dkim.Label:
				p.ReportRecord(rr, Finding{
					Message: "the policy record of DomainKeys, which DKIM replaced in 2007: receivers do not read it", Help: "delete the record; a DMARC policy says the same",
					Reference: "RFC 4870",
				})
			}
		}
	},
}

// domainKeysPolicy: RFC 4870 §3.6, "o=~; t=y; r=…".
func domainKeysPolicy(text string) bool {
	o, ok := taglist.Parse(text).Get("o")
	return ok && (o.Value == "~" || o.Value == "-")
}

var dkimRevoked = &Rule{
	ID:        "dkim-revoked",
	Severity:  Error,
	Summary:   "A revoked key (an empty p=): no signature with its selector verifies",
	Reference: "RFC 6376 §3.6.1",
	Domain: func(p *Pass) {
		p.dkimTexts(func(t *dkimText) {
			k := t.key
			if !k.Revoked || t.place.wildcard || t.rr.KeyState == "revoked" || t.third {
				return // what a CNAME leads to is dkim-dangling's
			}
			f := Finding{
				Severity: Info, Message: "p= is empty: the key is revoked, no signature with this selector verifies",
				Help: "delete the record when no mail that was signed with it is under way any more",
			}
			if t.rr.KeyState == "active" {
				f.Severity, f.Help = Error, "the ledger calls this key active, so mail is signed with it: publish its public half again"
			}
			p.reportKey(t, k.P.NameStart, k.P.ValueEnd, f)
		})
	},
}
