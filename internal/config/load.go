package config

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/tripod-dns/tripod/internal/zone"
)

// Load reads the definitions of a source: tripod.hcl, the files that it names, the key ledgers. Where something is
// wrong with them, the diagnostics say what, and the repository holds the files (for showing them) and what could
// be made of them, which nothing should be done with. The error is for what is no matter of the definitions: no
// tripod.hcl (it wraps fs.ErrNotExist), a directory that cannot be listed, ctx.
func Load(ctx context.Context, src Source) (*Repository, Diagnostics, error) {
	return loadFrom(ctx, src, nil)
}

func loadFrom(ctx context.Context, src Source, other *Repository) (*Repository, Diagnostics, error) {
	r := &Repository{Files: newFiles(src), flatten: make(map[*zone.Flatten]*flattenSite)}
	l := &loader{ctx: ctx, src: src, repo: r}
	if err := l.load(other); err != nil {
		return nil, nil, err
	}
	return r, l.ps.diagnostics(r.Files), nil
}

type loader struct {
	ctx   context.Context
	src   Source
	repo  *Repository
	ps    problems
	total atomic.Int64 // octets read
}

func (l *loader) load(other *Repository) error {
	settings, err := l.read(SettingsFile, fileSettings)
	if err != nil {
		return err
	}
	if settings == nil {
		return nil
	}
	fs := l.repo.Files
	before := len(l.ps)
	l.repo.Settings = decodeSettings(settings, fs, &l.ps)
	if len(l.ps) > before {
		return nil
	}
	paths, ledgers, err := l.list(settings)
	if err != nil {
		return err
	}
	if len(paths)+len(ledgers) > maxFiles {
		l.ps.addf(zone.Span{File: 1}, "", "%d files, the limit is %d", len(paths)+len(ledgers), maxFiles)
		return nil
	}
	ix := &index{fs: fs, settings: &l.repo.Settings, profiles: make(map[string]*block), senders: make(map[string]*block)}
	units, err := l.parseAll(ix, append(append([]string(nil), paths...), ledgers...), len(paths), l.likenessTo(other, ledgers))
	if err != nil {
		return err
	}
	l.decode(ix, units)
	if len(l.ps) == 0 {
		for _, f := range fs.list {
			f.giveUp()
		}
	}
	return nil
}

// list finds the files of definitions and key ledgers.
func (l *loader) list(settings *block) (definitions, ledgers []string, err error) {
	s := &l.repo.Settings
	files := blockNamed(settings, "tripod").attr("files")
	keysPrefix := s.Keys + "/"
	for i, pattern := range s.Files {
		found, err := l.src.Glob(l.ctx, pattern)
		if err != nil {
			return nil, nil, fmt.Errorf("find files %q: %w", pattern, err)
		}
		n := len(definitions)
		for _, p := range found {
			if p != SettingsFile && !strings.HasPrefix(p, keysPrefix) {
				definitions = append(definitions, p)
			}
		}
		if len(definitions) == n {
			l.ps.addf(place(files.val.list[i]), "a pattern is relative to the directory of "+SettingsFile, "no file matches %q", pattern)
		}
	}
	ledgers, err = l.src.Glob(l.ctx, path.Join(s.Keys, "*.hcl"))
	if err != nil {
		return nil, nil, fmt.Errorf("find key ledgers: %w", err)
	}
	return sortUnique(definitions), ledgers, nil
}

func blockNamed(f *block, name string) *block {
	for _, b := range f.blocks {
		if b.def.name == name {
			return b
		}
	}
	return nil
}

// read reads and parses one file; the block is nil where it has problems.
func (l *loader) read(name string, def *blockDef) (*block, error) {
	b, err := l.readInto(l.repo.Files.add(name), def, &l.ps)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no %s: %w", name, fs.ErrNotExist)
	}
	return b, err
}

func (l *loader) readInto(f *file, def *blockDef, ps *problems) (*block, error) {
	content, err := l.contents(f, ps)
	if content == nil || err != nil {
		return nil, err
	}
	return l.parse(f, content, def, ps), nil
}

// contents are the bytes of a file; nil where it has problems.
func (l *loader) contents(f *file, ps *problems) ([]byte, error) {
	if err := l.ctx.Err(); err != nil {
		return nil, fmt.Errorf("load definitions: %w", err)
	}
	content, err := l.src.Read(l.ctx, f.path)
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) && f.path == SettingsFile {
			return nil, err
		}
		ps.addf(zone.Span{File: f.id}, "", "cannot read the file: %v", err)
		return nil, nil
	}
	if l.total.Add(int64(len(content))) > maxTotalSize {
		ps.addf(zone.Span{File: f.id}, "", "the definitions have more than %d MiB", maxTotalSize>>20)
		return nil, nil
	}
	if content == nil {
		content = []byte{}
	}
	return content, nil
}

func (l *loader) parse(f *file, content []byte, def *blockDef, ps *problems) *block {
	f.content = content
	b := parse(f, def, ps)
	if b != nil {
		b.kw = zone.Span{File: f.id}
	}
	return b
}

// parseAll parses files in parallel, but for those that can be taken from elsewhere. The first n are definitions, the others ledgers.
func (l *loader) parseAll(ix *index, paths []string, n int, from *likeness) ([]*unit, error) {
	fs := l.repo.Files
	known := make(map[string]*file, len(fs.list))
	for _, f := range fs.list {
		known[f.path] = f
	}
	files := make([]*file, len(paths))
	for i, p := range paths {
		if files[i] = known[p]; files[i] == nil {
			files[i] = fs.add(p)
		}
	}
	units := make([]*unit, len(paths))
	err := parallel(len(paths), func(i int) error {
		def := fileDefinitions
		if i >= n {
			def = fileKeys
		}
		u, f := &unit{}, files[i]
		units[i] = u
		content, err := l.contents(f, &u.ps)
		if content == nil || err != nil {
			return err
		}
		if same, ok := from.take(u, f, content); ok {
			fs.list[f.id-1] = same
			return nil
		}
		if b := l.parse(f, content, def, &u.ps); b != nil {
			u.take(ix, b)
		}
		if u.done() {
			f.alone = u.alone()
			f.giveUp()
		}
		return nil
	})
	return units, err
}

// parallel calls work for 0 to n-1 on all processors, in chunks, until one fails.
func parallel(n int, work func(int) error) error {
	workers := min(runtime.GOMAXPROCS(0), n)
	const chunk = 16
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, workers)
	for w := range workers {
		wg.Go(func() {
			for {
				start := int(next.Add(chunk)) - chunk
				if start >= n {
					return
				}
				for i := start; i < min(start+chunk, n); i++ {
					if err := work(i); err != nil {
						errs[w] = err
						next.Store(int64(n))
						return
					}
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}
