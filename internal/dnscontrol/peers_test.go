package dnscontrol

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// peer finds a program that a test needs. In CI its absence fails the test.
func peer(t testing.TB, name, install string) string {
	t.Helper()
	for _, p := range []string{name, "/usr/sbin/" + name} {
		if path, err := exec.LookPath(p); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("%s is missing: %s", name, install)
	}
	t.Skipf("%s is missing: %s", name, install)
	return ""
}

const bindPackages = "apt-get install bind9 bind9-utils bind9-dnsutils"

var built = struct {
	sync.Mutex
	path string
	err  error
}{}

// realDnscontrol is dnscontrol v4.20.0 itself, built from its module (tools/dnscontrol) and kept in the user's cache.
func realDnscontrol(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds dnscontrol")
	}
	built.Lock()
	defer built.Unlock()
	if built.path == "" && built.err == nil {
		built.path, built.err = buildDnscontrol()
	}
	if built.err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(built.err)
		}
		t.Skipf("dnscontrol cannot be built here: %v", built.err)
	}
	return built.path
}

func buildDnscontrol() (string, error) {
	module, err := filepath.Abs("../../tools/dnscontrol")
	if err != nil {
		return "", err
	}
	sums, err := os.ReadFile(filepath.Join(module, "go.sum"))
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", err
	}
	hash := sha256.Sum256(sums)
	dir := filepath.Join(cache, "tripod-test", hex.EncodeToString(hash[:8]))
	path := filepath.Join(dir, "dnscontrol")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	tmp := fmt.Sprintf("%s.%d", path, os.Getpid())
	cmd := exec.Command("go", "build", "-o", tmp, "github.com/StackExchange/dnscontrol/v4")
	cmd.Dir = module
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("%w: %s", err, firstLines(string(out), 10))
	}
	return path, os.Rename(tmp, path)
}

// runIn runs a program and gives all that it prints.
func runIn(t testing.TB, dir, name string, args ...string) (string, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// serve starts BIND for one zone file on loopback and gives its port.
func serve(t *testing.T, origin, file string) string {
	t.Helper()
	named := peer(t, "named", bindPackages)
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
	dir := t.TempDir()
	conf := fmt.Sprintf(`options {
  directory %q; pid-file none; session-keyfile none;
  listen-on port %s { 127.0.0.1; }; listen-on-v6 { none; };
  recursion no; dnssec-validation no; notify no;
};
controls { };
zone %q { type primary; file %q; };
`, dir, port, origin, file)
	if err := os.WriteFile(filepath.Join(dir, "named.conf"), []byte(conf), 0o600); err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	cmd := exec.Command(named, "-g", "-c", filepath.Join(dir, "named.conf"))
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = cmd.Wait() // it was killed
	})
	for range 100 {
		if out, err := exec.Command("dig", "+short", "+time=1", "+tries=1", "@127.0.0.1", "-p", port, origin, "SOA").Output(); err == nil && strings.TrimSpace(string(out)) != "" {
			return port
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatalf("named does not answer:\n%s", firstLines(log.String(), 40))
	return ""
}
