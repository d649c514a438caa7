// Command tripod lints, plans and renders the DNS records that e-mail authentication stands on. See README.md.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/dnscontrol"
	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/internal/report"
)

// Exit codes, the same for every command.
const (
	exitOK       = 0
	exitFindings = 1 // findings at or above --fail-on
	exitUnusable = 2 // input, configuration or environment; nothing was changed
	exitChanges  = 3 // plan --exit-code: there are changes
)

func main() {
	if len(os.Args) > 1 && os.Args[1] == dnscontrol.ChildArg {
		os.Exit(dnscontrol.ChildMain(os.Args[2:]))
	}
	tuneGC()
	dnscontrol.Setup()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends it at once
	a := &app{
		stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, clock: time.Now,
		stdoutTTY: term.IsTerminal(int(os.Stdout.Fd())), stderrTTY: term.IsTerminal(int(os.Stderr.Fd())),
	}
	code := a.run(ctx, os.Args[1:])
	stop()
	os.Exit(code)
}

// app is the world that commands see.
type app struct {
	stdin                io.Reader
	stdout, stderr       io.Writer
	getenv               func(string) string
	clock                func() time.Time
	stdoutTTY, stderrTTY bool

	color    string
	repoRoot string // of the repository that is open: messages name files from there
	done     string // what an interrupted command has done; "" is nothing
}

// exit is an error that carries an exit code and, where err is set, a message.
type exit struct {
	code int
	err  error
}

func (e *exit) Error() string {
	if e.err == nil {
		return "exit " + strconv.Itoa(e.code)
	}
	return e.err.Error()
}

func (e *exit) Unwrap() error { return e.err }

// run is the whole program but for its process: arguments in, exit code out.
func (a *app) run(ctx context.Context, args []string) int {
	root := a.root()
	root.SetArgs(args)
	root.SetIn(a.stdin)
	root.SetOut(a.stdout)
	root.SetErr(a.stderr)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	code := exitUnusable
	var e *exit
	if errors.As(err, &e) {
		code = e.code
		if e.err == nil {
			return code
		}
		err = e.err
	}
	var broken *engine.Unloadable
	if errors.As(err, &broken) {
		t := report.NewText(a.stderr, a.style(a.stderrTTY, a.stderr))
		t.Diagnostics(broken.Files, broken.Diagnostics)
		return code
	}
	if ctx.Err() != nil {
		done := a.done
		if done == "" {
			done = "nothing was written"
		}
		err = errors.New("interrupted; " + done)
	}
	text := strings.TrimSpace(err.Error())
	if a.repoRoot != "" {
		text = strings.ReplaceAll(text, a.repoRoot+string(os.PathSeparator), "")
	}
	// An error may quote what a user or a server wrote.
	for i, line := range strings.Split(text, "\n") {
		line = strings.ReplaceAll(line, "\t", "  ") // cobra's, before suggestions
		if i == 0 {
			line = "tripod: " + line
		}
		_, _ = fmt.Fprintln(a.stderr, report.Plain(line)) // there is nobody left to tell
	}
	return code
}

func (a *app) root() *cobra.Command {
	var chdir string
	root := &cobra.Command{
		Use:   "tripod",
		Short: "Lint, plan and render the DNS records that e-mail authentication stands on",
		Long: `tripod reads domain definitions (HCL) in a git repository, lints the SPF, DKIM and DMARC
records that they would publish, shows what a merge changes and what that means for the
mail, and hands the records to dnscontrol.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(*cobra.Command, []string) error {
			switch a.color {
			case "auto", "always", "never":
			default:
				return fmt.Errorf("--color %s: write auto, always or never", a.color)
			}
			if chdir != "" {
				if err := os.Chdir(chdir); err != nil {
					return fmt.Errorf("--chdir: %w", err)
				}
			}
			return nil
		},
	}
	root.PersistentFlags().StringVar(&a.color, "color", "auto", "colour the output: auto, always or never (NO_COLOR is honoured)")
	root.PersistentFlags().StringVarP(&chdir, "chdir", "C", "", "run as if started in `DIR`")
	root.SetFlagErrorFunc(flagError)
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", fmt.Sprintf(".FlagUsagesWrapped %d", helpWidth)))
	root.AddCommand(
		a.lintCmd(), a.planCmd(), a.renderCmd(), a.previewCmd(), a.pushCmd(), a.lockCmd(), a.verifyCmd(), a.spfCmd(),
		a.rulesCmd(), a.explainCmd(), a.versionCmd(),
	)
	wrapHelp(root)
	return root
}

// style is how text for a stream looks.
func (a *app) style(tty bool, w io.Writer) report.Style {
	s := report.Style{Color: a.color == "always"}
	if a.color == "auto" {
		s.Color = tty && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb"
	}
	if f, ok := w.(*os.File); ok && tty {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil {
			s.Width = min(width, 120)
		}
	}
	return s
}

// now is the clock of commands that may rehearse: TRIPOD_NOW sets it.
func (a *app) now() (time.Time, error) {
	s := a.getenv("TRIPOD_NOW")
	if s == "" {
		return a.clock(), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return time.Time{}, fmt.Errorf("TRIPOD_NOW is not a time of RFC 3339 such as 2026-11-24T12:00:00Z: %q", s)
	}
	return t, nil
}

// files are the sources of a loaded repository, for reports.
func files(r *engine.Repo) *config.Files { return r.Config.Files }
