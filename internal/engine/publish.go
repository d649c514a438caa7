package engine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/google/renameio/v2"

	"github.com/tripod-dns/tripod/internal/dnscontrol"
	"github.com/tripod-dns/tripod/internal/zone"
	"github.com/tripod-dns/tripod/planner"
)

var errNotRendered = errors.New(`nothing to render: tripod.hcl has no dnscontrol block. Write dnscontrol { emit = "extend" }, or "zone" where tripod owns whole zones`)

// rendered are the files that the definitions render to.
func (r *Repo) rendered() (map[string][]byte, error) {
	dc := r.Config.Settings.DNSControl
	if dc.Emit == zone.EmitNone {
		return nil, errNotRendered
	}
	return dnscontrol.Render(r.Config.Domains, dc.Output)
}

func (r *Repo) stale() ([]string, error) {
	dc := r.Config.Settings.DNSControl
	if dc.Emit == zone.EmitNone {
		return nil, errNotRendered
	}
	list, err := dnscontrol.Outdated(r.Root, dc.Output, r.Config.Domains)
	return paths(list), err
}

func paths(list []dnscontrol.Staleness) []string {
	var out []string
	for _, s := range list {
		out = append(out, fmt.Sprintf("%s (%s)", s.Path, s.What))
	}
	return out
}

// Stale lists the committed files that are not what the definitions render to.
func (r *Repo) Stale(context.Context) ([]string, error) { return r.stale() }

// Render brings the rendered files up to date and says what it did.
func (r *Repo) Render(ctx context.Context) ([]string, error) {
	files, err := r.rendered()
	if err != nil {
		return nil, err
	}
	done, err := dnscontrol.Write(ctx, r.Root, r.Config.Settings.DNSControl.Output, files)
	var out []string
	for _, s := range done {
		word := map[string]string{"missing": "new", "differs": "changed", "left over": "removed"}[s.What]
		out = append(out, fmt.Sprintf("%-8s %s", word, s.Path))
	}
	return out, err
}

// RenderZones writes a zone file for each zone into dir, NAME.zone, and names those that changed. All are made before the first is
// written, and each is replaced whole.
func (r *Repo) RenderZones(ctx context.Context, dir string) ([]string, error) {
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("write zone files: %s is no directory", dir)
	}
	type file struct {
		path string
		text []byte
	}
	var files []file
	for _, d := range r.Config.Domains {
		path := filepath.Join(dir, dnscontrol.ZoneFileName(d))
		old, err := dnscontrol.ReadZoneFile(path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("write zone files: %w", err)
		}
		text, err := dnscontrol.ZoneFile(d, old)
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(text, old) {
			files = append(files, file{path, text})
		}
	}
	var done []string
	for _, f := range files {
		if err := ctx.Err(); err != nil {
			return done, err
		}
		if err := renameio.WriteFile(f.path, f.text, 0o644); err != nil { //nolint:gosec // a name server has to read it
			return done, fmt.Errorf("write zone files: %w", err)
		}
		done = append(done, f.path)
	}
	return done, nil
}

// PushOptions say how records reach the providers.
type PushOptions struct {
	Creds       string // creds.json; "" is the one at the root
	Expect      string // the digest that was reviewed
	AllowDelete bool
	Getenv      func(string) string
	Log         io.Writer // what dnscontrol prints
}

// PushResult is what a preview or push found and did.
type PushResult struct {
	Zones   []PushZone // those that change
	Checked int        // zones at providers that were looked at
	Digest  string
	Applied bool
}

// A PushZone is what changes in one zone at one provider.
type PushZone struct {
	Zone, Provider, Type string
	Changes              []planner.Change
}

// Preview says what Push would change at the providers.
func (r *Repo) Preview(ctx context.Context, o PushOptions) (*PushResult, error) {
	p, halves, err := r.publisher(ctx, o)
	if err != nil {
		return nil, err
	}
	list, err := p.Preview(ctx, r.Config.Domains, halves)
	if err != nil {
		return nil, err
	}
	return pushResult(list, false), nil
}

// Push applies the definitions at the providers. Definitions that lint has an error of the kind "dnscontrol would refuse" for are
// refused by dnscontrol's own validation before anything is applied.
func (r *Repo) Push(ctx context.Context, o PushOptions) (*PushResult, error) {
	p, halves, err := r.publisher(ctx, o)
	if err != nil {
		return nil, err
	}
	for _, d := range r.Config.Domains {
		if err := dnscontrol.Refuses(d); err != nil {
			return nil, fmt.Errorf("push: %w", err)
		}
	}
	stale, err := r.stale()
	if err != nil {
		return nil, err
	}
	if len(stale) > 0 {
		return nil, fmt.Errorf("push: %s: run tripod render first", staleMessage(stale))
	}
	list, err := p.Push(ctx, r.Config.Domains, halves, dnscontrol.Limits{Expect: o.Expect, AllowDelete: o.AllowDelete})
	if err != nil {
		return nil, err
	}
	return pushResult(list, true), nil
}

func pushResult(list []*dnscontrol.ZonePreview, applied bool) *PushResult {
	out := &PushResult{Checked: len(list), Digest: dnscontrol.PreviewDigest(list), Applied: applied}
	for _, z := range list {
		if len(z.Changes) == 0 {
			continue
		}
		pz := PushZone{Zone: z.Domain.ID(), Provider: z.Provider, Type: z.Type}
		pz.Changes = append(pz.Changes, z.Changes...)
		out.Zones = append(out.Zones, pz)
	}
	return out
}

func (r *Repo) publisher(ctx context.Context, o PushOptions) (*dnscontrol.Publisher, map[string]*dnscontrol.Half, error) {
	dc := r.Config.Settings.DNSControl
	if dc.Emit == zone.EmitNone {
		return nil, nil, errors.New("nothing to push: tripod.hcl has no dnscontrol block")
	}
	exe, err := dnscontrol.FindExecutable(r.opts.DNSControl)
	if err != nil && (r.opts.DNSControl != "" || !errors.Is(err, exec.ErrNotFound)) {
		return nil, nil, err
	}
	var halves map[string]*dnscontrol.Half
	if dc.Emit == zone.EmitExtend {
		if halves, err = r.otherHalf(ctx); err != nil {
			return nil, nil, err
		}
	}
	return &dnscontrol.Publisher{
		Root: r.Root, Creds: o.Creds, Config: r.child(dc.Config), Output: dc.Output, Executable: exe, Getenv: o.Getenv, Log: o.Log,
	}, halves, nil
}
