package spf

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/tripod-dns/tripod/internal/zone"
)

// The zone of RFC 7208 appendix A.
const appendixA = `
example.com MX 10 mail-a.example.com
example.com MX 20 mail-b.example.com
example.com A 192.0.2.10
example.com A 192.0.2.11
amy.example.com A 192.0.2.65
bob.example.com A 192.0.2.66
mail-a.example.com A 192.0.2.129
mail-b.example.com A 192.0.2.130
www.example.com CNAME example.com
example.org MX 10 mail-c.example.org
mail-c.example.org A 192.0.2.140
10.2.0.192.in-addr.arpa PTR example.com
11.2.0.192.in-addr.arpa PTR example.com
65.2.0.192.in-addr.arpa PTR amy.example.com
66.2.0.192.in-addr.arpa PTR bob.example.com
129.2.0.192.in-addr.arpa PTR mail-a.example.com
130.2.0.192.in-addr.arpa PTR mail-b.example.com
140.2.0.192.in-addr.arpa PTR mail-c.example.org
2.0.0.10.in-addr.arpa PTR example.com
`

func TestAppendixA(t *testing.T) {
	pass := func(r string) func(string) Code {
		return func(ip string) Code {
			if strings.Contains(" "+r+" ", " "+ip+" ") {
				return Pass
			}
			return Fail
		}
	}
	all := []string{"192.0.2.10", "192.0.2.11", "192.0.2.65", "192.0.2.66", "192.0.2.128", "192.0.2.129", "192.0.2.130", "192.0.2.131", "192.0.2.140", "192.0.2.143", "10.0.0.4"}
	for _, tc := range []struct {
		section, record string
		want            func(string) Code
	}{
		{"A.1", "v=spf1 +all", func(string) Code { return Pass }},
		{"A.1", "v=spf1 a -all", pass("192.0.2.10 192.0.2.11")},
		{"A.1", "v=spf1 a:example.org -all", pass("")},
		{"A.1", "v=spf1 mx -all", pass("192.0.2.129 192.0.2.130")},
		{"A.1", "v=spf1 mx:example.org -all", pass("192.0.2.140")},
		{"A.1", "v=spf1 mx mx:example.org -all", pass("192.0.2.129 192.0.2.130 192.0.2.140")},
		{"A.1", "v=spf1 mx/30 mx:example.org/30 -all", pass("192.0.2.128 192.0.2.129 192.0.2.130 192.0.2.131 192.0.2.140 192.0.2.143")},
		{"A.1", "v=spf1 ptr -all", pass("192.0.2.10 192.0.2.11 192.0.2.65 192.0.2.66 192.0.2.129 192.0.2.130")},
		{"A.1", "v=spf1 ip4:192.0.2.128/28 -all", pass("192.0.2.128 192.0.2.129 192.0.2.130 192.0.2.131 192.0.2.140 192.0.2.143")},
	} {
		w := parseWorld(t, appendixA+"example.com TXT "+tc.record+"\n")
		for _, ip := range all {
			got := Check(t.Context(), w, Query{IP: netip.MustParseAddr(ip), MailFrom: "user@example.com", HELO: "mta.example.com"})
			if got.Result != tc.want(ip) {
				t.Errorf("%s %q, %s: %+v", tc.section, tc.record, ip, got)
			}
		}
	}
}

func TestAppendixA2toA4(t *testing.T) {
	w := parseWorld(t, appendixA+`
example.org TXT v=spf1 include:example.com include:example.net -all
example.com TXT v=spf1 mx -all
example.net TXT v=spf1 ip4:198.51.100.0/24 -all
la.example.org TXT v=spf1 redirect=example.org
dnsbl.example TXT v=spf1 exists:%{ir}.%{l1r+-}._spf.%{d} -all
2.0.0.127.mary._spf.dnsbl.example A 127.0.0.2
multi.example TXT v=spf1 exists:_h.%{h}._l.%{l}._o.%{o}._i.%{i}._spf.%{d} -all
_h.mta.example.com._l.user._o.multi.example._i.192.0.2.1._spf.multi.example A 127.0.0.1
`)
	for _, tc := range []struct {
		section, from, ip string
		want              Code
	}{
		{"A.2", "user@example.org", "192.0.2.129", Pass},
		{"A.2", "user@example.org", "198.51.100.7", Pass},
		{"A.2", "user@example.org", "192.0.2.140", Fail},
		{"A.2", "user@la.example.org", "198.51.100.7", Pass},
		{"A.3", "mary+list@dnsbl.example", "127.0.0.2", Pass},
		{"A.3", "fred@dnsbl.example", "127.0.0.2", Fail},
		{"A.4", "user@multi.example", "192.0.2.1", Pass},
		{"A.4", "other@multi.example", "192.0.2.1", Fail},
	} {
		got := Check(t.Context(), w, Query{IP: netip.MustParseAddr(tc.ip), MailFrom: tc.from, HELO: "mta.example.com"})
		if got.Result != tc.want {
			t.Errorf("%s %s from %s: %+v", tc.section, tc.from, tc.ip, got)
		}
	}
}

// RFC 7208 §7.4, with <sender> "strong-bad@email.example.com".
func TestMacroExpansion(t *testing.T) {
	w := newWorld()
	for _, tc := range []struct{ ip, macro, want string }{
		{"192.0.2.3", "%{s}", "strong-bad@email.example.com"},
		{"192.0.2.3", "%{o}", "email.example.com"},
		{"192.0.2.3", "%{d}", "email.example.com"},
		{"192.0.2.3", "%{d4}", "email.example.com"},
		{"192.0.2.3", "%{d3}", "email.example.com"},
		{"192.0.2.3", "%{d2}", "example.com"},
		{"192.0.2.3", "%{d1}", "com"},
		{"192.0.2.3", "%{dr}", "com.example.email"},
		{"192.0.2.3", "%{d2r}", "example.email"},
		{"192.0.2.3", "%{l}", "strong-bad"},
		{"192.0.2.3", "%{l-}", "strong.bad"},
		{"192.0.2.3", "%{lr}", "strong-bad"},
		{"192.0.2.3", "%{lr-}", "bad.strong"},
		{"192.0.2.3", "%{l1r-}", "strong"},
		{"192.0.2.3", "%{ir}.%{v}._spf.%{d2}", "3.2.0.192.in-addr._spf.example.com"},
		{"192.0.2.3", "%{lr-}.lp._spf.%{d2}", "bad.strong.lp._spf.example.com"},
		{"192.0.2.3", "%{lr-}.lp.%{ir}.%{v}._spf.%{d2}", "bad.strong.lp.3.2.0.192.in-addr._spf.example.com"},
		{"192.0.2.3", "%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}", "3.2.0.192.in-addr.strong.lp._spf.example.com"},
		{"192.0.2.3", "%{d2}.trusted-domains.example.net", "example.com.trusted-domains.example.net"},
		{"2001:db8::cb01", "%{ir}.%{v}._spf.%{d2}", "1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com"},
	} {
		m, bad, _, _ := parseMacros(tc.macro, 0, false)
		if bad != "" {
			t.Errorf("%s: %s", tc.macro, bad)
			continue
		}
		c := &checker{source: newSource(w), ip: netip.MustParseAddr(tc.ip), local: "strong-bad", domain: "email.example.com"}
		if got, _ := c.expand(t.Context(), m, "email.example.com"); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.macro, got, tc.want)
		}
	}
}

func TestCheckPath(t *testing.T) {
	w := parseWorld(t, `
example.com TXT v=spf1 a include:one.example include:two.example -all exp=why.example.com
example.com A 192.0.2.200
why.example.com TXT %{i} may not send for %{d} at %{t}, says %{r}
one.example TXT v=spf1 ip4:192.0.2.1 -all
two.example TXT v=spf1 -ip4:192.0.2.9 redirect=three.example
three.example TXT v=spf1 ip4:192.0.2.0/24 ~all
`)
	for ip, want := range map[string]string{
		"192.0.2.200": "pass a [example.com] 1 ",
		"192.0.2.1":   "pass ip4:192.0.2.1 [example.com one.example] 2 ",
		"192.0.2.7":   "pass ip4:192.0.2.0/24 [example.com two.example three.example] 4 ",
		"192.0.2.9":   "fail -all [example.com] 3 192.0.2.9 may not send for example.com at 86400, says unknown",
		"203.0.113.1": "fail -all [example.com] 4 203.0.113.1 may not send for example.com at 86400, says unknown",
	} {
		r := Check(t.Context(), w, Query{IP: netip.MustParseAddr(ip), Domain: "example.com", Now: time.Unix(86400, 0)})
		if got := fmt.Sprintf("%s %s %v %d %s", r.Result, r.Mechanism, r.Path, r.Lookups, r.Explanation); got != want {
			t.Errorf("%s: %q, want %q", ip, got, want)
		}
	}
}

func TestCheckErrors(t *testing.T) {
	w := parseWorld(t, `
none.example TXT hello
several.example TXT v=spf1 -all
several.example TXT v=spf1 ~all
syntax.example TXT v=spf1 +all foo
down.example FAIL
open.example UNKNOWN
include.example TXT v=spf1 ip4:192.0.2.7 include:open.example -all
mx.example TXT v=spf1 mx -all
mx.example MX 10 open.example
gone.example TXT v=spf1 include:absent.example +all
`)
	for domain, want := range map[string]string{
		"none.example":       "none [none.example] none.example has no SPF record []",
		"absent.example":     "none [absent.example] absent.example does not exist []",
		"example":            `none [] "example" is not a domain name of several labels []`,
		"":                   `none [] "" is not a domain name of several labels []`,
		"a..example":         `none [] "a..example" is not a domain name of several labels []`,
		"several.example":    "permerror [several.example] several.example has 2 SPF records []",
		"syntax.example":     `permerror [syntax.example] the record of syntax.example breaks the grammar: unknown mechanism "foo" []`,
		"down.example":       "temperror [down.example] the look-up of down.example TXT failed []",
		"open.example":       " [open.example] open.example TXT is not known [open.example TXT]",
		"include.example":    " [include.example open.example] open.example TXT is not known [open.example TXT]",
		"mx.example":         " [mx.example] open.example A is not known [open.example A]",
		"gone.example":       "permerror [gone.example absent.example] include of absent.example, which has no SPF record []",
		"user@none.example.": `none [user@none.example] user@none.example does not exist []`,
	} {
		r := Check(t.Context(), w, Query{IP: netip.MustParseAddr("192.0.2.1"), Domain: domain})
		path := fmt.Sprint(r.Path)
		path = strings.ReplaceAll(path, `\@`, "@")
		if got := fmt.Sprintf("%s %s %s %v", r.Result, path, strings.ReplaceAll(r.Reason, `\@`, "@"), r.Missing); got != want {
			t.Errorf("%q: %q, want %q", domain, got, want)
		}
	}
	// What matches before the unknown name is known.
	if r := Check(t.Context(), w, Query{IP: netip.MustParseAddr("192.0.2.7"), Domain: "include.example"}); r.Result != Pass || len(r.Missing) > 0 {
		t.Errorf("%+v", r)
	}
}

func FuzzCheck(f *testing.F) {
	f.Add("v=spf1 a:%{d2}.x/24//64 ~include:b.example redirect=b.example", "v=spf1 exists:%{ir}.%{v}.%{l1r-}.b.example ptr mx -all", "user@a.example", "192.0.2.1")
	f.Add("v=spf1 include:%{h}.example exp=b.example -all", "%{p} %{t} %{S}", "@", "2001:db8::1")
	f.Fuzz(func(t *testing.T, a, b, from, ip string) {
		addr, err := netip.ParseAddr(ip)
		if err != nil {
			addr = netip.Addr{}
		}
		w := newWorld()
		w.add("a.example", "TXT", a)
		w.add("b.example", "TXT", b)
		w.add("a.example", "A", "192.0.2.1")
		w.add("b.example", "MX", "10 a.example")
		q := Query{IP: addr, MailFrom: from, HELO: from, Domain: "a.example"}
		r := Check(t.Context(), w, q)
		if r.Lookups > MaxLookups || r.Void > MaxVoid+1 {
			t.Fatalf("%+v", r)
		}
		WalkTree(t.Context(), w, zone.Name("a.example"))
		Senders(t.Context(), w, "a.example")
	})
}
