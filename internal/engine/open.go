// Package engine is the one engine behind the command line, the Action and the schedule: Load, then Lint, Plan, Render. It
// brings the world (disk, clock, DNS, the user's dnscontrol) to packages that know nothing of it.
package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/mod/semver"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/resolve"
	"github.com/tripod-dns/tripod/internal/zone"
)

// LockFile is where third parties' answers are kept, at the root of the repository.
const LockFile = "tripod.lock.json"

// What a Progress speaks of.
const (
	ProgressLint    = "linting"
	ProgressLookups = "asking DNS"
)

// A Progress is told how far long work is. It is called from several goroutines, one at a time.
type Progress func(what string, done, total int)

// Options say how a repository is looked at.
type Options struct {
	Dir        string    // a directory of the repository; its root is looked for upwards
	Now        time.Time // the clock of everything that has a date
	Offline    bool      // ask no live DNS
	Refresh    bool      // ask live DNS even for what the lock file holds
	Lock       bool      // ask live DNS, and fall back to the lock file: for refreshing it
	Resolvers  []string  // HOST:PORT of recursive name servers; none: the configuration's, else the system's
	Rest       string    // a file with the other half of extend zones
	DNSControl string    // the dnscontrol executable; "" looks in $PATH
	Untrusted  bool      // dnsconfig.js is a stranger's: it runs in the confined child process only
	Progress   Progress  // may be nil

	// Source replaces the directory, with Root as its name: definitions out of a git commit, or of a test.
	Source config.Source
	// ReadLock reads the lock file, which may be larger than a definition; nil reads it from the directory or Source.
	ReadLock func(context.Context) ([]byte, error)
	// Self is the program that runs dnsconfig.js when it is started with dnscontrol.ChildArg; "" is the one that runs.
	Self    string
	Version string // tripod's own, for required_version; "" is not checked
	// NoRest leaves the other half of extend zones unknown, with this reason.
	NoRest string

	shared  *resolve.Client    // judges base and head by the same live answers
	like    *config.Repository // what Source is mostly the same as; may be nil
	restDir string             // where dnsconfig.js is, when that is not the root
}

// A Repo is a loaded repository.
type Repo struct {
	Config *config.Repository
	Root   string // the directory of tripod.hcl; "" when the definitions are not on disk

	opts   Options
	source config.Source
	lock   *resolve.Lock
	// lockThere tells whether there is a lock file.
	lockThere bool
	live      *resolve.Client
	mode      resolve.Mode
	world     *resolve.World
	index     *resolve.Index
	others    []*zone.Domain // zones that only dnsconfig.js knows
	restWhy   string         // why the other half of extend zones is not known; "" where it is
}

// Unloadable says that definitions cannot be loaded.
type Unloadable struct {
	Files       *config.Files
	Diagnostics config.Diagnostics
}

func (u *Unloadable) Error() string { return u.Diagnostics.Error() }

// Open loads the repository that opts.Dir lies in: definitions, lock file, the other half of extend zones. An error that is
// an *Unloadable says where the input is wrong.
func Open(ctx context.Context, opts Options) (*Repo, error) {
	r := &Repo{opts: opts, source: opts.Source}
	if r.source == nil {
		dir := opts.Dir
		if dir == "" {
			dir = "."
		}
		root, err := config.FindRoot(dir)
		if err != nil {
			return nil, err
		}
		disk, err := config.Disk(root)
		if err != nil {
			return nil, err
		}
		r.Root, r.source = root, disk
		defer func() { _ = disk.Close() }() // only read from
	}
	repo, diagnostics, err := config.LoadLike(ctx, r.source, opts.like)
	if err != nil {
		return nil, err
	}
	r.Config = repo
	if len(diagnostics) == 0 {
		diagnostics = r.checkVersion()
	}
	if len(diagnostics) > 0 {
		return nil, &Unloadable{Files: repo.Files, Diagnostics: diagnostics}
	}
	if err := r.readLock(ctx); err != nil {
		return nil, err
	}
	if !opts.Offline {
		if r.live, err = r.client(); err != nil {
			return nil, err
		}
	}
	switch {
	case opts.Lock:
		r.mode = resolve.LiveThenLock
	case opts.Refresh:
		r.mode = resolve.LiveOnly
	}
	if err := r.readRest(ctx); err != nil {
		return nil, err
	}
	r.index = resolve.NewIndex(repo.Domains, r.others...)
	r.world = resolve.NewWorld(r.index, r.lock, r.live, r.mode)
	flattened, err := r.flatten(ctx)
	if err != nil {
		return nil, err
	}
	if flattened {
		r.index = resolve.NewIndex(repo.Domains, r.others...)
		r.world = r.world.With(r.index) // what flatten asked of third parties is needed too
	}
	return r, nil
}

// client is the one that asks live DNS.
func (r *Repo) client() (*resolve.Client, error) {
	if r.opts.shared != nil {
		return r.opts.shared, nil
	}
	servers := r.opts.Resolvers
	if len(servers) == 0 {
		servers = r.Config.Settings.Resolver.Servers
	}
	if len(servers) == 0 {
		conf, err := os.ReadFile("/etc/resolv.conf")
		if err != nil {
			return nil, fmt.Errorf("find the system's name servers: %w: name one with --resolver HOST:PORT, or use --offline", err)
		}
		if servers, err = resolve.SystemServers(conf); err != nil {
			return nil, err
		}
	}
	return resolve.NewClient(servers)
}

// World answers what names resolve to after the merge.
func (r *Repo) World() *resolve.World { return r.world }

func (r *Repo) readLock(ctx context.Context) error {
	read := r.opts.ReadLock
	if read == nil {
		read = func(ctx context.Context) ([]byte, error) { return readLockFile(ctx, r) }
	}
	src, err := read(ctx)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		if strings.Contains(err.Error(), "escapes from parent") { // os.Root has no error value for it
			err = errors.New("a symbolic link leads out of the repository")
		}
		return fmt.Errorf("%s: %w", LockFile, err)
	}
	r.lockThere = true
	r.lock, err = resolve.ParseLock(src)
	var syntax *resolve.SyntaxError
	if errors.As(err, &syntax) {
		return &Unloadable{Diagnostics: config.Diagnostics{{
			Position: config.Position{File: LockFile, Line: syntax.Line, Column: syntax.Column, EndLine: syntax.Line, EndColumn: syntax.Column + 1},
			Message:  "not a lock file: " + syntax.Message,
			Help:     "tripod lock writes it anew: delete the file, or take back the change that broke it, and run tripod lock",
		}}}
	}
	return err
}

// child is the path of a file below the root.
func (r *Repo) child(path string) string { return filepath.Join(r.Root, filepath.FromSlash(path)) }

// readLockFile reads the lock file of a directory: a regular file inside it, of bounded size.
func readLockFile(ctx context.Context, r *Repo) ([]byte, error) {
	if r.Root == "" {
		return r.source.Read(ctx, LockFile)
	}
	root, err := os.OpenRoot(r.Root)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }() // only read from
	info, err := root.Stat(LockFile)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, errors.New("not a regular file")
	case info.Size() > resolve.MaxLockSize:
		return nil, fmt.Errorf("%d MiB, the limit is %d MiB", info.Size()>>20, resolve.MaxLockSize>>20)
	}
	return root.ReadFile(LockFile)
}

// checkVersion holds required_version ("1.4.0", "1.4": at least that) against the version that runs.
func (r *Repo) checkVersion() config.Diagnostics {
	want, have := r.Config.Settings.RequiredVersion, r.opts.Version
	if want == "" {
		return nil
	}
	at := r.Config.Settings.RequiredVersionAt
	v := "v" + strings.TrimPrefix(want, "v")
	d := config.Diagnostic{Position: r.Config.Files.Position(at), Span: at}
	switch {
	case !semver.IsValid(v):
		d.Message, d.Help = fmt.Sprintf("%q is no version", want), `write the lowest version that will do, such as "1.2.0"`
	case !semver.IsValid(have) || semver.Compare(have, v) >= 0:
		return nil // a build without a version of its own is taken for the newest
	default:
		d.Message = fmt.Sprintf("these definitions need tripod %s, this is %s", v, have)
		d.Help = "install a newer tripod"
	}
	return config.Diagnostics{d}
}
