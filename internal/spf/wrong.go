package spf

import (
	"fmt"
	"net/netip"
	"regexp"
	"strings"
	"sync"

	"golang.org/x/net/idna"

	"github.com/tripod-dns/tripod/internal/spelling"
	"github.com/tripod-dns/tripod/internal/zone"
)

// What people write instead of what they mean, and how to say so.

// quote puts text between quotation marks, clipped so that no message runs away.
func quote(s string) string {
	const limit = 80
	if len(s) > limit {
		return fmt.Sprintf("%q…", strings.ToValidUTF8(s[:limit], ""))
	}
	return fmt.Sprintf("%q", s)
}

func didYouMean(s string) string {
	if strings.EqualFold(s, "all") || strings.EqualFold(s, "+all") {
		return `write "-all" or "~all": all without a qualifier lets anyone send`
	}
	return "did you mean " + quote(s) + "?"
}

func qualifierText(t *Term) string {
	if t.Text != "" && strings.IndexByte("+-~?", t.Text[0]) >= 0 {
		return t.Text[:1]
	}
	return ""
}

// wrongNames are names that people give to mechanisms.
var wrongNames = map[string]string{
	"ipv4": "ip4", "ipv6": "ip6", "ip": "ip4", "ip-4": "ip4", "ip-6": "ip6", "i4": "ip4", "includes": "include",
	"incl": "include", "included": "include", "mxs": "mx", "exist": "exists", "host": "a", "aaaa": "a",
	"ipa": "ip4", "address": "a", "al": "all", "any": "all",
}

// closest is the known mechanism or modifier that a misspelt name is nearest to, or "".
func closest(name string) string {
	name = strings.ToLower(name)
	if s, ok := wrongNames[name]; ok {
		return s
	}
	if len(name) > 16 {
		return ""
	}
	best, bestDist := "", 3
	for _, k := range []string{"include", "redirect", "exists", "all", "ip4", "ip6", "ptr", "mx", "exp"} {
		d := spelling.Distance(name, k)
		if d < bestDist && d <= len(k)/3 {
			best, bestDist = k, d
		}
	}
	return best
}

// MeantMechanism tells whether a modifier that RFC 7208 does not define was meant as a mechanism, or as another modifier, and
// what to write instead: receivers ignore it (RFC 7208 §6).
func MeantMechanism(t *Term) (help string, ok bool) {
	if t.Kind != Unknown || t.Bad {
		return "", false
	}
	name, value := strings.ToLower(t.Name), t.Text[len(t.Name)+1:]
	if _, known := mechanisms[name]; !known {
		if name = closest(name); name == "" {
			return "", false
		}
	}
	switch {
	case name == "all":
		if q := strings.Trim(value, `"`); q == "-" || q == "~" || q == "?" {
			return didYouMean(q + "all"), true
		}
		return `write "-all" or "~all"`, true
	case name == "redirect" || name == "exp":
		return didYouMean(name + "=" + value), true
	case value == "":
		return didYouMean(name), true
	}
	return didYouMean(name + ":" + value), true
}

// unknown says what is wrong with a term whose name no mechanism has.
func (p *parser) unknown(t *Term, body string) {
	rest := body[len(t.Name):]
	q := qualifierText(t)
	lower := strings.ToLower(t.Name)
	switch {
	case t.Name == "" && rest == "":
		p.bad(t, "mechanism", "qualifier "+quote(t.Text)+" without a mechanism", "write the mechanism right behind it, as in "+quote(t.Text+"all"))
	case t.Name == "":
		p.bad(t, "mechanism", quote(t.Text)+" names no mechanism", "")
	case (lower == "redirect" || lower == "exp") && rest != "" && rest[0] == ':':
		p.bad(t, "mechanism", "modifier "+quote(t.Name)+" takes \"=\", not \":\"", didYouMean(t.Name+"="+rest[1:]))
	default:
		p.bad(t, "mechanism", "unknown mechanism "+quote(t.Name), suggestTerm(q, t.Name, rest))
	}
}

// suggestTerm is a "did you mean" for a term with an unknown name, or "".
func suggestTerm(q, name, rest string) string {
	whole := name + rest
	if addr, _, _ := strings.Cut(whole, "/"); addr != "" {
		if a, err := netip.ParseAddr(addr); err == nil {
			if a.Is4() {
				return didYouMean(q + "ip4:" + whole)
			}
			return didYouMean(q + "ip6:" + whole)
		}
	}
	if trimmed := strings.Trim(whole, `"'.,;\()<>`); trimmed != whole && trimmed != "" {
		n, r := cutName(strings.TrimLeft(trimmed, "+-~?"))
		if _, ok := mechanisms[strings.ToLower(n)]; ok {
			_ = r
			if strings.IndexByte("+-~?", trimmed[0]) >= 0 {
				q = ""
			}
			return didYouMean(q + trimmed)
		}
	}
	if strings.IndexByte("+-~?", whole[0]) >= 0 {
		return "one qualifier at most stands before a mechanism"
	}
	switch k := closest(name); {
	case k == "redirect" || k == "exp":
		if rest != "" {
			return didYouMean(k + "=" + rest[1:])
		}
	case k == "ip4" && strings.Contains(rest, ":") && strings.Count(rest, ":") > 2:
		return didYouMean(q + "ip6" + rest)
	case k == "all":
		if rest == "" {
			return didYouMean(q + "all")
		}
	case k != "":
		return didYouMean(q + k + rest)
	}
	if rest == "" && strings.Contains(name, ".") && !strings.ContainsAny(name, `"\`) {
		return "a name stands behind a mechanism: " + quote(q+"include:"+name) + " for its SPF record, " + quote(q+"a:"+name) + " for its addresses"
	}
	if s := lostSpace(whole); s > 0 {
		return "write a space before " + quote(whole[s:])
	}
	return "the mechanisms are all, include, a, mx, ptr, ip4, ip6, exists"
}

func cutName(s string) (name, rest string) {
	if i := strings.IndexAny(s, ":/="); i >= 0 {
		return s[:i], s[i:]
	}
	return s, ""
}

// lazily compiles a pattern when it is first wanted: most runs never meet what these look for, and each start of the program would pay
// for them all.
func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

var lostTerm = lazily(`(?i)[-+~?](?:all$|include:|ip4:|ip6:|mx$|mx:|a:)|(?:include|ip4|ip6|exists|mx|ptr):|redirect=|[-+~?]?all$`)

// lostSpace finds a second term inside a value, in front of which a space seems to be missing: its offset, or 0.
func lostSpace(v string) int {
	loc := lostTerm().FindStringIndex(v)
	if loc == nil || loc[0] == 0 {
		return 0
	}
	return loc[0]
}

// badDomain says what is wrong with a domain-spec that ends in no toplabel.
func (p *parser) badDomain(t *Term, s, top string) {
	q := qualifierText(t)
	if addr, cidr, has := strings.Cut(s, "/"); addr != "" {
		if a, err := netip.ParseAddr(addr); err == nil {
			mech := "ip6:"
			if a.Is4() {
				mech = "ip4:"
			}
			full := mech + addr
			if t.CIDR4 >= 0 && a.Is4() {
				full += fmt.Sprintf("/%d", t.CIDR4)
			} else if has {
				full += "/" + cidr
			}
			p.bad(t, "domain", quote(t.Name)+" takes a name, "+quote(addr)+" is an address", didYouMean(q+full))
			return
		}
	}
	if t.Domain != nil {
		if k := lostSpace(s); k > 0 {
			p.bad(t, "domain", quote(s)+" is no domain name", "write a space before "+quote(s[k:]))
			return
		}
	}
	help := ""
	if trimmed := strings.TrimRight(s, `,;"'\.)>`); trimmed != s && trimmed != "" {
		if _, ok := topLabel(trimmed); ok {
			help = didYouMean(strings.TrimSuffix(t.Text, s) + trimmed)
		}
	}
	switch {
	case help != "":
		p.bad(t, "domain", quote(s)+" is no domain name", help)
	case t.Kind != A && t.Kind != MX && slashDigits().MatchString(s):
		p.bad(t, "cidr", quote(t.Name)+" takes no prefix length", didYouMean(strings.TrimSuffix(t.Text, slashDigits().FindString(t.Text))))
	case slashDigits().MatchString(s):
		p.bad(t, "cidr", "bad prefix length "+quote(slashDigits().FindString(s)), cidrHelp(slashDigits().FindString(s)))
	case !strings.Contains(strings.TrimSuffix(s, "."), "."):
		p.bad(t, "domain", quote(s)+" is no full domain name, it has one label", "write the whole name, as in "+quote(s+".example.com"))
	case strings.HasSuffix(s, ".."):
		p.bad(t, "domain", quote(s)+" has an empty label", "")
	case top != "" && strings.Trim(top, "0123456789") == "":
		p.bad(t, "domain", quote(s)+" is no domain name, its last label is a number", "")
	default:
		p.bad(t, "domain", quote(s)+" is no domain name, it may not end in "+quote(top), "")
	}
}

var slashDigits = lazily(`(?:/+[0-9]*)+$`)

// badAddress says what is wrong with the value of an ip4 or ip6.
func (p *parser) badAddress(t *Term, v, addrText string, addr netip.Addr, err error) {
	q := qualifierText(t)
	kind := t.Kind.String()
	what := "IPv4"
	if t.Kind == IP6 {
		what = "IPv6"
	}
	switch {
	case v == "":
		p.bad(t, kind, quote(t.Text)+" without an address", "write the address behind "+quote(t.Text))
	case err == nil && addr.Zone() != "":
		p.bad(t, kind, quote(addrText)+" has a zone, which means nothing to others", "")
	case err == nil && t.Kind == IP4:
		p.bad(t, kind, "ip4 takes an IPv4 address, "+quote(addrText)+" is IPv6", didYouMean(q+"ip6:"+v))
	case err == nil:
		p.bad(t, kind, "ip6 takes an IPv6 address, "+quote(addrText)+" is IPv4", didYouMean(q+"ip4:"+v))
	default:
		msg, help := addressFault(t, q, v, addrText, what)
		p.bad(t, kind, msg, help)
	}
}

var (
	quads   = lazily(`^[0-9]{1,3}(?:\.[0-9]{1,3})*\.?$`)
	withDot = lazily(`^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.[A-Za-z][A-Za-z0-9-]*\.?$`)
)

func addressFault(t *Term, q, v, addrText, what string) (msg, help string) {
	msg = quote(addrText) + " is no " + what + " address"
	if k := lostSpace(v); k > 0 {
		return quote(v) + " is no " + what + " address", "write a space before " + quote(v[k:])
	}
	if i := strings.IndexAny(v, ",;"); i > 0 {
		if a, err := netip.ParseAddr(cutSlash(v[:i])); err == nil && a.Is4() == (t.Kind == IP4) {
			if strings.Trim(v[i:], ",;") == "" {
				return quote(v) + " is no " + what + " address", didYouMean(q + t.Kind.String() + ":" + v[:i])
			}
			return quote(v) + " is more than one address", "write one term for each address"
		}
	}
	host, port, isPort := strings.Cut(addrText, ":")
	switch {
	case withDot().MatchString(addrText):
		return t.Kind.String() + " takes an address, " + quote(addrText) + " is a name", didYouMean(q + "a:" + addrText)
	case t.Kind == IP4 && isPort && quads().MatchString(host) && strings.Trim(port, "0123456789") == "":
		return quote(addrText) + " has a port, SPF knows no ports", didYouMean(q + "ip4:" + host)
	case t.Kind == IP4 && isPort && quads().MatchString(strings.TrimPrefix(addrText, "ip4:")):
		return msg, didYouMean(q + addrText)
	case t.Kind == IP4 && quads().MatchString(addrText):
		parts := strings.Split(strings.TrimSuffix(addrText, "."), ".")
		if n := len(parts); n < 4 {
			return fmt.Sprintf("%s, it has %d of 4 parts", msg, n), "write all four parts and a prefix length"
		} else if n > 4 {
			return fmt.Sprintf("%s, it has %d parts", msg, n), ""
		}
		for _, s := range parts {
			if len(s) > 1 && s[0] == '0' {
				return msg + ", its parts may not begin with 0", didYouMean(q + "ip4:" + withoutZeros(parts) + v[len(addrText):])
			}
			if len(s) == 3 && s > "255" {
				return msg + ", " + s + " is above 255", ""
			}
		}
		return msg, didYouMean(q + "ip4:" + strings.TrimSuffix(addrText, "."))
	case t.Kind == IP6 && strings.HasPrefix(addrText, "[") && strings.HasSuffix(addrText, "]"):
		return msg, "write it without brackets"
	}
	if t.Kind == IP4 && stars().MatchString(addrText) && !strings.Contains(v, "/") {
		n := strings.Count(addrText, "*")
		return msg + ", SPF knows no wildcards", didYouMean(fmt.Sprintf("%sip4:%s/%d", q, strings.ReplaceAll(addrText, "*", "0"), 32-8*n))
	}
	return msg, ""
}

// stars is an address whose last parts are written as wildcards.
var stars = lazily(`^(?:[1-9]?[0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])(?:\.(?:[1-9]?[0-9]|1[0-9][0-9]|2[0-4][0-9]|25[0-5])){0,2}(?:\.\*){1,3}$`)

// withoutZeros joins the parts of an IPv4 address without the zeros that they begin with.
func withoutZeros(parts []string) string {
	out := make([]string, len(parts))
	for i, s := range parts {
		if out[i] = strings.TrimLeft(s, "0"); out[i] == "" {
			out[i] = "0"
		}
	}
	return strings.Join(out, ".")
}

func cutSlash(s string) string { a, _, _ := strings.Cut(s, "/"); return a }

func cidrHelp(s string) string {
	parts := strings.Split(strings.Trim(s, "/"), "/")
	if len(parts) == 2 && !strings.Contains(s, "//") {
		return "an IPv6 prefix length has two slashes: " + quote("/"+parts[0]+"//"+parts[1])
	}
	return "write a number from 0 to 32 for IPv4, behind \"//\" from 0 to 128 for IPv6, without leading zeros"
}

func networkCIDRHelp(cidr string, limit int) string {
	if m, err := netip.ParseAddr(cidr); err == nil && m.Is4() && limit == 32 {
		b := m.As4()
		v := uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
		n := 0
		for n < 32 && v&(1<<31) != 0 {
			v <<= 1
			n++
		}
		if v == 0 {
			return fmt.Sprintf("write the prefix length instead of the mask: \"/%d\"", n)
		}
	}
	return fmt.Sprintf("write a number from 0 to %d, without leading zeros", limit)
}

func macroHelp(s, bad string) string {
	switch {
	case strings.Contains(s, "%("):
		return "macros have curly brackets, as in \"%{i}\""
	case strings.HasPrefix(bad, "bare"):
		return "a literal \"%\" is written \"%%\""
	case strings.HasSuffix(bad, "without \"}\""):
		return "close the macro, as in \"%{i}\""
	case strings.HasSuffix(bad, "at least 1"):
		return "write the number of labels to keep, counted from the right, or none to keep them all"
	}
	return "a macro is %{letter}, the letter one of s l o d i p v h, as in \"%{i}\" or \"%{d2}\""
}

func nonASCIIHelp(s string) string {
	if strings.ContainsAny(s, "“”„‟‘’«»") {
		return "remove the typographic quotation marks"
	}
	if strings.ContainsAny(s, "–—−‐‑") {
		fixed := strings.NewReplacer("–", "-", "—", "-", "−", "-", "‐", "-", "‑", "-").Replace(s)
		if isASCII(fixed) {
			return didYouMean(fixed)
		}
	}
	if i := strings.IndexAny(s, ":="); i > 0 && isASCII(s[:i]) {
		if a, err := idna.Lookup.ToASCII(cutSlash(s[i+1:])); err == nil && isASCII(a) {
			return "write the name with A-labels: " + quote(s[:i+1]+a+s[i+1+len(cutSlash(s[i+1:])):])
		}
	}
	return ""
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// LostSpaces finds where the space between two terms was lost though the grammar is kept: at a joint of two
// character-strings, which receivers join without a space (RFC 7208 §3.3), and in a domain that holds another
// mechanism. joints are the offsets at which one string ends and the next begins.
func LostSpaces(r *Record, joints []int) []zone.Problem {
	var out []zone.Problem
	for _, t := range r.Terms {
		at := 0
		for _, j := range joints {
			if j > t.Start && j < t.End && beginsTerm(r.Text[j:t.End], j == len(r.Text)) {
				at = j
			}
		}
		if at == 0 && t.Domain != nil && !t.Bad && t.Kind != Unknown {
			if k := innerTerm().FindStringIndex(t.Domain.Text); k != nil && k[0] > 0 {
				at = t.Domain.Start + k[0]
			}
		}
		if at > 0 {
			out = append(out, zone.Problem{Kind: "lost-space", Start: t.Start, End: t.End,
				Message: "the space before " + quote(r.Text[at:t.End]) + " is missing: receivers read one term",
				Help:    "write " + quote(r.Text[t.Start:at]+" "+r.Text[at:t.End])})
		}
	}
	// "v=spf1" itself may have lost its space, but then the record is none: Unrecognised says so.
	return out
}

var (
	innerTerm = lazily(`(?i)[-+~?]?(?:include|ip4|ip6|exists):|redirect=|-all$`)
	termStart = lazily(`(?i)^(?:[-+~?]?(?:include:|exists:|ip4:[0-9]|ip6:[0-9a-f:]|mx:|a:|ptr:|(?:all|mx)$)|redirect=|exp=)`)
)

func beginsTerm(s string, end bool) bool { return !end && termStart().MatchString(s) }

// IsSenderID tells whether a text is a Sender ID record (RFC 4406), which SPF receivers do not read.
func IsSenderID(text string) bool { return len(text) >= 5 && strings.EqualFold(text[:5], "spf2.") }

var meant = lazily(`(?i)^(?:v\s*[=:]?\s*)?spf\s*=?\s*v?1[\s,;:]`)
var spfWords = lazily(`(?i)\b(?:include:|ip4:|ip6:|redirect=|mx\b|a\b)|[-~?+]all\b`)

// bareTerms tells whether a text is an SPF record but for its version: terms that keep the grammar, the last of them all with
// a qualifier.
func bareTerms(text string) bool {
	const space = " \t\r\n\f"
	t := strings.TrimRight(text, space)
	i := len(t) - len("-all")
	if i < 0 || strings.IndexByte("-~?", t[i]) < 0 || !strings.EqualFold(t[i+1:], "all") || i > 0 && strings.IndexByte(space, t[i-1]) < 0 {
		return false
	}
	return len(Parse(Version+" "+text).Problems) == 0
}

// Unrecognised tells whether a text that is no SPF record was meant to be one, and what is wrong with its
// beginning: receivers discard it (RFC 7208 §4.5).
func Unrecognised(text string) (zone.Problem, bool) {
	if IsSPF(text) || IsSenderID(text) || len(text) < 4 {
		return zone.Problem{}, false
	}
	p := zone.Problem{Kind: "version", Start: 0}
	trimmed := strings.TrimLeft(text, " \t\r\n\"'`\\\ufeff\u00a0\u200b“”‘’")
	lead := len(text) - len(trimmed)
	const help = "begin the record with \"v=spf1 \""
	p.Help = help
	head := trimmed[:min(len(trimmed), 5)]
	switch {
	case strings.EqualFold(head, "v=spf"):
	case meant().MatchString(trimmed) && spfWords().MatchString(trimmed):
	case lead == 0 && bareTerms(text):
	default:
		return zone.Problem{}, false
	}
	if lead > 0 {
		p.End = lead
		p.Message = "begins with " + leadName(text[:lead]) + ", not with \"v=spf1\""
		return p, true
	}
	end := strings.IndexByte(text, ' ')
	if end < 0 {
		end = len(text)
	}
	p.End = end
	if len(text) > len(Version) && strings.EqualFold(text[:len(Version)], Version) {
		if strangeSpace(text, len(Version)) > 0 {
			p.End = len(Version) + strangeSpace(text, len(Version))
			p.Message = spaceName(text[len(Version):]) + " behind \"v=spf1\", not a space"
			return p, true
		}
		p.Message = quote(text[:end]) + " is not \"v=spf1\" and a space"
		return p, true
	}
	p.Message = quote(text[:end]) + " is not \"v=spf1\""
	return p, true
}

func leadName(s string) string {
	switch {
	case strings.HasPrefix(s, "\ufeff"):
		return "a byte order mark"
	case s[0] == '"' || s[0] == '\'' || s[0] == '`' || s[0] == '\\' || strings.HasPrefix(s, "“") || strings.HasPrefix(s, "‘"):
		return "a quotation mark"
	}
	return "white space"
}
