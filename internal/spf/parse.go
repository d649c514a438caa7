package spf

import (
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tripod-dns/tripod/internal/zone"
)

// maxProblems bounds the problems of one record; more would tell nobody anything.
const maxProblems = 100

type parser struct {
	r     *Record
	spare []Term // room for the terms, made at once
}

// Parse reads a record. It never fails: what breaks the grammar of RFC 7208 §12 is in the record's Problems,
// wherever it stands, because receivers check the whole record before they evaluate any of it (§4.6).
func Parse(text string) *Record {
	p := parser{r: &Record{Text: text}}
	if !IsSPF(text) {
		p.problem("version", 0, min(len(text), len(Version)), `does not begin with "v=spf1" and a space`, "")
		return p.r
	}
	n := min(strings.Count(text, " "), 1024)
	p.spare = make([]Term, n)
	p.r.Terms = make([]*Term, 0, n)
	p.terms(len(Version))
	p.modifiers()
	return p.r
}

func (p *parser) problem(kind string, start, end int, msg, help string) {
	if len(p.r.Problems) < maxProblems {
		p.r.Problems = append(p.r.Problems, zone.Problem{Kind: kind, Start: start, End: end, Message: msg, Help: help})
	}
}

// bad notes what is wrong with a term, once: one mistake, one problem.
func (p *parser) bad(t *Term, kind, msg, help string) {
	if t.Bad {
		return
	}
	t.Bad = true
	p.problem(kind, t.Start, t.End, msg, help)
}

// terms reads *( 1*SP ( directive / modifier ) ) *SP.
func (p *parser) terms(at int) {
	text := p.r.Text
	for at < len(text) {
		if text[at] == ' ' {
			at++
			continue
		}
		if w := strangeSpace(text, at); w > 0 {
			end := at + w
			for end < len(text) {
				w := strangeSpace(text, end)
				if w == 0 {
					break
				}
				end += w
			}
			p.problem("separator", at, end, spaceName(text[at:end])+" in the record", "only spaces separate terms: write a space")
			at = end
			continue
		}
		end := tokenEnd(text, at)
		t := p.term(at, end)
		if next := p.strayValue(t); next > end {
			// "include: example.com": the value is a token of its own.
			t.End, t.Text = next, text[at:next]
			if n := len(p.r.Problems); n > 0 && p.r.Problems[n-1].Start == t.Start {
				p.r.Problems = p.r.Problems[:n-1]
			}
			t.Bad = false
			p.bad(t, "space", "space behind "+quote(text[at:end]), didYouMean(text[at:end]+text[tokenStart(text, end):next]))
			end = next
		}
		p.r.Terms = append(p.r.Terms, t)
		at = end
	}
}

// strangeSpace is the width of a control character or a space other than SP at the offset, else 0.
func strangeSpace(s string, at int) int {
	c := s[at]
	switch {
	case c < ' ' || c == 0x7f:
		return 1
	case c < utf8.RuneSelf:
		return 0
	}
	r, w := utf8.DecodeRuneInString(s[at:])
	if r != utf8.RuneError && (unicode.IsSpace(r) || r == '\u200b' || r == '\u2060' || r == '\ufeff') {
		return w
	}
	return 0
}

func spaceName(s string) string {
	switch r, _ := utf8.DecodeRuneInString(s); r {
	case '\t':
		return "tab"
	case '\n', '\r':
		return "line break"
	case '\u00a0', '\u202f':
		return "no-break space"
	default:
		if r < ' ' || r == 0x7f {
			return "control character"
		}
		return "space that is not U+0020"
	}
}

func tokenStart(s string, at int) int {
	for at < len(s) && s[at] == ' ' {
		at++
	}
	return at
}

func tokenEnd(s string, at int) int {
	for at < len(s) {
		switch c := s[at]; {
		case c <= ' ' || c == 0x7f:
			return at
		case c < utf8.RuneSelf:
			at++
		case strangeSpace(s, at) > 0:
			return at
		default:
			_, w := utf8.DecodeRuneInString(s[at:])
			at += w
		}
	}
	return at
}

// strayValue finds the value of a term that ends in ":" or "=" without one, where a space slipped in before
// it. It gives the end of the value, or 0.
func (p *parser) strayValue(t *Term) int {
	text := p.r.Text
	last := text[t.End-1]
	if !t.Bad || (last != ':' && last != '=') || t.End == len(text) || t.Domain != nil {
		return 0
	}
	switch t.Kind {
	case Include, A, MX, PTR, IP4, IP6, Exists, Redirect, Exp:
	default:
		return 0
	}
	start := tokenStart(text, t.End)
	end := tokenEnd(text, start)
	if start == end || start == t.End {
		return 0
	}
	v := text[start:end]
	name, _, _ := strings.Cut(strings.TrimLeft(v, "+-~?"), "=")
	name, _, colon := strings.Cut(name, ":")
	name, _, _ = strings.Cut(name, "/")
	if _, known := mechanisms[strings.ToLower(name)]; known || strings.ContainsRune(v, '=') {
		return 0
	}
	if _, err := netip.ParseAddr(strings.SplitN(v, "/", 2)[0]); err != nil && (colon || !strings.ContainsAny(v, ".%")) {
		return 0
	}
	return end
}

var mechanisms = map[string]Kind{
	"all": All, "include": Include, "a": A, "mx": MX, "ptr": PTR, "ip4": IP4, "ip6": IP6, "exists": Exists,
}

var knownModifiers = map[string]Kind{"redirect": Redirect, "exp": Exp}

// term reads one directive or modifier.
func (p *parser) term(start, end int) *Term {
	s := p.r.Text[start:end]
	if len(p.spare) == 0 {
		p.spare = make([]Term, 8)
	}
	t := &p.spare[0]
	p.spare = p.spare[1:]
	*t = Term{Start: start, End: end, Text: s, Qualifier: '+', CIDR4: -1, CIDR6: -1}
	body, qualified := s, false
	if strings.IndexByte("+-~?", s[0]) >= 0 {
		t.Qualifier, body, qualified = s[0], s[1:], true
	}
	k := strings.IndexAny(body, ":/=")
	t.Name = body
	if k >= 0 {
		t.Name = body[:k]
	}
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			p.bad(t, "non-ascii", "characters outside ASCII in "+quote(s), nonASCIIHelp(s))
			return t
		}
	}
	if k >= 0 && body[k] == '=' && isModifierName(t.Name) {
		p.modifier(t, body[k+1:], end-len(body)+k+1, qualified)
		return t
	}
	kind, ok := mechanisms[strings.ToLower(t.Name)]
	if !ok {
		p.unknown(t, body)
		return t
	}
	t.Kind = kind
	rest := body[len(t.Name):]
	at := end - len(rest)
	switch kind {
	case All:
		if rest != "" {
			p.bad(t, "argument", quote(t.Name)+" takes no argument", didYouMean(qualifierText(t)+"all"))
		}
	case Include, Exists:
		p.domain(t, rest, at, true)
	case PTR:
		p.domain(t, rest, at, false)
	case A, MX:
		p.address(t, rest, at)
	case IP4, IP6:
		p.network(t, rest)
	}
	return t
}

func isModifierName(s string) bool {
	if s == "" || !isAlpha(s[0]) {
		return false
	}
	for i := 1; i < len(s); i++ {
		if !isAlpha(s[i]) && !isDigit(s[i]) && strings.IndexByte("-_.", s[i]) < 0 {
			return false
		}
	}
	return true
}

// modifier reads name "=" value (RFC 7208 §6).
func (p *parser) modifier(t *Term, value string, at int, qualified bool) {
	t.Kind = Unknown
	if k, ok := knownModifiers[strings.ToLower(t.Name)]; ok {
		t.Kind = k
	}
	if qualified {
		p.bad(t, "qualifier", quote(t.Name)+" is a modifier, which takes no qualifier", didYouMean(t.Text[1:]))
		return
	}
	if t.Kind == Unknown {
		m, bad, _, _ := parseMacros(value, at, false)
		t.Domain = m
		if bad != "" {
			p.bad(t, "macro", bad, macroHelp(value, bad))
		}
		return
	}
	p.domainSpec(t, value, at)
}

// domain reads [ ":" domain-spec ].
func (p *parser) domain(t *Term, rest string, at int, required bool) {
	switch {
	case rest == "" && !required:
	case rest == "":
		p.bad(t, "domain", quote(t.Name)+" without a domain", "write "+quote(t.Name+":domain"))
	case rest[0] == ':':
		p.domainSpec(t, rest[1:], at+1)
	case rest[0] == '=':
		p.bad(t, "domain", quote(t.Name+rest)+" is not a mechanism", didYouMean(qualifierText(t)+t.Name+":"+rest[1:]))
	default:
		p.bad(t, "cidr", quote(t.Name)+" takes no prefix length", "")
	}
}

// domainSpec reads macro-string domain-end (RFC 7208 §7.1).
func (p *parser) domainSpec(t *Term, s string, at int) {
	if s == "" {
		p.bad(t, "domain", quote(t.Text)+" without a domain", "write the domain behind "+quote(t.Text))
		return
	}
	m, bad, _, _ := parseMacros(s, at, false)
	t.Domain = m
	if bad != "" {
		p.bad(t, "macro", bad, macroHelp(s, bad))
		return
	}
	if last := m.Parts[len(m.Parts)-1]; last.Letter != 0 || endsInEscape(s) {
		return // domain-end = macro-expand
	}
	if top, ok := topLabel(s); !ok {
		p.badDomain(t, s, top)
	}
}

// endsInEscape tells whether the last thing in a well-formed macro-string is "%%", "%_" or "%-".
func endsInEscape(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && s[i+1] != '{' {
			if i+2 == len(s) {
				return true
			}
			i++
		}
	}
	return false
}

// topLabel finds the last label of a domain-spec that ends in literals and tells whether it is a toplabel with
// a dot before it.
func topLabel(s string) (string, bool) {
	s = strings.TrimSuffix(s, ".")
	dot := strings.LastIndexByte(s, '.')
	top := s[dot+1:]
	if dot < 0 || top == "" {
		return top, false
	}
	letter := false // or a hyphen: anything but digits only
	for i := 0; i < len(top); i++ {
		switch c := top[i]; {
		case isAlpha(c):
			letter = true
		case isDigit(c):
		case c == '-' && i > 0 && i < len(top)-1:
			letter = true
		default:
			return top, false
		}
	}
	return top, letter
}

// address reads the rest of an a or mx: [ ":" domain-spec ] [ dual-cidr-length ].
func (p *parser) address(t *Term, rest string, at int) {
	spec, cidr := cutCIDR(rest)
	if cidr != "" && !p.dualCIDR(t, cidr, spec) {
		return
	}
	switch {
	case spec == "":
	case spec[0] == ':':
		p.domainSpec(t, spec[1:], at+1)
	case spec[0] == '=':
		p.bad(t, "domain", quote(t.Text)+" is not a mechanism", didYouMean(qualifierText(t)+t.Name+":"+rest[1:]))
	default:
		p.bad(t, "cidr", "bad prefix length "+quote(rest), cidrHelp(rest))
	}
}

// cutCIDR splits off what can only be meant as prefix lengths: all of "/24", "//64" and their like at the end. A
// slash may stand in a domain-spec too, but that ends in a label, which is not all digits.
func cutCIDR(s string) (spec, cidr string) {
	end := len(s)
	for {
		i := digitsBefore(s, end)
		if i == end || i == 0 || s[i-1] != '/' {
			return s[:end], s[end:]
		}
		end = i - 1
		if end > 0 && s[end-1] == '/' {
			end--
		}
	}
}

func digitsBefore(s string, end int) int {
	for end > 0 && isDigit(s[end-1]) {
		end--
	}
	return end
}

// dualCIDR reads [ ip4-cidr-length ] [ "/" ip6-cidr-length ].
func (p *parser) dualCIDR(t *Term, s, spec string) bool {
	v4, v6, has6 := s, "", false
	if i := strings.Index(s, "//"); i >= 0 {
		v4, v6, has6 = s[:i], s[i+2:], true
	}
	ok := true
	if v4 != "" {
		t.CIDR4, ok = prefixLength(v4[1:], 32)
	}
	if ok && has6 {
		t.CIDR6, ok = prefixLength(v6, 128)
	}
	if !ok {
		if strings.HasPrefix(spec, ":") {
			if _, err := netip.ParseAddr(spec[1:]); err == nil {
				p.badDomain(t, spec[1:]+s, "")
				return false
			}
		}
		p.bad(t, "cidr", "bad prefix length "+quote(s), cidrHelp(s))
	}
	return ok
}

// prefixLength reads a decimal number up to limit, without leading zeros (RFC 7208 §12).
func prefixLength(s string, limit int) (int, bool) {
	if s == "" || len(s) > 3 || (s[0] == '0' && len(s) > 1) {
		return -1, false
	}
	n := 0
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			return -1, false
		}
		n = n*10 + int(s[i]-'0')
	}
	if n > limit {
		return -1, false
	}
	return n, true
}

// network reads the rest of an ip4 or ip6: ":" network [ cidr-length ] (RFC 7208 §5.6).
func (p *parser) network(t *Term, rest string) {
	if rest == "" || rest[0] != ':' {
		p.bad(t, t.Kind.String(), quote(t.Text)+" without an address", "write "+quote(strings.ToLower(t.Name)+":address"))
		return
	}
	v := rest[1:]
	addrText, cidr, hasCIDR := strings.Cut(v, "/")
	addr, err := netip.ParseAddr(addrText)
	limit := 32
	if t.Kind == IP6 {
		limit = 128
	}
	good := err == nil && addr.Zone() == "" && (addr.Is4() == (t.Kind == IP4))
	if !good {
		p.badAddress(t, v, addrText, addr, err)
		return
	}
	bits := limit
	if hasCIDR {
		n, ok := prefixLength(cidr, limit)
		if !ok {
			p.bad(t, "cidr", "bad prefix length "+quote("/"+cidr), networkCIDRHelp(cidr, limit))
			return
		}
		bits = n
	}
	t.Prefix = netip.PrefixFrom(addr, bits)
}

// modifiers checks that redirect and exp stand once at most (RFC 7208 §6).
func (p *parser) modifiers() {
	var seen [Unknown]bool
	for _, t := range p.r.Terms {
		if t.Kind != Redirect && t.Kind != Exp {
			continue
		}
		if seen[t.Kind] {
			p.bad(t, "duplicate", "second "+quote(t.Kind.String())+", it may stand once only", "remove one of them")
		}
		seen[t.Kind] = true
	}
}
