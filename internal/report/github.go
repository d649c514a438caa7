package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/internal/zone"
	"github.com/tripod-dns/tripod/rules"
)

// annotationsShown is how many annotations of each severity GitHub shows of a step; it drops the others without a word.
const annotationsShown = 10

// LintGitHub writes findings as workflow commands of GitHub Actions, which shows them as annotations: worst first, because it shows the first
// ten of each severity only, and then how many there are besides. dir is the directory of tripod.hcl from the top of the checkout.
func LintGitHub(w io.Writer, r *engine.LintResult, dir string) error {
	fs := slices.Clone(r.Findings)
	slices.SortStableFunc(fs, func(a, b engine.Finding) int { return cmp.Compare(b.Severity, a.Severity) })
	var b strings.Builder
	count := map[rules.Severity]int{}
	for _, f := range fs {
		if count[f.Severity]++; count[f.Severity] > annotationsShown {
			continue
		}
		command := map[rules.Severity]string{rules.Error: "error", rules.Warning: "warning"}[f.Severity]
		if command == "" {
			command = "notice"
		}
		var properties []string
		if f.Pos.File != "" {
			p := place(dir, f.Pos)
			properties = append(properties, "file="+commandProperty(Plain(p.File)), fmt.Sprintf("line=%d", p.Line))
			if p.EndLine == p.Line { // GitHub takes columns within one line only
				properties = append(properties, fmt.Sprintf("col=%d", p.Column), fmt.Sprintf("endLine=%d", p.EndLine), fmt.Sprintf("endColumn=%d", p.EndColumn))
			} else {
				properties = append(properties, fmt.Sprintf("endLine=%d", p.EndLine))
			}
		}
		properties = append(properties, "title="+commandProperty(f.Rule))
		text := strings.Join(append([]string{Plain(f.Message)}, remarks(dir, f)...), "\n")
		fmt.Fprintf(&b, "::%s %s::%s\n", command, strings.Join(properties, ","), commandData(text))
	}
	var more []string
	for s := rules.Error; s >= rules.Info; s-- {
		if n := count[s] - annotationsShown; n > 0 {
			more = append(more, plural(n, "more "+s.String()))
		}
	}
	if len(more) > 0 {
		fmt.Fprintf(&b, "%s: GitHub shows %d annotations of each kind for a step, tripod lint shows all\n", strings.Join(more, ", "), annotationsShown)
	}
	unchecked := map[zone.Name]bool{}
	for _, n := range r.NotChecked {
		unchecked[n.Domain] = true
	}
	if n := len(unchecked); n > 0 {
		fmt.Fprintf(&b, "not checked in full: %s; tripod lint says what, and why\n", plural(n, "domain"))
	}
	fmt.Fprintf(&b, "%s\n", verdict(r))
	_, err := io.WriteString(w, b.String())
	return err
}

// commandData escapes the message of a workflow command.
func commandData(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A").Replace(s)
}

// commandProperty escapes the value of a property of a workflow command.
func commandProperty(s string) string {
	return strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C").Replace(s)
}
