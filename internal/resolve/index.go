// Package resolve says what a name answers in the world after the merge: from the repository, from the other
// half of a zone that dnsconfig.js keeps, from tripod.lock.json, from live DNS. An answer is known, unknown
// (nobody was asked), or failed (asked, and nothing usable came); the last two are never taken for "no".
package resolve

import (
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// An Index holds the records of every zone of a repository, frozen. It is safe for concurrent use.
type Index struct {
	zones  []*Zone
	views  map[string]map[zone.Name]*Zone // by tag, then by apex
	ignore *patterns

	sorted sync.Once
	order  []*Zone // by apex, in DNS order
}

// NewIndex makes the index of definitions. Others are zones that only dnsconfig.js knows (a D() without a
// definition): names in them are resolved from their Rest, and Zones does not list them. The domains must not be
// changed afterwards. Sorting is left to the first question about a zone, so that it happens in the goroutine
// that needs it. Of two domains with one name and tag the first one counts.
func NewIndex(domains []*zone.Domain, others ...*zone.Domain) *Index {
	ix := &Index{views: map[string]map[zone.Name]*Zone{}, ignore: &patterns{}}
	all := make([]Zone, len(domains)+len(others))
	ix.zones = make([]*Zone, 0, len(domains))
	for i, d := range domains {
		z := &all[i]
		z.Domain, z.ix = d, ix
		ix.zones = append(ix.zones, z)
		ix.add(z, len(domains))
	}
	for i, d := range others {
		z := &all[len(domains)+i]
		z.Domain, z.ix = d, ix
		ix.add(z, len(others))
	}
	return ix
}

func (ix *Index) add(z *Zone, size int) {
	view := ix.views[z.Domain.Tag]
	if view == nil {
		view = make(map[zone.Name]*Zone, size)
		ix.views[z.Domain.Tag] = view
	}
	if _, ok := view[z.Domain.Name]; !ok {
		view[z.Domain.Name] = z
	}
}

// Zones are the zones of the definitions, in their order.
func (ix *Index) Zones() []*Zone { return ix.zones }

// ZoneOf is the zone that holds name in the view that the world has: the most specific one at or above it.
func (ix *Index) ZoneOf(name zone.Name) (*Zone, bool) { return ix.ZoneIn("", name) }

// ZoneIn is the zone that holds name for those who see the view of tag: the most specific one of that tag at or
// above name, else the most specific one of the world's.
func (ix *Index) ZoneIn(tag string, name zone.Name) (*Zone, bool) {
	if z := apexOf(ix.views[tag], name); z != nil {
		return z, true
	}
	if tag == "" {
		return nil, false
	}
	z := apexOf(ix.views[""], name)
	return z, z != nil
}

func apexOf(view map[zone.Name]*Zone, name zone.Name) *Zone {
	if len(view) == 0 {
		return nil
	}
	for n := name; ; n = n.Parent() {
		if z := view[n]; z != nil {
			return z
		}
		if n == zone.Root {
			return nil
		}
	}
}

// Under are the zones of the view of tag whose apex is name or below it, in DNS order. Where the tag has no zone of
// a name, the world's stands.
func (ix *Index) Under(tag string, name zone.Name) []*Zone {
	ix.sorted.Do(func() {
		for _, view := range ix.views {
			for _, z := range view {
				ix.order = append(ix.order, z)
			}
		}
		slices.SortFunc(ix.order, func(a, b *Zone) int {
			if c := compareNames(a.Domain.Name, b.Domain.Name); c != 0 {
				return c
			}
			return strings.Compare(a.Domain.Tag, b.Domain.Tag)
		})
	})
	i, _ := slices.BinarySearchFunc(ix.order, name, func(z *Zone, n zone.Name) int { return compareNames(z.Domain.Name, n) })
	var out []*Zone
	for ; i < len(ix.order) && ix.order[i].Domain.Name.Under(name); i++ {
		z := ix.order[i]
		switch z.Domain.Tag {
		case tag:
			out = append(out, z)
		case "":
			if _, own := ix.views[tag][z.Domain.Name]; !own {
				out = append(out, z)
			}
		}
	}
	return out
}

// A Zone is one definition with its other half, as a set of records. It is safe for concurrent use.
type Zone struct {
	Domain *zone.Domain

	ix     *Index
	once   sync.Once
	recs   []*zone.Record // by owner in DNS order, then type, then as written
	cuts   []zone.Name    // the topmost delegations below the apex, in DNS order
	dname  bool           // there is a DNAME somewhere
	pseudo []zone.Name    // names with addresses that only a provider knows, in DNS order
	ignore []pattern
}

// load sorts the records on the first use of the zone.
func (z *Zone) load() {
	z.once.Do(func() {
		d := z.Domain
		z.recs = make([]*zone.Record, 0, len(d.Records)+len(d.Rest))
		for _, half := range [2][]*zone.Record{d.Records, d.Rest} {
			for _, r := range half {
				if !r.Name.Under(d.Name) {
					continue // whoever serves the zone would not serve it
				}
				z.recs = append(z.recs, r)
				switch r.Type {
				case dns.TypeDNAME:
					z.dname = true
				case dns.TypeNS:
					// NS at a wildcard delegates nothing (RFC 4592 §4.2).
					if r.Name != d.Name && !r.Name.IsWildcard() {
						z.cuts = append(z.cuts, r.Name)
					}
				}
			}
		}
		slices.SortStableFunc(z.recs, func(a, b *zone.Record) int {
			if c := compareNames(a.Name, b.Name); c != 0 {
				return c
			}
			return int(a.Type) - int(b.Type)
		})
		for _, p := range d.RestPseudo {
			if p.Name.Under(d.Name) {
				z.pseudo = append(z.pseudo, p.Name)
			}
		}
		slices.SortFunc(z.pseudo, compareNames)
		slices.SortFunc(z.cuts, compareNames)
		z.cuts = topmost(z.cuts)
		if z.dname {
			z.cuts = slices.DeleteFunc(z.cuts, z.rewritten)
		}
		for _, list := range [2][]zone.IgnoreRecord{d.IgnoreRecords, d.RestIgnores} {
			for _, rec := range list {
				z.ignore = append(z.ignore, z.ix.ignore.compile(rec))
			}
		}
	})
}

// rewritten tells whether a DNAME above name hides what the zone holds there (RFC 6672 §2.4).
func (z *Zone) rewritten(name zone.Name) bool {
	for n := name; n != z.Domain.Name; {
		n = n.Parent()
		if len(ofType(z.at(n), dns.TypeDNAME)) > 0 {
			return true
		}
	}
	return false
}

// topmost drops from sorted names what is equal to another one or below it.
func topmost(names []zone.Name) []zone.Name {
	out := names[:0]
	for _, n := range names {
		if len(out) == 0 || !n.Under(out[len(out)-1]) {
			out = append(out, n)
		}
	}
	return out
}

// Records are all records of the zone, the other half's among them, by owner name in DNS order, then by type.
// The caller must not change the slice.
func (z *Zone) Records() []*zone.Record {
	z.load()
	return z.recs
}

// Names are the owner names in DNS order, parents before children.
func (z *Zone) Names() []zone.Name {
	z.load()
	var out []zone.Name
	for i, r := range z.recs {
		if i == 0 || r.Name != z.recs[i-1].Name {
			out = append(out, r.Name)
		}
	}
	return out
}

// At are the records whose owner is name, by type. The caller must not change the slice.
func (z *Zone) At(name zone.Name) []*zone.Record {
	z.load()
	return z.at(name)
}

func (z *Zone) at(name zone.Name) []*zone.Record {
	i := z.seek(name)
	j := i
	for j < len(z.recs) && z.recs[j].Name == name {
		j++
	}
	return z.recs[i:j:j]
}

// Under are the records at name and below it, by owner in DNS order. The caller must not change the slice.
func (z *Zone) Under(name zone.Name) []*zone.Record {
	z.load()
	i := z.seek(name)
	j := i
	for j < len(z.recs) && z.recs[j].Name.Under(name) {
		j++
	}
	return z.recs[i:j:j]
}

// Set are the records of one type at name: what the definition and the other half say, doubles and all. The
// caller must not change the slice.
func (z *Zone) Set(name zone.Name, qtype uint16) []*zone.Record { return ofType(z.At(name), qtype) }

func ofType(recs []*zone.Record, qtype uint16) []*zone.Record {
	i := 0
	for i < len(recs) && recs[i].Type < qtype {
		i++
	}
	j := i
	for j < len(recs) && recs[j].Type == qtype {
		j++
	}
	return recs[i:j:j]
}

// seek is the position of the first record at name, or where it would stand. Names below it follow.
func (z *Zone) seek(name zone.Name) int {
	i, _ := slices.BinarySearchFunc(z.recs, name, func(r *zone.Record, n zone.Name) int { return compareNames(r.Name, n) })
	return i
}

// exists tells whether the zone has a node at name: records there or below it (RFC 4592 §2.2.2). The apex is
// always there.
func (z *Zone) exists(name zone.Name) bool {
	if name == z.Domain.Name {
		return true
	}
	if i := z.seek(name); i < len(z.recs) && z.recs[i].Name.Under(name) {
		return true
	}
	i, _ := slices.BinarySearchFunc(z.pseudo, name, compareNames)
	return i < len(z.pseudo) && z.pseudo[i].Under(name)
}

// unsaid tells whether name has addresses that only a provider knows: ALIAS and its like.
func (z *Zone) unsaid(name zone.Name) bool {
	_, ok := slices.BinarySearchFunc(z.pseudo, name, compareNames)
	return ok
}

// Cut is the delegation at or above name, if there is one: from there on somebody else answers.
func (z *Zone) Cut(name zone.Name) (zone.Name, bool) {
	z.load()
	// The cuts are trees apart, so the one that holds name is the last that does not stand behind it.
	i, ok := slices.BinarySearchFunc(z.cuts, name, compareNames)
	if !ok {
		i--
	}
	if i >= 0 && name.Under(z.cuts[i]) {
		return z.cuts[i], true
	}
	return "", false
}

// Cuts are the delegations nearest to the apex, in DNS order. The caller must not change the slice.
func (z *Zone) Cuts() []zone.Name {
	z.load()
	return z.cuts
}

// compareNames is zone.Name.Compare without its allocations, for names without escapes.
func compareNames(a, b zone.Name) int {
	if a == b {
		return 0
	}
	if strings.IndexByte(string(a), '\\') >= 0 || strings.IndexByte(string(b), '\\') >= 0 {
		return a.Compare(b)
	}
	i, j := len(a), len(b)
	for i > 0 && j > 0 {
		k := strings.LastIndexByte(string(a[:i]), '.') + 1
		l := strings.LastIndexByte(string(b[:j]), '.') + 1
		if c := strings.Compare(string(a[k:i]), string(b[l:j])); c != 0 {
			return c
		}
		i, j = max(0, k-1), max(0, l-1)
	}
	return i - j
}
