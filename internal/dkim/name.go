package dkim

import (
	"strings"

	"github.com/tripod-dns/tripod/internal/zone"
)

// Label is the label below which keys stand (RFC 6376 §3.6.2.1).
const Label = "_domainkey"

// SplitName splits the name of a key record into selector and domain: s1.eu._domainkey.example.com into s1.eu and
// example.com. ok is false where there is no _domainkey, or no selector before it. The rightmost _domainkey counts.
func SplitName(name zone.Name) (selector string, domain zone.Name, ok bool) {
	at := -1
	for n, pos := name, 0; n != zone.Root; {
		label, parent := n.Cut()
		if label == Label {
			at = pos
		}
		pos += len(label) + 1
		n = parent
	}
	if at <= 0 {
		return "", "", false
	}
	selector = string(name[:at-1])
	if rest := at + len(Label) + 1; rest < len(name) {
		domain = name[rest:]
	}
	return selector, domain, true
}

// CheckSelector judges a selector (RFC 6376 §3.1: labels of letters, digits and inner hyphens, with dots between
// them). bad says what is wrong; underscore that it has underscores and is well-formed otherwise: outside the letter, but it
// works.
func CheckSelector(selector string) (bad string, underscore bool) {
	for _, l := range strings.Split(selector, ".") {
		switch {
		case l == "":
			return "an empty label", false
		case len(l) > zone.MaxLabel:
			return "a label over 63 octets", false
		case l[0] == '-' || l[len(l)-1] == '-':
			return "a label that begins or ends with a hyphen", false
		}
		for i := 0; i < len(l); i++ {
			c := l[i] | 0x20
			switch {
			case 'a' <= c && c <= 'z', '0' <= l[i] && l[i] <= '9', l[i] == '-':
			case l[i] == '_':
				underscore = true
			default:
				return "a character that is no letter, digit or hyphen", false
			}
		}
	}
	return "", underscore
}
