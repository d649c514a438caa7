package engine

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/tripod-dns/tripod/internal/dnscontrol"
	"github.com/tripod-dns/tripod/internal/zone"
)

// readRest fills in the other half of extend zones, the part of each that dnsconfig.js says. Where it cannot be had, the zones know
// why, and rules that conclude from absence are not checked.
func (r *Repo) readRest(ctx context.Context) error {
	dc := r.Config.Settings.DNSControl
	if dc.Emit != zone.EmitExtend {
		if r.opts.Rest != "" && r.opts.Source == nil {
			return errors.New(`--rest is the other half of zones with emit = "extend", and tripod.hcl has none`)
		}
		return nil
	}
	why := r.opts.NoRest
	if why == "" && r.Root == "" && r.opts.restDir == "" && r.opts.Rest == "" {
		why = "the definitions are not on disk, so " + dc.Config + " cannot be read"
	}
	if why == "" {
		halves, err := r.otherHalf(ctx)
		if err == nil {
			r.applyHalves(halves)
			return nil
		}
		if r.opts.Rest != "" || errors.Is(err, errNamed) || ctx.Err() != nil {
			return err // what was named has to be there
		}
		why = strings.ReplaceAll(err.Error(), r.Root+string(filepath.Separator), "")
	}
	r.restWhy = why
	for _, d := range r.Config.Domains {
		d.RestWhy = why
	}
	return nil
}

// errNamed marks what a flag names and what cannot be used.
var errNamed = errors.New("--dnscontrol")

func (r *Repo) otherHalf(ctx context.Context) (map[string]*dnscontrol.Half, error) {
	o := dnscontrol.HalfOptions{Rest: r.opts.Rest, Self: r.opts.Self, Untrusted: r.opts.Untrusted}
	if o.Rest == "" {
		dir := r.Root
		if r.opts.restDir != "" {
			dir = r.opts.restDir
		}
		o.Config = filepath.Join(dir, filepath.FromSlash(r.Config.Settings.DNSControl.Config))
		exe, err := dnscontrol.FindExecutable(r.opts.DNSControl)
		switch {
		case err != nil && r.opts.DNSControl != "":
			return nil, fmt.Errorf("%w: %w", errNamed, err)
		case err != nil && !errors.Is(err, exec.ErrNotFound):
			return nil, err
		}
		o.Executable = exe
	}
	return dnscontrol.OtherHalf(ctx, o)
}

// applyHalves hands each definition its other half. Zones of dnsconfig.js without a definition are kept too: names in them are
// resolved from there.
func (r *Repo) applyHalves(halves map[string]*dnscontrol.Half) {
	for _, d := range r.Config.Domains {
		if h := halves[d.ID()]; h != nil {
			h.Apply(d)
			delete(halves, d.ID())
			continue
		}
		// There is no D() for it at all: what stands here is all there is, and it is not published.
		d.RestKnown, d.RestLacksTripod = true, true
	}
	for _, h := range halves {
		d := &zone.Domain{Name: h.Name, Tag: h.Tag, Emit: zone.EmitExtend}
		h.Apply(d)
		r.others = append(r.others, d)
	}
}
