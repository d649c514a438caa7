package resolve

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// A Question is what a third party has to be asked.
type Question struct {
	Name zone.Name
	Type uint16
	Data bool // the records are wanted, not only whether there are any
}

// String is the question as the lock file writes it.
func (q Question) String() string { return key{q.Name, q.Type}.String() }

// notes is what all views of a world were asked of third parties.
type notes struct {
	mu    sync.Mutex
	asked map[key]note
}

type note struct{ data, missing, differs bool }

func (n *notes) add(k key, now note) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.asked == nil {
		n.asked = map[key]note{}
	}
	had := n.asked[k]
	n.asked[k] = note{had.data || now.data, had.missing || now.missing, had.differs || now.differs}
}

func (n *notes) questions(keep func(note) bool) []Question {
	n.mu.Lock()
	defer n.mu.Unlock()
	var out []Question
	for k, v := range n.asked {
		if keep(v) {
			out = append(out, Question{k.name, k.qtype, v.data})
		}
	}
	slices.SortFunc(out, func(a, b Question) int {
		if c := cmp.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return cmp.Compare(a.Type, b.Type)
	})
	return out
}

// Needed are the questions that third parties were asked so far, in this and every other view: what a lock file has
// to answer.
func (w *World) Needed() []Question { return w.notes.questions(func(note) bool { return true }) }

// Missing are those of them that nobody answered, because the lock file lacks them and live DNS was not to be asked.
func (w *World) Missing() []Question {
	return w.notes.questions(func(n note) bool { return n.missing })
}

// Differing are those of them that live DNS answered otherwise than the lock file, where both were asked.
func (w *World) Differing() []Question {
	return w.notes.questions(func(n note) bool { return n.differs })
}

// differs tells whether a live answer contradicts the lock file. What failed, or is not in the file, does not.
func (w *World) differs(k key, data bool, live step) bool {
	if live.link == nil && !live.status.Known() {
		return false
	}
	old, ok := w.lock.answer(k.name, k.qtype, data)
	if !ok || old.link == nil && !old.status.Known() {
		return false
	}
	switch {
	case old.link != nil || live.link != nil:
		return old.link == nil || live.link == nil || old.link.Target != live.link.Target
	case old.status != live.status:
		return true
	case !data:
		return false
	}
	return !slices.EqualFunc(old.records, live.records, func(a, b *zone.Record) bool { return a.RData() == b.RData() })
}

// third asks a third party about one name.
func (w *World) third(ctx context.Context, name zone.Name, qtype uint16, data bool) step {
	k := key{name, qtype}
	var (
		s       step
		ok      bool
		differs bool
	)
	switch w.mode {
	case LockFirst:
		if s, ok = w.lock.answer(name, qtype, data); !ok && w.live != nil {
			s, ok = w.live.ask(ctx, k), true
		}
	case LiveOnly:
		if w.live != nil {
			s, ok = w.live.ask(ctx, k), true
			differs = w.differs(k, data, s)
		}
	case LiveThenLock:
		if w.live != nil {
			s, ok = w.live.ask(ctx, k), true
			differs = w.differs(k, data, s)
		}
		if !ok || s.status == zone.Failed {
			if old, had := w.lock.answer(name, qtype, data); had {
				s, ok = old, true
			}
		}
	}
	if !ok {
		s = step{status: zone.Unknown, why: fmt.Sprintf("%s %s is not in the lock file", name, zone.TypeName(qtype))}
	}
	w.notes.add(k, note{data, !ok, differs})
	if !data {
		// Both families are kept: else the answer of one would decide whether the lock file needs the other.
		switch qtype {
		case dns.TypeA:
			w.notes.add(key{name, dns.TypeAAAA}, note{})
		case dns.TypeAAAA:
			w.notes.add(key{name, dns.TypeA}, note{})
		}
	}
	return s
}

// DomainExists tells whether a domain exists, whatever stands there: its status is Found or NoData then. What the lock file has of any
// name in it will do; where there is nothing, its name servers are asked for.
func (w *World) DomainExists(ctx context.Context, domain zone.Name) zone.Answer {
	if k, ok := w.lock.evidence(domain); ok {
		// Asked again, so that the answer stays in the lock file, and is not believed when live DNS says otherwise.
		if a := w.Exists(ctx, k.name, k.qtype); a.Status == zone.Found || a.Status == zone.NoData {
			return zone.Answer{Status: zone.NoData, Owner: domain}
		}
	}
	return w.Exists(ctx, domain, dns.TypeNS)
}

// Prefetch asks live DNS, as much at once as it may, what the lock file has answers to: a run that asks mostly the
// same then finds them at hand. It does nothing where the lock file goes first. What it asks does not count as needed.
func (w *World) Prefetch(ctx context.Context) {
	if w.live == nil || w.mode == LockFirst {
		return
	}
	var qs []Question
	for k := range w.lock.answers {
		if k.qtype != dns.TypeCNAME {
			qs = append(qs, Question{Name: k.name, Type: k.qtype})
			continue
		}
		// A CNAME was met by asking for what stands at the end of its chain.
		at := k.name
		for range maxChain {
			link := w.lock.cname(at)
			if link == nil {
				break
			}
			at = link.Target
			for _, e := range w.lock.names[at] {
				if e.qtype != dns.TypeCNAME && len(qs) < maxLockItems {
					qs = append(qs, Question{Name: k.name, Type: e.qtype})
				}
			}
		}
	}
	w.live.askAll(ctx, slices.DeleteFunc(qs, func(q Question) bool {
		_, own := w.here(q.Name, q.Type, false)
		return own
	}))
}
