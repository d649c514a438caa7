package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"github.com/tripod-dns/tripod/internal/spf"
)

// Measures of the drawing, in pixels. A column is as wide as the widest of the usual monospaced fonts at 13 pixels.
const (
	svgColumn  = 7.9
	svgRow     = 20
	svgMargin  = 16
	svgTreeX   = 52 // where the branches begin, right of the costs
	svgLevel   = 20
	svgColumns = 96 // to which the terms are wrapped
	svgTop     = 92 // where the tree begins
	svgCells   = 20 // of the budget bar, at most
	svgRows    = 600
)

// svgStyle is readable on a light and on a dark page: the drawing brings its own ground, and follows the reader's preference.
const svgStyle = `
  .ground { fill: #ffffff; stroke: #d0d7de }
  text { fill: #1f2328; font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre }
  .name { font-size: 15px; font-weight: bold }
  .faint, .faint tspan { fill: #6e7781 }
  .note { fill: #9a6700 }
  .good { fill: #1a7f37 }
  .bad { fill: #cf222e }
  .over { fill: #a40e26; font-weight: bold }
  .cost { font-weight: bold }
  .branch { stroke: #afb8c1; fill: none }
  .mark { fill: #ffebe9; stroke: #cf222e }
  .free { fill: none; stroke: #afb8c1 }
  .used { fill: #54aeff; stroke: #0969da }
  .excess { fill: #cf222e; stroke: #a40e26 }
  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117; stroke: #30363d }
    text { fill: #e6edf3 }
    .faint, .faint tspan { fill: #8b949e }
    .note { fill: #d29922 }
    .good { fill: #3fb950 }
    .bad { fill: #ff7b72 }
    .over { fill: #ffa198 }
    .branch, .free { stroke: #484f58 }
    .mark { fill: #490202; stroke: #f85149 }
    .used { fill: #1f6feb; stroke: #58a6ff }
    .excess { fill: #da3633; stroke: #ff7b72 }
  }
`

// TreeSVG writes an include tree as a picture: the budget of ten lookups as a bar, the terms with what they cost, and the term that goes past
// the limit marked. It needs nothing from outside, holds no script, and is readable on light and dark ground.
func TreeSVG(w io.Writer, tree *spf.Tree) error {
	d := &svg{y: svgTop}
	lines := treeLines(tree)
	left := len(lines) - svgRows
	for _, l := range lines[:min(len(lines), svgRows)] {
		d.line(l)
	}
	if left > 0 {
		d.text(svgTreeX, "faint", plural(left, "more line"))
		d.y += svgRow
	}
	d.y += svgRow / 2
	if tree.Result != spf.None {
		for _, p := range treeProblems(tree) {
			for _, s := range pieces("permerror: "+Plain(p), svgColumns) {
				d.text(svgMargin, "bad", s)
				d.y += svgRow
			}
		}
	}
	if tree.Dynamic > 0 {
		d.text(svgMargin, "faint", plural(tree.Dynamic, "term")+" depending on the message counted as written")
		d.y += svgRow
	}
	height := d.y + svgRow/2

	name, verdict := Plain(tree.Root.Name.String()), Plain(treeVerdict(tree))
	class := "good"
	switch {
	case tree.Result != spf.OK:
		class = "bad"
	case tree.Lookups >= spf.MaxLookups:
		class = "note"
	}
	body := d.b.String()
	d.b.Reset()
	d.y = 0
	d.textAt(svgMargin, 28, "name", clip(name, svgColumns-16))
	d.textAt(svgMargin, 50, class, clip(verdict, svgColumns))
	d.bar(tree.Lookups)
	width := max(d.width, svgMargin*2+30*svgRow)

	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" viewBox="0 0 %d %d" role="img" aria-labelledby="title desc">`+"\n",
		width+svgMargin, height, width+svgMargin, height)
	fmt.Fprintf(&b, "<title id=\"title\">SPF of %s</title>\n<desc id=\"desc\">%s</desc>\n", escapeXML(name), escapeXML(verdict))
	fmt.Fprintf(&b, "<style>%s</style>\n", svgStyle)
	fmt.Fprintf(&b, `<rect class="ground" x="0.5" y="0.5" width="%d" height="%d" rx="6"/>`+"\n", width+svgMargin-1, height-1)
	b.WriteString(d.b.String())
	b.WriteString(body)
	b.WriteString("</svg>\n")
	_, err := io.WriteString(w, b.String())
	return err
}

// svg is a drawing under way.
type svg struct {
	b     strings.Builder
	y     int // top of the next row
	width int // of what was drawn
}

func (d *svg) text(x int, class, s string) { d.textAt(x, d.y+14, class, s) }

func (d *svg) textAt(x, y int, class, s string) {
	if class != "" {
		class = fmt.Sprintf(" class=%q", class)
	}
	fmt.Fprintf(&d.b, `<text x="%d" y="%d"%s>%s</text>`+"\n", x, y, class, escapeXML(s))
	d.width = max(d.width, x+wide(s))
}

func wide(s string) int { return int(float64(columns(s))*svgColumn) + 1 }

// bar draws the budget: a cell a lookup.
func (d *svg) bar(used int) {
	const size, gap = 20, 4
	cells := max(spf.MaxLookups, min(used, svgCells))
	x := svgMargin
	for i := range cells {
		class := "free"
		switch {
		case i < used && i >= spf.MaxLookups:
			class = "excess"
		case i < used:
			class = "used"
		}
		if i == spf.MaxLookups { // the limit
			fmt.Fprintf(&d.b, `<path class="branch" d="M%d.5 58v20"/>`+"\n", x+2)
			x += gap + 2
		}
		fmt.Fprintf(&d.b, `<rect class="%s" x="%d.5" y="62.5" width="%d" height="11" rx="2"/>`+"\n", class, x, size)
		x += size + gap
	}
	if used > cells {
		d.textAt(x+gap, 73, "bad", fmt.Sprintf("and %d more", used-cells))
	}
	d.width = max(d.width, x)
}

// line draws one line of the tree, on as many rows as it takes.
func (d *svg) line(l treeLine) {
	groups := []rune(l.branch)
	depth := len(groups) / 3
	x := svgTreeX + depth*svgLevel
	room := max(svgColumns-depth*3, 40)
	class, noteClass := "", "note"
	switch {
	case l.over:
		class, noteClass = "over", "over"
	case l.bad:
		class, noteClass = "bad", "bad"
	case l.unused, l.beyond:
		class, noteClass = "faint", "faint"
	}
	rows, note := pieces(Plain(l.text), room), Plain(l.note)
	beside := note == "" || columns(rows[len(rows)-1])+2+columns(note) <= room
	n := len(rows)
	var notes []string
	if !beside {
		notes = pieces(note, room)
		n += len(notes)
	}
	if l.over {
		widest := 0
		for _, s := range append(append([]string(nil), rows...), notes...) {
			widest = max(widest, wide(s))
		}
		if beside {
			widest = max(widest, wide(rows[len(rows)-1]+"  "+note))
		}
		fmt.Fprintf(&d.b, `<rect class="mark" x="%d.5" y="%d.5" width="%d" height="%d" rx="4"/>`+"\n", 8, d.y, x+widest, n*svgRow-1)
		d.width = max(d.width, x+widest+svgMargin)
	}
	if l.cost > 0 {
		costClass := "cost"
		if l.over {
			costClass = "over"
		}
		d.text(svgMargin, costClass, fmt.Sprintf("%2d", l.cost))
	}
	for i := range n {
		d.branches(groups, i > 0)
		switch {
		case i < len(rows):
			d.text(x, class, rows[i])
			if i == len(rows)-1 && beside && note != "" {
				d.text(x+wide(rows[i]+"  "), noteClass, note)
			}
		default:
			d.text(x, noteClass, notes[i-len(rows)])
		}
		d.y += svgRow
	}
}

// branches draws the lines of a row that lead to its term; of a further row those that go on.
func (d *svg) branches(groups []rune, further bool) {
	for k := 0; k+2 < len(groups); k += 3 {
		x := svgTreeX + k/3*svgLevel + 4
		switch g := groups[k]; {
		case g == '│', g == '├' && further:
			fmt.Fprintf(&d.b, `<path class="branch" d="M%d.5 %dv%d"/>`+"\n", x, d.y, svgRow)
		case g == '├':
			fmt.Fprintf(&d.b, `<path class="branch" d="M%d.5 %dv%dm0 -10.5h10"/>`+"\n", x, d.y, svgRow)
		case g == '└' && !further:
			fmt.Fprintf(&d.b, `<path class="branch" d="M%d.5 %dv9.5h10"/>`+"\n", x, d.y)
		}
	}
}

func escapeXML(s string) string {
	var b strings.Builder
	if err := xml.EscapeText(&b, []byte(s)); err != nil {
		return "" // a strings.Builder refuses nothing
	}
	return b.String()
}
