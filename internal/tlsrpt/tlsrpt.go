// Package tlsrpt reads TLS reporting records (RFC 8460 §3).
package tlsrpt

import (
	"fmt"
	"strings"

	"github.com/tripod-dns/tripod/internal/taglist"
	"github.com/tripod-dns/tripod/internal/zone"
)

// Label is where the record stands, below the domain that it is for.
const Label = "_smtp._tls"

// Kinds of problems. The kinds of package taglist come besides; URI problems have the kinds of ParseURIs.
const (
	Version = "version" // the record does not begin with "v=TLSRPTv1;": it is discarded
	NoRUA   = "no-rua"  // no rua=, or an empty one
	Scheme  = "scheme"  // neither mailto: nor https:
)

// A Record is a parsed record. Every problem in it leaves it without effect, or one of its URIs without reports.
type Record struct {
	List     *taglist.List
	Problems []zone.Problem // in the order of the text, those of the URIs included
	RUA      []taglist.URI
	HasRUA   bool
	RUATag   taglist.Tag
}

// Meant tells whether a text was meant as such a record.
func Meant(text string) bool {
	t := strings.TrimLeft(text, " \t\"")
	return len(t) >= 8 && strings.EqualFold(t[:8], "v=TLSRPT")
}

// Parse reads a text. It never fails: what is wrong is in Problems.
func Parse(text string) *Record {
	l := taglist.Parse(text)
	r := &Record{List: l}
	for _, p := range l.Problems {
		if p.Kind == taglist.BadName && extension(text[p.Start:p.End]) {
			continue // RFC 8460 §3 allows more in the names of extensions
		}
		if p.Kind == taglist.Duplicate {
			name, _, _ := strings.Cut(text[p.Start:p.End], "=")
			p.Message = fmt.Sprintf("the tag %q is there twice: senders may read either, or discard the record", strings.TrimSpace(name))
		}
		r.Problems = append(r.Problems, p)
	}
	r.version(text)
	for _, t := range l.Tags {
		if t.Name == "rua" && !r.HasRUA {
			r.HasRUA, r.RUATag = true, t
		}
	}
	r.rua(text)
	taglist.Sort(r.Problems)
	return r
}

// String gives the bytes that were parsed.
func (r *Record) String() string { return r.List.String() }

// Usable tells whether any report can be sent because of this record.
func (r *Record) Usable() bool {
	for _, p := range r.Problems {
		if !uriKind(p.Kind) {
			return false
		}
	}
	for i := range r.RUA {
		if r.RUA[i].Valid() {
			return true
		}
	}
	return false
}

func uriKind(kind string) bool { return strings.HasPrefix(kind, "uri-") || kind == Scheme }

func (r *Record) problem(kind string, start, end int, msg, help string) *zone.Problem {
	r.Problems = append(r.Problems, zone.Problem{Kind: kind, Start: start, End: end, Message: msg, Help: help})
	return &r.Problems[len(r.Problems)-1]
}

func (r *Record) version(text string) {
	const v = "v=TLSRPTv1"
	tags := r.List.Tags
	if strings.HasPrefix(text, v) && len(tags) > 0 && tags[0].Unescaped() == "TLSRPTv1" {
		return
	}
	const msg = "the record does not begin with v=TLSRPTv1; – it is discarded (RFC 8460 §3)"
	for i, t := range tags {
		if !strings.EqualFold(t.Name, "v") {
			continue
		}
		switch {
		case i > 0:
			r.problem(Version, t.NameStart, t.ValueEnd, msg, "move v=TLSRPTv1 to the front")
		case t.NameStart > 0:
			r.problem(Version, 0, t.NameStart, msg, "delete what stands before it")
		case strings.EqualFold(t.Unescaped(), "TLSRPTv1"):
			fix := v
			r.problem(Version, t.NameStart, t.ValueStart+len(t.Unescaped()), msg, "write v=TLSRPTv1").Fix = &fix
		case strings.HasPrefix(t.Value, "TLSRPTv1"):
			r.problem(Version, t.ValueStart, t.ValueEnd, msg, "a semicolon is missing behind v=TLSRPTv1")
		default:
			r.problem(Version, t.NameStart, max(t.NameEnd, t.ValueEnd), msg, "write v=TLSRPTv1")
		}
		return
	}
	r.problem(Version, 0, len(text), msg, "write v=TLSRPTv1; rua=mailto:…")
}

func (r *Record) rua(text string) {
	if !r.HasRUA {
		for _, t := range r.List.Tags {
			if strings.EqualFold(t.Name, "rua") || t.Name == "ruf" {
				r.problem(NoRUA, t.NameStart, t.NameEnd, fmt.Sprintf("%s= is not rua=: no reports are sent", t.Name), "write rua=")
				return
			}
		}
		for _, p := range r.Problems {
			if p.Kind == taglist.MissingEquals || p.Kind == Version {
				return // the cause of it
			}
		}
		r.problem(NoRUA, 0, len(text), "no rua=: no reports are sent", "write rua=mailto:…")
		return
	}
	r.RUA = taglist.ParseURIs(r.RUATag.Unescaped(), r.RUATag.ValueStart)
	if len(r.RUA) == 0 {
		r.problem(NoRUA, r.RUATag.NameStart, r.RUATag.ValueEnd, "rua= is empty: no reports are sent", "write rua=mailto:…")
	}
	for i := range r.RUA {
		u := &r.RUA[i]
		if u.Valid() && u.Scheme != "mailto" && u.Scheme != "https" {
			u.Problems = append(u.Problems, zone.Problem{Kind: Scheme, Start: u.Start, End: u.Start + len(u.Scheme),
				Message: fmt.Sprintf("reports go to mailto: and https: only, not to %s:", u.Scheme)})
		}
		if u.Valid() && u.Size != "" {
			fix := ""
			u.Problems = append(u.Problems, zone.Problem{Kind: taglist.URISize, Start: u.SizeStart, End: u.End,
				Message: "a size limit is DMARC's: here it makes the URI unusable", Help: "drop it", Fix: &fix})
		}
		r.Problems = append(r.Problems, u.Problems...)
	}
}

// extension: RFC 8460 §3, tlsrpt-ext-name.
func extension(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i] | 0x20
		switch {
		case 'a' <= c && c <= 'z', '0' <= s[i] && s[i] <= '9':
		case i > 0 && (s[i] == '_' || s[i] == '-' || s[i] == '.'):
		default:
			return false
		}
	}
	return s != "" && len(s) <= 32
}
