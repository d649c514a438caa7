package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/rules"
)

func TestLintText(t *testing.T) {
	files, r := story(t)
	for _, c := range []struct {
		name  string
		style Style
	}{
		{"lint-80.txt", Style{}},
		{"lint-80-colour.txt", Style{Color: true}},
		{"lint-40.txt", Style{Width: 40}},
		{"lint-120.txt", Style{Width: 120}},
	} {
		out := text(t, c.style, func(t *Text) { t.Lint(files, r) })
		golden(t, c.name, []byte(out))
		fits(t, out, max(c.style.Width, 80*btoi(c.style.Width == 0)))
		if strings.Contains(out, "\x1b") != c.style.Color {
			t.Errorf("%s: coloured: %t", c.name, !c.style.Color)
		}
		if plain := text(t, Style{Width: c.style.Width}, func(t *Text) { t.Lint(files, r) }); ansi.ReplaceAllString(out, "") != plain {
			t.Errorf("%s: colour changes more than the colour", c.name)
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// The carets stand under the guilty words, whatever stands before them and however much of the line there is room for.
func TestCarets(t *testing.T) {
	files, r := story(t)
	want := map[string]string{
		"spf-lookup-limit": "include:sendgrid.net", "spf-syntax": "ipv4:192.0.2.1", "dkim-testing": "t=y",
		"dmarc-uri": "postmaster@example.com", "spf-hardfail": "fail",
	}
	for _, width := range []int{40, 60, 80, 120, 200} {
		for _, f := range r.Findings {
			words := want[f.Rule]
			if f.Rule == "dns-duplicate" {
				words = files.Text(f.At)
			}
			if words == "" {
				continue
			}
			one := *r
			one.Findings = []engine.Finding{f}
			lines := strings.Split(text(t, Style{Width: width}, func(t *Text) { t.Findings(files, one.Findings) }), "\n")
			i := slices.IndexFunc(lines, func(l string) bool { return strings.Contains(l, "^") })
			if i < 1 {
				t.Fatalf("%s at %d: no carets", f.Rule, width)
			}
			start := strings.Index(lines[i], "^")
			n := strings.Count(lines[i], "^")
			if n != len(words) && n < 24 {
				t.Errorf("%s at %d: %d carets for %q", f.Rule, width, n, words)
			}
			// The columns of the source line above them.
			source := lines[i-1]
			before := cut(source, start)
			if got := strings.TrimPrefix(source, before); !strings.HasPrefix(got, words) && n == len(words) {
				t.Errorf("%s at %d: the carets point at %q, not at %q\n%s\n%s", f.Rule, width, got, words, source, lines[i])
			}
		}
	}
}

// cut is the beginning of s that fills n columns.
func cut(s string, n int) string {
	for i := range s {
		if columns(s[:i]) == n && columns(s[i:]) == columns(s)-n {
			return s[:i]
		}
	}
	return s
}

func TestLintJSON(t *testing.T) {
	_, r := story(t)
	var b bytes.Buffer
	if err := LintJSON(&b, r); err != nil {
		t.Fatal(err)
	}
	golden(t, "lint.json", b.Bytes())

	// Exactly the members that docs/json.md promises, in that order.
	var doc map[string]json.RawMessage
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	var list []json.RawMessage
	if err := json.Unmarshal(doc["findings"], &list); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ json, want string }{
		{b.String(), "schema findings not_checked summary"},
		{string(list[0]), "rule severity domain name type message help reference file line column end_line end_column related fixable new"},
		{string(list[slices.IndexFunc(list, func(m json.RawMessage) bool { return bytes.Contains(m, []byte("spf-lookup-limit")) })]),
			"rule severity domain name type message help reference file line column end_line end_column related fixable new"},
		{string(doc["summary"]), "domains records error warning info suppressed"},
	} {
		if got := members(t, c.json); got != c.want {
			t.Errorf("members %s, not %s", got, c.want)
		}
	}

	// Nothing found: empty lists, not null.
	b.Reset()
	if err := LintJSON(&b, &engine.LintResult{}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "null") {
		t.Errorf("null: %s", b.String())
	}
}

// members are the names of an object's members in their order.
func members(t *testing.T, text string) string {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(text))
	if _, err := dec.Token(); err != nil {
		t.Fatal(err)
	}
	var out []string
	for dec.More() {
		name, err := dec.Token()
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, fmt.Sprint(name))
		var skip json.RawMessage
		if err := dec.Decode(&skip); err != nil {
			t.Fatal(err)
		}
	}
	return strings.Join(out, " ")
}

func TestLintMarkdown(t *testing.T) {
	files, r := story(t)
	var b bytes.Buffer
	if err := LintMarkdown(&b, files, r); err != nil {
		t.Fatal(err)
	}
	golden(t, "lint.md", b.Bytes())
}

func TestDiagnostics(t *testing.T) {
	files := load(t, map[string]string{"a.hcl": "domain \"a.example\" {\n  dmarc { q = \"reject\" }\n}\n"})
	span := spanOf(t, files, "a.hcl", "dmarc { ", "q")
	ds := config.Diagnostics{
		{Position: files.Position(span), Span: span, Message: "dmarc has no q", Help: "did you mean p?"},
		{Position: config.Position{File: "gone.hcl", Line: 1, Column: 1}, Message: "no such file"},
		{Message: "no definitions"},
	}
	out := text(t, Style{}, func(t *Text) { t.Diagnostics(files, ds) })
	golden(t, "diagnostics.txt", []byte(out))
	fits(t, out, 80)
	if out := text(t, Style{}, func(t *Text) { t.Diagnostics(nil, ds) }); !strings.Contains(out, "dmarc has no q") {
		t.Errorf("without files: %s", out)
	}

	var b bytes.Buffer
	if err := ErrorsJSON(&b, &engine.Unloadable{Files: files, Diagnostics: ds}); err != nil {
		t.Fatal(err)
	}
	golden(t, "errors.json", b.Bytes())
	b.Reset()
	if err := ErrorsJSON(&b, errors.New("open tripod.hcl: permission denied")); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), `"message": "open tripod.hcl: permission denied"`) {
		t.Errorf("%s", b.String())
	}
}

func TestSummary(t *testing.T) {
	for _, c := range []struct {
		counts engine.Counts
		text   string
		md     string
	}{
		{engine.Counts{}, "1 domain, 1 record: no findings\n", "1 domain, 1 record: no findings"},
		{engine.Counts{Suppressed: 1}, "1 domain, 1 record: no findings, 1 suppressed\n", "1 domain, 1 record: no findings, 1 suppressed"},
		{engine.Counts{Info: 2}, "1 domain, 1 record: no errors, 2 infos\n", "1 domain, 1 record: 2 infos"},
		{engine.Counts{Error: 1, Warning: 1}, "1 domain, 1 record: 1 error, 1 warning\n", "1 domain, 1 record: 1 error, 1 warning"},
	} {
		r := &engine.LintResult{Domains: 1, Records: 1, Counts: c.counts}
		if got := text(t, Style{}, func(t *Text) { t.Lint(nil, r) }); got != c.text {
			t.Errorf("%q, not %q", got, c.text)
		}
		if got := verdict(r); got != c.md {
			t.Errorf("%q, not %q", got, c.md)
		}
	}
}

// Many reasons for what was not checked are not a wall of text.
func TestNotCheckedIsShort(t *testing.T) {
	r := &engine.LintResult{}
	for i := range 500 {
		r.NotChecked = append(r.NotChecked, rules.NotChecked{Domain: "a.example", Rules: []string{"mx-target"}, Reason: fmt.Sprintf("mx%d.example A is not in the lock file", i)})
	}
	out := text(t, Style{}, func(t *Text) { t.Lint(nil, r) })
	if n := strings.Count(out, "\n"); n > 40 {
		t.Errorf("%d lines", n)
	}
	if !strings.Contains(out, "490 more reasons") {
		t.Errorf("does not say how many more: %s", out)
	}
}

// thousand is a result with a thousand findings.
func thousand(t testing.TB) (*config.Files, *engine.LintResult) {
	t.Helper()
	var b strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&b, "domain \"d%d.example\" {\n  dmarc { raw = \"v=DMARC1; p=rejct%d\" }\n}\n", i, i)
	}
	files := load(t, map[string]string{"domains/many.hcl": b.String()})
	var found []rules.Finding
	id := files.Lookup("domains/many.hcl")
	content, off := files.Content(id), 0
	for i := range 1000 {
		word := fmt.Sprintf("rejct%d\"", i)
		off += bytes.Index(content[off:], []byte(word))
		f := rules.Finding{Rule: "dmarc-value", Severity: rules.Error - rules.Severity(i%3), Domain: "d.example", Name: "_dmarc.d.example", Type: "TXT", Message: fmt.Sprintf("%q is no policy", word)}
		f.At.File, f.At.Start, f.At.End = id, uint32(off), uint32(off+len(word)-1)
		found = append(found, f)
	}
	return files, result(files, found...)
}

// A thousand findings are written in every format.
func TestThousandFindings(t *testing.T) {
	files, r := thousand(t)
	for name, write := range formats(files, r, nil, nil) {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		n := strings.Count(b.String(), "is no policy")
		if want := 1000; name != "github" && name != "plan" && n < want {
			t.Errorf("%s: %d findings", name, n)
		}
	}
	out := text(t, Style{}, func(t *Text) { t.Lint(files, r) })
	fits(t, out, 80)
	if !strings.HasSuffix(out, "3 domains, 41 records: 334 errors, 333 warnings, 333 infos\n") {
		t.Errorf("ends in %q", out[len(out)-100:])
	}
}

func TestRules(t *testing.T) {
	list := []*rules.Rule{
		{ID: "spf-no-such-rule", Severity: rules.Error, Summary: "more than ten DNS lookups: receivers answer permerror for whoever is not matched before", Reference: "RFC 7208 §4.6.4",
			Doc:    "Counts.\n\n    v=spf1 include:a include:b\n\nA paragraph that is long enough to be wrapped at eighty columns, with `code` in it and an end.",
			Params: []rules.Param{{Name: "above", Default: 10, Doc: "how many"}}},
		{ID: "dmarc-none", Severity: rules.Info, Summary: "a|b"},
	}
	golden(t, "rules.txt", []byte(text(t, Style{}, func(t *Text) { t.Rules(list) })))
	golden(t, "explain.txt", []byte(text(t, Style{}, func(t *Text) { t.Explain(list[0]) })))
	var b bytes.Buffer
	if err := RulesJSON(&b, list); err != nil {
		t.Fatal(err)
	}
	golden(t, "rules.json", b.Bytes())
	b.Reset()
	if err := RulesMarkdown(&b, list); err != nil {
		t.Fatal(err)
	}
	golden(t, "rules.md", b.Bytes())
}
