package engine

import (
	"cmp"
	"slices"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/zone"
	"github.com/tripod-dns/tripod/rules"
)

// A Finding is a rule's finding with its place counted out.
type Finding struct {
	rules.Finding
	Pos     config.Position
	Places  []config.Position // of Related, in its order
	New     bool              // the base has no equal one; without a base every finding is new
	Because string            // for a suppressed finding, the reason given
}

// Counts are the findings by severity.
type Counts struct{ Error, Warning, Info, Suppressed int }

// A LintResult is what a lint found, in the order file, line, column, rule.
type LintResult struct {
	Findings   []Finding
	NotChecked []rules.NotChecked
	Domains    int // definitions, each name of a domains block
	Records    int // rdata that the definitions publish
	Counts     Counts
}

// Reaches tells whether a finding that counts is at or above a severity. An info that speaks of the lock file never counts.
func (r *LintResult) Reaches(s rules.Severity) bool {
	return slices.ContainsFunc(r.Findings, func(f Finding) bool {
		return f.New && f.Severity >= s && f.Rule != "lock-stale"
	})
}

// locate counts out places and puts findings in order. Where one place causes the same finding in several domains, as
// a mistake in a profile does, they become one finding that names the others.
func locate(files *config.Files, found []rules.Finding) []Finding {
	type key struct {
		rule string
		at   zone.Span
		term string
		sev  rules.Severity
	}
	type other struct {
		finding int
		domain  zone.Name
	}
	first := make(map[key]int, len(found))
	also := make(map[other]bool)
	out := make([]Finding, 0, len(found))
	for _, f := range found {
		k := key{f.Rule, f.At, f.Term, f.Severity}
		if i, ok := first[k]; ok && !f.At.IsZero() && out[i].Domain != f.Domain {
			if o := (other{i, f.Domain}); !also[o] {
				also[o] = true
				out[i].Also = append(out[i].Also, f.Domain)
			}
			continue
		} else if !ok {
			first[k] = len(out)
		}
		g := Finding{Finding: f, Pos: files.Position(f.At), New: true}
		if f.Rule == lockStale.ID {
			g.Pos = config.Position{File: LockFile, Line: 1, Column: 1, EndLine: 1, EndColumn: 1}
		}
		for _, rel := range f.Related {
			g.Places = append(g.Places, files.Position(rel.At))
		}
		out = append(out, g)
	}
	slices.SortStableFunc(out, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line),
			cmp.Compare(a.Pos.Column, b.Pos.Column), cmp.Compare(a.Rule, b.Rule),
			a.Name.Compare(b.Name), cmp.Compare(a.Message, b.Message))
	})
	return slices.CompactFunc(out, func(a, b Finding) bool {
		return a.Rule == b.Rule && a.At == b.At && a.Name == b.Name && a.Message == b.Message
	})
}
