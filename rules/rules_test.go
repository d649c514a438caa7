package rules_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/internal/rulecase"
	"github.com/tripod-dns/tripod/rules"
)

var update = flag.Bool("update", false, "write what lint finds into the want files")

// TestRules runs every rule's cases, and every bad one again as other people would have written it.
func TestRules(t *testing.T) {
	for _, rule := range rules.All() {
		t.Run(rule.ID, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join("testdata", rule.ID+".txtar")
			file, err := rulecase.Read(path)
			if err != nil {
				t.Fatalf("each rule has a file of cases: %v", err)
			}
			var bad, good int
			for _, c := range file.Cases {
				if c.Bad() {
					bad++
				} else {
					good++
				}
				t.Run(c.Name, func(t *testing.T) { runCase(t, rule, c) })
			}
			if bad == 0 || good == 0 {
				t.Errorf("%d bad and %d good cases: a rule has at least one of each", bad, good)
			}
			if *update && !t.Failed() {
				if err := rulecase.Write(path, file); err != nil {
					t.Fatal(err)
				}
			}
		})
	}
}

func runCase(t *testing.T, rule *rules.Rule, c *rulecase.Case) {
	res, err := rulecase.Run(t.Context(), c.Files, rule.ID, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	got := res.Text()
	if !c.Bad() {
		if got != "" {
			t.Errorf("a good case has findings:\n%s", got)
		}
		unknown, said := strings.Contains(c.Name, "unknown"), false
		for _, n := range res.Lint.NotChecked {
			if !slices.Contains(n.Rules, rule.ID) {
				continue
			}
			said = true
			if !unknown {
				t.Errorf("a good case whose rule was not checked shows nothing (name it good-unknown…, if that is what it shows): %s", n.Reason)
			}
		}
		if unknown && !said {
			t.Error("the case shows what is not known, and lint does not say that the rule was not checked")
		}
		return
	}
	if *update {
		c.Want, c.HasWant = got, true
	}
	if diff := cmp.Diff(c.Want, got); diff != "" {
		t.Errorf("findings differ (-want +got):\n%s", diff)
	}
	if got == "" {
		t.Error("a bad case has no findings")
	}
	for _, f := range res.Findings {
		if f.Severity > rule.Severity {
			t.Errorf("the rule is declared %s at worst and reports %s", rule.Severity, f.Severity)
		}
	}
	asOthersWrite(t, rule, c, res)
}

// A rewriting writes definitions differently without changing what they say. where maps a byte offset of the old text to the new
// one.
type rewriting struct {
	name    string
	rewrite func(src []byte) (out []byte, where func(off int) int)
}

var rewritings = []rewriting{
	{"CRLF", func(src []byte) ([]byte, func(int) int) {
		return bytes.ReplaceAll(src, []byte("\n"), []byte("\r\n")), func(off int) int {
			return off + bytes.Count(src[:off], []byte("\n"))
		}
	}},
	{"accents before it on the line", func(src []byte) ([]byte, func(int) int) {
		const comment = "/* \u00e9 e\u0301 */ "
		var out []byte
		for line := range bytes.SplitAfterSeq(src, []byte("\n")) {
			if len(line) > 0 {
				out = append(append(out, comment...), line...)
			}
		}
		return out, func(off int) int { return off + len(comment)*(bytes.Count(src[:off], []byte("\n"))+1) }
	}},
	{"escapes before it", func(src []byte) ([]byte, func(int) int) {
		at := escapable(src)
		var out []byte
		last := 0
		for _, i := range at {
			out = append(out, src[last:i]...)
			out = fmt.Appendf(out, `\u%04x`, src[i])
			last = i + 1
		}
		out = append(out, src[last:]...)
		return out, func(off int) int {
			n, _ := slices.BinarySearch(at, off)
			return off + 5*n
		}
	}},
}

var (
	labelled = regexp.MustCompile(`^\s*[a-z_0-9]+\s+"[^"]*"(\s+"[^"]*")?\s*\{`)
	quoted   = regexp.MustCompile(`"((?:[^"\\]|\\.)*)"`)
)

// escapable are the offsets of the first characters of strings that are values (labels of blocks are not).
func escapable(src []byte) []int {
	var out []int
	start := 0
	for line := range bytes.SplitAfterSeq(src, []byte("\n")) {
		code := line
		if i := bytes.Index(line, []byte(" # ")); i >= 0 {
			code = line[:i]
		}
		off := 0
		if m := labelled.FindIndex(code); m != nil {
			off = m[1]
		}
		for _, m := range quoted.FindAllSubmatchIndex(code[off:], -1) {
			i := off + m[2]
			if m[3] > m[2] && line[i] > ' ' && line[i] < utf8.RuneSelf && !strings.ContainsRune(`$%\`, rune(line[i])) {
				out = append(out, start+i)
			}
		}
		start += len(line)
	}
	return out
}

// asOthersWrite holds a rule to the place of the guilty words, whatever stands before them.
func asOthersWrite(t *testing.T, rule *rules.Rule, c *rulecase.Case, res *rulecase.Result) {
	for _, rw := range rewritings {
		files := maps.Clone(c.Files)
		where := map[string]func(int) int{}
		for name, src := range files {
			if strings.HasSuffix(name, ".hcl") && name != config.SettingsFile {
				files[name], where[name] = rw.rewrite(src)
			}
		}
		again, err := rulecase.Run(t.Context(), files, rule.ID, t.TempDir())
		if err != nil {
			t.Errorf("%s: %v", rw.name, err)
			continue
		}
		var want, got []string
		for _, f := range res.Findings {
			pos := f.Pos
			if w := where[pos.File]; w != nil {
				pos = position(files[pos.File], pos.File, w(int(f.At.Start)), w(int(f.At.End)))
			}
			want = append(want, summary(f, pos))
		}
		for _, f := range again.Findings {
			got = append(got, summary(f, f.Pos))
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: findings differ (-want +got):\n%s", rw.name, diff)
		}
	}
}

func summary(f engine.Finding, p config.Position) string {
	return fmt.Sprintf("%s:%d:%d-%d:%d: %s: %s: %s", p.File, p.Line, p.Column, p.EndLine, p.EndColumn, f.Severity, f.Name, f.Message)
}

// position counts lines and columns (code points) by its own means.
func position(src []byte, file string, start, end int) config.Position {
	count := func(off int) (line, column int) {
		before := src[:off]
		line = bytes.Count(before, []byte("\n")) + 1
		return line, utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	}
	p := config.Position{File: file}
	p.Line, p.Column = count(start)
	p.EndLine, p.EndColumn = count(end)
	return p
}

// TestDeclarations holds every rule to what its readers need.
func TestDeclarations(t *testing.T) {
	seen := map[string]bool{}
	id := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)+$`)
	for _, r := range engine.Rules() {
		switch {
		case !id.MatchString(r.ID):
			t.Errorf("%q is no id", r.ID)
		case seen[r.ID]:
			t.Errorf("%s is declared twice", r.ID)
		case r.Summary == "" || strings.HasSuffix(r.Summary, ".") || strings.Contains(r.Summary, "\n"):
			t.Errorf("%s: the summary is one line without a final dot: %q", r.ID, r.Summary)
		case r.Severity < rules.Info:
			t.Errorf("%s has no severity", r.ID)
		case r.Domain != nil && r.Fleet != nil:
			t.Errorf("%s is run for domains and for the fleet", r.ID)
		}
		seen[r.ID] = true
	}
	for _, r := range rules.All() {
		if r.Domain == nil && r.Fleet == nil {
			t.Errorf("%s does nothing", r.ID)
		}
	}
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if id := strings.TrimSuffix(filepath.Base(f), ".txtar"); !seen[id] {
			t.Errorf("%s belongs to no rule", f)
		}
	}
}
