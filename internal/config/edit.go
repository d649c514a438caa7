package config

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/tripod-dns/tripod/internal/zone"
)

// Quote is s as a string of the language, in double quotes. Only octets that are not UTF-8, which the language
// cannot hold, do not come back as they were: they become U+FFFD.
func Quote(s string) string { return `"` + Escape(s) + `"` }

// Escape is s as it stands between the double quotes of a string.
func Escape(s string) string {
	var sb strings.Builder
	for i, r := range s {
		switch {
		case r == '"' || r == '\\':
			sb.WriteByte('\\')
			sb.WriteRune(r)
		case r == '\n':
			sb.WriteString(`\n`)
		case r == '\r':
			sb.WriteString(`\r`)
		case r == '\t':
			sb.WriteString(`\t`)
		case (r == '$' || r == '%') && strings.HasPrefix(s[i+1:], "{"):
			if i > 0 && s[i-1] == byte(r) { // "$$${" would be read in another way
				fmt.Fprintf(&sb, `\u%04x`, r)
				continue
			}
			sb.WriteRune(r)
			sb.WriteRune(r)
		case r < 0x20 || r == 0x7f || invisible(r) != "":
			if r > 0xffff {
				fmt.Fprintf(&sb, `\U%08x`, r)
			} else {
				fmt.Fprintf(&sb, `\u%04x`, r)
			}
		default:
			sb.WriteRune(r)
		}
	}
	return sb.String()
}

// An Edit puts Text, which is source text of the language (see Escape), in the place of a span.
type Edit struct {
	Span zone.Span
	Text string
}

// Splice makes edits in one file and returns its new bytes: the text between the edits stays as it is, line endings
// and comments included. Edits must lie in the file and not overlap, and the result must be a file of the
// language whose blocks, labels and values are those from before, but for values and labels that an edit lies in
// or beside; else the error says why not, and nothing came of it. It is for changing strings; for new lines see
// SetAttribute.
func (fs *Files) Splice(id zone.FileID, edits []Edit) ([]byte, error) {
	f := fs.file(id)
	if f == nil {
		return nil, fmt.Errorf("edit file %d: there is no such file", id)
	}
	out, moved, err := f.splice(edits)
	if err != nil {
		return nil, err
	}
	before, after, err := f.reparse(out)
	if err != nil {
		return nil, err
	}
	if err := sameBlock(before, after, f.bytes(), out, moved); err != nil {
		return nil, fmt.Errorf("edit %s: %w", f.path, err)
	}
	return out, nil
}

// A move says where an edited range went.
type move struct {
	oldStart, oldEnd, newStart, newEnd uint32
}

// splice replaces ranges and asserts that all other bytes are equal.
func (f *file) splice(edits []Edit) ([]byte, []move, error) {
	sorted := slices.Clone(edits)
	slices.SortStableFunc(sorted, func(a, b Edit) int { return int(a.Span.Start) - int(b.Span.Start) })
	var out bytes.Buffer
	var moves []move
	at := uint32(0)
	for _, e := range sorted {
		s := e.Span
		if s.File != f.id || s.End < s.Start || int(s.End) > len(f.bytes()) {
			return nil, nil, fmt.Errorf("edit %s: bytes %d to %d are not in the file", f.path, s.Start, s.End)
		}
		if s.Start < at {
			return nil, nil, fmt.Errorf("edit %s: two edits overlap at byte %d", f.path, s.Start)
		}
		out.Write(f.bytes()[at:s.Start])
		m := move{oldStart: s.Start, oldEnd: s.End, newStart: uint32(out.Len())}
		out.WriteString(e.Text)
		m.newEnd = uint32(out.Len())
		moves = append(moves, m)
		at = s.End
	}
	out.Write(f.bytes()[at:])
	return out.Bytes(), moves, nil
}

// reparse parses the old and the new bytes of a file, as the kind of file that the old ones are.
func (f *file) reparse(out []byte) (before, after *block, err error) {
	if len(out) > MaxFileSize {
		return nil, nil, fmt.Errorf("edit %s: %w", f.path, tooLarge(int64(len(out))))
	}
	for _, def := range allFiles {
		var ps problems
		if before = parse(f, def, &ps); before == nil {
			continue
		}
		now := &file{id: f.id, path: f.path, content: out}
		if after = parse(now, def, &ps); after == nil {
			d := ps.diagnostics(&Files{list: []*file{now}})
			return nil, nil, fmt.Errorf("edit %s: the result would be wrong: %s", f.path, d[0].Message)
		}
		return before, after, nil
	}
	return nil, nil, fmt.Errorf("edit %s: the file has errors", f.path)
}

// sameBlock compares what two versions of a file say. Values and labels that an edit touches may differ.
func sameBlock(a, b *block, was, is []byte, moves []move) error {
	text := func(src []byte, s zone.Span) string { return string(src[s.Start:s.End]) }
	touched := func(s zone.Span) bool {
		for _, m := range moves {
			if m.oldStart <= s.End && s.Start <= m.oldEnd {
				return true
			}
		}
		return false
	}
	if a.def != b.def || len(a.attrs) != len(b.attrs) || len(a.blocks) != len(b.blocks) || len(a.labels) != len(b.labels) {
		return fmt.Errorf("more would change than was meant in %s", describe(a))
	}
	for i := range a.labels {
		if a.labels[i].text != b.labels[i].text && !touched(a.labels[i].at) {
			return fmt.Errorf("the label %q would change", a.labels[i].text)
		}
	}
	for i := range a.attrs {
		x, y := &a.attrs[i], &b.attrs[i]
		if x.def != y.def || x.text != y.text || (text(was, x.val.at) != text(is, y.val.at) && !touched(x.val.at)) {
			return fmt.Errorf("%s of %s would change", text(was, x.name), describe(a))
		}
	}
	for i := range a.blocks {
		if err := sameBlock(a.blocks[i], b.blocks[i], was, is, moves); err != nil {
			return err
		}
	}
	return nil
}

// SetAttribute gives a block's attribute a value, which is source text of the language (such as Quote makes): in the
// place of its old value, or else on a line of its own after the block's last attribute, or after its opening line,
// with that line's ending and its neighbours' indentation. at is the block's type or one of its labels, as spans
// of records and findings give it. All other bytes stay as they are.
func (fs *Files) SetAttribute(at zone.Span, name, value string) ([]byte, error) {
	f := fs.file(at.File)
	if f == nil {
		return nil, fmt.Errorf("set %s: there is no file %d", name, at.File)
	}
	root, _, err := f.reparse(f.bytes())
	if err != nil {
		return nil, err
	}
	blk := blockAt(root, at)
	if blk == nil {
		return nil, fmt.Errorf("set %s in %s: there is no block at byte %d", name, f.path, at.Start)
	}
	if a := blk.attr(name); a != nil {
		return fs.Splice(f.id, []Edit{{a.val.at, value}})
	}
	out, _, err := f.splice(f.newLine(blk, name, value))
	if err != nil {
		return nil, err
	}
	before, after, err := f.reparse(out)
	if err != nil {
		return nil, err
	}
	// The attribute is there, and without it the file says what it said before.
	changed := blockAt(after, blk.at())
	if changed == nil || changed.attr(name) == nil {
		return nil, fmt.Errorf("set %s in %s: it would not become an attribute of %s", name, f.path, describe(blk))
	}
	changed.attrs = slices.DeleteFunc(changed.attrs, func(a attr) bool { return a.def.name == name })
	if err := sameBlock(before, after, f.bytes(), out, nil); err != nil {
		return nil, fmt.Errorf("set %s in %s: %w", name, f.path, err)
	}
	return out, nil
}

// blockAt is the block whose type or label lies at a span.
func blockAt(b *block, at zone.Span) *block {
	if b.kw.Start == at.Start && b.kw.End == at.End && b.def.name != "" && !slices.Contains(allFiles, b.def) {
		return b
	}
	for _, l := range b.labels {
		if l.at == at {
			return b
		}
	}
	for _, sub := range b.blocks {
		if found := blockAt(sub, at); found != nil {
			return found
		}
	}
	return nil
}

// newLine are the edits that add an attribute.
func (f *file) newLine(b *block, name, value string) []Edit {
	eol := "\n"
	if i := bytes.IndexByte(f.bytes(), '\n'); i > 0 && f.bytes()[i-1] == '\r' {
		eol = "\r\n"
	}
	at := func(start, end uint32, text string) Edit {
		return Edit{zone.Span{File: f.id, Start: start, End: end}, text}
	}
	open := b.kw.End
	for _, l := range b.labels {
		open = max(open, l.at.End)
	}
	open += uint32(bytes.IndexByte(f.bytes()[open:], '{')) + 1
	outer := f.indentOf(b.kw.Start)
	after, indent := open, outer+"  "
	for i := range b.attrs {
		if a := &b.attrs[i]; a.val.at.End > after {
			after, indent = a.val.at.End, f.indentOf(a.name.Start)
		}
	}
	rest := f.bytes()[after:]
	end := bytes.IndexByte(rest, '\n')
	if end < 0 {
		end = len(rest)
	}
	line := bytes.TrimRight(rest[:end], "\r")
	word := eol + indent + name + " = " + value
	blank := uint32(len(line) - len(bytes.TrimLeft(line, " \t")))
	if !bytes.HasPrefix(line[blank:], []byte("}")) {
		return []Edit{at(after+uint32(len(line)), after+uint32(len(line)), word)}
	}
	// A block on one line becomes one on several.
	word = eol + outer + "  " + name + " = " + value + eol + outer
	if after == open {
		return []Edit{at(after, after+blank, word)}
	}
	first := open
	for f.bytes()[first] == ' ' || f.bytes()[first] == '\t' {
		first++
	}
	return []Edit{at(open, first, eol+outer+"  "), at(after, after+blank, word)}
}

// indentOf is the white space before the first word of the line that holds off.
func (f *file) indentOf(off uint32) string {
	start := bytes.LastIndexByte(f.bytes()[:off], '\n') + 1
	line := f.bytes()[start:off]
	return string(line[:len(line)-len(bytes.TrimLeft(line, " \t"))])
}
