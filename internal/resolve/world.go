package resolve

import (
	"context"
	"fmt"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// maxChain is the number of CNAMEs that are followed, those made from a DNAME among them. Resolvers have such a
// limit each, most near this one.
const maxChain = 10

// A Mode says in what order a third party's answers are looked for.
type Mode uint8

// The modes. What is not at hand is unknown, what live DNS fails to say is failed.
const (
	LockFirst    Mode = iota // the lock file, then live DNS for what it lacks
	LiveOnly                 // live DNS alone (--refresh)
	LiveThenLock             // live DNS, and what the lock file says where that fails (tripod lock)
)

// A World answers what names resolve to after the merge. It implements zone.Lookup and is safe for concurrent use.
type World struct {
	ix    *Index
	lock  *Lock
	live  *Client
	mode  Mode
	tag   string
	notes *notes
}

// NewWorld joins an index with a third party's answers. Lock may be nil (nothing is recorded yet), live too
// (offline).
func NewWorld(ix *Index, lock *Lock, live *Client, mode Mode) *World {
	if lock == nil {
		lock = &Lock{}
	}
	return &World{ix: ix, lock: lock, live: live, mode: mode, notes: &notes{}}
}

// View is the world as those see it who are served the zones of tag: split horizon. "" is the view that the world
// has. All views share what was noted.
func (w *World) View(tag string) *World {
	if tag == w.tag {
		return w
	}
	v := *w
	v.tag = tag
	return &v
}

// With is the world of another index with the same third parties: their answers, and what was noted of them.
func (w *World) With(ix *Index) *World {
	v := *w
	v.ix = ix
	return &v
}

// Index is the index of the repository's zones.
func (w *World) Index() *Index { return w.ix }

// ZoneOf is the zone of the repository that holds name, in this view.
func (w *World) ZoneOf(name zone.Name) (*Zone, bool) { return w.ix.ZoneIn(w.tag, name) }

// Zone is the zone of a definition.
func (w *World) Zone(d *zone.Domain) *Zone {
	if z := w.ix.views[d.Tag][d.Name]; z != nil && z.Domain == d {
		return z
	}
	for _, z := range w.ix.zones {
		if z.Domain == d {
			return z
		}
	}
	return &Zone{Domain: d, ix: w.ix}
}

// Lookup implements zone.Lookup: the records of a type at name, at the end of the CNAME chain. A chain that is
// longer than maxChain or leads back to itself has the status Failed, with the links in Chain.
func (w *World) Lookup(ctx context.Context, name zone.Name, qtype uint16) zone.Answer {
	return w.resolve(ctx, name, qtype, true)
}

// Exists implements zone.Lookup: whether there are records of the type. From a third party no data is needed, so
// that the lock file keeps none. An address is always asked for in both families.
func (w *World) Exists(ctx context.Context, name zone.Name, qtype uint16) zone.Answer {
	return w.resolve(ctx, name, qtype, false)
}

func (w *World) resolve(ctx context.Context, name zone.Name, qtype uint16, data bool) zone.Answer {
	if name.Check() != nil || (name == zone.Root && qtype != dns.TypeNS) {
		// Nobody can ask for such a name, so there is none.
		return zone.Answer{Status: zone.NXDomain, Owner: name, Why: fmt.Sprintf("%q cannot be asked for", name)}
	}
	var (
		chain    []*zone.Record
		wildcard zone.Name
	)
	for at := name; ; {
		s := w.step(ctx, at, qtype, data)
		if wildcard == "" {
			wildcard = s.wildcard
		}
		if s.link == nil {
			return zone.Answer{Status: s.status, Records: s.records, Chain: chain, Owner: at, Wildcard: wildcard, Why: s.why}
		}
		chain = append(chain, s.link)
		at = s.link.Target
		if why := endless(name, chain); why != "" {
			return zone.Answer{Status: zone.Failed, Chain: chain, Owner: at, Wildcard: wildcard, Why: why}
		}
	}
}

// endless says why a chain is not followed further.
func endless(name zone.Name, chain []*zone.Record) string {
	last := chain[len(chain)-1].Target
	if last == name {
		return fmt.Sprintf("the CNAMEs of %s lead back to it", name)
	}
	for _, r := range chain[:len(chain)-1] {
		if r.Target == last {
			return fmt.Sprintf("the CNAMEs of %s lead in a circle at %s", name, last)
		}
	}
	if len(chain) > maxChain {
		return fmt.Sprintf("%s leads to more than %d CNAMEs", name, maxChain)
	}
	return ""
}

// A step is what one name answers: records, or the link to the next name.
type step struct {
	status   zone.Status
	records  []*zone.Record
	link     *zone.Record
	wildcard zone.Name
	why      string
}

func (w *World) step(ctx context.Context, name zone.Name, qtype uint16, data bool) step {
	if s, own := w.here(name, qtype, data); own {
		return s
	}
	return w.third(ctx, name, qtype, data)
}

// here is what the repository says of name, or own == false where that is for a third party to say.
func (w *World) here(name zone.Name, qtype uint16, data bool) (s step, own bool) {
	at := name
	if qtype == dns.TypeDS {
		at = name.Parent() // DS stands on the upper side of the cut (RFC 4035 §2.4)
	}
	z, ok := w.ix.ZoneIn(w.tag, at)
	if !ok {
		return step{}, false
	}
	return z.answer(name, qtype, data)
}

// answer is what the zone says of name, or own == false where that is for a third party to say.
func (z *Zone) answer(name zone.Name, qtype uint16, data bool) (s step, own bool) {
	z.load()
	apex := z.Domain.Name
	if cut, ok := z.Cut(name); ok && (qtype != dns.TypeDS || name != cut) {
		return step{}, false
	}
	if z.dname {
		if s, ok := z.rewrite(name); ok {
			if qtype == dns.TypeCNAME && s.link != nil {
				s = step{status: zone.Found, records: []*zone.Record{s.link}}
			}
			return s, true
		}
	}
	var nx bool
	if recs := z.At(name); len(recs) > 0 || z.unsaid(name) {
		if s, ok := z.pick(name, recs, qtype); ok {
			return s, true
		}
	} else if !z.exists(name) {
		nx = true
		if z.halfMissing() != "" {
			return step{}, false // it may stand in the other half, and no wildcard answers for a name that exists
		}
		// RFC 4592 §3.3.1: the wildcard below the closest encloser, and no other one.
		encloser := name.Parent()
		for !z.exists(encloser) {
			encloser = encloser.Parent()
		}
		wild := encloser.Child("*")
		if recs := z.At(wild); len(recs) > 0 || z.unsaid(wild) {
			if s, ok := z.pick(wild, recs, qtype); ok {
				s.wildcard = wild
				return s, true
			}
			nx = false
			s.wildcard = wild
		} else if z.exists(wild) {
			nx = false
			s.wildcard = wild
		}
	}
	if z.halfMissing() != "" || z.left(name, qtype) != "" || (nx && z.leftAny(name) != "") {
		return step{}, false
	}
	if name == apex && (qtype == dns.TypeNS || qtype == dns.TypeSOA) {
		// Every zone has these, whether they are written down or come from the provider.
		if !data {
			return step{status: zone.Found}, true
		}
		return step{status: zone.Unknown, why: fmt.Sprintf("the %s of %s comes from its DNS provider", zone.TypeName(qtype), apex)}, true
	}
	s.status = zone.NoData
	if nx {
		s.status = zone.NXDomain
	}
	return s, true
}

// pick chooses among the records of one node: its CNAME, else the set of the type (RFC 1034 §4.3.2).
func (z *Zone) pick(node zone.Name, recs []*zone.Record, qtype uint16) (s step, ok bool) {
	if qtype != dns.TypeCNAME {
		if c := ofType(recs, dns.TypeCNAME); len(c) > 0 {
			return step{link: c[0]}, true
		}
	}
	if set := ofType(recs, qtype); len(set) > 0 {
		return step{status: zone.Found, records: distinct(set)}, true
	}
	if qtype == dns.TypeA || qtype == dns.TypeAAAA {
		if z.unsaid(node) {
			return step{status: zone.Unknown, why: fmt.Sprintf("only the DNS provider knows the addresses of %s", node)}, true
		}
	}
	return step{}, false
}

// distinct leaves out doubles, which no name server serves (RFC 2181 §5).
func distinct(set []*zone.Record) []*zone.Record {
	if len(set) < 2 {
		return set
	}
	seen := make(map[string]bool, len(set))
	for i, r := range set {
		key := r.RData()
		if !seen[key] {
			seen[key] = true
			continue
		}
		out := set[:i:i]
		for _, r := range set[i+1:] {
			if key := r.RData(); !seen[key] {
				seen[key] = true
				out = append(out, r)
			}
		}
		return out
	}
	return set
}

// rewrite is the CNAME that the DNAME nearest to the apex above name makes (RFC 6672 §3.3).
func (z *Zone) rewrite(name zone.Name) (s step, ok bool) {
	var d *zone.Record
	for n := name; n != z.Domain.Name; {
		n = n.Parent()
		if set := z.Set(n, dns.TypeDNAME); len(set) > 0 {
			d = set[0]
		}
	}
	if d == nil {
		return step{}, false
	}
	target := zone.Name(name.Relative(d.Name))
	if d.Target != zone.Root {
		target += "." + d.Target
	}
	if err := target.Check(); err != nil {
		// YXDOMAIN (RFC 6672 §2.2).
		return step{status: zone.Failed, why: fmt.Sprintf("the DNAME at %s makes %s too long a name: %v", d.Name, name, err)}, true
	}
	return step{link: &zone.Record{
		Name: name, Type: dns.TypeCNAME, TTL: d.TTL, HasTTL: d.HasTTL, Origin: d.Origin, Data: target.FQDN(), Target: target,
		At: d.At, NameAt: d.NameAt, TTLAt: d.TTLAt, Block: d.Block,
	}}, true
}
