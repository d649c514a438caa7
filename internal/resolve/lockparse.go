package resolve

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// Bounds of a lock file. Ten thousand zones with two third parties' keys each need some 12 MB.
const (
	MaxLockSize    = 32 << 20  // octets
	maxLockItems   = 250_000   // answers and their records, all told
	maxLockRecords = 6_000     // of one answer: a DNS message of 64 KiB holds no more
	maxLockString  = 4 * 65535 // octets of one string: rdata in presentation format
)

// A SyntaxError says where a lock file is wrong. Line and Column count from 1, Column in code points.
type SyntaxError struct {
	Line, Column int
	Message      string
}

func (e *SyntaxError) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Message)
}

// ParseLock reads a lock file. Its error is a *SyntaxError.
func ParseLock(src []byte) (*Lock, error) {
	p := &lockParser{src: src}
	l, err := p.file()
	if err != nil {
		return nil, err
	}
	return l, nil
}

// lockParser is a cursor over the file. It reads the one shape that a lock file has, so its depth is bounded.
type lockParser struct {
	src   []byte
	off   int
	items int
}

func (p *lockParser) fail(at int, format string, args ...any) *SyntaxError {
	at = min(at, len(p.src))
	line, start := 1, 0
	for i := range at {
		if p.src[i] == '\n' {
			line++
			start = i + 1
		}
	}
	return &SyntaxError{Line: line, Column: utf8.RuneCount(p.src[start:at]) + 1, Message: fmt.Sprintf(format, args...)}
}

func (p *lockParser) space() {
	for p.off < len(p.src) {
		switch p.src[p.off] {
		case ' ', '\t', '\r', '\n':
			p.off++
		default:
			return
		}
	}
}

// next is the first character after white space, 0 at the end.
func (p *lockParser) next() byte {
	p.space()
	if p.off == len(p.src) {
		return 0
	}
	return p.src[p.off]
}

func (p *lockParser) expect(c byte, what string) *SyntaxError {
	if got := p.next(); got != c || p.off == len(p.src) {
		return p.fail(p.off, "%s: expected %q, found %s", what, c, p.found())
	}
	p.off++
	return nil
}

// found names what stands at the cursor.
func (p *lockParser) found() string {
	if p.off >= len(p.src) {
		return "the end of the file"
	}
	r, size := utf8.DecodeRune(p.src[p.off:])
	if r == utf8.RuneError && size <= 1 {
		return fmt.Sprintf("the octet 0x%02x", p.src[p.off])
	}
	return strconv.QuoteRune(r)
}

// members reads an object, calling f after each key with the cursor before the value.
func (p *lockParser) members(what string, f func(at int, key string) *SyntaxError) *SyntaxError {
	if err := p.expect('{', what); err != nil {
		return err
	}
	if p.next() == '}' {
		p.off++
		return nil
	}
	for {
		p.space()
		at := p.off
		k, err := p.str("a name in " + what)
		if err != nil {
			return err
		}
		if err := p.expect(':', "after "+strconv.Quote(clip(k))); err != nil {
			return err
		}
		if err := f(at, k); err != nil {
			return err
		}
		switch p.next() {
		case ',':
			p.off++
		case '}':
			p.off++
			return nil
		default:
			return p.fail(p.off, "%s: expected ',' or '}', found %s", what, p.found())
		}
	}
}

// elements reads an array.
func (p *lockParser) elements(what string, f func() *SyntaxError) *SyntaxError {
	if err := p.expect('[', what); err != nil {
		return err
	}
	if p.next() == ']' {
		p.off++
		return nil
	}
	for {
		p.space()
		if err := f(); err != nil {
			return err
		}
		switch p.next() {
		case ',':
			p.off++
		case ']':
			p.off++
			return nil
		default:
			return p.fail(p.off, "%s: expected ',' or ']', found %s", what, p.found())
		}
	}
}

// str reads a JSON string. A lone surrogate U+DC80 to U+DCFF is the octet that quote made it of.
func (p *lockParser) str(what string) (string, *SyntaxError) {
	if err := p.expect('"', what); err != nil {
		return "", err
	}
	start := p.off
	for i := start; i < min(len(p.src), start+maxLockString); i++ {
		c := p.src[i]
		if c == '"' {
			if !utf8.Valid(p.src[start:i]) {
				return "", p.fail(start, "%s is not UTF-8", what)
			}
			p.off = i + 1
			return string(p.src[start:i]), nil
		}
		if c == '\\' || c < ' ' {
			break
		}
	}
	var b strings.Builder
	for {
		if p.off == len(p.src) {
			return "", p.fail(start-1, "%s has no closing quote", what)
		}
		if p.off-start > maxLockString {
			return "", p.fail(start-1, "%s is longer than %d octets", what, maxLockString)
		}
		c := p.src[p.off]
		switch {
		case c == '"':
			p.off++
			return b.String(), nil
		case c < ' ':
			return "", p.fail(p.off, "%s: a control character, which JSON does not allow in a string", what)
		case c == '\\':
			if err := p.escape(&b, what); err != nil {
				return "", err
			}
		default:
			r, size := utf8.DecodeRune(p.src[p.off:])
			if r == utf8.RuneError && size == 1 {
				return "", p.fail(p.off, "%s is not UTF-8: the octet 0x%02x", what, c)
			}
			b.Write(p.src[p.off : p.off+size])
			p.off += size
		}
	}
}

func (p *lockParser) escape(b *strings.Builder, what string) *SyntaxError {
	at := p.off
	if at+1 >= len(p.src) {
		return p.fail(at, "%s has no closing quote", what)
	}
	c := p.src[at+1]
	p.off += 2
	if i := strings.IndexByte(`"\/bfnrt`, c); i >= 0 {
		b.WriteByte("\"\\/\b\f\n\r\t"[i])
		return nil
	}
	if c != 'u' {
		p.off = at + 1
		return p.fail(at, "%s: JSON knows no escape of %s", what, p.found())
	}
	hi, ok := p.hex4()
	switch {
	case !ok:
		return p.fail(at, `%s: \u needs four hexadecimal digits`, what)
	case hi >= 0xdc80 && hi <= 0xdcff:
		b.WriteByte(byte(hi - 0xdc00))
	case hi >= 0xd800 && hi < 0xdc00:
		if p.off+1 < len(p.src) && p.src[p.off] == '\\' && p.src[p.off+1] == 'u' {
			p.off += 2
			if lo, ok := p.hex4(); ok && lo >= 0xdc00 && lo < 0xe000 {
				b.WriteRune(0x10000 + (hi-0xd800)<<10 + (lo - 0xdc00))
				return nil
			}
		}
		return p.fail(at, "%s: half a surrogate pair", what)
	case hi >= 0xdc00 && hi < 0xe000:
		return p.fail(at, "%s: half a surrogate pair", what)
	default:
		b.WriteRune(hi)
	}
	return nil
}

func (p *lockParser) hex4() (rune, bool) {
	if p.off+4 > len(p.src) {
		return 0, false
	}
	n, err := strconv.ParseUint(string(p.src[p.off:p.off+4]), 16, 16)
	if err != nil {
		return 0, false
	}
	p.off += 4
	return rune(n), true
}

// word reads a number, true, false or null.
func (p *lockParser) word() string {
	p.space()
	start := p.off
	for p.off < len(p.src) && strings.IndexByte(" \t\r\n,:{}[]\"", p.src[p.off]) < 0 && p.off-start < 40 {
		p.off++
	}
	return string(p.src[start:p.off])
}

func (p *lockParser) file() (*Lock, *SyntaxError) {
	if len(p.src) > MaxLockSize {
		return nil, p.fail(0, "the lock file is %d octets long, the limit is %d", len(p.src), MaxLockSize)
	}
	l := &Lock{}
	seen := map[string]bool{}
	err := p.members("the lock file", func(at int, k string) *SyntaxError {
		if seen[k] {
			return p.fail(at, "%q stands twice", clip(k))
		}
		p.space()
		start := p.off
		switch k {
		case "schema":
			if w := p.word(); w != "1" {
				return p.fail(start, "schema %q: this version of tripod reads schema 1", clip(w))
			}
		case "taken":
			s, err := p.str(`"taken"`)
			if err != nil {
				return err
			}
			t, perr := time.Parse(time.DateOnly, s)
			if perr != nil {
				return p.fail(start, "%q is no day like 2026-11-24", clip(s))
			}
			l.Taken = t
		case "answers":
			if err := p.members(`"answers"`, func(at int, k string) *SyntaxError { return p.entry(l, at, k) }); err != nil {
				return err
			}
		default:
			return p.fail(at, `%q is nothing that a lock file has: only "schema", "taken" and "answers"`, clip(k))
		}
		seen[k] = true
		return nil
	})
	if err != nil {
		return nil, err
	}
	if p.next() != 0 || p.off < len(p.src) {
		return nil, p.fail(p.off, "%s after the end of the lock file", p.found())
	}
	for _, k := range []string{"schema", "taken", "answers"} {
		if !seen[k] {
			return nil, p.fail(0, "the lock file has no %q", k)
		}
	}
	return l, nil
}

// item counts what takes memory.
func (p *lockParser) item(at int) *SyntaxError {
	if p.items++; p.items > maxLockItems {
		return p.fail(at, "more than %d answers and records", maxLockItems)
	}
	return nil
}

// entry reads one answer: its key is done, its value begins at the cursor.
func (p *lockParser) entry(l *Lock, at int, s string) *SyntaxError {
	if err := p.item(at); err != nil {
		return err
	}
	k, bad := parseKey(s)
	if bad != "" {
		return p.fail(at, "%s", bad)
	}
	if l.answers[k] != nil {
		return p.fail(at, "%s stands twice", k)
	}
	e := &entry{key: k}
	kinds := 0
	err := p.members("an answer", func(at int, name string) *SyntaxError {
		kinds++
		if kinds > 1 {
			return p.fail(at, `an answer has one of "data", "exists" and "rcode"`)
		}
		p.space()
		start := p.off
		switch name {
		case "data":
			e.kind = haveData
			return p.data(e)
		case "exists":
			switch w := p.word(); w {
			case "true":
				e.kind = exists
			case "false":
				e.kind = notExists
			default:
				return p.fail(start, `"exists" is true or false`)
			}
		case "rcode":
			s, err := p.str(`"rcode"`)
			if err != nil {
				return err
			}
			if code, ok := dns.StringToRcode[s]; !ok || code == dns.RcodeSuccess {
				return p.fail(start, "%q is no rcode of an answer without records, such as NXDOMAIN", clip(s))
			}
			e.kind, e.rcode = rcode, s
		default:
			return p.fail(at, `%q: an answer has one of "data", "exists" and "rcode"`, clip(name))
		}
		return nil
	})
	if err != nil {
		return err
	}
	if kinds == 0 {
		return p.fail(at, `the answer of %s is empty: it needs one of "data", "exists" and "rcode"`, k)
	}
	l.put(e)
	return nil
}

// finalDot tells whether a name ends in a dot that no backslash makes part of its last label.
func finalDot(s string) bool {
	t := strings.TrimSuffix(s, ".")
	return t != s && (len(t)-len(strings.TrimRight(t, `\`)))%2 == 0
}

// parseKey reads "name. TYPE".
func parseKey(s string) (k key, bad string) {
	i := strings.LastIndexByte(s, ' ') // a label may hold a space, as "\ "
	if i < 1 || !finalDot(s[:i]) {
		return key{}, fmt.Sprintf(`%q is no question like "example.com. TXT"`, clip(s))
	}
	owner, typ := s[:i], s[i+1:]
	if len(owner) > 4*zone.MaxName {
		return key{}, fmt.Sprintf("%q is no domain name: too long", clip(owner))
	}
	name, err := zone.Root, error(nil)
	if owner != "." {
		name, err = zone.ParseName(owner[:len(owner)-1])
	}
	if err != nil {
		return key{}, fmt.Sprintf("%q is no domain name: %v", clip(owner), err)
	}
	t, ok := dns.StringToType[typ]
	if !ok {
		n, err := strconv.ParseUint(strings.TrimPrefix(typ, "TYPE"), 10, 16)
		if err != nil || !strings.HasPrefix(typ, "TYPE") {
			return key{}, fmt.Sprintf("%q is no record type", clip(typ))
		}
		t = uint16(n)
	}
	switch t {
	case dns.TypeNone, dns.TypeANY, dns.TypeAXFR, dns.TypeIXFR, dns.TypeOPT, dns.TypeTSIG, dns.TypeMAILA, dns.TypeMAILB:
		return key{}, fmt.Sprintf("%q is no type that records have", clip(typ))
	}
	return key{name, t}, ""
}

func (p *lockParser) data(e *entry) *SyntaxError {
	err := p.elements(`"data"`, func() *SyntaxError {
		start := p.off
		if len(e.records) >= maxLockRecords {
			return p.fail(start, "more than %d records in one answer", maxLockRecords)
		}
		if err := p.item(start); err != nil {
			return err
		}
		if e.qtype == dns.TypeTXT {
			strs, err := p.strings()
			if err != nil {
				return err
			}
			e.records = append(e.records, txtRecord(e.name, strs))
			return nil
		}
		s, err := p.str("a record")
		if err != nil {
			return err
		}
		rec, perr := parseRData(e.name, e.qtype, s)
		if perr != nil {
			return p.fail(start, "%v", perr)
		}
		e.records = append(e.records, rec)
		return nil
	})
	if err != nil {
		return err
	}
	e.records = sortRecords(e.records)
	return nil
}

// strings reads the character-strings of a TXT.
func (p *lockParser) strings() ([]string, *SyntaxError) {
	var strs []string
	total, start := 0, p.off
	err := p.elements("the strings of a TXT", func() *SyntaxError {
		at := p.off
		s, err := p.str("a string of a TXT")
		if err != nil {
			return err
		}
		total += len(s) + 1
		if len(s) > 255 {
			return p.fail(at, "a string of %d octets, the limit is 255 (RFC 1035 §3.3)", len(s))
		}
		if total > 65535 {
			return p.fail(at, "a TXT of more than 65535 octets")
		}
		strs = append(strs, s)
		return nil
	})
	if err == nil && len(strs) == 0 {
		return nil, p.fail(start, "a TXT has at least one string")
	}
	return strs, err
}
