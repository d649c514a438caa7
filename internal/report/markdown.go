package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/planner"
	"github.com/tripod-dns/tripod/rules"
)

// escape makes text from outside inert in Markdown: no markup, no HTML, no mention, no link comes out of it.
func escape(s string) string {
	s = Plain(s)
	var b strings.Builder
	before := ' '
	for i, r := range s {
		was := before
		before = r
		switch r {
		case '&':
			b.WriteString("&amp;")
		case '<':
			b.WriteString("&lt;")
		case '>':
			b.WriteString("&gt;")
		case '@':
			b.WriteString("&#64;")
			if !wordRune(was) && wordStart(s[i+1:]) {
				b.WriteString("&#8203;") // GitHub looks for mentions in what comes out of Markdown
			}
		case '#':
			b.WriteString(`\#`)
			if wordStart(s[i+1:]) {
				b.WriteString("&#8203;") // and for references to issues
			}
		case '.':
			if i >= 3 && strings.EqualFold(s[i-3:i], "www") {
				b.WriteByte('\\') // no link by itself
			}
			b.WriteRune(r)
		case '\\', '`', '*', '_', '{', '}', '[', ']', '(', ')', '+', '!', '|', '~', '$', ':':
			b.WriteByte('\\')
			b.WriteRune(r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func wordRune(r rune) bool {
	return r == '_' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
}

func wordStart(s string) bool { return s != "" && wordRune(rune(s[0])) }

// code is text as inline code, with as many back-quotes around it as it takes.
func code(s string) string {
	s = Plain(s)
	if s == "" {
		return "` `"
	}
	run, longest := 0, 0
	for _, r := range s {
		if r == '`' {
			run++
			longest = max(longest, run)
		} else {
			run = 0
		}
	}
	q := strings.Repeat("`", longest+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") || strings.TrimSpace(s) == "" {
		s = " " + s + " "
	}
	return q + strings.ReplaceAll(s, "|", `\|`) + q
}

// fence is text of several lines as a code block. Its lines are plain already.
func fence(s string) string {
	q := "```"
	for strings.Contains(s, q) {
		q += "`"
	}
	return q + "text\n" + strings.TrimRight(s, "\n") + "\n" + q
}

// LintMarkdown writes a lint result.
func LintMarkdown(w io.Writer, files *config.Files, r *engine.LintResult) error {
	var b strings.Builder
	fmt.Fprintf(&b, "**%s**\n\n", verdict(r))
	markdownFindings(&b, files, r.Findings)
	markdownNotChecked(&b, r.NotChecked)
	_, err := io.WriteString(w, b.String())
	return err
}

func verdict(r *engine.LintResult) string {
	c := r.Counts
	s := fmt.Sprintf("%s, %s: ", plural(r.Domains, "domain"), plural(r.Records, "record"))
	var parts []string
	for _, p := range []struct {
		n    int
		word string
	}{{c.Error, "error"}, {c.Warning, "warning"}, {c.Info, "info"}} {
		if p.n > 0 {
			parts = append(parts, plural(p.n, p.word))
		}
	}
	if len(parts) == 0 {
		parts = []string{"no findings"}
	}
	if c.Suppressed > 0 {
		parts = append(parts, fmt.Sprintf("%d suppressed", c.Suppressed))
	}
	return s + strings.Join(parts, ", ")
}

func markdownFindings(b *strings.Builder, files *config.Files, fs []engine.Finding) {
	for _, f := range fs {
		icon := map[rules.Severity]string{rules.Error: "❌", rules.Warning: "⚠️", rules.Info: "ℹ️"}[f.Severity]
		fmt.Fprintf(b, "%s **%s** %s", icon, f.Severity, code(f.Rule))
		if f.Pos.File != "" {
			fmt.Fprintf(b, " at %s", code(fmt.Sprintf("%s:%d:%d", f.Pos.File, f.Pos.Line, f.Pos.Column)))
		}
		fmt.Fprintf(b, "  \n%s\n\n", escape(f.Message))
		if f.Pos.File != "" {
			var src strings.Builder
			t := NewText(&src, Style{Width: 100})
			t.source(item{pos: f.Pos, source: files.Line(f.At.File, f.Pos.Line), note: f.Note, paint: fmt.Sprint}, fmt.Sprint(f.Pos.Line), strings.Repeat(" ", len(fmt.Sprint(f.Pos.Line))))
			fmt.Fprintf(b, "%s\n\n", fence(src.String()))
		}
		for i, rel := range f.Related {
			where := ""
			if p := f.Places[i]; p.File != "" {
				where = code(fmt.Sprintf("%s:%d:%d", p.File, p.Line, p.Column)) + ": "
			}
			fmt.Fprintf(b, "* %s%s\n", where, escape(rel.Message))
		}
		if len(f.Also) > 0 {
			fmt.Fprintf(b, "* %s\n", escape(also(f)))
		}
		if len(f.Related)+len(f.Also) > 0 {
			b.WriteString("\n") // else the help would belong to the list's last item
		}
		if f.Help != "" {
			text, code, _ := strings.Cut(f.Help, "\n")
			fmt.Fprintf(b, "*Help:* %s\n", escape(text))
			if code != "" {
				var plain []string
				for line := range strings.SplitSeq(code, "\n") {
					plain = append(plain, Plain(line))
				}
				fmt.Fprintf(b, "\n%s\n", fence(strings.Join(plain, "\n")))
			}
			b.WriteString("\n")
		}
	}
}

func markdownNotChecked(b *strings.Builder, list []rules.NotChecked) {
	if len(list) == 0 {
		return
	}
	b.WriteString("<details><summary>Not checked</summary>\n\n")
	for _, n := range list {
		fmt.Fprintf(b, "* %s: %s (%s)\n", escape(n.Domain.String()), escape(n.Reason), escape(strings.Join(n.Rules, ", ")))
	}
	b.WriteString("\n</details>\n\n")
}

// PlanMarkdown writes a plan.
func PlanMarkdown(w io.Writer, files *config.Files, p *planner.Plan, lint *engine.LintResult) error {
	var b strings.Builder
	c := p.Counts()
	fmt.Fprintf(&b, "**%s**\n\n", verdict(lint))
	var news []engine.Finding
	for _, f := range lint.Findings {
		if f.New {
			news = append(news, f)
		}
	}
	markdownFindings(&b, files, news)
	if old := len(lint.Findings) - len(news); old > 0 {
		fmt.Fprintf(&b, "%s the base has too.\n\n", plural(old, "finding"))
	}
	markdownNotChecked(&b, lint.NotChecked)
	fmt.Fprintf(&b, "### Changes against %s\n\n", escape(baseText(p.Base)))
	if p.Base.Note != "" {
		fmt.Fprintf(&b, "%s\n\n", escape(p.Base.Note))
	}
	if c.Domains == 0 {
		b.WriteString("No record changes.\n\n")
	} else {
		fmt.Fprintf(&b, "%s in %s: %d new, %d changed, %d deleted\n\n", plural(c.Create+c.Change+c.Delete, "record set"), plural(c.Domains, "domain"), c.Create, c.Change, c.Delete)
	}
	for _, d := range p.Domains {
		name := d.Name.String()
		if d.Tag != "" {
			name += "!" + d.Tag
		}
		fmt.Fprintf(&b, "#### %s\n\n", escape(name))
		for _, e := range sumUp(d.Effects) {
			fmt.Fprintf(&b, "* %s", escape(e.message))
			if len(e.prefixes) > 0 {
				fmt.Fprintf(&b, ": %s", code(prefixes(e.prefixes, 12)))
			}
			b.WriteString("\n")
		}
		if len(d.Effects) > 0 {
			b.WriteString("\n")
		}
		if len(d.Changes) > 0 {
			fmt.Fprintf(&b, "<details><summary>%s</summary>\n\n", plural(len(d.Changes), "record set"))
			fmt.Fprintf(&b, "%s\n\n</details>\n\n", diffBlock(d.Changes))
		}
	}
	fmt.Fprintf(&b, "Digest: %s\n", code(p.Digest))
	_, err := io.WriteString(w, b.String())
	return err
}

// diffBlock is changes as a diff that GitHub colours.
func diffBlock(changes []planner.Change) string {
	var b strings.Builder
	for _, c := range changes {
		fmt.Fprintf(&b, "@@ %s %s, TTL %d @@\n", Plain(c.Name.String()), c.Type, c.TTL)
		before, after := difference(c)
		for _, r := range before {
			fmt.Fprintf(&b, "- %s\n", Plain(r))
		}
		for _, r := range after {
			fmt.Fprintf(&b, "+ %s\n", Plain(r))
		}
	}
	s := fence(b.String())
	return strings.Replace(s, "text\n", "diff\n", 1)
}

// RulesMarkdown writes the list of rules as a table.
func RulesMarkdown(w io.Writer, list []*rules.Rule) error {
	var b strings.Builder
	b.WriteString("| rule | at worst | what goes wrong | reference |\n|---|---|---|---|\n")
	for _, r := range list {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", code(r.ID), r.Severity, escape(r.Summary), escape(r.Reference))
	}
	_, err := io.WriteString(w, b.String())
	return err
}
