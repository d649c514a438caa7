package spf

import (
	"context"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// Macros of one message (RFC 7208 §7), and the explanation (§6.2).

const hexDigits = "0123456789abcdef"

// nibbles is an IPv6 address as 32 hexadecimal digits with dots (§7.3).
func nibbles(ip netip.Addr) string {
	b := ip.As16()
	var out strings.Builder
	for i, x := range b {
		if i > 0 {
			out.WriteByte('.')
		}
		out.WriteByte(hexDigits[x>>4])
		out.WriteByte('.')
		out.WriteByte(hexDigits[x&15])
	}
	return out.String()
}

// reverse is the name in in-addr.arpa or ip6.arpa of an address.
func reverse(ip netip.Addr) zone.Name {
	s, zoneName := nibbles(ip), ".ip6.arpa"
	if ip.Is4() {
		s, zoneName = ip.String(), ".in-addr.arpa"
	}
	p := MacroPart{Reverse: true}
	return zone.Name(p.transform(s) + zoneName)
}

// expandTarget is a term's target name, "" where no query can be made for it.
func (c *checker) expandTarget(ctx context.Context, t *Term, name zone.Name) (zone.Name, Code) {
	if t.Domain == nil {
		return name, goOn
	}
	s, code := c.expand(ctx, t.Domain, name)
	if code != goOn {
		return "", code
	}
	target, ok := toName(s)
	if !ok || ((t.Kind == Include || t.Kind == Redirect) && target.Count() < 2) {
		return "", goOn
	}
	return target, goOn
}

// expand expands macros (§7.2, §7.3).
func (c *checker) expand(ctx context.Context, m *MacroString, name zone.Name) (string, Code) {
	if s, ok := m.Static(); ok {
		return s, goOn
	}
	var b strings.Builder
	for i := range m.Parts {
		p := &m.Parts[i]
		v := ""
		switch p.Letter {
		case 0:
			b.WriteString(p.Literal)
			continue
		case 's':
			v = c.local + "@" + c.domain
		case 'l':
			v = c.local
		case 'o':
			v = c.domain
		case 'd':
			v = raw(name)
		case 'i':
			v = c.ip.String()
			if c.ip.Is6() {
				v = nibbles(c.ip)
			}
		case 'p':
			n, code := c.validatedName(ctx, name)
			if code != goOn {
				return "", code
			}
			v = n
		case 'v':
			v = versionWord(c.ip.Is6())
		case 'h':
			v = c.helo
		case 'c':
			v = c.ip.String()
		case 'r':
			v = "unknown"
		case 't':
			v = strconv.FormatInt(c.now.Unix(), 10)
		}
		b.WriteString(p.transform(v))
	}
	return b.String(), goOn
}

// validatedName is %{p}: the domain itself, else a name below it, else any validated name, else "unknown".
func (c *checker) validatedName(ctx context.Context, domain zone.Name) (string, Code) {
	names, st := c.clientNames(ctx)
	if st == zone.Unknown {
		return "", c.lack(reverse(c.ip), dns.TypePTR)
	}
	best, rank := "unknown", 0
	for _, n := range names {
		r := 1
		if n == domain {
			r = 3
		} else if n.Under(domain) {
			r = 2
		}
		if r <= rank {
			continue
		}
		ok, code := c.validated(ctx, n)
		if code != goOn {
			return "", code
		}
		if ok {
			best, rank = raw(n), r
		}
	}
	return best, goOn
}

// explanation is the text of exp (§6.2). Whatever goes wrong, receivers go on without it.
func (c *checker) explanation(ctx context.Context) string {
	keep := c.reason
	defer func() { c.reason = keep }()
	s, code := c.expand(ctx, c.exp.Domain, c.expDomain)
	if code != goOn {
		return ""
	}
	target, ok := toName(s)
	if !ok {
		return ""
	}
	a := c.ask(ctx, target, dns.TypeTXT)
	if a.Status != zone.Found || len(a.Records) != 1 {
		return ""
	}
	m, bad := ParseExplanation(a.Records[0].Text.String())
	if bad != "" {
		return ""
	}
	text, code := c.expand(ctx, m, c.expDomain)
	if code != goOn {
		return ""
	}
	return text
}

// ParseExplanation reads the text that exp leads to (RFC 7208 §6.2): visible ASCII, spaces and macros. bad says
// why receivers ignore it, "" where they do not.
func ParseExplanation(text string) (m *MacroString, bad string) {
	for i := 0; i < len(text); i++ {
		if text[i] >= 0x80 {
			return nil, "characters outside ASCII"
		}
		if text[i] < ' ' || text[i] == 0x7f {
			return nil, "control characters"
		}
	}
	m, bad, _, _ = parseMacros(text, 0, true)
	return m, bad
}
