package engine

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"github.com/tripod-dns/tripod/internal/dnscontrol"
	"github.com/tripod-dns/tripod/internal/resolve"
	"github.com/tripod-dns/tripod/internal/zone"
	"github.com/tripod-dns/tripod/planner"
)

// Plan says what changes against a base, what that means for the mail, and what lint finds. Against a git base, findings that the
// base has too are not new.
func (r *Repo) Plan(ctx context.Context, against string) (*planner.Plan, *LintResult, error) {
	return r.PlanAgainst(ctx, BaseOptions{Against: against})
}

// PlanAgainst is Plan with all that a base may need.
func (r *Repo) PlanAgainst(ctx context.Context, o BaseOptions) (*planner.Plan, *LintResult, error) {
	b, err := r.openBase(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	plan, err := r.compare(ctx, b)
	if err != nil {
		return nil, nil, err
	}
	lint, err := r.lint(ctx, r.partial(plan))
	if err != nil {
		return nil, nil, err
	}
	if b.repo != nil && len(lint.Findings) > 0 {
		before, err := b.repo.Lint(ctx)
		if err != nil {
			return nil, nil, err
		}
		lint.markOld(before)
	}
	return plan, lint, nil
}

// markOld takes New from findings that the base has too: the same rule at the same owner name about the same text.
func (r *LintResult) markOld(before *LintResult) {
	type key struct {
		rule, term string
		name       zone.Name
	}
	had := map[key]int{}
	for _, f := range before.Findings {
		had[key{f.Rule, f.Term, f.Name}]++
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		if k := (key{f.Rule, f.Term, f.Name}); had[k] > 0 {
			had[k]--
			f.New = false
		}
	}
}

// compare is the plan against a base: domains in parallel, changes first, then the effects of those that the changes reach.
func (r *Repo) compare(ctx context.Context, b *base) (*planner.Plan, error) {
	domains := append([]*zone.Domain(nil), r.Config.Domains...)
	defined := map[string]bool{}
	for _, d := range domains {
		defined[d.ID()] = true
	}
	var left []string
	if b.repo != nil {
		for _, d := range b.repo.Config.Domains {
			if !defined[d.ID()] {
				// It is defined no more. In extend its records leave the zone; a zone that tripod owned is left as it is.
				if d.Emit == zone.EmitZone {
					left = append(left, d.ID())
					continue
				}
				gone := *d
				gone.Records, gone.Flatten, gone.MTASTS = nil, nil, nil
				domains = append(domains, &gone)
			}
		}
	}
	plans := make([]planner.DomainPlan, len(domains))
	errs := make([]error, len(domains))
	parallel(len(domains), func(i int) {
		d := domains[i]
		plans[i] = planner.DomainPlan{Name: d.Name, Tag: d.Tag}
		if b.repo != nil && sameRecords(d, b.domains[d.ID()]) {
			return
		}
		changes, err := dnscontrol.Diff(b.compared(d), b.records(d.ID()))
		errs[i] = err
		for _, c := range changes {
			if c.Ours || d.Emit != zone.EmitExtend {
				plans[i].Changes = append(plans[i].Changes, c)
			}
		}
	})
	changed := map[zone.Name]bool{}
	var all []planner.Change
	for i := range plans {
		if errs[i] != nil {
			return nil, fmt.Errorf("plan: %w", errs[i])
		}
		if len(plans[i].Changes) > 0 {
			changed[plans[i].Name] = true
			all = append(all, plans[i].Changes...)
		}
	}
	everything := b.repo != nil && !sameLock(r.lock, b.repo.lock)
	reached := r.reached(domains, changed)
	var mu sync.Mutex
	done := 0
	parallel(len(domains), func(i int) {
		d := domains[i]
		if ctx.Err() != nil {
			return
		}
		if everything || len(plans[i].Changes) > 0 || reached[d] {
			after := planner.Side{World: r.world.View(d.Tag), Zone: zoneOf(r.index, d)}
			before := planner.Side{World: b.world.View(d.Tag), Zone: zoneOf(b.index, d)}
			plans[i].Effects = planner.Effects(ctx, before, after)
		}
		if p := r.opts.Progress; p != nil {
			mu.Lock()
			defer mu.Unlock()
			done++
			p("planning", done, len(domains))
		}
	})
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	plan := &planner.Plan{Base: b.Base, Digest: planner.Digest(all)}
	if len(left) > 0 {
		plan.Base.Note = strings.TrimPrefix(plan.Base.Note+"; "+leftAlone(left), "; ")
	}
	for _, p := range plans {
		if len(p.Changes)+len(p.Effects) > 0 {
			plan.Domains = append(plan.Domains, p)
		}
	}
	return plan, nil
}

// leftAlone says what becomes of zones that are defined no more.
func leftAlone(zones []string) string {
	const shown = 5
	names := strings.Join(zones[:min(shown, len(zones))], ", ")
	if more := len(zones) - shown; more > 0 {
		names += fmt.Sprintf(" and %d more", more)
	}
	if len(zones) == 1 {
		return names + " is defined no more: dnscontrol leaves its zone as it is"
	}
	return names + " are defined no more: dnscontrol leaves their zones as they are"
}

// sameRecords tells whether two definitions publish the same, without asking dnscontrol: the common case of a zone that a merge
// does not touch.
func sameRecords(a, b *zone.Domain) bool {
	if b == nil || len(a.Records) != len(b.Records) || len(a.Rest) != len(b.Rest) || a.RestTTL != b.RestTTL || a.Emit != b.Emit {
		return false
	}
	for _, lists := range [][2][]*zone.Record{{a.Records, b.Records}, {a.Rest, b.Rest}} {
		for i, x := range lists[0] {
			y := lists[1][i]
			if x.Name != y.Name || x.Type != y.Type || x.TTL != y.TTL || x.HasTTL != y.HasTTL || x.Data != y.Data || x.Text.String() != y.Text.String() {
				return false
			}
		}
	}
	return true
}

func sameLock(a, b *resolve.Lock) bool {
	if a == nil || b == nil {
		return a == b
	}
	return bytes.Equal(a.Print(), b.Print())
}

// zoneOf is the zone of a definition in an index, nil where it is not there.
func zoneOf(ix *resolve.Index, d *zone.Domain) *resolve.Zone {
	if z, ok := ix.ZoneIn(d.Tag, d.Name); ok && z.Domain.ID() == d.ID() {
		return z
	}
	return nil
}

// parallel calls f for 0 to n-1, on all processors.
func parallel(n int, f func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range min(runtime.GOMAXPROCS(0), n) {
		wg.Go(func() {
			for i := range next {
				f(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}
