// Package mtasts reads MTA-STS records and policy files (RFC 8461 §3).
package mtasts

import (
	"fmt"
	"strings"

	"github.com/tripod-dns/tripod/internal/taglist"
	"github.com/tripod-dns/tripod/internal/zone"
)

// Labels of the record, and of the host that serves the policy file, below the policy domain.
const (
	Label = "_mta-sts"
	Host  = "mta-sts"
)

// Kinds of problems in a record. The kinds of package taglist come besides.
const (
	Version = "version"       // the record does not begin with "v=STSv1;": it is discarded
	NoID    = "no-id"         // no id=
	BadID   = "bad-id"        // not 1 to 32 letters and digits
	BadExt  = "bad-extension" // a tag besides v and id whose name or value the grammar does not allow
)

// A Record is a parsed record. Any problem in it may leave the domain without a policy.
type Record struct {
	List     *taglist.List
	Problems []zone.Problem // in the order of the text
	ID       string
	IDTag    taglist.Tag
	HasID    bool
}

// Meant tells whether a text was meant as such a record.
func Meant(text string) bool {
	t := strings.TrimLeft(text, " \t\"")
	return len(t) >= 5 && strings.EqualFold(t[:5], "v=STS")
}

// Parse reads the text of a record. It never fails: what is wrong is in Problems.
func Parse(text string) *Record {
	l := taglist.Parse(text)
	r := &Record{List: l}
	for _, p := range l.Problems {
		if p.Kind == taglist.BadName && extension(text[p.Start:p.End]) {
			continue // RFC 8461 §3.1 allows more in the names of extensions
		}
		if p.Kind == taglist.Duplicate {
			name, _, _ := strings.Cut(text[p.Start:p.End], "=")
			p.Message = fmt.Sprintf("the tag %q is there twice: senders may read either, or discard the record", strings.TrimSpace(name))
		}
		r.Problems = append(r.Problems, p)
	}
	r.version(text)
	r.id(text)
	r.extensions()
	taglist.Sort(r.Problems)
	return r
}

// String gives the bytes that were parsed.
func (r *Record) String() string { return r.List.String() }

func (r *Record) problem(kind string, start, end int, msg, help string) *zone.Problem {
	r.Problems = append(r.Problems, zone.Problem{Kind: kind, Start: start, End: end, Message: msg, Help: help})
	return &r.Problems[len(r.Problems)-1]
}

func (r *Record) version(text string) {
	const v = "v=STSv1"
	tags := r.List.Tags
	if strings.HasPrefix(text, v) && len(tags) > 0 && tags[0].Unescaped() == "STSv1" {
		return
	}
	const msg = "the record does not begin with v=STSv1; – it is discarded (RFC 8461 §3.1)"
	for i, t := range tags {
		if !strings.EqualFold(t.Name, "v") {
			continue
		}
		switch {
		case i > 0:
			r.problem(Version, t.NameStart, t.ValueEnd, msg, "move v=STSv1 to the front")
		case t.NameStart > 0:
			r.problem(Version, 0, t.NameStart, msg, "delete what stands before it")
		case strings.EqualFold(t.Unescaped(), "STSv1"):
			fix := v
			r.problem(Version, t.NameStart, t.ValueStart+len(t.Unescaped()), msg, "write v=STSv1").Fix = &fix
		case strings.HasPrefix(t.Value, "STSv1"):
			r.problem(Version, t.ValueStart, t.ValueEnd, msg, "a semicolon is missing behind v=STSv1")
		default:
			r.problem(Version, t.NameStart, max(t.NameEnd, t.ValueEnd), msg, "write v=STSv1")
		}
		return
	}
	r.problem(Version, 0, len(text), msg, "write v=STSv1; id=…")
}

func (r *Record) id(text string) {
	t, ok := r.List.Get("id")
	if !ok {
		for _, t := range r.List.Tags {
			if strings.EqualFold(t.Name, "id") {
				r.problem(NoID, t.NameStart, t.NameEnd, fmt.Sprintf("%s= is not id=: the record has no effect", t.Name), "write id=")
				return
			}
		}
		for _, p := range r.Problems {
			if p.Kind == taglist.MissingEquals || p.Kind == Version {
				return // the cause of it
			}
		}
		r.problem(NoID, 0, len(text), "no id=: the record has no effect", "write id= and 1 to 32 letters and digits, others whenever the policy changes")
		return
	}
	r.HasID, r.IDTag, r.ID = true, t, t.Unescaped()
	switch {
	case r.ID == "":
		r.problem(BadID, t.NameStart, t.ValueEnd, "id= is empty: the record has no effect", "write 1 to 32 letters and digits")
	case len(r.ID) > 32:
		r.problem(BadID, t.ValueStart, t.ValueStart+len(r.ID), fmt.Sprintf("id= has %d characters, the limit is 32 (RFC 8461 §3.1)", len(r.ID)), "")
	default:
		for i := 0; i < len(r.ID); i++ {
			if !alnum(r.ID[i]) {
				r.problem(BadID, t.ValueStart, t.ValueStart+len(r.ID), "id= holds something else than letters and digits: senders may discard the record (RFC 8461 §3.1)", "")
				return
			}
		}
	}
}

// extensions checks the tags besides v and id, which senders ignore as long as they keep to the grammar (sts-extension).
func (r *Record) extensions() {
	for _, t := range r.List.Tags {
		if strings.EqualFold(t.Name, "v") || strings.EqualFold(t.Name, "id") {
			continue
		}
		v := t.Unescaped()
		switch {
		case len(t.Name) > 32:
			r.problem(BadExt, t.NameStart, t.NameEnd, fmt.Sprintf("%s has %d characters, the limit is 32: senders may discard the record (RFC 8461 §3.1)", t.Name, len(t.Name)), "")
		case v == "":
			r.problem(BadExt, t.NameStart, t.ValueEnd, fmt.Sprintf("%s= is empty: senders may discard the record (RFC 8461 §3.1)", t.Name), "drop it")
		case strings.ContainsFunc(v, func(c rune) bool { return c <= ' ' || c > '~' || c == '=' }):
			r.problem(BadExt, t.ValueStart, t.ValueStart+len(v), fmt.Sprintf("%s= holds a character that may not stand there: senders may discard the record (RFC 8461 §3.1)", t.Name), "drop it")
		}
	}
}

func alnum(c byte) bool {
	return 'a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9'
}

// extension: RFC 8461 §3.1, sts-ext-name.
func extension(s string) bool {
	for i := 0; i < len(s); i++ {
		if !alnum(s[i]) && (i == 0 || s[i] != '_' && s[i] != '-' && s[i] != '.') {
			return false
		}
	}
	return s != "" && len(s) <= 32
}
