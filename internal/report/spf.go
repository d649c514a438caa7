package report

import (
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/tripod-dns/tripod/internal/spf"
)

// treeProblems says what receivers stumble over in a tree.
func treeProblems(t *spf.Tree) []string {
	var out []string
	if t.Lookups > spf.MaxLookups {
		atLeast := ""
		if !t.Complete {
			atLeast = "at least "
		}
		out = append(out, fmt.Sprintf("%s%d lookups, the limit is %d", atLeast, t.Lookups, spf.MaxLookups))
	}
	if n := t.Void.Certain; n > spf.MaxVoid {
		out = append(out, fmt.Sprintf("%d void lookups, the limit is %d", n, spf.MaxVoid))
	} else {
		if n += t.Void.IPv4; n > spf.MaxVoid {
			out = append(out, fmt.Sprintf("%d void lookups for IPv4 clients, the limit is %d", n, spf.MaxVoid))
		}
		if n = t.Void.Certain + t.Void.IPv6; n > spf.MaxVoid {
			out = append(out, fmt.Sprintf("%d void lookups for IPv6 clients, the limit is %d", n, spf.MaxVoid))
		}
	}
	for _, n := range t.Faults {
		out = append(out, n.Name.String()+": "+faultText(n))
	}
	for _, m := range t.MXLimit {
		out = append(out, fmt.Sprintf("%s: %d MX names, the limit is %d", m.Term.Text, m.MXNames, spf.MaxMX))
	}
	return out
}

func faultText(n *spf.Node) string {
	switch n.Fault {
	case spf.FaultNoName:
		return "does not exist"
	case spf.FaultNoRecord:
		return "has no SPF record"
	case spf.FaultSeveral:
		return fmt.Sprintf("has %d SPF records", len(n.Records))
	case spf.FaultSyntax:
		if n.Parsed != nil && len(n.Parsed.Problems) > 0 {
			return "syntax error: " + n.Parsed.Problems[0].Message
		}
		return "syntax error"
	case spf.FaultLoop:
		return "a loop: the record leads back to itself"
	case spf.FaultBadName:
		return "no query can be made for it"
	case spf.FaultDynamic:
		return "depends on the message"
	case spf.FaultUnknown:
		return "not known"
	case spf.FaultFailed:
		return "the lookup failed: " + n.Answer.Why
	case spf.FaultCut:
		return "not followed: the tree is too big already"
	}
	return ""
}

// treeLine is one line of a drawn tree.
type treeLine struct {
	branch string // "├─ " and so on
	text   string
	cost   int
	note   string
	bad    bool
	over   bool // it is this term that goes past the limit
	unused bool // evaluation never gets here
}

// lines draws a tree. Terms that cost nothing stand together on a line.
func treeLines(t *spf.Tree) []treeLine {
	var out []treeLine
	var draw func(n *spf.Node, indent string)
	draw = func(n *spf.Node, indent string) {
		type entry struct {
			terms []*spf.TermNode
		}
		var entries []entry
		for _, x := range n.Terms {
			free := x.Lookups == 0 && x.Tree == nil && x.Reached && !x.Term.Bad
			if last := len(entries) - 1; free && last >= 0 {
				if l := entries[last].terms; l[0].Lookups == 0 && l[0].Tree == nil && l[0].Reached && !l[0].Term.Bad {
					entries[last].terms = append(l, x)
					continue
				}
			}
			entries = append(entries, entry{[]*spf.TermNode{x}})
		}
		for i, e := range entries {
			branch, next := "├─ ", "│  "
			if i == len(entries)-1 {
				branch, next = "└─ ", "   "
			}
			var words []string
			for _, x := range e.terms {
				words = append(words, x.Term.Text)
			}
			x := e.terms[0]
			l := treeLine{branch: indent + branch, text: strings.Join(words, " "), cost: x.Lookups, bad: x.Term.Bad, unused: !x.Reached}
			// The term itself, not what it leads to, is the one that is too many.
			l.over = x.Reached && x.Own > 0 && x.Before < spf.MaxLookups+0 && x.Before+x.Own > spf.MaxLookups || x.Reached && x.Own > 0 && x.Before == spf.MaxLookups
			switch {
			case x.Term.Bad:
				l.note = "syntax error"
			case !x.Reached:
				l.note = "not reached"
			case x.Void == spf.VoidCertain:
				l.note = "void: finds nothing"
			case x.Void == spf.VoidIPv4:
				l.note = "void for IPv4 clients"
			case x.Void == spf.VoidIPv6:
				l.note = "void for IPv6 clients"
			case x.Dynamic:
				l.note = "depends on the message"
			}
			if x.Tree != nil && x.Tree.Fault != spf.NoFault {
				l.note, l.bad = faultText(x.Tree), x.Tree.Fault.Broken()
			}
			if l.over {
				l.note = strings.TrimPrefix(l.note+"; the one over the limit", "; ")
			}
			out = append(out, l)
			if x.Tree != nil {
				draw(x.Tree, indent+next)
			}
		}
	}
	draw(t.Root, "")
	return out
}

func treeVerdict(t *spf.Tree) string {
	if t.Root.Fault != spf.NoFault && t.Root.Parsed == nil {
		return faultText(t.Root)
	}
	atLeast := ""
	if !t.Complete {
		atLeast = "at least "
	}
	return fmt.Sprintf("%s%d of %d lookups", atLeast, t.Lookups, spf.MaxLookups)
}

// Tree writes an include tree with what each term costs.
func (t *Text) Tree(tree *spf.Tree) {
	verdict := treeVerdict(tree)
	paint := t.green
	switch {
	case tree.Result != spf.OK:
		paint = t.red
	case tree.Lookups >= spf.MaxLookups:
		paint = t.yellow
	}
	t.printf("%s  %s\n", t.bold(tree.Root.Name.String()), paint(verdict))
	for _, l := range treeLines(tree) {
		cost := "  "
		if l.cost > 0 {
			cost = fmt.Sprintf("%2d", l.cost)
		}
		text, note := Plain(l.text), Plain(l.note)
		room := t.width - columns(l.branch) - 4
		indent := strings.Repeat(" ", 4) + continued(l.branch)
		lines := t.wrap(text, room)
		if note != "" {
			if last := lines[len(lines)-1]; columns(last)+2+columns(note) > room {
				lines = append(lines, note)
			} else {
				lines[len(lines)-1] = last + "  " + t.paintNote(l, note)
			}
		}
		for i, line := range lines {
			if l.bad || l.over {
				line = t.red(line)
			} else if l.unused {
				line = t.dim(line)
			}
			if i == 0 {
				t.printf("%s  %s%s\n", t.cyan(cost), t.dim(l.branch), line)
			} else {
				t.printf("%s%s\n", t.dim(indent), line)
			}
		}
	}
	if tree.Result != spf.None { // of that the first line speaks
		for _, p := range treeProblems(tree) {
			t.printf("%s %s\n", t.red("permerror:"), Plain(p))
		}
	}
	if tree.Dynamic > 0 {
		t.printf("%s\n", t.dim(plural(tree.Dynamic, "term")+" depending on the message counted as written"))
	}
}

func (t *Text) paintNote(l treeLine, note string) string {
	if l.bad || l.over {
		return note
	}
	return t.yellow(note)
}

// continued is the branch of a line's further lines.
func continued(branch string) string {
	s := strings.TrimSuffix(branch, "├─ ")
	if s != branch {
		return s + "│  "
	}
	return strings.TrimSuffix(branch, "└─ ") + "   "
}

// TreeMarkdown writes an include tree as a code block.
func TreeMarkdown(w io.Writer, tree *spf.Tree) error {
	var b strings.Builder
	t := NewText(&b, Style{Width: 100})
	t.Tree(tree)
	_, err := fmt.Fprintf(w, "%s\n", fence(b.String()))
	return err
}

// Check writes one evaluation.
func (t *Text) Check(domain string, ip netip.Addr, r spf.Result) {
	paint := t.red
	switch r.Result {
	case spf.Pass:
		paint = t.green
	case spf.SoftFail, spf.Neutral, spf.None, spf.TempError:
		paint = t.yellow
	}
	t.printf("%s  %s for %s\n", paint(string(r.Result)), Plain(domain), ip)
	if r.Mechanism != "" {
		t.printf("  matched   %s\n", Plain(r.Mechanism))
	}
	if len(r.Path) > 1 {
		var path []string
		for _, n := range r.Path {
			path = append(path, n.String())
		}
		t.printf("  by way of %s\n", Plain(strings.Join(path, " > ")))
	}
	if r.Reason != "" {
		t.hanging("  because   ", r.Reason)
	}
	if r.Explanation != "" {
		t.hanging("  explained ", r.Explanation)
	}
	t.printf("  lookups   %d\n", r.Lookups)
}

// CheckMarkdown writes one evaluation.
func CheckMarkdown(w io.Writer, domain string, ip netip.Addr, r spf.Result) error {
	var b strings.Builder
	t := NewText(&b, Style{Width: 100})
	t.Check(domain, ip, r)
	_, err := fmt.Fprintf(w, "%s\n", fence(b.String()))
	return err
}
