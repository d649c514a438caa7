package resolve

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// A Refreshed is a new lock file and how it came to be. The lists are in the order of the file.
type Refreshed struct {
	Lock    *Lock
	Changed []Question // new, or answered otherwise than before
	Dropped []Question // no longer needed
	Failed  []Failure  // not answered: what the old file said stays
}

// A Failure is a question that live DNS did not answer.
type Failure struct {
	Question
	Why  string
	Kept bool // the old file had an answer
}

// Refresh asks live DNS all that is needed and makes a new lock file of it: World.Needed of a run over a world
// whose mode is LiveThenLock is complete. CNAMEs are followed where they lead to third parties. Ix tells who is
// one. What is not needed is dropped; a question that fails keeps its old answer.
//
// Taken moves to the day of now when an answer is new or another one, or when half of maxAge (lock_max_age) has
// passed and something was answered; else the file of an unchanged world stays as it is, byte for byte.
//
// The only error is that ctx ended.
func (l *Lock) Refresh(ctx context.Context, c *Client, ix *Index, needed []Question, now time.Time, maxAge time.Duration) (Refreshed, error) {
	r := refresh{old: l, ix: ix, out: &Lock{Taken: l.Taken}, asked: map[key]bool{}}
	var pending []Question
	for _, q := range needed {
		if k := (key{q.Name, q.Type}); !r.asked[k] {
			r.asked[k] = true
			pending = append(pending, q)
		}
	}
	for len(pending) > 0 {
		pending = r.round(c.askAll(ctx, pending), pending)
		if ctx.Err() != nil {
			return Refreshed{}, fmt.Errorf("refresh the lock file: %w", context.Cause(ctx))
		}
	}
	return r.finish(now, maxAge), nil
}

// askAll asks as much at once as a client does.
func (c *Client) askAll(ctx context.Context, qs []Question) []step {
	out := make([]step, len(qs))
	next := make(chan int)
	var wg sync.WaitGroup
	for range min(maxUnderWay, len(qs)) {
		wg.Go(func() {
			for i := range next {
				out[i] = c.ask(ctx, key{qs[i].Name, qs[i].Type})
			}
		})
	}
	for i := range qs {
		next <- i
	}
	close(next)
	wg.Wait()
	return out
}

type refresh struct {
	old      *Lock
	ix       *Index
	out      *Lock
	asked    map[key]bool
	failed   []Failure
	answered bool
}

// round takes in the answers and gives the questions that CNAMEs lead to.
func (r *refresh) round(answers []step, qs []Question) (more []Question) {
	for i, s := range answers {
		q := qs[i]
		if s.link == nil && s.status == zone.Failed {
			s = r.keepOld(q, s.why)
		} else {
			r.answered = true
			r.add(fromStep(q, s))
		}
		if s.link == nil {
			continue
		}
		// Needed knows of every name that was left to others in a zone of the repository; the rest is answered there.
		next := Question{s.link.Target, q.Type, q.Data}
		if _, own := r.ix.ZoneOf(next.Name); own {
			continue
		}
		if k := (key{next.Name, next.Type}); next.Name != zone.Root && next.Name.Check() == nil && !r.asked[k] {
			r.asked[k] = true
			more = append(more, next)
		}
	}
	return more
}

// keepOld keeps what the old file says, but for rcodes that are no answers.
func (r *refresh) keepOld(q Question, why string) (s step) {
	f := Failure{Question: q, Why: why}
	if old, ok := r.old.answer(q.Name, q.Type, false); ok && (old.link != nil || old.status.Known()) {
		f.Kept = true
		s = old
		if e := r.old.answers[key{q.Name, q.Type}]; e != nil && s.link == nil {
			mine := *e // the old file is not changed
			r.add(&mine)
		} else {
			r.add(fromStep(q, s))
		}
	}
	r.failed = append(r.failed, f)
	return s
}

// add enters an answer. Of two, as where a CNAME was met on the way to two types, the first stays; one with data
// replaces one without.
func (r *refresh) add(e *entry) {
	if had := r.out.answers[e.key]; had == nil {
		r.out.put(e)
	} else if had.kind == exists && e.kind == haveData {
		*had = *e
	}
}

func fromStep(q Question, s step) *entry {
	k := key{q.Name, q.Type}
	switch {
	case s.link != nil:
		return &entry{key: key{q.Name, dns.TypeCNAME}, kind: haveData, records: []*zone.Record{s.link}}
	case s.status == zone.NXDomain:
		return &entry{key: k, kind: rcode, rcode: dns.RcodeToString[dns.RcodeNameError]}
	case s.status == zone.Found && !q.Data:
		return &entry{key: k, kind: exists}
	case s.status == zone.NoData && !q.Data:
		return &entry{key: k, kind: notExists}
	}
	return &entry{key: k, kind: haveData, records: s.records}
}

func (e *entry) question() Question { return Question{e.name, e.qtype, e.kind == haveData} }

func (r *refresh) finish(now time.Time, maxAge time.Duration) Refreshed {
	out := Refreshed{Lock: r.out, Failed: r.failed}
	for k, e := range r.out.answers {
		if old := r.old.answers[k]; old == nil || !sameAnswer(old, e) {
			out.Changed = append(out.Changed, e.question())
		}
	}
	for k, e := range r.old.answers {
		if r.out.answers[k] == nil {
			out.Dropped = append(out.Dropped, e.question())
		}
	}
	order := func(a, b Question) int { return strings.Compare(a.String(), b.String()) }
	slices.SortFunc(out.Changed, order)
	slices.SortFunc(out.Dropped, order)
	slices.SortFunc(out.Failed, func(a, b Failure) int { return order(a.Question, b.Question) })
	if len(out.Changed) > 0 || r.old.Taken.IsZero() || r.answered && 2*now.Sub(r.old.Taken) >= maxAge {
		y, m, d := now.UTC().Date()
		r.out.Taken = time.Date(y, m, d, 0, 0, 0, 0, time.UTC)
	}
	return out
}

func sameAnswer(a, b *entry) bool {
	var x, y bytes.Buffer
	a.print(&x)
	b.print(&y)
	return bytes.Equal(x.Bytes(), y.Bytes())
}
