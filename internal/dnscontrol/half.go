package dnscontrol

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/StackExchange/dnscontrol/v4/pkg/js"
	"github.com/StackExchange/dnscontrol/v4/pkg/rtypes"
)

// ChildArg is the first argument with which a program that links this package is started again, to run
// dnsconfig.js: its main calls ChildMain for it before anything else.
const ChildArg = "__dnscontrol-js"

// Limits of that child. The heap is what the linked JavaScript holds, in bytes.
const (
	childTime  = 10 * time.Second
	childHeap  = 512 << 20
	childStack = 64 << 20
)

// HalfOptions say where the other halves of the zones come from.
type HalfOptions struct {
	// Config is the path of dnsconfig.js. It runs with its directory as the current one, as dnscontrol would be run.
	Config string
	// Rest, if set, is a file that holds the JSON of `dnscontrol print-ir --raw -v tripod=off`, read instead.
	Rest string
	// Executable is the user's dnscontrol (see FindExecutable). Without one, and for Untrusted code always, the linked
	// JavaScript of v4.20 runs in a child process: without environment and network, for 10 s and 512 MiB,
	// and (on Linux) with no files but those of its repository.
	Executable string
	Untrusted  bool
	// Self is the program to start as that child, with ChildArg; "" is the one that runs.
	Self string
}

// FindExecutable finds the user's dnscontrol: the file named, or with "" the one in $PATH. Without one it gives "" and an
// error that wraps exec.ErrNotFound.
func FindExecutable(named string) (string, error) {
	if named == "" {
		named = "dnscontrol"
	}
	p, err := exec.LookPath(named)
	if err != nil {
		return "", fmt.Errorf("find dnscontrol: %w", err)
	}
	return filepath.Abs(p)
}

// OtherHalf reads what dnsconfig.js says of each zone, tripod's part switched off. The zones are by ID. The error is
// one line or a few, for a person: the reason why the other half is not known.
func OtherHalf(ctx context.Context, o HalfOptions) (map[string]*Half, error) {
	var src []byte
	var err error
	switch {
	case o.Rest != "":
		src, err = readFile(o.Rest, maxIR)
	case o.Executable != "" && !o.Untrusted:
		src, err = runExecutable(ctx, o)
	default:
		src, err = runChild(ctx, o)
	}
	if err != nil {
		return nil, err
	}
	return readIR(src)
}

// runExecutable asks the user's dnscontrol. The JSON goes to a file: what dnsconfig.js prints itself goes to
// standard output.
func runExecutable(ctx context.Context, o HalfOptions) (src []byte, err error) {
	dir, err := os.MkdirTemp("", "tripod-ir-")
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", o.Config, err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	out := filepath.Join(dir, "ir.json")
	ctx, cancel := context.WithTimeout(ctx, 3*childTime)
	defer cancel()
	_, err = run(ctx, filepath.Dir(o.Config), nil, o.Executable,
		"print-ir", "--raw", "-v", "tripod=off", "--config", filepath.Base(o.Config), "--out", out)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", o.Config, err)
	}
	return readFile(out, maxIR)
}

// runChild runs the linked JavaScript in a child process of our own.
func runChild(ctx context.Context, o HalfOptions) ([]byte, error) {
	if _, err := os.Stat(o.Config); err != nil {
		return nil, fmt.Errorf("read dnsconfig.js: %w", err)
	}
	self := o.Self
	if self == "" {
		var err error
		if self, err = os.Executable(); err != nil {
			return nil, fmt.Errorf("read %s: %w", o.Config, err)
		}
	}
	ctx, cancel := context.WithTimeout(ctx, childTime)
	defer cancel()
	// An empty environment: the code may be a stranger's, and a token there would end up in a record.
	root, err := repositoryOf(o.Config)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", o.Config, err)
	}
	out, err := run(ctx, filepath.Dir(o.Config), []string{}, self, ChildArg, root, filepath.Base(o.Config))
	switch {
	case err == nil:
		return out, nil
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("%s did not end within %d s", o.Config, childTime/time.Second)
	case strings.Contains(err.Error(), "stack exceeds"):
		return nil, fmt.Errorf("%s calls itself without end", o.Config)
	case strings.Contains(err.Error(), "out of memory"), strings.Contains(err.Error(), "cannot allocate memory"),
		strings.Contains(err.Error(), "failed to allocate"):
		return nil, fmt.Errorf("%s took more than %d MiB of memory", o.Config, childHeap>>20)
	}
	return nil, fmt.Errorf("read %s: %w", o.Config, err)
}

// repositoryOf is the directory below which dnsconfig.js may read files: the nearest one above it that has a tripod.hcl
// or is a git checkout, else its own.
func repositoryOf(config string) (string, error) {
	own, err := filepath.Abs(filepath.Dir(config))
	if err != nil {
		return "", err
	}
	for dir := own; ; dir = filepath.Dir(dir) {
		for _, mark := range []string{"tripod.hcl", ".git"} {
			if _, err := os.Stat(filepath.Join(dir, mark)); err == nil {
				return dir, nil
			}
		}
		if dir == filepath.Dir(dir) {
			return own, nil
		}
	}
}

// run starts a program and gives its standard output, at most maxIR bytes. The error holds the first lines that it
// wrote to standard error. env nil is the environment as it is.
func run(ctx context.Context, dir string, env []string, name string, args ...string) ([]byte, error) {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // the program is ours or the one that the user named
	stdout, stderr := &limited{max: maxIR}, &limited{max: 16 << 10}
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, stdout, stderr
	cmd.WaitDelay = time.Second
	err := cmd.Run()
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("%s: %w", filepath.Base(name), ctx.Err())
	case err != nil:
		text := strings.TrimSpace(stderr.buf.String())
		if text == "" {
			text = strings.TrimSpace(firstLines(stdout.buf.String(), 6))
		}
		if text == "" {
			return nil, fmt.Errorf("%s: %w", filepath.Base(name), err)
		}
		return nil, errors.New(firstLines(text, 6))
	case stdout.over:
		return nil, fmt.Errorf("%s printed more than %d MiB", filepath.Base(name), maxIR>>20)
	}
	return stdout.buf.Bytes(), nil
}

// limited keeps the first max bytes and drops the rest.
type limited struct {
	buf  bytes.Buffer
	max  int
	over bool
}

func (l *limited) Write(p []byte) (int, error) {
	n := len(p)
	if room := l.max - l.buf.Len(); n > room {
		p, l.over = p[:max(room, 0)], true
	}
	l.buf.Write(p)
	return n, nil
}

// ChildMain is the child's main: args are the directory below which files may be read and a dnsconfig.js. It runs that,
// prints dnscontrol's JSON, and gives the exit code. A program calls it when its first argument is ChildArg, with those behind that.
func ChildMain(args []string) (code int) {
	if len(args) != 2 {
		fmt.Fprintln(os.Stderr, "usage:", ChildArg, "ROOT dnsconfig.js")
		return 2
	}
	confine(args[0])
	limitMemory(childHeap)
	debug.SetMaxStack(childStack)
	go watchMemory(childHeap, func() {
		fmt.Fprintln(os.Stderr, "out of memory")
		os.Exit(3)
	})
	// console.log writes to standard output, where only the JSON is to stand.
	out := os.Stdout
	os.Stdout = os.Stderr
	defer func() {
		if p := recover(); p != nil {
			fmt.Fprintln(os.Stderr, p)
			code = 1
		}
	}()
	js.EnableFetch = false
	config, err := js.ExecuteJavaScript(args[1], false, map[string]string{"tripod": "off"})
	if err == nil {
		err = rtypes.PostProcess(config.Domains)
	}
	var text []byte
	if err == nil {
		text, err = json.Marshal(config)
	}
	if err == nil {
		_, err = out.Write(text)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}
