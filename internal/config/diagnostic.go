package config

import (
	"fmt"
	"sort"
	"strings"

	"github.com/tripod-dns/tripod/internal/zone"
)

// maxDiagnostics is how many diagnostics a file gets: what comes after is most often a consequence.
const maxDiagnostics = 20

// A Diagnostic says why definitions cannot be loaded: what is wrong, where, and what to write instead.
type Diagnostic struct {
	Position           // where; zero for what has no place in a file
	Span     zone.Span // the same place in bytes
	Message  string    // what is wrong
	Help     string    // what to write instead; may be empty
}

func (d Diagnostic) String() string {
	if d.File == "" {
		return d.Message
	}
	return fmt.Sprintf("%s:%d:%d: %s", d.File, d.Line, d.Column, d.Message)
}

// Diagnostics are all that is wrong with the definitions, at most 20 for a file, in the order of file, line
// and column.
type Diagnostics []Diagnostic

// Error is the diagnostics, one a line.
func (ds Diagnostics) Error() string {
	lines := make([]string, len(ds))
	for i, d := range ds {
		lines[i] = d.String()
	}
	return strings.Join(lines, "\n")
}

// A problem is a diagnostic before its place is counted out.
type problem struct {
	at            zone.Span
	message, help string
}

type problems []problem

func (ps *problems) add(at zone.Span, message, help string) {
	*ps = append(*ps, problem{at, message, help})
}

func (ps *problems) addf(at zone.Span, help, format string, args ...any) {
	ps.add(at, fmt.Sprintf(format, args...), help)
}

// diagnostics sorts, drops repetitions (one mistake in a profile shows in each domain that uses it) and keeps the
// first 20 of each file.
func (ps problems) diagnostics(fs *Files) Diagnostics {
	sort.SliceStable(ps, func(i, j int) bool {
		a, b := ps[i].at, ps[j].at
		switch {
		case a.File != b.File:
			return fs.Path(a.File) < fs.Path(b.File)
		case a.Start != b.Start:
			return a.Start < b.Start
		}
		return a.End < b.End
	})
	var out Diagnostics
	seen := make(map[problem]bool)
	count := make(map[zone.FileID]int)
	for _, p := range ps {
		if seen[p] {
			continue
		}
		seen[p] = true
		count[p.at.File]++
		if n := count[p.at.File]; p.at.File != 0 && n > maxDiagnostics {
			continue
		}
		out = append(out, Diagnostic{Position: fs.Position(p.at), Span: p.at, Message: p.message, Help: p.help})
	}
	return out
}
