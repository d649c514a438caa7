package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/internal/spf"
	"github.com/tripod-dns/tripod/planner"
	"github.com/tripod-dns/tripod/rules"
)

// schema is the version of every JSON output.
const schema = 1

func writeJSON(w io.Writer, v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := w.Write(inertJSON(b.Bytes()))
	return err
}

// inertJSON is the same JSON without what a terminal or a log would act on: invisible characters, and "##[", which begins a command
// wherever it stands in a log of GitHub Actions, become escapes. All of these stand in strings only.
func inertJSON(doc []byte) []byte {
	const command = "##["
	odd := func(r rune) bool { return r > 0x7e && invisible(r) }
	if !bytes.Contains(doc, []byte(command)) && !bytes.ContainsFunc(doc, odd) {
		return doc
	}
	out := make([]byte, 0, len(doc)+64)
	for i := 0; i < len(doc); {
		r, n := utf8.DecodeRune(doc[i:])
		if odd(r) || r == '#' && bytes.HasPrefix(doc[i:], []byte(command)) {
			for _, u := range utf16.Encode([]rune{r}) {
				out = fmt.Appendf(out, `\u%04x`, u)
			}
		} else {
			out = append(out, doc[i:i+n]...)
		}
		i += n
	}
	return out
}

type jsonPlace struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
}

type jsonFinding struct {
	Rule      string      `json:"rule"`
	Severity  string      `json:"severity"`
	Domain    string      `json:"domain"`
	Name      string      `json:"name"`
	Type      string      `json:"type"`
	Message   string      `json:"message"`
	Help      string      `json:"help"`
	Reference string      `json:"reference"`
	File      string      `json:"file"`
	Line      int         `json:"line"`
	Column    int         `json:"column"`
	EndLine   int         `json:"end_line"`
	EndColumn int         `json:"end_column"`
	Related   []jsonPlace `json:"related"`
	Fixable   bool        `json:"fixable"`
	New       bool        `json:"new"`
	Also      []string    `json:"also,omitempty"` // further domains in which the same place causes it
}

type jsonNotChecked struct {
	Domain string   `json:"domain"`
	Rules  []string `json:"rules"`
	Reason string   `json:"reason"`
}

type jsonSummary struct {
	Domains    int `json:"domains"`
	Records    int `json:"records"`
	Error      int `json:"error"`
	Warning    int `json:"warning"`
	Info       int `json:"info"`
	Suppressed int `json:"suppressed"`
}

func findings(fs []engine.Finding) []jsonFinding {
	out := make([]jsonFinding, 0, len(fs))
	for _, f := range fs {
		j := jsonFinding{
			Rule: f.Rule, Severity: f.Severity.String(), Domain: string(f.Domain), Name: string(f.Name), Type: f.Type,
			Message: f.Message, Help: f.Help, Reference: f.Reference,
			File: f.Pos.File, Line: f.Pos.Line, Column: f.Pos.Column, EndLine: f.Pos.EndLine, EndColumn: f.Pos.EndColumn,
			Related: []jsonPlace{}, Fixable: f.Fix != nil, New: f.New,
		}
		for i, rel := range f.Related {
			p := f.Places[i]
			j.Related = append(j.Related, jsonPlace{p.File, p.Line, p.Column, rel.Message})
		}
		for _, d := range f.Also {
			j.Also = append(j.Also, string(d))
		}
		out = append(out, j)
	}
	return out
}

func notChecked(list []rules.NotChecked) []jsonNotChecked {
	out := make([]jsonNotChecked, 0, len(list))
	for _, n := range list {
		out = append(out, jsonNotChecked{string(n.Domain), n.Rules, n.Reason})
	}
	return out
}

// LintJSON writes a lint result.
func LintJSON(w io.Writer, r *engine.LintResult) error {
	return writeJSON(w, struct {
		Schema     int              `json:"schema"`
		Findings   []jsonFinding    `json:"findings"`
		NotChecked []jsonNotChecked `json:"not_checked"`
		Summary    jsonSummary      `json:"summary"`
	}{schema, findings(r.Findings), notChecked(r.NotChecked), jsonSummary{
		r.Domains, r.Records, r.Counts.Error, r.Counts.Warning, r.Counts.Info, r.Counts.Suppressed,
	}})
}

type jsonError struct {
	File    string `json:"file"`
	Line    int    `json:"line"`
	Column  int    `json:"column"`
	Message string `json:"message"`
	Help    string `json:"help"`
}

// ErrorsJSON writes why definitions cannot be loaded.
func ErrorsJSON(w io.Writer, err error) error {
	var list []jsonError
	var bad *engine.Unloadable
	if errors.As(err, &bad) {
		for _, d := range bad.Diagnostics {
			list = append(list, jsonError{d.File, d.Line, d.Column, d.Message, d.Help})
		}
	} else {
		list = append(list, jsonError{Message: err.Error()})
	}
	return writeJSON(w, struct {
		Schema int         `json:"schema"`
		Errors []jsonError `json:"errors"`
	}{schema, list})
}

type jsonChange struct {
	Action string   `json:"action"`
	Name   string   `json:"name"`
	Type   string   `json:"type"`
	TTL    uint32   `json:"ttl"`
	Before []string `json:"before"`
	After  []string `json:"after"`
	// TTLBefore is there where the TTL changes.
	TTLBefore uint32 `json:"ttl_before,omitempty"`
}

func change(c planner.Change) jsonChange {
	j := jsonChange{Action: c.Action, Name: string(c.Name), Type: c.Type, TTL: c.TTL, Before: list(c.Before), After: list(c.After)}
	if c.Action == planner.Modify && c.BeforeTTL != c.TTL {
		j.TTLBefore = c.BeforeTTL
	}
	return j
}

type jsonEffect struct {
	Kind      string   `json:"kind"`
	Name      string   `json:"name"`
	Message   string   `json:"message"`
	Exact     bool     `json:"exact"`
	Prefixes  []string `json:"prefixes"`
	Addresses uint64   `json:"addresses"`
	Terms     []string `json:"terms"`
	Before    string   `json:"before"`
	After     string   `json:"after"`
}

type jsonDomainPlan struct {
	Name     string       `json:"name"`
	Tag      string       `json:"tag,omitempty"`
	Changes  []jsonChange `json:"changes"`
	Effects  []jsonEffect `json:"effects"`
	Rotation []struct{}   `json:"rotation"`
	Waiting  []struct{}   `json:"waiting"`
}

// PlanJSON writes a plan.
func PlanJSON(w io.Writer, p *planner.Plan, lint *engine.LintResult) error {
	type base struct {
		Kind   string `json:"kind"`
		Ref    string `json:"ref,omitempty"`
		Commit string `json:"commit,omitempty"`
		Note   string `json:"note,omitempty"`
	}
	domains := make([]jsonDomainPlan, 0, len(p.Domains))
	for _, d := range p.Domains {
		j := jsonDomainPlan{
			Name: string(d.Name), Tag: d.Tag, Changes: make([]jsonChange, 0, len(d.Changes)), Effects: make([]jsonEffect, 0, len(d.Effects)),
			Rotation: []struct{}{}, Waiting: []struct{}{},
		}
		for _, c := range d.Changes {
			j.Changes = append(j.Changes, change(c))
		}
		for _, e := range d.Effects {
			x := jsonEffect{
				Kind: e.Kind, Name: string(e.Name), Message: e.Message, Exact: e.Exact, Prefixes: make([]string, 0, len(e.Prefixes)),
				Addresses: e.Addresses, Terms: list(e.Terms), Before: e.Before, After: e.After,
			}
			for _, pre := range e.Prefixes {
				x.Prefixes = append(x.Prefixes, pre.String())
			}
			j.Effects = append(j.Effects, x)
		}
		domains = append(domains, j)
	}
	c := p.Counts()
	return writeJSON(w, struct {
		Schema     int              `json:"schema"`
		Base       base             `json:"base"`
		Digest     string           `json:"digest"`
		Findings   []jsonFinding    `json:"findings"`
		NotChecked []jsonNotChecked `json:"not_checked"`
		Domains    []jsonDomainPlan `json:"domains"`
		Summary    map[string]int   `json:"summary"`
	}{
		schema, base{p.Base.Kind, p.Base.Ref, p.Base.Commit, p.Base.Note}, p.Digest, findings(lint.Findings), notChecked(lint.NotChecked), domains,
		map[string]int{"domains_changed": c.Domains, "create": c.Create, "change": c.Change, "delete": c.Delete},
	})
}

func list(s []string) []string {
	if s == nil {
		return []string{}
	}
	return s
}

type jsonNode struct {
	Name   string     `json:"name"`
	Record string     `json:"record"`
	Terms  []jsonTerm `json:"terms"`
}

type jsonTerm struct {
	Term    string    `json:"term"`
	Lookups int       `json:"lookups"`
	Tree    *jsonNode `json:"tree,omitempty"`
}

func node(n *spf.Node) *jsonNode {
	out := &jsonNode{Name: string(n.Name), Terms: []jsonTerm{}}
	if n.Record != nil {
		out.Record = n.Record.Text.String()
	}
	for _, t := range n.Terms {
		j := jsonTerm{Term: t.Term.Text, Lookups: t.Lookups}
		if t.Tree != nil {
			j.Tree = node(t.Tree)
		}
		out.Terms = append(out.Terms, j)
	}
	return out
}

// TreeJSON writes an include tree.
func TreeJSON(w io.Writer, t *spf.Tree) error {
	type void struct {
		Certain  int `json:"certain"`
		IPv4     int `json:"ipv4"`
		IPv6     int `json:"ipv6"`
		Possible int `json:"possible"`
	}
	return writeJSON(w, struct {
		Schema   int       `json:"schema"`
		Name     string    `json:"name"`
		Lookups  int       `json:"lookups"`
		Complete bool      `json:"complete"`
		Void     void      `json:"void_lookups"`
		Dynamic  int       `json:"dynamic_terms"`
		Result   string    `json:"result"`
		Problems []string  `json:"problems"`
		Tree     *jsonNode `json:"tree"`
	}{
		schema, string(t.Root.Name), t.Lookups, t.Complete, void(t.Void), t.Dynamic, string(t.Result), list(treeProblems(t)), node(t.Root),
	})
}

// CheckJSON writes one evaluation.
func CheckJSON(w io.Writer, r spf.Result) error {
	path := make([]string, 0, len(r.Path))
	for _, n := range r.Path {
		path = append(path, string(n))
	}
	return writeJSON(w, struct {
		Schema      int      `json:"schema"`
		Result      string   `json:"result"`
		Mechanism   string   `json:"mechanism"`
		Path        []string `json:"path"`
		Lookups     int      `json:"lookups"`
		Reason      string   `json:"reason,omitempty"`
		Explanation string   `json:"explanation,omitempty"`
	}{schema, string(r.Result), r.Mechanism, path, r.Lookups, r.Reason, r.Explanation})
}

// RulesJSON writes the list of rules.
func RulesJSON(w io.Writer, list []*rules.Rule) error {
	type rule struct {
		ID        string `json:"id"`
		Severity  string `json:"severity"`
		Summary   string `json:"summary"`
		Reference string `json:"reference"`
	}
	out := make([]rule, 0, len(list))
	for _, r := range list {
		out = append(out, rule{r.ID, r.Severity.String(), r.Summary, r.Reference})
	}
	return writeJSON(w, struct {
		Schema int    `json:"schema"`
		Rules  []rule `json:"rules"`
	}{schema, out})
}
