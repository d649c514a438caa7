// Package zone holds the words that everything else speaks: names, records as they would be
// published, and spans, which lead from every byte of a record back to the place where it was written.
package zone

import (
	"errors"
	"fmt"
	"strings"

	"golang.org/x/net/idna"
)

// A Name is a domain name in presentation format: A-labels, lower case, without the final dot.
// The root is the empty Name. Octets that the format cannot show plainly stand as \DDD, a dot inside
// a label as "\." (RFC 4343 §2.1).
type Name string

// Root is the name of the DNS root.
const Root Name = ""

// Limits of RFC 1035 §2.3.4, in octets.
const (
	MaxLabel = 63
	MaxName  = 255 // in wire format, with length octets and the root's zero
)

var profile = idna.New(idna.MapForLookup(), idna.StrictDomainName(false), idna.Transitional(false), idna.BidiRule())

// ParseName reads a name as people write it: U-labels become A-labels (RFC 5891), upper case becomes
// lower case, a final dot is dropped. It refuses empty labels, names beyond RFC 1035's limits, and control characters
// (which stand as \DDD); other characters are for rules to judge.
func ParseName(s string) (Name, error) {
	if s == "" {
		return "", errors.New("empty name")
	}
	if s == "." {
		return Root, nil
	}
	// Each octet of an A-label stands for at most one code point, each octet of a label for at most four characters (\DDD).
	// Punycode is quadratic: what cannot be a name is not converted.
	if len(s) > 4*MaxName {
		return "", fmt.Errorf("name of %d octets, the limit is %d", len(s), MaxName)
	}
	plain := true
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] == 0x7f {
			return "", fmt.Errorf("control character U+%04X in a name", s[i])
		}
		plain = plain && s[i] < 0x80
	}
	if !plain {
		a, err := profile.ToASCII(s)
		if err != nil {
			return "", fmt.Errorf("not a domain name: %w", err)
		}
		if symbols(a) != symbols(s) {
			// The mapping of UTS 46 makes slashes, blanks and quotes of what only looks like them.
			return "", errors.New("not a domain name: it has characters that no U-label has")
		}
		s = a
	}
	if finalDot(s) {
		s = s[:len(s)-1]
	}
	n := Name(lower(s))
	if err := n.Check(); err != nil {
		return "", err
	}
	return n, nil
}

// MustParseName is ParseName for names that are known to be good, such as constants.
func MustParseName(s string) Name {
	n, err := ParseName(s)
	if err != nil {
		panic(fmt.Sprintf("name %q: %v", s, err))
	}
	return n
}

// Check tells whether the name keeps to the sizes of RFC 1035 §2.3.4 and has no empty label.
func (n Name) Check() error {
	if n == Root {
		return nil
	}
	total := 1
	for rest := n; rest != Root; {
		var label string
		label, rest = rest.Cut()
		size := labelLen(label)
		switch {
		case size == 0:
			return errors.New("empty label")
		case size > MaxLabel:
			return fmt.Errorf("label of %d octets, the limit is %d", size, MaxLabel)
		}
		total += size + 1
	}
	if finalDot(string(n)) {
		return errors.New("empty label")
	}
	if total > MaxName {
		return fmt.Errorf("name of %d octets, the limit is %d", total, MaxName)
	}
	return nil
}

// symbols are the ASCII characters of s that are no letters, digits, hyphens or dots.
func symbols(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 0x80 || r == '-' || r == '.' || '0' <= r && r <= '9' || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return -1
		}
		return r
	}, s)
}

// finalDot tells whether s ends in a dot that separates labels: one without a backslash, or with an escaped one, before it.
func finalDot(s string) bool {
	if !strings.HasSuffix(s, ".") {
		return false
	}
	slashes := 0
	for i := len(s) - 2; i >= 0 && s[i] == '\\'; i-- {
		slashes++
	}
	return slashes%2 == 0
}

func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			return strings.ToLower(s) // ASCII only: U-labels are gone by now
		}
	}
	return s
}

// labelLen is the number of octets that a label in presentation format stands for.
func labelLen(l string) int {
	if strings.IndexByte(l, '\\') < 0 {
		return len(l)
	}
	n := 0
	for i := 0; i < len(l); i++ {
		if l[i] == '\\' {
			if i+3 < len(l) && isDigit(l[i+1]) && isDigit(l[i+2]) && isDigit(l[i+3]) {
				i += 3
			} else {
				i++
			}
		}
		n++
	}
	return n
}

// Unescape undoes the presentation format of names and character-strings (RFC 1035 §5.1): \DDD is an octet, \X is X.
func Unescape(s string) string {
	if strings.IndexByte(s, '\\') < 0 {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			b.WriteByte(s[i])
			continue
		}
		i++
		if i+2 < len(s) && isDigit(s[i]) && isDigit(s[i+1]) && isDigit(s[i+2]) {
			if n := int(s[i]-'0')*100 + int(s[i+1]-'0')*10 + int(s[i+2]-'0'); n <= 255 {
				b.WriteByte(byte(n))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// FQDN is the name with its final dot, as it stands in zone files and rdata.
func (n Name) FQDN() string { return string(n) + "." }

func (n Name) String() string {
	if n == Root {
		return "."
	}
	return string(n)
}

// Cut splits off the leftmost label. The root gives "" and the root.
func (n Name) Cut() (label string, parent Name) {
	for i := 0; i < len(n); i++ {
		switch n[i] {
		case '\\':
			i++
		case '.':
			return string(n[:i]), n[i+1:]
		}
	}
	return string(n), Root
}

// First is the leftmost label.
func (n Name) First() string { l, _ := n.Cut(); return l }

// Parent is the name without its leftmost label; the root's parent is the root.
func (n Name) Parent() Name { _, p := n.Cut(); return p }

// Labels are the labels from left to right.
func (n Name) Labels() []string {
	var out []string
	for n != Root {
		var l string
		l, n = n.Cut()
		out = append(out, l)
	}
	return out
}

// Count is the number of labels.
func (n Name) Count() int {
	c := 0
	for n != Root {
		n = n.Parent()
		c++
	}
	return c
}

// Last is the name made of the last k labels, or the whole name where it has no more than that.
func (n Name) Last(k int) Name {
	for c := n.Count(); c > k; c-- {
		n = n.Parent()
	}
	return n
}

// Under tells whether n is zone or below it.
func (n Name) Under(zone Name) bool {
	if zone == Root || n == zone {
		return true
	}
	i := len(n) - len(zone)
	if i < 2 || n[i:] != zone || n[i-1] != '.' {
		return false
	}
	slashes := 0
	for j := i - 2; j >= 0 && n[j] == '\\'; j-- {
		slashes++
	}
	return slashes%2 == 0 // else the dot is escaped, and part of a label
}

// Below tells whether n is strictly below zone.
func (n Name) Below(zone Name) bool { return n != zone && n.Under(zone) }

// Relative is the part of n left of zone: "@" for zone itself, the whole name with its final dot where
// n is not under zone.
func (n Name) Relative(zone Name) string {
	switch {
	case n == zone:
		return "@"
	case zone == Root:
		return string(n)
	case n.Under(zone):
		return string(n[:len(n)-len(zone)-1])
	}
	return n.FQDN()
}

// Child is the name with label (one or more labels, relative) put before it. "@" and "" give the name itself.
func (n Name) Child(label string) Name {
	switch {
	case label == "" || label == "@":
		return n
	case n == Root:
		return Name(lower(label))
	}
	return Name(lower(label)) + "." + n
}

// IsWildcard tells whether the leftmost label is "*" (RFC 4592 §2.1.1).
func (n Name) IsWildcard() bool { return n == "*" || strings.HasPrefix(string(n), "*.") }

// HasUnderscore tells whether any label begins with "_" (RFC 8552): such names are no hosts and no mail domains.
func (n Name) HasUnderscore() bool {
	for n != Root {
		if n[0] == '_' {
			return true
		}
		n = n.Parent()
	}
	return false
}

// Compare orders names by their labels from the right, as a zone is read: parents before children
// (RFC 4034 §6.1, on the presentation format).
func (n Name) Compare(m Name) int {
	if n == m {
		return 0
	}
	if strings.IndexByte(string(n), '\\') >= 0 || strings.IndexByte(string(m), '\\') >= 0 {
		return compareLabels(n.Labels(), m.Labels())
	}
	i, j := len(n), len(m)
	for i > 0 && j > 0 {
		k := strings.LastIndexByte(string(n[:i]), '.') + 1
		l := strings.LastIndexByte(string(m[:j]), '.') + 1
		if c := strings.Compare(string(n[k:i]), string(m[l:j])); c != 0 {
			return c
		}
		i, j = max(0, k-1), max(0, l-1)
	}
	return i - j
}

func compareLabels(a, b []string) int {
	for i, j := len(a)-1, len(b)-1; ; i, j = i-1, j-1 {
		switch {
		case i < 0 && j < 0:
			return 0
		case i < 0:
			return -1
		case j < 0:
			return 1
		}
		if c := strings.Compare(a[i], b[j]); c != 0 {
			return c
		}
	}
}
