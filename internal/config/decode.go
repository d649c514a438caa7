package config

import (
	"path"
	"strings"

	"github.com/tripod-dns/tripod/internal/zone"
)

// A unit is what one file holds. Its tree is given up as early as can be: of a large repository it takes more
// memory than all that is made of it.
type unit struct {
	parsed  bool
	defs    []*definition // in the order of the file
	shared  []*block      // profiles and senders
	ledgers []*block
	ps      problems
}

// A definition is one domain: its block, until the domain is made of it.
type definition struct {
	block  *block
	domain *zone.Domain
	ps     problems
	out    product
	ttls   []nameTTL
}

// A product is what comes out of a definition beside its domain.
type product struct {
	rotations []*Rotation
	flatten   map[*zone.Flatten]*flattenSite
}

// A nameTTL is the ttl that holds at a domain or subdomain, for the key ledger's records.
type nameTTL struct {
	name zone.Name
	attr *attr
}

// take takes a file's tree apart. Domains that name no profile and no sender, which may stand in any file, are made
// at once.
func (u *unit) take(ix *index, f *block) {
	u.parsed = true
	for _, b := range f.blocks {
		switch b.def {
		case defProfile, defSender:
			u.shared = append(u.shared, b)
		case defDomain:
			u.define(b, b.labels[0])
		case defDomains:
			for _, n := range b.attr("names").val.list {
				u.define(b, label{n.str(ix.fs, ""), place(n)})
			}
		case defKeys:
			u.ledgers = append(u.ledgers, b)
		}
	}
	for _, d := range u.defs {
		if independent(d.block) {
			d.build(ix)
		}
	}
}

// done tells whether nobody needs the file's bytes any more, but for showing them.
func (u *unit) done() bool {
	if !u.parsed || len(u.ps)+len(u.shared)+len(u.ledgers) > 0 {
		return false
	}
	for _, d := range u.defs {
		if d.block != nil || len(d.ps)+len(d.out.flatten) > 0 {
			return false
		}
	}
	return true
}

// alone tells whether all that a file says, which is done, is its domains.
func (u *unit) alone() bool {
	for _, d := range u.defs {
		if len(d.out.rotations) > 0 {
			return false
		}
	}
	return true
}

// define adds a domain to be made.
func (u *unit) define(b *block, name label) {
	n, err := zone.ParseName(name.text)
	switch {
	case err != nil:
		u.ps.addf(name.at, "", "domain %q: %v", name.text, err)
	case n == zone.Root || strings.ContainsAny(string(n), " \t\r\n\"'*:@") || strings.Contains(string(n), "/") && !n.Under("in-addr.arpa"): // RFC 2317 §4
		u.ps.addf(name.at, "", "%q is no domain", name.text)
	default:
		u.defs = append(u.defs, &definition{block: b, domain: &zone.Domain{Name: n, At: name.at}})
	}
}

// independent tells whether a definition needs nothing from other files.
func independent(b *block) bool {
	if b.attr("profile") != nil || b.attr("senders") != nil {
		return false
	}
	for _, sub := range b.blocks {
		if sub.def == defSubdomain && !independent(sub) {
			return false
		}
	}
	return true
}

func (d *definition) build(ix *index) {
	b := d.block
	d.block = nil
	if ix.exhausted() {
		return
	}
	j := &job{index: ix, ps: &d.ps, domain: d.domain, out: &d.out}
	j.build(b)
	d.ttls = j.ttls
	ix.faults.Add(int64(len(d.ps)))
}

// decode makes the model of what all files hold.
func (l *loader) decode(ix *index, units []*unit) {
	var defs []*definition
	complete := true
	for _, u := range units {
		l.ps = append(l.ps, u.ps...)
		complete = complete && u.parsed
		for _, b := range u.shared {
			m := ix.profiles
			if b.def == defSender {
				m = ix.senders
			}
			name := b.labels[0]
			if first := m[name.text]; first != nil {
				twice(&l.ps, ix.fs, describe(b), first.labels[0].at, name.at)
				continue
			}
			m[name.text] = b
		}
		defs = append(defs, u.defs...)
	}
	if complete { // else a profile in a file with an error would be reported as missing
		// Work never fails: what is wrong becomes a problem.
		_ = parallel(len(defs), func(i int) error {
			if defs[i].block != nil {
				defs[i].build(ix)
			}
			return nil
		})
	}
	for _, d := range defs {
		l.ps = append(l.ps, d.ps...)
	}
	if ix.spent.Load() > maxModel {
		l.ps.addf(zone.Span{File: 1}, "", "the definitions come to more than %d MiB of records", maxModel>>20)
		return
	}
	if !complete {
		return
	}
	first := make(map[string]zone.Span, len(defs))
	for _, d := range defs {
		if at, ok := first[d.domain.ID()]; ok {
			twice(&l.ps, ix.fs, "domain "+d.domain.ID(), at, d.domain.At)
			continue
		}
		first[d.domain.ID()] = d.domain.At
		l.repo.Domains = append(l.repo.Domains, d.domain)
		l.repo.Rotations = append(l.repo.Rotations, d.out.rotations...)
		for f, site := range d.out.flatten {
			l.repo.flatten[f] = site
		}
	}
	l.addLedgers(ix, units, defs)
	var finder conflictFinder
	found := make([]problems, len(l.repo.Domains))
	_ = parallel(len(found), func(i int) error { // never fails
		finder.conflicts(l.repo.Domains[i], &found[i])
		return nil
	})
	for _, ps := range found {
		l.ps = append(l.ps, ps...)
	}
}

// addLedgers decodes the key ledgers and adds their records to the domains that they belong to: every view (tag)
// of the most specific domain at or above the ledger's name.
func (l *loader) addLedgers(ix *index, units []*unit, defs []*definition) {
	fs := l.repo.Files
	byName := make(map[zone.Name][]*definition)
	for _, d := range defs {
		byName[d.domain.Name] = append(byName[d.domain.Name], d)
	}
	first := make(map[zone.Name]zone.Span)
	for _, u := range units {
		for _, b := range u.ledgers {
			led := decodeLedger(b, fs, &l.ps)
			if led == nil {
				continue
			}
			if at, ok := first[led.Domain]; ok {
				twice(&l.ps, fs, "the key ledger of "+led.Domain.String(), at, led.At)
				continue
			}
			first[led.Domain] = led.At
			if want := string(led.Domain) + ".hcl"; path.Base(fs.Path(b.kw.File)) != want {
				l.ps.addf(led.At, "", "the key ledger of %s stands in %s, not in %s", led.Domain, fs.Path(b.kw.File), path.Join(l.repo.Settings.Keys, want))
				continue
			}
			l.repo.Ledgers = append(l.repo.Ledgers, led)
			at := led.Domain
			for len(byName[at]) == 0 && at != zone.Root {
				at = at.Parent()
			}
			if len(byName[at]) == 0 {
				l.ps.addf(led.At, "keys are withdrawn before their domain goes: see dkim_rotation { retire = true }", "no definition has the domain %s of this key ledger", led.Domain)
				continue
			}
			for _, d := range byName[at] {
				j := &job{index: ix, ps: &l.ps, domain: d.domain}
				ttl := d.ttl(led.Domain)
				led.publish(b, d.domain, func(r *zone.Record) { j.ttl(r, nil, ttl) }, fs, &l.ps)
			}
		}
	}
}

// ttl is the ttl of the subdomain of that name, or else of the domain.
func (d *definition) ttl(name zone.Name) *attr {
	var domain *attr
	for _, t := range d.ttls {
		switch t.name {
		case name:
			return t.attr
		case d.domain.Name:
			domain = t.attr
		}
	}
	return domain
}
