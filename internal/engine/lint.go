package engine

import (
	"cmp"
	"context"
	"slices"
	"sync"

	"github.com/tripod-dns/tripod/internal/resolve"
	"github.com/tripod-dns/tripod/rules"
)

// Lint checks everything that the definitions would publish.
func (r *Repo) Lint(ctx context.Context) (*LintResult, error) { return r.lint(ctx, nil) }

// lint is Lint with what a plan found out about zones.
func (r *Repo) lint(ctx context.Context, partial []rules.Finding) (*LintResult, error) {
	settings, problems := r.settings()
	in := rules.Input{
		Rules: rules.All(), Domains: r.Config.Domains, World: r.world, Now: r.opts.Now, Settings: settings,
	}
	if r.live != nil {
		if r.mode == resolve.LiveOnly || r.mode == resolve.LiveThenLock {
			r.world.Prefetch(ctx)
		}
		in.Workers = 32 // most of the time is spent waiting for answers
	}
	if p := r.opts.Progress; p != nil {
		var mu sync.Mutex
		what, total, done := ProgressLint, len(r.Config.Domains), 0
		if r.live != nil {
			what = ProgressLookups
		}
		in.Progress = func(int) {
			mu.Lock()
			defer mu.Unlock()
			done++
			p(what, done, total)
		}
	}
	found := rules.Run(ctx, in)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	all := slices.Concat(problems, found.Findings)
	more, err := r.runFindings(settings, found.Missing, partial)
	if err != nil {
		return nil, err
	}
	all = append(all, more...)
	kept, suppressed := r.suppress(settings, all, found.NotChecked)

	res := &LintResult{
		Findings: locate(r.Config.Files, kept), NotChecked: r.notChecked(found.NotChecked), Domains: len(r.Config.Domains),
	}
	for _, d := range r.Config.Domains {
		res.Records += len(d.Records)
	}
	res.count(suppressed)
	return res, nil
}

func (r *LintResult) count(suppressed int) {
	r.Counts = Counts{Suppressed: suppressed}
	for _, f := range r.Findings {
		switch f.Severity {
		case rules.Error:
			r.Counts.Error++
		case rules.Warning:
			r.Counts.Warning++
		default:
			r.Counts.Info++
		}
	}
}

// notChecked puts what was not checked in the order of names; one entry a domain, all its views together, and reason.
func (r *Repo) notChecked(list []rules.NotChecked) []rules.NotChecked {
	slices.SortStableFunc(list, func(a, b rules.NotChecked) int {
		return cmp.Or(a.Domain.Compare(b.Domain), cmp.Compare(a.Reason, b.Reason))
	})
	out := list[:0]
	for _, n := range list {
		if last := len(out) - 1; last >= 0 && out[last].Domain == n.Domain && out[last].Reason == n.Reason {
			ids := slices.Concat(out[last].Rules, n.Rules)
			slices.Sort(ids)
			out[last].Rules = slices.Compact(ids)
			continue
		}
		out = append(out, n)
	}
	return out
}

// FailOn is the severity at which a lint fails, as configured.
func (r *Repo) FailOn() rules.Severity {
	s := r.Config.Settings.Lint.FailOn
	if s == "never" {
		return rules.Error + 1
	}
	sev, err := rules.ParseSeverity(s)
	if err != nil {
		return rules.Error // the loader lets no other word through
	}
	return sev
}
