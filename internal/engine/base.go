package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/dnscontrol"
	"github.com/tripod-dns/tripod/internal/resolve"
	"github.com/tripod-dns/tripod/internal/zone"
	"github.com/tripod-dns/tripod/planner"
)

// base is the world before.
type base struct {
	planner.Base
	domains map[string]*zone.Domain // by zone.Domain.ID; records of both halves where they are known
	world   *resolve.World
	index   *resolve.Index
	repo    *Repo // of a git base
	// as are the definitions to compare, by zone.Domain.ID, where they are not the whole ones: a base that does not know the whole
	// zone, or a provider that adds to it.
	as map[string]*zone.Domain
}

// compared is the definition that is compared with the base.
func (b *base) compared(d *zone.Domain) *zone.Domain {
	if as := b.as[d.ID()]; as != nil {
		return as
	}
	return d
}

// records are what the base publishes in a zone, by definition and other half.
func (b *base) records(id string) []*zone.Record {
	d := b.domains[id]
	if d == nil {
		return nil
	}
	out := append([]*zone.Record(nil), d.Records...)
	return append(out, d.Rest...)
}

// openBase finds the base that o.Against names; "" is the default one.
func (r *Repo) openBase(ctx context.Context, o BaseOptions) (*base, error) {
	against := o.Against
	if len(o.Servers) > 0 && against != "dns" {
		return nil, errors.New("--server names who is asked with --against dns: leave it out")
	}
	kind, arg, _ := strings.Cut(against, ":")
	switch {
	case against == "":
		if r.Root == "" || !inGit(ctx, r.Root) {
			b, err := r.emptyBase()
			b.Note = "not in a git checkout with a commit: compared with nothing"
			return b, err
		}
		ref, commit, err := defaultBase(ctx, r.Root)
		if err != nil {
			return nil, fmt.Errorf("plan: %w", err)
		}
		return r.gitBase(ctx, ref, commit)
	case kind == "git" && arg != "":
		if r.Root == "" {
			return nil, errors.New("plan: the definitions are not in a git checkout")
		}
		commit, err := revision(ctx, r.Root, arg)
		if err != nil {
			return nil, fmt.Errorf("plan: %w", err)
		}
		return r.gitBase(ctx, arg, commit)
	case kind == "zones" && arg != "":
		return r.zonesBase(arg)
	case against == "empty":
		return r.emptyBase()
	case against == "dns":
		return r.dnsBase(ctx, o)
	case against == "provider":
		return r.providerBase(ctx, o)
	}
	return nil, fmt.Errorf("--against %s: write git:REF, zones:DIR, dns, provider or empty", against)
}

func (r *Repo) baseOf(b planner.Base, domains []*zone.Domain, lock *resolve.Lock) *base {
	out := &base{Base: b, domains: make(map[string]*zone.Domain, len(domains))}
	for _, d := range domains {
		out.domains[d.ID()] = d
	}
	out.index = resolve.NewIndex(domains, r.others...)
	out.world = resolve.NewWorld(out.index, lock, r.live, r.mode)
	return out
}

// emptyBase is a world in which the zones hold nothing.
func (r *Repo) emptyBase() (*base, error) {
	var domains []*zone.Domain
	for _, d := range r.Config.Domains {
		domains = append(domains, &zone.Domain{Name: d.Name, Tag: d.Tag, Emit: zone.EmitZone, RestKnown: true})
	}
	return r.baseOf(planner.Base{Kind: "empty"}, domains, r.lock), nil
}

// zonesBase is a directory of zone files. A zone without a file is empty.
func (r *Repo) zonesBase(dir string) (*base, error) {
	zones, err := dnscontrol.ReadZones(dir, r.Config.Domains)
	if err != nil {
		return nil, err
	}
	var domains []*zone.Domain
	missing := 0
	for _, d := range r.Config.Domains {
		recs, ok := zones[d.ID()]
		if !ok {
			missing++
		}
		domains = append(domains, &zone.Domain{Name: d.Name, Tag: d.Tag, Emit: zone.EmitZone, Records: recs, RestKnown: true})
	}
	b := r.baseOf(planner.Base{Kind: "zones", Ref: dir}, domains, r.lock)
	if missing > 0 {
		b.Note = fmt.Sprintf("zones without a file there count as empty: %d of %d", missing, len(domains))
	}
	return b, nil
}

// gitBase is the definitions of a commit, with the lock file and the dnsconfig.js of that commit.
func (r *Repo) gitBase(ctx context.Context, ref, commit string) (*base, error) {
	tree, err := openGit(ctx, r.Root, commit)
	if err != nil {
		return nil, err
	}
	defer tree.close()
	out := planner.Base{Kind: "git", Ref: ref, Commit: commit}
	if _, ok := tree.blobs[config.SettingsFile]; !ok {
		b, err := r.emptyBase()
		b.Base = out
		b.Note = fmt.Sprintf("%s has no %s here: everything is new", short(commit), config.SettingsFile)
		return b, err
	}
	opts := r.opts
	opts.Progress, opts.Version = nil, ""
	opts.Source = config.Tree(tree.paths(), func(ctx context.Context, path string) ([]byte, error) {
		return tree.read(ctx, path, config.MaxFileSize)
	})
	opts.ReadLock = func(ctx context.Context) ([]byte, error) { return tree.read(ctx, LockFile, resolve.MaxLockSize) }
	opts.shared, opts.like = r.live, r.Config
	if r.restWhy != "" {
		opts.NoRest = r.restWhy
	}
	if r.Config.Settings.DNSControl.Emit == zone.EmitExtend && opts.NoRest == "" && opts.Rest == "" {
		dir, note, err := r.baseScripts(ctx, tree)
		if err != nil {
			return nil, err
		}
		if dir != "" {
			defer func() { _ = os.RemoveAll(dir) }() // a left-over temporary folder is no reason to fail
		}
		opts.restDir, out.Note = dir, note
		if dir == "" {
			opts.restDir = r.Root
		}
	}
	repo, err := Open(ctx, opts)
	var bad *Unloadable
	switch {
	case errors.As(err, &bad):
		// As text: a caller would show an Unloadable as if it were about the files that lie here.
		return nil, fmt.Errorf("the base %s cannot be loaded: %s\nname another with --against", short(commit), bad.Error())
	case err != nil:
		return nil, fmt.Errorf("base %s: %w", short(commit), err)
	}
	if repo.restWhy != "" && r.restWhy == "" {
		out.Note = "the other half of its zones is not known: " + repo.restWhy
	}
	b := &base{Base: out, domains: map[string]*zone.Domain{}, world: repo.world, index: repo.index, repo: repo}
	for _, d := range repo.Config.Domains {
		b.domains[d.ID()] = d
	}
	return b, nil
}

func short(commit string) string { return commit[:min(12, len(commit))] }

// baseScripts writes the commit's dnsconfig.js, with all that it may require, into a temporary folder. Where it is the same as
// head's, or cannot be had, head's serves: dir is "" then, and note says so in the second case.
func (r *Repo) baseScripts(ctx context.Context, tree *gitTree) (dir, note string, err error) {
	script := r.Config.Settings.DNSControl.Config
	if _, ok := tree.blobs[script]; !ok {
		return "", fmt.Sprintf("%s has no %s: the other half of its zones is taken from today's", short(tree.commit), script), nil
	}
	keep := func(path string) bool {
		switch strings.ToLower(filepath.Ext(path)) {
		case ".js", ".json", ".ts", ".json5":
			return path != LockFile
		}
		return false
	}
	if diff, err := git(ctx, r.Root, "diff", "--name-only", "-z", "--relative", "--end-of-options", tree.commit, "--", "."); err == nil {
		same := true
		output := r.Config.Settings.DNSControl.Output + "/"
		for path := range strings.SplitSeq(diff, "\x00") {
			same = same && (!keep(path) || strings.HasPrefix(path, output))
		}
		if same {
			return "", "", nil
		}
	}
	dir, err = os.MkdirTemp("", "tripod-base-")
	if err != nil {
		return "", "", fmt.Errorf("base %s: %w", short(tree.commit), err)
	}
	// With the file that marks the root, below which scripts may require each other.
	if err := tree.export(ctx, dir, func(path string) bool { return keep(path) || path == config.SettingsFile }); err != nil {
		return "", "", errors.Join(fmt.Errorf("base %s: %w", short(tree.commit), err), os.RemoveAll(dir))
	}
	return dir, "", nil
}
