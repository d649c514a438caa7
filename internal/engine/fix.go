package engine

import (
	"cmp"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/google/renameio/v2"
	"github.com/rogpeppe/go-internal/diff"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/zone"
	"github.com/tripod-dns/tripod/rules"
)

// Fixes are what the findings with one right answer come to in the definitions.
type Fixes struct {
	Files   []FixedFile
	Applied []Finding
	// Refused are findings whose fix cannot be written where the words stand: behind an escape, or made of words that a block
	// implies. Their help says what to write.
	Refused []Finding
}

// A FixedFile is a definition file with the fixes in it.
type FixedFile struct {
	Path     string
	Old, New []byte
}

// Diff is the change of all files, as diff -u writes it.
func (f *Fixes) Diff() string {
	var b strings.Builder
	for _, file := range f.Files {
		b.Write(diff.Diff("a/"+file.Path, file.Old, "b/"+file.Path, file.New))
	}
	return b.String()
}

// Fixes works out the fixes of findings. Every byte outside of the words that are replaced stays as it is. Of two fixes for the same
// words the first one is taken; the other's finding is there again in the next run, if it still holds.
func (r *Repo) Fixes(found []Finding) (*Fixes, error) {
	out := &Fixes{}
	edits := map[zone.FileID][]config.Edit{}
	var files []zone.FileID
	for _, f := range found {
		if f.Fix == nil {
			continue
		}
		es, ok := r.edits(f.Fix)
		switch {
		case !ok:
			out.Refused = append(out.Refused, f)
			continue
		case slices.ContainsFunc(es, func(e config.Edit) bool { return overlaps(edits[e.Span.File], e) }):
			continue
		}
		for _, e := range es {
			if _, seen := edits[e.Span.File]; !seen {
				files = append(files, e.Span.File)
			}
			edits[e.Span.File] = append(edits[e.Span.File], e)
		}
		out.Applied = append(out.Applied, f)
	}
	slices.SortFunc(files, func(a, b zone.FileID) int {
		return cmp.Compare(r.Config.Files.Path(a), r.Config.Files.Path(b))
	})
	for _, id := range files {
		text, err := r.Config.Files.Splice(id, edits[id])
		if err != nil {
			return nil, fmt.Errorf("fix: %w", err)
		}
		out.Files = append(out.Files, FixedFile{r.Config.Files.Path(id), r.Config.Files.Content(id), text})
	}
	return out, nil
}

// edits turns a fix into source text. It is possible where the source shows the words themselves.
func (r *Repo) edits(fix *rules.Fix) ([]config.Edit, bool) {
	var out []config.Edit
	for _, e := range fix.Edits {
		if e.At.IsZero() {
			return nil, false
		}
		was := r.Config.Files.Text(e.At)
		if strings.ContainsAny(was, "\\\"\n") || strings.Contains(was, "${") || strings.Contains(was, "%{") {
			return nil, false
		}
		out = append(out, config.Edit{Span: e.At, Text: config.Escape(e.New)})
	}
	return out, len(out) > 0
}

func overlaps(list []config.Edit, e config.Edit) bool {
	return slices.ContainsFunc(list, func(o config.Edit) bool {
		return o.Span.File == e.Span.File && o.Span.Start < e.Span.End && e.Span.Start < o.Span.End ||
			o.Span == e.Span
	})
}

// WriteFixes puts the fixes into the files, each replaced whole. A file that somebody changed meanwhile is left alone, and is an error.
func (r *Repo) WriteFixes(ctx context.Context, f *Fixes) error {
	for _, file := range f.Files {
		if err := ctx.Err(); err != nil {
			return err
		}
		path := r.child(file.Path)
		info, err := os.Lstat(path)
		if err != nil {
			return fmt.Errorf("fix: %w", err)
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("fix: %s is a link: mend it where it leads", file.Path)
		}
		now, err := os.ReadFile(path) //nolint:gosec // a definition file of the repository
		if err != nil {
			return fmt.Errorf("fix: %w", err)
		}
		if string(now) != string(file.Old) {
			return fmt.Errorf("fix: %s was changed meanwhile: run it again", file.Path)
		}
		if err := renameio.WriteFile(path, file.New, info.Mode().Perm()); err != nil {
			return fmt.Errorf("fix: %w", err)
		}
	}
	return nil
}
