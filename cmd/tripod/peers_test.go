package main

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/tripod-dns/tripod/internal/peers"
)

// A result is how a program ended.
type result struct {
	code           int
	stdout, stderr string
	took           time.Duration
	peak           int64 // memory of the program or the largest of its children, in bytes
}

// tripod runs the program in a directory, with an environment that has nothing of the user's but PATH, and env.
func tripod(t testing.TB, dir string, env []string, args ...string) result {
	t.Helper()
	cmd := tripodCommand(t, dir, env, args...)
	return runCommand(t, cmd)
}

func tripodCommand(t testing.TB, dir string, env []string, args ...string) *exec.Cmd {
	t.Helper()
	program, err := exec.LookPath("tripod")
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Dir = dir
	cmd.Env = append([]string{"PATH=" + pathWithout(os.Getenv("PATH"), "dnscontrol"), "TMPDIR=" + os.TempDir()}, storyEnv(dir)...)
	cmd.Env = append(cmd.Env, env...)
	return cmd
}

func runCommand(t testing.TB, cmd *exec.Cmd) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	start := time.Now()
	err := cmd.Run()
	r := result{stdout: stdout.String(), stderr: stderr.String(), took: time.Since(start)}
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	r.code = cmd.ProcessState.ExitCode()
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		r.peak = usage.Maxrss << 10
	}
	return r
}

// want fails the test when a run did not end as it has to.
func (r result) want(t testing.TB, code int) result {
	t.Helper()
	if r.code != code {
		t.Fatalf("exit code %d, want %d\nstdout:\n%s\nstderr:\n%s", r.code, code, r.stdout, r.stderr)
	}
	return r
}

// writeFile writes a file, and the directories that lead to it.
func writeFile(t testing.TB, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil { //nolint:gosec // named reads it as another user
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil { //nolint:gosec // named reads it as another user
		t.Fatal(err)
	}
}

const bindPackages = "apt-get install bind9 bind9-utils bind9-dnsutils"

// peer finds a program that a test needs. In CI its absence fails the test.
func peer(t testing.TB, name, install string) string {
	t.Helper()
	for _, p := range []string{name, "/usr/sbin/" + name, "/usr/bin/" + name} {
		if path, err := exec.LookPath(p); err == nil {
			return path
		}
	}
	missing(t, fmt.Sprintf("%s is missing: %s", name, install))
	return ""
}

func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}

// realDnscontrol is dnscontrol v4.20.0 itself.
func realDnscontrol(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds dnscontrol")
	}
	path, err := peers.Dnscontrol(t.Context(), "../..")
	if err != nil {
		missing(t, fmt.Sprintf("dnscontrol cannot be built here: %v", err))
	}
	return path
}

// program runs another program and gives what it prints.
func program(t testing.TB, dir, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// serve starts BIND on loopback for zone files by origin, and gives its address. It ends with the test.
func serve(t *testing.T, zones map[string]string) string {
	t.Helper()
	named := peer(t, "named", bindPackages)
	dig := peer(t, "dig", bindPackages)
	var first string
	var conf strings.Builder
	for origin, file := range zones {
		first = origin
		fmt.Fprintf(&conf, "zone %q { type primary; file %q; };\n", origin, file)
	}
	// Between finding a free port and taking it, another process may have it: try again.
	var log string
	for range 3 {
		port := freePort(t)
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "named.conf"), fmt.Sprintf(`options {
  directory %q; pid-file none; session-keyfile none;
  listen-on port %s { 127.0.0.1; }; listen-on-v6 { none; };
  recursion no; dnssec-validation no; notify no; minimal-responses yes;
};
controls { };
`, dir, port)+conf.String())
		output := &lockedBuffer{}
		cmd := exec.Command(named, "-g", "-n", "1", "-c", filepath.Join(dir, "named.conf")) //nolint:gosec // the peer of this test
		cmd.Stdout, cmd.Stderr = output, output
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		ended := make(chan struct{})
		go func() {
			_ = cmd.Wait() // it is killed
			close(ended)
		}()
		t.Cleanup(func() {
			_ = cmd.Process.Kill() // it may have ended
			<-ended
		})
		for range 200 {
			out, err := program(t, ".", dig, "+short", "+time=1", "+tries=1", "@127.0.0.1", "-p", port, first, "SOA")
			if err == nil && strings.TrimSpace(out) != "" {
				return "127.0.0.1:" + port
			}
			select {
			case <-ended:
			case <-time.After(25 * time.Millisecond):
				continue
			}
			break
		}
		log = output.String()
	}
	t.Fatalf("named does not answer:\n%s", log)
	return ""
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return port
}

// A lockedBuffer may be read while a process writes to it.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}
