package spf

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"

	"github.com/tripod-dns/tripod/internal/zone"
)

func prefixes(s *Set) string { return fmt.Sprint(s.Prefixes()) }

func TestSenders(t *testing.T) {
	w := parseWorld(t, `
a.example TXT v=spf1 ip4:192.0.2.0/25 ip4:192.0.2.128/25 -all
minus.example TXT v=spf1 -ip4:192.0.2.64/26 ip4:192.0.2.0/24 ~ip4:198.51.100.1 ?all
include.example TXT v=spf1 include:minus.example ip6:2001:db8::/32 -all
denies.example TXT v=spf1 -include:a.example +ip4:192.0.0.0/16 -all
redirect.example TXT v=spf1 ip4:203.0.113.1 redirect=minus.example
everyone.example TXT v=spf1 +all
hosts.example TXT v=spf1 a mx a:two.example/24//64 -all
hosts.example A 192.0.2.10
hosts.example MX 10 two.example
two.example A 198.51.100.7
two.example AAAA 2001:db8::7
nothing.example TXT v=spf1 -all
`)
	for name, want := range map[zone.Name]string{
		"a.example":        "[192.0.2.0/24]",
		"minus.example":    "[192.0.2.0/26 192.0.2.128/25]",
		"include.example":  "[192.0.2.0/26 192.0.2.128/25 2001:db8::/32]",
		"denies.example":   "[192.0.0.0/23 192.0.3.0/24 192.0.4.0/22 192.0.8.0/21 192.0.16.0/20 192.0.32.0/19 192.0.64.0/18 192.0.128.0/17]",
		"redirect.example": "[192.0.2.0/26 192.0.2.128/25 203.0.113.1/32]",
		"everyone.example": "[0.0.0.0/0 ::/0]",
		"hosts.example":    "[192.0.2.10/32 198.51.100.0/24 2001:db8::/64]",
		"nothing.example":  "[]",
		"absent.example":   "[]",
	} {
		s := Senders(t.Context(), w, name)
		if got := prefixes(s); got != want || !s.Exact {
			t.Errorf("%s: %s exact %v, want %s", name, got, s.Exact, want)
		}
	}
}

// An address that is matched before the eleventh look-up passes, one behind it gets permerror: unless the record
// is to become addresses.
func TestSendersLimits(t *testing.T) {
	text := "x.example TXT v=spf1 ip4:192.0.2.1"
	for i := range 11 {
		text += fmt.Sprintf(" include:i%d.example", i)
	}
	text += " -all\n"
	for i := range 11 {
		text += fmt.Sprintf("i%d.example TXT v=spf1 ip4:198.51.100.%d -all\n", i, i)
	}
	w := parseWorld(t, text)
	want := "[192.0.2.1/32 198.51.100.0/29 198.51.100.8/31]"
	if got := prefixes(Senders(t.Context(), w, "x.example")); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	rec := Parse(w.sets["x.example"][16][0].Text.String())
	want = "[192.0.2.1/32 198.51.100.0/29 198.51.100.8/31 198.51.100.10/32]"
	if got := prefixes(SendersOf(t.Context(), w, "x.example", rec, false)); got != want {
		t.Errorf("without limits: %s, want %s", got, want)
	}
}

func TestSendersInexact(t *testing.T) {
	w := parseWorld(t, `
x.example TXT v=spf1 ip4:192.0.2.1 include:sub.example ptr a:open.example include:%{l}.example -all
sub.example TXT v=spf1 exists:%{i}.list.example ip4:192.0.2.2 -all exists:%{i}.never.example
open.example UNKNOWN
`)
	s := Senders(t.Context(), w, "x.example")
	if got := prefixes(s); got != "[192.0.2.1/32 192.0.2.2/32]" || s.Exact {
		t.Errorf("%s exact %v", got, s.Exact)
	}
	var got []string
	for _, i := range s.Inexact {
		got = append(got, fmt.Sprintf("%s %s via %s: %s", i.Name, i.Term.Text, i.Top.Text, i.Why))
	}
	want := []string{
		"sub.example exists:%{i}.list.example via include:sub.example: it depends on the message",
		"x.example ptr via ptr: it depends on the client's host name",
		"x.example a:open.example via a:open.example: open.example is not known",
		"x.example include:%{l}.example via include:%{l}.example: its target depends on the message",
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if fmt.Sprint(s.Missing) != "[open.example A open.example AAAA]" {
		t.Errorf("missing %v", s.Missing)
	}
}

// The law of flatten and of plan's effects: the set holds exactly the addresses for which Check says pass.
func TestSendersAgreeWithCheck(t *testing.T) {
	exact, passes := 0, 0
	for seed := range uint64(4000) {
		g := &generator{Rand: rand.New(rand.NewPCG(seed, 2)), broken: seed%4 == 0}
		domain := g.world()
		s := Senders(t.Context(), g.w, domain)
		if !s.Exact {
			continue
		}
		exact++
		tree := WalkTree(t.Context(), g.w, domain)
		ips := []netip.Addr{netip.MustParseAddr("203.0.113.9"), netip.MustParseAddr("2001:db8:ffff::9")}
		for range 6 {
			ips = append(ips, g.client())
		}
		for i, r := range s.IPs.Ranges() {
			if i == 8 {
				break
			}
			ips = append(ips, r.From(), r.To(), r.From().Prev(), r.To().Next())
		}
		for _, ip := range ips {
			if !ip.IsValid() || ip.Is4In6() {
				continue
			}
			res := Check(t.Context(), g.w, Query{IP: ip, MailFrom: "postmaster@" + string(domain), HELO: string(domain)})
			if s.IPs.Contains(ip) != (res.Result == Pass) {
				t.Fatalf("seed %d: %s is %+v, the set is %s\n%s", seed, ip, res, prefixes(s), g.w.dump())
			}
			if res.Result == Pass {
				passes++
			}
			// A broken target ends the worst case for all that get there; who matched before it may go on elsewhere.
			if tree.Complete && len(tree.Faults) == 0 && res.Lookups > tree.Lookups {
				t.Fatalf("seed %d: %s takes %d look-ups, the worst case is %d\n%s", seed, ip, res.Lookups, tree.Lookups, g.w.dump())
			}
			if tree.Complete && tree.Result == OK && res.Result == PermError && tree.Void.Possible == 0 &&
				tree.Void.Certain+tree.Void.IPv4 <= MaxVoid && tree.Void.Certain+tree.Void.IPv6 <= MaxVoid {
				t.Fatalf("seed %d: %s is %+v, the tree is ok\n%s", seed, ip, res, g.w.dump())
			}
		}
	}
	if exact < 300 || passes < 1000 {
		t.Errorf("%d exact sets, %d passes: the generator is no good", exact, passes)
	}
}
