package engine

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/resolve"
	"github.com/tripod-dns/tripod/internal/zone"
)

const goodPolicy = "version: STSv1\r\nmode: enforce\r\nmx: mx.a.example\r\nmx: *.b.example\r\nmax_age: 604800\r\n"

// repoOf loads definitions from a folder of their own.
func repoOf(t *testing.T, files map[string]string) *Repo {
	t.Helper()
	dir := t.TempDir()
	if _, ok := files["tripod.hcl"]; !ok {
		files["tripod.hcl"] = "tripod { files = [\"domains/*.hcl\"] }\ndnscontrol { emit = \"zone\" }\n"
	}
	for name, text := range files {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r, err := Open(t.Context(), Options{Dir: dir, Now: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC), Offline: true, NoRest: "the test has none"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// webClient reaches a test server under the name of its certificate, whatever host is asked for.
func webClient(s *httptest.Server, trusted bool) *http.Client {
	pool := x509.NewCertPool()
	if trusted {
		pool.AddCert(s.Certificate())
	}
	addr := s.Listener.Addr().String()
	return &http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, network, addr)
		},
		TLSClientConfig: &tls.Config{RootCAs: pool, ServerName: "example.com", MinVersion: tls.VersionTLS12}, // httptest's certificate is for that name
	}}
}

// zoneServer answers for a.example on loopback.
func zoneServer(t *testing.T, records ...string) string {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var rrs []dns.RR
	for _, r := range records {
		rr, err := dns.NewRR(r)
		if err != nil {
			t.Fatal(err)
		}
		rrs = append(rrs, rr)
	}
	started := make(chan struct{})
	s := &dns.Server{PacketConn: pc, NotifyStartedFunc: func() { close(started) }, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		m.Authoritative = true
		for _, rr := range rrs {
			if h := rr.Header(); h.Name == q.Question[0].Name && (h.Rrtype == q.Question[0].Qtype || h.Rrtype == dns.TypeCNAME) {
				m.Answer = append(m.Answer, rr)
			}
		}
		_ = w.WriteMsg(m)
	})}
	go func() { _ = s.ActivateAndServe() }()
	t.Cleanup(func() { _ = s.Shutdown() })
	select {
	case <-started:
	case <-time.After(5 * time.Second):
		t.Fatal("the DNS server of the test does not start")
	}
	return pc.LocalAddr().String()
}

func TestVerifyPolicies(t *testing.T) {
	t.Parallel()
	r := repoOf(t, map[string]string{"domains/a.hcl": `domain "a.example" {
  mta_sts {
    mode    = "enforce"
    mx      = ["mx.a.example", "*.b.example"]
    max_age = 604800
    id      = "1"
  }
}
`})
	server := zoneServer(t, fmt.Sprintf("_mta-sts.a.example. 300 IN TXT %q", r.Config.Domains[0].Records[0].Text))
	text := func(s string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			_, _ = fmt.Fprint(w, s)
		}
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	for _, tt := range []struct {
		name      string
		handler   http.HandlerFunc
		untrusted bool
		otherName bool
		want      Verdict
		message   string
	}{
		{name: "what render writes", handler: text(goodPolicy), want: AsDeclared},
		{
			name: "the same, spelt otherwise", want: AsDeclared,
			handler: text("version: STSv1\nmax_age: 604800\nmode: enforce\nmx: *.B.example\nmx: mx.a.example\nmx: mx.a.example\nextra: 1\n"),
		},
		{name: "another media type", want: AsDeclared, message: "its media type is not text/plain: senders may refuse it (RFC 8461 §3.3)", handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = fmt.Fprint(w, goodPolicy)
		}},
		{
			name: "an old policy", want: Wrong, message: "its mode is testing, declared is enforce; its max_age is 86400, declared is 604800; it lacks the mx *.b.example; it has the mx old.a.example, which is not declared",
			handler: text("version: STSv1\r\nmode: testing\r\nmx: mx.a.example\r\nmx: old.a.example\r\nmax_age: 86400\r\n"),
		},
		{name: "a web page", handler: text("<!DOCTYPE html>\n<title>Welcome</title>\n"), want: Wrong, message: "what is served is no valid policy: no version: the policy is not read"},
		{name: "a redirect", handler: func(w http.ResponseWriter, q *http.Request) {
			if q.URL.Path != "/.well-known/mta-sts.txt" {
				t.Error("the redirect is followed")
			}
			http.Redirect(w, q, "/elsewhere", http.StatusFound)
		}, want: Wrong, message: "it redirects (HTTP 302): senders do not follow (RFC 8461 §3.3)"},
		{name: "missing", handler: status(http.StatusNotFound), want: Missing, message: "there is no policy (HTTP 404)"},
		{name: "forbidden", handler: status(http.StatusForbidden), want: Wrong, message: "the web server says HTTP 403: senders take 200 only (RFC 8461 §3.3)"},
		{name: "broken for now", handler: status(http.StatusBadGateway), want: Unconfirmed, message: "the web server says HTTP 502"},
		{name: "too large", handler: text(goodPolicy + strings.Repeat("#", 64<<10)), want: Wrong, message: "it is over 64 KiB: senders may not read it (RFC 8461 §3.3)"},
		{
			name: "a certificate of nobody's", handler: text(goodPolicy), untrusted: true, want: Wrong,
			message: "the certificate is not valid: no authority that this machine trusts has signed it (RFC 8461 §3.3)",
		},
		{name: "a certificate for another name", handler: text(goodPolicy), otherName: true, want: Wrong, message: "the certificate is not valid: it is for another name (RFC 8461 §3.3)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			web := httptest.NewUnstartedServer(tt.handler)
			web.Config.ErrorLog = log.New(io.Discard, "", 0) // it complains of clients that do not trust it
			web.StartTLS()
			defer web.Close()
			client := webClient(web, !tt.untrusted)
			if tt.otherName {
				client.Transport.(*http.Transport).TLSClientConfig.ServerName = "" // the host that is asked for
			}
			got, err := r.Verify(t.Context(), VerifyOptions{Servers: []string{server}, HTTP: client})
			if err != nil {
				t.Fatal(err)
			}
			p := got.Zones[0].Policies
			if len(p) != 1 {
				t.Fatalf("policies: %+v", p)
			}
			if p[0].Verdict != tt.want || p[0].Message != tt.message {
				t.Errorf("%s %q, want %s %q", p[0].Verdict, p[0].Message, tt.want, tt.message)
			}
			if p[0].URL != "https://mta-sts.a.example/.well-known/mta-sts.txt" || p[0].Pos.Line != 2 {
				t.Errorf("policy %+v", p[0])
			}
			c := got.Counts()
			if c.Differ() != (tt.want == Wrong || tt.want == Missing) || c.Incomplete() != (tt.want == Unconfirmed) {
				t.Errorf("counts %+v", c)
			}
		})
	}
}

func TestVerifyPolicyHostUnreachable(t *testing.T) {
	t.Parallel()
	r := repoOf(t, map[string]string{"domains/a.hcl": "domain \"a.example\" {\n  mta_sts {\n    mode = \"none\"\n    max_age = 86400\n  }\n}\n"})
	for _, tt := range []struct {
		name string
		err  error
		want Verdict
		text string
	}{
		{"no such host", &net.DNSError{Name: "mta-sts.a.example", IsNotFound: true}, Missing, "the host mta-sts.a.example does not exist, or has no address"},
		{"no resolver", &net.DNSError{Name: "mta-sts.a.example"}, Unconfirmed, "the address of mta-sts.a.example cannot be found"},
		{"nobody listens", &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", os.ErrDeadlineExceeded)}, Unconfirmed, "the web server does not answer in time"},
	} {
		client := &http.Client{Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) { return nil, tt.err }}}
		p := r.policyFetcher(client).verify(t.Context(), r.Config.Domains[0].MTASTS[0], r.Config.Files.Position(zone.Span{}))
		if p.Verdict != tt.want || p.Message != tt.text {
			t.Errorf("%s: %s %q, want %s %q", tt.name, p.Verdict, p.Message, tt.want, tt.text)
		}
	}
}

// verdicts are the sets that are not as declared, in a line each.
func verdicts(t *testing.T, r *Repo, server string, o VerifyOptions) []string {
	t.Helper()
	o.Servers = []string{server}
	got, err := r.Verify(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, z := range got.Zones {
		if z.Err != "" {
			out = append(out, z.Err)
		}
		for _, s := range z.Sets {
			if s.Verdict == AsDeclared {
				continue
			}
			line := fmt.Sprintf("%s %s %s %s", s.Verdict, s.Name, s.Type, s.What)
			for _, a := range s.Answers {
				line += fmt.Sprintf(" %q%s", a.Data, a.Text)
			}
			out = append(out, line)
		}
	}
	return out
}

// What other hands may have put there is no difference; what is of a kind that is declared is.
func TestVerifyLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	const (
		definition = "domain \"a.example\" {\n  spf { all = \"fail\" }\n  record \"MX\" \"@\" { rdata = [\"10 mx.a.example.\"] }\n}\n"
		spfRecord  = `a.example. 300 IN TXT "v=spf1 -all"`
		mx         = "a.example. 300 IN MX 10 mx.a.example."
		site       = `a.example. 300 IN TXT "google-site-verification=x"`
		second     = `a.example. 300 IN TXT "v=spf1 ~all"`
		dmarc      = `_dmarc.a.example. 300 IN TXT "v=DMARC1; p=none"`
	)
	settings := func(block string) string { return "tripod { files = [\"domains/*.hcl\"] }\n" + block }
	for _, tt := range []struct {
		name, settings string
		records        []string
		want           string
	}{
		{"tripod owns the zone", "dnscontrol { emit = \"zone\" }\n", []string{spfRecord, mx, site}, `wrong a.example TXT  ["google-site-verification=x" "v=spf1 -all"]`},
		{"left to others", "dnscontrol {\n  emit = \"zone\"\n  ignore_records = [\"@ TXT google-*\", \"_dmarc TXT\"]\n}\n", []string{spfRecord, mx, site, dmarc}, ""},
		{"nothing is rendered", "", []string{spfRecord, mx, site}, ""},
		{"nothing is rendered, and a second record", "", []string{spfRecord, mx, second}, `wrong a.example TXT  ["v=spf1 -all" "v=spf1 ~all"]`},
		{"nothing is rendered, and DMARC is there", "", []string{spfRecord, mx, dmarc}, `undeclared _dmarc.a.example TXT a DMARC record ["v=DMARC1; p=none"]`},
		{"the other half is not known", "dnscontrol { emit = \"extend\" }\n", []string{spfRecord, mx, site, "a.example. 300 IN MX 20 b.a.example.", dmarc}, ""},
		{"the other half is not known, and a second record", "dnscontrol { emit = \"extend\" }\n", []string{spfRecord, mx, second}, `wrong a.example TXT  ["v=spf1 -all" "v=spf1 ~all"]`},
		{"an alias", "", []string{"a.example. 300 IN CNAME b.example."}, `wrong a.example TXT  []an alias (CNAME) of b.example.|wrong a.example MX  []an alias (CNAME) of b.example.`},
		{"nothing at all", "", nil, `missing a.example TXT  []no TXT record|missing a.example MX  []no MX record`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			r := repoOf(t, map[string]string{"tripod.hcl": settings(tt.settings), "domains/a.hcl": definition})
			if got := strings.Join(verdicts(t, r, zoneServer(t, tt.records...), VerifyOptions{}), "|"); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

func TestVerifyWatches(t *testing.T) {
	t.Parallel()
	r := repoOf(t, map[string]string{"domains/a.hcl": `domain "a.example" {
  record "MX" "@" { rdata = ["10 mx.a.example."] }
  record "MX" "lists" { rdata = ["10 mx.a.example."] }
  record "TXT" "*._domainkey" { rdata = ["v=DKIM1; p="] }
}
`})
	server := zoneServer(t,
		"a.example. 300 IN MX 10 mx.a.example.", "lists.a.example. 300 IN MX 10 mx.a.example.",
		`*._domainkey.a.example. 300 IN TXT "v=DKIM1; p="`, `old._domainkey.a.example. 300 IN TXT "v=DKIM1; p="`, // the wildcard answers
		`older._domainkey.a.example. 300 IN TXT "k=rsa; p=MIIB"`,
		`lists.a.example. 300 IN TXT "v=spf1 ?all"`, `lists.a.example. 300 IN TXT "something else"`,
		`_smtp._tls.lists.a.example. 300 IN TXT "v=TLSRPTv1; rua=mailto:t@a.example"`,
		"vendor._domainkey.lists.a.example. 300 IN CNAME key.vendor.example.",
	)
	got := strings.Join(verdicts(t, r, server, VerifyOptions{Selectors: []string{"old", "older", "vendor", "none"}}), "\n")
	want := `undeclared older._domainkey.a.example TXT a DKIM key ["k=rsa; p=MIIB"]
undeclared lists.a.example TXT an SPF record ["v=spf1 ?all"]
undeclared _smtp._tls.lists.a.example TXT a TLS reporting record ["v=TLSRPTv1; rua=mailto:t@a.example"]
undeclared vendor._domainkey.lists.a.example TXT a DKIM key []an alias (CNAME) of key.vendor.example.`
	if got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// Glue stands below a delegation: the zone's servers do not answer for it.
func TestVerifyPassesOverGlue(t *testing.T) {
	t.Parallel()
	r := repoOf(t, map[string]string{"domains/a.hcl": `domain "a.example" {
  record "NS" "sub" { rdata = ["ns.sub.a.example."] }
  record "A" "ns.sub" { rdata = ["192.0.2.1"] }
}
`})
	got, err := r.Verify(t.Context(), VerifyOptions{Servers: []string{zoneServer(t, "sub.a.example. 300 IN NS ns.sub.a.example.")}})
	if err != nil {
		t.Fatal(err)
	}
	if sets := got.Zones[0].Sets; len(sets) != 1 || sets[0].Type != "NS" || sets[0].Verdict != AsDeclared {
		t.Errorf("%+v", sets)
	}
}

// Many zones are asked at once, and the order of the result is that of the definitions.
func TestVerifyManyZones(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	for i := range 50 {
		fmt.Fprintf(&b, "domain \"n%d.example\" {\n  spf { all = \"fail\" }\n}\n", i)
	}
	r := repoOf(t, map[string]string{"domains/a.hcl": b.String()})
	last, calls := 0, 0
	r.opts.Progress = func(what string, done, total int) {
		calls++
		if what != ProgressLookups || total != 50 || done != last+1 {
			t.Errorf("progress %s %d of %d after %d", what, done, total, last)
		}
		last = done
	}
	got, err := r.Verify(t.Context(), VerifyOptions{Servers: []string{zoneServer(t)}})
	if err != nil {
		t.Fatal(err)
	}
	for i, z := range got.Zones {
		if z.Name != zone.Name(fmt.Sprintf("n%d.example", i)) || len(z.Sets) != 1 || z.Sets[0].Verdict != Missing {
			t.Errorf("%d: %+v", i, z)
		}
	}
	if c := got.Counts(); c.Missing != 50 || calls != 50 {
		t.Errorf("counts %+v after %d calls", c, calls)
	}
	r.opts.Progress = nil
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Verify(ctx, VerifyOptions{Servers: []string{"127.0.0.1:1"}}); err == nil {
		t.Error("a cancelled run has no error")
	}
}

func TestTroublesAndMajority(t *testing.T) {
	t.Parallel()
	var n atomic.Uint32
	rec := func(text string, ttl uint32) []*zone.Record {
		n.Add(1)
		return []*zone.Record{{Type: dns.TypeTXT, Text: zone.PlainText(text, zone.Span{}), TTL: ttl, HasTTL: true}}
	}
	o, same, ok := majority([]resolve.Observation{
		{Outcome: resolve.Silent}, {Records: rec("old", 600)}, {Records: rec("new", 60)}, {Records: rec("new", 300)}, {Records: rec("new", 300)},
	})
	if !ok || same || o.Records[0].Text.String() != "new" || o.Records[0].TTL != 300 {
		t.Errorf("%+v, same %v, ok %v", o, same, ok)
	}
	if _, _, ok := majority([]resolve.Observation{{Outcome: resolve.Lame}}); ok {
		t.Error("a lame server decides")
	}
	// Two questions at two servers; only what this machine cannot reach is harmless.
	got := troubles([]resolve.Observation{
		{Outcome: resolve.Unreachable, Why: "a"}, {Outcome: resolve.Silent, Why: "b"},
		{Outcome: resolve.Unreachable, Why: "a"}, {Outcome: resolve.Answered},
	}, 2)
	if len(got) != 2 || !got[0].Harmless || got[0].Questions != 2 || got[1].Harmless || got[1].Questions != 1 || got[1].Of != 2 || got[1].Kind != "silent" {
		t.Errorf("%+v", got)
	}
}
