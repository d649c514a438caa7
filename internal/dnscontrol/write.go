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
	"slices"
	"strings"

	"github.com/google/renameio/v2"
)

// A Staleness is one rendered file that is not what the definitions render to.
type Staleness struct {
	Path string // from the root, with forward slashes
	What string // "missing", "differs" or "left over"
}

// maxRendered bounds what is read of a rendered file, in bytes.
const maxRendered = 64 << 20

// Stale lists the files at root that Write would write or remove, sorted by path. A left-over file is a zone's JSON
// below output that tripod wrote and that is not rendered any more. An MTA-STS policy that is not rendered any more
// stays: it is withdrawn from a web server first (RFC 8461 §8.3), and that is for a person to do.
func Stale(root, output string, files map[string][]byte) (stale []Staleness, err error) {
	r, err := os.OpenRoot(root)
	if err != nil {
		return nil, fmt.Errorf("look for rendered files: %w", err)
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	for name, want := range files {
		got, err := readRendered(r, name)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			stale = append(stale, Staleness{name, "missing"})
		case err != nil:
			return nil, fmt.Errorf("read rendered file %s: %w", name, err)
		case !bytes.Equal(got, want):
			stale = append(stale, Staleness{name, "differs"})
		}
	}
	left, err := leftOver(r, output, files)
	if err != nil {
		return nil, err
	}
	for _, name := range left {
		stale = append(stale, Staleness{name, "left over"})
	}
	slices.SortFunc(stale, func(a, b Staleness) int { return strings.Compare(a.Path, b.Path) })
	return stale, nil
}

func readRendered(r *os.Root, name string) (src []byte, err error) {
	info, err := r.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, errors.New("no regular file")
	}
	f, err := r.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(io.LimitReader(f, maxRendered))
}

// leftOver lists the JSON files of zones that are gone, by their first bytes: a file that tripod did not write is
// none.
func leftOver(r *os.Root, output string, files map[string][]byte) ([]string, error) {
	dir := path.Join(output, zonesDir)
	entries, err := fs.ReadDir(r.FS(), dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for left-over files: %w", err)
	}
	var out []string
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if _, ok := files[name]; ok || !e.Type().IsRegular() || !strings.HasSuffix(name, ".json") {
			continue
		}
		src, err := readRendered(r, name)
		if err != nil {
			return nil, fmt.Errorf("read rendered file %s: %w", name, err)
		}
		if bytes.HasPrefix(src, []byte(zoneHead)) {
			out = append(out, name)
		}
	}
	return out, nil
}

// Write brings the rendered files at root up to date: each file that differs is replaced atomically, left-over ones
// (see Stale) are removed. A path that leads out of root, by a symbolic link too, is an error. It returns what it
// wrote and removed, also beside an error: files are independent of each other up to then, and running it again goes on.
func Write(ctx context.Context, root, output string, files map[string][]byte) (done []Staleness, err error) {
	stale, err := Stale(root, output, files)
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
