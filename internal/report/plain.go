// Package report writes results for people and for programs: text, JSON, Markdown.
package report

import (
	"fmt"
	"strings"
	"unicode"
)

// Plain makes text from outside inert for a terminal or a log: control characters, bidi marks, invisible format characters and
// invalid UTF-8 come out as escapes, everything else as it is. Line feeds and tabs become escapes too: what is shown
// is one line.
func Plain(s string) string {
	clean := true
	for _, r := range s {
		if r < 0x20 || r >= 0x7f {
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
		case unicode.IsControl(r), unicode.In(r, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co):
			fmt.Fprintf(&b, `\u{%x}`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
