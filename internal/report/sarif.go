package report

import (
	"fmt"
	"io"
	"net/url"
	"regexp"
	"strings"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/rules"
)

// LintSARIF writes findings in SARIF 2.1.0, columns in Unicode code points. Partial fingerprints are made of the rule, the owner name and the
// text pointed at; GitHub takes them in the place of its own, which depend on the lines around. What could not be checked stands in the
// notifications. dir is the directory of tripod.hcl from the top of the checkout, version tripod's own, "" where there is none.
func LintSARIF(w io.Writer, files *config.Files, r *engine.LintResult, dir, version string) error {
	run := sarif.NewRunWithInformationURI("tripod", homepage)
	run.WithColumnKind("unicodeCodePoints")
	if version != "" {
		run.Tool.Driver.WithVersion(version)
	}
	invocation := sarif.NewInvocation().WithExecutionSuccessful(true)
	for _, n := range r.NotChecked {
		text := fmt.Sprintf("not checked: %s: %s (%s)", n.Domain, n.Reason, strings.Join(n.Rules, ", "))
		invocation.ToolExecutionNotifications = append(invocation.ToolExecutionNotifications,
			sarif.NewNotification().WithLevel("note").WithMessage(sarifMessage(text)))
	}
	run.AddInvocation(invocation)

	known := map[string]*rules.Rule{}
	for _, rule := range rules.All() {
		known[rule.ID] = rule
	}
	index := map[string]int{}
	prints, fixed := newFingerprints(files), newFixer(files, r.Findings)
	for _, f := range r.Findings {
		i, ok := index[f.Rule]
		if !ok {
			i = len(index)
			index[f.Rule] = i
			run.Tool.Driver.AddRule(sarifRule(f.Rule, known[f.Rule]))
		}
		run.AddResult(sarifResult(files, prints, fixed, dir, f).WithRuleIndex(i))
	}
	out := sarif.NewReport()
	out.AddRun(run)
	return writeJSON(w, out)
}

// sarifRule is a rule with its help, and the severity that its findings have at worst. declared may be nil.
func sarifRule(id string, declared *rules.Rule) *sarif.ReportingDescriptor {
	d := sarif.NewReportingDescriptor().WithID(id).WithName(id).WithHelpURI(ruleURL(id))
	if declared == nil {
		return d
	}
	text := declared.Summary
	if declared.Reference != "" {
		text += " (" + declared.Reference + ")"
	}
	help := strings.TrimSpace(text + "\n\n" + strings.TrimSpace(declared.Doc))
	family, _, _ := strings.Cut(id, "-")
	properties := sarif.NewPropertyBag()
	properties.Add("tags", []string{"email", family})
	properties.Add("precision", "high")
	severity := map[rules.Severity]string{rules.Error: "error", rules.Warning: "warning"}[declared.Severity]
	if severity == "" {
		severity = "recommendation"
	}
	properties.Add("problem.severity", severity)
	return d.WithShortDescription(sarif.NewMultiformatMessageString().WithText(declared.Summary)).
		WithFullDescription(sarif.NewMultiformatMessageString().WithText(text)).
		WithHelp(sarif.NewMultiformatMessageString().WithText(help).WithMarkdown(help)).
		WithDefaultConfiguration(sarif.NewReportingConfiguration().WithLevel(sarifLevel(declared.Severity))).
		WithProperties(properties)
}

func sarifLevel(s rules.Severity) string {
	switch s {
	case rules.Error:
		return "error"
	case rules.Warning:
		return "warning"
	}
	return "note"
}

func sarifResult(files *config.Files, prints *fingerprints, fixed *fixer, dir string, f engine.Finding) *sarif.Result {
	hash, nth := prints.of(f)
	fingerprint := fmt.Sprintf("%s:%d", hash, nth)
	text := strings.Join(append([]string{Plain(f.Message)}, remarks(dir, f)...), "\n")
	result := sarif.NewResult().WithRuleID(f.Rule).WithLevel(sarifLevel(f.Severity)).WithMessage(sarifMessage(text)).
		WithPartialFingerprints(map[string]string{"tripod/v1": fingerprint, "primaryLocationLineHash": fingerprint})
	location := sarif.NewLocationWithPhysicalLocation(sarifPlace(dir, f.Pos))
	if f.Name != "" {
		location.AddLogicalLocation(sarif.NewLogicalLocation().WithName(string(f.Name)).
			WithFullyQualifiedName(strings.TrimSpace(string(f.Name) + " " + f.Type)))
	}
	result.AddLocation(location)
	for i, rel := range f.Related {
		if f.Places[i].File != "" {
			result.AddRelatedLocation(sarif.NewLocationWithPhysicalLocation(sarifPlace(dir, f.Places[i])).
				WithID(i + 1).WithMessage(sarifMessage(Plain(rel.Message))))
		}
	}
	if list := fixed.of(f); len(list) > 0 {
		fix := sarif.NewFix().WithDescription(sarifMessage(Plain(f.Fix.Message)))
		for _, edits := range list {
			p := files.Position(edits[0].Span)
			change := sarif.NewArtifactChange().WithArtifactLocation(sarifFile(dir, p))
			for _, e := range edits {
				change.AddReplacement(sarif.NewReplacement().WithDeletedRegion(sarifRegion(files.Position(e.Span))).
					WithInsertedContent(sarif.NewArtifactContent().WithText(e.Text)))
			}
			fix.AddArtifactChange(change)
		}
		result.Fixes = append(result.Fixes, fix)
	}
	return result
}

func sarifPlace(dir string, p config.Position) *sarif.PhysicalLocation {
	return sarif.NewPhysicalLocation().WithArtifactLocation(sarifFile(dir, p)).WithRegion(sarifRegion(place(dir, p)))
}

// sarifFile is a file as a URI reference, relative to the top of the checkout.
func sarifFile(dir string, p config.Position) *sarif.ArtifactLocation {
	u := url.URL{Path: place(dir, p).File}
	return sarif.NewSimpleArtifactLocation(u.String()).WithURIBaseID("%SRCROOT%")
}

func sarifRegion(p config.Position) *sarif.Region {
	return sarif.NewRegion().WithStartLine(p.Line).WithStartColumn(p.Column).WithEndLine(p.EndLine).WithEndColumn(p.EndColumn)
}

// placeholder is what SARIF would replace by an argument of the message (SARIF 2.1.0 §3.11.5).
var placeholder = regexp.MustCompile(`\{(\d+)\}`)

// sarifMessage is plain text in which viewers find neither links (§3.11.6) nor placeholders.
func sarifMessage(text string) *sarif.Message {
	if strings.Contains(text, "](") {
		text = strings.NewReplacer(`\`, `\\`, "[", `\[`, "]", `\]`).Replace(text)
	}
	return sarif.NewTextMessage(placeholder.ReplaceAllString(text, "{{$1}}"))
}
