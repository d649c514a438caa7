// Command measure times tripod as a whole process beside the least that reading its files costs (hclsyntax alone), an empty Go program and
// dnscontrol on the same records, all in turn, and prints medians as Markdown. It judges nothing. Run it from the root of the module:
//
//	go run ./internal/bench/measure
//
// It builds the programs with the go command, dnscontrol from tools/dnscontrol. Memory is the largest resident set of the process as the
// system counts it, which on Linux is never less than this program's own, some 10 MiB.
package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/tripod-dns/tripod/internal/bench"
)

func main() {
	var o options
	var makeFleet string
	flag.StringVar(&o.sizes, "sizes", "50,1000,10000", "numbers of domains")
	flag.IntVar(&o.rounds, "rounds", 5, "counted rounds, after one that is not counted")
	flag.IntVar(&o.dnscontrol, "dnscontrol", 10000, "largest number of domains for which dnscontrol runs too (10,000 take it a minute and 1.5 GB a round)")
	flag.StringVar(&o.keep, "dir", "", "keep fleets and programs in this directory, and use those that are there")
	flag.StringVar(&makeFleet, "make", "", "only make a fleet of -sizes domains in this directory")
	flag.Parse()
	ctx := context.Background()
	var err error
	if makeFleet != "" {
		err = makeOne(ctx, makeFleet, o.sizes)
	} else {
		err = run(ctx, o, os.Stdout)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "measure:", err)
		os.Exit(2)
	}
}

// startRounds is how many times as often the start of the programs is measured as the rest: it takes no time.
const startRounds = 10

type options struct {
	sizes      string
	rounds     int
	dnscontrol int
	keep       string
}

// makeOne makes a fleet and leaves one change in it that is not committed. It is a process of its own, so that its memory does not count as
// that of the programs which are measured afterwards.
func makeOne(ctx context.Context, dir, size string) error {
	n, err := strconv.Atoi(size)
	if err != nil {
		return fmt.Errorf("make a fleet: %w", err)
	}
	if err := bench.Fleet(ctx, dir, n, 1); err != nil {
		return err
	}
	for _, args := range [][]string{
		{"init", "-q"}, {"config", "gc.auto", "0"}, {"add", "-A"}, {"-c", "user.name=bench", "-c", "user.email=bench@corp.example", "commit", "-qm", "A fleet"},
	} {
		if err := command(ctx, dir, "git", args...); err != nil {
			return err
		}
	}
	return bench.ChangeOne(ctx, dir)
}

func command(ctx context.Context, dir, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // programs that are named above
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// A program is one that is measured.
type program struct {
	name string
	dir  string
	args []string
	runs []cost
}

// cost is what one run took.
type cost struct {
	cpu, wall time.Duration
	memory    int64 // octets
}

func run(ctx context.Context, o options, w io.Writer) error {
	dir := o.keep
	if dir == "" {
		tmp, err := os.MkdirTemp("", "bench")
		if err != nil {
			return err
		}
		defer func() { _ = os.RemoveAll(tmp) }() // the system's own directory for what may go
		dir = tmp
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return err
	}
	bin, err := build(ctx, dir)
	if err != nil {
		return err
	}
	say(w, "%s/%s, %d processors, %s; medians of %d rounds\n", runtime.GOOS, runtime.GOARCH, runtime.NumCPU(), runtime.Version(), o.rounds)
	start := []*program{
		{name: "tripod version", dir: dir, args: []string{bin("tripod"), "version"}},
		{name: "empty Go program", dir: dir, args: []string{bin("empty")}},
	}
	if err := measure(ctx, start, startRounds*o.rounds); err != nil {
		return err
	}
	say(w, "\n## Start-up\n\n")
	table(w, start, start[1:])
	for size := range strings.SplitSeq(o.sizes, ",") {
		n, err := strconv.Atoi(size)
		if err != nil {
			return fmt.Errorf("-sizes: %w", err)
		}
		fleet := filepath.Join(dir, "fleet"+size)
		if _, err := os.Stat(fleet); errors.Is(err, os.ErrNotExist) {
			self, err := os.Executable()
			if err != nil {
				return err
			}
			if err := command(ctx, ".", self, "-make", fleet, "-sizes", size); err != nil {
				return err
			}
		}
		parse := &program{name: "hclsyntax", dir: fleet, args: []string{bin("bareparse"), "."}}
		programs := []*program{
			{name: "tripod lint", dir: fleet, args: []string{bin("tripod"), "lint", "--offline"}},
			parse,
			{name: "tripod plan, one file changed", dir: fleet, args: []string{bin("tripod"), "plan", "--offline", "--against", "git:HEAD"}},
			{name: "tripod plan, everything new", dir: fleet, args: []string{bin("tripod"), "plan", "--offline", "--against", "empty"}},
		}
		against := []*program{parse}
		if n <= o.dnscontrol {
			check := &program{name: "dnscontrol check", dir: fleet, args: []string{bin("dnscontrol"), "check", "--config", "dnscontrol/tripod.js"}}
			programs, against = append(programs, check), append(against, check)
		}
		if err := measure(ctx, programs, o.rounds); err != nil {
			return err
		}
		say(w, "\n## %d domains\n\n", n)
		table(w, programs, against)
	}
	return nil
}

// build builds the programs and gives the way to their paths.
func build(ctx context.Context, dir string) (func(string) string, error) {
	bin := func(name string) string { return filepath.Join(dir, "bin", name) }
	for _, b := range []struct{ name, from, pkg string }{
		{"tripod", ".", "./cmd/tripod"}, {"bareparse", ".", "./internal/bench/bareparse"}, {"empty", ".", "./internal/bench/empty"},
		{"dnscontrol", "tools/dnscontrol", "github.com/StackExchange/dnscontrol/v4"},
	} {
		if err := command(ctx, b.from, "go", "build", "-o", bin(b.name), b.pkg); err != nil {
			return nil, err
		}
	}
	return bin, nil
}

// measure runs the programs in turn, A B C A B C, so that a machine whose speed drifts treats them alike.
func measure(ctx context.Context, programs []*program, rounds int) error {
	for round := range rounds + 1 {
		for _, p := range programs {
			c, err := once(ctx, p)
			if err != nil {
				return err
			}
			if round > 0 {
				p.runs = append(p.runs, c)
			}
		}
	}
	return nil
}

func once(ctx context.Context, p *program) (cost, error) {
	cmd := exec.CommandContext(ctx, p.args[0], p.args[1:]...) //nolint:gosec // programs that were built here
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), "TRIPOD_NOW="+bench.Now.Format(time.RFC3339))
	var out strings.Builder
	cmd.Stderr = &out
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	if err != nil {
		return cost{}, fmt.Errorf("%s: %w: %s", strings.Join(p.args, " "), err, out.String())
	}
	c := cost{cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), wall: wall}
	if r, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		c.memory = r.Maxrss
		if runtime.GOOS != "darwin" {
			c.memory <<= 10 // Linux counts in KiB
		}
	}
	return c, nil
}

// say prints. What cannot be printed is seen to be missing.
func say(w io.Writer, format string, args ...any) { _, _ = fmt.Fprintf(w, format, args...) }

// table prints a row a program: its costs, and the ratios of its processor time and of its wall time to those of the others, each the median
// of the ratios of the rounds.
func table(w io.Writer, programs, others []*program) {
	head, rule := "| | CPU s | wall s | peak MiB |", "|---|---:|---:|---:|"
	for _, o := range others {
		head += fmt.Sprintf(" CPU / %s | wall / %s |", o.name, o.name)
		rule += "---:|---:|"
	}
	say(w, "%s\n%s\n", head, rule)
	for _, p := range programs {
		say(w, "| %s | %s | %s | %.1f |", p.name,
			seconds(median(p.runs, func(c cost) time.Duration { return c.cpu })),
			seconds(median(p.runs, func(c cost) time.Duration { return c.wall })),
			float64(median(p.runs, func(c cost) int64 { return c.memory }))/(1<<20))
		for _, o := range others {
			cpu, wall := ratios(p, o, func(c cost) time.Duration { return c.cpu }), ratios(p, o, func(c cost) time.Duration { return c.wall })
			say(w, " %.2g | %.2g |", cpu, wall)
		}
		say(w, "\n")
	}
}

// ratios is the median of the ratios of p's costs to o's, round by round.
func ratios(p, o *program, of func(cost) time.Duration) float64 {
	list := make([]float64, len(p.runs))
	for i := range p.runs {
		list[i] = float64(of(p.runs[i])) / max(1, float64(of(o.runs[i])))
	}
	return median(list, func(r float64) float64 { return r })
}

func seconds(d time.Duration) string {
	if d < 100*time.Millisecond {
		return fmt.Sprintf("%.4f", d.Seconds())
	}
	return fmt.Sprintf("%.2f", d.Seconds())
}

func median[T any, V cmp.Ordered](list []T, of func(T) V) V {
	values := make([]V, len(list))
	for i, x := range list {
		values[i] = of(x)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
