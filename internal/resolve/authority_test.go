package resolve

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// serveAt answers queries at an address of loopback until the test ends. It returns the address, whose port is free where addr has 0.
func serveAt(t *testing.T, addr string, tcp bool, h dns.HandlerFunc) netip.AddrPort {
	t.Helper()
	for range 20 {
		pc, err := net.ListenPacket("udp", addr)
		if err != nil {
			missing(t, "listen at %s: %v", addr, err)
		}
		got := netip.MustParseAddrPort(pc.LocalAddr().String())
		var l net.Listener
		if tcp {
			if l, err = net.Listen("tcp", got.String()); err != nil {
				_ = pc.Close()
				continue // somebody has it by TCP: take another
			}
		}
		run := func(s *dns.Server) {
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
		run(&dns.Server{PacketConn: pc, Handler: h})
		if tcp {
			run(&dns.Server{Listener: l, Handler: h})
		}
		return got
	}
	t.Fatalf("no port at %s is free by UDP and TCP", addr)
	return netip.AddrPort{}
}

// missing skips a test that this machine cannot run; in CI it fails.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// says is a handler that gives records, with AA, to whatever is asked of their name and type; else no data, or NXDOMAIN.
func says(t *testing.T, apex string, records ...string) dns.HandlerFunc {
	t.Helper()
	var rrs []dns.RR
	for _, r := range records {
		rr, err := dns.NewRR(r)
		if err != nil {
			t.Fatal(err)
		}
		rrs = append(rrs, rr)
	}
	soa, err := dns.NewRR(apex + " 60 IN SOA ns.example. h.example. 1 1 1 1 60")
	if err != nil {
		t.Fatal(err)
	}
	return func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		m.Authoritative = true
		exists := false
		for _, rr := range rrs {
			if !strings.EqualFold(rr.Header().Name, q.Question[0].Name) {
				continue
			}
			exists = true
			if rr.Header().Rrtype == q.Question[0].Qtype || rr.Header().Rrtype == dns.TypeCNAME {
				m.Answer = append(m.Answer, rr)
			}
		}
		if len(m.Answer) == 0 {
			m.Ns = append(m.Ns, soa)
			if !exists {
				m.Rcode = dns.RcodeNameError
			}
		}
		_ = w.WriteMsg(m)
	}
}

func observe(t *testing.T, a *Authority, z zone.Name, qs ...Question) []Observation {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	got, err := a.Observe(ctx, z, qs)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func authority(t *testing.T, servers ...netip.AddrPort) *Authority {
	t.Helper()
	var list []string
	for _, s := range servers {
		list = append(list, s.String())
	}
	a, err := NewAuthority(nil, list)
	if err != nil {
		t.Fatal(err)
	}
	a.query = 700 * time.Millisecond
	return a
}

// Each way not to answer is told apart, and none of them is taken for an absent record.
func TestObserveTellsApart(t *testing.T) {
	t.Parallel()
	const txt = `a.example. 300 IN TXT "v=spf1 -all"`
	reply := func(change func(*dns.Msg)) dns.HandlerFunc {
		return func(w dns.ResponseWriter, q *dns.Msg) {
			m := new(dns.Msg)
			m.SetReply(q)
			change(m)
			_ = w.WriteMsg(m)
		}
	}
	rr := func(s string) dns.RR {
		r, err := dns.NewRR(s)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	var truncatedOnce atomic.Int32
	for _, tt := range []struct {
		name    string
		tcp     bool
		handler dns.HandlerFunc
		want    Outcome
		why     string
		data    string
	}{
		{name: "the record", handler: says(t, "a.example.", txt), want: Answered, data: "v=spf1 -all"},
		{name: "the name in other letters", handler: says(t, "a.example.", `A.Example. 300 IN TXT "v=spf1 -all"`), want: Answered, data: "v=spf1 -all"},
		{name: "an alias", handler: says(t, "a.example.", `a.example. 300 IN CNAME b.example.`), want: Answered, data: "CNAME b.example."},
		{name: "no such name", handler: says(t, "a.example."), want: Absent, why: ""},
		{name: "no data", handler: says(t, "a.example.", "a.example. 300 IN A 192.0.2.1"), want: Absent},
		{name: "refused", handler: reply(func(m *dns.Msg) { m.Rcode = dns.RcodeRefused }), want: Lame, why: "it says REFUSED"},
		{name: "no AA", handler: reply(func(m *dns.Msg) { m.Answer = []dns.RR{rr(txt)} }), want: Lame, why: "its answer is not authoritative (no AA)"},
		{name: "NXDOMAIN without AA", handler: reply(func(m *dns.Msg) { m.Rcode = dns.RcodeNameError }), want: Lame, why: "its answer is not authoritative (no AA)"},
		{
			name: "an upward referral", handler: reply(func(m *dns.Msg) { m.Ns = []dns.RR{rr(". 1 IN NS a.root-servers.net.")} }),
			want: Lame, why: "it does not serve the zone, and refers to the name servers of .",
		},
		{name: "the zone above", handler: says(t, "example."), want: Lame, why: "it answers from the zone example above"},
		{name: "SERVFAIL", handler: reply(func(m *dns.Msg) { m.Rcode = dns.RcodeServerFailure }), want: ServFail, why: "it says SERVFAIL"},
		{name: "silence", handler: func(dns.ResponseWriter, *dns.Msg) {}, want: Silent, why: "no answer in time"},
		{name: "truncated, and TCP gives it", tcp: true, want: Answered, data: "v=spf1 -all", handler: func(w dns.ResponseWriter, q *dns.Msg) {
			if w.RemoteAddr().Network() == "udp" {
				reply(func(m *dns.Msg) { m.Authoritative, m.Truncated = true, true })(w, q)
				return
			}
			says(t, "a.example.", txt)(w, q)
		}},
		{
			name: "truncated, without TCP", handler: reply(func(m *dns.Msg) { m.Authoritative, m.Truncated = true, true }),
			want: Truncated, why: "the answer does not fit UDP, and by TCP: connection refused",
		},
		{
			name: "truncated, by TCP too", tcp: true, handler: reply(func(m *dns.Msg) { m.Authoritative, m.Truncated = true, true }),
			want: Truncated, why: "the answer does not fit UDP, and is truncated by TCP too",
		},
		{name: "rubbish", handler: func(w dns.ResponseWriter, q *dns.Msg) {
			_, _ = w.Write([]byte{byte(q.Id >> 8), byte(q.Id), 0x84, 0, 0, 1, 0, 9, 0, 0, 0, 0, 7, 'r'})
		}, want: Malformed, why: "its answer is no DNS message"},
		{name: "another question", handler: reply(func(m *dns.Msg) { m.Authoritative, m.Question[0].Name = true, "b.example." }), want: Malformed, why: "it answered another question"},
		{name: "another name", handler: reply(func(m *dns.Msg) {
			m.Authoritative, m.Answer = true, []dns.RR{rr(`b.example. 300 IN TXT "v=spf1 -all"`)}
		}), want: Malformed, why: "it answered about another name"},
		{name: "no EDNS", handler: func(w dns.ResponseWriter, q *dns.Msg) {
			if q.IsEdns0() != nil {
				reply(func(m *dns.Msg) { m.Rcode = dns.RcodeFormatError })(w, q)
				return
			}
			says(t, "a.example.", txt)(w, q)
		}, want: Answered, data: "v=spf1 -all"},
		{name: "SERVFAIL for a moment", handler: func(w dns.ResponseWriter, q *dns.Msg) {
			if truncatedOnce.Add(1) == 1 {
				reply(func(m *dns.Msg) { m.Rcode = dns.RcodeServerFailure })(w, q)
				return
			}
			says(t, "a.example.", txt)(w, q)
		}, want: Answered, data: "v=spf1 -all"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			asked := serveAt(t, "127.0.0.1:0", tt.tcp, func(w dns.ResponseWriter, q *dns.Msg) {
				if q.RecursionDesired {
					t.Error("recursion is desired")
				}
				tt.handler(w, q)
			})
			got := observe(t, authority(t, asked), "a.example", Question{Name: "a.example", Type: dns.TypeTXT})
			if len(got) != 1 || got[0].Server.Address != asked {
				t.Fatalf("observations: %+v", got)
			}
			o := got[0]
			if o.Outcome != tt.want || tt.why == "" && o.Why != "" || !strings.HasPrefix(o.Why, tt.why) {
				t.Errorf("%s %q, want %s %q", o.Outcome, o.Why, tt.want, tt.why)
			}
			data := ""
			for _, r := range o.Records {
				data += r.RData()
				if !r.HasTTL || r.TTL != 300 {
					t.Errorf("TTL %d", r.TTL)
				}
			}
			if o.Link != nil {
				data = "CNAME " + o.Link.RData()
			}
			if data != tt.data {
				t.Errorf("records %q, want %q", data, tt.data)
			}
		})
	}
}

func TestObserveCuts(t *testing.T) {
	t.Parallel()
	cut := serveAt(t, "127.0.0.1:0", false, func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		ns, err := dns.NewRR("_domainkey.a.example. 300 IN NS ns.vendor.example.")
		if err != nil {
			t.Error(err)
		}
		m.Ns = []dns.RR{ns}
		_ = w.WriteMsg(m)
	})
	got := observe(t, authority(t, cut), "a.example",
		Question{Name: "s1._domainkey.a.example", Type: dns.TypeTXT}, Question{Name: "_domainkey.a.example", Type: dns.TypeNS})
	if got[0].Outcome != Delegated || got[0].Why != "_domainkey.a.example is delegated to other servers" {
		t.Errorf("below the cut: %s %q", got[0].Outcome, got[0].Why)
	}
	if got[1].Outcome != Answered || got[1].Records[0].Data != "ns.vendor.example." {
		t.Errorf("at the cut: %s %+v", got[1].Outcome, got[1].Records)
	}
}

// An address that this machine has no route to is no fault of the zone's.
func TestObserveWithoutRoute(t *testing.T) {
	t.Parallel()
	for _, addr := range []string{"[2001:db8::53]:53", "[100::53]:53"} {
		if conn, err := net.Dial("udp", addr); err == nil { //nolint:noctx // nothing is sent
			_ = conn.Close()
			t.Skip("this machine has a route to everywhere")
		}
		o := observe(t, authority(t, netip.MustParseAddrPort(addr)), "a.example", Question{Name: "a.example", Type: dns.TypeTXT})[0]
		if o.Outcome != Unreachable || o.Why != "this machine has no route to it" {
			t.Errorf("%s: %s %q", addr, o.Outcome, o.Why)
		}
	}
}

// A server that is not there costs each of many questions little.
func TestObserveGivesUpOnTheDead(t *testing.T) {
	t.Parallel()
	dead := serveAt(t, "127.0.0.1:0", false, func(dns.ResponseWriter, *dns.Msg) {})
	alive := serveAt(t, "127.0.0.1:0", false, says(t, "a.example."))
	var qs []Question
	for i := range 200 {
		qs = append(qs, Question{Name: zone.Name(fmt.Sprintf("n%d.a.example", i)), Type: dns.TypeTXT})
	}
	start := time.Now()
	got := observe(t, authority(t, dead, alive), "a.example", qs...)
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("took %v", took)
	}
	counts := map[Outcome]int{}
	for _, o := range got {
		counts[o.Outcome]++
	}
	if counts[Silent] != 200 || counts[Absent] != 200 {
		t.Errorf("outcomes: %v", counts)
	}
}

func TestObserveIsBounded(t *testing.T) {
	t.Parallel()
	slow := serveAt(t, "127.0.0.1:0", false, func(w dns.ResponseWriter, q *dns.Msg) {
		time.Sleep(100 * time.Millisecond)
		says(t, "a.example.")(w, q)
	})
	a := authority(t, slow)
	a.total = 300 * time.Millisecond
	var qs []Question
	for i := range 100 {
		qs = append(qs, Question{Name: zone.Name(fmt.Sprintf("n%d.a.example", i)), Type: dns.TypeTXT})
	}
	start := time.Now()
	got := observe(t, a, "a.example", qs...)
	if took := time.Since(start); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
	// Which of them are under way when the time is over is the scheduler's to say.
	if !slices.ContainsFunc(got, func(o Observation) bool {
		return o.Outcome == NotAsked && o.Why == "the time for this zone was over"
	}) {
		t.Errorf("all of %d were asked", len(got))
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := authority(t, slow).Observe(ctx, "a.example", qs); err == nil {
		t.Error("a cancelled run has no error")
	}
}

// The servers are those that the parent names and those that the zone names, at all their addresses.
func TestDelegation(t *testing.T) {
	t.Parallel()
	const (
		resolver = "127.0.0.1" // recursive
		parent   = "127.0.0.2" // example.
		first    = "127.0.0.3" // a.example., named by both
		second   = "127.0.0.4" // named by the zone only
		gone     = "127.0.0.5" // named by the parent only, by glue
	)
	at := serveAt(t, resolver+":0", false, says(t, ".",
		"example. 60 IN NS ns.example.", "ns.example. 60 IN A "+parent,
		"ns1.a.example. 60 IN A "+first, "ns2.other.example. 60 IN A "+second, "ns2.other.example. 60 IN AAAA ::ffff:"+second,
	))
	port := fmt.Sprint(at.Port())
	serveAt(t, parent+":"+port, false, func(w dns.ResponseWriter, q *dns.Msg) {
		m := new(dns.Msg)
		m.SetReply(q)
		if q.Question[0].Name != "a.example." {
			m.Authoritative, m.Rcode = true, dns.RcodeNameError
			_ = w.WriteMsg(m)
			return
		}
		for _, s := range []string{"a.example. 60 IN NS ns1.a.example.", "a.example. 60 IN NS ns0.a.example."} {
			rr, _ := dns.NewRR(s)
			m.Ns = append(m.Ns, rr)
		}
		for _, s := range []string{"ns0.a.example. 60 IN A " + gone, "ns1.a.example. 60 IN A " + first, "ns1.a.test. 60 IN A 127.0.0.9"} {
			rr, _ := dns.NewRR(s)
			m.Extra = append(m.Extra, rr)
		}
		_ = w.WriteMsg(m)
	})
	child := says(t, "a.example.", "a.example. 60 IN NS ns1.a.example.", "a.example. 60 IN NS ns2.other.example.", "a.example. 60 IN NS nowhere.example.",
		`a.example. 300 IN TXT "v=spf1 -all"`)
	serveAt(t, first+":"+port, false, child)
	serveAt(t, second+":"+port, false, child)

	client, err := NewClient([]string{at.String()})
	if err != nil {
		t.Fatal(err)
	}
	a, err := NewAuthority(client, nil)
	if err != nil {
		t.Fatal(err)
	}
	a.query, a.port = 300*time.Millisecond, at.Port()
	var got []string
	for _, o := range observe(t, a, "a.example", Question{Name: "a.example", Type: dns.TypeTXT}) {
		addr := "-"
		if o.Server.Address.IsValid() {
			addr = o.Server.Address.Addr().String()
		}
		got = append(got, fmt.Sprintf("%s %s parent=%v child=%v %s", o.Server.Name, addr, o.Server.Parent, o.Server.Child, o.Outcome))
	}
	want := []string{
		"ns0.a.example 127.0.0.5 parent=true child=false silent",
		"ns1.a.example 127.0.0.3 parent=true child=true answered",
		"nowhere.example - parent=false child=true no address",
		"ns2.other.example 127.0.0.4 parent=false child=true answered",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}

	_, err = a.Observe(t.Context(), "b.example", nil)
	if want := "find the name servers of b.example: it is not delegated: ns.example (" + parent + ":" + port + ") says NXDOMAIN"; err == nil || err.Error() != want {
		t.Errorf("a zone that is not delegated: %v, want %s", err, want)
	}
}

func TestNewAuthority(t *testing.T) {
	if _, err := NewAuthority(nil, nil); err == nil {
		t.Error("nobody to ask, and no error")
	}
	if _, err := NewAuthority(nil, []string{"ns.example"}); err == nil {
		t.Error("a name and nobody to resolve it, and no error")
	}
	if _, err := NewAuthority(nil, []string{"a b"}); err == nil {
		t.Error("a server that is none, and no error")
	}
	a, err := NewAuthority(nil, []string{"192.0.2.1", "[2001:db8::1]:5353"})
	if err != nil {
		t.Fatal(err)
	}
	servers, err := a.Nameservers(t.Context(), "a.example")
	if err != nil || len(servers) != 2 || servers[0].String() != "192.0.2.1" || servers[1].String() != "[2001:db8::1]:5353" {
		t.Errorf("%v, %v", servers, err)
	}
}

func TestSameData(t *testing.T) {
	rec := func(s string) *zone.Record {
		rr, err := dns.NewRR("a.example. 0 IN " + s)
		if err != nil {
			t.Fatal(err)
		}
		return fromRR(rr)
	}
	for _, tt := range []struct {
		a, b string
		same bool
	}{
		{`TXT "v=spf1 " "-all"`, `TXT "v=spf1 -all"`, true},
		{`TXT "a"`, `TXT "A"`, false},
		{"MX 10 MX.example.", "MX 10 mx.example.", true},
		{"MX 10 mx.example.", "MX 20 mx.example.", false},
		{"TLSA 3 1 1 ABCDEF", "TLSA 3 1 1 abcdef", true},
		{"TLSA 3 1 1 abcdef", "TLSA 3 1 1 abcdee", false},
		{"HTTPS 1 A.example. alpn=h2", "HTTPS 1 a.example. alpn=h2", true},
		{"A 192.0.2.1", "AAAA 2001:db8::1", false},
	} {
		if got := SameData(rec(tt.a), rec(tt.b)); got != tt.same {
			t.Errorf("%s and %s: %v", tt.a, tt.b, got)
		}
	}
}

// Whatever bytes a server sends, reading them ends in an outcome.
func FuzzObservation(f *testing.F) {
	m := new(dns.Msg)
	m.SetQuestion("a.example.", dns.TypeTXT)
	m.Response, m.Authoritative = true, true
	for _, s := range []string{`a.example. 1 IN TXT "x"`, "a.example. 1 IN CNAME b.example.", "example. 1 IN DNAME b.example."} {
		rr, err := dns.NewRR(s)
		if err != nil {
			f.Fatal(err)
		}
		m.Answer = append(m.Answer, rr)
	}
	wire, err := m.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(wire)
	f.Fuzz(func(t *testing.T, wire []byte) {
		m := new(dns.Msg)
		if m.Unpack(wire) != nil {
			return
		}
		o := Observation{Question: Question{Name: "a.example", Type: dns.TypeTXT}}
		read(&o, "a.example", m)
		if o.Outcome == Answered && len(o.Records) == 0 && o.Link == nil {
			t.Errorf("answered with nothing: %v", m)
		}
		if o.Outcome.Speaks() != (o.Why == "") && o.Outcome != Delegated {
			t.Errorf("%s with the words %q", o.Outcome, o.Why)
		}
		owner, names, _ := nsOf(m, "a.example", "example")
		if len(names) > 0 && owner == "" {
			t.Error("name servers of no zone")
		}
	})
}
