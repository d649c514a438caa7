package rules

import (
	"fmt"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/dkim"
	"github.com/tripod-dns/tripod/internal/zone"
)

// dkimViews are the family's views of one domain.
type dkimViews struct {
	places []*dkimPlace
	placed bool
}

// dkimCache is what the family shares between domains: which keys stand where. It outlives the domains' views, which
// are large.
type dkimCache struct {
	mu     sync.Mutex
	prints map[*zone.Domain][]keyPrint
}

// A keyPrint is one key of the repository by its fingerprint.
type keyPrint struct {
	print    [32]byte
	rr       *zone.Record
	start    int // of the value of p=
	end      int
	selector string
}

// A dkimPlace is one name below a _domainkey of the zone, with the texts that verifiers get there.
type dkimPlace struct {
	name     zone.Name
	selector string
	domain   zone.Name // the domain that signs with the keys here
	wildcard bool
	cname    *zone.Record
	answer   zone.Answer // what the CNAME leads to
	// texts are the TXT at the name itself, or, where a CNAME leads out of the definitions' own selectors, those at its end. At
	// most one is there of each text.
	texts []*dkimText
}

// A dkimText is one TXT at a selector.
type dkimText struct {
	place *dkimPlace
	rr    *zone.Record
	key   *dkim.Key
	third bool // it is a third party's, reached by the place's CNAME
}

// dkimPlaces are the selectors of the zone, but for those that are delegated, in DNS order.
func (p *Pass) dkimPlaces() []*dkimPlace {
	v := &p.dom.views.dkim
	if v.placed {
		return v.places
	}
	v.placed = true
	var prints []keyPrint
	for _, rr := range p.Zone.Records() {
		if rr.Type != dns.TypeTXT && rr.Type != dns.TypeCNAME || !strings.Contains(string(rr.Name), dkim.Label) {
			continue
		}
		selector, domain, ok := dkim.SplitName(rr.Name)
		if !ok {
			continue
		}
		if _, cut := p.Zone.Cut(rr.Name); cut {
			continue // never served from here
		}
		if selector[0] == '_' && (rr.Type != dns.TypeTXT || !dkim.Meant(rr.Text.String())) {
			continue // _adsp, _report and the like are no selectors
		}
		var pl *dkimPlace
		if n := len(v.places); n > 0 && v.places[n-1].name == rr.Name {
			pl = v.places[n-1]
		} else {
			pl = &dkimPlace{name: rr.Name, selector: selector, domain: domain, wildcard: rr.Name.IsWildcard()}
			v.places = append(v.places, pl)
		}
		if rr.Type == dns.TypeCNAME {
			if pl.cname == nil {
				pl.cname = rr
			}
			continue
		}
		if t := pl.add(p, rr, false); t != nil && t.key.Algorithm != dkim.NoAlgorithm {
			prints = append(prints, keyPrint{t.key.Fingerprint(), rr, t.key.P.ValueStart, t.key.P.ValueEnd, selector})
		}
	}
	for _, pl := range v.places {
		if pl.cname == nil || len(pl.texts) > 0 {
			continue
		}
		pl.answer = p.World().Lookup(p.Context(), pl.name, dns.TypeTXT)
		for _, rr := range pl.answer.Records {
			if rr.Type != dns.TypeTXT {
				continue
			}
			if _, _, own := dkim.SplitName(rr.Name); own && rr.Origin != zone.Third {
				continue // it is looked at where it stands
			}
			pl.add(p, rr, rr.Origin == zone.Third)
		}
	}
	c := &p.run.cache.dkim
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.prints == nil {
		c.prints = map[*zone.Domain][]keyPrint{}
	}
	c.prints[p.Domain] = prints
	return v.places
}

func (pl *dkimPlace) add(p *Pass, rr *zone.Record, third bool) *dkimText {
	text := rr.Text.String()
	for _, t := range pl.texts {
		if t.rr.Text.String() == text {
			return nil // a double is served once (RFC 2181 §5)
		}
	}
	t := &dkimText{place: pl, rr: rr, key: p.ParseKey(rr), third: third}
	pl.texts = append(pl.texts, t)
	return t
}

// keyPrints are the keys of a domain's own selectors.
func (p *Pass) keyPrints() []keyPrint {
	c := &p.run.cache.dkim
	c.mu.Lock()
	prints, ok := c.prints[p.Domain]
	c.mu.Unlock()
	if ok {
		return prints
	}
	p.dkimPlaces()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.prints[p.Domain]
}

// dkimTexts calls f for each text at a selector. Where several stand there, or a CNAME leads there, those that were not meant
// as keys are left out: dkim-multiple and dkim-dangling speak of them. A CNAME whose end is not known is noted.
func (p *Pass) dkimTexts(f func(*dkimText)) {
	for _, pl := range p.dkimPlaces() {
		p.noteCNAME(pl)
		for _, t := range pl.texts {
			if len(pl.texts) == 1 && pl.cname == nil || t.key.HasP || dkim.Meant(t.rr.Text.String()) {
				f(t)
			}
		}
	}
}

func (p *Pass) noteCNAME(pl *dkimPlace) {
	if pl.cname != nil && len(pl.texts) == 0 {
		p.noteAnswer(pl.answer, pl.name, dns.TypeTXT, pl.cname.At)
	}
}

// reportKey adds a finding about bytes of a text. Inside a third party's record it stands at the CNAME that leads there.
func (p *Pass) reportKey(t *dkimText, start, end int, f Finding) {
	if !t.third {
		p.ReportText(t.rr, start, end, f)
		return
	}
	f.Third = true
	if f.Term == "" {
		f.Term = t.rr.Text.String()[start:end]
	}
	f.Fix = nil
	if f.Note == "" {
		f.Note = "leads to " + t.rr.Name.String()
	}
	if f.Help != "" {
		f.Help = fmt.Sprintf("tell whoever runs %s: %s", registrable(t.rr.Name), f.Help)
	}
	f.At = t.place.cname.At
	p.ReportRecord(t.place.cname, f)
}

// keyFix replaces bytes of a text that stands in the definitions. Files of the key ledger are not edited.
func keyFix(t *dkimText, start, end int, with *string) *Fix {
	if with == nil || t.third || t.rr.Origin != zone.Defined || t.rr.Block == "dkim_keys" {
		return nil
	}
	at := t.rr.TextSpan(start, end)
	if at.IsZero() {
		return nil
	}
	what := *with
	if len(what) > 60 {
		what = what[:20] + "…"
	}
	msg := "write " + what
	if what == "" {
		msg = "delete " + strings.TrimSpace(t.rr.Text.String()[start:end])
	}
	return &Fix{Message: msg, Edits: []Edit{{At: at, New: *with}}}
}
