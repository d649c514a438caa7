// Package report writes results for people and for programs: text, JSON, Markdown.
package report

import (
	"fmt"
	"strings"
	"unicode"
)

// Plain makes text from outside inert for a terminal or a log: control characters, bidi marks, invisible format characters and
// invalid UTF-8 come out as escapes, everything else as it is. Line feeds and tabs become escapes too: what is shown
// is one line. So does the first sign of what GitHub Actions would take for a command, wherever a line is broken.
func Plain(s string) string {
	clean := true
	for i := range len(s) {
		if s[i] < 0x20 || s[i] >= 0x7f || s[i] == ':' && strings.HasPrefix(s[i:], "::") || s[i] == '#' && strings.HasPrefix(s[i:], "##[") {
			clean = false
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i, r := range s {
		switch {
		case r == unicode.ReplacementChar && !strings.HasPrefix(s[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, s[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\r':
			b.WriteString(`\r`)
		case r == '\t':
			b.WriteString(`\t`)
		case invisible(r), r == '#' && strings.HasPrefix(s[i:], "##["),
			r == ':' && isCommand(s[i:]):
			fmt.Fprintf(&b, `\u{%x}`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

// invisible tells whether a character is not seen but does something: controls, bidi marks, format characters, line separators, and what has
// no agreed meaning.
func invisible(r rune) bool {
	return unicode.IsControl(r) || unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co)
}

// isCommand tells whether "::name" begins s, as workflow commands of GitHub Actions do. An IPv6 address is none: a command's name has
// a letter past f, or a hyphen.
func isCommand(s string) bool {
	name, ok := strings.CutPrefix(s, "::")
	if !ok {
		return false
	}
	for _, r := range strings.ToLower(name) {
		switch {
		case r > 'f' && r <= 'z', r == '-':
			return true
		case r >= 'a' && r <= 'f':
		default:
			return false
		}
	}
	return false
}

// PlainLines is Plain for text of several lines: line feeds stay.
func PlainLines(s string) string {
	lines := strings.Split(s, "\n")
	for i, l := range lines {
		lines[i] = strings.ReplaceAll(Plain(strings.ReplaceAll(l, "\t", "\u2409")), "\u2409", "\t")
	}
	return strings.Join(lines, "\n")
}
