package report

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/spf"
	"github.com/tripod-dns/tripod/internal/zone"
)

// world is DNS for a test: TXT records. Other types are there everywhere but below "gone." (no such name), "unknown." and, AAAA, "four.".
type world map[zone.Name][]*zone.Record

func (w world) txt(name zone.Name, text string) {
	w[name] = append(w[name], &zone.Record{Name: name, Type: dns.TypeTXT, Text: zone.PlainText(text, zone.Span{})})
}

func (w world) Lookup(_ context.Context, name zone.Name, qtype uint16) zone.Answer {
	switch {
	case strings.HasPrefix(string(name), "unknown."):
		return zone.Answer{Status: zone.Unknown, Why: "not in the lock file"}
	case qtype == dns.TypeTXT && w[name] != nil:
		return zone.Answer{Status: zone.Found, Records: w[name], Owner: name}
	case qtype == dns.TypeTXT, strings.HasPrefix(string(name), "gone."):
		return zone.Answer{Status: zone.NXDomain}
	case qtype == dns.TypeAAAA && strings.HasPrefix(string(name), "four."), qtype == dns.TypeMX:
		return zone.Answer{Status: zone.NoData}
	}
	return zone.Answer{Status: zone.Found, Owner: name}
}

func (w world) Exists(ctx context.Context, name zone.Name, qtype uint16) zone.Answer {
	return w.Lookup(ctx, name, qtype)
}

// over is a tree with eleven lookups and more, the eleventh three levels down in a record that is long.
func over(t *testing.T) *spf.Tree {
	w := world{}
	w.txt("example.com", "v=spf1 include:_spf.one.example include:one.two.three.four.five.a-service-with-a-long-name.marketing.example include:_spf.deep.example a:four.example.com exists:%{i}.allow.example.com a:gone.example.com -all")
	w.txt("_spf.one.example", "v=spf1 a:mail.one.example a:mail2.one.example ?all")
	var ranges strings.Builder
	for i := range 24 {
		fmt.Fprintf(&ranges, " ip4:198.51.100.%d/32", i)
	}
	w.txt("one.two.three.four.five.a-service-with-a-long-name.marketing.example", "v=spf1"+ranges.String()+" ip6:2001:db8:1234:5678::/64 include:_spf.one.example ~all")
	w.txt("_spf.deep.example", "v=spf1 include:_spf1.deep.example include:_spf2.deep.example -all")
	w.txt("_spf1.deep.example", "v=spf1 include:_spf3.deep.example ip4:192.0.2.0/24 -all")
	w.txt("_spf2.deep.example", "v=spf1 ip4:203.0.113.0/24 -all")
	w.txt("_spf3.deep.example", "v=spf1 a:four.deep.example ip4:192.0.2.128/25 ip6:2001:db8:abcd:ef01::/64 -all")
	return spf.WalkTree(t.Context(), w, "example.com")
}

func TestTree(t *testing.T) {
	fine := world{}
	fine.txt("example.com", "v=spf1 include:_spf.example.net include:unknown.example ip4:192.0.2.0/24 ~all")
	fine.txt("_spf.example.net", "v=spf1 ip4:198.51.100.0/24 -all")
	loop := world{}
	loop.txt("example.com", "v=spf1 redirect=example.com")
	syntax := world{}
	syntax.txt("example.com", "v=spf1 ipv4:192.0.2.1 -all")
	for _, c := range []struct {
		name string
		tree *spf.Tree
	}{
		{"over", over(t)},
		{"fine", spf.WalkTree(t.Context(), fine, "example.com")},
		{"loop", spf.WalkTree(t.Context(), loop, "example.com")},
		{"syntax", spf.WalkTree(t.Context(), syntax, "example.com")},
		{"none", spf.WalkTree(t.Context(), world{}, "example.com")},
	} {
		for _, width := range []int{40, 80, 120} {
			out := text(t, Style{Width: width}, func(t *Text) { t.Tree(c.tree) })
			fits(t, out, width)
			if width == 80 || c.name == "over" {
				golden(t, fmt.Sprintf("tree-%s-%d.txt", c.name, width), []byte(out))
			}
			if colour := text(t, Style{Width: width, Color: true}, func(t *Text) { t.Tree(c.tree) }); ansi.ReplaceAllString(colour, "") != out {
				t.Errorf("%s: colour changes more than the colour", c.name)
			}
		}
		var b bytes.Buffer
		if err := TreeJSON(&b, c.tree); err != nil {
			t.Fatal(err)
		}
		golden(t, "tree-"+c.name+".json", b.Bytes())
		if got, want := members(t, b.String()), "schema name lookups complete void_lookups dynamic_terms result problems tree"; got != want {
			t.Errorf("%s: members %s", c.name, got)
		}
		b.Reset()
		if err := TreeSVG(&b, c.tree); err != nil {
			t.Fatal(err)
		}
		golden(t, "tree-"+c.name+".svg", b.Bytes())
		inertXML(t, c.name, b.String())
		b.Reset()
		if err := TreeMermaid(&b, c.tree); err != nil {
			t.Fatal(err)
		}
		golden(t, "tree-"+c.name+".mermaid.md", b.Bytes())
	}
	golden(t, "tree-over-80-colour.txt", []byte(text(t, Style{Color: true}, func(tx *Text) { tx.Tree(over(t)) })))
	var b bytes.Buffer
	if err := TreeMarkdown(&b, over(t)); err != nil {
		t.Fatal(err)
	}
	golden(t, "tree-over.md", b.Bytes())
}

// One term is the one over the limit, in every drawing: the one that the eleventh lookup is for.
func TestOneTermIsOver(t *testing.T) {
	tree := over(t)
	var want string
	tree.WalkTerms(func(x *spf.TermNode) {
		if x.Reached && x.Own > 0 && x.Before <= spf.MaxLookups && x.Before+x.Own > spf.MaxLookups {
			want = x.Term.Text
		}
	})
	out := text(t, Style{Color: true}, func(t *Text) { t.Tree(tree) })
	if n := strings.Count(out, "the one over the limit"); n != 1 {
		t.Errorf("text marks %d terms", n)
	}
	marked := 0
	for line := range strings.Lines(out) {
		if strings.HasPrefix(ansi.ReplaceAllString(line, ""), " 1> ") {
			marked++
			if !strings.Contains(line, "\x1b[31;1m"+want) {
				t.Errorf("not red, or not %s: %q", want, line)
			}
		}
	}
	if marked != 1 {
		t.Errorf("%d arrows", marked)
	}
	for _, write := range []func(*bytes.Buffer) error{
		func(b *bytes.Buffer) error { return TreeSVG(b, tree) },
		func(b *bytes.Buffer) error { return TreeMermaid(b, tree) },
		func(b *bytes.Buffer) error { return TreeMarkdown(b, tree) },
	} {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(b.String(), "the one over the limit"); n != 1 {
			t.Errorf("%d terms marked in\n%s", n, b.String())
		}
	}

	// Ten lookups are none too many.
	w := world{}
	w.txt("example.com", "v=spf1 a a a a a a a a a a -all")
	if out := text(t, Style{}, func(t *Text) { t.Tree(spf.WalkTree(context.Background(), w, "example.com")) }); strings.Contains(out, "over") {
		t.Errorf("%s", out)
	}
}

// A tree that is as large and deep as one gets is drawn in every format, within its columns.
func TestLargeTree(t *testing.T) {
	w := world{}
	for i := range 60 {
		w.txt(zone.Name(fmt.Sprintf("n%d.example", i)), fmt.Sprintf("v=spf1 include:n%d.example include:n%d.example %s -all", i+1, i+1, strings.Repeat("ip4:192.0.2.1 ", 50)))
	}
	tree := spf.WalkTree(t.Context(), w, "n0.example")
	for _, width := range []int{40, 80, 120} {
		fits(t, text(t, Style{Width: width}, func(t *Text) { t.Tree(tree) }), width)
	}
	var b bytes.Buffer
	if err := TreeMermaid(&b, tree); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), "-->"); n > 400 || b.Len() > 50_000 { // Mermaid draws up to 500 edges and 50,000 characters
		t.Errorf("%d edges, %d octets", n, b.Len())
	}
	b.Reset()
	if err := TreeSVG(&b, tree); err != nil {
		t.Fatal(err)
	}
	inertXML(t, "large", b.String())
}

func TestCheck(t *testing.T) {
	ip := netip.MustParseAddr("192.0.2.1")
	for name, r := range map[string]spf.Result{
		"pass":      {Result: spf.Pass, Mechanism: "ip4:192.0.2.0/24", Path: []zone.Name{"example.com", "_spf.example.net"}, Lookups: 3},
		"fail":      {Result: spf.Fail, Mechanism: "-all", Path: []zone.Name{"example.com"}, Lookups: 1, Explanation: "192.0.2.1 may not send as example.com; ask postmaster@example.com, who knows about the rest of it"},
		"permerror": {Result: spf.PermError, Path: []zone.Name{"example.com"}, Lookups: 11, Reason: "more than 10 lookups"},
	} {
		out := text(t, Style{}, func(t *Text) { t.Check("example.com", ip, r) })
		fits(t, out, 80)
		golden(t, "check-"+name+".txt", []byte(out))
		var b bytes.Buffer
		if err := CheckJSON(&b, r); err != nil {
			t.Fatal(err)
		}
		golden(t, "check-"+name+".json", b.Bytes())
		b.Reset()
		if err := CheckMarkdown(&b, "example.com", ip, r); err != nil {
			t.Fatal(err)
		}
		if first, _, _ := strings.Cut(out, "\n"); !strings.HasPrefix(b.String(), "```text\n"+first) {
			t.Errorf("%s", b.String())
		}
	}
}
