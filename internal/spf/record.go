// Package spf reads and evaluates Sender Policy Framework records (RFC 7208).
//
// Parse never fails: it gives the terms of a record with their places and all problems that it finds. Check
// evaluates one message as a receiver would, Tree walks all includes for the worst case, Senders computes the
// exact set of addresses that pass. All three work on the same parsed form and the same look-ups; names that
// are not at hand are named, never guessed.
package spf

import (
	"net/netip"
	"strconv"
	"strings"

	"github.com/tripod-dns/tripod/internal/zone"
)

// Version is what every SPF record begins with (RFC 7208 §4.5).
const Version = "v=spf1"

// MaxLookups, MaxVoid, MaxMX and MaxPTR are the processing limits of RFC 7208 §4.6.4: terms that cost a
// look-up in one evaluation, terms whose look-up finds nothing, names of one mx, names of one ptr.
const (
	MaxLookups = 10
	MaxVoid    = 2
	MaxMX      = 10
	MaxPTR     = 10
)

// A Kind is what a term is.
type Kind uint8

// The mechanisms of RFC 7208 §5 and the modifiers of §6. Unknown is a modifier that the RFC does not define,
// which is legal; Invalid is a term that is no term at all.
const (
	Invalid Kind = iota
	All
	Include
	A
	MX
	PTR
	IP4
	IP6
	Exists
	Redirect
	Exp
	Unknown
)

var kindNames = [...]string{
	Invalid: "invalid", All: "all", Include: "include", A: "a", MX: "mx", PTR: "ptr", IP4: "ip4", IP6: "ip6",
	Exists: "exists", Redirect: "redirect", Exp: "exp", Unknown: "modifier",
}

func (k Kind) String() string { return kindNames[k] }

// IsMechanism tells whether a term of the kind can match a sender.
func (k Kind) IsMechanism() bool { return k >= All && k <= Exists }

// Costs tells whether a term of the kind counts against the limit of ten look-ups (RFC 7208 §4.6.4).
func (k Kind) Costs() bool {
	switch k {
	case Include, A, MX, PTR, Exists, Redirect:
		return true
	}
	return false
}

// A Term is one directive or modifier.
type Term struct {
	Start, End int    // bytes of the record's text, End exclusive, the qualifier included
	Text       string // as it is written
	Kind       Kind
	Name       string // the mechanism's or modifier's name as it is written
	// Qualifier is '+', '-', '~' or '?'; '+' where none is written. It means nothing for a modifier.
	Qualifier byte
	// Domain is the domain-spec (the macro-string of an unknown modifier), nil where there is none.
	Domain *MacroString
	// CIDR4 and CIDR6 are the prefix lengths of a and mx, -1 where they are not written.
	CIDR4, CIDR6 int
	// Prefix is the network of ip4 and ip6 with the host bits that were written.
	Prefix netip.Prefix
	// Bad tells that the term breaks the grammar; its other fields hold what could be read.
	Bad bool
}

// A Record is a parsed SPF record.
type Record struct {
	Text     string
	Terms    []*Term
	Problems []zone.Problem // whatever breaks the grammar: each makes receivers answer permerror (§4.6)
}

// String is the record's text, byte for byte.
func (r *Record) String() string {
	if len(r.Terms) == 0 {
		return r.Text
	}
	var b strings.Builder
	at := 0
	for _, t := range r.Terms {
		b.WriteString(r.Text[at:t.Start])
		b.WriteString(t.Text)
		at = t.End
	}
	b.WriteString(r.Text[at:])
	return b.String()
}

// All is the record's first all, nil where there is none.
func (r *Record) All() *Term { return r.first(All) }

// Redirect is the record's redirect, nil where there is none. It takes effect only where the record has no all
// (RFC 7208 §6.1).
func (r *Record) Redirect() *Term { return r.first(Redirect) }

// Exp is the record's exp, nil where there is none.
func (r *Record) Exp() *Term { return r.first(Exp) }

func (r *Record) first(k Kind) *Term {
	for _, t := range r.Terms {
		if t.Kind == k {
			return t
		}
	}
	return nil
}

// DeniesAll tells whether the record is "v=spf1 -all" and nothing else, which declares that no host sends.
func (r *Record) DeniesAll() bool {
	if len(r.Problems) > 0 {
		return false
	}
	mechanisms := 0
	for _, t := range r.Terms {
		if t.Kind.IsMechanism() {
			mechanisms++
		}
	}
	all := r.All()
	return mechanisms == 1 && all != nil && all.Qualifier == '-'
}

// Network is the range of addresses that an ip4 or ip6 term matches: its prefix with the host bits cleared.
func (t *Term) Network() netip.Prefix { return t.Prefix.Masked() }

// Result is what the term's qualifier makes of a match (RFC 7208 §4.6.2).
func (t *Term) Result() Code {
	switch t.Qualifier {
	case '-':
		return Fail
	case '~':
		return SoftFail
	case '?':
		return Neutral
	}
	return Pass
}

// Macros are the letters of the macros in the term, lower case, in the order in which they stand.
func (t *Term) Macros() string {
	if t.Domain == nil {
		return ""
	}
	return t.Domain.Letters()
}

// Canonical is a form that is equal for two terms with the same meaning: names in lower case, no final dot, no
// implied qualifier or prefix length, host bits cleared.
func (t *Term) Canonical() string {
	if t.Bad || t.Kind == Invalid {
		return t.Text
	}
	var b strings.Builder
	if t.Kind.IsMechanism() && t.Qualifier != '+' {
		b.WriteByte(t.Qualifier)
	}
	b.WriteString(strings.ToLower(t.Name))
	switch t.Kind {
	case IP4, IP6:
		n := t.Network()
		b.WriteByte(':')
		if n.IsSingleIP() {
			b.WriteString(n.Addr().String())
		} else {
			b.WriteString(n.String())
		}
		return b.String()
	case Redirect, Exp, Unknown:
		b.WriteByte('=')
	default:
		if t.Domain != nil {
			b.WriteByte(':')
		}
	}
	if t.Domain != nil {
		b.WriteString(t.Domain.canonical())
	}
	if t.CIDR4 >= 0 && t.CIDR4 < 32 {
		b.WriteByte('/')
		b.WriteString(strconv.Itoa(t.CIDR4))
	}
	if t.CIDR6 >= 0 && t.CIDR6 < 128 {
		b.WriteString("//")
		b.WriteString(strconv.Itoa(t.CIDR6))
	}
	return b.String()
}

// IsSPF tells whether receivers take a TXT record for an SPF record: it begins with the version, in any case,
// and a space or the end follows (RFC 7208 §4.5, §12).
func IsSPF(text string) bool {
	return len(text) >= len(Version) && strings.EqualFold(text[:len(Version)], Version) &&
		(len(text) == len(Version) || text[len(Version)] == ' ')
}
