// Package dkim reads DKIM key records (RFC 6376 §3.6.1, RFC 8301, RFC 8463) and the names that they stand at.
package dkim

import (
	"crypto/sha256"
	"fmt"
	"strings"

	"github.com/tripod-dns/tripod/internal/taglist"
	"github.com/tripod-dns/tripod/internal/zone"
)

// Kinds of problems in a key record. The kinds of package taglist come besides; each of them leaves the record
// without a meaning that all verifiers agree on.
const (
	Version     = "version"       // v= is not DKIM1, or not first: the record is discarded
	KeyType     = "key-type"      // a k= that no RFC defines
	KeyTypeCase = "key-type-case" // RSA, Ed25519: values are case-sensitive (RFC 6376 §3.2), and some verifiers take that seriously
	BadValue    = "bad-value"     // h=, s= or t= that is no colon-separated list
	NoKey       = "no-key"        // no p=
	Base64      = "base64"        // p= is no base64
	Order       = "order"         // the character-strings of the record were put together in the wrong order
	NotKey      = "not-key"       // p= decodes to something else than a public key
	Mismatch    = "mismatch"      // k= and the key disagree
	PKCS1       = "pkcs1"         // an RSA key without the SubjectPublicKeyInfo around it
	Trailing    = "trailing"      // octets behind the key
	Private     = "private"       // the private half
)

// An Algorithm is what a key signs with.
type Algorithm uint8

// Algorithms of keys: what p= holds, whatever k= says.
const (
	NoAlgorithm Algorithm = iota // no usable key
	RSA                          // RFC 6376 §3.3, with SHA-256
	Ed25519                      // RFC 8463
)

func (a Algorithm) String() string { return [...]string{"none", "rsa", "ed25519"}[a] }

// A Value is one element of a colon-separated list, with its bytes in the record.
type Value struct {
	Text       string
	Start, End int
}

// A Key is a parsed key record.
type Key struct {
	List     *taglist.List
	Problems []zone.Problem // all of them, the tag list's included, in the order of the text

	Type     string // k=, "rsa" where it is absent
	Hashes   []Value
	Services []Value
	Flags    []Value
	HasP     bool
	P        taglist.Tag
	Revoked  bool // p= is empty (RFC 6376 §3.6.1)

	Algorithm Algorithm
	Bits      int    // of an RSA modulus
	Exponent  uint64 // of an RSA key; 0 where it has more than 64 bits
	BareRSA   bool   // PKCS#1 without SubjectPublicKeyInfo
	// Material is the big-endian modulus without leading zeros, or the 32 octets of an Ed25519 key.
	Material []byte

	evenExponent bool
}

// Tags of a key record (RFC 6376 §3.6.1); g was dropped from RFC 4871.
var known = [...]string{"v", "h", "k", "n", "p", "s", "t", "g"}

// Meant tells whether a text at a selector was meant as a key: it holds one of the tags that only key records have.
func Meant(text string) bool {
	l := taglist.Parse(text)
	if v, ok := l.Get("v"); ok {
		return strings.EqualFold(v.Unescaped(), "DKIM1") || strings.HasPrefix(strings.ToUpper(v.Value), "DKIM1")
	}
	_, p := l.Get("p")
	_, k := l.Get("k")
	return p && (k || len(l.Tags) == 1)
}

// Parse reads the text of a key record. It never fails: what is wrong is in Problems.
func Parse(text string) *Key {
	l := taglist.Parse(text)
	k := &Key{List: l, Problems: l.Problems, Type: "rsa"}
	k.order(text)
	for i := range l.Tags {
		t := &l.Tags[i]
		switch t.Name {
		case "v":
			k.version(i, t)
		case "k":
			k.keyType(t)
		case "h":
			k.Hashes = k.values(t)
		case "s":
			k.Services = k.values(t)
		case "t":
			k.Flags = k.values(t)
		case "p":
			if !k.HasP {
				k.HasP, k.P = true, *t
			}
		}
	}
	switch {
	case k.has(Order):
		// What p= holds is only a part.
	case !k.HasP:
		k.noKey(text)
	case k.P.Unescaped() == "":
		k.Revoked = true
	default:
		k.decode(text)
	}
	taglist.Sort(k.Problems)
	return k
}

// String gives the bytes that were parsed.
func (k *Key) String() string { return k.List.String() }

// Usable tells whether verifiers find a key here: one that is not revoked, in a record that means something.
func (k *Key) Usable() bool {
	if k.Algorithm == NoAlgorithm || !k.ForEmail() {
		return false
	}
	for _, p := range k.Problems {
		switch p.Kind {
		case PKCS1, KeyTypeCase, Trailing:
		default:
			return false
		}
	}
	return true
}

// Testing tells whether t= holds y.
func (k *Key) Testing() (Value, bool) { return find(k.Flags, "y") }

// ForEmail tells whether s= lets the key sign mail (RFC 6376 §3.6.1).
func (k *Key) ForEmail() bool {
	if len(k.Services) == 0 {
		return true
	}
	_, all := find(k.Services, "*")
	_, email := find(k.Services, "email")
	return all || email
}

func find(vs []Value, text string) (Value, bool) {
	for _, v := range vs {
		if v.Text == text {
			return v, true
		}
	}
	return Value{}, false
}

// Fingerprint is a SHA-256 over the key itself: equal for equal keys, however their records are written. Without a
// key it is zero.
func (k *Key) Fingerprint() [sha256.Size]byte {
	if k.Algorithm == NoAlgorithm {
		return [sha256.Size]byte{}
	}
	return sha256.Sum256(k.Material)
}

func (k *Key) has(kind string) bool {
	for _, p := range k.Problems {
		if p.Kind == kind {
			return true
		}
	}
	return false
}

func (k *Key) problem(kind string, start, end int, msg, help string) *zone.Problem {
	k.Problems = append(k.Problems, zone.Problem{Kind: kind, Start: start, End: end, Message: msg, Help: help})
	return &k.Problems[len(k.Problems)-1]
}

func (k *Key) version(i int, t *taglist.Tag) {
	v := t.Unescaped()
	switch {
	case v != "DKIM1":
		msg := fmt.Sprintf("v=%s is not DKIM1: verifiers discard the record (RFC 6376 §3.6.1)", clip(v))
		if t.ValueStart == t.ValueEnd {
			k.problem(Version, t.NameStart, t.ValueEnd, msg, "write v=DKIM1")
			return
		}
		p := k.problem(Version, t.ValueStart, t.ValueStart+len(v), msg, "write v=DKIM1")
		if strings.EqualFold(v, "DKIM1") {
			fix := "DKIM1"
			p.Fix = &fix
		} else if len(v) > 5 && v[:5] == "DKIM1" && (v[5] == ' ' || v[5] == ',' || v[5] == ':') {
			p.Help = "separate the tags by semicolons: v=DKIM1; " + clip(strings.TrimLeft(v[5:], " ,:"))
		}
	case i > 0 && !k.has(Order):
		k.problem(Version, t.NameStart, t.ValueEnd, "v= has to be the first tag: verifiers may discard the record (RFC 6376 §3.6.1)",
			"move v=DKIM1 to the front")
	}
}

func (k *Key) keyType(t *taglist.Tag) {
	v := t.Unescaped()
	k.Type = v
	if v == "rsa" || v == "ed25519" {
		return
	}
	start, end := t.ValueStart, t.ValueStart+len(v)
	if v == "" {
		start, end = t.NameStart, t.ValueEnd
	}
	if low := strings.ToLower(v); low == "rsa" || low == "ed25519" {
		k.Type = low
		k.problem(KeyTypeCase, start, end, fmt.Sprintf("k=%s is not k=%s: values are case-sensitive, and some verifiers ignore this key", v, low),
			"write k="+low).Fix = &low
		return
	}
	help := "write k=rsa or k=ed25519, as the key is"
	if c := taglist.Closest(v, "rsa", "ed25519"); c != "" {
		help = fmt.Sprintf("did you mean k=%s?", c)
	} else if strings.HasPrefix(strings.ToLower(v), "rsa") {
		help = "k= names the type of key only: write k=rsa"
	}
	k.problem(KeyType, start, end, fmt.Sprintf("unknown key type k=%s: verifiers ignore the key", clip(v)), help)
}

// values reads a colon-separated list (RFC 6376 §3.6.1).
func (k *Key) values(t *taglist.Tag) []Value {
	v := t.Unescaped()
	out := make([]Value, 0, 2)
	for pos := 0; pos <= len(v); {
		end := strings.IndexByte(v[pos:], ':')
		if end < 0 {
			end = len(v)
		} else {
			end += pos
		}
		a, b := pos, end
		for a < b && strings.IndexByte(" \t\r\n", v[a]) >= 0 {
			a++
		}
		for b > a && strings.IndexByte(" \t\r\n", v[b-1]) >= 0 {
			b--
		}
		out = append(out, Value{v[a:b], t.ValueStart + a, t.ValueStart + b})
		pos = end + 1
		if len(out) == 100 {
			break
		}
	}
	for _, e := range out {
		if hyphenated(e.Text) || t.Name == "s" && e.Text == "*" {
			continue
		}
		start, end := e.Start, e.End
		msg := fmt.Sprintf("%q in %s= is no word", clip(e.Text), t.Name)
		if e.Text == "" {
			start, end = t.NameStart, t.ValueStart+len(v)
			msg = fmt.Sprintf("an empty element in %s=", t.Name)
		}
		help := "words in this tag are separated by colons"
		if v == "" {
			msg, help = fmt.Sprintf("%s= without a value", t.Name), "leave the tag out"
		}
		k.problem(BadValue, start, end, msg, help)
		break // one cause
	}
	if v == "" {
		return nil
	}
	return out
}

// hyphenated: RFC 6376 §2.12, ALPHA [ *(ALPHA / DIGIT / "-") (ALPHA / DIGIT) ].
func hyphenated(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i] | 0x20
		switch {
		case 'a' <= c && c <= 'z':
		case i > 0 && '0' <= c && c <= '9':
		case i > 0 && i < len(s)-1 && s[i] == '-':
		default:
			return false
		}
	}
	return s != ""
}

func (k *Key) noKey(text string) {
	help := "publish the key as p=, or an empty p= to revoke it"
	if len(k.List.Tags) == 0 {
		k.Problems = nil // that there is no key list at all is one mistake
		if n, err := zone.ParseName(text); err == nil && n.Count() > 2 && strings.IndexByte(text, ' ') < 0 {
			k.problem(NoKey, 0, len(text), "a host name instead of a key: no signature with this selector verifies", "did you mean a CNAME to it?")
			return
		}
	}
	for _, t := range k.List.Tags {
		switch {
		case t.Name == "P":
			help = "tag names are case-sensitive: write p="
		case len(t.Value) > 60 && !isKnown(t.Name):
			help = fmt.Sprintf("%s= holds what looks like the key: write p=", clip(t.Name))
		}
	}
	for _, p := range k.List.Problems {
		if p.Kind == taglist.MissingEquals && p.End-p.Start > 60 {
			help = "the key is there, but p= before it is missing"
		}
	}
	k.problem(NoKey, 0, len(text), "no p= tag, so no key: no signature with this selector verifies", help)
}

func isKnown(name string) bool {
	for _, n := range known {
		if n == name {
			return true
		}
	}
	return false
}

// order recognises a record whose first character-string was put behind a later one: base64, then "v=DKIM1; …".
func (k *Key) order(text string) {
	if len(k.List.Tags) == 0 {
		return
	}
	t := k.List.Tags[0]
	if len(t.Name) < 20 || t.Name[len(t.Name)-1] != 'v' || !strings.HasPrefix(t.Value, "DKIM1") || !isBase64(t.Name) {
		return
	}
	// What else is wrong with the record follows from this.
	k.Problems = nil
	k.problem(Order, 0, len(text), "the record does not begin with v=DKIM1: verifiers find no key in it",
		"the strings of the record are in the wrong order: the one that begins with v=DKIM1 comes first")
}

func isBase64(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] != '=' && code[s[i]] < 0 {
			return false
		}
	}
	return true
}

// clip shortens what a message quotes.
func clip(s string) string {
	const most = 40
	if len(s) <= most {
		return strings.ToValidUTF8(s, "\uFFFD")
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}
