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
	r := &Repository{Files: &Files{}, flatten: make(map[*zone.Flatten]*flattenSite)}
	l := &loader{ctx: ctx, src: src, repo: r}
	if err := l.load(); err != nil {
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

func (l *loader) load() error {
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
	trees, err := l.parseAll(append(append([]string(nil), paths...), ledgers...), len(paths))
	if err != nil {
		return err
	}
	l.decode(trees[:len(paths)], trees[len(paths):])
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
	f := &file{id: zone.FileID(len(l.repo.Files.list) + 1), path: name}
	l.repo.Files.list = append(l.repo.Files.list, f)
	b, err := l.readInto(f, def, &l.ps)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("no %s: %w", name, fs.ErrNotExist)
	}
	return b, err
}

func (l *loader) readInto(f *file, def *blockDef, ps *problems) (*block, error) {
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
	f.content = content
	b := parse(f, def, ps)
	if b != nil {
		b.kw = zone.Span{File: f.id}
	}
	return b, nil
}

// parseAll parses files in parallel. The first n are definitions, the others ledgers.
func (l *loader) parseAll(paths []string, n int) ([]*block, error) {
	fs := l.repo.Files
	base := len(fs.list)
	for i, p := range paths {
		fs.list = append(fs.list, &file{id: zone.FileID(base + i + 1), path: p})
	}
	trees := make([]*block, len(paths))
	found := make([]problems, len(paths))
	err := parallel(len(paths), func(i int) error {
		def := fileDefinitions
		if i >= n {
			def = fileKeys
		}
		b, err := l.readInto(fs.list[base+i], def, &found[i])
		trees[i] = b
		return err
	})
	if err != nil {
		return nil, err
	}
	for _, ps := range found {
		l.ps = append(l.ps, ps...)
	}
	return trees, nil
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

// A definition is one domain to be made: its block, and the domain itself.
type definition struct {
	block  *block
	domain *zone.Domain
	ps     problems
	out    Repository
}

func (l *loader) decode(definitions, ledgers []*block) {
	fs := l.repo.Files
	ix := &index{fs: fs, settings: &l.repo.Settings, profiles: make(map[string]*block), senders: make(map[string]*block)}
	named := func(m map[string]*block, b *block) {
		name := b.labels[0]
		if first := m[name.text]; first != nil {
			twice(&l.ps, fs, describe(b), first.labels[0].at, name.at)
			return
		}
		m[name.text] = b
	}
	var defs []*definition
	complete := true
	for _, f := range definitions {
		if f == nil {
			complete = false
			continue
		}
		for _, b := range f.blocks {
			switch b.def {
			case defProfile:
				named(ix.profiles, b)
			case defSender:
				named(ix.senders, b)
			case defDomain:
				defs = l.define(defs, b, b.labels[0])
			case defDomains:
				for _, n := range b.attr("names").val.list {
					defs = l.define(defs, b, label{n.str(fs, ""), place(n)})
				}
			}
		}
	}
	if !complete {
		return // a profile or sender that stands in a file with an error would be reported as missing
	}
	// Work never fails: what is wrong becomes a problem.
	_ = parallel(len(defs), func(i int) error {
		d := defs[i]
		if ix.exhausted() {
			return nil
		}
		d.out.flatten = make(map[*zone.Flatten]*flattenSite)
		j := &job{index: ix, ps: &d.ps, domain: d.domain, out: &d.out}
		j.build(d.block)
		ix.faults.Add(int64(len(d.ps)))
		return nil
	})
	if ix.spent.Load() > maxModel {
		l.ps.addf(zone.Span{File: 1}, "", "the definitions come to more than %d MiB of records", maxModel>>20)
		return
	}
	first := make(map[string]zone.Span)
	for _, d := range defs {
		l.ps = append(l.ps, d.ps...)
		if at, ok := first[d.domain.ID()]; ok {
			twice(&l.ps, fs, "domain "+d.domain.ID(), at, d.domain.At)
			continue
		}
		first[d.domain.ID()] = d.domain.At
		l.repo.Domains = append(l.repo.Domains, d.domain)
		l.repo.Rotations = append(l.repo.Rotations, d.out.Rotations...)
		for f, site := range d.out.flatten {
			l.repo.flatten[f] = site
		}
	}
	l.addLedgers(ix, ledgers, defs)
}

// define adds a domain to be made.
func (l *loader) define(defs []*definition, b *block, name label) []*definition {
	n, err := zone.ParseName(name.text)
	switch {
	case err != nil:
		l.ps.addf(name.at, "", "domain %q: %v", name.text, err)
		return defs
	case n == zone.Root || strings.ContainsAny(string(n), " \t\r\n\"'*/:@"):
		l.ps.addf(name.at, "", "%q is no domain", name.text)
		return defs
	}
	return append(defs, &definition{block: b, domain: &zone.Domain{Name: n, At: name.at}})
}

// addLedgers decodes the key ledgers and adds their records to the domains that they belong to: every view (tag)
// of the most specific domain at or above the ledger's name.
func (l *loader) addLedgers(ix *index, files []*block, defs []*definition) {
	if len(files) == 0 {
		return
	}
	fs := l.repo.Files
	byName := make(map[zone.Name][]*definition)
	for _, d := range defs {
		byName[d.domain.Name] = append(byName[d.domain.Name], d)
	}
	first := make(map[zone.Name]zone.Span)
	for _, f := range files {
		if f == nil {
			continue
		}
		for _, b := range f.blocks {
			led := decodeLedger(b, fs, &l.ps)
			if led == nil {
				continue
			}
			if at, ok := first[led.Domain]; ok {
				twice(&l.ps, fs, "the key ledger of "+led.Domain.String(), at, led.At)
				continue
			}
			first[led.Domain] = led.At
			if want := string(led.Domain) + ".hcl"; path.Base(fs.Path(b.kw.File)) != want {
				l.ps.addf(led.At, "", "the key ledger of %s stands in %s, not in %s", led.Domain, fs.Path(b.kw.File), path.Join(l.repo.Settings.Keys, want))
				continue
			}
			l.repo.Ledgers = append(l.repo.Ledgers, led)
			at := led.Domain
			for len(byName[at]) == 0 && at != zone.Root {
				at = at.Parent()
			}
			if len(byName[at]) == 0 {
				l.ps.addf(led.At, "keys are withdrawn before their domain goes: see dkim_rotation { retire = true }", "no definition has the domain %s of this key ledger", led.Domain)
				continue
			}
			for _, d := range byName[at] {
				j := &job{index: ix, ps: &l.ps, domain: d.domain}
				body := ledgerBody(d, led.Domain, ix)
				led.publish(b, d.domain, func(r *zone.Record) { j.ttl(r, body, nil) }, fs, &l.ps)
			}
		}
	}
}

// ledgerBody is the subdomain, or else the domain, whose ttl holds for a ledger's records.
func ledgerBody(d *definition, name zone.Name, ix *index) *body {
	profile := func(b *block) *block {
		if a := b.attr("profile"); a != nil {
			return ix.profiles[a.val.lit.str(ix.fs, "")]
		}
		return nil
	}
	b := &body{own: d.block, profile: profile(d.block)}
	for _, sub := range d.block.blocks {
		if sub.def == defSubdomain {
			if rel, err := zone.ParseName(sub.labels[0].text); err == nil && d.domain.Name.Child(string(rel)) == name {
				return &body{own: sub, profile: profile(sub), parent: b}
			}
		}
	}
	return b
}
