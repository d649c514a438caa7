package rules

import (
	"fmt"

	"go4.org/netipx"

	"github.com/tripod-dns/tripod/internal/spf"
)

// What a record says in the end: who passes, and what becomes of the rest.

var spfPassAll = &Rule{
	ID:        "spf-pass-all",
	Severity:  Error,
	Summary:   "An SPF record lets anyone send",
	Reference: "RFC 7208 §5.1",
	Domain: func(p *Pass) {
		p.spfTrees(func(t *spfText, tree *spf.Tree) {
			whose := p.whose(t.rec.Name)
			done := map[*spf.TermNode]bool{}
			tree.WalkTerms(func(tn *spf.TermNode) {
				if !tn.Reached || !passChain(tn) || !ownAffair(tn) || done[tn.Top()] {
					return
				}
				who := passesWho(tn)
				if who == "" {
					return
				}
				done[tn.Top()] = true
				p.reportTerm(t, tn, Finding{
					Message: fmt.Sprintf("%s%s lets %s send as %s", tn.Term.Text, inWhich(tn), who, whose),
					Help:    `name the hosts that send, and end the record in "-all" or "~all"`,
				})
			})
			if len(done) == 0 {
				p.halfOfAll(t, tree, whose)
			}
		})
	},
}

// passesWho says whom a term matches, if that is everybody, or everybody of one family.
func passesWho(tn *spf.TermNode) string {
	t := tn.Term
	switch t.Kind {
	case spf.All:
		return "anyone"
	case spf.IP4, spf.IP6:
		if t.Prefix.Bits() > 0 {
			return ""
		}
		if t.Kind == spf.IP6 {
			return "anyone with IPv6"
		}
		return "anyone with IPv4"
	case spf.A, spf.MX:
		switch {
		case t.CIDR4 == 0 && tn.Void != spf.VoidCertain && tn.Void != spf.VoidIPv4 && tn.Void != spf.VoidOpen:
			return "anyone with IPv4"
		case t.CIDR6 == 0 && tn.Void != spf.VoidCertain && tn.Void != spf.VoidIPv6 && tn.Void != spf.VoidOpen:
			return "anyone with IPv6"
		}
	case spf.Exists:
		if t.Macros() == "" && tn.Void == spf.NotVoid && tn.Target != "" {
			return "anyone"
		}
	}
	return ""
}

// halfOfAll finds ranges that add up to half of all addresses of a family.
func (p *Pass) halfOfAll(t *spfText, tree *spf.Tree, whose string) {
	parts, widest := p.partOfAll(t, tree)
	for i, family := range []string{"IPv4", "IPv6"} {
		if parts[i] >= 0.5 {
			p.reportTerm(t, widest[i], Finding{
				Message: fmt.Sprintf("the ranges add up to %.0f %% of all %s addresses: they let almost anyone send as %s", parts[i]*100, family, whose),
				Help:    `name the hosts that send, and end the record in "-all" or "~all"`,
			})
		}
	}
}

// partOfAll is the part of all IPv4 and of all IPv6 addresses that the ranges of a record let pass, where that may be half
// and is 0 otherwise, and the widest range of each family.
func (p *Pass) partOfAll(t *spfText, tree *spf.Tree) (part [2]float64, widest [2]*spf.TermNode) {
	var sum [2]float64 // ranges may overlap
	tree.WalkTerms(func(tn *spf.TermNode) {
		i := 0
		switch tn.Term.Kind {
		case spf.IP4:
		case spf.IP6:
			i = 1
		default:
			return
		}
		if !tn.Reached || !passChain(tn) || !ownAffair(tn) {
			return
		}
		bits := tn.Term.Prefix.Bits()
		if bits < 32 {
			sum[i] += 1 / float64(uint64(1)<<bits)
		}
		if widest[i] == nil || bits < widest[i].Term.Prefix.Bits() {
			widest[i] = tn
		}
	})
	if sum[0] < 0.5 && sum[1] < 0.5 {
		return part, widest
	}
	set := spf.SendersOf(p.Context(), p.SharedWorld(), t.rec.Name, t.parsed, true)
	for i := range part {
		if widest[i] == nil {
			continue
		}
		part[i] = partOf(set.IPs, i == 1)
	}
	return part, widest
}

func partOf(set *netipx.IPSet, v6 bool) float64 {
	part := 0.0
	for _, pr := range set.Prefixes() {
		if pr.Addr().Is6() == v6 && pr.Bits() < 64 {
			part += 1 / float64(uint64(1)<<pr.Bits())
		}
	}
	return part
}

// mailTrees calls f for the records that decide over a mail domain's mail. Include targets need no all.
func (p *Pass) mailTrees(f func(t *spfText, tree *spf.Tree)) {
	p.spfTrees(func(t *spfText, tree *spf.Tree) {
		if p.IsMailDomain(t.rec.Name) {
			f(t, tree)
		}
	})
}

// neutral reports a record that leaves the mail that nothing matches neutral: an info while DMARC enforces.
func (p *Pass) neutral(t *spfText, term *spf.Term, f Finding) {
	f.Severity = Warning
	at := t.rec.TextSpan(0, t.rec.Text.Len())
	if term != nil {
		at = t.rec.TextSpan(term.Start, term.End)
	}
	d, known := p.policyOf(t.rec.Name, at)
	if !known {
		return
	}
	if d.Enforces() {
		f.Severity = Info
		f.Message += "; DMARC asks for more, where receivers heed it"
	}
	if term == nil {
		p.reportWhole(t.rec, f)
		return
	}
	p.reportAt(t, term, f)
}

var spfNeutralAll = &Rule{
	ID:        "spf-neutral-all",
	Severity:  Warning,
	Summary:   "?all says nothing about mail from hosts that the record does not name",
	Reference: "RFC 7208 §8.2",
	Domain: func(p *Pass) {
		p.mailTrees(func(t *spfText, _ *spf.Tree) {
			if all := t.parsed.All(); all != nil && all.Qualifier == '?' {
				p.neutral(t, all, Finding{
					Message: "?all leaves mail from all other hosts neutral, as if there were no SPF record",
					Help:    `write "~all" or "-all" when the record names every host that sends`,
				})
			}
		})
	},
}

var spfNoAll = &Rule{
	ID:        "spf-no-all",
	Severity:  Warning,
	Summary:   "Without all and redirect a record says nothing about mail from hosts that it does not name",
	Reference: "RFC 7208 §4.7",
	Domain: func(p *Pass) {
		p.mailTrees(func(t *spfText, tree *spf.Tree) {
			if t.parsed.All() != nil || t.parsed.Redirect() != nil || tree.Root.Everyone {
				return
			}
			var last *spf.Term
			for _, term := range t.parsed.Terms {
				if term.Kind.IsMechanism() {
					last = term
				}
			}
			p.neutral(t, last, Finding{
				Message: "neither all nor redirect: mail from all other hosts is neutral, as with ?all",
				Help:    `end the record in "~all" or "-all" when it names every host that sends`,
			})
		})
	},
}

var spfHardfail = &Rule{
	ID:        "spf-hardfail",
	Severity:  Info,
	Summary:   "-all beside DMARC: who rejects on SPF fail refuses mail that DKIM would let pass",
	Reference: "RFC 9989 §7.1",
	Domain: func(p *Pass) {
		p.mailTrees(func(t *spfText, _ *spf.Tree) {
			all := t.parsed.All()
			if all == nil || all.Qualifier != '-' || p.SPFPasses(t.rec.Name) != Yes || p.HasKey(t.rec.Name) != Yes {
				return
			}
			if d, known := p.policyOf(t.rec.Name, t.rec.TextSpan(all.Start, all.End)); known && d.Enforces() {
				help := `with DMARC enforced "~all" protects as well`
				if !t.rec.Raw && t.rec.Block == "spf" {
					help += `: all = "softfail"`
				}
				p.reportAt(t, all, Finding{
					Message: "-all: receivers that reject on SPF fail refuse forwarded mail that DKIM would let pass, and no DMARC report shows it",
					Help:    help,
				})
			}
		})
	},
}

var spfUnreachable = &Rule{
	ID:        "spf-unreachable",
	Severity:  Warning,
	Summary:   "Terms that are never evaluated",
	Reference: "RFC 7208 §5.1, §6.1",
	Domain: func(p *Pass) {
		p.spfTrees(func(t *spfText, tree *spf.Tree) {
			for _, term := range t.parsed.Terms {
				if mech, ok := spf.MeantMechanism(term); ok {
					p.reportAt(t, term, Finding{Reference: "RFC 7208 §6",
						Message: fmt.Sprintf("%s is never evaluated: with \"=\" it is a modifier that receivers do not know, and ignore", term.Text),
						Help:    mech,
					})
				}
			}
			end := tree.Root.Ends
			redirect := t.parsed.Redirect()
			if end != nil && end.Term.Kind != spf.All && (end.Tree == nil || !end.Tree.Everyone) {
				return // a broken target, which has a finding
			}
			var dead []*spf.Term
			var names []string
			for _, tn := range tree.Root.Terms {
				if end == nil || tn.Reached || !tn.Term.Kind.IsMechanism() || tn.Term.Kind == spf.All && end.Term.Kind != spf.All {
					continue // an all at the end is no mistake
				}
				dead = append(dead, tn.Term)
				names = append(names, tn.Term.Text)
			}
			if len(dead) > 0 {
				verb := "is"
				if len(dead) > 1 {
					verb = "are"
				}
				p.reportAt(t, dead[0], Finding{
					Message: fmt.Sprintf("%s %s never evaluated: %s before it matches everyone", termList(names), verb, end.Term.Text),
					Help:    "move it to the end, or drop what stands behind it",
				})
			}
			if redirect == nil {
				return
			}
			switch {
			case t.parsed.All() != nil:
				p.reportAt(t, redirect, Finding{Reference: "RFC 7208 §6.1",
					Message: fmt.Sprintf("%s is never evaluated: the record has an all", redirect.Text),
					Help:    "leave one of the two out",
				})
			case end != nil:
				p.reportAt(t, redirect, Finding{
					Message: fmt.Sprintf("%s is never evaluated: %s matches everyone", redirect.Text, end.Term.Text),
					Help:    "leave one of the two out",
				})
			}
		})
	},
}

var spfDuplicate = &Rule{
	ID:        "spf-duplicate",
	Severity:  Warning,
	Summary:   "A term stands twice, or a target is reached twice and counted twice",
	Reference: "RFC 7208 §4.6.4",
	Domain: func(p *Pass) {
		p.spfTrees(func(t *spfText, tree *spf.Tree) {
			first := map[string]*spf.TermNode{}
			again := map[*spf.TermNode]bool{}
			for _, tn := range tree.Root.Terms {
				if !tn.Reached || tn.Term.Kind == spf.All || !tn.Term.Kind.IsMechanism() {
					continue
				}
				key := canonical(tn.Term)
				o := first[key]
				if o == nil {
					first[key] = tn
					continue
				}
				again[tn] = true
				f := Finding{
					Message: fmt.Sprintf("%s stands twice: the second one never matches anything new", tn.Term.Text),
					Help:    "drop it",
					Related: []Related{{At: t.rec.TextSpan(o.Term.Start, o.Term.End), Message: "the first one"}},
				}
				if tn.Lookups > 0 {
					f.Message = fmt.Sprintf("%s stands twice: the second one never matches anything new, and costs %d DNS lookups more", tn.Term.Text, tn.Lookups)
					if tn.Lookups == 1 {
						f.Message = fmt.Sprintf("%s stands twice: the second one never matches anything new, and costs 1 DNS lookup more", tn.Term.Text)
					}
				}
				p.reportAt(t, tn.Term, f)
			}
			p.reachedTwice(t, tree, again)
		})
	},
}

// canonical is a term's meaning without its qualifier.
func canonical(t *spf.Term) string {
	s := t.Canonical()
	if s != "" && (s[0] == '-' || s[0] == '~' || s[0] == '?') {
		return s[1:]
	}
	return s
}

// reachedTwice finds records that stand in a tree twice. Of one that does, what is below it is not said again.
func (p *Pass) reachedTwice(t *spfText, tree *spf.Tree, said map[*spf.TermNode]bool) {
	first := map[string]*spf.Node{}
	told := map[*spf.TermNode]bool{} // one finding for each own term, however often it leads to the same records
	tree.Root.Walk(func(n *spf.Node) bool {
		if n.Via == nil {
			first[n.Name.String()] = n
			return true
		}
		if n.Fault != spf.NoFault || said[n.Via] {
			return false
		}
		o := first[n.Name.String()]
		if o == nil {
			first[n.Name.String()] = n
			return true
		}
		if o.Via == nil || sharedOwn(o, n) {
			return false
		}
		a, b := o.Top(), n.Top()
		if told[b] {
			return false
		}
		told[b] = true
		f := Finding{
			Message: fmt.Sprintf("%s is reached twice, by %s and by %s: its %s counted twice", n.Name, way(o), way(n), lookupsAre(n.Lookups+1)),
			Help:    "drop the term that the other one brings along",
			Related: []Related{{At: t.rec.TextSpan(a.Term.Start, a.Term.End), Message: "the first time"}},
			Third:   a == b,
		}
		if a == b {
			f.Related = nil
			f.Help = "only its owner can mend it"
		}
		if n.Via.In.Via != nil {
			f.Note = "leads to " + n.Via.In.Name.String()
		}
		p.reportAt(t, b.Term, f)
		return false
	})
}

// sharedOwn tells whether another record of the repository stands above both nodes: it has the finding.
func sharedOwn(a, b *spf.Node) bool {
	above := map[*spf.Node]bool{}
	for n := a.Via.In; n.Via != nil; n = n.Via.In {
		above[n] = true
	}
	for n := b.Via.In; n.Via != nil; n = n.Via.In {
		if above[n] && isOwn(n) {
			return true
		}
	}
	return false
}

func way(n *spf.Node) string {
	if n.Via.In.Via == nil {
		return n.Via.Term.Text
	}
	return n.Via.Term.Text + inWhich(n.Via)
}

func lookupsAre(n int) string {
	if n == 1 {
		return "DNS lookup is"
	}
	return fmt.Sprintf("%d DNS lookups are", n)
}
