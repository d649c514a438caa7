package dnscontrol

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tripod-dns/tripod/internal/peers"
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

// realDnscontrol is dnscontrol v4.20.0 itself.
func realDnscontrol(t testing.TB) string {
	t.Helper()
	if testing.Short() {
		t.Skip("builds dnscontrol")
	}
	path, err := peers.Dnscontrol(t.Context(), "../..")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skipf("dnscontrol cannot be built here: %v", err)
	}
	return path
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
