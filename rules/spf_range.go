package rules

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/tripod-dns/tripod/internal/spf"
	"github.com/tripod-dns/tripod/internal/zone"
)

// Ranges of addresses.

// ranges calls f for the ip4 and ip6 terms of a record that authorise.
func ranges(n *spf.Node, f func(*spf.TermNode)) {
	for _, tn := range n.Terms {
		if tn.Reached && (tn.Term.Kind == spf.IP4 || tn.Term.Kind == spf.IP6) && tn.Term.Qualifier == '+' {
			f(tn)
		}
	}
}

// takesAway tells whether a mechanism of the record that is not all takes from what later terms let pass.
func takesAway(n *spf.Node) bool {
	for _, tn := range n.Terms {
		if k := tn.Term.Kind; k.IsMechanism() && k != spf.All && tn.Term.Qualifier != '+' {
			return true
		}
	}
	return false
}

var spfCovered = &Rule{
	ID:        "spf-covered",
	Severity:  Info,
	Summary:   "A range lies inside another one of your own records",
	Reference: "RFC 7208 §5.6",
	Domain: func(p *Pass) {
		p.spfTrees(func(t *spfText, tree *spf.Tree) {
			if takesAway(tree.Root) {
				return // order matters there
			}
			type wide struct {
				tn *spf.TermNode
				n  netip.Prefix
			}
			var all []wide
			tree.Root.Walk(func(n *spf.Node) bool {
				if n.Via != nil && (!isOwn(n) || !passChain(n.Via) || takesAway(n)) {
					return false
				}
				ranges(n, func(tn *spf.TermNode) { all = append(all, wide{tn, tn.Term.Network()}) })
				return true
			})
			ranges(tree.Root, func(tn *spf.TermNode) {
				n := tn.Term.Network()
				for _, w := range all {
					if w.tn == tn || w.n.Bits() > n.Bits() || !w.n.Contains(n.Addr()) || w.n == n && w.tn.In == tn.In {
						continue
					}
					f := Finding{
						Message: fmt.Sprintf("%s lies inside %s%s: it lets no other address send", tn.Term.Text, w.tn.Term.Text, inWhich(w.tn)),
						Help:    "drop it",
					}
					if w.tn.In == tn.In {
						f.Related = []Related{{At: t.rec.TextSpan(w.tn.Term.Start, w.tn.Term.End), Message: "the wider one"}}
					} else {
						f.Related = []Related{{At: w.tn.In.Record.TextSpan(w.tn.Term.Start, w.tn.Term.End), Message: "the wider one"}}
					}
					p.reportAt(t, tn.Term, f)
					return
				}
			})
		})
	},
}

var spfHostBits = &Rule{
	ID:        "spf-host-bits",
	Severity:  Info,
	Summary:   "A range has bits set that its prefix length does not look at",
	Reference: "RFC 7208 §5.6",
	Domain: func(p *Pass) {
		for _, t := range p.spfTexts() {
			for _, term := range t.parsed.Terms {
				if term.Bad || term.Kind != spf.IP4 && term.Kind != spf.IP6 || term.Prefix == term.Network() {
					continue
				}
				f := Finding{
					Message: fmt.Sprintf("%s means %s: the bits behind the prefix length do not count", term.Text, term.Network()),
					Help:    fmt.Sprintf("write %s for the range, or %s for the one address", term.Network(), term.Prefix.Addr()),
				}
				if at := t.rec.TextSpan(term.Start, term.End); t.rec.Origin == zone.Defined && !at.IsZero() {
					written := term.Text[:strings.IndexByte(term.Text, ':')+1] + term.Network().String()
					f.Fix = &Fix{Message: "write " + written, Edits: []Edit{{At: at, New: written}}}
				}
				p.reportAt(t, term, f)
			}
		}
	},
}

var spfBroad = &Rule{
	ID:        "spf-broad",
	Severity:  Warning,
	Summary:   "One range lets very many addresses send",
	Reference: "RFC 7208 §5.6",
	Params: []Param{
		{Name: "ip4", Default: 16, Doc: "the shortest IPv4 prefix length that is not reported"},
		{Name: "ip6", Default: 32, Doc: "the shortest IPv6 prefix length that is not reported"},
	},
	Domain: func(p *Pass) {
		ip4, ip6 := p.Param("ip4"), p.Param("ip6")
		p.spfTrees(func(t *spfText, tree *spf.Tree) {
			parts, _ := p.partOfAll(t, tree)
			for _, tn := range tree.Root.Terms {
				term := tn.Term
				if !tn.Reached || term.Qualifier != '+' || passesWho(tn) != "" {
					continue
				}
				bits4, bits6 := term.CIDR4, term.CIDR6
				switch term.Kind {
				case spf.IP4, spf.IP6:
					if _, no := reservedRange(term.Network(), t.rec.Name); no {
						continue // spf-reserved
					}
					if term.Kind == spf.IP4 && parts[0] >= 0.5 || term.Kind == spf.IP6 && parts[1] >= 0.5 {
						continue // spf-pass-all
					}
					if bits4 = term.Prefix.Bits(); term.Kind == spf.IP6 {
						bits4, bits6 = -1, bits4
					}
				case spf.A, spf.MX:
				default:
					continue
				}
				f := Finding{Help: "name the hosts that send, or the smaller ranges that they are in"}
				switch {
				case bits4 >= 0 && bits4 < ip4:
					f.Message = fmt.Sprintf("%s lets %d addresses send as %s", term.Text, uint64(1)<<(32-bits4), p.whose(t.rec.Name))
				case bits6 >= 0 && bits6 < ip6:
					f.Message = fmt.Sprintf("%s lets a /%d of IPv6 send as %s", term.Text, bits6, p.whose(t.rec.Name))
				default:
					continue
				}
				p.reportAt(t, term, f)
			}
		})
	},
}

// reserved are ranges from which no mail comes over the Internet (IANA's special-purpose registries, RFC 6890).
var reserved = []struct {
	prefix netip.Prefix
	what   string
	doc    bool
}{
	{netip.MustParsePrefix("0.0.0.0/8"), "\"this network\" (RFC 791)", false},
	{netip.MustParsePrefix("10.0.0.0/8"), "private (RFC 1918)", false},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared by carriers behind NAT (RFC 6598)", false},
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback (RFC 1122)", false},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local (RFC 3927)", false},
	{netip.MustParsePrefix("172.16.0.0/12"), "private (RFC 1918)", false},
	{netip.MustParsePrefix("192.0.2.0/24"), "for documentation (RFC 5737)", true},
	{netip.MustParsePrefix("192.168.0.0/16"), "private (RFC 1918)", false},
	{netip.MustParsePrefix("198.18.0.0/15"), "for benchmarks (RFC 2544)", false},
	{netip.MustParsePrefix("198.51.100.0/24"), "for documentation (RFC 5737)", true},
	{netip.MustParsePrefix("203.0.113.0/24"), "for documentation (RFC 5737)", true},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast (RFC 5771)", false},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved (RFC 1112)", false},
	{netip.MustParsePrefix("::/127"), "unspecified and loopback (RFC 4291)", false},
	{mapped, "IPv4-mapped", false},
	{netip.MustParsePrefix("2001:db8::/32"), "for documentation (RFC 3849)", true},
	{netip.MustParsePrefix("3fff::/20"), "for documentation (RFC 9637)", true},
	{netip.MustParsePrefix("fc00::/7"), "private (RFC 4193)", false},
	{netip.MustParsePrefix("fe80::/10"), "link-local (RFC 4291)", false},
	{netip.MustParsePrefix("ff00::/8"), "multicast (RFC 4291)", false},
}

// reservedRange tells whether no mail comes from a range over the Internet, and why. Documentation ranges are fine in names
// that are for documentation.
func reservedRange(net netip.Prefix, owner zone.Name) (what string, ok bool) {
	for _, r := range reserved {
		if net.Bits() >= r.prefix.Bits() && r.prefix.Contains(net.Addr()) && (!r.doc || !reservedName(owner)) {
			return r.what, true
		}
	}
	return "", false
}

// mapped are the IPv4-mapped IPv6 addresses. A client that has one is compared as IPv4 (RFC 7208 §5).
var mapped = netip.MustParsePrefix("::ffff:0:0/96")

// reservedName tells whether a name is one of documentation and tests (RFC 2606, RFC 6761).
func reservedName(n zone.Name) bool {
	for _, r := range []zone.Name{"example", "test", "invalid", "localhost", "example.com", "example.net", "example.org"} {
		if n.Under(r) {
			return true
		}
	}
	return false
}

var spfReserved = &Rule{
	ID:        "spf-reserved",
	Severity:  Warning,
	Summary:   "A range that no mail comes from over the Internet",
	Reference: "RFC 6890",
	Domain: func(p *Pass) {
		p.spfTrees(func(t *spfText, tree *spf.Tree) {
			done := map[*spf.TermNode]bool{}
			tree.Root.Walk(func(n *spf.Node) bool {
				if n.Via != nil && isOwn(n) {
					return false
				}
				ranges(n, func(tn *spf.TermNode) {
					if done[tn.Top()] {
						return
					}
					net := tn.Term.Network()
					what, ok := reservedRange(net, n.Name)
					if !ok {
						return
					}
					if n.Via != nil {
						done[tn.Top()] = true
					}
					f := Finding{
						Message: fmt.Sprintf("%s%s is %s: no mail comes from there over the Internet", tn.Term.Text, inWhich(tn), what),
						Help:    "write the address that other mail servers see, or drop the term",
					}
					if mapped.Contains(net.Addr()) {
						ip4 := net.Addr().Unmap().String()
						if net.Bits() < 128 {
							ip4 += fmt.Sprintf("/%d", net.Bits()-96)
						}
						f.Message = fmt.Sprintf("%s%s is IPv4-mapped, and never matches: receivers compare such clients as IPv4", tn.Term.Text, inWhich(tn))
						f.Help = "write ip4:" + ip4
						f.Reference = "RFC 7208 §5"
					}
					p.reportTerm(t, tn, f)
				})
				return true
			})
		})
	},
}
