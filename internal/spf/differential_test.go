package spf

import (
	"context"
	"math/rand/v2"
	"net"
	"net/netip"
	"strings"
	"testing"

	oracle "blitiri.com.ar/go/spf"
	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// oracleResolver shows a world to the oracle the way net.Resolver would.
type oracleResolver struct{ *world }

func dnsError(name string, st zone.Status) error {
	return &net.DNSError{Err: st.String(), Name: name, IsNotFound: st != zone.Failed, IsTimeout: st == zone.Failed, IsTemporary: st == zone.Failed}
}

func (o oracleResolver) get(name string, qtype uint16) ([]*zone.Record, error) {
	n, ok := toName(name)
	if !ok {
		return nil, dnsError(name, zone.NXDomain)
	}
	a := o.Lookup(context.Background(), n, qtype)
	if a.Status != zone.Found {
		return nil, dnsError(name, a.Status)
	}
	return a.Records, nil
}

func (o oracleResolver) LookupTXT(_ context.Context, name string) ([]string, error) {
	rs, err := o.get(name, dns.TypeTXT)
	var out []string
	for _, r := range rs {
		out = append(out, r.Text.String())
	}
	return out, err
}

func (o oracleResolver) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	rs, err := o.get(name, dns.TypeMX)
	var out []*net.MX
	for _, r := range rs {
		out = append(out, &net.MX{Host: string(r.Target), Pref: r.Pref})
	}
	return out, err
}

func (o oracleResolver) LookupIPAddr(_ context.Context, name string) ([]net.IPAddr, error) {
	v4, err := o.get(name, dns.TypeA)
	v6, err6 := o.get(name, dns.TypeAAAA)
	var out []net.IPAddr
	for _, r := range append(append([]*zone.Record(nil), v4...), v6...) {
		out = append(out, net.IPAddr{IP: net.ParseIP(r.Data)})
	}
	if len(out) > 0 {
		return out, nil
	}
	if err == nil {
		err = err6
	}
	return nil, err
}

func (o oracleResolver) LookupAddr(_ context.Context, addr string) ([]string, error) {
	rs, err := o.get(string(reverse(netip.MustParseAddr(addr))), dns.TypePTR)
	var out []string
	for _, r := range rs {
		out = append(out, r.Target.FQDN())
	}
	return out, err
}

// explain names the RFC section that explains why the oracle says something else, or "".
func explain(broken bool, got Result, theirs oracle.Result) string {
	switch {
	case broken && got.Result == PermError && strings.Contains(got.Reason, "breaks the grammar"):
		return "§4.6: a syntax error anywhere in a record is permerror, also behind a match (the oracle stops at the match, and lets more pass)"
	case got.Result == PermError && strings.Contains(got.Reason, "void look-ups"):
		return "§4.6.4, §5: void is what finds nothing in the client's family (the oracle asks for both), exists asks for A only, an mx without any address is void"
	case theirs == oracle.TempError && strings.HasPrefix(strings.TrimLeft(strings.ToLower(got.Mechanism), "+-~?"), "mx"):
		return "§5.4: hosts are asked in the order of preference, up to the match (the oracle asks all first)"
	}
	return ""
}

func TestDifferential(t *testing.T) {
	const rounds = 12_000
	explained := map[string]int{}
	results := map[Code]int{}
	unexplained := 0
	for seed := range uint64(rounds) {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, 1)), broken: seed%2 == 0, failing: seed%3 == 0}
		domain := g.world()
		for range 3 {
			ip := g.client()
			got := Check(t.Context(), g.w, Query{IP: ip, MailFrom: "user@" + string(domain), HELO: "helo.example"})
			theirs, err := oracle.CheckHostWithSender(net.IP(ip.AsSlice()), "helo.example", "user@"+string(domain), oracle.WithResolver(oracleResolver{g.w}))
			results[got.Result]++
			if string(got.Result) == string(theirs) {
				continue
			}
			why := explain(g.broken, got, theirs)
			if why != "" {
				explained[why]++
				continue
			}
			if unexplained++; unexplained < 4 {
				t.Errorf("seed %d, %s: %+v, the oracle says %s (%v)\n%s", seed, ip, got, theirs, err, g.w.dump())
			}
		}
	}
	if unexplained > 0 {
		t.Errorf("%d differences without an explanation", unexplained)
	}
	for why, n := range explained {
		t.Logf("%6d  %s", n, why)
	}
	t.Logf("results: %v", results)
	for _, c := range []Code{Pass, Fail, SoftFail, Neutral, PermError, TempError} {
		if results[c] < 100 {
			t.Errorf("only %d results are %s: the generator is no good", results[c], c)
		}
	}
}
