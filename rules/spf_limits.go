package rules

import (
	"fmt"
	"strings"

	"github.com/tripod-dns/tripod/internal/spf"
	"github.com/tripod-dns/tripod/internal/zone"
)

// The limits of RFC 7208 §4.6.4.

var spfLookupLimit = &Rule{
	ID:        "spf-lookup-limit",
	Severity:  Error,
	Summary:   "More than 10 terms of an SPF record cost a DNS lookup: senders behind the tenth get permerror",
	Reference: "RFC 7208 §4.6.4",
	Domain: func(p *Pass) {
		p.spfTrees(func(t *spfText, tree *spf.Tree) {
			p.missingTargets(t, tree)
			if tree.Lookups <= spf.MaxLookups || ownPartOver(tree.Root) {
				return
			}
			over := overLimit(tree)
			if len(over) == 0 {
				return
			}
			var names []string
			for _, tn := range over {
				names = append(names, shortName(tn))
			}
			names = uniq(names)
			atLeast := ""
			if !tree.Complete {
				atLeast = "at least "
			}
			f := Finding{
				Message: fmt.Sprintf("%s%d DNS lookups, the limit is %d: senders not matched before the 11th get permerror (%s)",
					atLeast, tree.Lookups, spf.MaxLookups, termList(names)),
				Help: lookupHelp(tree.Root) + "\n" + costs(tree.Root),
			}
			top := over[0].Top()
			if names := costNames(top); len(names) > 1 {
				f.Note = fmt.Sprintf("costs %d: %s", top.Lookups, termList(names))
			}
			p.reportAt(t, top.Term, f)
		})
	},
}

// ownPartOver tells whether an include of the repository's own is over the limit by itself: the finding stands there.
func ownPartOver(n *spf.Node) bool {
	for _, t := range n.Terms {
		if t.Tree == nil {
			continue
		}
		if isOwn(t.Tree) && t.Tree.Lookups > spf.MaxLookups || ownPartOver(t.Tree) {
			return true
		}
	}
	return false
}

// overLimit are the terms that are not evaluated any more: the one that would be the eleventh, and what comes behind it.
// Of an include that is not evaluated its own terms are not listed.
func overLimit(tree *spf.Tree) []*spf.TermNode {
	var out []*spf.TermNode
	skip := map[*spf.Node]bool{}
	tree.WalkTerms(func(tn *spf.TermNode) {
		if tn.In.Via != nil && skip[tn.In] {
			if tn.Tree != nil {
				skip[tn.Tree] = true
			}
			return
		}
		if !tn.Reached || tn.Own == 0 || tn.Before+tn.Own <= spf.MaxLookups {
			return
		}
		out = append(out, tn)
		if tn.Tree != nil {
			skip[tn.Tree] = true
		}
		if tn.Tree6 != nil {
			skip[tn.Tree6] = true
		}
	})
	return out
}

// costNames are the names at which a term's cost arises.
func costNames(tn *spf.TermNode) []string {
	var out []string
	var walk func(tn *spf.TermNode)
	walk = func(tn *spf.TermNode) {
		if tn.Own > 0 {
			out = append(out, shortName(tn))
		}
		if tn.Tree != nil {
			for _, c := range tn.Tree.Terms {
				if c.Reached {
					walk(c)
				}
			}
		}
	}
	walk(tn)
	return out
}

// lookupHelp says what helps against too many lookups.
func lookupHelp(root *spf.Node) string {
	costly, most := 0, (*spf.TermNode)(nil)
	for _, tn := range root.Terms {
		if tn.Term.Kind != spf.Include || tn.Tree == nil || tn.Tree.Fault != spf.NoFault {
			continue
		}
		if tn.Lookups > 1 {
			costly++
		}
		if most == nil || tn.Lookups > most.Lookups {
			most = tn
		}
	}
	if most == nil {
		return "drop terms that no sender needs, or name addresses with ip4 and ip6, which cost nothing"
	}
	drop := "drop an include"
	if costly > 1 {
		drop = fmt.Sprintf("drop one of the %d includes that cost more than 1", costly)
	}
	return fmt.Sprintf("%s, or move it from terms to flatten:\n  flatten = [%q]", drop, most.Term.Text)
}

// costs prints the tree, each term that costs something with its part.
func costs(root *spf.Node) string {
	const maxLines = 30
	var lines []string
	var walk func(n *spf.Node, indent string)
	walk = func(n *spf.Node, indent string) {
		for _, tn := range n.Terms {
			if tn.Lookups == 0 {
				continue
			}
			if len(lines) == maxLines {
				lines = append(lines, "  …")
			}
			if len(lines) > maxLines {
				return
			}
			lines = append(lines, fmt.Sprintf("%s%2d %s", indent, tn.Lookups, tn.Term.Text))
			if tn.Tree != nil {
				walk(tn.Tree, indent+"   ")
			}
		}
	}
	walk(root, "  ")
	return strings.Join(lines, "\n")
}

var spfLookupBudget = &Rule{
	ID:        "spf-lookup-budget",
	Severity:  Warning,
	Summary:   "Few of the 10 DNS lookups are left: any vendor's change may break the record",
	Reference: "RFC 7208 §4.6.4",
	Params:    []Param{{Name: "above", Default: 8, Doc: "the budget: more lookups than this are reported"}},
	Domain: func(p *Pass) {
		above := p.Param("above")
		p.spfTrees(func(t *spfText, tree *spf.Tree) {
			if tree.Lookups <= above || tree.Lookups > spf.MaxLookups || !p.IsMailDomain(t.rec.Name) {
				return
			}
			var most *spf.TermNode
			for _, tn := range tree.Root.Terms {
				better := most == nil || tn.Lookups > most.Lookups ||
					tn.Lookups == most.Lookups && tn.Term.Kind == spf.Include && most.Term.Kind != spf.Include
				if tn.Lookups > 0 && better {
					most = tn
				}
			}
			if most == nil {
				return
			}
			f := Finding{Severity: Info, Note: fmt.Sprintf("costs %d", most.Lookups), Help: lookupHelp(tree.Root) + "\n" + costs(tree.Root)}
			f.Message = fmt.Sprintf("%d of %d DNS lookups are used, the budget is %d", tree.Lookups, spf.MaxLookups, above)
			if tree.Lookups == spf.MaxLookups {
				f.Severity = Warning
				f.Message = fmt.Sprintf("all %d DNS lookups are used: one more in any included record, and senders behind it get permerror", spf.MaxLookups)
			}
			if !tree.Complete {
				f.Message = fmt.Sprintf("at least %d of %d DNS lookups are used, the budget is %d", tree.Lookups, spf.MaxLookups, above)
			}
			p.reportAt(t, most.Term, f)
		})
	},
}

// voidTerms are the void terms of a tree for one family of clients, in the order of evaluation; possible counts dynamic
// exists as well.
func voidTerms(tree *spf.Tree, v6, possible bool) []*spf.TermNode {
	var out []*spf.TermNode
	tree.WalkTerms(func(tn *spf.TermNode) {
		switch {
		case tn.Void == spf.VoidCertain, tn.Void == spf.VoidIPv4 && !v6, tn.Void == spf.VoidIPv6 && v6,
			tn.Void == spf.VoidPossible && possible:
			out = append(out, tn)
		}
	})
	return out
}

// authorisedLater are the terms behind a term that may let clients of a family pass.
func authorisedLater(tree *spf.Tree, behind *spf.TermNode, v6 bool) []string {
	var out []string
	passed := false
	tree.WalkTerms(func(tn *spf.TermNode) {
		if tn == behind {
			passed = true
			return
		}
		if !passed || !tn.Reached || !passChain(tn) || tn.Term.Kind == spf.All {
			return
		}
		may := false
		switch tn.Term.Kind {
		case spf.IP4:
			may = !v6
		case spf.IP6:
			may = v6
		case spf.A, spf.MX, spf.Exists, spf.PTR:
			may = tn.Void != spf.VoidCertain && (tn.Void != spf.VoidIPv4 || v6) && (tn.Void != spf.VoidIPv6 || !v6)
		case spf.Include, spf.Redirect:
			may = tn.Tree != nil && tn.Tree.Fault.Open()
		}
		if !may {
			return
		}
		if tn.In.Via != nil {
			out = append(out, tn.In.Name.String())
		} else {
			out = append(out, tn.Term.Text)
		}
	})
	return uniq(out)
}

var spfVoidLimit = &Rule{
	ID:        "spf-void-limit",
	Severity:  Error,
	Summary:   "More than 2 terms find nothing: senders behind the second may get permerror",
	Reference: "RFC 7208 §4.6.4",
	Domain: func(p *Pass) {
		p.spfTrees(func(t *spfText, tree *spf.Tree) {
			p.missingAddresses(t, tree)
			if len(tree.Faults) > 0 {
				return // permerror long since
			}
			v4, v6 := voidTerms(tree, false, false), voidTerms(tree, true, false)
			over := func(l []*spf.TermNode) bool { return len(l) > spf.MaxVoid }
			switch {
			case over(v4) && over(v6):
				p.reportVoid(t, v4, Error, fmt.Sprintf("%d void lookups, the limit is %d: senders not matched before the third get permerror from receivers that keep to it (%s)",
					max(len(v4), len(v6)), spf.MaxVoid, termList(voidNames(v4))))
			case over(v4) || over(v6):
				list, family := v4, "IPv4"
				if over(v6) {
					list, family = v6, "IPv6"
				}
				later := authorisedLater(tree, list[spf.MaxVoid], over(v6))
				if len(later) == 0 {
					return
				}
				p.reportVoid(t, list, Warning, fmt.Sprintf("%d void lookups for %s clients, the limit is %d: senders in %s may get permerror",
					len(list), family, spf.MaxVoid, termList(later)))
			default:
				list := voidTerms(tree, false, true)
				if l6 := voidTerms(tree, true, true); len(l6) > len(list) {
					list = l6
				}
				if over(list) {
					p.reportVoid(t, list, Info, fmt.Sprintf("%d void lookups, if each exists finds nothing; the limit is %d: senders behind the third may get permerror",
						len(list), spf.MaxVoid))
				}
			}
		})
	},
}

func voidNames(terms []*spf.TermNode) []string {
	var out []string
	for _, tn := range terms {
		out = append(out, tn.Term.Text+inWhich(tn))
	}
	return out
}

// reportVoid points at the term that is one too many, at the own term that leads there.
func (p *Pass) reportVoid(t *spfText, terms []*spf.TermNode, s Severity, msg string) {
	at := terms[spf.MaxVoid]
	for n := at.In; n.Via != nil; n = n.Via.In {
		if isOwn(n) && countBelow(n, terms) > spf.MaxVoid {
			return // it has the finding
		}
	}
	third := true
	for _, tn := range terms {
		third = third && tn.In.Via != nil
	}
	f := Finding{Severity: s, Third: third, Message: msg,
		Help: "drop terms that authorise no one, or write addresses with ip4 and ip6"}
	if third && at.In.Record != nil && !isOwn(at.In) {
		f.Help = fmt.Sprintf("only the owner of %s can mend it; until then drop this term, or name the senders that you need", at.In.Name)
	}
	if s != Error {
		f.Help = "void are " + termList(voidNames(terms)) + ": " + f.Help
	}
	if at.In.Via != nil {
		f.Note = "leads to " + at.In.Name.String()
	}
	p.reportAt(t, at.Top().Term, f)
}

// countBelow counts the terms that stand in a record or in what it leads to.
func countBelow(n *spf.Node, terms []*spf.TermNode) int {
	count := 0
	for _, tn := range terms {
		for up := tn.In; ; up = up.Via.In {
			if up == n {
				count++
				break
			}
			if up.Via == nil {
				break
			}
		}
	}
	return count
}

var spfVoid = &Rule{
	ID:        "spf-void",
	Severity:  Warning,
	Summary:   "A term finds nothing, whoever sends: it authorises no one",
	Reference: "RFC 7208 §4.6.4",
	Domain: func(p *Pass) {
		p.spfTrees(func(t *spfText, tree *spf.Tree) {
			p.missingAddresses(t, tree)
			if v := tree.Void; v.Certain+v.IPv4 > spf.MaxVoid && v.Certain+v.IPv6 > spf.MaxVoid && len(tree.Faults) == 0 {
				return // spf-void-limit names them
			}
			tree.WalkTerms(func(tn *spf.TermNode) {
				if tn.Void != spf.VoidCertain || !ownAffair(tn) || lostSpace(tn) {
					return
				}
				f := Finding{Help: "drop the term, or correct the name"}
				switch {
				case tn.Status == zone.NXDomain:
					f.Message = fmt.Sprintf("%s%s authorises no one: %s does not exist", tn.Term.Text, inWhich(tn), tn.Target)
				case tn.Term.Kind == spf.MX && tn.Status == zone.Found:
					f.Severity = Info
					f.Message = fmt.Sprintf("%s%s authorises no one: no MX host of %s has an address", tn.Term.Text, inWhich(tn), tn.Target)
				case tn.Term.Kind == spf.MX:
					f.Severity = Info
					f.Message = fmt.Sprintf("%s%s authorises no one: %s has no MX", tn.Term.Text, inWhich(tn), tn.Target)
				default:
					f.Severity = Info
					f.Message = fmt.Sprintf("%s%s authorises no one: %s has no address", tn.Term.Text, inWhich(tn), tn.Target)
				}
				p.reportTerm(t, tn, f)
			})
		})
	},
}

var spfMXLimit = &Rule{
	ID:        "spf-mx-limit",
	Severity:  Error,
	Summary:   "An mx term leads to more than 10 MX names: receivers answer permerror",
	Reference: "RFC 7208 §4.6.4",
	Domain: func(p *Pass) {
		p.spfTrees(func(t *spfText, tree *spf.Tree) {
			for _, tn := range tree.MXLimit {
				if !ownAffair(tn) {
					continue
				}
				p.reportTerm(t, tn, Finding{
					Message: fmt.Sprintf("%s%s leads to %d MX names, the limit is %d: senders not matched before it get permerror",
						tn.Term.Text, inWhich(tn), tn.MXNames, spf.MaxMX),
					Help: "name the hosts that send with a, ip4 or ip6",
				})
			}
		})
	},
}
