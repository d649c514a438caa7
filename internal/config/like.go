package config

import (
	"bytes"
	"context"
	"hash/maphash"

	"github.com/tripod-dns/tripod/internal/zone"
)

// LoadLike is Load of a source that is mostly the same as a repository that is loaded already, as the commit before a change is: what
// files say that are equal byte for byte is taken from there and not parsed again. The files that both have bear the same numbers, and
// neither of the two may be changed afterwards. Without another one it is Load.
func LoadLike(ctx context.Context, src Source, other *Repository) (*Repository, Diagnostics, error) {
	return loadFrom(ctx, src, other)
}

// A likeness is what a load may take from another one.
type likeness struct {
	files   *Files
	byPath  map[string]*file
	domains map[zone.FileID][]*zone.Domain
}

// likenessTo is nil where files mean something only together with what stands in other files: the settings, a key ledger, dnsconfig.js.
func (l *loader) likenessTo(other *Repository, ledgers []string) *likeness {
	if other == nil || len(other.Ledgers)+len(ledgers) > 0 || other.Settings.DNSControl.Emit == zone.EmitExtend ||
		!other.Files.list[0].holds(l.repo.Files.list[0].bytes()) {
		return nil
	}
	k := &likeness{files: other.Files, byPath: make(map[string]*file, len(other.Files.list)), domains: make(map[zone.FileID][]*zone.Domain, len(other.Domains))}
	for _, d := range other.Domains {
		k.domains[d.At.File] = append(k.domains[d.At.File], d)
	}
	// The numbers that the other has, for the files that it has; spans then mean the same in both.
	for _, f := range other.Files.list[1:] {
		k.byPath[f.path] = f
		l.repo.Files.add(f.path)
	}
	return k
}

// take makes the domains of a file from those of the other load. It reports false where the file is not the same there, or does not stand
// alone.
func (k *likeness) take(u *unit, f *file, content []byte) (*file, bool) {
	if k == nil {
		return nil, false
	}
	was := k.byPath[f.path]
	if was == nil || !was.alone || !was.holds(content) {
		return nil, false
	}
	for _, d := range k.domains[was.id] {
		again := *d
		u.defs = append(u.defs, &definition{domain: &again})
	}
	u.parsed = true
	return was, true
}

// holds tells whether the file has just these bytes.
func (f *file) holds(b []byte) bool {
	if f.gone {
		return len(b) == f.size && maphash.Bytes(f.files.seed, b) == f.sum
	}
	return f.content != nil && bytes.Equal(f.content, b)
}
