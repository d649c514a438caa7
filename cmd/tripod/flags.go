package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/rules"
)

// lookupFlags are the flags of every command that looks names up.
type lookupFlags struct {
	offline    bool
	refresh    bool
	lock       bool // for refreshing the lock file
	resolvers  []string
	rest       string
	noRest     string // why the other half is not read; "" reads it
	dnscontrol string
}

func (f *lookupFlags) add(a *app, c *cobra.Command) {
	ci := a.getenv("CI")
	fl := c.Flags()
	fl.BoolVar(&f.offline, "offline", ci != "" && ci != "false", "ask no live DNS: what tripod.lock.json lacks is not checked (the default when CI is set)")
	fl.BoolVar(&f.refresh, "refresh", false, "ask live DNS also for what tripod.lock.json holds")
	fl.StringArrayVar(&f.resolvers, "resolver", nil, "recursive name server to ask, `HOST:PORT` (repeatable; default the system's)")
	f.addRest(c)
}

func (f *lookupFlags) addRest(c *cobra.Command) {
	c.Flags().StringVar(&f.rest, "rest", "", "read the other half of extend zones from `FILE` (dnscontrol print-ir --raw) instead of dnsconfig.js")
	c.Flags().StringVar(&f.dnscontrol, "dnscontrol", "", "dnscontrol executable at `PATH` (default the one in $PATH)")
}

// open loads the repository that dir lies in.
func (a *app) open(c *cobra.Command, dir string, f lookupFlags) (*engine.Repo, error) {
	now, err := a.now()
	if err != nil {
		return nil, err
	}
	if f.offline && f.refresh {
		return nil, fmt.Errorf("--refresh asks live DNS, --offline forbids it: leave one of them out")
	}
	repo, err := engine.Open(c.Context(), engine.Options{
		Dir: dir, Now: now, Offline: f.offline, Refresh: f.refresh, Lock: f.lock, Resolvers: f.resolvers,
		Rest: f.rest, NoRest: f.noRest, DNSControl: f.dnscontrol, Untrusted: a.fromFork(), Progress: a.progress(), Version: moduleVersion(),
	})
	if err == nil {
		a.repoRoot = repo.Root
	}
	return repo, err
}

// fromFork tells whether GitHub started this run for a pull request from another repository, by the event itself or by one that
// follows it: its code is a stranger's. An event that cannot be read, or does not say whose code it is about, counts as one.
func (a *app) fromFork() bool {
	name := a.getenv("GITHUB_EVENT_NAME")
	if !strings.HasPrefix(name, "pull_request") && name != "workflow_run" && name != "issue_comment" {
		return false
	}
	f, err := os.Open(a.getenv("GITHUB_EVENT_PATH"))
	if err != nil {
		return true
	}
	defer func() { _ = f.Close() }() // only read from
	type repo struct {
		FullName string `json:"full_name"`
	}
	type ref struct {
		Repo repo `json:"repo"`
	}
	var event struct {
		PullRequest struct {
			Head ref `json:"head"`
			Base ref `json:"base"`
		} `json:"pull_request"`
		WorkflowRun struct {
			Head repo `json:"head_repository"`
		} `json:"workflow_run"`
		Repository repo `json:"repository"`
		Issue      struct {
			PullRequest *struct{} `json:"pull_request"`
		} `json:"issue"`
	}
	if err := json.NewDecoder(io.LimitReader(f, 32<<20)).Decode(&event); err != nil {
		return true
	}
	var head, base string
	switch name {
	case "issue_comment":
		return event.Issue.PullRequest != nil
	case "workflow_run":
		head, base = event.WorkflowRun.Head.FullName, event.Repository.FullName
	default:
		head, base = event.PullRequest.Head.Repo.FullName, event.PullRequest.Base.Repo.FullName
	}
	return head == "" || head != base
}

// dirArg is the optional argument DIR.
func dirArg(args []string) string {
	if len(args) == 0 {
		return "."
	}
	return args[0]
}

// formatFlag adds --format.
func formatFlag(c *cobra.Command, format *string, formats ...string) {
	c.Flags().StringVar(format, "format", formats[0], "output `FORMAT`: "+strings.Join(formats, ", "))
	c.PreRunE = func(*cobra.Command, []string) error {
		if !slices.Contains(formats, *format) {
			return fmt.Errorf("unknown format %q: write %s", *format, strings.Join(formats, ", "))
		}
		return nil
	}
}

// failOn reads --fail-on; "" is the configuration's.
func failOn(flag string, r *engine.Repo) (rules.Severity, error) {
	if flag == "" {
		return r.FailOn(), nil
	}
	if flag == "never" {
		return rules.Error + 1, nil
	}
	s, err := rules.ParseSeverity(flag)
	if err != nil || s == rules.Off {
		return 0, fmt.Errorf("--fail-on %s: write error, warning, info or never", flag)
	}
	return s, nil
}

// progress shows long work on a terminal, and nothing anywhere else.
func (a *app) progress() engine.Progress {
	if !a.stderrTTY {
		return nil
	}
	var bar *progressbar.ProgressBar
	var what string
	return func(w string, done, total int) {
		if total < 200 && w != engine.ProgressLookups {
			return // too short to be worth a flicker
		}
		if bar == nil || w != what {
			what = w
			bar = progressbar.NewOptions(total, progressbar.OptionSetWriter(a.stderr), progressbar.OptionSetDescription(w),
				progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100_000_000), progressbar.OptionSetWidth(30))
		}
		_ = bar.Set(done) // a bar that cannot be drawn is no reason to stop
		if done >= total {
			_ = bar.Finish()
		}
	}
}

// write writes s and keeps the first error.
func write(w io.Writer, s string) error {
	_, err := io.WriteString(w, s)
	return err
}
