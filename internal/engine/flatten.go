package engine

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"go4.org/netipx"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/spf"
	"github.com/tripod-dns/tripod/internal/zone"
)

// flatten turns the terms of flatten lists into the ranges that are published in their place. It has to be done before the
// zones are frozen for good. A term whose addresses cannot be told is refused, at the term.
func (r *Repo) flatten(ctx context.Context) (done bool, err error) {
	var lists []*zone.Flatten
	var owners []*zone.Domain
	for _, d := range r.Config.Domains {
		for _, f := range d.Flatten {
			lists, owners = append(lists, f), append(owners, d)
		}
	}
	if len(lists) == 0 {
		return false, nil
	}
	// Targets in the repository that are flattened themselves come out of their own terms here too, not out of ranges.
	world := r.world
	var bad config.Diagnostics
	ranges := make([][]netip.Prefix, len(lists))
	for i, f := range lists {
		var b netipx.IPSetBuilder
		for _, t := range f.Terms {
			set := spf.SendersOf(ctx, world.View(owners[i].Tag), f.Owner, spf.Parse("v=spf1 "+t.String()), false)
			if why := cannotFlatten(set); why != "" {
				at := t.Whole()
				bad = append(bad, config.Diagnostic{
					Position: r.Config.Files.Position(at), Span: at,
					Message: fmt.Sprintf("%s cannot be flattened: %s", t, why), Help: flattenHelp(set),
				})
			}
			if set.IPs != nil {
				b.AddSet(set.IPs)
			}
		}
		set, err := b.IPSet()
		if err != nil {
			return false, fmt.Errorf("flatten %s: %w", f.Owner, err)
		}
		ranges[i] = set.Prefixes()
	}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if len(bad) > 0 {
		return false, &Unloadable{Files: r.Config.Files, Diagnostics: bad}
	}
	for i, f := range lists {
		if err := r.Config.Flatten(f, ranges[i]); err != nil {
			return false, &Unloadable{Files: r.Config.Files, Diagnostics: config.Diagnostics{{
				Position: r.Config.Files.Position(f.At), Span: f.At, Message: err.Error(),
			}}}
		}
	}
	return true, nil
}

func cannotFlatten(s *spf.Set) string {
	if len(s.Missing) > 0 {
		var names []string
		for _, q := range s.Missing {
			names = append(names, q.String())
		}
		slices.Sort(names)
		return strings.Join(slices.Compact(names), ", ") + " is not known"
	}
	for _, t := range s.Inexact {
		return fmt.Sprintf("%s in %s: %s", t.Term.Text, t.Name, t.Why)
	}
	return ""
}

func flattenHelp(s *spf.Set) string {
	if len(s.Missing) > 0 {
		return "run tripod lock, and commit what it writes"
	}
	return "leave the term in terms: receivers evaluate it, message by message"
}
