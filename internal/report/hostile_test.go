package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/internal/resolve"
	"github.com/tripod-dns/tripod/internal/spf"
	"github.com/tripod-dns/tripod/internal/zone"
	"github.com/tripod-dns/tripod/planner"
	"github.com/tripod-dns/tripod/rules"
)

// formats are all writers of results.
func formats(files *config.Files, r *engine.LintResult, p *planner.Plan, tree *spf.Tree) map[string]func(io.Writer) error {
	colour := func(c bool, write func(*Text)) func(io.Writer) error {
		return func(w io.Writer) error {
			t := NewText(w, Style{Color: c})
			write(t)
			return t.Err()
		}
	}
	out := map[string]func(io.Writer) error{
		"text":     colour(false, func(t *Text) { t.Lint(files, r) }),
		"colour":   colour(true, func(t *Text) { t.Lint(files, r) }),
		"json":     func(w io.Writer) error { return LintJSON(w, r) },
		"markdown": func(w io.Writer) error { return LintMarkdown(w, files, r) },
		"sarif":    func(w io.Writer) error { return LintSARIF(w, files, r, "dns", "v1.2.3") },
		"github":   func(w io.Writer) error { return LintGitHub(w, r, "dns") },
		"gitlab":   func(w io.Writer) error { return LintGitLab(w, files, r, "dns") },
		"rdjson":   func(w io.Writer) error { return LintRDJSON(w, files, r, "dns") },
	}
	if p != nil {
		out["plan"] = colour(false, func(t *Text) { t.Plan(files, p, r) })
		out["plan markdown"] = func(w io.Writer) error { return PlanMarkdown(w, files, p, r) }
		out["plan json"] = func(w io.Writer) error { return PlanJSON(w, p, r) }
		push := &engine.PushResult{}
		lock := &resolve.Refreshed{Lock: &resolve.Lock{}}
		for _, d := range p.Domains {
			push.Zones = append(push.Zones, engine.PushZone{Zone: string(d.Name), Provider: d.Tag, Type: d.Tag, Changes: d.Changes})
			q := resolve.Question{Name: d.Name, Type: 16}
			lock.Changed, lock.Dropped = append(lock.Changed, q), append(lock.Dropped, q)
			lock.Failed = append(lock.Failed, resolve.Failure{Question: q, Why: d.Tag}, resolve.Failure{Question: q, Why: d.Tag, Kept: true})
		}
		out["push"] = colour(false, func(t *Text) { t.Push(push) })
		out["push json"] = func(w io.Writer) error { return PushJSON(w, push) }
		out["push markdown"] = func(w io.Writer) error { return PushMarkdown(w, push) }
		out["lock"] = colour(false, func(t *Text) { t.Lock(lock) })
		out["lock json"] = func(w io.Writer) error { return LockJSON(w, lock) }
		out["lock markdown"] = func(w io.Writer) error { return LockMarkdown(w, lock) }
	}
	if tree != nil {
		out["tree"] = colour(false, func(t *Text) { t.Tree(tree) })
		out["tree markdown"] = func(w io.Writer) error { return TreeMarkdown(w, tree) }
		out["tree json"] = func(w io.Writer) error { return TreeJSON(w, tree) }
		out["tree mermaid"] = func(w io.Writer) error { return TreeMermaid(w, tree) }
		out["tree svg"] = func(w io.Writer) error { return TreeSVG(w, tree) }
	}
	return out
}

// evil are texts that mean something to a terminal, a forge, a browser or a log.
var evil = []string{
	"\x1b[31mred\x1b]0;title\a", "\u202egnp.exe\u2066", "zero\u200bwidth\ufeff", "\u009b31m", "bad utf-8 \xff\xfe", "line\r\nfeed\u2028\u2029\v\f\x00",
	"::error::owned", "\n::set-output name=digest::0", "##[set-output name=digest]0", "%0A::add-mask::x", "@octocat and @team/all",
	"<script>alert(1)</script>", "<img src=x onerror=alert(1)>", "</text></svg><script>", "]]><![CDATA[", "&#x3c;b&#x3e;",
	"![x](http://evil.example/x.png)", "[click](javascript:alert(1))", "| a | b |", "`code` ``` fence", "```\n# heading", "~~~", "# heading", "- [ ] task",
	"https://evil.example/", "www.evil.example", "#1 GH-1 octocat/repo#1", "$\\math$", "\"] --> n1[\"owned", "{0} {{1}} %%{init}%%", "__proto__", "\U000e0041tag", "</details>", "--><!--",
}

// hostile is a result, a plan and a tree made of evil texts.
func hostile(t *testing.T, s string) (*config.Files, *engine.LintResult, *planner.Plan, *spf.Tree) {
	t.Helper()
	source := "domain \"a.example\" {\n  # " + strings.NewReplacer("\n", " ", "\r", " ").Replace(s) + "\n  dmarc { raw = \"" + config.Escape(s) + "\" }\n}\n"
	files := load(t, map[string]string{"a.hcl": source})
	line := zone.Span{File: files.Lookup("a.hcl"), Start: uint32(strings.Index(source, "#")), End: uint32(strings.Index(source, "\n  dmarc"))}
	name := zone.Name(s)
	f := rules.Finding{
		Rule: "dmarc-value", Severity: rules.Error, Domain: name, Name: name, Type: "TXT", Message: s, Help: s + "\n  " + s, Note: s,
		At: line, Term: s, Related: []rules.Related{{At: line, Message: s}, {Message: s}}, Also: []zone.Name{name, name},
		Reference: s,
	}
	nowhere := f
	nowhere.At = zone.Span{}
	r := result(files, f, nowhere)
	r.Findings = append(r.Findings, r.Findings[1])
	r.Findings[2].Pos.File = s // a path of the repository
	r.NotChecked = []rules.NotChecked{{Domain: name, Rules: []string{"mx-target"}, Reason: s}}

	p := &planner.Plan{Base: planner.Base{Kind: "git", Ref: s, Commit: "0123456789abcdef", Note: s}, Digest: "sha256:0", Domains: []planner.DomainPlan{{
		Name: name, Tag: s, Changes: []planner.Change{
			{Zone: s, Action: planner.Modify, Name: name, Type: "TXT", TTL: 300, Before: []string{s}, After: []string{s + s}},
			{Zone: s, Action: planner.Create, Name: name, Type: "TXT", TTL: 300, After: []string{s}},
		},
		Effects: []planner.Effect{
			{Kind: planner.MXChanged, Name: name, Message: s, Before: s, After: s},
			{Kind: planner.DMARCPolicy, Name: name, Before: s, After: s},
			{Kind: planner.DKIMKeyAdded, Name: name, Message: s}, {Kind: planner.DKIMKeyAdded, Name: zone.Name(s + "._domainkey.a.example"), Message: s},
		},
	}}}

	w := world{}
	w.txt("a.example", "v=spf1 include:b.example ip4:192.0.2.1 "+s+" -all")
	w.txt("b.example", "v=spf1 include:"+s+" exists:"+s+".c.example x="+s+" ?all")
	tree := spf.WalkTree(t.Context(), w, "a.example")
	tree.Root.Name = name
	return files, r, p, tree
}

var (
	command = regexp.MustCompile(`(?i)^\s*::(set-|save-|add-|remove-|warning|error|notice|debug|echo|group|endgroup|stop-)[a-z-]*( .*)?::`)
	ours    = regexp.MustCompile(`^::(error|warning|notice) (file=[^:,]+,line=\d+,(col=\d+,)?endLine=\d+(,endColumn=\d+)?,)?title=[a-z-]+::`)
)

// Whatever stands in names, values, messages and helps comes out inert in every format.
func TestHostile(t *testing.T) {
	for _, s := range append(slices.Clone(evil), strings.Join(evil, " "), strings.Repeat("\u0301", 300), strings.Repeat("x", 5000)) {
		hostileRound(t, s)
	}
}

func FuzzInert(f *testing.F) {
	for _, s := range evil {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if len(s) < 2000 {
			hostileRound(t, s)
		}
	})
}

func hostileRound(t *testing.T, s string) {
	t.Helper()
	files, r, p, tree := hostile(t, s)
	all := formats(files, r, p, tree)
	check := spf.Result{Result: spf.Fail, Mechanism: s, Path: []zone.Name{zone.Name(s), zone.Name(s)}, Reason: s, Explanation: s}
	all["check"] = func(w io.Writer) error {
		tx := NewText(w, Style{})
		tx.Check(s, netip.MustParseAddr("192.0.2.1"), check)
		return tx.Err()
	}
	all["check markdown"] = func(w io.Writer) error {
		return CheckMarkdown(w, s, netip.MustParseAddr("192.0.2.1"), check)
	}
	all["diagnostics"] = func(w io.Writer) error {
		tx := NewText(w, Style{})
		tx.Diagnostics(files, config.Diagnostics{{Position: config.Position{File: s, Line: 1, Column: 1}, Message: s, Help: s}})
		return tx.Err()
	}
	all["verify"] = func(w io.Writer) error {
		tx := NewText(w, Style{})
		tx.Verify(evilVerify(s))
		return tx.Err()
	}
	all["verify json"] = func(w io.Writer) error { return VerifyJSON(w, evilVerify(s)) }
	all["verify markdown"] = func(w io.Writer) error { return VerifyMarkdown(w, evilVerify(s)) }
	for name, write := range all {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		out := b.String()
		inert(t, name, s, out)
		switch {
		case strings.HasSuffix(name, "markdown"), name == "tree mermaid":
			inertMarkdown(t, name, s, out)
		case name == "tree svg":
			inertXML(t, s, out)
		}
	}
}

// inert: no control or invisible character but what the format is made of, and no command for a log.
func inert(t *testing.T, format, s, out string) {
	t.Helper()
	body := out
	if format == "colour" {
		body = ansi.ReplaceAllString(out, "")
	}
	json := strings.Contains(format, "json") || format == "sarif" || format == "gitlab"
	for _, r := range body {
		if r == '\n' || json && r == unicode.ReplacementChar { // what is no UTF-8 is that in JSON
			continue
		}
		if r == unicode.ReplacementChar || unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp) {
			t.Errorf("%s: %q lets %U through", format, s, r)
			return
		}
	}
	for line := range strings.Lines(body) {
		if strings.Contains(line, "##[") {
			t.Errorf("%s: %q gives the command %q", format, s, line)
		}
		if command.MatchString(line) && (format != "github" || !ours.MatchString(line)) {
			t.Errorf("%s: %q gives the command %q", format, s, line)
		}
	}
}

// inertMarkdown: outside of code there is no markup that is not ours.
func inertMarkdown(t *testing.T, format, s, out string) {
	t.Helper()
	// A fence is closed by one that is as long, and nothing in it is.
	var rest []string
	fence := ""
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, "\n")
		ticks := line[:len(line)-len(strings.TrimLeft(line, "`"))]
		switch {
		case fence == "" && len(ticks) >= 3:
			fence = ticks
		case fence != "" && line == fence:
			fence = ""
		case fence != "" && len(ticks) >= len(fence):
			t.Errorf("%s: %q ends a fence: %q", format, s, line)
		case fence == "":
			rest = append(rest, line)
		}
	}
	if fence != "" {
		t.Errorf("%s: %q leaves a fence open", format, s)
	}
	prose := stripCode(strings.Join(rest, "\n"))
	for _, bad := range []string{"<script", "<img", "</text", "</details>x", "](", "![", "@octocat", "<!--", "https://evil", "| a |"} {
		if strings.Contains(prose, bad) {
			t.Errorf("%s: %q gives %q in\n%s", format, s, bad, prose)
		}
	}
}

// stripCode takes inline code out of Markdown, by the rule of CommonMark: it ends at a run of as many back-quotes.
func stripCode(s string) string {
	var b strings.Builder
	for s != "" {
		i := strings.IndexByte(s, '`')
		if i < 0 {
			return b.String() + s
		}
		if i > 0 && s[i-1] == '\\' {
			b.WriteString(s[:i+1])
			s = s[i+1:]
			continue
		}
		b.WriteString(s[:i])
		s = s[i:]
		n := len(s) - len(strings.TrimLeft(s, "`"))
		body, found := s[n:], false
		for at := 0; at < len(body); {
			j := strings.IndexByte(body[at:], '`')
			if j < 0 {
				break
			}
			at += j
			m := len(body[at:]) - len(strings.TrimLeft(body[at:], "`"))
			if m == n {
				s, found = body[at+m:], true
				break
			}
			at += m
		}
		if !found {
			b.WriteString(s[:n])
			s = body
		}
	}
	return b.String()
}

// inertXML: the drawing is well-formed, of elements that we draw, and loads and runs nothing.
func inertXML(t *testing.T, s, out string) {
	t.Helper()
	dec := xml.NewDecoder(strings.NewReader(out))
	for {
		tok, err := dec.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("svg of %q: %v", s, err)
		}
		el, ok := tok.(xml.StartElement)
		if !ok {
			continue
		}
		if !slices.Contains([]string{"svg", "title", "desc", "style", "rect", "text", "path"}, el.Name.Local) {
			t.Errorf("svg of %q has <%s>", s, el.Name.Local)
		}
		for _, a := range el.Attr {
			if strings.HasPrefix(a.Name.Local, "on") || strings.Contains(a.Name.Local, "href") {
				t.Errorf("svg of %q has %s=%q", s, a.Name.Local, a.Value)
			}
		}
	}
	for _, bad := range []string{"url(", "@import", "<script"} {
		if strings.Contains(out, bad) {
			t.Errorf("svg of %q has %s", s, bad)
		}
	}
}

func TestPlain(t *testing.T) {
	for in, want := range map[string]string{
		"v=spf1 -all":          "v=spf1 -all",
		"é漢\u0301":             "é漢\u0301",
		"a\nb\tc\r":            `a\nb\tc\r`,
		"\x1b[0m\x7f":          `\u{1b}[0m\u{7f}`,
		"\u202e\u200b\u2028":   `\u{202e}\u{200b}\u{2028}`,
		"\xff":                 `\xff`,
		"\ufffd":               "\ufffd",
		"ip6:2001:db8::/32":    "ip6:2001:db8::/32",
		"ip6:::1 ::dead ::/0":  "ip6:::1 ::dead ::/0",
		"::error::1":           `\u{3a}:error::1`,
		"a ::Set-Output n=v::": `a \u{3a}:Set-Output n=v::`,
		"##[group]###[":        `\u{23}#[group]#\u{23}#[`,
	} {
		if got := Plain(in); got != want {
			t.Errorf("Plain(%q) = %q, not %q", in, got, want)
		}
	}
}

func TestCode(t *testing.T) {
	for in, want := range map[string]string{
		"": "` `", "a": "`a`", "a`b": "``a`b``", "`": "`` ` ``", "``x": "``` ``x ```", "a|b": "`a\\|b`", " ": "`   `",
	} {
		if got := code(in); got != want {
			t.Errorf("code(%q) = %q, not %q", in, got, want)
		}
	}
}

// JSON says the same with and without escapes.
func TestInertJSON(t *testing.T) {
	for _, s := range append(slices.Clone(evil), "\x7f", "é漢", "\U000f0000", `\##[`, `"##["`, "###[") {
		var b bytes.Buffer
		if err := writeJSON(&b, []string{s}); err != nil {
			t.Fatal(err)
		}
		var got []string
		if err := json.Unmarshal(b.Bytes(), &got); err != nil {
			t.Fatalf("%q: %v", b.String(), err)
		}
		if want := strings.ToValidUTF8(s, "\ufffd"); strings.ToValidUTF8(got[0], "\ufffd") != want && !strings.Contains(s, "\xff") {
			t.Errorf("%q, not %q", got[0], want)
		}
		inert(t, "json", s, b.String())
	}
}

// A word that begins a command together with what stands before it does not.
func TestSourceSeam(t *testing.T) {
	files := load(t, map[string]string{"a.hcl": "# x ##[group]y\n"})
	for _, words := range []string{"[group]", "#[group]", "##", "#", "##["} {
		f := rules.Finding{Rule: "dns-name", Severity: rules.Error, Message: "m", At: spanOf(t, files, "a.hcl", "x ", words)}
		out := text(t, Style{}, func(t *Text) { t.Findings(files, result(files, f).Findings) })
		if strings.Contains(out, "##[") {
			t.Errorf("%s: %s", words, out)
		}
	}
}
