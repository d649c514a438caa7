package rules

import (
	"fmt"

	"github.com/tripod-dns/tripod/internal/dmarc"
)

// What is written in a record that receivers do not read as it was meant.

var dmarcSyntax = &Rule{
	ID:        "dmarc-syntax",
	Severity:  Error,
	Summary:   "A DMARC record breaks the grammar: receivers ignore it, or a part of it",
	Reference: "RFC 9989 §4.8",
	Domain: func(p *Pass) {
		p.reportProblems(map[string]Severity{dmarc.KindVersion: Error, dmarc.KindLost: Error, dmarc.KindSyntax: Warning})
	},
}

var dmarcValue = &Rule{
	ID:        "dmarc-value",
	Severity:  Error,
	Summary:   "A tag has a value that DMARC does not know: the policy is lost, or the default applies",
	Reference: "RFC 9989 §4.7",
	Domain: func(p *Pass) {
		p.reportProblems(map[string]Severity{dmarc.KindPolicy: Error, dmarc.KindValue: Warning})
	},
}

var dmarcNoP = &Rule{
	ID:        "dmarc-no-p",
	Severity:  Error,
	Summary:   "A DMARC record has no p: it counts as p=none, or as no DMARC at all",
	Reference: "RFC 9989 §4.10.1",
	Domain: func(p *Pass) {
		p.dmarcTexts(func(t *dmarcText) {
			if pr, ok := t.rec.Problem(dmarc.KindNoPolicy, dmarc.KindNoDMARC); ok {
				f := Finding{Severity: Error, Name: t.place.owner, Message: pr.Message, Help: pr.Help}
				if pr.Kind == dmarc.KindNoPolicy {
					f.Severity = Warning
				}
				p.reportDMARC(t, pr.Start, pr.End, p.Bulk(f, "a DMARC policy"))
			}
		})
	},
}

var dmarcRemovedTag = &Rule{
	ID:        "dmarc-removed-tag",
	Severity:  Warning,
	Summary:   "A tag that RFC 9989 removed: receivers of the new and of the old DMARC treat the mail differently",
	Reference: "RFC 9989 §C.5.2",
	Domain: func(p *Pass) {
		p.dmarcTexts(func(t *dmarcText) {
			for _, pr := range t.rec.Problems {
				f := Finding{Message: pr.Message, Help: pr.Help}
				switch pr.Kind {
				case dmarc.KindRemoved:
					f.Severity = Info
				case dmarc.KindPct, dmarc.KindPctZero:
					f.Severity = Warning
				default:
					continue
				}
				for _, tag := range t.rec.Tags {
					if tag.NameStart != pr.Start {
						continue
					}
					_, testing := t.rec.Tag("t")
					switch {
					case pr.Kind == dmarc.KindRemoved, pr.Kind == dmarc.KindPctZero && testing:
						f.Fix = p.dropTag(t, tag)
					case pr.Kind == dmarc.KindPctZero:
						with := "t=y"
						f.Fix = p.textFix(t, pr.Start, pr.End, &with)
					}
				}
				p.reportDMARC(t, pr.Start, pr.End, f)
			}
		})
	},
}

var dmarcUnknownTag = &Rule{
	ID:        "dmarc-unknown-tag",
	Severity:  Warning,
	Summary:   "A tag that DMARC does not have: receivers ignore it",
	Reference: "RFC 9989 §4.7",
	Domain: func(p *Pass) {
		p.reportProblems(map[string]Severity{dmarc.KindUnknown: Warning})
	},
}

var dmarcDuplicateTag = &Rule{
	ID:        "dmarc-duplicate-tag",
	Severity:  Error,
	Summary:   "The same tag twice makes the whole record invalid",
	Reference: "RFC 6376 §3.2",
	Domain: func(p *Pass) {
		p.reportProblems(map[string]Severity{dmarc.KindDuplicate: Error})
	},
}

var dmarcOrder = &Rule{
	ID:        "dmarc-order",
	Severity:  Info,
	Summary:   "p does not stand right behind v, which older receivers insist on",
	Reference: "RFC 7489 §6.4",
	Domain: func(p *Pass) {
		p.reportProblems(map[string]Severity{dmarc.KindOrder: Info})
	},
}

var dmarcURI = &Rule{
	ID:        "dmarc-uri",
	Severity:  Error,
	Summary:   "A report address that receivers cannot use: no reports are sent there",
	Reference: "RFC 9989 §4.6",
	Domain: func(p *Pass) {
		p.reportProblems(map[string]Severity{
			dmarc.KindNoURI: Error, dmarc.KindURI: Warning, dmarc.KindScheme: Warning, dmarc.KindSize: Info,
		})
	},
}

var dmarcManyURIs = &Rule{
	ID:        "dmarc-many-uris",
	Severity:  Info,
	Summary:   "More than two report addresses: receivers may stop after two",
	Reference: "RFC 7489 §6.2",
	Domain: func(p *Pass) {
		p.reportProblems(map[string]Severity{dmarc.KindManyURIs: Info})
	},
}

var dmarcFO = &Rule{
	ID:        "dmarc-fo",
	Severity:  Info,
	Summary:   "fo without ruf: receivers ignore it",
	Reference: "RFC 9989 §4.7",
	Domain: func(p *Pass) {
		p.ownPolicies(func(t *dmarcText) {
			fo, ok := t.rec.Tag("fo")
			if _, ruf := t.rec.Tag("ruf"); !ok || ruf {
				return
			}
			p.reportDMARC(t, fo.ValueStart, fo.ValueEnd, Finding{
				Message: fmt.Sprintf("fo=%s without ruf: receivers ignore it", fo.Value),
				Help:    "drop it: it chooses when failure reports are sent, and none are asked for",
				Fix:     p.dropTag(t, fo),
			})
		})
	},
}

var dmarcRUF = &Rule{
	ID:        "dmarc-ruf",
	Severity:  Info,
	Summary:   "Failure reports carry personal data, and few receivers send them",
	Reference: "RFC 9989 §10.2",
	Domain: func(p *Pass) {
		p.ownPolicies(func(t *dmarcText) {
			ruf, ok := t.rec.Tag("ruf")
			if !ok || t.rec.PSD == dmarc.PSDYes { // dmarc-psd says more
				return
			}
			for _, u := range t.rec.RUF {
				if u.Valid() {
					p.reportDMARC(t, ruf.ValueStart, ruf.ValueEnd, Finding{
						Message: "failure reports carry addresses and subjects of single messages, and few receivers send them",
						Help:    "make sure that whoever reads them may see such data, or drop ruf: rua is what finds mistakes",
					})
					return
				}
			}
		})
	},
}
