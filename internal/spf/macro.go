package spf

import (
	"strings"
	"unicode/utf8"
)

// A MacroString is a domain-spec or other text with macros (RFC 7208 §7). Offsets are bytes of the record.
type MacroString struct {
	Start, End int
	Text       string
	Parts      []MacroPart

	one [1]MacroPart // room for the common case
}

// A MacroPart is a run of literal characters (Letter is 0) or one macro.
type MacroPart struct {
	Start, End int
	Literal    string // what the part stands for: "%%" is "%", "%_" a space, "%-" is "%20"
	Letter     byte   // lower case
	Escape     bool   // the letter is upper case: the value is URL-escaped (§7.3)
	Digits     int    // how many right-hand parts are kept; 0 is all
	Reverse    bool
	Delimiters string // where the value is split; "" is "."
}

// Letters are the letters of the macros, lower case, in the order in which they stand.
func (m *MacroString) Letters() string {
	var b strings.Builder
	for _, p := range m.Parts {
		if p.Letter != 0 {
			b.WriteByte(p.Letter)
		}
	}
	return b.String()
}

// Static is the text where it holds no macro that expands to something, "" and false otherwise.
func (m *MacroString) Static() (string, bool) {
	if len(m.Parts) == 1 && m.Parts[0].Letter == 0 {
		return m.Parts[0].Literal, true
	}
	var b strings.Builder
	for _, p := range m.Parts {
		if p.Letter != 0 {
			return "", false
		}
		b.WriteString(p.Literal)
	}
	return b.String(), true
}

// relit writes a literal as a macro-string: what stood for it may have been "%%", "%_" or "%-".
var relit = strings.NewReplacer("%", "%%", " ", "%_")

func (m *MacroString) canonical() string {
	if s, ok := m.Static(); ok {
		return strings.TrimSuffix(relit.Replace(strings.ToLower(s)), ".")
	}
	var b strings.Builder
	for _, p := range m.Parts {
		if p.Letter == 0 {
			b.WriteString(relit.Replace(strings.ToLower(p.Literal)))
		} else {
			b.WriteString(m.Text[p.Start-m.Start : p.End-m.Start])
		}
	}
	return strings.TrimSuffix(b.String(), ".")
}

// maxDigits bounds the number of parts that is kept: no name has more labels, no local part more pieces that
// matter.
const maxDigits = 1 << 20

// parseMacros reads a macro-string (RFC 7208 §7.1, §12). The text is visible ASCII, or, in the text of an
// explanation, may hold spaces. bad is the message of the first fault, badStart and badEnd its place relative
// to the text.
func parseMacros(text string, offset int, explanation bool) (m *MacroString, bad string, badStart, badEnd int) {
	m = &MacroString{Start: offset, End: offset + len(text), Text: text}
	m.Parts = m.one[:0]
	fail := func(start, end int, msg string) {
		if bad == "" {
			bad, badStart, badEnd = msg, start, end
		}
	}
	literal := func(start, end int, s string) {
		if s == "" {
			return
		}
		if n := len(m.Parts); n > 0 && m.Parts[n-1].Letter == 0 {
			m.Parts[n-1].Literal += s
			m.Parts[n-1].End = offset + end
			return
		}
		m.Parts = append(m.Parts, MacroPart{Start: offset + start, End: offset + end, Literal: s})
	}
	for i := 0; i < len(text); {
		j := strings.IndexByte(text[i:], '%')
		if j < 0 {
			literal(i, len(text), text[i:])
			break
		}
		literal(i, i+j, text[i:i+j])
		i += j
		if i+1 == len(text) {
			fail(i, i+1, `bare "%"`)
			literal(i, i+1, "%")
			break
		}
		switch text[i+1] {
		case '%':
			literal(i, i+2, "%")
			i += 2
		case '_':
			literal(i, i+2, " ")
			i += 2
		case '-':
			literal(i, i+2, "%20")
			i += 2
		case '{':
			end := strings.IndexByte(text[i:], '}')
			if end < 0 {
				fail(i, len(text), `"%{" without "}"`)
				literal(i, len(text), text[i:])
				i = len(text)
				break
			}
			end += i + 1
			p, msg := parseMacro(text[i:end], explanation)
			if msg != "" {
				fail(i, end, msg)
				literal(i, end, text[i:end])
			} else {
				p.Start, p.End = offset+i, offset+end
				m.Parts = append(m.Parts, p)
			}
			i = end
		default:
			_, size := utf8.DecodeRuneInString(text[i+1:])
			fail(i, i+1+size, `bare "%"`)
			literal(i, i+1, "%")
			i++
		}
	}
	return m, bad, badStart, badEnd
}

// parseMacro reads one "%{…}".
func parseMacro(s string, explanation bool) (MacroPart, string) {
	var p MacroPart
	in := s[2 : len(s)-1]
	if in == "" {
		return p, `macro "%{}" without a letter`
	}
	c := in[0]
	p.Escape = 'A' <= c && c <= 'Z'
	p.Letter = c | 0x20
	switch {
	case !isAlpha(c) || strings.IndexByte("slodiphcrtv", p.Letter) < 0:
		return p, "unknown macro " + quote(s)
	case strings.IndexByte("crt", p.Letter) >= 0 && !explanation:
		return p, "macro " + quote(s) + " is for the text of an explanation only"
	}
	in = in[1:]
	digits := 0
	for digits < len(in) && isDigit(in[digits]) {
		p.Digits = min(p.Digits*10+int(in[digits]-'0'), maxDigits)
		digits++
	}
	if digits > 0 && p.Digits == 0 {
		return p, "macro " + quote(s) + " keeps 0 parts, it must keep at least 1"
	}
	in = in[digits:]
	if in != "" && in[0]|0x20 == 'r' {
		p.Reverse = true
		in = in[1:]
	}
	for i := 0; i < len(in); i++ {
		if strings.IndexByte(".-+,/_=", in[i]) < 0 {
			return p, "malformed macro " + quote(s)
		}
	}
	p.Delimiters = in
	return p, ""
}

func isAlpha(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// transform applies a macro's transformers to its value (RFC 7208 §7.3).
func (p *MacroPart) transform(v string) string {
	if p.Digits > 0 || p.Reverse || p.Delimiters != "" {
		delims := p.Delimiters
		if delims == "" {
			delims = "."
		}
		var parts []string
		start := 0
		for i := 0; i < len(v); i++ {
			if strings.IndexByte(delims, v[i]) >= 0 {
				parts = append(parts, v[start:i])
				start = i + 1
			}
		}
		parts = append(parts, v[start:])
		if p.Reverse {
			for i, j := 0, len(parts)-1; i < j; i, j = i+1, j-1 {
				parts[i], parts[j] = parts[j], parts[i]
			}
		}
		if p.Digits > 0 && len(parts) > p.Digits {
			parts = parts[len(parts)-p.Digits:]
		}
		v = strings.Join(parts, ".")
	}
	if p.Escape {
		v = escape(v)
	}
	return v
}

// escape escapes whatever is not unreserved in a URI (RFC 3986 §2.3).
func escape(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if isAlpha(c) || isDigit(c) || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
	return b.String()
}
