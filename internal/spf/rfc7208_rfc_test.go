package spf

import (
	"net/netip"
	"strings"
	"testing"
)

// rfc7208 are the records that RFC 7208 prints, but for those of appendix A.1 (TestAppendixA).
var rfc7208 = []struct{ section, record string }{
	{"3", "v=spf1 +mx a:colo.example.com/28 -all"},
	{"3.3", "v=spf1 .... firstsecond string..."},
	{"4.6.1", "v=spf1 a mx -all"},
	{"4.7", "v=spf1 +mx -all"},
	{"4.7", "v=spf1 +mx redirect=_spf.example.com"},
	{"5.1", "v=spf1 a mx -all"},
	{"5.2", "v=spf1 include:example.com include:example.org -all"},
	{"5.7", "v=spf1 exists:%{ir}.%{l1r+-}._spf.%{d} -all"},
	{"6.1", "v=spf1 redirect=_spf.example.com"},
	{"6.1", "v=spf1 mx:example.com -all"},
	{"6.2", "v=spf1 mx -all exp=explain._spf.%{d}"},
	{"10.1.1", "v=spf1 ip4:192.0.2.1 ip4:192.0.2.129 -all"},
	{"10.1.1", "v=spf1 a:authorized-spf.example.com -all"},
	{"10.1.1", "v=spf1 mx:example.com -all"},
	{"10.1.1", "v=spf1 ip4:192.0.2.0/24 mx -all"},
	{"10.1", "v=spf1 -all"},
	{"10.1", "v=spf1 a -all"},
	{"A.2", "v=spf1 include:example.com include:example.net -all"},
	{"A.2", "v=spf1 redirect=example.org"},
	{"A.3", "v=spf1 mx include:mobile-users._spf.%{d} include:remote-users._spf.%{d} -all"},
	{"A.3", "v=spf1 exists:%{l1r+}.%{d}"},
	{"A.3", "v=spf1 exists:%{ir}.%{l1r+}.%{d}"},
	{"A.4", "v=spf1 -include:ip4._spf.%{d} -include:ptr._spf.%{d} +all"},
	{"A.4", "v=spf1 -ip4:192.0.2.0/24 +all"},
	{"A.4", "v=spf1 -ptr +all"},
	{"C", "v=spf1 exists:_h.%{h}._l.%{l}._o.%{o}._i.%{i}._spf.%{d} ?all"},
	{"D.1", "v=spf1 mx exists:%{l}._spf_verify.%{d} -all"},
	{"D.1", "v=spf1 mx exists:%{ir}._spf_rate.%{d} -all"},
	{"D.1", "v=spf1 mx redirect=%{l1r+}._at_.%{o}._spf.%{d}"},
	{"D.1", "v=spf1 mx ?exists:%{ir}.whitelist.example.org -all"},
}

// TestRFC7208Records: the RFC's own records have no fault, and each term stands where it was written. §3.3's is no record but
// for its version: it shows how strings are joined.
func TestRFC7208Records(t *testing.T) {
	for _, tc := range rfc7208 {
		t.Run("§"+tc.section+" "+tc.record, func(t *testing.T) {
			r := Parse(tc.record)
			if tc.section == "3.3" {
				if !IsSPF(tc.record) {
					t.Error("a version and a space make an SPF record (§4.5)")
				}
				return
			}
			if len(r.Problems) > 0 {
				t.Errorf("%+v", r.Problems)
			}
			var got []string
			for _, term := range r.Terms {
				got = append(got, tc.record[term.Start:term.End])
			}
			if want := strings.TrimPrefix(tc.record, "v=spf1 "); strings.Join(got, " ") != want {
				t.Errorf("terms %q", got)
			}
		})
	}
}

// TestRFC7208AppendixA3 is the example of §A.3: local parts that may be sent from anywhere, or from one host.
func TestRFC7208AppendixA3(t *testing.T) {
	w := parseWorld(t, appendixA+`
example.com TXT v=spf1 mx include:mobile-users._spf.%{d} include:remote-users._spf.%{d} -all
mobile-users._spf.example.com TXT v=spf1 exists:%{l1r+}.%{d}
remote-users._spf.example.com TXT v=spf1 exists:%{ir}.%{l1r+}.%{d}
mary.mobile-users._spf.example.com A 127.0.0.2
fred.mobile-users._spf.example.com A 127.0.0.2
15.15.168.192.joel.remote-users._spf.example.com A 127.0.0.2
16.15.168.192.joel.remote-users._spf.example.com A 127.0.0.2
`)
	for _, tc := range []struct {
		from, ip string
		want     Code
	}{
		{"user", "192.0.2.129", Pass},
		{"mary", "198.51.100.9", Pass},
		{"fred", "198.51.100.9", Pass},
		{"fred+wildcard", "198.51.100.9", Pass},
		{"joel", "198.51.100.9", Fail},
		{"joel", "192.168.15.15", Pass},
		{"joel", "192.168.15.16", Pass},
		{"joel", "192.168.15.17", Fail},
		{"other", "192.168.15.15", Fail},
	} {
		got := Check(t.Context(), w, Query{IP: netip.MustParseAddr(tc.ip), MailFrom: tc.from + "@example.com", HELO: "mta.example.com"})
		if got.Result != tc.want {
			t.Errorf("%s from %s: %+v", tc.from, tc.ip, got)
		}
	}
}

// TestRFC7208AppendixA4 is the example of §A.4, two requirements at once. As it is printed, ptr in the record of
// ptr._spf.example.com asks for hosts under that very name (§5.5), so those are who pass.
func TestRFC7208AppendixA4(t *testing.T) {
	w := parseWorld(t, appendixA+`
example.com TXT v=spf1 -include:ip4._spf.%{d} -include:ptr._spf.%{d} +all
ip4._spf.example.com TXT v=spf1 -ip4:192.0.2.0/24 +all
ptr._spf.example.com TXT v=spf1 -ptr +all
77.2.0.192.in-addr.arpa PTR host.ptr._spf.example.com
host.ptr._spf.example.com A 192.0.2.77
host.ptr._spf.example.com A 198.51.100.77
77.100.51.198.in-addr.arpa PTR host.ptr._spf.example.com
`)
	for ip, want := range map[string]Code{
		"192.0.2.77":    Pass, // both
		"198.51.100.77": Fail, // the name, outside the network
		"192.0.2.65":    Fail, // the network, without the name
		"10.0.0.4":      Fail,
	} {
		got := Check(t.Context(), w, Query{IP: netip.MustParseAddr(ip), MailFrom: "user@example.com", HELO: "mta.example.com"})
		if got.Result != want {
			t.Errorf("%s: %+v", ip, got)
		}
	}
}

// TestRFC7208Explanation is the example of §6.2, with the text of §7.2's macros.
func TestRFC7208Explanation(t *testing.T) {
	w := parseWorld(t, appendixA+`
example.com TXT v=spf1 mx -all exp=explain._spf.%{d}
explain._spf.example.com TXT %{i} is not one of %{d}'s designated mail servers.
`)
	got := Check(t.Context(), w, Query{IP: netip.MustParseAddr("198.51.100.1"), MailFrom: "user@example.com", HELO: "mta.example.com"})
	if got.Result != Fail || got.Explanation != "198.51.100.1 is not one of example.com's designated mail servers." {
		t.Errorf("%+v", got)
	}
}

// TestRFC7208Section7: macro letters and the transformer r in either case (RFC 5234 §2.3), c, r and t in explanations only (§7.2).
func TestRFC7208Section7(t *testing.T) {
	for domain, valid := range map[string]bool{
		"%{iR}.example.com": true, "%{IR}.%{V}.example.com": true, "%{L1R+-}.example.com": true, "%{d128}.example.com": true,
		"a%%b%-c%_.example.com": true,
		"%{c}.example.com":      false, "%{R}.example.com": false, "%{t}.example.com": false, "%{d0}.example.com": false, "%{d1x}.example.com": false,
		"%d.example.com": false, "%{d.example.com": false, "%": false,
	} {
		if r := Parse("v=spf1 exists:" + domain + " -all"); (len(r.Problems) == 0) != valid {
			t.Errorf("%s: %+v", domain, r.Problems)
		}
	}
}

// TestRFC7208Section464: what costs a lookup and what does not (§4.6.4): exp and ip4, ip6, all cost nothing, include, a, mx, ptr,
// exists and redirect one each, also the second time. An mx host without an address is no void lookup while another has one.
func TestRFC7208Section464(t *testing.T) {
	const others = `
exp.example TXT hello
inc.example TXT v=spf1 a:host.example -all
host.example A 192.0.2.1
host.example AAAA 2001:db8::1
two.example MX 10 host.example
two.example MX 20 void.example
`
	for _, tc := range []struct {
		record        string
		lookups, void int
	}{
		{"v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all exp=exp.example", 0, 0},
		{"v=spf1 exp=absent.example -all", 0, 0},
		{"v=spf1 include:inc.example a:host.example mx:two.example ptr exists:host.example -all", 6, 0},
		{"v=spf1 include:inc.example include:inc.example -all", 4, 0},
		{"v=spf1 redirect=inc.example", 2, 0},
		{"v=spf1 redirect=inc.example -all", 0, 0}, // §6.1: ignored beside all
		{"v=spf1 a:absent.example mx:host.example -all", 2, 2},
	} {
		w := parseWorld(t, others+"root.example TXT "+tc.record+"\n")
		tree := WalkTree(t.Context(), w, "root.example")
		if tree.Lookups != tc.lookups || tree.Void.Certain != tc.void {
			t.Errorf("%s: %d lookups, %+v void, want %d and %d", tc.record, tree.Lookups, tree.Void, tc.lookups, tc.void)
		}
	}
}
