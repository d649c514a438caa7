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

type note struct{ data, missing bool }

func (n *notes) add(k key, data, missing bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.asked == nil {
		n.asked = map[key]note{}
	}
	had := n.asked[k]
	n.asked[k] = note{had.data || data, had.missing || missing}
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

// third asks a third party about one name.
func (w *World) third(ctx context.Context, name zone.Name, qtype uint16, data bool) step {
	k := key{name, qtype}
	s, ok := step{}, false
	switch w.mode {
	case LockFirst:
		if s, ok = w.lock.answer(name, qtype, data); !ok && w.live != nil {
			s, ok = w.live.ask(ctx, k), true
		}
	case LiveOnly:
		if w.live != nil {
			s, ok = w.live.ask(ctx, k), true
		}
	case LiveThenLock:
		if w.live != nil {
			s, ok = w.live.ask(ctx, k), true
		}
		if !ok || s.status == zone.Failed {
			if old, had := w.lock.answer(name, qtype, data); had {
				s, ok = old, true
			}
		}
	}
	if !ok {
		s = step{status: zone.Unknown, why: fmt.Sprintf("%s is not in the lock file", k)}
	}
	w.notes.add(k, data, !ok)
	if !data {
		// Both families are kept: else the answer of one would decide whether the lock file needs the other.
		switch qtype {
		case dns.TypeA:
			w.notes.add(key{name, dns.TypeAAAA}, false, false)
		case dns.TypeAAAA:
			w.notes.add(key{name, dns.TypeA}, false, false)
		}
	}
	return s
}
