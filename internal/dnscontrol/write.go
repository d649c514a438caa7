package dnscontrol

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/google/renameio/v2"

	"github.com/tripod-dns/tripod/internal/zone"
)

// A Staleness is one rendered file that is not what the definitions render to.
type Staleness struct {
	Path string // from the root, with forward slashes
	What string // "missing", "differs" or "left over"
}

// staleOf lists the files at root that Write would write or remove, sorted by path. A left-over file is a zone's JSON
// below output that tripod wrote and that is not rendered any more. An MTA-STS policy that is not rendered any more
// stays: it is withdrawn from a web server first (RFC 8461 §8.3), and that is for a person to do.
func staleOf(root, output string, files map[string][]byte) (stale []Staleness, err error) {
	r, err := openRendered(root, output)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	var c comparison
	for name, want := range files {
		if err := c.file(r, name, want); err != nil {
			return nil, err
		}
	}
	left, err := r.leftOver(func(name string) bool { _, ok := files[name]; return ok })
	if err != nil {
		return nil, err
	}
	return sorted(append(c.stale, left...)), nil
}

// Outdated is staleOf what Render gives for the domains, without holding all of it at a time.
func Outdated(root, output string, domains []*zone.Domain) (stale []Staleness, err error) {
	r, err := openRendered(root, output)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	workers := make([]comparison, min(runtime.GOMAXPROCS(0), len(domains)))
	var next atomic.Int64
	var wg sync.WaitGroup
	for i := range workers {
		wg.Go(func() { workers[i].domains(r, domains, &next) })
	}
	wg.Wait()
	var all comparison
	for _, c := range workers {
		if c.err != nil && (all.err == nil || c.at < all.at) {
			all.err, all.at = c.err, c.at
		}
		all.stale = append(all.stale, c.stale...)
	}
	if all.err != nil {
		return nil, all.err
	}
	policies, err := policies(domains)
	if err != nil {
		return nil, err
	}
	for name, want := range policies {
		if err := all.file(r, name, want); err != nil {
			return nil, err
		}
	}
	if text := script(domains); text != nil {
		if err := all.file(r, path.Join(output, scriptName), text); err != nil {
			return nil, err
		}
	}
	known := make(map[string]bool, len(domains))
	for _, d := range domains {
		if d.Emit != zone.EmitNone {
			known[zoneFileName(d)] = true
		}
	}
	left, err := r.leftOver(func(name string) bool { return known[path.Base(name)] })
	if err != nil {
		return nil, err
	}
	return sorted(append(all.stale, left...)), nil
}

func sorted(stale []Staleness) []Staleness {
	slices.SortFunc(stale, func(a, b Staleness) int { return strings.Compare(a.Path, b.Path) })
	return stale
}

// A comparison is what one goroutine found out.
type comparison struct {
	renderer renderer
	buf      []byte
	stale    []Staleness
	err      error
	at       int64 // the domain with the error
}

// domains compares the files of domains that no other goroutine has taken, until there are none or one fails.
func (c *comparison) domains(r *renderedDir, domains []*zone.Domain, next *atomic.Int64) {
	for c.err == nil {
		if c.at = next.Add(1) - 1; c.at >= int64(len(domains)) {
			return
		}
		c.err = c.domain(r, domains[c.at])
	}
}

func (c *comparison) domain(r *renderedDir, d *zone.Domain) error {
	if d.Emit == zone.EmitNone {
		return nil
	}
	text, err := c.renderer.zone(d)
	if err != nil {
		return fmt.Errorf("render %s: %w", d.ID(), err)
	}
	return c.file(r, path.Join(r.dir, zoneFileName(d)), text)
}

// file compares one file.
func (c *comparison) file(r *renderedDir, name string, want []byte) error {
	same, err := r.holds(name, want, &c.buf)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		c.stale = append(c.stale, Staleness{name, "missing"})
	case err != nil:
		return fmt.Errorf("read rendered file %s: %w", name, err)
	case !same:
		c.stale = append(c.stale, Staleness{name, "differs"})
	}
	return nil
}

// A renderedDir is a directory with rendered files. Most of them lie in one place, which is opened once.
type renderedDir struct {
	root   *os.Root
	zones  *os.Root // nil where there is none yet
	output string
	dir    string // of zones, from the root
}

func openRendered(root, output string) (*renderedDir, error) {
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("look for rendered files: %w", err)
	}
	d := &renderedDir{root: r, output: output, dir: path.Join(output, zonesDir)}
	if zones, err := r.OpenRoot(d.dir); err == nil {
		d.zones = zones
	}
	return d, nil
}

func (d *renderedDir) close() error {
	if d.zones != nil {
		return errors.Join(d.zones.Close(), d.root.Close())
	}
	return d.root.Close()
}

// holds tells whether a file has just these bytes. It uses buf.
func (d *renderedDir) holds(name string, want []byte, buf *[]byte) (bool, error) {
	r, at := d.root, name
	if d.zones != nil && path.Dir(name) == d.dir {
		base := path.Base(name)
		// A link may lead to where only the whole root reaches.
		if info, err := d.zones.Lstat(base); err == nil && info.Mode().IsRegular() {
			r, at = d.zones, base
		}
	}
	f, size, err := openRegular(r, at)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }() // only read from
	if size != int64(len(want)) {
		return false, nil
	}
	if cap(*buf) < len(want)+1 {
		*buf = make([]byte, 2*len(want)+1)
	}
	n, err := io.ReadFull(f, (*buf)[:len(want)+1]) // one more: it may have grown
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return false, err
	}
	return bytes.Equal((*buf)[:n], want), nil
}

func openRegular(r *os.Root, name string) (*os.File, int64, error) {
	info, err := r.Stat(name)
	if err != nil {
		return nil, 0, err
	}
	if !info.Mode().IsRegular() {
		return nil, 0, errors.New("no regular file")
	}
	f, err := r.Open(name)
	return f, info.Size(), err
}

// leftOver lists the JSON files of zones that are gone, by their first bytes: a file that tripod did not write is
// none.
func (d *renderedDir) leftOver(rendered func(name string) bool) (stale []Staleness, err error) {
	entries, err := fs.ReadDir(d.root.FS(), d.dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for left-over files: %w", err)
	}
	head := make([]byte, len(zoneHead))
	for _, e := range entries {
		name := path.Join(d.dir, e.Name())
		if rendered(name) || !e.Type().IsRegular() || !strings.HasSuffix(name, ".json") {
			continue
		}
		ours, err := startsWith(d.root, name, head)
		if err != nil {
			return nil, fmt.Errorf("read rendered file %s: %w", name, err)
		}
		if ours {
			stale = append(stale, Staleness{name, "left over"})
		}
	}
	return stale, nil
}

// startsWith tells whether a file begins as zones' JSON does. It uses buf.
func startsWith(r *os.Root, name string, buf []byte) (bool, error) {
	f, _, err := openRegular(r, name)
	if err != nil {
		return false, err
	}
	defer func() { _ = f.Close() }() // only read from
	n, err := io.ReadFull(f, buf)
	if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
		return false, err
	}
	return string(buf[:n]) == zoneHead, nil
}

// Write brings the rendered files at root up to date: each file that differs is replaced atomically, left-over ones
// (see staleOf) are removed. A path that leads out of root, by a symbolic link too, is an error. It returns what it
// wrote and removed, also beside an error: files are independent of each other up to then, and running it again goes on.
func Write(ctx context.Context, root, output string, files map[string][]byte) (done []Staleness, err error) {
	stale, err := staleOf(root, output, files)
	if err != nil {
		return nil, err
	}
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("write rendered files: %w", err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	// tripod.js requires the zones: it comes after them, and they go after it.
	rank := func(s Staleness) int {
		switch {
		case s.What == "left over":
			return 2
		case path.Base(s.Path) == scriptName:
			return 1
		}
		return 0
	}
	slices.SortStableFunc(stale, func(a, b Staleness) int { return rank(a) - rank(b) })
	for _, s := range stale {
		if err := ctx.Err(); err != nil {
			return done, fmt.Errorf("write rendered files: %w", err)
		}
		if s.What == "left over" {
			if err := r.Remove(s.Path); err != nil {
				return done, fmt.Errorf("remove rendered file %s: %w", s.Path, err)
			}
			done = append(done, s)
			continue
		}
		if err := r.MkdirAll(path.Dir(s.Path), 0o755); err != nil {
			return done, fmt.Errorf("write rendered file %s: %w", s.Path, err)
		}
		if err := renameio.WriteFile(s.Path, files[s.Path], 0o644, renameio.WithRoot(r)); err != nil {
			return done, fmt.Errorf("write rendered file %s: %w", s.Path, err)
		}
		done = append(done, s)
	}
	return done, nil
}
