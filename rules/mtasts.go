package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/bimi"
	"github.com/tripod-dns/tripod/internal/mtasts"
	"github.com/tripod-dns/tripod/internal/tlsrpt"
	"github.com/tripod-dns/tripod/internal/zone"
)

// aroundViews are the places of the records around SPF, DKIM and DMARC, found in one pass over the zone.
type aroundViews struct {
	made                 bool
	mtasts, tlsrpt, bimi []*textPlace
	unprotected          map[zone.Name]*unprotected
}

// A textPlace is one name at which readers look for a record of one kind, with the texts that they get there.
type textPlace struct {
	name, owner zone.Name
	cname       *zone.Record
	// texts are the TXT at the name itself, or those that its CNAME leads to. At most one is there of each text.
	texts []*placeText
}

// A placeText is one TXT at such a name.
type placeText struct {
	place *textPlace
	rr    *zone.Record
	third bool // it is a third party's, reached by the place's CNAME
	// shared: it stands in the repository, at a name of the same kind to which the place's CNAME leads. What is wrong with the
	// text is said there.
	shared bool
	mtasts *mtasts.Record
	tlsrpt *tlsrpt.Record
	bimi   *bimi.Record
}

// around finds the places of MTA-STS, TLS reporting and BIMI records, but for what is delegated, in DNS order.
func (p *Pass) around() *aroundViews {
	v := &p.dom.views.around
	if v.made {
		return v
	}
	v.made = true
	for _, rr := range p.Zone.Records() {
		if rr.Type != dns.TypeTXT && rr.Type != dns.TypeCNAME || rr.Name[0] != '_' && !strings.Contains(string(rr.Name), "._") {
			continue
		}
		switch first, rest := rr.Name.Cut(); {
		case first == mtasts.Label:
			v.mtasts = p.place(v.mtasts, rr, rest)
		case first == "_smtp" && rest.First() == "_tls":
			v.tlsrpt = p.place(v.tlsrpt, rr, rest.Parent())
		case rest.First() == bimi.Label && first != "*":
			v.bimi = p.place(v.bimi, rr, rest.Parent())
		}
	}
	for _, list := range [][]*textPlace{v.mtasts, v.tlsrpt, v.bimi} {
		for _, pl := range list {
			if pl.cname == nil || len(pl.texts) > 0 {
				continue
			}
			for _, rr := range p.World().Lookup(p.Context(), pl.name, dns.TypeTXT).Records {
				third := rr.Origin == zone.Third
				pl.add(&placeText{rr: rr, third: third, shared: !third && sameKind(rr.Name, pl.name)})
			}
		}
	}
	for _, pl := range v.mtasts {
		for _, t := range pl.texts {
			t.mtasts = mtasts.Parse(t.rr.Text.String())
		}
	}
	for _, pl := range v.tlsrpt {
		for _, t := range pl.texts {
			t.tlsrpt = tlsrpt.Parse(t.rr.Text.String())
		}
	}
	for _, pl := range v.bimi {
		for _, t := range pl.texts {
			t.bimi = bimi.Parse(t.rr.Text.String())
		}
	}
	return v
}

// sameKind tells whether two names are places of the same kind of record.
func sameKind(a, b zone.Name) bool {
	first, rest := a.Cut()
	other, restB := b.Cut()
	return first == other && (first == mtasts.Label || first == "_smtp" && rest.First() == "_tls") ||
		rest.First() == bimi.Label && restB.First() == bimi.Label
}

func (p *Pass) place(list []*textPlace, rr *zone.Record, owner zone.Name) []*textPlace {
	if _, cut := p.Zone.Cut(rr.Name); cut || owner.IsWildcard() {
		return list // never served from here; for no name (RFC 4592 §2.1.1)
	}
	n := len(list)
	if n == 0 || list[n-1].name != rr.Name {
		list = append(list, &textPlace{name: rr.Name, owner: owner})
		n++
	}
	pl := list[n-1]
	switch {
	case rr.Type == dns.TypeTXT:
		pl.add(&placeText{rr: rr})
	case pl.cname == nil:
		pl.cname = rr
	}
	return list
}

func (pl *textPlace) add(t *placeText) {
	text := t.rr.Text.String()
	for _, o := range pl.texts {
		if o.rr.Text.String() == text {
			return // a double is served once (RFC 2181 §5)
		}
	}
	t.place = pl
	pl.texts = append(pl.texts, t)
}

// meant are the texts that were meant as a record of the kind: those that say so, else the only text.
func (pl *textPlace) meant(is func(string) bool) []*placeText {
	var out []*placeText
	for _, t := range pl.texts {
		if is(t.rr.Text.String()) {
			out = append(out, t)
		}
	}
	if len(out) == 0 && len(pl.texts) == 1 && pl.cname == nil {
		return pl.texts
	}
	return out
}

// record is the record that stands at the place: its CNAME, or its first text.
func (pl *textPlace) record() *zone.Record {
	if pl.cname != nil {
		return pl.cname
	}
	return pl.texts[0].rr
}

// noteCNAMEs notes the places whose CNAME leads to an answer that is not at hand.
func (p *Pass) noteCNAMEs(places []*textPlace) {
	for _, pl := range places {
		if pl.cname != nil && len(pl.texts) == 0 {
			p.Lookup(pl.name, dns.TypeTXT, pl.cname.At)
		}
	}
}

// reportPlaced adds a finding about bytes of a text. Inside a third party's record it stands at the CNAME that leads there.
func (p *Pass) reportPlaced(t *placeText, start, end int, f Finding) {
	if !t.third {
		p.ReportText(t.rr, start, end, f)
		return
	}
	f.Third = true
	f.Fix = nil
	if f.Term == "" {
		f.Term = t.rr.Text.String()[start:end]
	}
	f.Note = "leads to " + t.rr.Name.String()
	if f.Help != "" {
		f.Help = "only whoever keeps that record can mend it: " + f.Help
	}
	f.At = t.place.cname.At
	p.ReportRecord(t.place.cname, f)
}

// reportGrammar adds a finding for each problem of a text, with its fix if fix says so.
func (p *Pass) reportGrammar(t *placeText, problems []zone.Problem, fix bool) {
	if t.shared {
		return
	}
	for _, pr := range problems {
		f := Finding{Message: pr.Message, Help: pr.Help}
		if fix && pr.Fix != nil && !t.third && t.rr.Origin == zone.Defined {
			if at := t.rr.TextSpan(pr.Start, pr.End); !at.IsZero() {
				f.Fix = &Fix{Message: "write " + *pr.Fix, Edits: []Edit{{At: at, New: *pr.Fix}}}
				if *pr.Fix == "" {
					f.Fix.Message = "delete " + strings.TrimSpace(t.rr.Text.String()[pr.Start:pr.End])
				}
			}
		}
		p.reportPlaced(t, pr.Start, pr.End, f)
	}
}

// reportSeveral adds a finding where a place has several records of which readers want one. Where there is one, and others may
// stand beside it that are not known here, the rule counts as not checked.
func (p *Pass) reportSeveral(places []*textPlace, version, what string) {
	for _, pl := range places {
		var all []*placeText
		for _, t := range pl.texts {
			text := t.rr.Text.String()
			if text == version || strings.HasPrefix(text, version+";") || strings.HasPrefix(text, version+" ") {
				all = append(all, t)
			}
		}
		if len(all) < 2 || all[0].shared {
			if len(all) == 1 && pl.cname == nil {
				p.Whole(pl.name, dns.TypeTXT)
			}
			continue
		}
		last := all[0]
		for _, t := range all {
			if !wholeAt(t.rr).IsZero() {
				last = t // the last one that stands in the definitions
			}
		}
		f := Finding{Message: fmt.Sprintf("%d records at %s: %s", len(all), pl.name, what), Help: "keep one"}
		for _, t := range all {
			if t == last || t.third {
				continue
			}
			rel := Related{At: wholeAt(t.rr), Message: "another one"}
			if rel.At.IsZero() {
				rel.Message = "another one is in dnsconfig.js"
			}
			f.Related = append(f.Related, rel)
		}
		if last.third {
			p.reportPlaced(last, 0, last.rr.Text.Len(), f)
			continue
		}
		p.reportWhole(last.rr, f)
	}
}

var mtastsRecord = &Rule{
	ID:        "mtasts-record",
	Severity:  Error,
	Summary:   "An MTA-STS record breaks the grammar: senders go on as if there were no policy",
	Reference: "RFC 8461 §3.1",
	Domain: func(p *Pass) {
		p.noteCNAMEs(p.around().mtasts)
		for _, pl := range p.around().mtasts {
			for _, t := range pl.meant(mtasts.Meant) {
				p.reportGrammar(t, t.mtasts.Problems, false) // a mended record puts a policy in force
			}
		}
	},
}

var mtastsMultiple = &Rule{
	ID:        "mtasts-multiple",
	Severity:  Error,
	Summary:   "Several MTA-STS records at one name: senders go on as if there were no policy",
	Reference: "RFC 8461 §3.1",
	Whole:     true,
	Domain: func(p *Pass) {
		p.noteCNAMEs(p.around().mtasts)
		p.reportSeveral(p.around().mtasts, "v=STSv1", "senders go on as if there were no MTA-STS policy")
	},
}

var mtastsHost = &Rule{
	ID:        "mtasts-host",
	Severity:  Error,
	Summary:   "An MTA-STS record without a host that serves the policy",
	Reference: "RFC 8461 §3.3",
	Whole:     true,
	Domain: func(p *Pass) {
		p.noteCNAMEs(p.around().mtasts)
		for _, pl := range p.around().mtasts {
			if len(pl.meant(mtasts.Meant)) == 0 {
				continue
			}
			host := pl.owner.Child(mtasts.Host)
			if !p.addressesKnown(host) {
				continue
			}
			rr := pl.record()
			has, known, status := p.HasAddress(host, rr.At)
			if has || !known {
				continue
			}
			what := "has no address"
			if status == zone.NXDomain {
				what = "does not exist"
			}
			p.ReportRecord(rr, Finding{
				Message: fmt.Sprintf("%s %s: senders cannot fetch the policy and go on without it", host, what),
				Help:    fmt.Sprintf("point it to an HTTPS server whose certificate names %s, and which serves /.well-known/mta-sts.txt", host),
			})
		}
	},
}

// addressesKnown notes where a name's addresses are left to others, or stand in the half of a zone that is not known. Whoever has
// it delegated is asked.
func (p *Pass) addressesKnown(name zone.Name) bool {
	if _, cut := p.Zone.Cut(name); cut || len(p.Zone.Set(name, dns.TypeCNAME)) > 0 {
		return true
	}
	for _, t := range [...]uint16{dns.TypeA, dns.TypeAAAA} {
		if len(p.Zone.Set(name, t)) > 0 {
			return true
		}
	}
	return p.Whole(name, dns.TypeA) && p.Whole(name, dns.TypeAAAA)
}

var mtastsMX = &Rule{
	ID:        "mtasts-mx",
	Severity:  Error,
	Summary:   "The MTA-STS policy and the MX records do not name the same hosts: mail is refused, or sent without TLS",
	Reference: "RFC 8461 §4.1",
	Whole:     true,
	Domain: func(p *Pass) {
		for _, pol := range p.Domain.MTASTS {
			if pol.Mode != mtasts.Enforce && pol.Mode != mtasts.Testing {
				continue
			}
			if set := p.Zone.Set(pol.Owner, dns.TypeMX); len(set) == 0 && !p.Whole(pol.Owner, dns.TypeMX) {
				continue
			}
			a := p.Lookup(pol.Owner, dns.TypeMX, pol.At)
			if !a.Status.Known() || len(a.Records) == 0 {
				continue
			}
			uncovered := false
			for _, mx := range a.Records {
				if mx.Target != zone.Root && !slices.ContainsFunc(pol.MX, func(s string) bool { return mtasts.Covers(s, mx.Target) }) {
					uncovered = true
					p.reportUncovered(pol, mx)
				}
			}
			if uncovered || !p.Whole(pol.Owner, dns.TypeMX) {
				continue // a misspelt name in the policy is the cause of it
			}
			for i, s := range pol.MX {
				if !slices.ContainsFunc(a.Records, func(mx *zone.Record) bool { return mtasts.Covers(s, mx.Target) }) {
					p.Report(Finding{Severity: Info, Name: pol.Owner, Type: "MX", At: pol.MXAt[i], Term: s,
						Message: fmt.Sprintf("%s covers no MX of %s", s, pol.Owner),
						Help:    "drop it, unless it is to become one: the policy has to be there first",
					})
				}
			}
		}
	},
}

func (p *Pass) reportUncovered(pol *zone.MTASTSPolicy, mx *zone.Record) {
	f := Finding{
		Message: fmt.Sprintf("the MTA-STS policy of %s does not cover %s: senders that know the policy do not deliver there", pol.Owner, mx.Target),
		Help:    fmt.Sprintf("add %q to mx of the policy, or drop the MX", mx.Target),
		Related: []Related{{At: pol.At, Message: "the policy"}},
	}
	if pol.Mode == mtasts.Testing {
		f.Severity = Warning
		f.Message = fmt.Sprintf("the MTA-STS policy of %s does not cover %s: in mode enforce senders would not deliver there", pol.Owner, mx.Target)
	}
	if mx.Origin != zone.Defined || mx.Name != pol.Owner {
		f.Name, f.Type, f.At, f.Related = pol.Owner, "MX", pol.At, nil
		p.Report(f)
		return
	}
	p.ReportRecord(mx, f)
}

var mtastsMode = &Rule{
	ID:        "mtasts-mode",
	Severity:  Warning,
	Summary:   "An MTA-STS policy that only tests, past the day that this was to end",
	Reference: "RFC 8461 §5",
	Domain: func(p *Pass) {
		for _, pol := range p.Domain.MTASTS {
			if pol.Mode != mtasts.Testing || !Past(pol.Until, p.Now) {
				continue
			}
			p.Report(Finding{Name: pol.Owner.Child(mtasts.Label), Type: "TXT", At: pol.ModeAt, Term: pol.Mode,
				Message: fmt.Sprintf("testing was to end on %s: senders still deliver to %s without TLS", pol.Until.Format(time.DateOnly), pol.Owner),
				Help:    "write enforce when the TLS reports show no failures, or a later day",
				Related: []Related{{At: pol.UntilAt, Message: "until"}},
			})
		}
	},
}

var mtastsMaxAge = &Rule{
	ID:        "mtasts-max-age",
	Severity:  Error,
	Summary:   "The max_age of an MTA-STS policy is more than allowed, or too short to protect",
	Reference: "RFC 8461 §3.2",
	Domain: func(p *Pass) {
		const day = 24 * 3600
		for _, pol := range p.Domain.MTASTS {
			f := Finding{Name: pol.Owner.Child(mtasts.Label), Type: "TXT", At: pol.AgeAt, Term: fmt.Sprint(pol.MaxAge)}
			switch {
			case pol.MaxAge > mtasts.MaxMaxAge:
				f.Message = fmt.Sprintf("max_age = %d, the limit is %d: senders may ignore the policy", pol.MaxAge, mtasts.MaxMaxAge)
				f.Help = fmt.Sprintf("write %d or less: a few weeks are usual", mtasts.MaxMaxAge)
			case pol.Mode != mtasts.Enforce:
				continue
			case pol.MaxAge < day:
				f.Severity = Warning
				f.Message = fmt.Sprintf("max_age = %d: whoever can block DNS or HTTPS for less than a day turns the policy off", pol.MaxAge)
				f.Help = "write a week (604800) or more; a short one is for trying the policy out"
			case pol.MaxAge < week:
				f.Severity = Info
				f.Message = fmt.Sprintf("max_age = %d: whoever can block DNS or HTTPS for less than a week turns the policy off", pol.MaxAge)
				f.Help = "write some weeks (RFC 8461 §3.2), such as 1209600"
			default:
				continue
			}
			p.Report(f)
		}
	},
}
