package report

import (
	"fmt"
	"io"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/rules"
)

// LintGitLab writes findings as a Code Quality report of GitLab. Fingerprints are made of the rule, the owner name and the text pointed at, so
// that GitLab does not take a finding that moved for a new one. dir is the directory of tripod.hcl from the top of the checkout.
func LintGitLab(w io.Writer, files *config.Files, r *engine.LintResult, dir string) error {
	type lines struct {
		Begin int `json:"begin"`
		End   int `json:"end"`
	}
	type location struct {
		Path  string `json:"path"`
		Lines lines  `json:"lines"`
	}
	type issue struct {
		Description string   `json:"description"`
		CheckName   string   `json:"check_name"`
		Fingerprint string   `json:"fingerprint"`
		Severity    string   `json:"severity"`
		Location    location `json:"location"`
	}
	prints := newFingerprints(files)
	out := make([]issue, 0, len(r.Findings))
	for _, f := range r.Findings {
		p := place(dir, f.Pos)
		print, nth := prints.of(f)
		if nth > 1 { // GitLab shows one of those with the same fingerprint only
			print = fmt.Sprintf("%s-%d", print, nth)
		}
		text := Plain(f.Message)
		for _, s := range remarks(dir, f) {
			text += "\n" + s
		}
		severity := map[rules.Severity]string{rules.Error: "critical", rules.Warning: "major"}[f.Severity]
		if severity == "" {
			severity = "info"
		}
		out = append(out, issue{text, f.Rule, print, severity, location{p.File, lines{p.Line, p.EndLine}}})
	}
	return writeJSON(w, out)
}
