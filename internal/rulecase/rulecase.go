// Package rulecase reads and runs the cases of rules/testdata/<id>.txtar: definitions with the findings that a rule has for them. The
// linter's tests and the rules' documentation come from the same files.
package rulecase

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/engine"
)

// Now is the clock of all cases.
var Now = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// defaultSettings serve a case that has no tripod.hcl.
const defaultSettings = "tripod {\n  files = [\"domains/*.hcl\"]\n}\n"

// Want is the name of the file that lists a case's findings.
const Want = "want"

// A File is the content of a rule's txtar.
type File struct {
	Doc   string // Markdown
	Cases []*Case
}

// A Case is a folder of the txtar.
type Case struct {
	Name    string
	Files   map[string][]byte // but for want
	Order   []string          // their names, as they stand
	Want    string
	HasWant bool
}

// Bad tells whether the case is to have findings of the rule.
func (c *Case) Bad() bool { return strings.HasPrefix(c.Name, "bad") }

// Read reads a rule's txtar.
func Read(path string) (*File, error) {
	a, err := txtar.ParseFile(path)
	if err != nil {
		return nil, err
	}
	f := &File{Doc: strings.TrimSpace(string(a.Comment))}
	byName := map[string]*Case{}
	for _, file := range a.Files {
		name, rest, ok := strings.Cut(file.Name, "/")
		if !ok || !strings.HasPrefix(name, "bad") && !strings.HasPrefix(name, "good") {
			return nil, fmt.Errorf("%s: %s stands in no folder named bad… or good…", path, file.Name)
		}
		c := byName[name]
		if c == nil {
			c = &Case{Name: name, Files: map[string][]byte{}}
			byName[name] = c
			f.Cases = append(f.Cases, c)
		}
		if rest == Want {
			c.Want, c.HasWant = string(file.Data), true
			continue
		}
		if _, twice := c.Files[rest]; twice {
			return nil, fmt.Errorf("%s: %s stands there twice", path, file.Name)
		}
		c.Files[rest] = file.Data
		c.Order = append(c.Order, rest)
	}
	return f, nil
}

// Write writes a txtar back, with the wants that its cases have now.
func Write(path string, f *File) error {
	a := &txtar.Archive{}
	if f.Doc != "" {
		a.Comment = []byte(f.Doc + "\n")
	}
	for _, c := range f.Cases {
		for _, name := range c.Order {
			a.Files = append(a.Files, txtar.File{Name: c.Name + "/" + name, Data: c.Files[name]})
		}
		if c.Bad() {
			a.Files = append(a.Files, txtar.File{Name: c.Name + "/" + Want, Data: []byte(c.Want)})
		}
	}
	return os.WriteFile(path, txtar.Format(a), 0o644) //nolint:gosec // a source file
}

// A Result is what lint says of a case.
type Result struct {
	Files    *config.Files
	Findings []engine.Finding // of the rule alone
	Lint     *engine.LintResult
}

// Run lints files as a case would be. dir is for temporary files. id "" keeps the findings of all rules.
func Run(ctx context.Context, files map[string][]byte, id, dir string) (*Result, error) {
	all := map[string][]byte{}
	for name, data := range files {
		all[name] = data
	}
	if _, ok := all[config.SettingsFile]; !ok {
		all[config.SettingsFile] = []byte(defaultSettings)
	}
	opts := engine.Options{Source: config.Map(all), Now: Now, Offline: true}
	if rest, ok := all["rest.json"]; ok {
		opts.Rest = filepath.Join(dir, "rest.json")
		if err := os.WriteFile(opts.Rest, rest, 0o600); err != nil {
			return nil, err
		}
	}
	repo, err := engine.Open(ctx, opts)
	if err != nil {
		return nil, err
	}
	lint, err := repo.Lint(ctx)
	if err != nil {
		return nil, err
	}
	res := &Result{Files: repo.Config.Files, Lint: lint}
	for _, f := range lint.Findings {
		if id == "" || f.Rule == id {
			res.Findings = append(res.Findings, f)
		}
	}
	return res, nil
}

// Text is findings as want lists them.
func (r *Result) Text() string {
	var b strings.Builder
	for _, f := range r.Findings {
		b.WriteString(r.Line(f))
	}
	return b.String()
}

// Line is one finding as want lists it.
func (r *Result) Line(f engine.Finding) string {
	var b strings.Builder
	p := f.Pos
	if p.File == "" {
		b.WriteString("-")
	} else {
		fmt.Fprintf(&b, "%s:%d:%d-%d:%d", p.File, p.Line, p.Column, p.EndLine, p.EndColumn)
	}
	fmt.Fprintf(&b, ": %s: %s: %s: %s\n", f.Severity, f.Rule, f.Name, f.Message)
	if p.File != "" {
		text := strings.Join(strings.Fields(r.Files.Text(f.At)), " ")
		if runes := []rune(text); len(runes) > 100 {
			text = string(runes[:100]) + "…"
		}
		fmt.Fprintf(&b, "  | %s\n", text)
	}
	if f.Note != "" {
		fmt.Fprintf(&b, "  note: %s\n", f.Note)
	}
	for i, rel := range f.Related {
		if q := f.Places[i]; q.File != "" {
			fmt.Fprintf(&b, "  at %s:%d:%d: %s\n", q.File, q.Line, q.Column, rel.Message)
		} else {
			fmt.Fprintf(&b, "  also: %s\n", rel.Message)
		}
	}
	for _, also := range f.Also {
		fmt.Fprintf(&b, "  in %s too\n", also)
	}
	if f.Help != "" {
		fmt.Fprintf(&b, "  help: %s\n", strings.ReplaceAll(f.Help, "\n", "\n    "))
	}
	if f.Fix != nil {
		fmt.Fprintf(&b, "  fix: %s\n", f.Fix.Message)
	}
	return b.String()
}
