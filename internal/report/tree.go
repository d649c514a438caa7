package report

import (
	"fmt"
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

// A treeLine is one line of a drawn tree: a term, or several that cost nothing.
type treeLine struct {
	branch string // "│  ├─ " and so on, three columns a level
	text   string
	cost   int // lookups, with all that it leads to
	note   string
	bad    bool
	over   bool // it is this term that goes past the limit
	beyond bool // past the limit already when it is reached
	unused bool // evaluation never gets here
}

// manyFree is how many terms that cost nothing are shown on their line: of more, the first three and the last.
const manyFree = 8

// treeLines draws a tree. Terms that cost nothing stand together on a line.
func treeLines(t *spf.Tree) []treeLine {
	var out []treeLine
	free := func(x *spf.TermNode) bool {
		return x.Lookups == 0 && x.Own == 0 && x.Tree == nil && x.Reached && !x.Term.Bad
	}
	var draw func(n *spf.Node, indent string)
	draw = func(n *spf.Node, indent string) {
		var groups [][]*spf.TermNode
		for _, x := range n.Terms {
			if last := len(groups) - 1; last >= 0 && free(x) && free(groups[last][0]) {
				groups[last] = append(groups[last], x)
				continue
			}
			groups = append(groups, []*spf.TermNode{x})
		}
		for i, g := range groups {
			branch, next := "├─ ", "│  "
			if i == len(groups)-1 {
				branch, next = "└─ ", "   "
			}
			l := termLine(g[0])
			l.branch, l.text = indent+branch, groupText(g)
			out = append(out, l)
			if x := g[0]; x.Tree != nil {
				draw(x.Tree, indent+next)
			}
			if x := g[0]; x.Tree6 != nil {
				out = append(out, treeLine{branch: indent + next + "└─ ", text: x.Tree6.Name.String(), note: "for IPv6 clients"})
				draw(x.Tree6, indent+next+"   ")
			}
		}
	}
	draw(t.Root, "")
	return out
}

func groupText(g []*spf.TermNode) string {
	words := make([]string, 0, len(g))
	for _, x := range g {
		words = append(words, x.Term.Text)
	}
	if n := len(words); n > manyFree {
		words = []string{words[0], words[1], words[2], fmt.Sprintf("(%d more)", n-4), words[n-1]}
	}
	return strings.Join(words, " ")
}

// termLine is what there is to say of a term.
func termLine(x *spf.TermNode) treeLine {
	l := treeLine{cost: x.Lookups, bad: x.Term.Bad, unused: !x.Reached}
	costs := x.Reached && x.Own > 0
	l.beyond = costs && x.Before > spf.MaxLookups
	l.over = costs && !l.beyond && x.Before+x.Own > spf.MaxLookups // the term itself, not what it leads to
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
		l.note = strings.TrimSuffix("the one over the limit; "+l.note, "; ")
	}
	return l
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

// Tree writes an include tree with what each term costs. An arrow beside the costs points at the term that goes past the limit.
func (t *Text) Tree(tree *spf.Tree) {
	verdict := treeVerdict(tree)
	paint := t.green
	switch {
	case tree.Result != spf.OK:
		paint = t.red
	case tree.Lookups >= spf.MaxLookups:
		paint = t.yellow
	}
	t.printf("%s  %s\n", t.bold(Plain(tree.Root.Name.String())), paint(Plain(verdict)))
	for _, l := range treeLines(tree) {
		t.treeLine(l)
	}
	if tree.Result != spf.None { // of that the first line speaks
		for _, p := range treeProblems(tree) {
			t.hanging(t.red("permerror: "), p)
		}
	}
	if tree.Dynamic > 0 {
		t.hanging("", plural(tree.Dynamic, "term")+" depending on the message counted as written")
	}
}

func (t *Text) treeLine(l treeLine) {
	cost := "  "
	if l.cost > 0 {
		cost = fmt.Sprintf("%2d", l.cost)
	}
	arrow, paint, paintNote := "  ", fmt.Sprint, t.yellow
	switch {
	case l.over:
		arrow, paint, paintNote = "> ", t.red, t.red
	case l.bad:
		paint, paintNote = t.red, t.red
	case l.unused, l.beyond:
		paint, paintNote = t.dim, t.dim
	}
	branch := l.branch
	if deepest := min(t.width/2, t.width-24); columns(branch) > deepest { // whatever is drawn has room to be read
		branch = "…" + tail(branch, deepest-1)
	}
	room := t.width - columns(branch) - 4
	indent := "    " + continued(branch)
	lines, note := pieces(Plain(l.text), room), Plain(l.note)
	last := len(lines) - 1
	beside := note != "" && columns(lines[last])+2+columns(note) <= room
	for i, line := range lines {
		line = paint(line)
		if i == last && beside {
			line += "  " + paintNote(note)
		}
		if i == 0 {
			if l.over {
				t.printf("%s%s%s%s\n", t.red(cost), t.red(arrow), t.dim(branch), line)
			} else {
				t.printf("%s%s%s%s\n", t.cyan(cost), arrow, t.dim(branch), line)
			}
			continue
		}
		t.printf("%s%s\n", t.dim(indent), line)
	}
	if note != "" && !beside {
		for _, line := range pieces(note, room) {
			t.printf("%s%s\n", t.dim(indent), paintNote(line))
		}
	}
}

// pieces is text wrapped at spaces and, where a word is longer than a line, within it: nothing that a record holds runs out of its column.
func pieces(s string, width int) []string {
	width = max(width, 20)
	var out []string
	for _, line := range wrap(s, width) {
		for columns(line) > width {
			part := strings.TrimSuffix(clip(line, width+1), "…")
			if i := strings.LastIndexAny(part, ".,:;=/"); i > len(part)/2 {
				part = part[:i+1]
			}
			if part == "" {
				break
			}
			out = append(out, part)
			line = strings.TrimPrefix(line, part)
		}
		out = append(out, line)
	}
	return out
}

// continued is the branch of a line's further lines.
func continued(branch string) string {
	s := strings.TrimSuffix(branch, "├─ ")
	if s != branch {
		return s + "│  "
	}
	return strings.TrimSuffix(branch, "└─ ") + "   "
}
