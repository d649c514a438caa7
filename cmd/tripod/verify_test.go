package main

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

const (
	verifySettings = `tripod { files = ["domains/*.hcl"] }
lint {
  rule "render-stale" { severity = "off" }
}
dnscontrol { emit = "zone" }
`
	verifyDomain = `domain "a.example" {
  spf {
    terms = ["ip4:192.0.2.0/25"]
    all   = "fail"
  }
  dmarc {
    p   = "reject"
    rua = ["mailto:reports@a.example"]
  }
  record "SOA" "@" { rdata = ["ns1.a.example. hostmaster.a.example. 7 7200 1800 1209600 300"] }
  record "NS" "@" { rdata = ["ns1.a.example."] }
  record "A" "ns1" { rdata = ["192.0.2.53"] }
  record "A" "mx" { rdata = ["192.0.2.25"] }
  record "MX" "@" { rdata = ["10 mx.a.example."] }
  record "TXT" "t" { rdata = ["two \"quotes\" and a \\ and é"] }
  record "CNAME" "s2._domainkey" { rdata = ["s2.vendor.example."] }
  record "TXT" "*.w" { rdata = ["at a wildcard"] }
  dkim "s1" {
    k = "rsa"
    p = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAodl0E72EnXNf55ZvGD1+BqOWgeI3b/smGJ4jG4rynI9+0r9hJHdBRl7s/HymtTrVDLAq3/Bl6cQohqAeazkrMc1M++btPqVLcRaDBHZHffTuYMN+tkc9CT70O2XV2UOU2ez/ezapcRVFzrIS7JXYQUUXmrdulRs/YJrrSRnu5TfJZq2xOhb2dHRqnMBUTH4tcTTLx8OTiR9LhN/KhZ5CHyQzhsFXX9Ex14iEBk9xEh10ZQi5M988IVjfwlVkvUevM6ruLe7O7emi8VaNvDWp62YDhhh4MI7oFdpmM0sWvKfWZDxSC0+hhz/MdtOmhbl2C0z5C+3nOW7Erye1E2xEiwIDAQAB"
  }
}
`
	verifyLedger = `dkim_keys "a.example" {
  serial = 3
  key "t20260101r-aaaaaa" {
    state = "gone"
    k     = "rsa"
    p     = "MIIB"
  }
}
`
	verifyLock = `{"schema": 1, "taken": "2026-11-24", "answers": {
"_dmarc.example. TXT": {"rcode": "NXDOMAIN"}
}}
`
)

// verifyRepo is a repository with one zone, and the zone files that it renders to.
func verifyRepo(t *testing.T) (dir, zones string) {
	t.Helper()
	dir = t.TempDir()
	zones = filepath.Join(dir, "zones")
	writeFile(t, filepath.Join(dir, "tripod.hcl"), verifySettings)
	writeFile(t, filepath.Join(dir, "tripod.lock.json"), verifyLock)
	writeFile(t, filepath.Join(dir, "domains/a.hcl"), verifyDomain)
	if err := os.Mkdir(zones, 0o755); err != nil { //nolint:gosec // named reads it as another user
		t.Fatal(err)
	}
	tripod(t, dir, nil, "render", "--zones", zones).want(t, exitOK)
	return dir, zones
}

// edited is a copy of a zone file with changes, old and new in turn.
func edited(t *testing.T, file string, changes ...string) string {
	t.Helper()
	src, err := os.ReadFile(file) //nolint:gosec // a file of this test
	if err != nil {
		t.Fatal(err)
	}
	text := string(src)
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(text, changes[i]) {
			t.Fatalf("%s does not hold %q:\n%s", file, changes[i], text)
		}
		text = strings.ReplaceAll(text, changes[i], changes[i+1])
	}
	out := filepath.Join(t.TempDir(), "edited.zone")
	writeFile(t, out, text)
	return out
}

// answering starts a name server of our own on loopback. It ends with the test.
func answering(t *testing.T, tcp bool, h dns.HandlerFunc) string {
	t.Helper()
	for range 20 {
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addr := pc.LocalAddr().String()
		var l net.Listener
		if tcp {
			if l, err = net.Listen("tcp", addr); err != nil {
				_ = pc.Close() // somebody has it by TCP: take another
				continue
			}
		}
		for _, s := range []*dns.Server{{PacketConn: pc, Handler: h}, {Listener: l, Handler: h}} {
			if s.PacketConn == nil && s.Listener == nil {
				continue
			}
			started := make(chan struct{})
			s.NotifyStartedFunc = func() { close(started) }
			go func() { _ = s.ActivateAndServe() }()
			select {
			case <-started:
			case <-time.After(5 * time.Second):
				t.Fatal("a DNS server of the test does not start")
			}
			t.Cleanup(func() { _ = s.Shutdown() })
		}
		return addr
	}
	t.Fatal("no port is free by UDP and TCP")
	return ""
}

func replying(change func(*dns.Msg)) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		change(m)
		_ = w.WriteMsg(m) // the client may have gone
	}
}

// relay answers as another server does, by TCP only: by UDP every answer is too large.
func relay(t *testing.T, to string) dns.HandlerFunc {
	t.Helper()
	return func(w dns.ResponseWriter, q *dns.Msg) {
		if w.RemoteAddr().Network() == "udp" {
			replying(func(m *dns.Msg) { m.Authoritative, m.Truncated = true, true })(w, q)
			return
		}
		m, err := dns.Exchange(q, to)
		if err != nil {
			return
		}
		_ = w.WriteMsg(m)
	}
}

// namedAs gives addresses names of the same length, so that output can be compared.
func namedAs(t *testing.T, out string, servers map[string]string) string {
	t.Helper()
	for name, addr := range servers {
		host, port, err := net.SplitHostPort(addr)
		if err != nil {
			t.Fatal(err)
		}
		for _, colon := range []string{":", `\:`} { // in Markdown it is escaped
			out = strings.ReplaceAll(out, host+colon+port, host+colon+(name + "-----")[:len(port)])
		}
	}
	return out
}

// wantGolden compares output with a file of testdata/verify; -update rewrites it.
func wantGolden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata/verify", name+".golden")
	if *update {
		writeFile(t, file, got)
	}
	want, err := os.ReadFile(file) //nolint:gosec // a file of this test
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// Two servers of BIND: one serves what is declared, the other has missed a change.
func TestVerifyTellsWhoServesWhat(t *testing.T) {
	t.Parallel()
	dir, zones := verifyRepo(t)
	writeFile(t, filepath.Join(dir, "keys/a.example.hcl"), verifyLedger)
	good := filepath.Join(zones, "a.example.zone")
	stale := edited(t, good,
		"192.0.2.0/25", "192.0.2.0/24",
		`s2._domainkey    IN CNAME s2.vendor.example.`, "",
		"10 mx", "20 mx",
		`t                IN TXT`, "_mta-sts IN TXT \"v=STSv1; id=1\"\nt20260101r-aaaaaa._domainkey IN TXT \"v=DKIM1; p=MIIB\"\nt IN TXT",
	)
	servers := map[string]string{"good": serve(t, map[string]string{"a.example": good}), "stale": serve(t, map[string]string{"a.example": stale})}

	r := tripod(t, dir, nil, "verify", "--server", servers["good"]).want(t, exitOK)
	if r.stdout != "10 as declared\n" || r.stderr != "" {
		t.Errorf("stdout %q, stderr %q", r.stdout, r.stderr)
	}

	r = tripod(t, dir, nil, "verify", "--server", servers["stale"]).want(t, exitFindings)
	wantGolden(t, "stale", namedAs(t, r.stdout, servers))
	r = tripod(t, dir, nil, "verify", "--server", servers["stale"], "--server", servers["good"]).want(t, exitFindings)
	wantGolden(t, "disagree", namedAs(t, r.stdout, servers))
	if r.stderr != "" {
		t.Errorf("stderr: %s", r.stderr)
	}
	r = tripod(t, dir, nil, "verify", "--server", servers["stale"], "--server", servers["good"], "--format", "markdown").want(t, exitFindings)
	wantGolden(t, "disagree.md", namedAs(t, r.stdout, servers))

	var doc struct {
		Schema  int
		Domains []struct {
			RecordSets []struct {
				Name, Type, Verdict, File string
				Line                      int
			} `json:"record_sets"`
		}
		Summary map[string]int
	}
	r = tripod(t, dir, nil, "verify", "--server", servers["stale"], "--format", "json").want(t, exitFindings)
	if err := json.Unmarshal([]byte(r.stdout), &doc); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, s := range doc.Domains[0].RecordSets {
		if s.Verdict != "as-declared" {
			got = append(got, fmt.Sprintf("%s %s %s %s:%d", s.Verdict, s.Name, s.Type, s.File, s.Line))
		}
	}
	want := []string{
		"wrong a.example TXT domains/a.hcl:2", "wrong a.example MX domains/a.hcl:14", "missing s2._domainkey.a.example CNAME domains/a.hcl:16",
		"undeclared _mta-sts.a.example TXT :0", "undeclared t20260101r-aaaaaa._domainkey.a.example TXT :0",
	}
	if !slices.Equal(got, want) || doc.Schema != 1 {
		t.Errorf("json: %q", got)
	}
}

// Each server that cannot be asked is told apart, and none of its records is called wrong or missing.
func TestVerifyTellsServersApart(t *testing.T) {
	t.Parallel()
	dir, zones := verifyRepo(t)
	good := serve(t, map[string]string{"a.example": filepath.Join(zones, "a.example.zone")})
	servers := map[string]string{
		"good": good,
		// BIND that serves another zone only refuses.
		"lame":  serve(t, map[string]string{"b.example": edited(t, filepath.Join(zones, "a.example.zone"), "a.example", "b.example")}),
		"dead":  answering(t, false, func(dns.ResponseWriter, *dns.Msg) {}),
		"fails": answering(t, false, replying(func(m *dns.Msg) { m.Rcode = dns.RcodeServerFailure })),
		"cache": answering(t, false, replying(func(m *dns.Msg) { m.RecursionAvailable = true })),
		"upward": answering(t, false, replying(func(m *dns.Msg) {
			m.Ns = []dns.RR{&dns.NS{Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeNS, Class: dns.ClassINET}, Ns: "a.root-servers.net."}}
		})),
		"cut":   answering(t, false, replying(func(m *dns.Msg) { m.Authoritative, m.Truncated = true, true })),
		"large": answering(t, true, relay(t, good)),
		"rot": answering(t, false, func(w dns.ResponseWriter, q *dns.Msg) {
			_, _ = w.Write([]byte{byte(q.Id >> 8), byte(q.Id), 0x84, 0, 0, 1, 0, 9, 0, 0, 0, 0, 7, 'r'})
		}),
	}
	want := map[string]string{
		"good": "", "large": "", "lame": "it is lame: it says REFUSED", "dead": "it is silent: no answer", "fails": "it fails: it says SERVFAIL",
		"cache": "it is lame: its answer is not authoritative (no AA)", "upward": "it is lame: it does not serve the zone, and refers to the name servers of .",
		"cut": "its answer is cut off: the answer does not fit UDP, and by TCP: connection refused", "rot": "its answer is none: its answer is no DNS message",
	}
	args := []string{"verify"}
	for _, addr := range servers {
		args = append(args, "--server", addr)
	}
	r := tripod(t, dir, nil, args...).want(t, exitUnusable)
	if r.stderr != "tripod: verify: not everything could be asked\n" {
		t.Errorf("stderr: %s", r.stderr)
	}
	if !strings.HasSuffix(r.stdout, "\n10 as declared, 7 problems with name servers\n") {
		t.Errorf("stdout: %s", r.stdout)
	}
	for _, verdict := range []string{"wrong", "missing", "differs", "undeclared", "unconfirmed"} {
		if strings.Contains(r.stdout, verdict) {
			t.Errorf("%q in\n%s", verdict, r.stdout)
		}
	}
	out := strings.Join(strings.Fields(r.stdout), " ")
	for name, text := range want {
		line := "not asked: " + servers[name] + ": " + text
		if text == "" {
			if strings.Contains(out, servers[name]) {
				t.Errorf("%s is named in\n%s", name, r.stdout)
			}
			continue
		}
		if strings.Count(out, servers[name]) != 1 || !strings.Contains(out, line) {
			t.Errorf("%s: %q is not in\n%s", name, line, r.stdout)
		}
	}
	if r.took > 20*time.Second {
		t.Errorf("took %v", r.took)
	}

	// With no server that answers, nothing is known of the records.
	r = tripod(t, dir, nil, "verify", "--server", servers["lame"], "--server", servers["fails"]).want(t, exitUnusable)
	if !strings.HasSuffix(r.stdout, "\n0 as declared, 10 unconfirmed, 2 problems with name servers\n") || strings.Contains(r.stdout, "missing") {
		t.Errorf("stdout: %s", r.stdout)
	}
}

// What the command line refuses, and what of several views is asked.
func TestVerifyOptions(t *testing.T) {
	t.Parallel()
	dir, zones := verifyRepo(t)
	good := serve(t, map[string]string{"a.example": filepath.Join(zones, "a.example.zone")})
	for _, tc := range []struct {
		args []string
		want string
	}{
		{[]string{"--domain", "b.example"}, "tripod: verify: there is no definition of b.example\n"},
		{[]string{"--tag", "inside"}, "tripod: verify: there is no definition with the tag \"inside\"\n"},
		{[]string{"--server", "a b"}, "tripod: verify: DNS server \"a b\": write HOST:PORT, such as 192.0.2.53:53 or [2001:db8::53]:53\n"},
		{[]string{"--format", "sarif"}, "tripod: unknown format \"sarif\": write text, json, markdown\n"},
	} {
		r := tripod(t, dir, nil, append([]string{"verify", "--resolver", good}, tc.args...)...).want(t, exitUnusable)
		if r.stderr != tc.want || r.stdout != "" {
			t.Errorf("%v: stderr %q, want %q", tc.args, r.stderr, tc.want)
		}
	}

	writeFile(t, filepath.Join(dir, "domains/inside.hcl"), "domain \"a.example\" {\n  tag = \"inside\"\n  record \"TXT\" \"@\" { rdata = [\"within\"] }\n}\n")
	r := tripod(t, dir, nil, "verify", "--server", good).want(t, exitOK)
	if !strings.Contains(r.stdout, "1 definition with the tag inside not asked") || !strings.HasSuffix(r.stdout, "10 as declared\n") {
		t.Errorf("stdout: %s", r.stdout)
	}
	r = tripod(t, dir, nil, "verify", "--server", good, "--tag", "inside").want(t, exitFindings)
	if !strings.Contains(r.stdout, "a.example (tag inside)") || !strings.Contains(r.stdout, "wrong: a.example TXT  domains/inside.hcl:3:32") {
		t.Errorf("stdout: %s", r.stdout)
	}

	// A resolver that does not answer: nobody knows who serves the zone.
	dead := answering(t, false, func(dns.ResponseWriter, *dns.Msg) {})
	r = tripod(t, dir, nil, "verify", "--resolver", dead, "--domain", "a.example").want(t, exitUnusable)
	if !strings.Contains(r.stdout, "not asked: find the name servers of a.example: ") || !strings.Contains(r.stdout, "10 unconfirmed") {
		t.Errorf("stdout: %s", r.stdout)
	}
}

// A plan against name servers compares what was asked, and nothing else shows as deleted.
func TestPlanAgainstDNS(t *testing.T) {
	t.Parallel()
	dir, zones := verifyRepo(t)
	// In CI lint asks no DNS; who asks for this base wants name servers asked all the same.
	ci := []string{"CI=true"}
	good := filepath.Join(zones, "a.example.zone")
	stale := edited(t, good, "192.0.2.0/25", "192.0.2.0/24", "10 mx", "20 mx", `s2._domainkey    IN CNAME s2.vendor.example.`, "",
		"t                IN TXT", "www IN A 192.0.2.80\nforgotten IN TXT \"nobody asks\"\n_smtp._tls IN TXT \"v=TLSRPTv1; rua=mailto:tls@a.example\"\nt 600 IN TXT")
	a, b := serve(t, map[string]string{"a.example": good}), serve(t, map[string]string{"a.example": stale})

	r := tripod(t, dir, ci, "plan", "--against", "dns", "--server", a, "--exit-code", "--fail-on", "never").want(t, exitOK)
	if !strings.Contains(r.stdout, "Changes against what the authoritative servers answer\n") || !strings.Contains(r.stdout, "\nNo record changes.\n") {
		t.Errorf("stdout: %s", r.stdout)
	}
	r = tripod(t, dir, ci, "plan", "--against", "dns", "--server", b, "--exit-code", "--fail-on", "never").want(t, exitChanges)
	_, changes, _ := strings.Cut(r.stdout, "Changes against ")
	changes, _, _ = strings.Cut(changes, "1 domain, ")
	wantGolden(t, "plan", changes)
	r = tripod(t, dir, nil, "plan", "--offline", "--against", "dns", "--server", b).want(t, exitUnusable)
	if r.stderr != "tripod: --against dns asks name servers, --offline forbids it: leave one of them out\n" {
		t.Errorf("stderr: %s", r.stderr)
	}
	r = tripod(t, dir, nil, "plan", "--offline", "--against", "empty", "--server", b).want(t, exitUnusable)
	if r.stderr != "tripod: --server names who is asked with --against dns: leave it out\n" {
		t.Errorf("stderr: %s", r.stderr)
	}

	// The answers of most servers count, and the plan says that they do not agree.
	r = tripod(t, dir, ci, "plan", "--against", "dns", "--server", a, "--server", b, "--server", serve(t, map[string]string{"a.example": good}), "--fail-on", "never").want(t, exitOK)
	if out := strings.Join(strings.Fields(r.stdout), " "); !strings.Contains(out, "No record changes.") ||
		!strings.Contains(out, "the name servers do not agree on a.example. MX, a.example. TXT, s2._domainkey.a.example. CNAME, and 1 more: what most of them answer was taken (") {
		t.Errorf("stdout: %s", r.stdout)
	}

	// Where no server answers there is nothing to compare with.
	fails := answering(t, false, replying(func(m *dns.Msg) { m.Rcode = dns.RcodeServerFailure }))
	r = tripod(t, dir, ci, "plan", "--against", "dns", "--server", fails).want(t, exitUnusable)
	if r.stdout != "" || !strings.HasPrefix(r.stderr, "tripod: plan against dns: a.example. NS: ") || !strings.HasSuffix(r.stderr, "no name server that could be asked answers: "+fails+": it says SERVFAIL\n") {
		t.Errorf("stderr: %s", r.stderr)
	}
}

// What BIND's zone file holds is what push would compare with: the same changes, the same digest.
func TestPlanAgainstProvider(t *testing.T) {
	t.Parallel()
	dir, zones := verifyRepo(t)
	writeFile(t, filepath.Join(dir, "tripod.hcl"), strings.Replace(verifySettings, `{ emit = "zone" }`, "{\n  emit = \"zone\"\n  dns_providers = [\"bind\"]\n}", 1))
	stale := edited(t, filepath.Join(zones, "a.example.zone"), "192.0.2.0/25", "192.0.2.0/24", "t                IN TXT", "forgotten IN TXT \"push deletes it\"\nt IN TXT")
	src, err := os.ReadFile(stale) //nolint:gosec // a file of this test
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(zones, "a.example.zone"), string(src))
	r := tripod(t, dir, nil, "plan", "--offline", "--against", "provider", "--exit-code", "--fail-on", "never").want(t, exitChanges)
	for _, want := range []string{"Changes against what the provider has\n", "- forgotten.a.example TXT", "~ a.example TXT", "1 changed, 1 deleted"} {
		if !strings.Contains(r.stdout, want) {
			t.Errorf("%q is not in\n%s", want, r.stdout)
		}
	}
	preview := tripod(t, dir, nil, "preview").want(t, exitOK)
	_, digest, _ := strings.Cut(strings.TrimSpace(preview.stdout), "digest ")
	if digest == "" || !strings.Contains(r.stdout, digest) {
		t.Errorf("preview has the digest %s, the plan\n%s", digest, r.stdout)
	}
	r = tripod(t, dir, nil, "plan", "--offline", "--against", "provider", "--creds", "nowhere.json").want(t, exitUnusable)
	if !strings.HasPrefix(r.stderr, "tripod: plan against provider: read credentials: ") {
		t.Errorf("stderr: %s", r.stderr)
	}
}
