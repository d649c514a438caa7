package report

import (
	"cmp"
	"slices"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/internal/zone"
)

// A fixer knows which fixes can be offered: those that leave a file of definitions with everything else as it was.
type fixer struct {
	files *config.Files
	good  map[config.Edit]bool
}

// maxTries is how often a file is parsed to find out which edits it takes.
const maxTries = 100

// newFixer tries the fixes of findings: those of a file all at once, and in halves where one of them does not go.
func newFixer(files *config.Files, fs []engine.Finding) *fixer {
	x := &fixer{files, map[config.Edit]bool{}}
	all := map[zone.FileID][]config.Edit{}
	for _, f := range fs {
		if f.Fix == nil {
			continue
		}
		for _, e := range sourceEdits(f) {
			all[e.Span.File] = append(all[e.Span.File], e)
		}
	}
	for id, edits := range all {
		slices.SortFunc(edits, byPlace)
		tries := maxTries
		for left := slices.Compact(edits); len(left) > 0; {
			var together, rest []config.Edit // edits that overlap are tried one after the other
			end := uint32(0)
			for _, e := range left {
				if len(together) > 0 && e.Span.Start < end {
					rest = append(rest, e)
					continue
				}
				together, end = append(together, e), e.Span.End
			}
			x.try(id, together, &tries)
			left = rest
		}
	}
	return x
}

// try finds out which of some edits of a file can be made.
func (x *fixer) try(id zone.FileID, edits []config.Edit, tries *int) {
	if *tries--; *tries < 0 {
		return
	}
	if _, err := x.files.Splice(id, edits); err == nil {
		for _, e := range edits {
			x.good[e] = true
		}
	} else if n := len(edits); n > 1 {
		x.try(id, edits[:n/2], tries)
		x.try(id, edits[n/2:], tries)
	}
}

// of are the edits of a finding's fix as source text, in the order of their places, one list a file; nil where there is none to offer.
func (x *fixer) of(f engine.Finding) [][]config.Edit {
	if f.Fix == nil {
		return nil
	}
	var out [][]config.Edit
	end := uint32(0)
	for _, e := range sourceEdits(f) {
		last := len(out) - 1
		switch {
		case !x.good[e]:
			return nil
		case last < 0 || out[last][0].Span.File != e.Span.File:
			out = append(out, []config.Edit{e})
		case e.Span.Start < end:
			return nil // they overlap
		default:
			out[last] = append(out[last], e)
		}
		end = e.Span.End
	}
	return out
}

// sourceEdits are a fix's edits with their text escaped for the string that it is put into, in the order of their places.
func sourceEdits(f engine.Finding) []config.Edit {
	out := make([]config.Edit, 0, len(f.Fix.Edits))
	for _, e := range f.Fix.Edits {
		out = append(out, config.Edit{Span: e.At, Text: config.Escape(e.New)})
	}
	slices.SortFunc(out, byPlace)
	return out
}

func byPlace(a, b config.Edit) int {
	return cmp.Or(cmp.Compare(a.Span.File, b.Span.File), cmp.Compare(a.Span.Start, b.Span.Start), cmp.Compare(a.Span.End, b.Span.End),
		cmp.Compare(a.Text, b.Text))
}
