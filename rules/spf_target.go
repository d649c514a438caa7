package rules

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/spf"
	"github.com/tripod-dns/tripod/internal/zone"
)

// What terms lead to.

// notBefore is what happens at a broken target.
const notBefore = "senders not matched before it get permerror"

// faults calls f for the broken targets of a tree that are this record's own affair.
func (p *Pass) faults(f func(t *spfText, tree *spf.Tree, n *spf.Node)) {
	p.spfTrees(func(t *spfText, tree *spf.Tree) {
		p.missingTargets(t, tree)
		for _, n := range tree.Faults {
			if n.Via != nil && !lostSpace(n.Via) {
				f(t, tree, n)
			}
		}
	})
}

var spfIncludeMissing = &Rule{
	ID:        "spf-include-missing",
	Severity:  Error,
	Summary:   "An include or redirect leads to no SPF record: receivers answer permerror",
	Reference: "RFC 7208 §5.2, §6.1",
	Domain: func(p *Pass) {
		p.faults(func(t *spfText, _ *spf.Tree, n *spf.Node) {
			if !n.Fault.Missing() || !ownAffair(n.Via) {
				return
			}
			what := ""
			switch n.Fault {
			case spf.FaultNoName:
				what = n.Name.String() + " does not exist"
			case spf.FaultNoRecord:
				what = n.Name.String() + " has no SPF record"
				for _, r := range n.Answer.Records {
					if _, meant := spf.Unrecognised(r.Text.String()); meant && r.Origin != zone.Third {
						return // spf-unrecognised says so
					}
				}
			default:
				what = n.Via.Term.Text + " leads to no name that can be asked for"
			}
			f := Finding{Message: what + ": " + notBefore, Help: "correct the name, or drop the term"}
			if bare := bareName(n.Via.Term.Text); bare != "" {
				f.Help = fmt.Sprintf("write the name alone: did you mean %q?", bare)
			}
			if n.Via.In.Via != nil {
				f.Message = fmt.Sprintf("%s (%s%s): %s", what, n.Via.Term.Text, inWhich(n.Via), notBefore)
			}
			p.reportTerm(t, n.Via, f)
		})
	},
}

var spfIncludeBroken = &Rule{
	ID:        "spf-include-broken",
	Severity:  Error,
	Summary:   "An include or redirect leads to a record that receivers refuse: they answer permerror",
	Reference: "RFC 7208 §5.2, §6.1",
	Domain: func(p *Pass) {
		p.faults(func(t *spfText, _ *spf.Tree, n *spf.Node) {
			if !ownAffair(n.Via) {
				return
			}
			for _, r := range n.Records {
				if r.Origin != zone.Third {
					return // spf-syntax, spf-multiple
				}
			}
			what := ""
			switch n.Fault {
			case spf.FaultSeveral:
				what = fmt.Sprintf("%s has %d SPF records", n.Name, len(n.Records))
			case spf.FaultSyntax:
				what = fmt.Sprintf("the SPF record of %s breaks the grammar, %s", n.Name, n.Parsed.Problems[0].Message)
			default:
				return
			}
			p.reportTerm(t, n.Via, Finding{
				Message: what + ": " + notBefore,
				Help:    "only its owner can mend it; until then drop this term, or name the senders that you need",
			})
		})
	},
}

var spfLoop = &Rule{
	ID:        "spf-loop",
	Severity:  Error,
	Summary:   "Includes or redirects lead back to where they came from: receivers answer permerror",
	Reference: "RFC 7208 §4.6.4",
	Domain: func(p *Pass) {
		p.faults(func(t *spfText, _ *spf.Tree, n *spf.Node) {
			if n.Fault != spf.FaultLoop {
				return
			}
			way := []string{n.Name.String()}
			first := t.rec.Name
			for up := n.Via.In; ; up = up.Via.In {
				way = append(way, up.Name.String())
				if isOwn(up) && up.Name.Compare(first) < 0 {
					first = up.Name
				}
				if up.Name == n.Name || up.Via == nil {
					break
				}
			}
			// A loop is said once: at the first of the repository's records that are in it, else where it is entered.
			if n.Name == t.rec.Name && first != t.rec.Name || n.Name != t.rec.Name && !ownAffair(n.Via) {
				return
			}
			for i, j := 0, len(way)-1; i < j; i, j = i+1, j-1 {
				way[i], way[j] = way[j], way[i]
			}
			p.reportTerm(t, n.Via, Finding{
				Message: fmt.Sprintf("a loop, %s: %s", strings.Join(way, " → "), notBefore),
				Help:    "drop the term that leads back",
			})
		})
	},
}

var spfPTR = &Rule{
	ID:        "spf-ptr",
	Severity:  Warning,
	Summary:   "ptr and %{p} depend on whoever runs the client's reverse zone",
	Reference: "RFC 7208 §5.5, §7.2",
	Domain: func(p *Pass) {
		p.spfTrees(func(t *spfText, tree *spf.Tree) {
			done := map[*spf.TermNode]bool{}
			tree.WalkTerms(func(tn *spf.TermNode) {
				macro := strings.Contains(tn.Term.Macros(), "p") && tn.Term.Kind != spf.Exp && tn.Term.Kind != spf.Unknown
				if !tn.Reached || tn.Term.Kind != spf.PTR && !macro || !ownAffair(tn) || done[tn.Top()] {
					return
				}
				done[tn.Top()] = true
				f := Finding{Help: "name the hosts with a, mx, ip4 or ip6"}
				if tn.Term.Kind == spf.PTR {
					f.Reference = "RFC 7208 §5.5"
					f.Message = fmt.Sprintf("%s%s should not be used: it is slow, and fails when the client's reverse zone does not answer", tn.Term.Text, inWhich(tn))
				} else {
					f.Reference = "RFC 7208 §7.2"
					f.Message = fmt.Sprintf("%%{p} in %s%s should not be used: it is slow, and whoever runs the client's reverse zone decides what it is", tn.Term.Text, inWhich(tn))
				}
				p.reportTerm(t, tn, f)
			})
		})
	},
}

var spfDynamic = &Rule{
	ID:        "spf-dynamic",
	Severity:  Info,
	Summary:   "What a term lets pass depends on the message, and cannot be checked here",
	Reference: "RFC 7208 §7.2",
	Domain: func(p *Pass) {
		p.spfTrees(func(t *spfText, tree *spf.Tree) {
			done := map[*spf.TermNode]bool{}
			tree.WalkTerms(func(tn *spf.TermNode) {
				if !tn.Dynamic || tn.Term.Kind == spf.PTR || strings.Contains(tn.Term.Macros(), "p") || !ownAffair(tn) || done[tn.Top()] {
					return
				}
				done[tn.Top()] = true
				counted := "counted as 1 DNS lookup"
				switch tn.Term.Kind {
				case spf.Include, spf.Redirect:
					counted += ", without the terms of its target"
				case spf.Exists:
					counted += ", which may find nothing"
				}
				p.reportTerm(t, tn, Finding{
					Message: fmt.Sprintf("%s%s depends on the message: what it lets pass is not checked; %s", tn.Term.Text, inWhich(tn), counted),
				})
			})
		})
	},
}

var spfExp = &Rule{
	ID:        "spf-exp",
	Severity:  Info,
	Summary:   "The explanation of exp cannot be used: receivers go on without it",
	Reference: "RFC 7208 §6.2",
	Domain: func(p *Pass) {
		p.spfTrees(func(t *spfText, _ *spf.Tree) {
			exp := t.parsed.Exp()
			fails := false
			for _, term := range t.parsed.Terms {
				fails = fails || term.Kind.IsMechanism() && term.Qualifier == '-'
			}
			if exp == nil || !fails {
				return
			}
			target, ok := exp.Target(t.rec.Name, t.rec.Name)
			if !ok {
				if _, static := exp.Domain.Static(); !static {
					return // it depends on the message
				}
				p.reportAt(t, exp, Finding{Message: fmt.Sprintf("%s is no name that can be asked for: receivers give no explanation", exp.Domain.Text)})
				return
			}
			a := p.Lookup(target, dns.TypeTXT, t.rec.TextSpan(exp.Start, exp.End))
			msg := ""
			switch {
			case !a.Status.Known():
				return
			case a.Status == zone.NXDomain:
				msg = target.String() + " does not exist"
			case a.Status == zone.NoData || len(a.Records) == 0:
				msg = target.String() + " has no TXT record"
			case len(a.Records) > 1:
				msg = fmt.Sprintf("%s has %d TXT records", target, len(a.Records))
			default:
				if _, bad := spf.ParseExplanation(a.Records[0].Text.String()); bad != "" {
					msg = fmt.Sprintf("the text of %s cannot be used, %s", target, bad)
				}
			}
			if msg != "" {
				p.reportAt(t, exp, Finding{Message: msg + ": receivers give no explanation", Help: "publish one TXT record there, in ASCII, or drop exp"})
			}
		})
	},
}

// bareName is an include or redirect that names a host by a URL or a mail address, with the host alone; "" where it does not.
func bareName(term string) string {
	i := strings.IndexAny(term, ":=")
	if i < 0 {
		return ""
	}
	host := term[i+1:]
	if _, rest, ok := strings.Cut(host, "://"); ok {
		host = rest
	}
	if _, rest, ok := strings.Cut(host, "@"); ok {
		host = rest
	}
	host = strings.TrimRight(host, "/")
	if host == term[i+1:] || host == "" || strings.ContainsAny(host, "/:@%") {
		return ""
	}
	return term[:i+1] + host
}
