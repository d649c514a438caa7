// Package bimi reads BIMI assertion records (draft-brand-indicators-for-message-identification §4.2).
package bimi

import (
	"fmt"
	"path"
	"strings"

	"github.com/tripod-dns/tripod/internal/taglist"
	"github.com/tripod-dns/tripod/internal/zone"
)

// Label is the label below which assertion records stand, each at its selector.
const Label = "_bimi"

// Kinds of problems. The kinds of package taglist come besides. Each of them may keep the logo from being shown, and
// does no other harm.
const (
	Version = "version" // the record does not begin with v=BIMI1
	NoL     = "no-l"    // no l=
	BadL    = "bad-l"   // l= is no https URI of an SVG
	BadA    = "bad-a"   // a= is no https URI of a PEM file
	BadAVP  = "bad-avp" // avp= is neither brand nor personal
	BadLPS  = "bad-lps" // lps= holds something else than letters, digits, hyphens and commas
)

// A Record is a parsed record.
type Record struct {
	List     *taglist.List
	Problems []zone.Problem // in the order of the text
	L, A     string
	LHost    zone.Name // the host that serves the logo; "" where there is none
	AHost    zone.Name
	LTag     taglist.Tag
	ATag     taglist.Tag
	HasL     bool
	HasA     bool
}

// Meant tells whether a text was meant as such a record.
func Meant(text string) bool {
	t := strings.TrimLeft(text, " \t\"")
	return len(t) >= 6 && strings.EqualFold(t[:6], "v=BIMI")
}

// Parse reads a text. It never fails: what is wrong is in Problems.
func Parse(text string) *Record {
	l := taglist.Parse(text)
	r := &Record{List: l, Problems: l.Problems}
	r.version(text)
	for _, t := range l.Tags {
		switch t.Name {
		case "l":
			if !r.HasL {
				r.HasL, r.LTag, r.L = true, t, t.Unescaped()
				r.LHost = r.uri(BadL, t, ".svg", ".svgz")
			}
		case "a":
			if !r.HasA {
				r.HasA, r.ATag, r.A = true, t, t.Unescaped()
				if r.A != "self" {
					r.AHost = r.uri(BadA, t, ".pem")
				}
			}
		case "avp":
			r.avp(t)
		case "lps":
			r.lps(t)
		}
	}
	if !r.HasL && !r.caused() {
		r.problem(NoL, 0, len(text), "no l=: there is no logo to show", "write l= and the https address of the SVG, or l=; to decline")
	}
	taglist.Sort(r.Problems)
	return r
}

// String gives the bytes that were parsed.
func (r *Record) String() string { return r.List.String() }

// Declines tells whether the record says that there is no logo: an empty l=, and no a=.
func (r *Record) Declines() bool { return r.HasL && r.L == "" && r.A == "" }

func (r *Record) caused() bool {
	for _, p := range r.Problems {
		if p.Kind == taglist.MissingEquals || p.Kind == Version {
			return true
		}
	}
	return false
}

func (r *Record) problem(kind string, start, end int, msg, help string) *zone.Problem {
	r.Problems = append(r.Problems, zone.Problem{Kind: kind, Start: start, End: end, Message: msg, Help: help})
	return &r.Problems[len(r.Problems)-1]
}

func (r *Record) version(text string) {
	const msg = "the record does not begin with v=BIMI1: it is ignored"
	tags := r.List.Tags
	if len(tags) > 0 && tags[0].Name == "v" && tags[0].NameStart == 0 && tags[0].Unescaped() == "BIMI1" {
		return
	}
	for i, t := range tags {
		if !strings.EqualFold(t.Name, "v") {
			continue
		}
		switch {
		case i > 0:
			r.problem(Version, t.NameStart, t.ValueEnd, msg, "move v=BIMI1 to the front")
		case t.NameStart > 0:
			r.problem(Version, 0, t.NameStart, msg, "delete what stands before it")
		case strings.EqualFold(t.Unescaped(), "BIMI1"):
			fix := "v=BIMI1"
			r.problem(Version, t.NameStart, t.ValueStart+len(t.Unescaped()), msg, "write v=BIMI1").Fix = &fix
		case strings.HasPrefix(t.Value, "BIMI1"):
			r.problem(Version, t.ValueStart, t.ValueEnd, msg, "a semicolon is missing behind v=BIMI1")
		default:
			r.problem(Version, t.NameStart, max(t.NameEnd, t.ValueEnd), msg, "write v=BIMI1")
		}
		return
	}
	r.problem(Version, 0, len(text), msg, "write v=BIMI1; l=https://…")
}

// uri reads l= or a=: empty, or one https URI whose path does not end in some other file type.
func (r *Record) uri(kind string, t taglist.Tag, types ...string) zone.Name {
	v := t.Unescaped()
	if v == "" {
		return ""
	}
	start, end := t.ValueStart, t.ValueStart+len(v)
	if strings.ContainsRune(v, ',') && strings.Count(strings.ToLower(v), "https://") > 1 {
		r.problem(kind, start, end, fmt.Sprintf("%s= holds more than one address", t.Name), "keep one")
		return ""
	}
	if i := strings.IndexByte(v, ','); i >= 0 {
		fix := "%2C"
		r.problem(kind, start+i, start+i+1, fmt.Sprintf("%s= holds a comma, which has to be encoded", t.Name), "write %2C").Fix = &fix
	}
	us := taglist.ParseURIs(strings.ReplaceAll(v, ",", "."), start) // one address, its commas are reported
	u := us[0]
	switch {
	case u.Scheme == "":
		r.problem(kind, start, end, fmt.Sprintf("%s= is no https address", t.Name), "write https://…")
		return ""
	case u.Scheme != "https":
		r.problem(kind, start, start+len(u.Scheme), fmt.Sprintf("%s= has to be fetched over https, not %s", t.Name, u.Scheme), "write https://…")
		return ""
	case !u.Valid():
		p := u.Problems[0]
		r.problem(kind, p.Start, p.End, p.Message, p.Help)
		return ""
	}
	from := strings.Index(v, "://") + 3
	file := v[from:]
	if i := strings.IndexAny(file, "?#"); i >= 0 {
		file = file[:i]
	}
	if i := strings.IndexByte(file, '/'); i >= 0 {
		ext := strings.ToLower(path.Ext(file[i:]))
		known := ext == ""
		for _, want := range types {
			known = known || ext == want
		}
		if !known {
			at := start + from + len(file)
			r.problem(kind, at-len(ext), at, fmt.Sprintf("%s= has to be %s, this is %s", t.Name, map[string]string{"l": "an SVG", "a": "a PEM file"}[t.Name], ext), "")
		}
	}
	n, err := zone.ParseName(u.Host)
	if err != nil {
		return ""
	}
	if n.Count() < 2 {
		at := start + from + max(0, strings.Index(strings.ToLower(v[from:]), u.Host))
		r.problem(kind, at, at+len(u.Host), fmt.Sprintf("%s= needs a host with its full name", t.Name), "write https:// and the whole name of the host")
		return ""
	}
	return n
}

func (r *Record) avp(t taglist.Tag) {
	v := t.Unescaped()
	if v == "brand" || v == "personal" {
		return
	}
	start, end := t.ValueStart, t.ValueStart+len(v)
	if v == "" {
		start = t.NameStart
	}
	help := "write brand or personal"
	if c := taglist.Closest(v, "brand", "personal"); c != "" {
		help = "did you mean " + c + "?"
	}
	r.problem(BadAVP, start, end, "avp= is neither brand nor personal", help)
}

func (r *Record) lps(t taglist.Tag) {
	v := t.Unescaped()
	for i := 0; i < len(v); i++ {
		c := v[i] | 0x20
		switch {
		case 'a' <= c && c <= 'z', '0' <= v[i] && v[i] <= '9', v[i] == '-', v[i] == ',', v[i] == ' ', v[i] == '\t':
		default:
			r.problem(BadLPS, t.ValueStart, t.ValueStart+len(v), "lps= may hold letters, digits and hyphens, separated by commas", "")
			return
		}
	}
}
