package config

import (
	"bytes"
	"sort"
	"sync"
	"unicode/utf8"

	"github.com/tripod-dns/tripod/internal/zone"
)

// Files are the source files of one load, by their FileID. A span means something only together with the
// Files that it came from: two loads (head and base) number their files anew.
type Files struct {
	list []*file
}

type file struct {
	id      zone.FileID
	path    string
	content []byte

	once  sync.Once
	lines []uint32 // offsets at which the lines begin; made when a position is first asked for
}

// A Position is a span as people read it. Lines and columns count from 1, columns in Unicode code
// points; the end is exclusive.
type Position struct {
	File                             string // relative to the root, with forward slashes; empty where the span leads nowhere
	Line, Column, EndLine, EndColumn int
}

func (fs *Files) file(id zone.FileID) *file {
	if id == 0 || int(id) > len(fs.list) {
		return nil
	}
	return fs.list[id-1]
}

// Len is the number of files. Their IDs run from 1 to Len.
func (fs *Files) Len() int { return len(fs.list) }

// Path is the file's path relative to the root, with forward slashes; empty where there is no such file.
func (fs *Files) Path(id zone.FileID) string {
	if f := fs.file(id); f != nil {
		return f.path
	}
	return ""
}

// Lookup is the ID of the file with that path, or 0.
func (fs *Files) Lookup(path string) zone.FileID {
	for _, f := range fs.list {
		if f.path == path {
			return f.id
		}
	}
	return 0
}

// Content is the file's bytes as they were read. Nobody may change them.
func (fs *Files) Content(id zone.FileID) []byte {
	if f := fs.file(id); f != nil {
		return f.content
	}
	return nil
}

// Text is the source text of a span; empty where the span leads nowhere.
func (fs *Files) Text(s zone.Span) string {
	f := fs.file(s.File)
	if f == nil || s.Start > s.End || int(s.End) > len(f.content) {
		return ""
	}
	return string(f.content[s.Start:s.End])
}

// Position turns a span into lines and columns. Where the span leads nowhere, so does the position: its
// File is empty and its lines are 0.
func (fs *Files) Position(s zone.Span) Position {
	f := fs.file(s.File)
	if f == nil {
		return Position{}
	}
	p := Position{File: f.path}
	p.Line, p.Column = f.position(s.Start)
	p.EndLine, p.EndColumn = f.position(max(s.Start, s.End))
	return p
}

// Line is a source line, counted from 1, without its line ending; empty where there is none.
func (fs *Files) Line(id zone.FileID, line int) string {
	f := fs.file(id)
	if f == nil {
		return ""
	}
	f.index()
	if line < 1 || line > len(f.lines) {
		return ""
	}
	start, end := int(f.lines[line-1]), len(f.content)
	if line < len(f.lines) {
		end = int(f.lines[line])
	}
	return string(bytes.TrimPrefix(bytes.TrimRight(f.content[start:end], "\r\n"), bom))
}

// bom is the byte order mark that some Windows editors put before a file. It is no part of the first line.
var bom = []byte("\ufeff")

func (f *file) index() {
	f.once.Do(func() {
		f.lines = append(f.lines, 0)
		for i, b := range f.content {
			if b == '\n' {
				f.lines = append(f.lines, uint32(i)+1)
			}
		}
	})
}

func (f *file) position(off uint32) (line, column int) {
	f.index()
	off = min(off, uint32(len(f.content)))
	line = sort.Search(len(f.lines), func(i int) bool { return f.lines[i] > off })
	start := f.lines[line-1]
	if start == 0 && bytes.HasPrefix(f.content, bom) {
		start = min(uint32(len(bom)), off)
	}
	return line, utf8.RuneCount(f.content[start:off]) + 1
}
