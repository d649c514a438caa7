package dnscontrol

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/tripod-dns/tripod/internal/zone"
	"github.com/tripod-dns/tripod/planner"
)

// A Publisher previews and pushes zones: those at BIND by itself, all others through the user's dnscontrol.
type Publisher struct {
	Root   string // of the repository; dnscontrol runs there, and relative paths of creds.json start there
	Creds  string // path of creds.json; "" is that of Root
	Config string // path of dnsconfig.js, for extend
	Output string // directory of the rendered files, relative to Root

	// Executable is the user's dnscontrol (FindExecutable); "" without one: then zones of other providers than BIND are an
	// error that says so.
	Executable string
	Getenv     func(string) string // for creds.json
	// Log takes what dnscontrol prints, and a line for each zone file that is written.
	Log io.Writer
}

// errNoExecutable tells that a provider needs the user's dnscontrol, and there is none.
var errNoExecutable = errors.New("this provider needs dnscontrol: install it, or name it with --dnscontrol PATH")

// A ZonePreview is what changes in one zone at one provider.
type ZonePreview struct {
	Domain   *zone.Domain
	Provider string // in creds.json
	Type     string // BIND, CLOUDFLAREAPI, …
	Changes  []planner.Change
	Current  []*zone.Record // what the provider has

	file string // of BIND
	old  []byte // its contents; nil without one
	d    *zone.Domain
}

// Preview computes what a push would change. It changes nothing, and does not make zones that a provider lacks. halves
// are OtherHalf's, for domains in extend; those that no D() takes in are passed over. For zones that change and are not
// at BIND, `dnscontrol preview` runs as well, and says on Log what it would do.
func (p *Publisher) Preview(ctx context.Context, domains []*zone.Domain, halves map[string]*Half) ([]*ZonePreview, error) {
	list, err := p.preview(ctx, domains, halves)
	if err != nil {
		return nil, err
	}
	return list, p.relayPreview(ctx, changing(list))
}

func (p *Publisher) preview(ctx context.Context, domains []*zone.Domain, halves map[string]*Half) ([]*ZonePreview, error) {
	list, err := p.current(ctx, domains, halves)
	if err != nil {
		return nil, err
	}
	for _, z := range list {
		if z.Changes, err = Diff(z.d, z.Current); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func changing(list []*ZonePreview) []*ZonePreview {
	return slices.DeleteFunc(slices.Clone(list), func(z *ZonePreview) bool { return len(z.Changes) == 0 })
}

// PreviewDigest is planner.Digest of all that a push would change. What changes alike at several providers counts once,
// as it does in a plan.
func PreviewDigest(list []*ZonePreview) string { return planner.Digest(allChanges(list)) }

func allChanges(list []*ZonePreview) []planner.Change {
	var out []planner.Change
	seen := map[string][]planner.Change{}
	for _, z := range list {
		for _, c := range z.Changes {
			set := c.Zone + " " + string(c.Name) + " " + c.Type
			if !slices.ContainsFunc(seen[set], func(x planner.Change) bool { return alike(x, c) }) {
				seen[set] = append(seen[set], c)
				out = append(out, c)
			}
		}
	}
	return out
}

// alike tells whether two changes of one record set are the same.
func alike(a, b planner.Change) bool {
	return a.Action == b.Action && a.TTL == b.TTL && a.BeforeTTL == b.BeforeTTL && a.Ours == b.Ours &&
		slices.Equal(a.Before, b.Before) && slices.Equal(a.After, b.After)
}

// Push applies what Preview would say, when it keeps to the limits: else the error is a *DigestError or holds a
// *RefusalError for each zone that is refused, and nothing was applied. Only zones that change are touched. It returns
// all that it looked at: those with Changes it set out to apply.
//
// Zone files of BIND are each replaced atomically, all of them made before the first is written; an error after that
// leaves those written that Log has named, and running it again goes on.
func (p *Publisher) Push(ctx context.Context, domains []*zone.Domain, halves map[string]*Half, limits Limits) ([]*ZonePreview, error) {
	all, err := p.preview(ctx, domains, halves)
	if err != nil {
		return nil, err
	}
	if limits.Expect != "" {
		if got := PreviewDigest(all); got != limits.Expect {
			return nil, &DigestError{Expect: limits.Expect, Got: got, Changes: allChanges(all)}
		}
	}
	list := changing(all)
	if !limits.AllowDelete {
		var refused []error
		for _, z := range list {
			refused = append(refused, refuse(z.Domain, z.Provider, z.Changes, len(z.Current)))
		}
		if err := errors.Join(refused...); err != nil {
			return nil, err
		}
	}
	texts := make([][]byte, len(list))
	for i, z := range list {
		if z.Type == bindType {
			if texts[i], err = z.zoneFile(); err != nil {
				return nil, err
			}
		}
	}
	for i, z := range list {
		if z.Type == bindType {
			if err := p.writeZone(ctx, z, texts[i]); err != nil {
				return all, err
			}
		}
	}
	return all, p.runPush(ctx, list)
}

// current finds each zone's providers and what they have.
func (p *Publisher) current(ctx context.Context, domains []*zone.Domain, halves map[string]*Half) ([]*ZonePreview, error) {
	creds := p.Creds
	if creds == "" {
		creds = filepath.Join(p.Root, "creds.json")
	} else if _, err := os.Stat(creds); err != nil { // only the default may be missing
		return nil, fmt.Errorf("read credentials: %w", err)
	}
	entries, err := readCreds(creds, p.Getenv)
	if err != nil {
		return nil, err
	}
	var list []*ZonePreview
	remote := map[string][]*ZonePreview{}
	for _, d := range domains {
		if d.Emit == zone.EmitNone {
			continue
		}
		providers, err := providersOf(d, halves)
		if err != nil {
			return nil, err
		}
		for _, provider := range providers {
			entry, ok := entries[provider.Name]
			if !ok || entry["TYPE"] == "" {
				return nil, fmt.Errorf("%s: %s has no entry %q with a TYPE", d.ID(), creds, provider.Name)
			}
			z := &ZonePreview{Domain: d, Provider: provider.Name, Type: entry["TYPE"], d: d}
			if z.Type == bindType {
				if err := p.readBIND(z, entry, provider); err != nil {
					return nil, err
				}
			} else {
				remote[provider.Name] = append(remote[provider.Name], z)
			}
			list = append(list, z)
		}
	}
	for _, name := range sortedKeys(remote) {
		if err := p.getZones(ctx, creds, name, remote[name]); err != nil {
			return nil, err
		}
	}
	return list, nil
}

func providersOf(d *zone.Domain, halves map[string]*Half) ([]Provider, error) {
	var out []Provider
	if d.Emit == zone.EmitZone {
		if len(d.DNSProviders) == 0 {
			return nil, fmt.Errorf("%s: no dns_providers: nowhere to publish it", d.ID())
		}
		for _, name := range d.DNSProviders {
			out = append(out, Provider{Name: name, Nameservers: -1})
		}
		return out, nil
	}
	half := halves[d.ID()]
	switch {
	case !d.RestKnown:
		return nil, fmt.Errorf("%s: the rest of the zone is not known: %s", d.ID(), d.RestWhy)
	case half == nil || !half.HasTripod:
		return nil, nil
	}
	return half.Providers, nil
}

func sortedKeys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

func (p *Publisher) logf(format string, args ...any) error {
	if p.Log == nil {
		return nil
	}
	_, err := fmt.Fprintf(p.Log, format, args...)
	return err
}

// tempDir is a directory for one run of dnscontrol, and what removes it.
func tempDir() (dir string, remove func() error, err error) {
	dir, err = os.MkdirTemp("", "tripod-dnscontrol-")
	return dir, func() error { return os.RemoveAll(dir) }, err
}

func ids(list []*ZonePreview) string {
	var out []string
	for _, z := range list {
		out = append(out, z.Domain.ID())
	}
	return strings.Join(out, ",")
}
