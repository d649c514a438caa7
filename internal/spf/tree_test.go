package spf

import (
	"context"
	"fmt"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// outline prints a tree, a line a term: cost, what is void, fault of the target.
func outline(n *Node, indent string) string {
	var b strings.Builder
	for _, t := range n.Terms {
		fmt.Fprintf(&b, "%s%s %d", indent, t.Term.Text, t.Lookups)
		if !t.Reached && t.Term.Kind.IsMechanism() {
			b.WriteString(" not reached")
		}
		b.WriteString([...]string{"", " void", " void4", " void6", " void?", " open"}[t.Void])
		if t.Dynamic {
			b.WriteString(" dynamic")
		}
		if t.Tree != nil {
			if t.Tree.Fault != NoFault {
				b.WriteString(" " + string(t.Tree.Fault))
			}
			b.WriteString("\n" + outline(t.Tree, indent+"  "))
			continue
		}
		b.WriteString("\n")
	}
	return b.String()
}

func TestTree(t *testing.T) {
	const third = `
leaf.example TXT v=spf1 ip4:192.0.2.0/24 a -all
leaf.example A 192.0.2.1
two.example TXT v=spf1 include:leaf.example include:leaf.example ~all
everyone.example TXT v=spf1 ip4:192.0.2.1 +all
almost.example TXT v=spf1 -ip4:192.0.2.1 +all
halves.example TXT v=spf1 ip4:0.0.0.0/0 ip6:::/0 -all
broken.example TXT v=spf1 ipv4:192.0.2.1 a -all
several.example TXT v=spf1 -all
several.example TXT v=spf1 ~all
loop.example TXT v=spf1 include:loop2.example -all
loop2.example TXT v=spf1 redirect=loop.example
text.example TXT hello
many.example MX 1 leaf.example
open.example UNKNOWN
down.example FAIL
four.example A 192.0.2.4
mx4.example MX 5 four.example
null.example MX 0 .
`
	for _, tc := range []struct {
		name, record string
		lookups      int
		complete     bool
		result       Code
		void         Void
		outline      string
	}{
		{"nothing", "v=spf1 -all", 0, true, OK, Void{}, "-all 0\n"},
		{"ipv6 void a", "v=spf1 include:two.example a:leaf.example mx:many.example -all", 7, true, OK, Void{IPv6: 4},
			"include:two.example 5\n  include:leaf.example 2\n    ip4:192.0.2.0/24 0\n    a 1 void6\n    -all 0\n  include:leaf.example 2\n    ip4:192.0.2.0/24 0\n    a 1 void6\n    -all 0\n  ~all 0\na:leaf.example 1 void6\nmx:many.example 1 void6\n-all 0\n"},
		{"all ends", "v=spf1 a:four.example -all a:leaf.example redirect=leaf.example", 1, true, OK, Void{IPv6: 1},
			"a:four.example 1 void6\n-all 0\na:leaf.example 0 not reached\nredirect=leaf.example 0\n"},
		{"redirect last", "v=spf1 redirect=leaf.example mx:mx4.example", 3, true, OK, Void{IPv6: 2},
			"redirect=leaf.example 2\n  ip4:192.0.2.0/24 0\n  a 1 void6\n  -all 0\nmx:mx4.example 1 void6\n"},
		{"everyone ends", "v=spf1 include:everyone.example a:leaf.example", 1, true, OK, Void{},
			"include:everyone.example 1\n  ip4:192.0.2.1 0\n  +all 0\na:leaf.example 0 not reached\n"},
		{"halves end", "v=spf1 include:halves.example a:leaf.example", 1, true, OK, Void{},
			"include:halves.example 1\n  ip4:0.0.0.0/0 0\n  ip6:::/0 0\n  -all 0\na:leaf.example 0 not reached\n"},
		{"almost everyone", "v=spf1 include:almost.example a:leaf.example", 2, true, OK, Void{IPv6: 1},
			"include:almost.example 1\n  -ip4:192.0.2.1 0\n  +all 0\na:leaf.example 1 void6\n"},
		{"syntax ends", "v=spf1 include:broken.example a:leaf.example -all", 1, true, PermError, Void{},
			"include:broken.example 1 syntax\n  ipv4:192.0.2.1 0\n  a 0 not reached\n  -all 0 not reached\na:leaf.example 0 not reached\n-all 0 not reached\n"},
		{"several", "v=spf1 include:several.example a:leaf.example -all", 1, true, PermError, Void{},
			"include:several.example 1 several\na:leaf.example 0 not reached\n-all 0 not reached\n"},
		{"loop", "v=spf1 include:loop.example a:leaf.example -all", 3, true, PermError, Void{},
			"include:loop.example 3\n  include:loop2.example 2\n    redirect=loop.example 1 loop\n  -all 0 not reached\na:leaf.example 0 not reached\n-all 0 not reached\n"},
		{"no record", "v=spf1 include:text.example -all", 1, true, PermError, Void{}, "include:text.example 1 no-record\n-all 0 not reached\n"},
		{"no name", "v=spf1 include:absent.example -all", 1, true, PermError, Void{}, "include:absent.example 1 no-name\n-all 0 not reached\n"},
		{"bad name", "v=spf1 include:a..example -all", 1, true, PermError, Void{}, "include:a..example 1 bad-name\n-all 0 not reached\n"},
		{"unknown", "v=spf1 include:open.example include:down.example a:leaf.example -all", 3, false, OK, Void{IPv6: 1},
			"include:open.example 1 unknown\ninclude:down.example 1 failed\na:leaf.example 1 void6\n-all 0\n"},
		{"dynamic", "v=spf1 include:%{l}.example exists:%{i}.example a:%{h} ptr a:%{p}.example -all", 6, false, OK, Void{Possible: 1},
			"include:%{l}.example 1 dynamic dynamic\nexists:%{i}.example 1 void? dynamic\na:%{h} 1 dynamic\nptr 1 dynamic\na:%{p}.example 2 dynamic\n-all 0\n"},
		{"void", "v=spf1 a:absent.example mx:null.example exists:text.example -all", 3, true, PermError, Void{Certain: 3},
			"a:absent.example 1 void\nmx:null.example 1 void\nexists:text.example 1 void\n-all 0\n"},
		{"void for IPv6 only", "v=spf1 a:four.example mx:mx4.example a:leaf.example -all", 3, true, OK, Void{IPv6: 3},
			"a:four.example 1 void6\nmx:mx4.example 1 void6\na:leaf.example 1 void6\n-all 0\n"},
		{"family", "v=spf1 exists:%{v}.example -all", 1, true, OK, Void{IPv6: 1}, "exists:%{v}.example 1 void6\n-all 0\n"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := parseWorld(t, third+"root.example TXT "+tc.record+"\nin-addr.example A 192.0.2.9\n")
			tree := WalkTree(t.Context(), w, "root.example")
			if got := outline(tree.Root, ""); got != tc.outline {
				t.Errorf("got\n%swant\n%s", got, tc.outline)
			}
			if tree.Lookups != tc.lookups || tree.Complete != tc.complete || tree.Result != tc.result || tree.Void != tc.void {
				t.Errorf("lookups %d complete %v result %s void %+v, want %d %v %s %+v", tree.Lookups, tree.Complete, tree.Result, tree.Void,
					tc.lookups, tc.complete, tc.result, tc.void)
			}
			if tree.Root.Lookups != tree.Lookups {
				t.Errorf("the root costs %d, the tree %d", tree.Root.Lookups, tree.Lookups)
			}
		})
	}
}

// A record at a wildcard is evaluated for names that are not known here.
func TestTreeOfWildcard(t *testing.T) {
	w := parseWorld(t, "*.example TXT v=spf1 a include:_spf.%{d} exists:%{o}.list.example -all\n*.example A 192.0.2.1\n")
	tree := WalkTree(t.Context(), w, "*.example")
	want := "a 1 void6\ninclude:_spf.%{d} 1 dynamic dynamic\nexists:%{o}.list.example 1 void? dynamic\n-all 0\n"
	if got := outline(tree.Root, ""); got != want || tree.Complete {
		t.Errorf("complete %v, got\n%swant\n%s", tree.Complete, got, want)
	}
}

func TestTreeOfNoRecord(t *testing.T) {
	w := parseWorld(t, "text.example TXT hello\n")
	for _, name := range []zone.Name{"text.example", "absent.example"} {
		if tree := WalkTree(t.Context(), w, name); tree.Result != None || tree.Lookups != 0 {
			t.Errorf("%s: %s", name, tree.Result)
		}
	}
}

func TestTreeTop(t *testing.T) {
	w := parseWorld(t, `
root.example TXT v=spf1 ip4:192.0.2.1 include:a.example -all
a.example TXT v=spf1 redirect=b.example
b.example TXT v=spf1 include:gone.example ~all
`)
	tree := WalkTree(t.Context(), w, "root.example")
	if len(tree.Faults) != 1 {
		t.Fatalf("faults: %v", tree.Faults)
	}
	f := tree.Faults[0]
	if f.Name != "gone.example" || f.Depth() != 3 || f.Top().Term.Text != "include:a.example" || f.Via.Top() != f.Top() {
		t.Errorf("%s depth %d top %s", f.Name, f.Depth(), f.Top().Term.Text)
	}
}

// A bomb answers every name below bomb.example with ten includes, ever deeper.
type bomb struct{ asked int }

func (b *bomb) Lookup(_ context.Context, name zone.Name, qtype uint16) zone.Answer {
	b.asked++
	if qtype != dns.TypeTXT {
		return zone.Answer{Status: zone.NoData}
	}
	var s strings.Builder
	s.WriteString("v=spf1")
	for i := range 10 {
		fmt.Fprintf(&s, " include:i%d.%s", i, name)
	}
	s.WriteString(strings.Repeat(" ip4:192.0.2.1", 3000) + " -all")
	return zone.Answer{Status: zone.Found, Owner: name, Records: []*zone.Record{{Name: name, Type: qtype, Text: zone.PlainText(s.String(), zone.Span{})}}}
}

func (b *bomb) Exists(ctx context.Context, name zone.Name, qtype uint16) zone.Answer {
	return b.Lookup(ctx, name, qtype)
}

func TestIncludeBomb(t *testing.T) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	b := &bomb{}
	tree := WalkTree(t.Context(), b, "bomb.example")
	if tree.Complete || tree.Result != PermError || tree.Lookups <= MaxLookups {
		t.Errorf("complete %v result %s lookups %d", tree.Complete, tree.Result, tree.Lookups)
	}
	if s := Senders(t.Context(), b, "bomb.example"); len(s.Prefixes()) != 0 {
		t.Errorf("senders %v", s.Prefixes())
	}
	rec := Parse("v=spf1 include:bomb.example")
	if s := SendersOf(t.Context(), b, "other.example", rec, false); s.Exact {
		t.Error("flattening a bomb is exact")
	}
	if b.asked > 500 {
		t.Errorf("%d questions", b.asked)
	}
	runtime.ReadMemStats(&after)
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("took %s", d)
	}
	if mb := (after.TotalAlloc - before.TotalAlloc) >> 20; mb > 200 {
		t.Errorf("took %d MB", mb)
	}
}

// A wide bomb: one record with as many includes as a TXT holds, each leading to one like it.
func TestWideBomb(t *testing.T) {
	w := newWorld()
	for i := range 50 {
		var s strings.Builder
		s.WriteString("v=spf1")
		for j := range 6000 {
			s.WriteString(" a:" + strconv.Itoa(j) + ".b")
			if j%10 == 0 {
				s.WriteString(" include:w" + strconv.Itoa((i+1+j%7)%50) + ".b")
			}
		}
		w.add("w"+strconv.Itoa(i)+".b", "TXT", s.String()+" -all")
	}
	start := time.Now()
	tree := WalkTree(t.Context(), w, "w0.b")
	if tree.Result != PermError || tree.Complete {
		t.Errorf("%s %v", tree.Result, tree.Complete)
	}
	if d := time.Since(start); d > 2*time.Second {
		t.Errorf("took %s", d)
	}
}

func BenchmarkTree(b *testing.B) {
	w := parseWorld(b, `
root.example TXT v=spf1 include:a.example include:b.example a mx -all
a.example TXT v=spf1 ip4:192.0.2.0/24 ip4:198.51.100.0/24 include:c.example ~all
b.example TXT v=spf1 ip4:203.0.113.0/24 ip6:2001:db8::/32 ~all
c.example TXT v=spf1 ip4:192.0.2.0/24 ip4:198.51.100.0/24 ip4:203.0.113.0/24 ~all
root.example A 192.0.2.1
root.example MX 10 root.example
`)
	for b.Loop() {
		if tree := WalkTree(b.Context(), w, "root.example"); tree.Lookups != 5 {
			b.Fatal(tree.Lookups)
		}
	}
}

func BenchmarkSenders(b *testing.B) {
	w := parseWorld(b, "root.example TXT v=spf1"+strings.Repeat(" ip4:192.0.2.0/24 ip6:2001:db8::/32", 20)+" -all\n")
	for b.Loop() {
		if s := Senders(b.Context(), w, "root.example"); !s.Exact {
			b.Fatal("not exact")
		}
	}
}

// TestTreeLimits stands at each limit and one step behind it.
func TestTreeLimits(t *testing.T) {
	repeat := func(n int, f string) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, f, i)
		}
		return b.String()
	}
	hosts := repeat(11, "h%d.example A 192.0.2.1\n")
	both := "both.example A 192.0.2.1\nboth.example AAAA 2001:db8::1\n"
	for _, tc := range []struct {
		name, record, world string
		want                Code
	}{
		{"10 lookups", "exists:h0.example" + repeat(9, " exists:h%d.example"), hosts, OK},
		{"11 lookups", "exists:h0.example" + repeat(10, " exists:h%d.example"), hosts, PermError},
		{"10 MX", "mx:m.example", hosts + repeat(10, "m.example MX 1 h%d.example\n"), OK},
		{"11 MX", "mx:m.example", hosts + repeat(11, "m.example MX 1 h%d.example\n"), PermError},
		{"2 void", "a:gone0.example a:gone1.example", "", OK},
		{"3 void", "a:gone0.example a:gone1.example a:gone2.example", "", PermError},
		{"3 void for IPv4", "a:gone0.example a:gone1.example a:six.example", "six.example AAAA 2001:db8::1\n", OK},
		{"3 void for IPv6", "a:gone0.example a:gone1.example a:h0.example", hosts, OK},
		{"3 void for either", "a:gone0.example a:gone1.example a:h0.example a:six.example", hosts + "six.example AAAA 2001:db8::1\n", PermError},
		{"an address in both families is not void", "a:gone0.example a:gone1.example a:both.example", both, OK},
	} {
		w := parseWorld(t, tc.world+"root.example TXT v=spf1 "+tc.record+" -all\n")
		if tree := WalkTree(t.Context(), w, "root.example"); tree.Result != tc.want {
			t.Errorf("%s: %s, want %s (%d lookups, %+v)", tc.name, tree.Result, tc.want, tree.Lookups, tree.Void)
		}
	}
}

// TestEveryone: a record lets everyone pass only if it does so in both families, and if nothing before says otherwise.
func TestEveryone(t *testing.T) {
	const world = `
all.example TXT v=spf1 +all
soft.example TXT v=spf1 ~all
in-addr.one.example TXT v=spf1 +all
ip6.one.example TXT v=spf1 -all
in-addr.two.example TXT v=spf1 +all
ip6.two.example TXT v=spf1 +all
`
	for record, want := range map[string]bool{
		"+all":                                true,
		"~all":                                false,
		"~ip4:192.0.2.1 +all":                 false,
		"ip4:192.0.2.1 +all":                  true,
		"ip4:0.0.0.0/0":                       false,
		"ip6:::/0":                            false,
		"ip4:0.0.0.0/0 ip6:::/0":              true,
		"ip4:0.0.0.0/1 ip6:::/0":              false,
		"~ip4:0.0.0.0/0 ip6:::/0":             false,
		"include:all.example":                 true,
		"?include:all.example -all":           false,
		"include:soft.example -all":           false,
		"include:%{v}.one.example -all":       false,
		"include:%{v}.two.example -all":       true,
		"redirect=all.example":                true,
		"redirect=soft.example":               false,
		"redirect=%{v}.one.example":           false,
		"redirect=%{v}.two.example":           true,
		"redirect=all.example -all":           false,
		"?ip4:192.0.2.1 redirect=all.example": false,
	} {
		tree := WalkTree(t.Context(), parseWorld(t, world+"root.example TXT v=spf1 "+record+"\n"), "root.example")
		if tree.Root.Everyone != want {
			t.Errorf("%s: everyone is %t, want %t", record, tree.Root.Everyone, want)
		}
	}
}
