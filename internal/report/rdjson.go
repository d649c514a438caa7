package report

import (
	"bytes"
	"io"
	"strings"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/internal/zone"
	"github.com/tripod-dns/tripod/rules"
)

type rdPosition struct {
	Line   int `json:"line"`
	Column int `json:"column"`
}

type rdRange struct {
	Start rdPosition `json:"start"`
	End   rdPosition `json:"end"`
}

type rdLocation struct {
	Path  string  `json:"path"`
	Range rdRange `json:"range"`
}

type rdRelated struct {
	Message  string     `json:"message"`
	Location rdLocation `json:"location"`
}

type rdSuggestion struct {
	Range rdRange `json:"range"`
	Text  string  `json:"text"`
}

// LintRDJSON writes findings in the Reviewdog Diagnostic Format, fixes as suggestions. Its columns count octets of UTF-8, and its ends are
// exclusive. dir is the directory of tripod.hcl from the top of the checkout.
func LintRDJSON(w io.Writer, files *config.Files, r *engine.LintResult, dir string) error {
	type source struct {
		Name string `json:"name"`
		URL  string `json:"url"`
	}
	type code struct {
		Value string `json:"value"`
		URL   string `json:"url"`
	}
	type diagnostic struct {
		Message     string         `json:"message"`
		Location    rdLocation     `json:"location"`
		Severity    string         `json:"severity"`
		Code        code           `json:"code"`
		Suggestions []rdSuggestion `json:"suggestions,omitempty"`
		Related     []rdRelated    `json:"related_locations,omitempty"`
	}
	fixed := newFixer(files, r.Findings)
	out := make([]diagnostic, 0, len(r.Findings))
	for _, f := range r.Findings {
		d := diagnostic{
			Location: rdPlace(files, dir, f.At, f.Pos), Code: code{f.Rule, ruleURL(f.Rule)},
			Severity: map[rules.Severity]string{rules.Error: "ERROR", rules.Warning: "WARNING", rules.Info: "INFO"}[f.Severity],
		}
		for i, rel := range f.Related {
			if f.Places[i].File != "" {
				d.Related = append(d.Related, rdRelated{Plain(rel.Message), rdPlace(files, dir, rel.At, f.Places[i])})
			}
		}
		d.Message = strings.Join(append([]string{Plain(f.Message)}, remarks(dir, f)...), "\n")
		// Suggestions are offered one by one, so a fix is one; no fix edits several files.
		if list := fixed.of(f); len(list) == 1 {
			d.Suggestions = []rdSuggestion{suggestion(files, list[0])}
		}
		out = append(out, d)
	}
	return writeJSON(w, struct {
		Source      source       `json:"source"`
		Diagnostics []diagnostic `json:"diagnostics"`
	}{source{"tripod", homepage}, out})
}

func rdPlace(files *config.Files, dir string, at zone.Span, pos config.Position) rdLocation {
	loc := rdLocation{Path: place(dir, pos).File, Range: rdRange{rdPosition{1, 1}, rdPosition{1, 1}}}
	if pos.File != "" {
		loc.Range = octets(files, at)
	}
	return loc
}

// octets is a span in lines, and columns that count octets.
func octets(files *config.Files, at zone.Span) rdRange {
	p := files.Position(at)
	content := files.Content(at.File)
	column := func(off uint32) int {
		off = min(off, uint32(len(content)))
		return int(off) - bytes.LastIndexByte(content[:off], '\n')
	}
	return rdRange{rdPosition{p.Line, column(at.Start)}, rdPosition{p.EndLine, column(max(at.Start, at.End))}}
}

// suggestion is one replacement that does what sorted edits of one file do: what stands between them stays.
func suggestion(files *config.Files, edits []config.Edit) rdSuggestion {
	whole := edits[0].Span
	var text strings.Builder
	at := whole.Start
	for _, e := range edits {
		text.WriteString(files.Text(zone.Span{File: whole.File, Start: at, End: e.Span.Start}))
		text.WriteString(e.Text)
		at = e.Span.End
	}
	whole.End = at
	return rdSuggestion{octets(files, whole), text.String()}
}
