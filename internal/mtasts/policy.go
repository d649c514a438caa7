package mtasts

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tripod-dns/tripod/internal/taglist"
	"github.com/tripod-dns/tripod/internal/zone"
)

// Modes of a policy (RFC 8461 §5).
const (
	Enforce = "enforce"
	Testing = "testing"
	None    = "none"
)

// MaxMaxAge is the largest max_age, in seconds: about a year (RFC 8461 §3.2).
const MaxMaxAge = 31557600

// Kinds of problems in a policy file.
const (
	PolicyLine    = "policy-line"    // no "key: value"
	PolicyVersion = "policy-version" // no version: STSv1
	PolicyMode    = "policy-mode"    // no mode, or an unknown one
	PolicyMX      = "policy-mx"      // no mx where the mode wants one, or an impossible pattern
	PolicyMaxAge  = "policy-max-age" // no max_age, or no number of seconds up to MaxMaxAge
	PolicyTwice   = "policy-twice"   // a key twice: the first counts
)

// A Field is a line of a policy file. Offsets are bytes of the file.
type Field struct {
	Key, Value           string
	KeyStart, KeyEnd     int
	ValueStart, ValueEnd int
}

// A Policy is a parsed policy file.
type Policy struct {
	text     string
	Fields   []Field
	Problems []zone.Problem // in the order of the text, what is missing last
	Mode     string         // "" where there is no valid one
	MX       []Field
	MaxAge   int64 // seconds; -1 where there is no valid one
}

// maxPolicy: senders may stop at 64 KiB (RFC 8461 §3.3).
const maxPolicy = 64 << 10

// ParsePolicy reads a policy file (RFC 8461 §3.2): lines of "key: value" that end in LF or CRLF. It never fails.
func ParsePolicy(text string) *Policy {
	p := &Policy{text: text, MaxAge: -1}
	if len(text) > maxPolicy {
		p.problem(PolicyLine, maxPolicy, len(text), "the file is over 64 KiB: senders may not read it", "")
	}
	version := false
	seen := map[string]bool{}
	for pos := 0; pos < len(text) && pos < maxPolicy; {
		end := strings.IndexByte(text[pos:], '\n')
		next := len(text)
		if end < 0 {
			end = len(text)
		} else {
			end += pos
			next = end + 1
		}
		f, ok := p.field(pos, end)
		pos = next
		if !ok {
			continue
		}
		if f.Key != "mx" && seen[f.Key] {
			p.problem(PolicyTwice, f.KeyStart, f.ValueEnd, fmt.Sprintf("%s is there twice: the first counts", clip(f.Key)), "")
			continue
		}
		seen[f.Key] = true
		switch f.Key {
		case "version":
			version = true
			if f.Value != "STSv1" {
				p.problem(PolicyVersion, f.ValueStart, f.ValueEnd, "the version is not STSv1: the policy is not read", "write version: STSv1")
			}
		case "mode":
			p.mode(f)
		case "mx":
			p.MX = append(p.MX, f)
			if !validPattern(f.Value) {
				p.problem(PolicyMX, f.ValueStart, f.ValueEnd, fmt.Sprintf("%q is no host name", clip(f.Value)), `write a name, or "*." and a name`)
			}
		case "max_age":
			p.maxAge(f)
		}
	}
	n := len(text)
	if !version {
		p.problem(PolicyVersion, 0, n, "no version: the policy is not read", "write version: STSv1")
	}
	if !seen["mode"] {
		p.problem(PolicyMode, 0, n, "no mode", "write mode: enforce, testing or none")
	}
	if !seen["max_age"] {
		p.problem(PolicyMaxAge, 0, n, "no max_age", "write max_age: and a number of seconds")
	}
	if len(p.MX) == 0 && p.Mode != None && p.Mode != "" {
		p.problem(PolicyMX, 0, n, "no mx: no host is allowed to take mail", "write mx: and a host name, one line each")
	}
	return p
}

// String gives the bytes that were parsed.
func (p *Policy) String() string { return p.text }

// Format writes a policy file, lines ending in CRLF as in RFC 8461 §3.2's example.
func Format(mode string, mx []string, maxAge int64) string {
	var b strings.Builder
	b.WriteString("version: STSv1\r\nmode: " + mode + "\r\n")
	for _, m := range mx {
		b.WriteString("mx: " + m + "\r\n")
	}
	fmt.Fprintf(&b, "max_age: %d\r\n", maxAge)
	return b.String()
}

func (p *Policy) problem(kind string, start, end int, msg, help string) {
	if len(p.Problems) < 50 {
		p.Problems = append(p.Problems, zone.Problem{Kind: kind, Start: start, End: end, Message: msg, Help: help})
	}
}

func (p *Policy) field(start, end int) (Field, bool) {
	s := p.text
	for end > start && (s[end-1] == '\r' || s[end-1] == ' ' || s[end-1] == '\t') {
		end--
	}
	if start == end {
		return Field{}, false
	}
	colon := strings.IndexByte(s[start:end], ':')
	if colon < 1 {
		p.problem(PolicyLine, start, end, fmt.Sprintf("%q is no line of a policy", clip(s[start:end])), "lines are key: value")
		return Field{}, false
	}
	f := Field{KeyStart: start, KeyEnd: start + colon, ValueStart: start + colon + 1, ValueEnd: end}
	for f.ValueStart < end && (s[f.ValueStart] == ' ' || s[f.ValueStart] == '\t') {
		f.ValueStart++
	}
	f.Key, f.Value = s[f.KeyStart:f.KeyEnd], s[f.ValueStart:f.ValueEnd]
	if !extension(f.Key) {
		p.problem(PolicyLine, f.KeyStart, f.KeyEnd, fmt.Sprintf("%q is no key", clip(f.Key)), "keys are version, mode, mx and max_age")
		return f, false
	}
	p.Fields = append(p.Fields, f)
	return f, true
}

func (p *Policy) mode(f Field) {
	switch f.Value {
	case Enforce, Testing, None:
		p.Mode = f.Value
		return
	}
	help := "write enforce, testing or none"
	if c := taglist.Closest(f.Value, Enforce, Testing, None); c != "" {
		help = "did you mean " + c + "?"
	}
	p.problem(PolicyMode, f.ValueStart, f.ValueEnd, fmt.Sprintf("%q is no mode", clip(f.Value)), help)
}

func (p *Policy) maxAge(f Field) {
	n, err := strconv.ParseInt(f.Value, 10, 64)
	switch {
	case err != nil || n < 0 || len(f.Value) > 10 || f.Value[0] == '+':
		p.problem(PolicyMaxAge, f.ValueStart, f.ValueEnd, fmt.Sprintf("%q is no number of seconds", clip(f.Value)), "")
	case n > MaxMaxAge:
		p.MaxAge = n
		p.problem(PolicyMaxAge, f.ValueStart, f.ValueEnd, fmt.Sprintf("max_age is %d, the limit is %d (RFC 8461 §3.2)", n, MaxMaxAge), "")
	default:
		p.MaxAge = n
	}
}

func validPattern(s string) bool {
	n, err := zone.ParseName(strings.TrimPrefix(s, "*."))
	if err != nil || n == zone.Root {
		return false
	}
	for i := 0; i < len(n); i++ {
		if !alnum(n[i]) && n[i] != '-' && n[i] != '.' && n[i] != '_' {
			return false
		}
	}
	return true
}

// Covers tells whether a pattern of a policy allows an MX host (RFC 8461 §4.1): "*." stands for exactly one label.
func Covers(pattern string, host zone.Name) bool {
	if rest, ok := strings.CutPrefix(pattern, "*."); ok {
		n, err := zone.ParseName(rest)
		return err == nil && host != zone.Root && host.Parent() == n && n != zone.Root
	}
	n, err := zone.ParseName(pattern)
	return err == nil && n == host
}

func clip(s string) string {
	if len(s) > 60 {
		s = s[:60] + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}
