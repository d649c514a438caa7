package config

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tripod-dns/tripod/internal/zone"
)

// A lit is a string literal: where its content stands, without the quotes. Its value is made from the
// source bytes when it is wanted. (hcl normalises values to NFC; what is published is what was written.)
type lit struct {
	at    zone.Span
	plain bool // no escapes and nothing to put in
}

// A piece is a part of a string's content.
type piece struct {
	start, end int    // bytes of the content
	kind       uint8  // pieceExact, pieceEscape, pieceDomain
	text       string // of an escape
}

const (
	pieceExact = iota
	pieceEscape
	pieceDomain
)

// An errString says what is wrong with a string's content, and where in it.
type errString struct {
	start, end    int
	message, help string
}

func (e *errString) Error() string { return e.message }

const escapeHelp = `write \\ for a backslash; there are \" \n \r \t \uXXXX \UXXXXXXXX beside it`

// scan splits the content of a quoted string into pieces: runs that stand for themselves, escapes, ${domain}.
func scan(src string, emit func(piece)) error {
	run := 0
	flush := func(to int) {
		if to > run {
			emit(piece{start: run, end: to, kind: pieceExact})
		}
	}
	for i := 0; i < len(src); {
		switch c := src[i]; {
		case c == '\\':
			text, n, err := unescape(src[i:])
			if err != nil {
				return &errString{i, i + n, err.Error(), escapeHelp}
			}
			flush(i)
			emit(piece{i, i + n, pieceEscape, text})
			i += n
			run = i
		case (c == '$' || c == '%') && i+2 < len(src) && src[i+1] == c && src[i+2] == '{':
			flush(i)
			emit(piece{i, i + 3, pieceEscape, string(c) + "{"})
			i += 3
			run = i
		case c == '$' && i+1 < len(src) && src[i+1] == '{':
			n := interpolation(src[i:])
			if n == 0 {
				return &errString{i, min(i+2, len(src)), "the only thing that ${} may hold is domain", "write ${domain}, or $${ for the characters ${"}
			}
			flush(i)
			emit(piece{start: i, end: i + n, kind: pieceDomain})
			i += n
			run = i
		case c == '%' && i+1 < len(src) && src[i+1] == '{':
			return &errString{i, i + 2, macroMessage, "double the %: %%{i} is the SPF macro %{i}"}
		case c == '"' || c == '\n':
			return &errString{i, i + 1, "quote or line end in a string", `write \" or \n`}
		default:
			i++
		}
	}
	flush(len(src))
	return nil
}

// interpolation is the length of "${domain}" at the beginning of src, spaces allowed, or 0.
func interpolation(src string) int {
	i := 2
	for i < len(src) && (src[i] == ' ' || src[i] == '\t') {
		i++
	}
	const word = "domain"
	if len(src) < i+len(word) || src[i:i+len(word)] != word {
		return 0
	}
	i += len(word)
	for i < len(src) && (src[i] == ' ' || src[i] == '\t') {
		i++
	}
	if i < len(src) && src[i] == '}' {
		return i + 1
	}
	return 0
}

// unescape reads the escape at the beginning of src, which is a backslash: its text and its length.
func unescape(src string) (string, int, error) {
	if len(src) < 2 {
		return "", len(src), fmt.Errorf("backslash at the end of a string")
	}
	digits := 0
	switch src[1] {
	case 'n':
		return "\n", 2, nil
	case 'r':
		return "\r", 2, nil
	case 't':
		return "\t", 2, nil
	case '"', '\\':
		return src[1:2], 2, nil
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	default:
		_, n := utf8.DecodeRuneInString(src[1:])
		return "", 1 + n, fmt.Errorf("there is no escape %s", src[:1+n])
	}
	end := min(2+digits, len(src))
	v, err := strconv.ParseUint(src[2:end], 16, 32)
	if err != nil || end != 2+digits || !isHex(src[2:end]) {
		return "", 2, fmt.Errorf("%s needs %d hexadecimal digits", src[:2], digits)
	}
	if !utf8.ValidRune(rune(v)) || v > utf8.MaxRune {
		return "", end, fmt.Errorf("%s is no Unicode character", src[:end])
	}
	return string(rune(v)), end, nil
}

func isHex(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') && (c < 'A' || c > 'F') {
			return false
		}
	}
	return s != ""
}

// sub is the span of bytes [start, end) of a literal's content.
func (l lit) sub(start, end int) zone.Span {
	return zone.Span{File: l.at.File, Start: l.at.Start + uint32(start), End: l.at.Start + uint32(end)}
}

// appendTo adds the literal's text to b, each byte with its place.
func (l lit) appendTo(b *zone.TextBuilder, fs *Files, domain zone.Name) {
	src := fs.Text(l.at)
	if l.plain {
		b.Exact(src, l.at)
		return
	}
	// The literal was checked when it was parsed.
	_ = scan(src, func(p piece) {
		switch p.kind {
		case pieceExact:
			b.Exact(src[p.start:p.end], l.sub(p.start, p.end))
		case pieceEscape:
			b.Implied(p.text, l.sub(p.start, p.end))
		case pieceDomain:
			b.Implied(string(domain), l.sub(p.start, p.end))
		}
	})
}

// str is the literal's value.
func (l lit) str(fs *Files, domain zone.Name) string {
	if l.plain {
		return fs.Text(l.at)
	}
	return l.text(fs, domain).String()
}

// plainText is a content without ${domain} as text.
func plainText(src string) string {
	var b strings.Builder
	// The literal was checked when it was parsed.
	_ = scan(src, func(p piece) {
		if p.kind == pieceEscape {
			b.WriteString(p.text)
		} else {
			b.WriteString(src[p.start:p.end])
		}
	})
	return b.String()
}

func (l lit) text(fs *Files, domain zone.Name) zone.Text {
	var b zone.TextBuilder
	if l.plain {
		b.Grow(int(l.at.End-l.at.Start), 1)
	}
	l.appendTo(&b, fs, domain)
	return b.Text()
}
