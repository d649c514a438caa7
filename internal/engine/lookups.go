package engine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"

	"github.com/google/renameio/v2"

	"github.com/tripod-dns/tripod/internal/resolve"
	"github.com/tripod-dns/tripod/internal/spf"
	"github.com/tripod-dns/tripod/internal/zone"
	"github.com/tripod-dns/tripod/planner"
)

// SPFTree is the include tree of a name, which need not be in the repository. A name that is needed and not at hand is an error.
func (r *Repo) SPFTree(ctx context.Context, name zone.Name) (*spf.Tree, error) {
	t := spf.WalkTree(ctx, r.world, name)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return t, r.notAtHand(t.Missing)
}

// SPFCheck is one evaluation of check_host() (RFC 7208 §4). A name that is needed and not at hand is an error.
func (r *Repo) SPFCheck(ctx context.Context, domain string, ip netip.Addr, mailFrom, helo string) (spf.Result, error) {
	res := spf.Check(ctx, r.world, spf.Query{IP: ip, Domain: domain, MailFrom: mailFrom, HELO: helo, Now: r.opts.Now})
	if err := ctx.Err(); err != nil {
		return res, err
	}
	return res, r.notAtHand(res.Missing)
}

// notAtHand is the error for names that offline nobody can answer for. A name that was asked and failed is none: receivers would
// say temperror.
func (r *Repo) notAtHand(missing []spf.Question) error {
	if r.live != nil || len(missing) == 0 {
		return nil
	}
	var names []string
	for _, q := range missing {
		names = append(names, q.String())
	}
	slices.Sort(names)
	names = slices.Compact(names)
	return fmt.Errorf("not in %s: %s: run without --offline, or tripod lock", LockFile, strings.Join(names, ", "))
}

// RefreshLock asks live DNS what lint and plan need of third parties and writes the lock file anew where that changes it.
func (r *Repo) RefreshLock(ctx context.Context) (*resolve.Refreshed, error) {
	if r.live == nil {
		return nil, errors.New("lock asks live DNS: leave --offline out")
	}
	if _, err := r.Lint(ctx); err != nil {
		return nil, err
	}
	// What the effects of a plan ask beyond the rules: who may send, by every SPF record.
	empty, err := r.emptyBase()
	if err != nil {
		return nil, err
	}
	parallel(len(r.Config.Domains), func(i int) {
		d := r.Config.Domains[i]
		planner.Effects(ctx, planner.Side{World: empty.world, Zone: zoneOf(empty.index, d)},
			planner.Side{World: r.world.View(d.Tag), Zone: zoneOf(r.index, d)})
	})
	old := r.lock
	if old == nil {
		old = &resolve.Lock{}
	}
	out, err := old.Refresh(ctx, r.live, r.index, r.world.Needed(), r.opts.Now, r.Config.Settings.Resolver.LockMaxAge)
	if err != nil {
		return nil, err
	}
	text := out.Lock.Print()
	path := r.child(LockFile)
	if had, err := os.ReadFile(path); err == nil && string(had) == string(text) { //nolint:gosec // at the root of the repository
		return &out, nil
	}
	if err := renameio.WriteFile(path, text, 0o644); err != nil { //nolint:gosec // it is committed, and no secret
		return nil, fmt.Errorf("write %s: %w", LockFile, err)
	}
	return &out, nil
}
