// Package taglist reads the tag=value lists of RFC 6376 §3.2, on which DKIM keys, DMARC policies (RFC 9989
// §4.8), TLS-RPT (RFC 8460 §3), MTA-STS (RFC 8461 §3.1) and BIMI records are built, and the lists of report
// URIs that some of them hold. It finds every deviation from that grammar with its place; which of them
// are fatal differs between the records, and is for their packages to say.
package taglist

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/tripod-dns/tripod/internal/spelling"
	"github.com/tripod-dns/tripod/internal/zone"
)

// Kinds of problems that Parse finds.
const (
	Empty         = "empty"          // the text holds no tag at all
	EmptyTag      = "empty-tag"      // nothing between two semicolons, or before the first
	MissingEquals = "missing-equals" // words without "="
	BadName       = "bad-name"       // no letter first, or a character that tag names do not have
	Duplicate     = "duplicate"      // the same tag twice: the list is invalid as a whole
	Escaped       = "escaped"        // a backslash before a semicolon, as control panels show it
	Quote         = "quote"          // a straight quotation mark around the text
	SmartQuote    = "smart-quote"    // a typographic quotation mark
	Control       = "control"        // a control character, or a line break that does not fold
	NonASCII      = "non-ascii"      // any other octet over 126
)

// maxProblems bounds what one text can make of us; nobody reads further.
const maxProblems = 50

// A Tag is one tag-spec. Offsets are bytes of the list's text, ends exclusive.
type Tag struct {
	Name  string // as written: names are case-sensitive
	Value string // as written, without the white space around it

	NameStart, NameEnd   int
	ValueStart, ValueEnd int
	// Start and End hold all that stands between the semicolons, white space included.
	Start, End int
	// Escaped: a backslash stands before the semicolon that ends the tag. It belongs to the value, which
	// is how receivers read it; Unescaped is what was meant.
	Escaped bool
}

// Unescaped is the value without the backslash of an escaped semicolon.
func (t Tag) Unescaped() string {
	if t.Escaped {
		return strings.TrimRight(t.Value[:len(t.Value)-1], " \t\r\n")
	}
	return t.Value
}

// A List is a parsed text. Tags are in the order of the text, repeated ones included; words without "="
// are no tags. Problems are in the order of the text, and no more than 50.
type List struct {
	text     string
	Tags     []Tag
	Problems []zone.Problem
}

// Parse reads a text. It never fails: what cannot be read is a problem.
func Parse(text string) *List {
	l := &List{text: text}
	l.Tags = make([]Tag, 0, min(strings.Count(text, ";")+1, 64))
	pos := 0
	for pos <= len(text) {
		end := strings.IndexByte(text[pos:], ';')
		last := end < 0
		if last {
			end = len(text)
		} else {
			end += pos
		}
		l.tag(pos, end, last)
		pos = end + 1
	}
	l.duplicates()
	l.characters()
	if len(l.Tags) == 0 && len(l.Problems) == 0 {
		l.problem(Empty, 0, len(text), "the record is empty", "")
	}
	Sort(l.Problems)
	if len(l.Problems) > maxProblems {
		l.Problems = l.Problems[:maxProblems]
	}
	return l
}

// Sort puts problems in the order of the text.
func Sort(ps []zone.Problem) {
	if len(ps) > 1 {
		slices.SortStableFunc(ps, func(a, b zone.Problem) int { return a.Start - b.Start })
	}
}

// String gives the bytes that were parsed.
func (l *List) String() string { return l.text }

// Get is the first tag of that name.
func (l *List) Get(name string) (Tag, bool) {
	for _, t := range l.Tags {
		if t.Name == name {
			return t, true
		}
	}
	return Tag{}, false
}

// Problem is the first problem of a kind.
func (l *List) Problem(kind string) (zone.Problem, bool) {
	for _, p := range l.Problems {
		if p.Kind == kind {
			return p, true
		}
	}
	return zone.Problem{}, false
}

// Cut is the range to delete so that tag i is gone and the rest stays as it was: the tag with the semicolon
// behind it, or, for the last one without a semicolon, with the one before it.
func (l *List) Cut(i int) (start, end int) {
	t := l.Tags[i]
	start, end = t.Start, t.End
	switch {
	case end < len(l.text):
		end++ // its semicolon
		if start == 0 {
			for end < len(l.text) && isSpace(l.text[end]) {
				end++
			}
		}
	case start > 0:
		start--
	}
	return start, end
}

func (l *List) problem(kind string, start, end int, msg, help string) *zone.Problem {
	// Structure is found before characters, and the text is put in order at the end: leave room for both.
	if len(l.Problems) >= 4*maxProblems {
		return &zone.Problem{}
	}
	l.Problems = append(l.Problems, zone.Problem{Kind: kind, Start: start, End: end, Message: msg, Help: help})
	return &l.Problems[len(l.Problems)-1]
}

// tag reads what stands in [start, end).
func (l *List) tag(start, end int, last bool) {
	s := l.text
	a, b := trim(s, start, end)
	if a == b {
		// One semicolon may end the list, and white space behind it harms nobody.
		if !last {
			l.emptyTag(start, end)
		}
		return
	}
	t := Tag{Start: start, End: end}
	t.Escaped = !last && b == end && s[end-1] == '\\'
	if t.Escaped {
		fix := ";"
		p := l.problem(Escaped, end-1, end+1, `a literal backslash before ";"`,
			"control panels and zone files show the semicolon so; the record itself has none: write it without the backslash")
		p.Fix = &fix
	}
	eq := strings.IndexByte(s[a:b], '=')
	if eq < 0 {
		if t.Escaped {
			b--
		}
		if a < b {
			l.problem(MissingEquals, a, b, fmt.Sprintf("%s is no tag: the = is missing", show(s[a:b])), missingHelp(s[a:b]))
		}
		return
	}
	eq += a
	t.NameStart, t.NameEnd = trim(s, a, eq)
	t.ValueStart, t.ValueEnd = trim(s, eq+1, b)
	t.Name, t.Value = s[t.NameStart:t.NameEnd], s[t.ValueStart:t.ValueEnd]
	l.name(t)
	l.Tags = append(l.Tags, t)
}

func (l *List) emptyTag(start, end int) {
	if n := len(l.Problems); n > 0 {
		if p := &l.Problems[n-1]; p.Kind == EmptyTag && p.End >= start {
			p.End = end + 1 // one run of semicolons is one mistake
			return
		}
	}
	// The semicolon at end is the one too many; it is what to delete.
	fix := ""
	p := l.problem(EmptyTag, end, end+1, `nothing stands before this ";"`, "delete it")
	p.Fix = &fix
}

func missingHelp(s string) string {
	if colon := strings.IndexByte(s, ':'); colon > 0 && strings.EqualFold(s[:colon], "mailto") {
		return "several addresses of one tag are separated by commas, not by semicolons"
	}
	if i := strings.IndexByte(s, ':'); i > 0 && validName(s[:i]) {
		return fmt.Sprintf("write %s=%s", s[:i], show(strings.TrimLeft(s[i+1:], " ")))
	}
	if i := strings.IndexAny(s, " \t"); i > 0 && validName(s[:i]) {
		return fmt.Sprintf("write %s=%s", s[:i], show(strings.TrimLeft(s[i+1:], " \t")))
	}
	return "tags are written name=value, with a semicolon between them"
}

func (l *List) name(t Tag) {
	if validName(t.Name) {
		return
	}
	if t.Name == "" {
		l.problem(BadName, t.NameStart, t.ValueStart, `no tag name before "="`, "tags are written name=value")
		return
	}
	if t.Name[0] == '"' {
		l.problem(Quote, t.NameStart, t.NameStart+1, "the record begins with a quotation mark",
			"zone files put quotation marks around a text; here they would be published: drop them")
		return
	}
	for i := 0; i < len(t.Name); i++ {
		if t.Name[i] >= 0x80 || t.Name[i] < 0x20 && !isSpace(t.Name[i]) {
			return // the character itself is reported, which says more
		}
	}
	help := `a tag name is a letter, then letters, digits and "_"`
	if strings.ContainsAny(t.Name, " \t") {
		help = "is a semicolon missing? Tags are separated by semicolons"
	}
	l.problem(BadName, t.NameStart, t.NameEnd, fmt.Sprintf("%s is no tag name", show(t.Name)), help)
}

func validName(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z':
		case i > 0 && ('0' <= c && c <= '9' || c == '_'):
		default:
			return false
		}
	}
	return s != ""
}

func (l *List) duplicates() {
	if len(l.Tags) <= 24 { // the usual list: comparing all is quicker than a map
		for i, t := range l.Tags {
			if slices.ContainsFunc(l.Tags[:i], func(o Tag) bool { return o.Name == t.Name }) {
				l.duplicate(t)
			}
		}
		return
	}
	seen := make(map[string]bool, len(l.Tags))
	for _, t := range l.Tags {
		if seen[t.Name] {
			l.duplicate(t)
		}
		seen[t.Name] = true
	}
}

func (l *List) duplicate(t Tag) {
	l.problem(Duplicate, t.NameStart, max(t.NameEnd, t.ValueEnd),
		fmt.Sprintf("the tag %s is there twice: the whole list is invalid (RFC 6376 §3.2)", show(t.Name)),
		"keep the one that you mean")
}

// characters looks for what no tag list has (RFC 6376 §3.2, §2.8): a run of such characters is one problem.
func (l *List) characters() {
	s := l.text
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c >= 0x20 && c < 0x7f || c == '\t':
			i++
		case c == '\r' && i+2 < len(s) && s[i+1] == '\n' && (s[i+2] == ' ' || s[i+2] == '\t'):
			i += 3 // folding white space
		case c < 0x80:
			j := i + 1
			for j < len(s) && (s[j] < 0x20 && s[j] != '\t' || s[j] == 0x7f) {
				j++
			}
			msg := fmt.Sprintf("a control character (U+%04X)", c)
			if c == '\n' || c == '\r' {
				msg = "a line break"
			}
			l.problem(Control, i, j, msg, "delete it")
			i = j
		default:
			i = l.nonASCII(i)
		}
	}
}

func (l *List) nonASCII(i int) int {
	s := l.text
	r, n := utf8.DecodeRuneInString(s[i:])
	if quoteRune(r) {
		l.problem(SmartQuote, i, i+n, fmt.Sprintf("a typographic quotation mark (%c, U+%04X)", r, r),
			"it came from a word processor or a web page; the record has no quotation marks: delete it")
		return i + n
	}
	j := i
	for j < len(s) && s[j] >= 0x80 {
		q, m := utf8.DecodeRuneInString(s[j:])
		if j > i && quoteRune(q) {
			break
		}
		j += m
	}
	switch {
	case r == utf8.RuneError && n == 1:
		l.problem(NonASCII, i, j, fmt.Sprintf("an octet that is not ASCII (0x%02X)", s[i]), "only printable ASCII is allowed here")
	case r == 0xa0 || r == 0x202f || r == 0x3000:
		l.problem(NonASCII, i, j, fmt.Sprintf("a space that is not ASCII (U+%04X)", r), "write a plain space")
	case r == 0x200b || r == 0xfeff || r == 0xad || 0x200c <= r && r <= 0x200f:
		l.problem(NonASCII, i, j, fmt.Sprintf("an invisible character (U+%04X)", r), "delete it")
	default:
		l.problem(NonASCII, i, j, fmt.Sprintf("%s is not ASCII (U+%04X)", s[i:i+n], r), "only printable ASCII is allowed here")
	}
	return j
}

func quoteRune(r rune) bool {
	return 0x2018 <= r && r <= 0x201f || r == 0xab || r == 0xbb || r == 0x2039 || r == 0x203a || r == 0x2032 || r == 0x2033
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// trim narrows [start, end) by the white space at its ends.
func trim(s string, start, end int) (from, to int) {
	for start < end && isSpace(s[start]) {
		start++
	}
	for end > start && isSpace(s[end-1]) {
		end--
	}
	return start, end
}

// show quotes a text for a message, and cuts what nobody would read.
func show(s string) string {
	const most = 40
	if len(s) > most {
		i := most
		for i > 0 && !utf8.RuneStart(s[i]) {
			i--
		}
		return fmt.Sprintf("%q…", s[:i])
	}
	return fmt.Sprintf("%q", s)
}

// Closest is the word of known that s was probably meant to be: equal but for case, or at most two
// letters (one, in words below five letters) away. "" where there is none, or s is itself known.
func Closest(s string, known ...string) string {
	best, bestDist := "", 3
	if len(s) < 5 {
		bestDist = 2
	}
	if len(s) > 64 {
		return ""
	}
	low := strings.ToLower(s)
	for _, k := range known {
		if k == s {
			return ""
		}
		if d := spelling.Distance(low, strings.ToLower(k)); d < bestDist && d < len(k) {
			best, bestDist = k, d
		}
	}
	return best
}
