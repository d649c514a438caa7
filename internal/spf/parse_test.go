package spf

import (
	"fmt"
	"strings"
	"testing"
)

// Each case marks the range of its one problem with «»; the marks are not part of the record.
func TestParseProblems(t *testing.T) {
	for _, tc := range []struct{ record, kind, message, help string }{
		{"v=spf1 «ipv4:203.0.113.10» -all", "mechanism", `unknown mechanism "ipv4"`, `did you mean "ip4:203.0.113.10"?`},
		{"v=spf1 «~ipv6:2001:db8::1» -all", "mechanism", `unknown mechanism "ipv6"`, `did you mean "~ip6:2001:db8::1"?`},
		{"v=spf1 «ip:2001:db8::1» -all", "mechanism", `unknown mechanism "ip"`, `did you mean "ip6:2001:db8::1"?`},
		{"v=spf1 «inlcude:example.net» -all", "mechanism", `unknown mechanism "inlcude"`, `did you mean "include:example.net"?`},
		{"v=spf1 a mx «-all.»", "mechanism", `unknown mechanism "all."`, `did you mean "-all"?`},
		{"v=spf1 a «-all;»", "mechanism", `unknown mechanism "all;"`, `did you mean "-all"?`},
		{`v=spf1 a «-all"»`, "mechanism", `unknown mechanism "all\""`, `did you mean "-all"?`},
		{`v=spf1 a «"-all»`, "mechanism", `unknown mechanism "\"-all"`, `did you mean "-all"?`},
		{"v=spf1 a «--all»", "mechanism", `unknown mechanism "-all"`, "one qualifier at most stands before a mechanism"},
		{"v=spf1 «-» all", "mechanism", `qualifier "-" without a mechanism`, `write the mechanism right behind it, as in "-all"`},
		{"v=spf1 «:x» -all", "mechanism", `":x" names no mechanism`, ""},
		{"v=spf1 «192.0.2.1» -all", "mechanism", `unknown mechanism "192.0.2.1"`, `did you mean "ip4:192.0.2.1"?`},
		{"v=spf1 «2001:db8::1» -all", "mechanism", `unknown mechanism "2001"`, `did you mean "ip6:2001:db8::1"?`},
		{"v=spf1 «mail.example.com» -all", "mechanism", `unknown mechanism "mail.example.com"`,
			`a name stands behind a mechanism: "include:mail.example.com" for its SPF record, "a:mail.example.com" for its addresses`},
		{"v=spf1 «redirect:example.com»", "mechanism", `modifier "redirect" takes "=", not ":"`, `did you mean "redirect=example.com"?`},
		{"v=spf1 «redirct:example.com»", "mechanism", `unknown mechanism "redirct"`, `did you mean "redirect=example.com"?`},
		{"v=spf1 «foo» -all", "mechanism", `unknown mechanism "foo"`, "the mechanisms are all, include, a, mx, ptr, ip4, ip6, exists"},
		{"v=spf1 -all «zzz:1»", "mechanism", `unknown mechanism "zzz"`, "the mechanisms are all, include, a, mx, ptr, ip4, ip6, exists"},
		{"v=spf1 «all:x»", "argument", `"all" takes no argument`, `write "-all" or "~all": all without a qualifier lets anyone send`},
		{"v=spf1 «-all/8»", "argument", `"all" takes no argument`, `did you mean "-all"?`},
		{"v=spf1 «include: example.net» -all", "space", `space behind "include:"`, `did you mean "include:example.net"?`},
		{"v=spf1 «ip4:  192.0.2.1» -all", "space", `space behind "ip4:"`, `did you mean "ip4:192.0.2.1"?`},
		{"v=spf1 «redirect= example.net»", "space", `space behind "redirect="`, `did you mean "redirect=example.net"?`},
		{"v=spf1 «include:» -all", "domain", `"include:" without a domain`, `write the domain behind "include:"`},
		{"v=spf1 «include» -all", "domain", `"include" without a domain`, `write "include:domain"`},
		{"v=spf1 «a:» -all", "domain", `"a:" without a domain`, `write the domain behind "a:"`},
		{"v=spf1 «exists:museum» -all", "domain", `"museum" is no full domain name, it has one label`, `write the whole name, as in "museum.example.com"`},
		{"v=spf1 «a:192.0.2.1» -all", "domain", `"a" takes a name, "192.0.2.1" is an address`, `did you mean "ip4:192.0.2.1"?`},
		{"v=spf1 «-mx:192.0.2.0/24» -all", "domain", `"mx" takes a name, "192.0.2.0" is an address`, `did you mean "-ip4:192.0.2.0/24"?`},
		{"v=spf1 «a:2001:db8::/48» -all", "domain", `"a" takes a name, "2001:db8::" is an address`, `did you mean "ip6:2001:db8::/48"?`},
		{"v=spf1 «include:192.0.2.0/24» -all", "domain", `"include" takes a name, "192.0.2.0" is an address`, `did you mean "ip4:192.0.2.0/24"?`},
		{"v=spf1 «include:example.net,» -all", "domain", `"example.net," is no domain name`, `did you mean "include:example.net"?`},
		{"v=spf1 «include:example.net~all»", "domain", `"example.net~all" is no domain name`, `write a space before "~all"`},
		{"v=spf1 «a:example.-com» -all", "domain", `"example.-com" is no domain name, it may not end in "-com"`, ""},
		{"v=spf1 «a:abc.123» -all", "domain", `"abc.123" is no domain name, its last label is a number`, ""},
		{"v=spf1 «include:example.com/24» -all", "cidr", `"include" takes no prefix length`, `did you mean "include:example.com"?`},
		{"v=spf1 «ptr/24» -all", "cidr", `"ptr" takes no prefix length`, ""},
		{"v=spf1 «a/33» -all", "cidr", `bad prefix length "/33"`, `write a number from 0 to 32 for IPv4, behind "//" from 0 to 128 for IPv6, without leading zeros`},
		{"v=spf1 «mx//129» -all", "cidr", `bad prefix length "//129"`, `write a number from 0 to 32 for IPv4, behind "//" from 0 to 128 for IPv6, without leading zeros`},
		{"v=spf1 «a/24/64» -all", "cidr", `bad prefix length "/24/64"`, `an IPv6 prefix length has two slashes: "/24//64"`},
		{"v=spf1 «a:example.com/24/64» -all", "cidr", `bad prefix length "/24/64"`, `an IPv6 prefix length has two slashes: "/24//64"`},
		{"v=spf1 «ip4:192.0.2.0/024» -all", "cidr", `bad prefix length "/024"`, "write a number from 0 to 32, without leading zeros"},
		{"v=spf1 «ip4:192.0.2.0/255.255.255.0» -all", "cidr", `bad prefix length "/255.255.255.0"`, `write the prefix length instead of the mask: "/24"`},
		{"v=spf1 «ip6:2001:db8::/129» -all", "cidr", `bad prefix length "/129"`, "write a number from 0 to 128, without leading zeros"},
		{"v=spf1 «ip4:192.0.2.0//24» -all", "cidr", `bad prefix length "//24"`, "write a number from 0 to 32, without leading zeros"},
		{"v=spf1 «ip4:mail.example.com» -all", "ip4", `ip4 takes an address, "mail.example.com" is a name`, `did you mean "a:mail.example.com"?`},
		{"v=spf1 «ip4:2001:db8::1» -all", "ip4", `ip4 takes an IPv4 address, "2001:db8::1" is IPv6`, `did you mean "ip6:2001:db8::1"?`},
		{"v=spf1 «ip6:192.0.2.1» -all", "ip6", `ip6 takes an IPv6 address, "192.0.2.1" is IPv4`, `did you mean "ip4:192.0.2.1"?`},
		{"v=spf1 «ip4:192.0.2» -all", "ip4", `"192.0.2" is no IPv4 address, it has 3 of 4 parts`, "write all four parts and a prefix length"},
		{"v=spf1 «ip4:192.0.2.1.5» -all", "ip4", `"192.0.2.1.5" is no IPv4 address, it has 5 parts`, ""},
		{"v=spf1 «ip4:192.0.2.300» -all", "ip4", `"192.0.2.300" is no IPv4 address, 300 is above 255`, ""},
		{"v=spf1 «ip4:192.0.02.1» -all", "ip4", `"192.0.02.1" is no IPv4 address, its parts may not begin with 0`, `did you mean "ip4:192.0.2.1"?`},
		{"v=spf1 «ip4:192.0.*.*» -all", "ip4", `"192.0.*.*" is no IPv4 address, SPF knows no wildcards`, `did you mean "ip4:192.0.0.0/16"?`},
		{"v=spf1 «ip4:192.0.2.1.» -all", "ip4", `"192.0.2.1." is no IPv4 address`, `did you mean "ip4:192.0.2.1"?`},
		{"v=spf1 «ip4:192.0.2.1:25» -all", "ip4", `"192.0.2.1:25" has a port, SPF knows no ports`, `did you mean "ip4:192.0.2.1"?`},
		{"v=spf1 «ip4:192.0.2.1,192.0.2.2» -all", "ip4", `"192.0.2.1,192.0.2.2" is more than one address`, "write one term for each address"},
		{"v=spf1 «ip4:192.0.2.1,» -all", "ip4", `"192.0.2.1," is no IPv4 address`, `did you mean "ip4:192.0.2.1"?`},
		{"v=spf1 «ip4:192.0.2.1-all»", "ip4", `"192.0.2.1-all" is no IPv4 address`, `write a space before "-all"`},
		{"v=spf1 «ip4:192.0.2.1ip4:192.0.2.2» -all", "ip4", `"192.0.2.1ip4:192.0.2.2" is no IPv4 address`, `write a space before "ip4:192.0.2.2"`},
		{"v=spf1 «ip4» -all", "ip4", `"ip4" without an address`, `write "ip4:address"`},
		{"v=spf1 «ip6:» -all", "ip6", `"ip6:" without an address`, `write the address behind "ip6:"`},
		{"v=spf1 «ip6:[2001:db8::1]» -all", "ip6", `"[2001:db8::1]" is no IPv6 address`, "write it without brackets"},
		{"v=spf1 «ip6:fe80::1%eth0» -all", "ip6", `"fe80::1%eth0" has a zone, which means nothing to others`, ""},
		{"v=spf1 a«\t»mx -all", "separator", "tab in the record", "only spaces separate terms: write a space"},
		{"v=spf1 a «\r\n»mx -all", "separator", "line break in the record", "only spaces separate terms: write a space"},
		{"v=spf1 a«\u00a0»-all", "separator", "no-break space in the record", "only spaces separate terms: write a space"},
		{"v=spf1 a:foo.example.com«\x00» -all", "separator", "control character in the record", "only spaces separate terms: write a space"},
		{"v=spf1 «include:münchen.example» -all", "non-ascii", `characters outside ASCII in "include:münchen.example"`, `write the name with A-labels: "include:xn--mnchen-3ya.example"`},
		{"v=spf1 a «–all»", "non-ascii", `characters outside ASCII in "–all"`, `did you mean "-all"?`},
		{"v=spf1 «“a» -all", "non-ascii", `characters outside ASCII in "“a"`, "remove the typographic quotation marks"},
		{"v=spf1 redirect=a.example «redirect=b.example»", "duplicate", `second "redirect", it may stand once only`, "remove one of them"},
		{"v=spf1 exp=a.example -all «exp=a.example»", "duplicate", `second "exp", it may stand once only`, "remove one of them"},
		{"v=spf1 «-redirect=a.example»", "qualifier", `"redirect" is a modifier, which takes no qualifier`, `did you mean "redirect=a.example"?`},
		{"v=spf1 «exists:%{c}.example.com» -all", "macro", `macro "%{c}" is for the text of an explanation only`, `a macro is %{letter}, the letter one of s l o d i p v h, as in "%{i}" or "%{d2}"`},
		{"v=spf1 «exists:%{d0}.example.com» -all", "macro", `macro "%{d0}" keeps 0 parts, it must keep at least 1`, "write the number of labels to keep, counted from the right, or none to keep them all"},
		{"v=spf1 «exists:%{z}.example.com» -all", "macro", `unknown macro "%{z}"`, `a macro is %{letter}, the letter one of s l o d i p v h, as in "%{i}" or "%{d2}"`},
		{"v=spf1 «exists:%(i).example.com» -all", "macro", `bare "%"`, `macros have curly brackets, as in "%{i}"`},
		{"v=spf1 «x=100%» -all", "macro", `bare "%"`, `a literal "%" is written "%%"`},
		{"v=spf1 «include:%{d» -all", "macro", `"%{" without "}"`, `close the macro, as in "%{i}"`},
		{"v=spf1 «include:%{d!}.example.com» -all", "macro", `malformed macro "%{d!}"`, `a macro is %{letter}, the letter one of s l o d i p v h, as in "%{i}" or "%{d2}"`},
		{"v=spf1 «include:%{}.example.com» -all", "macro", `macro "%{}" without a letter`, `a macro is %{letter}, the letter one of s l o d i p v h, as in "%{i}" or "%{d2}"`},
	} {
		start := strings.Index(tc.record, "«")
		end := strings.Index(tc.record, "»") - len("«")
		text := strings.NewReplacer("«", "", "»", "").Replace(tc.record)
		r := Parse(text)
		if len(r.Problems) != 1 {
			t.Errorf("%q: %+v", text, r.Problems)
			continue
		}
		p := r.Problems[0]
		if p.Kind != tc.kind || p.Message != tc.message || p.Help != tc.help || p.Start != start || p.End != end {
			t.Errorf("%q: got  %s [%d,%d) %s | %s\nwant %s [%d,%d) %s | %s", text, p.Kind, p.Start, p.End, p.Message, p.Help, tc.kind, start, end, tc.message, tc.help)
		}
	}
}

func TestParseLegal(t *testing.T) {
	for _, text := range []string{
		"v=spf1", "v=spf1 ", "V=SPF1 -ALL", "v=spf1   a   mx  ", "v=spf1 ra=postmaster rp=10 rr=all -all", "v=spf1 a:example.com. -all",
		"v=spf1 redirect=example.com a", "v=spf1 -all a mx redirect=example.com exp=x.example.com", "v=spf1 a:foo:bar/baz.example.com",
		"v=spf1 a/24//64 mx:example.com//64 a:example.com/0 ip4:192.0.2.7/24 ip6:2001:DB8::/32 ip6:::1 ip6:::ffff:192.0.2.1",
		"v=spf1 exists:%{ir}.%{v}._spf.%{d2} a:%{H} exists:%{l1r+-}.example.com exists:%{i}%%%_%-.example.com a:%%",
		"v=spf1 exp=explain._spf.%{d} -all", "v=spf1 x=%{d} y= a.b-c_d=%_", "v=spf1 a:example.xn--zckzah", "v=spf1 include:%{d}", "v=spf1 ptr ptr:example.com",
	} {
		if r := Parse(text); len(r.Problems) > 0 {
			t.Errorf("%q: %+v", text, r.Problems)
		}
	}
}

func TestParseTerms(t *testing.T) {
	r := Parse("v=spf1 A:Example.COM/24//64 ~include:%{d2}.x ip4:192.0.2.7/24 redirect=b.example x=1")
	var got []string
	for _, term := range r.Terms {
		got = append(got, fmt.Sprintf("%s %c %s [%d,%d) %d %d %s", term.Kind, term.Qualifier, term.Canonical(), term.Start, term.End, term.CIDR4, term.CIDR6, term.Macros()))
	}
	want := []string{
		"a + a:example.com/24//64 [7,27) 24 64 ",
		"include ~ ~include:%{d2}.x [28,44) -1 -1 d",
		"ip4 + ip4:192.0.2.0/24 [45,61) -1 -1 ",
		"redirect + redirect=b.example [62,80) -1 -1 ",
		"modifier + x=1 [81,84) -1 -1 ",
	}
	for i := range want {
		if i >= len(got) || got[i] != want[i] {
			t.Errorf("got %q, want %q", got, want)
			break
		}
	}
	if d := r.Terms[0].Domain; d.Start != 9 || d.End != 20 || d.Text != "Example.COM" {
		t.Errorf("%+v", d)
	}
}

func TestDeniesAll(t *testing.T) {
	for text, want := range map[string]bool{
		"v=spf1 -all": true, "v=spf1  -ALL ": true, "v=spf1 ra=x -all": true, "v=spf1 ~all": false, "v=spf1 a -all": false, "v=spf1": false,
		"v=spf1 -all foo": false,
	} {
		if got := Parse(text).DeniesAll(); got != want {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func TestUnrecognised(t *testing.T) {
	for text, want := range map[string]string{
		"v=spf1, a -all":                  `"v=spf1," is not "v=spf1" and a space`,
		"v=spf1; a -all":                  `"v=spf1;" is not "v=spf1" and a space`,
		"v=spf1\ta -all":                  `tab behind "v=spf1", not a space`,
		"v=spf1include:a.example -all":    `"v=spf1include:a.example" is not "v=spf1" and a space`,
		`"v=spf1 a -all"`:                 `begins with a quotation mark, not with "v=spf1"`,
		" v=spf1 a -all":                  `begins with white space, not with "v=spf1"`,
		"\ufeffv=spf1 a -all":             `begins with a byte order mark, not with "v=spf1"`,
		"spf1 include:a.example -all":     `"spf1" is not "v=spf1"`,
		"v=spf2 a -all":                   `"v=spf2" is not "v=spf1"`,
		"v=spf a -all":                    `"v=spf" is not "v=spf1"`,
		"v = spf1 a -all":                 `"v" is not "v=spf1"`,
		"v=spf1 a -all":                   "",
		"spf2.0/pra a -all":               "",
		"spf is a good thing":             "",
		"google-site-verification=abc":    "",
		"":                                "",
		"v=DMARC1; p=none":                "",
		"spf: see https://example.com/a ": "",
	} {
		p, ok := Unrecognised(text)
		if ok != (want != "") || p.Message != want {
			t.Errorf("%q: %v %q, want %q", text, ok, p.Message, want)
		}
		if p.Start < 0 || p.End < p.Start || p.End > len(text) {
			t.Errorf("%q: [%d,%d)", text, p.Start, p.End)
		}
	}
}

func TestLostSpaces(t *testing.T) {
	for _, tc := range []struct {
		strings []string
		want    string
	}{
		{[]string{"v=spf1 include:a.example", "include:b.example -all"}, `[7,41) the space before "include:b.example" is missing: receivers read one term`},
		{[]string{"v=spf1 include:a.example ", "include:b.example -all"}, ""},
		{[]string{"v=spf1 include:a.exa", "mple ip4:192.0.2.1 -all"}, ""},
		{[]string{"v=spf1 a:mail.example", "-all"}, `[7,25) the space before "-all" is missing: receivers read one term`},
		{[]string{"v=spf1 include:a.example-all"}, `[7,28) the space before "-all" is missing: receivers read one term`},
		{[]string{"v=spf1 a:mail", "-all.example -all"}, ""},
		{[]string{"v=spf1 include:a.exampleinclude:b.example -all"}, `[7,41) the space before "include:b.example" is missing: receivers read one term`},
	} {
		text := strings.Join(tc.strings, "")
		var joints []int
		at := 0
		for _, s := range tc.strings[:len(tc.strings)-1] {
			at += len(s)
			joints = append(joints, at)
		}
		got := ""
		for _, p := range LostSpaces(Parse(text), joints) {
			got += fmt.Sprintf("[%d,%d) %s", p.Start, p.End, p.Message)
		}
		if got != tc.want {
			t.Errorf("%q: %q, want %q", tc.strings, got, tc.want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"v=spf1 a:%{d2}.x/24//64 ~include:b.example ip4:192.0.2.7/24 redirect=b.example x=1", "v=spf1 include: a.b ip4: 1.2.3.4", "v=spf1 \t\x80 –all",
		"v=spf1 exists:%{", "v=spf1 a:%", "v=spf1 ip6:::1/0 a/ a// a/1/ mx:/24 -", "v=spf1, a", "\ufeffv=spf1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := Parse(s)
		if r.String() != s {
			t.Fatalf("%q prints as %q", s, r.String())
		}
		at := 0
		for _, term := range r.Terms {
			if term.Start < at || term.End <= term.Start || term.End > len(s) || s[term.Start:term.End] != term.Text {
				t.Fatalf("%q: term [%d,%d) %q", s, term.Start, term.End, term.Text)
			}
			at = term.End
			if d := term.Domain; d != nil && (d.Start < term.Start || d.End > term.End || s[d.Start:d.End] != d.Text) {
				t.Fatalf("%q: domain [%d,%d) %q", s, d.Start, d.End, d.Text)
			}
			if term.Bad && len(r.Problems) == 0 {
				t.Fatalf("%q: a bad term without a problem", s)
			}
			if c := Parse("v=spf1 " + term.Canonical()); !term.Bad && term.Kind != Unknown && (len(c.Terms) != 1 || c.Terms[0].Canonical() != term.Canonical()) {
				t.Fatalf("%q: canonical %q reads as %+v", s, term.Canonical(), c.Problems)
			}
		}
		for _, p := range r.Problems {
			if p.Start < 0 || p.End < p.Start || p.End > len(s) || p.Message == "" || p.Kind == "" {
				t.Fatalf("%q: %+v", s, p)
			}
		}
		for _, p := range LostSpaces(r, []int{len(s) / 2}) {
			if p.Start < 0 || p.End <= p.Start || p.End > len(s) {
				t.Fatalf("%q: %+v", s, p)
			}
		}
		if p, ok := Unrecognised(s); ok && (p.End <= p.Start || p.End > len(s)) {
			t.Fatalf("%q: %+v", s, p)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	const text = "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 include:_spf.example.net include:mail.example.org a mx exists:%{ir}._spf.%{d} -all"
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if r := Parse(text); len(r.Problems) > 0 {
			b.Fatal(r.Problems)
		}
	}
}
