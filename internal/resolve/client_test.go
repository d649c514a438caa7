package resolve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// serve answers on loopback, by UDP and TCP on one port, until the test ends.
func serve(t testing.TB, handler dns.HandlerFunc) (address string) {
	t.Helper()
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", pc.LocalAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range []*dns.Server{{PacketConn: pc, Handler: handler}, {Listener: l, Handler: handler}} {
		started := make(chan struct{})
		s.NotifyStartedFunc = func() { close(started) }
		go func() {
			if err := s.ActivateAndServe(); err != nil {
				t.Error(err)
			}
		}()
		<-started
		t.Cleanup(func() {
			if err := s.Shutdown(); err != nil {
				t.Error(err)
			}
		})
	}
	return pc.LocalAddr().String()
}

// reply answers with records in presentation format.
func reply(t testing.TB, w dns.ResponseWriter, q *dns.Msg, code int, records ...string) {
	m := new(dns.Msg)
	m.SetRcode(q, code)
	m.RecursionAvailable = true
	for _, s := range records {
		rr, err := dns.NewRR(s)
		if err != nil {
			t.Error(err)
			return
		}
		if rr.Header().Rrtype == dns.TypeSOA {
			m.Ns = append(m.Ns, rr)
		} else {
			m.Answer = append(m.Answer, rr)
		}
	}
	send(t, w, m)
}

func send(t testing.TB, w dns.ResponseWriter, m *dns.Msg) {
	if err := w.WriteMsg(m); err != nil {
		t.Error(err)
	}
}

func client(t testing.TB, servers ...string) *Client {
	t.Helper()
	c, err := NewClient(servers)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const soaOf = " 60 IN SOA ns. root. 1 1 1 1 1"

func TestClientAnswers(t *testing.T) {
	var flaky, edns atomic.Int32
	big := make([]string, 40)
	for i := range big {
		big[i] = fmt.Sprintf(`big.test. 60 IN TXT "%02d%s"`, i, strings.Repeat("x", 100))
	}
	addr := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		tcp := w.RemoteAddr().Network() == "tcp"
		switch name := strings.ToLower(q.Question[0].Name); name {
		case "servfail.test.":
			reply(t, w, q, dns.RcodeServerFailure)
		case "refused.test.":
			reply(t, w, q, dns.RcodeRefused)
		case "flaky.test.":
			if flaky.Add(1) < 3 {
				reply(t, w, q, dns.RcodeServerFailure)
			} else {
				reply(t, w, q, dns.RcodeSuccess, `FLAKY.test. 60 IN TXT "at last"`)
			}
		case "noedns.test.":
			if q.IsEdns0() != nil {
				edns.Add(1)
				m := new(dns.Msg)
				m.SetRcodeFormatError(q)
				m.Question = nil
				send(t, w, m)
			} else {
				reply(t, w, q, dns.RcodeSuccess, `noedns.test. 60 IN TXT "old"`)
			}
		case "big.test.":
			if o := q.IsEdns0(); o == nil || o.UDPSize() != udpSize {
				t.Errorf("EDNS %v", o)
			}
			if tcp {
				reply(t, w, q, dns.RcodeSuccess, big...)
			} else {
				m := new(dns.Msg)
				m.SetReply(q)
				m.Truncated = true
				send(t, w, m)
			}
		case "truncated.test.":
			m := new(dns.Msg)
			m.SetReply(q)
			m.Truncated = true
			send(t, w, m)
		case "silent.test.":
		case "lame.test.":
			m := new(dns.Msg)
			m.SetReply(q)
			m.Ns = []dns.RR{&dns.NS{Hdr: dns.RR_Header{Name: "test.", Rrtype: dns.TypeNS, Class: dns.ClassINET}, Ns: "ns.test."}}
			send(t, w, m)
		case "other.test.":
			m := new(dns.Msg)
			m.SetReply(q)
			m.Question[0].Name = "another.test."
			send(t, w, m)
		case "alias.test.":
			reply(t, w, q, dns.RcodeSuccess, "alias.test. 60 IN CNAME Next.test.", "next.test. 60 IN CNAME end.test.",
				`end.test. 60 IN TXT "one" "two\"\195\169\000"`, `unasked.test. 60 IN TXT "poison"`)
		case "dangling.test.":
			reply(t, w, q, dns.RcodeNameError, "dangling.test. 60 IN CNAME void.test.", "test."+soaOf)
		case "nodata.test.":
			reply(t, w, q, dns.RcodeSuccess, "test."+soaOf)
		case "circle.test.":
			reply(t, w, q, dns.RcodeSuccess, "circle.test. 60 IN CNAME circle2.test.", "circle2.test. 60 IN CNAME circle.test.")
		case "mx.test.":
			reply(t, w, q, dns.RcodeSuccess, "mx.test. 60 IN MX 20 B.test.", "mx.test. 60 IN MX 10 a.test.", "mx.test. 60 IN MX 10 a.test.")
		case `user\@odd.test.`:
			reply(t, w, q, dns.RcodeSuccess, `user\@odd.test. 60 IN TXT "found"`)
		case "next.test.", "end.test.", "void.test.", "circle2.test.":
			t.Errorf("%s was asked: the answer was at hand", name)
		default:
			reply(t, w, q, dns.RcodeNameError, "test."+soaOf)
		}
	})
	c := client(t, addr)
	c.query, c.total = 250*time.Millisecond, 10*time.Second
	w := NewWorld(NewIndex(nil), nil, c, LockFirst)
	for _, tt := range []struct{ ask, want, why string }{
		{"servfail.test TXT", "servfail.test: failed", "servfail.test. TXT: SERVFAIL from " + addr},
		{"refused.test TXT", "refused.test: failed", "refused.test. TXT: REFUSED from " + addr},
		{"flaky.test TXT", "flaky.test: found [at last]", ""},
		{"noedns.test TXT", "noedns.test: found [old]", ""},
		{"truncated.test TXT", "truncated.test: failed", "truncated.test. TXT: " + addr + ": a truncated answer by TCP"},
		{"silent.test TXT", "silent.test: failed", "silent.test. TXT: no answer from " + addr + " in time"},
		{"lame.test TXT", "lame.test: failed", "lame.test. TXT: " + addr + " is no recursive server: it referred to others"},
		{"other.test TXT", "other.test: failed", "other.test. TXT: " + addr + ": an answer to another question"},
		{"nx.test TXT", "nx.test: NXDOMAIN", ""},
		{"nodata.test TXT", "nodata.test: no data", ""},
		{"mx.test MX", "mx.test: found [10 a.test.] [20 b.test.]", ""},
		{"alias.test TXT", "alias.test -> next.test -> end.test: found [onetwo\"é\x00]", ""},
		{"dangling.test TXT", "dangling.test -> void.test: NXDOMAIN", ""},
		{"circle.test TXT", "circle.test -> circle2.test -> circle.test: failed", "the CNAMEs of circle.test lead back to it"},
		{"unasked.test TXT", "unasked.test: NXDOMAIN", ""},
		{"user@odd.test TXT", "user@odd.test: found [found]", ""},
	} {
		name, qtype := question(t, tt.ask)
		a := w.Lookup(context.Background(), name, qtype)
		if show(a) != tt.want || a.Why != tt.why {
			t.Errorf("%s\n got %s (%s)\nwant %s (%s)", tt.ask, show(a), a.Why, tt.want, tt.why)
		}
	}
	a := w.Lookup(context.Background(), "big.test", dns.TypeTXT)
	if len(a.Records) != 40 || a.Records[39].Text.String()[:2] != "39" {
		t.Errorf("big.test: %v, %d records", a.Status, len(a.Records))
	}
	if a := w.Lookup(context.Background(), "alias.test", dns.TypeTXT); len(a.Records) != 1 || fmt.Sprint(a.Records[0].Joints) != "[3]" {
		t.Errorf("the strings of a TXT are kept apart: %+v", a.Records)
	}
	if edns.Load() != 1 {
		t.Errorf("a server without EDNS was asked with it %d times", edns.Load())
	}
	if n := len(w.Missing()); n > 0 {
		t.Errorf("%d missing: what failed is not missing", n)
	}
}

func TestSecondServer(t *testing.T) {
	broken := serve(t, func(w dns.ResponseWriter, q *dns.Msg) { reply(t, w, q, dns.RcodeServerFailure) })
	good := serve(t, func(w dns.ResponseWriter, q *dns.Msg) { reply(t, w, q, dns.RcodeSuccess, `a.test. 60 IN TXT "x"`) })
	if s := client(t, broken, good).ask(context.Background(), key{"a.test", dns.TypeTXT}); s.status != zone.Found {
		t.Errorf("%v: %s", s.status, s.why)
	}
}

func TestAServerThatIsNotThere(t *testing.T) {
	var asked atomic.Int32
	silent := serve(t, func(_ dns.ResponseWriter, q *dns.Msg) {
		if q.Question[0].Name != "." {
			asked.Add(1)
		}
	})
	c := client(t, silent)
	c.query = 20 * time.Millisecond
	var last step
	for i := range 50 {
		last = c.ask(context.Background(), key{zone.Name(fmt.Sprintf("n%d.test", i)), dns.TypeA})
		if last.status != zone.Failed {
			t.Fatalf("%v", last.status)
		}
	}
	if asked.Load() != maxSilence || last.why != "n49.test. A: no answer from "+silent+" to this or any question" {
		t.Errorf("asked %d times; %s", asked.Load(), last.why)
	}
}

func TestAServerThatIsSlowAtFirst(t *testing.T) {
	addr := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		if !strings.HasPrefix(q.Question[0].Name, "slow") {
			reply(t, w, q, dns.RcodeSuccess, q.Question[0].Name+` 60 IN A 192.0.2.1`)
		}
	})
	c := client(t, addr)
	c.query = 100 * time.Millisecond
	for i := range 3 {
		c.ask(context.Background(), key{zone.Name(fmt.Sprintf("slow%d.test", i)), dns.TypeA})
	}
	if s := c.ask(context.Background(), key{"a.test", dns.TypeA}); s.status != zone.Found {
		t.Errorf("%v %s", s.status, s.why)
	}
}

func TestOneQuestionIsAskedOnce(t *testing.T) {
	var asked, underWay, most atomic.Int32
	addr := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		asked.Add(1)
		n := underWay.Add(1)
		for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
		}
		time.Sleep(10 * time.Millisecond)
		underWay.Add(-1)
		reply(t, w, q, dns.RcodeSuccess, q.Question[0].Name+` 60 IN A 192.0.2.1`)
	})
	c := client(t, addr)
	var wg sync.WaitGroup
	for i := range 400 {
		wg.Go(func() {
			if s := c.ask(context.Background(), key{zone.Name(fmt.Sprintf("n%d.test", i%100)), dns.TypeA}); s.status != zone.Found {
				t.Errorf("%v %s", s.status, s.why)
			}
		})
	}
	wg.Wait()
	if asked.Load() != 100 || most.Load() > maxUnderWay {
		t.Errorf("%d queries, want 100; %d at once, the limit is %d", asked.Load(), most.Load(), maxUnderWay)
	}
}

func TestCancelledQuestionIsAskedAnew(t *testing.T) {
	release := make(chan struct{})
	addr := serve(t, func(w dns.ResponseWriter, q *dns.Msg) {
		<-release
		reply(t, w, q, dns.RcodeSuccess, `a.test. 60 IN TXT "x"`)
	})
	c := client(t, addr)
	c.query = 100 * time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	time.AfterFunc(20*time.Millisecond, cancel)
	k := key{"a.test", dns.TypeTXT}
	if s := c.ask(ctx, k); s.status != zone.Failed || s.why != "a.test. TXT: context canceled" {
		t.Errorf("%v %q", s.status, s.why)
	}
	close(release)
	if s := c.ask(context.Background(), k); s.status != zone.Found {
		t.Errorf("%v %q", s.status, s.why)
	}
}

func TestServerAddresses(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.53": "192.0.2.53:53", "192.0.2.53:5353": "192.0.2.53:5353", "2001:db8::53": "[2001:db8::53]:53",
		"[2001:db8::53]": "[2001:db8::53]:53", "[2001:db8::53]:5353": "[2001:db8::53]:5353", "dns.example:53": "dns.example:53", "dns.example": "dns.example:53",
	} {
		if got, err := serverAddress(in); got != want || err != nil {
			t.Errorf("%s: %s %v", in, got, err)
		}
	}
	for _, in := range []string{"", ":53", "host:port", "host:0", "host:70000", "a b", "https://dns.example/"} {
		if got, err := serverAddress(in); err == nil || !strings.Contains(err.Error(), "write HOST:PORT") {
			t.Errorf("%q: %s %v", in, got, err)
		}
	}
	if _, err := NewClient(nil); err == nil || !strings.Contains(err.Error(), "--resolver") {
		t.Error(err)
	}
	got, err := SystemServers([]byte("# comment\nnameserver 192.0.2.1\nnameserver 2001:db8::1\noptions edns0\n"))
	if diff := cmp.Diff([]string{"192.0.2.1:53", "[2001:db8::1]:53"}, got); diff != "" || err != nil {
		t.Error(diff, err)
	}
}

// vendor is a third party whose answers the tests change.
type vendor struct {
	mu      sync.Mutex
	answers map[string][]string // by question; none: NXDOMAIN
	down    map[string]bool
}

func (v *vendor) handle(t testing.TB) dns.HandlerFunc {
	return func(w dns.ResponseWriter, q *dns.Msg) {
		v.mu.Lock()
		defer v.mu.Unlock()
		k := q.Question[0].Name + " " + dns.TypeToString[q.Question[0].Qtype]
		rrs, ok := v.answers[k]
		cname, alias := v.answers[q.Question[0].Name+" CNAME"]
		switch {
		case v.down[k]:
			reply(t, w, q, dns.RcodeServerFailure)
		case alias:
			reply(t, w, q, dns.RcodeSuccess, cname...)
		case ok:
			reply(t, w, q, dns.RcodeSuccess, append(rrs, "test."+soaOf)...)
		default:
			reply(t, w, q, dns.RcodeNameError, "test."+soaOf)
		}
	}
}

func TestRefresh(t *testing.T) {
	v := &vendor{answers: map[string][]string{
		"_spf.test. TXT":      {`_spf.test. 60 IN TXT "v=spf1 " "-all"`},
		"s1.test. CNAME":      {`s1.test. 60 IN CNAME s1.vendor.test.`},
		"s1.vendor.test. TXT": {`s1.vendor.test. 60 IN TXT "v=DKIM1; p="`},
		"home.test. CNAME":    {`home.test. 60 IN CNAME www.example.com.`},
		"mx.test. A":          {`mx.test. 60 IN A 192.0.2.1`},
		"mx.test. AAAA":       {},
		"empty.test. TXT":     {},
	}, down: map[string]bool{}}
	addr := serve(t, v.handle(t))
	ix := NewIndex([]*zone.Domain{domain(t, "example.com", "www TXT own\nk CNAME s1.test.\n")})
	day := func(s string) time.Time {
		d, err := time.Parse(time.DateTime, s+" 10:00:00")
		if err != nil {
			t.Fatal(err)
		}
		return d
	}
	const maxAge = 30 * 24 * time.Hour
	// run is what lint and plan ask, then `tripod lock`.
	run := func(old *Lock, now string, more ...Question) Refreshed {
		t.Helper()
		c := client(t, addr)
		w := NewWorld(ix, old, c, LiveThenLock)
		ctx := context.Background()
		w.Lookup(ctx, "_spf.test", dns.TypeTXT)
		w.Lookup(ctx, "k.example.com", dns.TypeTXT)
		w.Lookup(ctx, "home.test", dns.TypeTXT)
		w.Lookup(ctx, "empty.test", dns.TypeTXT)
		w.Lookup(ctx, "_dmarc.test", dns.TypeTXT)
		w.Exists(ctx, "mx.test", dns.TypeA)
		out, err := old.Refresh(ctx, c, ix, append(w.Needed(), more...), day(now), maxAge)
		if err != nil {
			t.Fatal(err)
		}
		again, err := ParseLock(out.Lock.Print())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(out.Lock.Print()), string(again.Print())); diff != "" {
			t.Fatal(diff)
		}
		return out
	}
	const want = `{"schema": 1, "taken": "2026-11-24", "answers": {
"_dmarc.test. TXT": {"rcode": "NXDOMAIN"},
"_spf.test. TXT": {"data": [["v=spf1 ", "-all"]]},
"empty.test. TXT": {"data": []},
"home.test. CNAME": {"data": ["www.example.com."]},
"mx.test. A": {"exists": true},
"mx.test. AAAA": {"exists": false},
"s1.test. CNAME": {"data": ["s1.vendor.test."]},
"s1.vendor.test. TXT": {"data": [["v=DKIM1; p="]]}}}
`
	check := func(t *testing.T, r Refreshed, lock, changed, dropped, failed string) {
		t.Helper()
		if diff := cmp.Diff(lock, string(r.Lock.Print())); diff != "" {
			t.Errorf("lock file (-want +got):\n%s", diff)
		}
		if got := fmt.Sprint(r.Changed); changed != "*" && got != changed {
			t.Errorf("changed %s, want %s", got, changed)
		}
		if got := fmt.Sprint(r.Dropped); got != dropped {
			t.Errorf("dropped %s, want %s", got, dropped)
		}
		var f []string
		for _, x := range r.Failed {
			f = append(f, fmt.Sprintf("%s kept=%v %s", x.Question, x.Kept, x.Why))
		}
		if got := strings.Join(f, "; "); got != failed {
			t.Errorf("failed %s, want %s", got, failed)
		}
	}
	first := run(&Lock{}, "2026-11-24")
	check(t, first, want, "*", "[]", "")

	t.Run("nothing changes", func(t *testing.T) {
		check(t, run(mustLock(t, want), "2026-12-08"), want, "[]", "[]", "")
	})
	t.Run("half of the age", func(t *testing.T) {
		check(t, run(mustLock(t, want), "2026-12-09"), strings.Replace(want, "2026-11-24", "2026-12-09", 1), "[]", "[]", "")
	})
	t.Run("offline judges by it", func(t *testing.T) {
		w := NewWorld(ix, mustLock(t, want), nil, LockFirst)
		checkLookups(t, w, []lookupTest{
			{"k.example.com TXT", "k.example.com -> s1.test -> s1.vendor.test: found [v=DKIM1; p=]"},
			{"home.test TXT", "home.test -> www.example.com: found [own]"},
		})
		if len(w.Missing()) > 0 {
			t.Errorf("missing %v", w.Missing())
		}
	})
	t.Run("prefetched", func(t *testing.T) {
		c := client(t, addr)
		old := mustLock(t, strings.Replace(want, `"s1.test`, `"www.example.com. TXT": {"data": []},`+"\n"+`"s1.test`, 1))
		w := NewWorld(ix, old, c, LiveOnly)
		w.Prefetch(context.Background())
		if len(w.Needed()) > 0 {
			t.Errorf("needed: %v", w.Needed())
		}
		if c.cache[key{"www.example.com", dns.TypeTXT}] != nil {
			t.Error("a name of the repository was asked for in the world")
		}
		c.servers = nil // what is not at hand now fails
		for _, ask := range []string{"k.example.com TXT", "_spf.test TXT", "mx.test A", "_dmarc.test TXT"} {
			name, qtype := question(t, ask)
			if a := w.With(w.Index()).Lookup(context.Background(), name, qtype); !a.Status.Known() {
				t.Errorf("%s: %v %s", ask, a.Status, a.Why)
			}
		}
		if len(w.Needed()) != 5 { // two of them for the CNAME and what it leads to
			t.Errorf("needed: %v", w.Needed())
		}
	})
	t.Run("dropped", func(t *testing.T) {
		old := strings.Replace(want, `"empty.test`, `"aunt.test. MX": {"data": []},`+"\n"+`"empty.test`, 1)
		check(t, run(mustLock(t, old), "2026-11-30"), want, "[]", "[aunt.test. MX]", "")
	})
	t.Run("another answer", func(t *testing.T) {
		old := strings.Replace(want, "s1.vendor.test.\"]", "old.vendor.test.\"]", 1)
		check(t, run(mustLock(t, old), "2026-11-30"), strings.Replace(want, "2026-11-24", "2026-11-30", 1), "[s1.test. CNAME]", "[]", "")
		w := NewWorld(ix, mustLock(t, old), client(t, addr), LiveOnly)
		w.Lookup(context.Background(), "k.example.com", dns.TypeTXT)
		w.Lookup(context.Background(), "_spf.test", dns.TypeTXT)
		if got := fmt.Sprint(w.Differing()); got != "[s1.test. TXT]" {
			t.Errorf("differing: %s", got)
		}
	})
	t.Run("failures keep what was", func(t *testing.T) {
		v.mu.Lock()
		v.down["_spf.test. TXT"], v.down["s1.test. TXT"], v.down["new.test. TXT"], v.down["mx.test. A"] = true, true, true, true
		v.mu.Unlock()
		old := mustLock(t, strings.Replace(want, `"s1.test`, `"new.test. TXT": {"rcode": "SERVFAIL"},`+"\n"+`"s1.test`, 1))
		before := string(old.Print())
		r := run(old, "2026-12-01", Question{"new.test", dns.TypeTXT, true})
		check(t, r, want, "[]", "[new.test. TXT]",
			"_spf.test. TXT kept=true _spf.test. TXT: SERVFAIL from "+addr+"; mx.test. A kept=true mx.test. A: SERVFAIL from "+addr+
				"; new.test. TXT kept=false new.test. TXT: SERVFAIL from "+addr+"; s1.test. TXT kept=true s1.test. TXT: SERVFAIL from "+addr)
		if diff := cmp.Diff(before, string(old.Print())); diff != "" {
			t.Errorf("the old lock file was changed: %s", diff)
		}
		w := NewWorld(ix, mustLock(t, want), client(t, addr), LiveOnly)
		if a := w.Lookup(context.Background(), "_spf.test", dns.TypeTXT); a.Status != zone.Failed {
			t.Errorf("--refresh: %v, the lock file must not answer", a.Status)
		}
	})
	t.Run("cancelled", func(t *testing.T) {
		ctx, cancel := context.WithCancelCause(context.Background())
		cancel(errors.New("enough"))
		_, err := mustLock(t, want).Refresh(ctx, client(t, addr), ix, first.Changed, day("2026-12-01"), maxAge)
		if err == nil || err.Error() != "refresh the lock file: enough" {
			t.Error(err)
		}
	})
}
