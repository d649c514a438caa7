package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/fatih/color"
	"github.com/mitchellh/go-wordwrap"
	"github.com/rivo/uniseg"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/rules"
)

// Style says how text is laid out.
type Style struct {
	Color bool
	Width int // columns; 0 stands for 80
}

// A Text writes for people.
type Text struct {
	w     io.Writer
	width int
	err   error

	bold, dim, blue   func(...any) string
	red, yellow, cyan func(...any) string
	green             func(...any) string
}

// NewText writes to w in a style.
func NewText(w io.Writer, s Style) *Text {
	t := &Text{w: w, width: s.Width}
	if t.width <= 0 {
		t.width = 80
	}
	t.width = max(t.width, 40)
	paint := func(attrs ...color.Attribute) func(...any) string {
		c := color.New(attrs...)
		if s.Color {
			c.EnableColor()
		} else {
			c.DisableColor()
		}
		return c.SprintFunc()
	}
	t.bold, t.dim, t.blue = paint(color.Bold), paint(color.Faint), paint(color.FgBlue, color.Bold)
	t.red, t.yellow, t.cyan = paint(color.FgRed, color.Bold), paint(color.FgYellow, color.Bold), paint(color.FgCyan, color.Bold)
	t.green = paint(color.FgGreen)
	return t
}

// Err is the first error of writing.
func (t *Text) Err() error { return t.err }

func (t *Text) printf(format string, args ...any) {
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.w, format, args...)
	}
}

func (t *Text) severity(s rules.Severity) func(...any) string {
	switch s {
	case rules.Error:
		return t.red
	case rules.Warning:
		return t.yellow
	}
	return t.cyan
}

// An item is what findings and diagnostics have in common: both are shown in the same shape.
type item struct {
	word, message, id, note, help string
	paint                         func(...any) string
	pos                           config.Position
	source                        string // the line at pos
	related                       []string
}

func (t *Text) item(it item) {
	head := it.word + ": "
	for i, line := range wrap(Plain(it.message), t.width-len(head)) {
		if i == 0 {
			t.printf("%s%s\n", it.paint(head), t.bold(line))
		} else {
			t.printf("%s%s\n", strings.Repeat(" ", len(head)), t.bold(line))
		}
	}
	gutter := strconv.Itoa(it.pos.Line)
	pad := strings.Repeat(" ", len(gutter))
	id := ""
	if it.id != "" {
		id = "  [" + it.id + "]"
	}
	if it.pos.File == "" {
		pad = " "
		if id != "" {
			t.printf("  %s %s\n", t.blue("-->"), t.dim(strings.TrimSpace(id)))
		}
	} else {
		t.printf("%s%s %s:%d:%d%s\n", pad, t.blue("-->"), Plain(it.pos.File), it.pos.Line, it.pos.Column, t.dim(id))
		if it.source != "" { // else there is nothing to show: a file that cannot be read, the end of one
			t.source(it, gutter, pad)
			if len(it.related) > 0 || it.help != "" {
				t.printf("%s %s\n", pad, t.blue("|"))
			}
		}
	}
	for _, r := range it.related {
		t.field(pad, "note", r)
	}
	if it.help != "" {
		t.field(pad, "help", it.help)
	}
	t.printf("\n")
}

// field writes "= word: text", wrapped under itself. A line feed in the text starts a new line, and lines that begin with a space (code to
// paste) are not wrapped.
func (t *Text) field(pad, word, text string) {
	lead := fmt.Sprintf("%s %s %s", pad, t.blue("="), t.bold(word+": "))
	indent := strings.Repeat(" ", len(pad)+len(word)+5)
	first := true
	for para := range strings.SplitSeq(text, "\n") {
		lines := []string{Plain(para)}
		if !strings.HasPrefix(para, " ") {
			lines = wrap(lines[0], t.width-len(indent))
		}
		for _, line := range lines {
			if first {
				t.printf("%s%s\n", lead, line)
				first = false
			} else {
				t.printf("%s%s\n", indent, line)
			}
		}
	}
}

func wrap(s string, width int) []string {
	return strings.Split(wordwrap.WrapString(s, uint(max(width, 20))), "\n")
}

// source writes the guilty line with the guilty words underlined. A long line is shown in part, around them.
func (t *Text) source(it item, gutter, pad string) {
	bar := t.blue("|")
	start, end := offset(it.source, it.pos.Column), len(it.source)
	if it.pos.EndLine == it.pos.Line {
		end = max(offset(it.source, it.pos.EndColumn), start)
	}
	before, marked, after := it.source[:start], it.source[start:end], it.source[end:]
	before, marked, after = expand(before), expand(marked), expand(after)
	before, marked = apart(before, marked), apart(marked, after)

	room := t.width - len(gutter) - 4
	note := Plain(it.note)
	if columns(before)+columns(marked)+columns(after) > room {
		if m := columns(marked); m > room*2/3 && m > 24 {
			marked = clip(marked, max(24, room/2))
		}
		left := room - columns(marked)
		if left -= min(columns(after), max(4, left/4)); columns(before) > left {
			before = "…" + tail(before, max(0, left-1))
		}
		after = clip(after, max(0, room-columns(before)-columns(marked)))
	}
	t.printf("%s %s\n", pad, bar)
	t.printf("%s %s %s%s%s\n", t.blue(gutter), bar, before, it.paint(marked), after)
	carets := strings.Repeat("^", max(1, columns(marked)))
	lead := strings.Repeat(" ", columns(before))
	switch {
	case note == "":
		t.printf("%s %s %s%s\n", pad, bar, lead, it.paint(carets))
	case len(lead)+len(carets)+1+columns(note) <= room:
		t.printf("%s %s %s%s\n", pad, bar, lead, it.paint(carets+" "+note))
	default:
		t.printf("%s %s %s%s\n", pad, bar, lead, it.paint(carets))
		indent := min(len(lead), max(0, room-min(columns(note), room)))
		for _, line := range wrap(note, room-indent) {
			t.printf("%s %s %s%s\n", pad, bar, strings.Repeat(" ", indent), it.paint(line))
		}
	}
}

// offset is where the code point of a column, counted from 1, begins in a line. An octet that is no UTF-8 counts as one.
func offset(line string, column int) int {
	for i := range line {
		if column--; column < 1 {
			return i
		}
	}
	return len(line)
}

func columns(s string) int { return uniseg.StringWidth(s) }

// expand shows tabs as four columns and makes the rest inert.
func expand(s string) string {
	s = strings.TrimRight(s, "\r\n")
	return Plain(strings.ReplaceAll(s, "\t", "    "))
}

// apart is the text before another one, changed where only both together would begin a command of GitHub Actions (see Plain).
func apart(before, after string) string {
	const command = "##["
	for n := 1; n < len(command); n++ {
		if strings.HasSuffix(before, command[:n]) && strings.HasPrefix(after, command[n:]) {
			return before[:len(before)-1] + `\u{23}`
		}
	}
	return before
}

// clip keeps the first columns of s, and says so by an ellipsis.
func clip(s string, width int) string {
	if columns(s) <= width {
		return s
	}
	if width < 2 {
		return ""
	}
	var b strings.Builder
	n := 0
	g := uniseg.NewGraphemes(s)
	for g.Next() && n+g.Width() <= width-1 {
		b.WriteString(g.Str())
		n += g.Width()
	}
	return b.String() + "…"
}

// tail keeps the last columns of s.
func tail(s string, width int) string {
	var clusters []string
	g := uniseg.NewGraphemes(s)
	for g.Next() {
		clusters = append(clusters, g.Str())
	}
	n, i := 0, len(clusters)
	for i > 0 && n+columns(clusters[i-1]) <= width {
		i--
		n += columns(clusters[i])
	}
	return strings.Join(clusters[i:], "")
}

// Diagnostics writes why definitions cannot be loaded.
func (t *Text) Diagnostics(files *config.Files, ds config.Diagnostics) {
	for _, d := range ds {
		it := item{word: "error", paint: t.red, message: d.Message, help: d.Help, pos: d.Position}
		if files != nil {
			it.source = files.Line(files.Lookup(d.File), d.Line)
		}
		t.item(it)
	}
}

// Findings writes findings with their source.
func (t *Text) Findings(files *config.Files, fs []engine.Finding) {
	for _, f := range fs {
		it := item{
			word: f.Severity.String(), paint: t.severity(f.Severity), message: f.Message, id: f.Rule,
			note: f.Note, help: f.Help, pos: f.Pos, source: files.Line(f.At.File, f.Pos.Line),
		}
		for i, rel := range f.Related {
			where := ""
			if p := f.Places[i]; p.File != "" {
				where = fmt.Sprintf("%s:%d:%d: ", p.File, p.Line, p.Column)
			}
			it.related = append(it.related, where+rel.Message)
		}
		if n := len(f.Also); n > 0 {
			it.related = append(it.related, also(f))
		}
		t.item(it)
	}
}

// also names the other domains in which one mistake shows.
func also(f engine.Finding) string {
	const shown = 5
	names := make([]string, 0, shown)
	for _, n := range f.Also[:min(shown, len(f.Also))] {
		names = append(names, n.String())
	}
	s := "the same in " + strings.Join(names, ", ")
	if more := len(f.Also) - shown; more > 0 {
		s += fmt.Sprintf(" and %d more domains", more)
	}
	return s
}

// Lint writes a whole result: findings, what could not be checked, and a summary line.
func (t *Text) Lint(files *config.Files, r *engine.LintResult) {
	t.Findings(files, r.Findings)
	t.notChecked(r.NotChecked)
	t.printf("%s\n", t.counts(r))
}

// counts is the summary line.
func (t *Text) counts(r *engine.LintResult) string {
	c := r.Counts
	what := fmt.Sprintf("%s, %s: ", plural(r.Domains, "domain"), plural(r.Records, "record"))
	switch {
	case c.Error > 0:
		what += t.red(plural(c.Error, "error"))
	case c.Warning+c.Info == 0:
		what += t.green("no findings")
	default:
		what += "no errors"
	}
	if c.Warning > 0 {
		what += ", " + t.yellow(plural(c.Warning, "warning"))
	}
	if c.Info > 0 {
		what += ", " + t.cyan(plural(c.Info, "info"))
	}
	if c.Suppressed > 0 {
		what += fmt.Sprintf(", %d suppressed", c.Suppressed)
	}
	return what
}

// notChecked writes what could not be checked: one paragraph a reason, with the domains and rules concerned.
func (t *Text) notChecked(list []rules.NotChecked) {
	type group struct{ domains, rules []string }
	byReason := map[string]*group{}
	var order []string
	for _, n := range list {
		g := byReason[n.Reason]
		if g == nil {
			g = &group{}
			byReason[n.Reason] = g
			order = append(order, n.Reason)
		}
		g.domains = append(g.domains, n.Domain.String())
		for _, r := range n.Rules {
			if !slices.Contains(g.rules, r) {
				g.rules = append(g.rules, r)
			}
		}
	}
	const shown = 10
	for i, reason := range order {
		if i == shown {
			t.printf("%s\n", t.dim(fmt.Sprintf("not checked: %d more reasons; --format json has them all", len(order)-shown)))
			break
		}
		g := byReason[reason]
		where := strings.Join(g.domains[:min(3, len(g.domains))], ", ")
		if more := len(g.domains) - 3; more > 0 {
			where += fmt.Sprintf(" and %d more domains", more)
		}
		slices.Sort(g.rules)
		t.hanging(t.dim("not checked: "), fmt.Sprintf("%s: %s (%s)", where, reason, strings.Join(g.rules, ", ")))
	}
	if len(list) > 0 {
		t.printf("\n")
	}
}

func plural(n int, word string) string {
	if n == 1 {
		return "1 " + word
	}
	return fmt.Sprintf("%d %ss", n, word)
}
