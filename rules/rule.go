//go:generate go run ../internal/gendocs -root ..

// Package rules is the linter. A rule is a value: what it is called, how bad its findings are, and a function over
// a Pass, which holds everything that a rule may look at and one way to report. Rules look at records as they would be
// published, in the world after the merge, and point at the place where the guilty words were written.
//
// To add a rule, declare it, name it in registry.go, and write testdata/<id>.txtar.
package rules

import (
	"fmt"
	"time"

	"github.com/tripod-dns/tripod/internal/zone"
)

// A Severity says how much a finding matters.
type Severity uint8

const (
	// Default is the severity of the rule's declaration, where a finding names no other.
	Default Severity = iota
	// Off is set in the configuration: the rule is not run.
	Off
	// Info is worth knowing, and nothing is wrong.
	Info
	// Warning will break, or protects less than it seems.
	Warning
	// Error is for mail that breaks, for anyone who can send as you, or readers that ignore the record.
	Error
)

func (s Severity) String() string {
	return [...]string{"default", "off", "info", "warning", "error"}[s]
}

// ParseSeverity reads "off", "info", "warning" or "error".
func ParseSeverity(s string) (Severity, error) {
	for v := Off; v <= Error; v++ {
		if s == v.String() {
			return v, nil
		}
	}
	return 0, fmt.Errorf("unknown severity %q: write error, warning, info or off", s)
}

// A Rule is one check.
type Rule struct {
	ID        string   // "spf-lookup-limit"
	Severity  Severity // the worst that it reports
	Summary   string   // one line: what goes wrong for the user
	Reference string   // "RFC 7208 §4.6.4"
	Doc       string   // Markdown: when it fires, when it does not, what to do; for the rule's page
	Params    []Param

	// Whole marks rules that need the whole record set or zone; they ask Pass.Whole before they conclude
	// from absence.
	Whole bool

	// Domain is run once for each domain of the repository, Fleet once over all of them. A rule has one of the two. Engine
	// rules have neither: they speak of the run (the lock file, the rendered files) and are reported by the engine.
	Domain func(*Pass)
	Fleet  func(*FleetPass)
}

// A Param is a rule's own setting: lint { rule "spf-lookup-budget" { above = 8 } }.
type Param struct {
	Name    string
	Default int
	Doc     string
}

// A Finding is something that a rule found.
type Finding struct {
	Rule      string
	Severity  Severity
	Reference string
	Domain    zone.Name // the definition that it belongs to
	Tag       string    // its split-horizon tag
	Name      zone.Name // the record's owner name, or the name concerned
	Type      string    // the record's type, "" where there is no record
	Message   string    // what is wrong and what happens to the mail, no more than is true
	Help      string    // what to write instead
	Note      string    // a few words to stand beside the marked source
	At        zone.Span
	Term      string // the text of the record that the finding points at
	Related   []Related
	Fix       *Fix

	// Third marks a finding inside a third party's record: a warning becomes an info, for only its owner can mend it.
	Third bool
	// Also are further domains in which the same source causes the same finding.
	Also []zone.Name
}

// A Related is another place that a finding speaks of.
type Related struct {
	At      zone.Span
	Message string
}

// A Fix is the one right answer to a finding. It never raises enforcement and never lets anyone new send.
type Fix struct {
	Message string
	Edits   []Edit
}

// An Edit replaces the record's text at a place in the source. New is text: whoever writes it escapes it.
type Edit struct {
	At  zone.Span
	New string
}

// Past tells whether a promise with a date (until) is past it: it holds up to that day, and from the beginning of that day on, UTC, no
// more. Without a date it holds for ever.
func Past(until, now time.Time) bool { return !until.IsZero() && !now.Before(until) }

// Settings are what the configuration says of rules.
type Settings struct {
	Severity    map[string]Severity       // by rule
	Params      map[string]map[string]int // by rule and name
	BulkSenders map[zone.Name]bool
}

// Param is a rule's parameter: the configured one or the default.
func (s *Settings) Param(r *Rule, name string) int {
	if v, ok := s.Params[r.ID][name]; ok {
		return v
	}
	for _, p := range r.Params {
		if p.Name == name {
			return p.Default
		}
	}
	return 0
}
