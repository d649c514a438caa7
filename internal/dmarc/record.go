// Package dmarc reads DMARC policy records (RFC 9989 §4.7, §4.8) and finds the one that applies to a name, as receivers of
// RFC 9989 (§4.10) and of its predecessor RFC 7489 do. A text goes in; a typed record comes out, with the place of every
// part and all that is wrong with it.
package dmarc

import (
	"slices"
	"strings"

	"github.com/tripod-dns/tripod/internal/taglist"
	"github.com/tripod-dns/tripod/internal/zone"
)

// Kinds of problems. The comments say what receivers do.
const (
	KindVersion   = "version"       // the record is ignored: it does not begin with v=DMARC1 (§4.7)
	KindLost      = "lost"          // a slip of the pen takes p, sp, np or rua away
	KindSyntax    = "syntax"        // anything else against the grammar: the default applies (§4.8)
	KindPolicy    = "policy"        // p, sp or np is no policy: the whole record counts as p=none, or as none at all (§4.10.1)
	KindValue     = "value"         // another tag's value is none of those allowed: the default applies
	KindNoPolicy  = "no-p"          // p is absent, rua valid: counts as p=none
	KindNoDMARC   = "no-p-no-rua"   // p is absent, rua too: no DMARC
	KindRemoved   = "removed"       // pct=100, rf, ri: without effect
	KindPct       = "removed-pct"   // pct=1..99: read by receivers of RFC 7489 only
	KindPctZero   = "removed-pct-0" // pct=0, which became t=y (§A.6)
	KindUnknown   = "unknown"       // no tag of DMARC: ignored (§4.7)
	KindDuplicate = "duplicate"     // a tag twice: the list is invalid (RFC 6376 §3.2)
	KindOrder     = "order"         // p is not right behind v, which RFC 7489 §6.4 wants
	KindURI       = "uri"           // one of several URIs cannot be used
	KindNoURI     = "no-uri"        // no URI of the tag can be used
	KindScheme    = "uri-scheme"    // no mailto among them, the one scheme that receivers have to know
	KindSize      = "uri-size"      // the obsolete !size
	KindManyURIs  = "many-uris"     // more than two
)

// A Record is a parsed text. Everything but Text, Tags and Problems is what receivers make of it.
type Record struct {
	text string

	// IsRecord is false where receivers see no DMARC record at all (§4.10 discards it).
	IsRecord bool
	Tags     []taglist.Tag
	Problems []zone.Problem // in the order of the text

	// P, SP and NP are the tags' values, Absent where the tag is not there or its value is no policy.
	P, SP, NP   Policy
	PSD         PSD
	Testing     bool // t=y
	ADKIM, ASPF Mode
	RUA, RUF    []taglist.URI // as written; only those that are Valid count

	// Effective is what the three tags come to.
	Effective Policies

	list *taglist.List
}

// Policies are the policies that a record comes to, before t=y (RFC 9989 §4.10.1).
type Policies struct {
	// Valid is false where the record gives no DMARC: it has no valid p, or an invalid sp or np, and no valid rua;
	// or it is no tag-list.
	Valid bool
	// P is for the name of the record, SP for existing names below it, NP for others; fallbacks are applied.
	P, SP, NP Policy
	// Defaulted: p=none was put in place of what the record says.
	Defaulted bool

	hasSP, hasNP bool
}

// tag is the tag that gave the policy for "p", "sp" or "np".
func (p Policies) tag(want string) string {
	switch {
	case p.Defaulted:
		return ""
	case want == "sp" && !p.hasSP, want == "np" && !p.hasNP && !p.hasSP:
		return "p"
	case want == "np" && !p.hasNP:
		return "sp"
	}
	return want
}

// String gives the bytes that were parsed.
func (r *Record) String() string { return r.text }

// Tag is the first tag of that name.
func (r *Record) Tag(name string) (taglist.Tag, bool) { return r.list.Get(name) }

// Cut is the range of the text to delete so that the tag is gone.
func (r *Record) Cut(t taglist.Tag) (start, end int) {
	i := slices.IndexFunc(r.list.Tags, func(o taglist.Tag) bool { return o.Start == t.Start })
	if i < 0 {
		return t.Start, t.End
	}
	return r.list.Cut(i)
}

// Reports tells whether aggregate reports are asked for at an address that can be used.
func (r *Record) Reports() bool { return anyValid(r.RUA) }

// Problem is the first problem of one of the kinds.
func (r *Record) Problem(kinds ...string) (zone.Problem, bool) {
	for _, p := range r.Problems {
		if slices.Contains(kinds, p.Kind) {
			return p, true
		}
	}
	return zone.Problem{}, false
}

func anyValid(uris []taglist.URI) bool {
	return slices.ContainsFunc(uris, func(u taglist.URI) bool { return u.Valid() })
}

// IsDMARC tells whether a text is a DMARC record for RFC 9989 §4.10: its first tag is v with the value DMARC1. What comes
// behind is not looked at.
func IsDMARC(text string) bool {
	rest, ok := strings.CutPrefix(text, "v")
	if !ok {
		return false
	}
	rest, ok = strings.CutPrefix(strings.TrimLeft(rest, " \t"), "=")
	if !ok {
		return false
	}
	rest, ok = strings.CutPrefix(strings.TrimLeft(rest, " \t"), "DMARC1")
	if !ok {
		return false
	}
	rest = strings.TrimLeft(rest, " \t")
	return rest == "" || rest[0] == ';'
}

// Meant tells whether somebody meant a text as a DMARC policy, though receivers may see none: it names DMARC at its
// beginning, or has a p tag with a policy.
func Meant(text string) bool {
	head := strings.ToLower(text[:min(len(text), 32)])
	if strings.Contains(head, "dmarc") && strings.ContainsAny(text, "=;") {
		return true
	}
	for part := range strings.SplitSeq(text[:min(len(text), 1024)], ";") {
		name, value, ok := strings.Cut(part, "=")
		if ok && strings.EqualFold(strings.TrimSpace(name), "p") {
			_, policy := parsePolicy(strings.TrimSpace(value))
			return policy
		}
	}
	return false
}
