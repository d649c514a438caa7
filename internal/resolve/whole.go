package resolve

import (
	"fmt"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// Whole tells whether the record set of one type at name is fully known here, so that what is absent is absent.
// It is not where the name is delegated, where the other half of the zone could not be had, or where IGNORE,
// ignore_records or NO_PURGE leave room for records that nobody here knows. Why says which, for a person to read.
func (z *Zone) Whole(name zone.Name, qtype uint16) (whole bool, why string) {
	z.load()
	if cut, ok := z.Cut(name); ok && (qtype != dns.TypeDS || name != cut) {
		return false, cut.String() + " is delegated"
	}
	if why := z.halfMissing(); why != "" {
		return false, why
	}
	if why := z.left(name, qtype); why != "" {
		return false, why
	}
	return true, ""
}

// WholeUnder tells whether all records of the types at name and at any depth below it are known here, zones of
// their own excepted. Without types it asks for all of them.
func (z *Zone) WholeUnder(name zone.Name, qtypes ...uint16) (whole bool, why string) {
	z.load()
	if cut, ok := z.Cut(name); ok {
		return false, cut.String() + " is delegated"
	}
	for _, cut := range z.cuts {
		if cut.Under(name) {
			return false, cut.String() + " is delegated"
		}
	}
	if why := z.halfMissing(); why != "" {
		return false, why
	}
	if z.Domain.RestNoPurge {
		return false, noPurge
	}
	rel := name.Relative(z.Domain.Name)
	for i := range z.ignore {
		if p := &z.ignore[i]; p.reaches(rel) && p.anyType(qtypes) {
			return false, p.String()
		}
	}
	return true, ""
}

const noPurge = "NO_PURGE leaves records in the zone that nobody here knows"

// halfMissing says why the other half of the zone is not known, "" where it is or where there is none.
func (z *Zone) halfMissing() string {
	d := z.Domain
	if d.Emit != zone.EmitExtend || d.RestKnown {
		return ""
	}
	if d.RestWhy == "" {
		return "the other half of " + d.ID() + " is not known"
	}
	return d.RestWhy
}

// left says who is left room for records of the type at name.
func (z *Zone) left(name zone.Name, qtype uint16) string {
	if len(z.ignore) > 0 {
		rel := name.Relative(z.Domain.Name)
		for i := range z.ignore {
			if p := &z.ignore[i]; p.matches(rel) && p.hasType(qtype) {
				return p.String()
			}
		}
	}
	// NO_PURGE keeps what dnscontrol finds under a name and type that D() does not have (pkg/diff2/handsoff.go).
	if z.Domain.RestNoPurge && len(z.Set(name, qtype)) == 0 {
		return noPurge
	}
	return ""
}

// leftAny says who is left room for records of any type at name, which would make the name exist.
func (z *Zone) leftAny(name zone.Name) string {
	if z.Domain.RestNoPurge {
		return noPurge
	}
	if len(z.ignore) > 0 {
		rel := name.Relative(z.Domain.Name)
		for i := range z.ignore {
			if p := &z.ignore[i]; p.matches(rel) {
				return p.String()
			}
		}
	}
	return ""
}

// patterns keeps compiled globs: a fleet repeats the same few patterns in every zone.
type patterns struct {
	mu    sync.Mutex
	globs map[string]*zone.Glob
}

// A pattern is dnscontrol's IGNORE(label, types, target), compiled. It asks only whether records may be there, so
// a pattern that cannot be compiled matches everything: nothing is certain then.
type pattern struct {
	rec   zone.IgnoreRecord
	label *zone.Glob // nil: every label
	types []string   // empty: every type
}

func (ps *patterns) compile(rec zone.IgnoreRecord) pattern {
	p := pattern{rec: rec}
	// As dnscontrol does it: no separators, so "*" reaches over dots; types as written, "*" for all.
	if rec.Label != "" && rec.Label != "*" {
		p.label = ps.glob(rec.Label)
	}
	if rec.Types != "" && rec.Types != "*" {
		for t := range strings.SplitSeq(rec.Types, ",") {
			p.types = append(p.types, strings.TrimSpace(t))
		}
	}
	return p
}

func (ps *patterns) glob(s string) *zone.Glob {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	if g, ok := ps.globs[s]; ok {
		return g
	}
	g, err := zone.CompileGlob(s)
	if err != nil {
		g = nil // nothing is certain
	}
	if ps.globs == nil {
		ps.globs = map[string]*zone.Glob{}
	}
	ps.globs[s] = g
	return g
}

func (p *pattern) matches(rel string) bool { return p.label == nil || p.label.Match(rel) }

// hasType: a foreign CNAME at the name would answer for every type.
func (p *pattern) hasType(qtype uint16) bool {
	if len(p.types) == 0 {
		return true
	}
	name := zone.TypeName(qtype)
	for _, t := range p.types {
		if t == name || t == "CNAME" {
			return true
		}
	}
	return false
}

func (p *pattern) anyType(qtypes []uint16) bool {
	if len(qtypes) == 0 {
		return true
	}
	for _, t := range qtypes {
		if p.hasType(t) {
			return true
		}
	}
	return false
}

// reaches tells whether the pattern may match a label that is rel or below it. It goes by what the pattern ends
// in, and rather says yes than no.
func (p *pattern) reaches(rel string) bool {
	if rel == "@" || p.matches(rel) {
		return true
	}
	lit := p.rec.Label
	if i := strings.LastIndexAny(lit, `*?[]{}\`); i >= 0 {
		lit = lit[i+1:]
	} else {
		return strings.HasSuffix(lit, "."+rel)
	}
	below := "." + rel
	return strings.HasSuffix(lit, below) || strings.HasSuffix(below, lit)
}

func (p *pattern) String() string {
	words := p.rec.Label
	if p.rec.Types != "" {
		words += " " + p.rec.Types
	}
	if p.rec.Target != "" {
		words += " " + p.rec.Target
	}
	return fmt.Sprintf("%q is left to others", words)
}
