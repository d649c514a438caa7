package rules

import (
	"cmp"
	"context"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tripod-dns/tripod/internal/resolve"
	"github.com/tripod-dns/tripod/internal/zone"
)

// Input is what a run looks at. Nothing of it is changed.
type Input struct {
	Rules    []*Rule
	Domains  []*zone.Domain
	World    *resolve.World
	Now      time.Time
	Settings Settings
	// Workers is how many domains are checked at a time; 0 stands for one a processor. Runs that ask live DNS want more.
	Workers int
	// Progress is called after each domain with the number done, if it is set; from several goroutines.
	Progress func(done int)
}

// Result is what a run found. Findings come in the order of the domains, then of the rules.
type Result struct {
	Findings   []Finding
	NotChecked []NotChecked
	Missing    []Missing
}

// NotChecked says that rules could not be checked for a domain, and why.
type NotChecked struct {
	Domain zone.Name
	Rules  []string
	Reason string
}

// Missing is an answer that a rule needed and that was not at hand.
type Missing struct {
	Rule     string
	Severity Severity
	Domain   zone.Name
	Name     zone.Name
	Type     uint16
	Failed   bool // it was asked for, and failed
	Why      string
	At       zone.Span
}

type notChecked struct{ rule, reason string }

// run is shared by all passes of a run.
type run struct {
	ctx     context.Context
	in      *Input
	domains map[*zone.Domain]*domainRun
	cache   cache
}

// domainRun is shared by all passes over one domain, which run one after the other.
type domainRun struct {
	domain     *zone.Domain
	zone       *resolve.Zone
	world      *resolve.World
	findings   []Finding
	missing    []Missing
	notChecked []notChecked
	views      views
}

// Run checks every domain by every rule that the settings leave on: domains in parallel, then the fleet rules. It ends
// early, with what it has, when ctx does.
func Run(ctx context.Context, in Input) Result {
	r := &run{ctx: ctx, in: &in, domains: make(map[*zone.Domain]*domainRun, len(in.Domains))}
	runs := make([]domainRun, len(in.Domains))
	for i, d := range in.Domains {
		runs[i] = domainRun{domain: d, world: in.World.View(d.Tag)}
		runs[i].zone = runs[i].world.Zone(d)
		r.domains[d] = &runs[i]
	}

	var on, fleet []*Rule
	for _, rule := range in.Rules {
		switch {
		case in.Settings.Severity[rule.ID] == Off:
		case rule.Domain != nil:
			on = append(on, rule)
		case rule.Fleet != nil:
			fleet = append(fleet, rule)
		}
	}

	workers := in.Workers
	if workers <= 0 {
		workers = runtime.GOMAXPROCS(0)
	}
	var next, done atomic.Int64
	var wg sync.WaitGroup
	for range min(workers, len(runs)) {
		wg.Go(func() {
			for ctx.Err() == nil {
				i := int(next.Add(1)) - 1
				if i >= len(runs) {
					return
				}
				dom := &runs[i]
				p := &Pass{Domain: dom.domain, Zone: dom.zone, Now: in.Now, dom: dom, run: r}
				for _, p.rule = range on {
					p.rule.Domain(p)
				}
				// What the fleet rules want of them is made again: those of all domains would take more than the domains do.
				dom.views = views{}
				if in.Progress != nil {
					in.Progress(int(done.Add(1)))
				}
			}
		})
	}
	wg.Wait()

	var out Result
	for _, rule := range fleet {
		if ctx.Err() != nil {
			break
		}
		p := &FleetPass{Now: in.Now, rule: rule, run: r}
		rule.Fleet(p)
		out.Findings = append(out.Findings, p.out...)
	}
	for i := range runs {
		out.Findings = append(out.Findings, runs[i].findings...)
		out.Missing = append(out.Missing, runs[i].missing...)
		out.NotChecked = append(out.NotChecked, runs[i].notCheckedByReason()...)
	}
	for i := range out.Findings {
		f := &out.Findings[i]
		if s := in.Settings.Severity[f.Rule]; s != Default {
			f.Severity = s
		}
	}
	return out
}

// notCheckedByReason groups what was not checked: one entry a reason, rules sorted.
func (d *domainRun) notCheckedByReason() []NotChecked {
	for _, m := range d.missing {
		reason := m.Why
		if z, ok := d.world.ZoneOf(m.Name); ok && z.Domain.Emit == zone.EmitExtend && !z.Domain.RestKnown && z.Domain.RestWhy != "" {
			reason = z.Domain.RestWhy // it may stand there
		}
		if reason == "" {
			reason = m.Name.String() + " " + zone.TypeName(m.Type) + " is not known"
		}
		d.notChecked = append(d.notChecked, notChecked{m.Rule, reason})
	}
	if len(d.notChecked) == 0 {
		return nil
	}
	slices.SortFunc(d.notChecked, func(a, b notChecked) int {
		return cmp.Or(cmp.Compare(a.reason, b.reason), cmp.Compare(a.rule, b.rule))
	})
	var out []NotChecked
	for _, n := range slices.Compact(d.notChecked) {
		if len(out) == 0 || out[len(out)-1].Reason != n.reason {
			out = append(out, NotChecked{Domain: d.domain.Name, Reason: n.reason})
		}
		last := &out[len(out)-1]
		last.Rules = append(last.Rules, n.rule)
	}
	return out
}
