package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// world is what third parties publish, as one zone that BIND serves.
const world = `$ORIGIN example.
$TTL 300
@ SOA ns hostmaster 1 7200 1800 1209600 300
@ NS ns
ns A 127.0.0.1
_spf.vendor TXT "v=spf1 ip4:198.51.100.0/24 " "include:more.vendor.example -all"
more.vendor TXT "v=spf1 a:out.vendor.example ~all"
more.vendor TXT "another"
out.vendor A 203.0.113.9
s1._domainkey.vendor TXT "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAodl0E72EnXNf55ZvGD1+BqOWgeI3b/smGJ4jG4rynI9+0r9hJHdBRl7s/HymtTrVDLAq3/Bl6cQohqAeazkrMc1M++btPqVLcRaDBHZHff"
mx.vendor A 203.0.113.25
mx.vendor AAAA 2001:db8:203::25
`

const ours = `domain "a.example" {
  spf {
    terms = ["include:_spf.vendor.example", "include:gone.vendor.example"]
    all   = "softfail"
  }
  dmarc {
    p   = "quarantine"
    rua = ["mailto:d@a.example"]
  }
  record "MX" "@" { rdata = ["10 mx.vendor.example."] }
}
`

// tripod lock fills the lock file from DNS; a second run changes nothing; then lint needs no DNS, and says what it says with DNS.
func TestLockFromBIND(t *testing.T) {
	dir := t.TempDir()
	zones := t.TempDir()
	writeFile(t, filepath.Join(zones, "example.zone"), world)
	writeFile(t, filepath.Join(dir, "tripod.hcl"), hostileSettings)
	writeFile(t, filepath.Join(dir, hostileFile), ours)
	addr := serve(t, map[string]string{"example": filepath.Join(zones, "example.zone")})
	file := filepath.Join(dir, "tripod.lock.json")

	r := tripod(t, dir, nil, "lock", "--resolver", addr).want(t, exitOK)
	if r.stderr != "" {
		t.Errorf("lock: %s", r.stderr)
	}
	src, err := os.ReadFile(file) //nolint:gosec // a file of this test
	if err != nil {
		t.Fatal(err)
	}
	var lock struct {
		Schema  int
		Taken   string
		Answers map[string]any
	}
	if err := json.Unmarshal(src, &lock); err != nil {
		t.Fatal(err)
	}
	text := func(strings ...any) any { return map[string]any{"data": []any{strings}} }
	want := map[string]any{
		"_dmarc.example. TXT":      map[string]any{"rcode": "NXDOMAIN"},
		"_spf.vendor.example. TXT": text("v=spf1 ip4:198.51.100.0/24 ", "include:more.vendor.example -all"),
		"gone.vendor.example. TXT": map[string]any{"rcode": "NXDOMAIN"},
		"more.vendor.example. TXT": map[string]any{"data": []any{[]any{"another"}, []any{"v=spf1 a:out.vendor.example ~all"}}},
		"out.vendor.example. A":    map[string]any{"data": []any{"203.0.113.9"}},
		"out.vendor.example. AAAA": map[string]any{"data": []any{}},
	}
	// Where only existence matters, nothing else is kept.
	for key, v := range lock.Answers {
		if m, ok := v.(map[string]any); ok && len(m) == 1 && m["exists"] != nil {
			if !strings.HasPrefix(key, "mx.vendor.example. A") && !strings.HasSuffix(key, " DS") && !strings.HasSuffix(key, " NS") {
				t.Errorf("%s: only its existence was kept", key)
			}
			delete(lock.Answers, key)
		}
	}
	if lock.Schema != 1 || lock.Taken != "2026-11-24" {
		t.Errorf("schema %d, taken %s", lock.Schema, lock.Taken)
	}
	if diff := cmp.Diff(want, lock.Answers); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
	for key := range want {
		line := 0
		for l := range strings.Lines(string(src)) {
			if strings.HasPrefix(l, `"`+key+`":`) {
				line++
			}
		}
		if line != 1 {
			t.Errorf("%s stands on %d lines of its own", key, line)
		}
	}

	// Again, and a week later: the same answers, the same file.
	before := treeOf(t, dir)
	for _, now := range []string{clock, "2026-12-01T12:00:00Z"} {
		r = tripod(t, dir, []string{"TRIPOD_NOW=" + now}, "lock", "--resolver", addr).want(t, exitOK)
		if after := treeOf(t, dir); after != before {
			t.Errorf("the file was written again: %s", r.stdout)
		}
	}

	// Offline with the lock file, online without it, online in spite of it: the same findings.
	offline := tripod(t, dir, nil, "lint", "--offline").want(t, exitFindings)
	if strings.Contains(offline.stdout, "lock-missing") || strings.Contains(offline.stdout, "not checked") {
		t.Errorf("the lock file lacks something:\n%s", offline.stdout)
	}
	if !strings.Contains(offline.stdout, "[spf-include-missing]") {
		t.Errorf("no word of gone.vendor.example:\n%s", offline.stdout)
	}
	for _, args := range [][]string{{"lint", "--resolver", addr}, {"lint", "--refresh", "--resolver", addr}} {
		if online := tripod(t, dir, nil, args...).want(t, exitFindings); online.stdout != offline.stdout {
			t.Errorf("%v:\n%s", args, cmp.Diff(offline.stdout, online.stdout))
		}
	}
	check := tripod(t, dir, nil, "spf", "check", "a.example", "--ip", "203.0.113.9", "--offline").want(t, exitOK)
	if !strings.HasPrefix(check.stdout, "pass  a.example for 203.0.113.9\n") {
		t.Errorf("spf check: %s", check.stdout)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if online := tripod(t, dir, nil, "lint", "--resolver", addr).want(t, exitFindings); online.stdout != offline.stdout {
		t.Errorf("without a lock file:\n%s", cmp.Diff(offline.stdout, online.stdout))
	}
	if r := tripod(t, dir, nil, "spf", "tree", "_spf.vendor.example", "--resolver", addr).want(t, exitOK); !strings.HasPrefix(r.stdout, "_spf.vendor.example  2 of 10 lookups\n") {
		t.Errorf("spf tree: %s", r.stdout)
	}

	// What is needed no more is dropped, and that is said.
	writeFile(t, file, string(src))
	writeFile(t, filepath.Join(dir, hostileFile), strings.Replace(ours, `, "include:gone.vendor.example"`, "", 1))
	r = tripod(t, dir, nil, "lock", "--resolver", addr).want(t, exitOK)
	if !strings.Contains(r.stdout, "gone.vendor.example") {
		t.Errorf("lock does not say what it drops: %s", r.stdout)
	}
	got, err := os.ReadFile(file) //nolint:gosec // a file of this test
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(got), "gone.vendor.example") {
		t.Errorf("the entry is still there:\n%s", got)
	}
}

// Without an answer the old entry stays, and the run says which name failed.
func TestLockWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("waits for name servers that do not answer")
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "tripod.hcl"), hostileSettings)
	writeFile(t, filepath.Join(dir, hostileFile), "domain \"a.example\" {\n  spf { all = \"fail\" }\n}\n")
	writeFile(t, filepath.Join(dir, "tripod.lock.json"), hostileLock)
	before := treeOf(t, dir)
	closed := "127.0.0.1:" + freePort(t)
	r := tripod(t, dir, nil, "lock", "--resolver", closed).want(t, exitUnusable)
	if !strings.Contains(r.stdout+r.stderr, "_dmarc.example") {
		t.Errorf("it does not say what failed:\n%s%s", r.stdout, r.stderr)
	}
	if after := treeOf(t, dir); after != before {
		t.Errorf("before:\n%s\nafter:\n%s", before, after)
	}
}
