package config

import (
	"bytes"
	"hash/maphash"
	"sort"
	"sync"
	"unicode/utf8"

	"github.com/tripod-dns/tripod/internal/zone"
)

// Files are the source files of one load, by their FileID. A span means something only together with the
// Files that it came from: two loads (head and base) number their files anew.
type Files struct {
	list []*file
	// reread gives a file's bytes again; nil where they have to be kept.
	reread func(path string) ([]byte, error)
	seed   maphash.Seed
}

type file struct {
	id      zone.FileID
	path    string
	content []byte

	// Bytes that were given up are read again when somebody asks for them, which most files' never are: a large repository
	// takes less memory without them.
	gone  bool
	sum   uint64 // of the bytes that were given up
	size  int
	again sync.Once
	files *Files
	alone bool // its domains need nothing from other files, and there is nothing else in it

	once  sync.Once
	lines []uint32 // offsets at which the lines begin; made when a position is first asked for
}

// A Position is a span as people read it. Lines and columns count from 1, columns in Unicode code
// points; the end is exclusive.
type Position struct {
	File                             string // relative to the root, with forward slashes; empty where the span leads nowhere
	Line, Column, EndLine, EndColumn int
}

func newFiles(src Source) *Files {
	fs := &Files{}
	if again, ok := src.(rereader); ok {
		fs.reread, fs.seed = again.Reread, maphash.MakeSeed()
	}
	return fs
}

// add appends a file that is to be read.
func (fs *Files) add(path string) *file {
	f := &file{id: zone.FileID(len(fs.list) + 1), path: path, files: fs}
	fs.list = append(fs.list, f)
	return f
}

// giveUp drops a file's bytes, where they can be had again.
func (f *file) giveUp() {
	if f.gone || f.files.reread == nil || len(f.content) == 0 {
		return
	}
	f.gone, f.sum, f.size = true, maphash.Bytes(f.files.seed, f.content), len(f.content)
	f.content = nil
}

// bytes are the file's bytes as they were read at first. Where they are gone and the file is another one by now, there are none,
// and every place in it is its beginning.
func (f *file) bytes() []byte {
	if f.gone {
		f.again.Do(func() {
			b, err := f.files.reread(f.path)
			if err == nil && len(b) == f.size && maphash.Bytes(f.files.seed, b) == f.sum {
				f.content = b
			}
		})
	}
	return f.content
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
		return f.bytes()
	}
	return nil
}

// Text is the source text of a span; empty where the span leads nowhere.
func (fs *Files) Text(s zone.Span) string {
	f := fs.file(s.File)
	if f == nil || s.Start > s.End {
		return ""
	}
	b := f.bytes()
	if int(s.End) > len(b) {
		return ""
	}
	return string(b[s.Start:s.End])
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
	start, end := int(f.lines[line-1]), len(f.bytes())
	if line < len(f.lines) {
		end = int(f.lines[line])
	}
	return string(bytes.TrimPrefix(bytes.TrimRight(f.bytes()[start:end], "\r\n"), bom))
}

// bom is the byte order mark that some Windows editors put before a file. It is no part of the first line.
var bom = []byte("\ufeff")

func (f *file) index() {
	f.once.Do(func() {
		f.lines = append(f.lines, 0)
		for i, b := range f.bytes() {
			if b == '\n' {
				f.lines = append(f.lines, uint32(i)+1)
			}
		}
	})
}

func (f *file) position(off uint32) (line, column int) {
	f.index()
	off = min(off, uint32(len(f.bytes())))
	line = sort.Search(len(f.lines), func(i int) bool { return f.lines[i] > off })
	start := f.lines[line-1]
	if start == 0 && bytes.HasPrefix(f.bytes(), bom) {
		start = min(uint32(len(bom)), off)
	}
	return line, utf8.RuneCount(f.bytes()[start:off]) + 1
}
