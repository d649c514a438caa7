package config

import (
	"bytes"
	"fmt"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/tripod-dns/tripod/internal/zone"
)

// hclsyntax recurses without a limit, and a goroutine's stack overflow cannot be recovered: 60 KB of "[" kill
// the process. So the text is looked at before it is parsed.
const (
	maxOpeners = 2000    // bytes of ([{!?- up to which no nesting can hurt
	maxDepth   = 16      // nesting of brackets and braces in files with more
	maxPunct   = 400_000 // bytes that can be a token of their own: tokens take a hundred times their size
	maxWords   = 250_000 // words, which are tokens too
)

var (
	opener = charSet("([{!?-")
	punct  = charSet("()[]{}!?-=.,:;*/+<>&|~^%$'`@\\\"\n")
)

func charSet(s string) (set [256]bool) {
	for i := 0; i < len(s); i++ {
		set[s[i]] = true
	}
	return set
}

// guard refuses what must not reach the parser. It reports whether the file may be parsed.
func guard(src []byte, id zone.FileID, ps *problems) bool {
	openers, puncts, words := 0, 0, 0
	control := -1 // offset of the first %{ that is not doubled
	for i := 0; i < len(src); {
		b := src[i]
		if b < utf8.RuneSelf {
			if b < 0x20 && b != '\t' && b != '\n' && b != '\r' || b == 0x7f {
				ps.add(zone.Span{File: id, Start: uint32(i), End: uint32(i) + 1}, fmt.Sprintf("control character U+%04X in the file", b), "delete it")
				return false
			}
			if opener[b] {
				openers++
			}
			if punct[b] {
				puncts++
			}
			if b == ' ' && i+1 < len(src) && src[i+1] > ' ' {
				words++
			}
			if b == '{' && i > 0 && src[i-1] == '%' && (i < 2 || src[i-2] != '%') && control < 0 {
				control = i - 1
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(src[i:])
		at := zone.Span{File: id, Start: uint32(i), End: uint32(i + size)}
		if r == utf8.RuneError && size == 1 {
			ps.add(at, fmt.Sprintf("byte 0x%02X is not valid UTF-8", b), "save the file as UTF-8")
			return false
		}
		if what := invisible(r); what != "" && (r != '\ufeff' || i > 0) {
			ps.add(at, fmt.Sprintf("%s U+%04X: what is shown would not be what is read", what, r), "delete it")
			return false
		}
		i += size
	}
	if words > maxWords {
		ps.add(zone.Span{File: id}, fmt.Sprintf("%d words in the file, the limit is %d", words, maxWords), "split the file")
		return false
	}
	if puncts > maxPunct {
		ps.add(zone.Span{File: id}, fmt.Sprintf("%d punctuation characters and lines in the file, the limit is %d", puncts, maxPunct), "split the file")
		return false
	}
	if openers > maxOpeners || control >= 0 || bytes.Contains(src, []byte("<<")) {
		return guardTokens(src, id, ps)
	}
	return true
}

// invisible names the kind of a character that hides or reorders text, "" for all others.
func invisible(r rune) string {
	switch {
	case r < 0x80:
		return ""
	case r < 0xa0: // C1
		return "control character"
	case r == 0x061c, r == 0x200e, r == 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
		return "bidirectional control character"
	case r == 0x00ad, r == 0x034f, r == 0x180e, r >= 0x200b && r <= 0x200d, r >= 0x2060 && r <= 0x2064, r == 0xfeff,
		r == 0x115f, r == 0x1160, r == 0x3164, r == 0xffa0, r >= 0xfff9 && r <= 0xfffb, r >= 0xe0000 && r <= 0xe0fff:
		return "invisible character"
	case r == 0x2028, r == 0x2029:
		return "line separator"
	}
	return ""
}

// guardTokens lexes, which is iterative and safe, and refuses what the language does not have.
func guardTokens(src []byte, id zone.FileID, ps *problems) bool {
	tokens, _ := hclsyntax.LexConfig(src, "", hcl.InitialPos) // the parser reports the lexer's errors
	before := len(*ps)
	depth := 0
	for _, t := range tokens {
		at := rangeSpan(id, t.Range)
		switch t.Type {
		case hclsyntax.TokenOHeredoc:
			ps.add(at, "heredocs are not part of the language", `write a string in double quotes`)
			return false
		case hclsyntax.TokenTemplateControl:
			ps.add(at, macroMessage, macroHelp(src, at))
		case hclsyntax.TokenOParen, hclsyntax.TokenBang, hclsyntax.TokenMinus, hclsyntax.TokenQuestion, hclsyntax.TokenPlus, hclsyntax.TokenStar,
			hclsyntax.TokenSlash, hclsyntax.TokenPercent, hclsyntax.TokenAnd, hclsyntax.TokenOr:
			ps.add(at, fmt.Sprintf("%q: the language has no operators, functions or parentheses", t.Bytes), "write the value itself")
			return false
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack, hclsyntax.TokenTemplateInterp:
			if depth++; depth > maxDepth {
				ps.addf(at, "", "nested more than %d deep", maxDepth)
				return false
			}
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack, hclsyntax.TokenTemplateSeqEnd:
			depth--
		}
		if len(*ps) > before+maxDiagnostics {
			break
		}
	}
	return len(*ps) == before
}

const macroMessage = `"%{" opens a template in HCL`

// macroHelp says how to write the macro of RFC 7208 §7 that somebody most probably meant.
func macroHelp(src []byte, at zone.Span) string {
	rest := src[at.Start:]
	if end := bytes.IndexByte(rest, '}'); end > 0 && end <= 20 && bytes.IndexByte(rest[:end], '\n') < 0 {
		return fmt.Sprintf("double the %%: %%%s is the SPF macro %s", rest[:end+1], rest[:end+1])
	}
	return "double the %: %%{i} is the SPF macro %{i}"
}

func rangeSpan(id zone.FileID, r hcl.Range) zone.Span {
	return zone.Span{File: id, Start: uint32(r.Start.Byte), End: uint32(r.End.Byte)}
}
