package spf

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"

	"github.com/tripod-dns/tripod/internal/zone"
)

// A generator makes small worlds in which names, addresses and terms meet often.
type generator struct {
	*rand.Rand
	w *world
	// broken: records with a fault of grammar are made too; failing: names time out too.
	broken, failing bool
}

func (g *generator) pick(s ...string) string { return s[g.IntN(len(s))] }

func (g *generator) one(n int) bool { return g.IntN(n) == 0 }

func (g *generator) host() string { return fmt.Sprintf("d%d.test.example", g.IntN(12)) }

func (g *generator) ip4() string {
	return fmt.Sprintf("192.0.%d.%d", g.IntN(3), g.IntN(4)*85)
}

func (g *generator) ip6() string { return fmt.Sprintf("2001:db8:%d::%d", g.IntN(3), g.IntN(4)) }

func (g *generator) client() netip.Addr {
	if g.one(3) {
		return netip.MustParseAddr(g.ip6())
	}
	return netip.MustParseAddr(g.ip4())
}

func (g *generator) target() string {
	switch g.IntN(14) {
	case 0:
		return "%{d}"
	case 1:
		return "d%{v}.test.example"
	case 2:
		return "%{d2}"
	case 3:
		return strings.ToUpper(g.host())
	case 4:
		return g.host() + "."
	}
	return g.host()
}

func (g *generator) dual() string {
	switch g.IntN(8) {
	case 0:
		return g.pick("/24", "/0", "/32", "/30")
	case 1:
		return "//" + g.pick("0", "64", "128", "126")
	case 2:
		return "/24//64"
	}
	return ""
}

func (g *generator) term() string {
	q := g.pick("", "", "", "", "+", "-", "~", "?")
	switch g.IntN(12) {
	case 0, 1, 2:
		return q + "include:" + g.target()
	case 3:
		return q + g.pick("a", "A") + g.dual()
	case 4:
		return q + "a:" + g.target() + g.dual()
	case 5:
		return q + "mx" + g.dual()
	case 6:
		return q + "mx:" + g.target() + g.dual()
	case 7:
		return q + "ip4:" + g.ip4() + g.pick("", "", "/32", "/24", "/30", "/0")
	case 8:
		return q + "ip6:" + g.ip6() + g.pick("", "", "/128", "/64", "/126", "/0")
	case 9:
		return q + "exists:" + g.target()
	case 10:
		return q + "ptr" + g.pick("", ":test.example", ":"+g.host())
	}
	return g.pick("ra=postmaster", "x-y=%{d}", "exp="+g.host())
}

func (g *generator) brokenTerm() string {
	return g.pick("ipv4:192.0.2.1", "ip4:192.0.2", "ip6:192.0.2.1", "a/33", "mx//129", "include:", "include:museum", "all.",
		"ip4:192.0.2.0/024", "a:%{z}.example.com", "exists:%{d0}.example.com", "redirect=", "foo", "ptr/24", "exp=x.example.com exp=y.example.com",
		"redirect=x.example.com redirect=y.example.com", "a:192.0.2.1", "-redirect=x.example.com", "a:é.example.com")
}

func (g *generator) record() string {
	var terms []string
	for range g.IntN(6) {
		terms = append(terms, g.term())
	}
	switch g.IntN(5) {
	case 0:
		terms = append(terms, "redirect="+g.target())
	case 1, 2, 3:
		terms = append(terms, g.pick("-all", "~all", "?all", "-ALL", "-all", "all"))
	}
	if g.broken && g.one(8) {
		i := g.IntN(len(terms) + 1)
		terms = append(terms[:i], append([]string{g.brokenTerm()}, terms[i:]...)...)
	}
	seen := false
	out := terms[:0]
	for _, t := range terms { // a second exp is a fault of grammar
		if strings.HasPrefix(t, "exp=") && !strings.Contains(t, " ") {
			if seen {
				continue
			}
			seen = true
		}
		out = append(out, t)
	}
	return g.pick("v=spf1", "V=spf1") + " " + strings.Join(out, g.pick(" ", " ", "  "))
}

// world fills the world and gives the domain to check.
func (g *generator) world() zone.Name {
	g.w = newWorld()
	for i := range 12 {
		h := fmt.Sprintf("d%d.test.example", i)
		if g.failing && g.one(15) {
			g.w.fail[testName(h)] = true
			continue
		}
		if i == 0 || !g.one(6) {
			g.w.add(h, "TXT", g.record())
		}
		if g.one(20) {
			g.w.add(h, "TXT", g.pick("v=spf1 -all", "v=spf10", "other text"))
		}
		for g.one(2) {
			g.w.add(h, "A", g.ip4())
		}
		for g.one(2) {
			g.w.add(h, "AAAA", g.ip6())
		}
		for g.one(2) {
			g.w.add(h, "MX", fmt.Sprintf("%d %s", g.IntN(3), g.host()))
		}
		if g.one(40) {
			for j := range 11 {
				g.w.add(h, "MX", fmt.Sprintf("%d %s", j, g.host()))
			}
		}
	}
	g.w.add("din-addr.test.example", "A", g.ip4())
	g.w.add("din-addr.test.example", "TXT", g.record())
	g.w.add("dip6.test.example", "AAAA", g.ip6())
	for i := range 3 {
		for j := range 4 {
			for g.one(3) {
				g.w.add(fmt.Sprintf("%d.%d.0.192.in-addr.arpa", j*85, i), "PTR", g.host())
			}
		}
	}
	return "d0.test.example"
}

// dump shows a world where a test fails.
func (w *world) dump() string {
	var b strings.Builder
	for n, s := range w.sets {
		for _, rs := range s {
			for _, r := range rs {
				fmt.Fprintf(&b, "%s %s %s%s %s\n", n, r.TypeName(), r.Data, r.Text, r.Target)
			}
		}
	}
	for n := range w.fail {
		fmt.Fprintf(&b, "%s FAIL\n", n)
	}
	return b.String()
}
