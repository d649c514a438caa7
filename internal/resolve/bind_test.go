package resolve

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"pgregory.net/rapid"

	"github.com/tripod-dns/tripod/internal/zone"
)

const named = "/usr/sbin/named"

// startNamed serves zone files by BIND on loopback until the test ends.
func startNamed(t *testing.T, zones map[string]string) (address string) {
	t.Helper()
	if _, err := os.Stat(named); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("this test compares with BIND, which CI has: %v", err)
		}
		t.Skipf("this test compares with BIND: install bind9 to run it (%v)", err)
	}
	dir := t.TempDir()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := l.Addr().(*net.TCPAddr).Port
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	var conf strings.Builder
	fmt.Fprintf(&conf, `options {
 directory "%s"; pid-file none; session-keyfile none; listen-on port %d { 127.0.0.1; }; listen-on-v6 { none; };
 recursion yes; allow-recursion { 127.0.0.1; }; dnssec-validation no; empty-zones-enable no; notify no;
 check-integrity no; check-names primary ignore; check-mx ignore; check-mx-cname ignore; check-srv-cname ignore; check-wildcard no;
};
controls {};
`, dir, port)
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range zones {
		write(name, text)
		fmt.Fprintf(&conf, "zone \"%s\" { type primary; file \"%s\"; };\n", name, name)
	}
	write("named.conf", conf.String())
	cmd := exec.Command(named, "-g", "-4", "-n", "1", "-c", filepath.Join(dir, "named.conf"))
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := cmd.Process.Kill(); err != nil {
			t.Error(err)
		}
		if err := cmd.Wait(); err == nil {
			t.Error("BIND ended by itself")
		}
		if err := log.Close(); err != nil {
			t.Error(err)
		}
	})
	for range 500 {
		said, err := os.ReadFile(log.Name())
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(said)) {
			if strings.Contains(line, "not loaded") || strings.Contains(line, "exiting") {
				t.Fatalf("BIND: %s\nin full: %s", line, said)
			}
		}
		if strings.Contains(string(said), "all zones loaded") {
			return fmt.Sprintf("127.0.0.1:%d", port)
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatal("BIND does not start")
	return ""
}

// zoneText is the zone file of a domain, with the SOA that every zone has.
func zoneText(d *zone.Domain) string {
	var b strings.Builder
	b.WriteString("$TTL 60\n@ SOA ns.invalid. root.invalid. 1 1 1 1 1\n")
	for _, r := range d.Records {
		data := r.Data
		if r.Type == dns.TypeTXT {
			data = ""
			for _, s := range characterStrings(r) {
				data += ` "`
				for i := range len(s) {
					data += fmt.Sprintf(`\%03d`, s[i])
				}
				data += `"`
			}
		}
		fmt.Fprintf(&b, "%s %s %s\n", r.Name.FQDN(), r.TypeName(), data)
	}
	return b.String()
}

var bindLabels = []string{"a", "b", "*", "_k"}

// randomDomain is a zone that BIND loads: CNAMEs stand alone, wildcards delegate and rewrite nothing.
func randomDomain(apex zone.Name, targets []zone.Name) *rapid.Generator[*zone.Domain] {
	return rapid.Custom(func(t *rapid.T) *zone.Domain {
		d := &zone.Domain{Name: apex, Emit: zone.EmitZone}
		types := map[zone.Name][]uint16{}
		add := func(n zone.Name, typ uint16, data string) {
			had := types[n]
			has := func(u uint16) bool { return slices.Contains(had, u) }
			switch {
			case typ == dns.TypeCNAME && (len(had) > 0 || n == apex), has(dns.TypeCNAME),
				typ == dns.TypeDNAME && (has(dns.TypeDNAME) || n != apex && has(dns.TypeNS) || n.IsWildcard()),
				typ == dns.TypeNS && (n != apex && has(dns.TypeDNAME) || n.IsWildcard()),
				typ == dns.TypeDS && !has(dns.TypeNS), typ == dns.TypeDS && n == apex:
				return
			}
			for _, r := range d.Records {
				if r.Name == n && r.Type == typ && r.RData() == data {
					return
				}
			}
			types[n] = append(had, typ)
			r := &zone.Record{Name: n, Type: typ, Data: data}
			switch typ {
			case dns.TypeTXT:
				r.Data, r.Text = "", zone.PlainText(data, zone.Span{})
			case dns.TypeCNAME, dns.TypeDNAME:
				r.Target = zone.MustParseName(data)
			}
			d.Records = append(d.Records, r)
		}
		add(apex, dns.TypeNS, "ns.invalid.")
		name := rapid.Custom(func(t *rapid.T) zone.Name {
			n := apex
			for _, l := range rapid.SliceOfN(rapid.SampledFrom(bindLabels), 0, 3).Draw(t, "labels") {
				n = n.Child(l)
			}
			return n
		})
		target := rapid.OneOf(name, rapid.SampledFrom(targets))
		// Plain data more often than what hides the rest of the zone.
		kinds := rapid.SampledFrom([]uint16{dns.TypeTXT, dns.TypeTXT, dns.TypeTXT, dns.TypeA, dns.TypeA, dns.TypeMX,
			dns.TypeCNAME, dns.TypeCNAME, dns.TypeNS, dns.TypeDNAME, dns.TypeDS})
		for range rapid.IntRange(3, 12).Draw(t, "records") {
			n := name.Draw(t, "owner")
			switch typ := kinds.Draw(t, "type"); typ {
			case dns.TypeTXT:
				add(n, typ, rapid.SampledFrom([]string{"t1", "t2"}).Draw(t, "text"))
			case dns.TypeA:
				add(n, typ, "192.0.2.1")
			case dns.TypeMX:
				add(n, typ, "10 "+target.Draw(t, "host").FQDN())
			case dns.TypeNS:
				add(n, typ, "ns.elsewhere.invalid.")
				if rapid.Bool().Draw(t, "signed") {
					add(n, dns.TypeDS, "1 13 2 "+strings.Repeat("AB", 32))
				}
			case dns.TypeCNAME, dns.TypeDNAME:
				add(n, typ, target.Draw(t, "target").FQDN())
			}
		}
		return d
	})
}

// askBind says what BIND answers, in the words of an Answer. It is asked without recursion, and then does not follow
// a CNAME into another of its zones: so it is asked again.
func askBind(t *testing.T, conn *dns.Conn, name zone.Name, qtype uint16) zone.Answer {
	t.Helper()
	a := askOnce(t, conn, name, qtype)
	for len(a.Chain) > 0 && len(a.Chain) < 40 && a.Status == zone.Unknown && !a.Owner.Under("invalid") {
		more := askOnce(t, conn, a.Owner, qtype)
		referred := len(more.Chain) == 0 && more.Status == zone.Unknown
		more.Chain = append(a.Chain, more.Chain...)
		if a = more; referred {
			break
		}
	}
	return a
}

func askOnce(t *testing.T, conn *dns.Conn, name zone.Name, qtype uint16) zone.Answer {
	t.Helper()
	q := new(dns.Msg)
	q.SetQuestion(name.FQDN(), qtype)
	q.RecursionDesired = false
	q.SetEdns0(4096, false)
	c := dns.Client{Net: "tcp", Timeout: 5 * time.Second}
	m, _, err := c.ExchangeWithConn(q, conn)
	if err != nil {
		t.Fatal(err)
	}
	a := zone.Answer{Owner: name}
	if qtype != dns.TypeCNAME {
		for range 40 {
			i := slices.IndexFunc(m.Answer, func(rr dns.RR) bool {
				return rr.Header().Rrtype == dns.TypeCNAME && nameOf(rr.Header().Name) == a.Owner
			})
			if i < 0 {
				break
			}
			link := fromRR(m.Answer[i])
			a.Chain = append(a.Chain, link)
			a.Owner = link.Target
		}
	}
	for _, rr := range m.Answer {
		if rr.Header().Rrtype == qtype && nameOf(rr.Header().Name) == a.Owner {
			a.Records = append(a.Records, fromRR(rr))
		}
	}
	authority := func(typ uint16) bool {
		return slices.ContainsFunc(m.Ns, func(rr dns.RR) bool { return rr.Header().Rrtype == typ })
	}
	switch {
	case m.Rcode == dns.RcodeNameError:
		a.Status = zone.NXDomain
	case m.Rcode != dns.RcodeSuccess:
		a.Status = zone.Failed
	case len(a.Records) > 0:
		a.Status = zone.Found
	case authority(dns.TypeSOA):
		a.Status = zone.NoData
	default: // a referral, or a chain that leads out of what is served
		a.Status = zone.Unknown
	}
	return a
}

func TestAnswersAreBINDs(t *testing.T) {
	const n = 150
	var (
		targets = []zone.Name{"out.invalid"}
		domains []*zone.Domain
		zones   = map[string]string{}
	)
	for i := range n {
		targets = append(targets, zone.Name(fmt.Sprintf("a.z%d.test", i)), zone.Name(fmt.Sprintf("z%d.test", i)))
	}
	for i := range n {
		apex := zone.Name(fmt.Sprintf("z%d.test", i))
		domains = append(domains, randomDomain(apex, targets).Example(2*i))
		if i%3 == 0 { // a zone below, with or without a delegation
			domains = append(domains, randomDomain(apex.Child("a"), targets).Example(2*i+1))
		}
	}
	for _, d := range domains {
		zones[string(d.Name)] = zoneText(d)
	}
	addr := startNamed(t, zones)
	conn, err := dns.DialTimeout("tcp", addr, 5*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := conn.Close(); err != nil {
			t.Error(err)
		}
	}()
	w := NewWorld(NewIndex(domains), nil, nil, LockFirst)
	asked, differ := 0, 0
	kinds := map[zone.Status]int{}
	for i := range n {
		apex := zone.Name(fmt.Sprintf("z%d.test", i))
		for _, name := range namesBelow(apex) {
			for _, qtype := range []uint16{dns.TypeTXT, dns.TypeMX, dns.TypeCNAME, dns.TypeDS} {
				got := w.Lookup(context.Background(), name, qtype)
				if qtype == dns.TypeDS && got.Owner.Count() == 2 {
					continue // for the zone above, which nobody serves here
				}
				want := askBind(t, conn, name, qtype)
				asked++
				kinds[got.Status]++
				if !sameAs(got, want) {
					differ++
					if differ <= 10 {
						t.Errorf("%s %s\n ours %s (%s)\n BIND %s\n%s", name, zone.TypeName(qtype), show(got), got.Why, show(want), zones[string(apex)])
					}
				}
			}
		}
	}
	t.Logf("%d questions, %d differ; %v", asked, differ, kinds)
	for s := zone.Found; s <= zone.Failed; s++ {
		if kinds[s] == 0 {
			t.Errorf("no question was answered by %v: the zones are too tame", s)
		}
	}
}

// What a client asks BIND for is what the index says of the same zones, by way of packets, EDNS and TCP.
func TestClientAsksBIND(t *testing.T) {
	var (
		targets = []zone.Name{"a.z1.test", "z2.test", "b.z3.test"}
		domains []*zone.Domain
		zones   = map[string]string{}
	)
	for i := range 25 {
		domains = append(domains, randomDomain(zone.Name(fmt.Sprintf("z%d.test", i)), targets).Example(i))
	}
	vendor := &zone.Domain{Name: "vendor.test"}
	add := func(label string, strs ...string) {
		vendor.Records = append(vendor.Records, txtRecord(vendor.Name.Child(label), strs))
	}
	vendor.Records = append(vendor.Records, &zone.Record{Name: vendor.Name, Type: dns.TypeNS, Data: "ns.invalid."})
	add("@", "v=spf1 ", `say "hi" \ é;`, "\x00\xff")
	add("*.wild", "synthesised")
	for i := range 30 {
		add("big", fmt.Sprintf("%02d", i), strings.Repeat("x", 200)) // over 1232 octets: by TCP
	}
	domains = append(domains, vendor)
	for _, d := range domains {
		zones[string(d.Name)] = zoneText(d)
	}
	w := NewWorld(NewIndex(domains), nil, nil, LockFirst)
	live := NewWorld(NewIndex(nil), nil, client(t, startNamed(t, zones)), LiveOnly)
	asked := 0
	for _, d := range domains {
		names := namesBelow(d.Name)
		if d == vendor {
			names = []zone.Name{"vendor.test", "big.vendor.test", "a.b.wild.vendor.test", "none.vendor.test"}
		}
		for _, name := range names {
			for _, qtype := range []uint16{dns.TypeTXT, dns.TypeMX} {
				want := w.Lookup(context.Background(), name, qtype)
				if !want.Status.Known() {
					continue // BIND would ask the world
				}
				asked++
				if got := live.Lookup(context.Background(), name, qtype); !sameAs(got, want) {
					t.Errorf("%s %s\n live %s (%s)\nindex %s", name, zone.TypeName(qtype), show(got), got.Why, show(want))
				}
			}
		}
	}
	a := live.Lookup(context.Background(), "vendor.test", dns.TypeTXT)
	if len(a.Records) != 1 || !slices.Equal(characterStrings(a.Records[0]), characterStrings(vendor.Records[1])) {
		t.Errorf("strings: %s", show(a))
	}
	if asked < 1000 {
		t.Errorf("only %d questions", asked)
	}
}

// namesBelow are names that random zones hold, and such that they do not.
func namesBelow(apex zone.Name) []zone.Name {
	out := []zone.Name{apex}
	level := out
	for range 3 {
		var next []zone.Name
		for _, n := range level {
			for _, l := range []string{"a", "b", "x", "*"} {
				next = append(next, n.Child(l))
			}
		}
		out = append(out, next...)
		level = next
	}
	return out
}

// sameAs compares what BIND says too. It does not give up at circles of CNAMEs, and says less of where they lead.
func sameAs(got, want zone.Answer) bool {
	if got.Status == zone.Failed {
		return want.Status == zone.Failed || len(want.Chain) >= len(got.Chain) && len(got.Chain) > 0
	}
	if got.Status != want.Status || got.Owner != want.Owner || len(got.Chain) != len(want.Chain) || len(got.Records) != len(want.Records) {
		return false
	}
	for i, r := range got.Chain {
		if r.Target != want.Chain[i].Target {
			return false
		}
	}
	set := map[string]bool{}
	for _, r := range got.Records {
		set[strings.ToLower(r.RData())] = true
	}
	for _, r := range want.Records {
		if !set[strings.ToLower(r.RData())] {
			return false
		}
	}
	return true
}
