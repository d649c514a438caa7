package rules

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/dmarc"
	"github.com/tripod-dns/tripod/internal/resolve"
	"github.com/tripod-dns/tripod/internal/spf"
	"github.com/tripod-dns/tripod/internal/zone"
)

// spfViews are the family's views of one domain.
type spfViews struct {
	texts []*spfText
	made  bool
}

// spfCache is what the family shares between domains: third parties' records, by their text.
type spfCache struct{ third sync.Map }

// A sharedWorld is the world with the records that are parsed already.
type sharedWorld struct {
	*resolve.World
	p *Pass
}

// ParsedSPF implements spf.Parser.
func (w sharedWorld) ParsedSPF(r *zone.Record) *spf.Record {
	if r.Origin != zone.Third {
		return w.p.ParseSPF(r)
	}
	text := r.Text.String()
	c := &w.p.run.cache.spf.third
	if v, ok := c.Load(text); ok {
		if rec, ok := v.(*spf.Record); ok {
			return rec
		}
	}
	rec := spf.Parse(text)
	c.Store(text, rec)
	return rec
}

// ParsedDMARC implements dmarc.Parser.
func (w sharedWorld) ParsedDMARC(r *zone.Record) *dmarc.Record { return w.p.ParseDMARC(r) }

// SharedWorld is World for the evaluators of packages spf and dmarc: it shares parsed records.
func (p *Pass) SharedWorld() zone.Lookup { return sharedWorld{p.dom.world, p} }

// An spfText is one SPF record of the zone.
type spfText struct {
	rec    *zone.Record
	parsed *spf.Record
	all    []*zone.Record // the SPF records at the name, each text once: itself and others
	tree   *spf.Tree
}

// spfTexts are the SPF records of the zone, but for those that are delegated away, in DNS order.
func (p *Pass) spfTexts() []*spfText {
	v := &p.dom.views.spf
	if v.made {
		return v.texts
	}
	v.made = true
	var here []*spfText // of one name, which follow each other
	var had map[string]bool
	join := func() {
		all := make([]*zone.Record, len(here))
		for i, t := range here {
			all[i], t.all = t.rec, all
		}
	}
	for _, rec := range p.Zone.Records() {
		if rec.Type != dns.TypeTXT || !spf.IsSPF(rec.Text.String()) {
			continue
		}
		if _, cut := p.Zone.Cut(rec.Name); cut {
			continue // never served from here
		}
		if len(here) == 0 || here[0].rec.Name != rec.Name {
			join()
			here, had = nil, map[string]bool{}
		}
		if had[rec.Text.String()] {
			continue // served once (RFC 2181 §5)
		}
		had[rec.Text.String()] = true
		t := &spfText{rec: rec, parsed: p.ParseSPF(rec)}
		here = append(here, t)
		v.texts = append(v.texts, t)
	}
	join()
	return v.texts
}

// spfTrees calls f for each record that receivers evaluate: the only one of its name, without a fault of grammar.
func (p *Pass) spfTrees(f func(t *spfText, tree *spf.Tree)) {
	for _, t := range p.spfTexts() {
		if len(t.all) == 1 && len(t.parsed.Problems) == 0 {
			f(t, p.treeOf(t))
		}
	}
}

// treeOf is the record's tree, made once: SPFTree has the same one.
func (p *Pass) treeOf(t *spfText) *spf.Tree {
	if t.tree != nil {
		return t.tree
	}
	name := t.rec.Name
	v := &p.dom.views.words
	t.tree = v.trees[name]
	if t.tree == nil || t.tree.Root.Record != t.rec {
		// The record is there, whatever else is known of its name.
		t.tree = spf.WalkRecord(p.Context(), p.SharedWorld(), name, t.rec, t.parsed)
	}
	if v.trees == nil {
		v.trees = map[zone.Name]*spf.Tree{}
	}
	if v.trees[name] == nil {
		v.trees[name] = t.tree
	}
	return t.tree
}

// isOwn tells whether a node is a record of the repository, which has findings of its own.
func isOwn(n *spf.Node) bool { return n.Record != nil && n.Record.Origin != zone.Third }

// ownAffair tells whether what is wrong at a term is to be said at the root of its tree: no other record of the repository
// stands between them, at which it is said already.
func ownAffair(tn *spf.TermNode) bool {
	for n := tn.In; n.Via != nil; n = n.Via.In {
		if isOwn(n) {
			return false
		}
	}
	return true
}

// lostSpace tells whether spf-split speaks of the term: then what it leads to is no finding of its own.
func lostSpace(tn *spf.TermNode) bool {
	var joints []int
	if tn.In.Record != nil {
		joints = tn.In.Record.Joints
	}
	one := spf.Record{Text: tn.In.Parsed.Text, Terms: []*spf.Term{tn.Term}}
	return len(spf.LostSpaces(&one, joints)) > 0
}

// reportTerm adds a finding about a term of a tree. Inside another record it stands at the term of the own record that leads
// there, and only the owner of the other one can mend it.
func (p *Pass) reportTerm(t *spfText, tn *spf.TermNode, f Finding) {
	top := tn.Top()
	if top != tn {
		f.Third = true
		f.Fix = nil
		if f.Note == "" {
			f.Note = "leads to " + tn.In.Name.String()
		}
		if !isOwn(tn.In) {
			f.Help = fmt.Sprintf("only the owner of %s can mend it", tn.In.Name)
		}
		if p.rule.Severity == Error && !isOwn(tn.In) {
			f.Help += "; until then drop this term, or name the senders that you need"
		}
	}
	p.reportAt(t, top.Term, f)
}

// reportAt adds a finding about a term of the record itself; of redirect and exp it points at the name, which in a block stands
// apart from the word.
func (p *Pass) reportAt(t *spfText, term *spf.Term, f Finding) {
	if (term.Kind == spf.Redirect || term.Kind == spf.Exp) && term.Domain != nil {
		p.ReportText(t.rec, term.Domain.Start, term.Domain.End, f)
		return
	}
	p.ReportText(t.rec, term.Start, term.End, f)
}

// inWhich says in which record a term stands, where that is not the one that the finding is shown in: " in _spf.example.net".
func inWhich(tn *spf.TermNode) string {
	if tn.In.Via == nil {
		return ""
	}
	return " in " + tn.In.Name.String()
}

// whose names those whose mail a record decides: "example.com", or "whoever includes _spf.example.com".
func (p *Pass) whose(name zone.Name) string {
	if name.HasUnderscore() || p.includeTarget(name) && !p.IsMailDomain(name) {
		return "whoever includes " + name.String()
	}
	return name.String()
}

// missingTargets notes the include and redirect targets whose record is not at hand.
func (p *Pass) missingTargets(t *spfText, tree *spf.Tree) {
	tree.Root.Walk(func(n *spf.Node) bool {
		if n.Via == nil {
			return true
		}
		at := t.rec.TextSpan(n.Top().Term.Start, n.Top().Term.End)
		if n.Fault == spf.FaultUnknown || n.Fault == spf.FaultFailed {
			p.noteAnswer(n.Answer, n.Name, dns.TypeTXT, at)
		}
		return true
	})
}

// missingAddresses notes the answers about addresses and MX that are not at hand.
func (p *Pass) missingAddresses(t *spfText, tree *spf.Tree) {
	at := map[zone.Name]zone.Span{}
	var open zone.Span
	tree.WalkTerms(func(tn *spf.TermNode) {
		if tn.Void != spf.VoidOpen {
			return
		}
		top := tn.Top().Term
		span := t.rec.TextSpan(top.Start, top.End)
		if open.IsZero() {
			open = span
		}
		if _, ok := at[tn.Target]; !ok && tn.Target != "" {
			at[tn.Target] = span
		}
	})
	for _, q := range tree.Missing {
		if q.Type == dns.TypeTXT {
			continue
		}
		span, ok := at[q.Name]
		if !ok {
			span = open
		}
		p.Missing(q.Name, q.Type, zone.Answer{Status: zone.Unknown, Why: q.Why}, span)
	}
}

// passChain tells whether a match of the term makes the root's record pass: every term that leads there authorises.
func passChain(tn *spf.TermNode) bool {
	for {
		if tn.Term.Qualifier != '+' {
			return false
		}
		if tn.In.Via == nil {
			return true
		}
		tn = tn.In.Via
	}
}

// termList is "a, b and 3 more".
func termList(terms []string) string {
	const shown = 5
	if len(terms) <= shown {
		return strings.Join(terms, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(terms[:shown], ", "), len(terms)-shown)
}

// shortName is how a term is spoken of: an include by its target, others as they are written.
func shortName(tn *spf.TermNode) string {
	if (tn.Term.Kind == spf.Include || tn.Term.Kind == spf.Redirect) && tn.Target != "" {
		return tn.Target.String()
	}
	return tn.Term.Text
}

func uniq(in []string) []string {
	var out []string
	for _, s := range in {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}
