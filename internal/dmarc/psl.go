package dmarc

import (
	"context"

	"golang.org/x/net/publicsuffix"

	"github.com/tripod-dns/tripod/internal/zone"
)

// IsPublicSuffix tells whether the public suffix list has the name as a suffix, under which others register.
func IsPublicSuffix(name zone.Name) bool {
	if name == zone.Root {
		return false
	}
	suffix, _ := publicsuffix.PublicSuffix(string(name))
	return suffix == string(name)
}

// orgDomainPSL is the Organizational Domain by the public suffix list (RFC 7489 §3.2): the suffix and one label more, or the
// name itself where it is a suffix.
func orgDomainPSL(name zone.Name) zone.Name {
	org, err := publicsuffix.EffectiveTLDPlusOne(string(name))
	if err != nil {
		return name // it is a suffix
	}
	return zone.Name(org)
}

// DiscoverPSL finds the policy as receivers of RFC 7489 §6.6.3 do: the name's own record, of which p applies; else the record
// of the Organizational Domain by the public suffix list, of which sp applies, else p. They know neither np nor psd nor t, so
// Policy is always Declared. Several records at the name end the search without DMARC.
func DiscoverPSL(ctx context.Context, lookup Lookup, name zone.Name) Discovery {
	d := Discovery{Name: name, OrgDomain: orgDomainPSL(name), PolicyKnown: true, OrgKnown: true}
	if name == zone.Root {
		return d
	}
	d.Steps = append(d.Steps, ask(ctx, lookup, name))
	own := d.Steps[0]
	if own.Count == 0 && own.Answer.Status.Known() && d.OrgDomain != name {
		d.Steps = append(d.Steps, ask(ctx, lookup, d.OrgDomain))
	}
	d.Missing = missingOf(d.Steps)
	d.PolicyKnown = len(d.Missing) == 0
	last := &d.Steps[len(d.Steps)-1]
	if last.Record == nil {
		return d
	}
	policies := last.Record.legacy()
	tag := "p"
	if len(d.Steps) == 1 {
		d.take(last, Own)
	} else {
		d.take(last, Org)
		tag = "sp"
	}
	if !policies.Valid {
		return d
	}
	d.Declared, d.Tag = policies.P, policies.tag(tag)
	if tag == "sp" {
		d.Declared = policies.SP
	}
	d.Policy = d.Declared
	return d
}

// legacy is what the tags come to for receivers that do not know np.
func (r *Record) legacy() Policies {
	if r.Effective.Valid && !r.Effective.Defaulted {
		return r.Effective
	}
	// An invalid np is no fault for them.
	_, hasSP := r.Tag("sp")
	if r.P != Absent && (!hasSP || r.SP != Absent) {
		p := Policies{Valid: true, P: r.P, SP: r.P, NP: r.P, hasSP: hasSP}
		if hasSP {
			p.SP, p.NP = r.SP, r.SP
		}
		return p
	}
	return r.Effective
}
