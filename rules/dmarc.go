package rules

import (
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/dmarc"
	"github.com/tripod-dns/tripod/internal/taglist"
	"github.com/tripod-dns/tripod/internal/zone"
)

// dmarcViews are the family's views of one domain.
type dmarcViews struct {
	places []*dmarcPlace
	placed bool
}

// dmarcCache is what the family shares between domains.
type dmarcCache struct {
	targets sync.Once
	cnames  map[zone.Name]bool // the targets of all CNAMEs of the repository
}

// A dmarcPlace is one _dmarc name of the zone, with the texts that receivers get there.
type dmarcPlace struct {
	name  zone.Name // _dmarc.example.com
	owner zone.Name // example.com
	cname *zone.Record
	// texts are the TXT at the name itself, or those that its CNAME leads to. At most one is there of each text.
	texts []*dmarcText
	count int // how many of them are DMARC records
}

// A dmarcText is one TXT at a _dmarc name.
type dmarcText struct {
	place *dmarcPlace
	rr    *zone.Record
	rec   *dmarc.Record
	third bool // it is a third party's, reached by the place's CNAME
	// shared: it stands at a _dmarc name of the repository, to which the place's CNAME leads. What is wrong with the text
	// is said there.
	shared bool
}

// one is the place's DMARC record where there is just one: several are discarded (RFC 9989 §4.10).
func (pl *dmarcPlace) one() *dmarcText {
	if pl.count != 1 {
		return nil
	}
	for _, t := range pl.texts {
		if t.rec.IsRecord {
			return t
		}
	}
	return nil
}

// dmarcPlaces are the _dmarc names of the zone, but for report permissions and what is delegated, in DNS order.
func (p *Pass) dmarcPlaces() []*dmarcPlace {
	v := &p.dom.views.dmarc
	if v.placed {
		return v.places
	}
	v.placed = true
	for _, rr := range p.Zone.Records() {
		if rr.Type != dns.TypeTXT && rr.Type != dns.TypeCNAME || !strings.EqualFold(rr.Name.First(), "_dmarc") || dmarc.IsPermissionName(rr.Name) {
			continue
		}
		if _, cut := p.Zone.Cut(rr.Name); cut || rr.Name.Parent().IsWildcard() || p.doubled(rr.Name) {
			continue // never served from here; no name's policy (RFC 4592 §2.1.1) or a wrong name's, which dmarc-location says
		}
		var pl *dmarcPlace
		if n := len(v.places); n > 0 && v.places[n-1].name == rr.Name {
			pl = v.places[n-1]
		} else {
			pl = &dmarcPlace{name: rr.Name, owner: rr.Name.Parent()}
			v.places = append(v.places, pl)
		}
		if rr.Type == dns.TypeCNAME {
			if pl.cname == nil {
				pl.cname = rr
			}
			continue
		}
		pl.add(p, &dmarcText{rr: rr})
	}
	for _, pl := range v.places {
		if pl.cname == nil || len(pl.texts) > 0 {
			continue
		}
		for _, rr := range p.World().Lookup(p.Context(), pl.name, dns.TypeTXT).Records {
			if rr.Type == dns.TypeTXT {
				third := rr.Origin == zone.Third
				pl.add(p, &dmarcText{rr: rr, third: third, shared: !third && rr.Name.First() == "_dmarc"})
			}
		}
	}
	return v.places
}

func (pl *dmarcPlace) add(p *Pass, t *dmarcText) {
	text := t.rr.Text.String()
	for _, o := range pl.texts {
		if o.rr.Text.String() == text {
			return // a double is served once (RFC 2181 §5)
		}
	}
	t.place, t.rec = pl, p.ParseDMARC(t.rr)
	if t.rec.IsRecord {
		pl.count++
	}
	pl.texts = append(pl.texts, t)
}

// dmarcTexts calls f for each text that was meant as a policy at a _dmarc name.
func (p *Pass) dmarcTexts(f func(*dmarcText)) {
	for _, pl := range p.dmarcPlaces() {
		for _, t := range pl.texts {
			if !t.shared && (t.rec.IsRecord || pl.count == 0 && dmarc.Meant(t.rr.Text.String())) {
				f(t)
			}
		}
	}
}

// ownPolicies calls f for each record that gives its owner a policy: the one DMARC record of the name, valid.
func (p *Pass) ownPolicies(f func(*dmarcText)) {
	for _, pl := range p.dmarcPlaces() {
		if t := pl.one(); t != nil && t.rec.Effective.Valid {
			f(t)
		}
	}
}

// reportDMARC adds a finding about bytes of a text. Inside a third party's record it stands at the CNAME that leads there.
func (p *Pass) reportDMARC(t *dmarcText, start, end int, f Finding) {
	if !t.third {
		p.ReportText(t.rr, start, end, f)
		return
	}
	f.Third = true
	if f.Term == "" {
		f.Term = t.rr.Text.String()[start:end]
	}
	f.Fix = nil
	f.Note = "leads to " + t.rr.Name.String()
	if f.Help != "" {
		f.Help = "only whoever keeps that record can mend it: " + f.Help
	}
	f.At = t.place.cname.At
	p.ReportRecord(t.place.cname, f)
}

// reportProblems adds a finding for each problem of the kinds in the texts meant as policies.
func (p *Pass) reportProblems(severity map[string]Severity) {
	p.dmarcTexts(func(t *dmarcText) {
		for _, pr := range t.rec.Problems {
			s, ok := severity[pr.Kind]
			if !ok {
				continue
			}
			p.reportDMARC(t, pr.Start, pr.End, Finding{Severity: s, Message: pr.Message, Help: pr.Help, Fix: p.textFix(t, pr.Start, pr.End, pr.Fix)})
		}
	})
}

// textFix replaces bytes of a text that stands in the definitions.
func (p *Pass) textFix(t *dmarcText, start, end int, with *string) *Fix {
	if with == nil || t.third || t.rr.Origin != zone.Defined {
		return nil
	}
	at := t.rr.TextSpan(start, end)
	if at.IsZero() {
		return nil
	}
	msg := "write " + *with
	if *with == "" {
		msg = "delete " + strings.TrimSpace(t.rr.Text.String()[start:end])
	}
	return &Fix{Message: msg, Edits: []Edit{{At: at, New: *with}}}
}

// dropTag deletes a tag of a record that is written as one text. In a dmarc block a tag is an attribute, which is not
// text to cut.
func (p *Pass) dropTag(t *dmarcText, tag taglist.Tag) *Fix {
	if !t.rr.Raw && t.rr.Block != "record" {
		return nil
	}
	start, end := t.rec.Cut(tag)
	empty := ""
	f := p.textFix(t, start, end, &empty)
	if f != nil {
		f.Message = "delete " + t.rec.String()[tag.NameStart:tag.ValueEnd]
	}
	return f
}

// policyOf is the discovery of a name for a rule that needs its policy. Where that is not known, the rule counts as not
// checked, and known is false.
func (p *Pass) policyOf(name zone.Name, at zone.Span) (d *dmarc.Discovery, known bool) {
	d = p.Policy(name)
	if !d.PolicyKnown {
		p.missingDMARC(d, at)
	}
	return d, d.PolicyKnown
}

// orgOf is the discovery of a name for a rule that needs its Organizational Domain.
func (p *Pass) orgOf(name zone.Name, at zone.Span) (d *dmarc.Discovery, known bool) {
	d = p.Policy(name)
	if !d.OrgKnown {
		p.missingDMARC(d, at)
	}
	return d, d.OrgKnown
}

func (p *Pass) missingDMARC(d *dmarc.Discovery, at zone.Span) {
	for _, m := range d.Missing {
		p.noteAnswer(m.Answer, m.Name, m.Type, at)
	}
}

// policySpot is where the policy of a discovery is written: the value of the tag that gave it. ok is false where the record
// is not one of the repository's definitions.
func policySpot(d *dmarc.Discovery) (at zone.Span, term string, ok bool) {
	if d.RR == nil || d.RR.Origin != zone.Defined {
		return zone.Span{}, "", false
	}
	tag, found := d.Record.Tag(d.Tag)
	if !found {
		return d.RR.At, "", true
	}
	return d.RR.TextSpan(tag.ValueStart, tag.ValueEnd), tag.Value, true
}

// reportPolicy adds a finding about a name at the policy that applies to it, or where that is not in the definitions, at the
// domain.
func (p *Pass) reportPolicy(d *dmarc.Discovery, f Finding) {
	f.Name, f.Type = d.Name, "TXT"
	if at, term, ok := policySpot(d); ok {
		f.At, f.Term = at, term
	}
	p.Report(f)
}
