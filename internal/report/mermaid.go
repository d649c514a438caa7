package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/tripod-dns/tripod/internal/spf"
)

// maxMermaidNodes is what Mermaid still draws legibly; it refuses diagrams of 500 edges.
const maxMermaidNodes = 150

// TreeMermaid writes an include tree as a Mermaid flowchart in a fenced block, as GitHub and GitLab draw it in comments and files: the records
// and what costs a lookup, in the order of evaluation. Terms that cost nothing are left out.
func TreeMermaid(w io.Writer, tree *spf.Tree) error {
	m := &mermaid{}
	class := "ok"
	if tree.Result != spf.OK {
		class = "broken"
	}
	m.node(tree.Root.Name.String(), treeVerdict(tree), class)
	m.draw(tree.Root, 0)
	if m.left > 0 {
		m.edge(0, m.node(plural(m.left, "more term"), "", ""), "")
	}
	_, err := fmt.Fprintf(w, "```mermaid\nflowchart LR\n%s"+
		"  classDef ok stroke:#2e7d32,stroke-width:2px\n"+
		"  classDef broken stroke:#c62828,stroke-width:2px\n"+
		"  classDef over fill:#c62828,stroke:#7f0000,stroke-width:4px,color:#ffffff\n"+
		"  classDef beyond stroke-dasharray:4 3\n"+
		"```\n", m.b.String())
	return err
}

type mermaid struct {
	b     strings.Builder
	nodes int
	left  int // terms that were not drawn
}

func (m *mermaid) node(text, note, class string) int {
	label := mermaidText(text)
	if note != "" {
		label += "<br/>" + mermaidText(note)
	}
	id := m.nodes
	m.nodes++
	fmt.Fprintf(&m.b, "  n%d[\"%s\"]", id, label)
	if class != "" {
		m.b.WriteString(":::" + class)
	}
	m.b.WriteByte('\n')
	return id
}

func (m *mermaid) edge(from, to int, label string) {
	if label != "" {
		label = "|" + label + "|"
	}
	fmt.Fprintf(&m.b, "  n%d -->%s n%d\n", from, label, to)
}

func (m *mermaid) draw(n *spf.Node, id int) {
	for _, x := range n.Terms {
		if x.Own == 0 && x.Tree == nil && !x.Term.Bad {
			continue
		}
		if m.nodes >= maxMermaidNodes {
			m.left++
			continue
		}
		l := termLine(x)
		class := ""
		switch {
		case l.over:
			class = "over"
		case l.bad:
			class = "broken"
		case l.beyond, l.unused:
			class = "beyond"
		}
		to := m.node(clip(x.Term.Text, 60), l.note, class)
		cost := ""
		if x.Lookups > 0 {
			cost = fmt.Sprint(x.Lookups)
		}
		m.edge(id, to, cost)
		if x.Tree != nil {
			m.draw(x.Tree, to)
		}
		if x.Tree6 != nil {
			m.draw(x.Tree6, to)
		}
	}
}

// mermaidText is text as it stands in a quoted label: letters, digits and a few marks for themselves, all else as entity codes, so
// that no text can end the label or become markup.
func mermaidText(s string) string {
	var b strings.Builder
	for _, r := range Plain(s) {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', strings.ContainsRune(" ._/-=?+~,", r), r == ':' || r == '%':
			b.WriteRune(r)
		default:
			fmt.Fprintf(&b, "#%d;", r)
		}
	}
	return b.String()
}
