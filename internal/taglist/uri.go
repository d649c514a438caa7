package taglist

import (
	"fmt"
	"strings"

	"github.com/tripod-dns/tripod/internal/zone"
)

// Kinds of problems that ParseURIs finds.
const (
	URIEmpty     = "uri-empty"     // nothing between two commas
	URIScheme    = "uri-scheme"    // no scheme, or mailto without its colon
	URICharacter = "uri-character" // a character that has to be escaped (RFC 3986 §2)
	URIAddress   = "uri-address"   // mailto: without one usable address (RFC 6068 §2)
	URIHost      = "uri-host"      // no usable host
	URISize      = "uri-size"      // "!" that no size follows
)

// A URI is one of a list of report URIs (RFC 9989 §4.7, RFC 8460 §3). Offsets are bytes of the record, ends
// exclusive.
type URI struct {
	Text       string // as written, without a size
	Start, End int    // with the size, without white space around it
	Scheme     string // lower case; "" where there is none
	Address    string // of mailto, its escapes decoded
	Host       string // lower case: the domain of the address, or the authority's host
	// Size is the obsolete limit of RFC 7489 §6.2 with its "!", such as "!10m"; SizeStart is where it begins,
	// and it ends with the URI.
	Size      string
	SizeStart int
	Problems  []zone.Problem
}

// Valid tells whether reports can be sent there as far as the grammar goes.
func (u *URI) Valid() bool { return len(u.Problems) == 0 }

// ParseURIs reads a comma-separated list of URIs; off is the offset of value in the record, which is added
// to all offsets. An empty value gives none. At most 1,000 are read.
func ParseURIs(value string, off int) []URI {
	if a, b := trim(value, 0, len(value)); a == b {
		return nil
	}
	out := make([]URI, 0, min(strings.Count(value, ",")+1, 16))
	for pos := 0; pos <= len(value) && len(out) < 1000; {
		end := strings.IndexByte(value[pos:], ',')
		if end < 0 {
			end = len(value)
		} else {
			end += pos
		}
		a, b := trim(value, pos, end)
		out = append(out, parseURI(value[a:b], off+a))
		pos = end + 1
	}
	return out
}

func (u *URI) problem(kind string, start, end int, msg, help string) *zone.Problem {
	u.Problems = append(u.Problems, zone.Problem{Kind: kind, Start: start, End: end, Message: msg, Help: help})
	return &u.Problems[len(u.Problems)-1]
}

func parseURI(s string, off int) URI {
	u := URI{Text: s, Start: off, End: off + len(s)}
	if s == "" {
		u.problem(URIEmpty, off, off, "no URI between the commas", "delete the comma")
		return u
	}
	if i := strings.LastIndexByte(s, '!'); i >= 0 && isSize(s[i+1:]) {
		u.Size, u.SizeStart = s[i:], off+i
		s = s[:i]
		u.Text = s
	}
	colon := strings.IndexByte(s, ':')
	if colon < 0 || !isScheme(s[:colon]) {
		u.noScheme(s, off)
		return u
	}
	u.Scheme = strings.ToLower(s[:colon])
	if u.characters(s, off); !u.Valid() {
		return u // what else might be wrong with it follows from that
	}
	rest := s[colon+1:]
	if u.Scheme == "mailto" {
		u.mailto(rest, off+colon+1)
		return u
	}
	u.authority(rest, off+colon+1)
	return u
}

// isSize: RFC 7489 §6.4, 1*DIGIT [ "k" / "m" / "g" / "t" ].
func isSize(s string) bool {
	n := 0
	for n < len(s) && '0' <= s[n] && s[n] <= '9' {
		n++
	}
	return n > 0 && (n == len(s) || n == len(s)-1 && strings.IndexByte("kmgtKMGT", s[n]) >= 0)
}

// isScheme: RFC 3986 §3.1.
func isScheme(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case i > 0 && ('0' <= c && c <= '9' || c == '+' || c == '-' || c == '.'):
		default:
			return false
		}
	}
	return s != ""
}

func (u *URI) noScheme(s string, off int) {
	addr := s
	low := strings.ToLower(s)
	if strings.HasPrefix(low, "mailto") {
		addr = strings.TrimLeft(s[len("mailto"):], " =;/")
		p := u.problem(URIScheme, off, off+len(s), `"mailto" without its colon is no URI`, "")
		u.suggest(p, addr)
		return
	}
	p := u.problem(URIScheme, off, off+len(s), fmt.Sprintf("%s is not a URI", show(s)), "")
	u.suggest(p, addr)
}

// suggest offers the address as a mailto URI where it is one.
func (u *URI) suggest(p *zone.Problem, addr string) {
	probe := URI{}
	probe.mailto(addr, 0)
	probe.characters(addr, 0)
	if !probe.Valid() {
		if p.Help == "" {
			p.Help = "write mailto:, then one address"
		}
		return
	}
	fix := "mailto:" + addr
	p.Help = "write " + fix
	p.Fix = &fix
}

// characters: RFC 3986 §2; "!", "," and ";" have to be escaped besides (RFC 9989 §4.7, RFC 8460 §3).
func (u *URI) characters(s string, off int) {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '!':
			fix := "%21"
			u.problem(URISize, off+i, off+i+1, `"!" in a URI has to be written %21`, "").Fix = &fix
			return
		case c == ';':
			fix := "%3B"
			u.problem(URICharacter, off+i, off+i+1, `";" in a URI has to be written %3B`, "").Fix = &fix
			return
		case c == '%':
			if i+2 >= len(s) || unhex(s[i+1]) < 0 || unhex(s[i+2]) < 0 {
				u.problem(URICharacter, off+i, off+i+1, `"%" is not followed by two hexadecimal digits`, `a "%" of its own is written %25`)
				return
			}
			i += 2
		case c <= ' ' || c >= 0x7f || strings.IndexByte("\"<>\\^`{|}", c) >= 0:
			j := i + 1
			for c >= 0x80 && j < len(s) && s[j] >= 0x80 {
				j++
			}
			help := "leave it out, or write it in percent-encoding"
			if c == ' ' {
				help = "addresses are separated by commas, without spaces inside"
			}
			p := u.problem(URICharacter, off+i, off+j, fmt.Sprintf("%s cannot stand in a URI", show(s[i:j])), help)
			if whole := strings.ReplaceAll(s, " ", ""); c == ' ' && strings.HasPrefix(strings.ToLower(whole), "mailto:") {
				u.suggest(p, whole[len("mailto:"):])
				p.Fix = nil // the problem is the space alone
			}
			return
		}
	}
}

func unhex(c byte) int {
	switch {
	case '0' <= c && c <= '9':
		return int(c - '0')
	case 'a' <= c && c <= 'f':
		return int(c-'a') + 10
	case 'A' <= c && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}

func unescape(s string) string {
	if strings.IndexByte(s, '%') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) && unhex(s[i+1]) >= 0 && unhex(s[i+2]) >= 0 {
			b.WriteByte(byte(unhex(s[i+1])<<4 | unhex(s[i+2])))
			i += 2
			continue
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

// mailto reads what stands behind "mailto:": one address, and header fields, which receivers ignore.
func (u *URI) mailto(s string, off int) {
	if strings.HasPrefix(s, "//") {
		fix := ""
		u.problem(URIAddress, off, off+2, `"//" behind mailto: counts as a part of the address`, "delete the slashes").Fix = &fix
		return
	}
	to := s
	if i := strings.IndexByte(s, '?'); i >= 0 {
		to = s[:i]
	}
	addr := unescape(to)
	at := strings.LastIndexByte(addr, '@')
	switch {
	case addr == "":
		u.problem(URIAddress, off, off+len(to), "mailto: without an address", "write the address behind mailto:")
		return
	case at < 0:
		u.problem(URIAddress, off, off+len(to), fmt.Sprintf("%s is no mail address: there is no @", show(to)), "write the whole address, as in mailto:dmarc@example.com")
		return
	case at == 0 || !validLocal(addr[:at]):
		u.problem(URIAddress, off, off+len(to), fmt.Sprintf("%s is no mail address", show(to)), "")
		return
	}
	host := strings.ToLower(addr[at+1:])
	if !validHost(host) {
		u.problem(URIHost, off, off+len(to), fmt.Sprintf("%s is no mail domain", show(addr[at+1:])), "")
		return
	}
	u.Address, u.Host = addr, host
}

// validLocal: RFC 5322 §3.4.1, dot-atom or quoted-string; octets over 127 are RFC 6532's.
func validLocal(s string) bool {
	if len(s) >= 2 && s[0] == '"' && s[len(s)-1] == '"' {
		return true
	}
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c >= 0x80:
		case strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0:
		case c == '.' && i > 0 && i < len(s)-1 && s[i-1] != '.':
		default:
			return false
		}
	}
	return s != ""
}

// validHost: a name of letters, digits and hyphens (RFC 1123 §2.1), or U-labels that a name can be made of.
func validHost(s string) bool {
	if s == "" || strings.HasSuffix(s, ".") {
		return false
	}
	n, err := zone.ParseName(s)
	if err != nil {
		return false
	}
	for i := 0; i < len(n); i++ {
		c := n[i]
		if ('a' > c || c > 'z') && ('0' > c || c > '9') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return true
}

func (u *URI) authority(s string, off int) {
	if !strings.HasPrefix(s, "//") {
		u.problem(URIHost, off, off+len(s), fmt.Sprintf("no host behind %s:", u.Scheme), "")
		return
	}
	host := s[2:]
	if i := strings.IndexAny(host, "/?#"); i >= 0 {
		host = host[:i]
	}
	start, end := off+2, off+2+len(host)
	if i := strings.LastIndexByte(host, '@'); i >= 0 {
		host = host[i+1:]
	}
	if i := strings.LastIndexByte(host, ':'); i >= 0 && !strings.Contains(host, "]") {
		host = host[:i]
	}
	host = strings.ToLower(host)
	if !validHost(host) && !strings.HasPrefix(host, "[") {
		u.problem(URIHost, start, end, fmt.Sprintf("%s is no host name", show(host)), "")
		return
	}
	u.Host = host
}
