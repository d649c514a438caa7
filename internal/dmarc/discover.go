package dmarc

import (
	"context"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// A Lookup answers the questions of a discovery: Lookup the TXT records at _dmarc names, Exists whether a name exists.
type Lookup interface {
	Lookup(ctx context.Context, name zone.Name, qtype uint16) zone.Answer
	Exists(ctx context.Context, name zone.Name, qtype uint16) zone.Answer
}

// A Source tells whose record gave the policy (RFC 9989 §4.10.1).
type Source uint8

const (
	// NoSource says that no record was found.
	NoSource Source = iota
	// Own is the record of the name itself.
	Own
	// Org is the record of its Organizational Domain.
	Org
	// Suffix is the record of its Public Suffix Domain.
	Suffix
)

// A Step is one question of a tree walk and what it found.
type Step struct {
	Domain zone.Name // the name without its _dmarc label
	Answer zone.Answer
	// RR and Record are the one DMARC record there; nil where there is none or more than one.
	RR     *zone.Record
	Record *Record
	// Count is the number of DMARC records there: several are discarded (RFC 9989 §4.10).
	Count int
}

// Name is the name that was asked for TXT records.
func (s *Step) Name() zone.Name { return RecordName(s.Domain) }

// Missing is a question whose answer is not at hand or failed.
type Missing struct {
	Name   zone.Name
	Type   uint16
	Answer zone.Answer
}

// A Discovery is what a receiver of RFC 9989 finds out about a name.
type Discovery struct {
	Name zone.Name // the Author Domain that was asked about

	// At is the domain whose record applies, Source whose that is, RR and Record the record itself: nil where no
	// record was found. A record can apply and still give no DMARC: then Policy is Absent.
	At     zone.Name
	Source Source
	RR     *zone.Record
	Record *Record

	// Declared is the policy that the record gives the name; Policy is what t=y leaves of it. Both are Absent where no DMARC
	// applies.
	Declared, Policy Policy
	// Tag is the tag whose value is Declared: "p", "sp" or "np"; empty where p=none holds for want of a valid p.
	Tag string

	// OrgDomain is the Organizational Domain (RFC 9989 §4.10.2).
	OrgDomain zone.Name

	// PolicyKnown and OrgKnown are false where a missing answer could change what was found. Then the fields say what holds
	// if nothing is at the missing names, and rules must not rely on it.
	PolicyKnown, OrgKnown bool

	// Steps is the way there, in the order of the questions; Missing are the questions without a usable answer.
	Steps   []Step
	Missing []Missing
}

// Applies tells whether DMARC applies to mail from the name.
func (d *Discovery) Applies() bool { return d.Policy != Absent }

// Enforces tells whether mail that fails is to be quarantined or rejected, t=y counted as one step weaker.
func (d *Discovery) Enforces() bool { return d.Policy.Enforces() }

// StepAt is the step that asked for the domain's record, nil where the walk did not ask.
func (d *Discovery) StepAt(domain zone.Name) *Step {
	for i := range d.Steps {
		if d.Steps[i].Domain == domain {
			return &d.Steps[i]
		}
	}
	return nil
}

// RecordName is the name at which a domain's DMARC record stands.
func RecordName(domain zone.Name) zone.Name { return domain.Child("_dmarc") }

// walkNames are the names that a full tree walk from name asks for, without their _dmarc label: the name itself, its
// last 7 labels when it has 8 or more, else one label less, then one less each time down to the top-level domain
// (RFC 9989 §4.10). There are at most 8.
func walkNames(name zone.Name) []zone.Name {
	if name == zone.Root {
		return nil
	}
	out := make([]zone.Name, 1, 8)
	out[0] = name
	next := name.Parent()
	if name.Count() >= 8 {
		next = name.Last(7)
	}
	for ; next != zone.Root; next = next.Parent() {
		out = append(out, next)
	}
	return out
}

// walk asks for the records of RFC 9989 §4.10, from name up, until a psd=y or psd=n ends it.
func walk(ctx context.Context, lookup Lookup, name zone.Name) []Step {
	names := walkNames(name)
	steps := make([]Step, 0, len(names))
	for _, domain := range names {
		step := ask(ctx, lookup, domain)
		steps = append(steps, step)
		if step.Record != nil && step.Record.PSD != PSDUnset {
			break
		}
	}
	return steps
}

// ask looks for the one DMARC record of a domain.
func ask(ctx context.Context, lookup Lookup, domain zone.Name) Step {
	step := Step{Domain: domain}
	if err := RecordName(domain).Check(); err != nil {
		// No query can be made for such a name, so nobody finds a record there.
		step.Answer = zone.Answer{Status: zone.NXDomain, Owner: RecordName(domain), Why: err.Error()}
		return step
	}
	step.Answer = lookup.Lookup(ctx, RecordName(domain), dns.TypeTXT)
	var found *zone.Record
	for _, rr := range step.Answer.Records {
		if rr.Type == dns.TypeTXT && IsDMARC(rr.Text.String()) {
			step.Count++
			found = rr
		}
	}
	if step.Count == 1 {
		step.RR, step.Record = found, parse(lookup, found)
	}
	return step
}

// A Parser is a Lookup that remembers parsed records, so that many discoveries share them. It must not change what it gives away.
type Parser interface {
	ParsedDMARC(*zone.Record) *Record
}

func parse(lookup Lookup, rr *zone.Record) *Record {
	if p, ok := lookup.(Parser); ok {
		return p.ParsedDMARC(rr)
	}
	return Parse(rr.Text.String())
}

// orgDomain selects the Organizational Domain from the steps of a walk (RFC 9989 §4.10.2).
func orgDomain(name zone.Name, steps []Step) zone.Name {
	fewest := name
	for i := range steps { // from the longest name to the shortest
		s := &steps[i]
		if s.Record == nil {
			continue
		}
		switch {
		case s.Record.PSD == PSDNo:
			return s.Domain
		case s.Record.PSD == PSDYes && s.Domain != name:
			return name.Last(s.Domain.Count() + 1)
		}
		fewest = s.Domain
	}
	return fewest
}

// OrgDomain finds the Organizational Domain of a name by a tree walk (RFC 9989 §4.10.2). known is false where an answer is
// missing, so that it may be another one.
func OrgDomain(ctx context.Context, lookup Lookup, name zone.Name) (org zone.Name, known bool) {
	steps := walk(ctx, lookup, name)
	return orgDomain(name, steps), len(missingOf(steps)) == 0
}

func missingOf(steps []Step) []Missing {
	var out []Missing
	for i := range steps {
		if a := steps[i].Answer; !a.Status.Known() {
			out = append(out, Missing{steps[i].Name(), dns.TypeTXT, a})
		}
	}
	return out
}

// Discover finds the policy for mail from name as RFC 9989 §4.10.1 has it: the name's own record, of which p applies; else
// the record of its Organizational Domain; else that of its Public Suffix Domain, where np applies when a query for
// the name gives NXDOMAIN, and sp when not. Where the record found gives no DMARC, discovery does not go on. It always
// makes the whole walk, for the Organizational Domain.
func Discover(ctx context.Context, lookup Lookup, name zone.Name) Discovery {
	d := Discovery{Name: name, OrgDomain: name, PolicyKnown: true, OrgKnown: true}
	if name == zone.Root {
		return d
	}
	d.Steps = walk(ctx, lookup, name)
	d.Missing = missingOf(d.Steps)
	d.OrgKnown = len(d.Missing) == 0
	d.OrgDomain = orgDomain(name, d.Steps)

	own := &d.Steps[0]
	d.PolicyKnown = d.OrgKnown || own.Record != nil
	switch {
	case own.Record != nil:
		d.take(own, Own)
	default:
		if s := d.StepAt(d.OrgDomain); s != nil && s.Record != nil {
			d.take(s, Org)
		} else if s := &d.Steps[len(d.Steps)-1]; s.Record != nil && s.Record.PSD == PSDYes {
			d.take(s, Suffix)
		}
	}
	if d.Record == nil {
		return d
	}
	policies := d.Record.Effective
	if !policies.Valid {
		return d
	}
	d.Declared, d.Tag = policies.P, policies.tag("p")
	if d.Source != Own {
		d.inherit(ctx, lookup, policies)
	}
	d.Policy = d.Declared
	if d.Record.Testing {
		d.Policy = d.Declared.Weaker()
	}
	return d
}

func (d *Discovery) take(s *Step, from Source) {
	d.At, d.Source, d.RR, d.Record = s.Domain, from, s.RR, s.Record
}

// inherit chooses between sp and np. Whether the name exists is asked only where it matters.
func (d *Discovery) inherit(ctx context.Context, lookup Lookup, policies Policies) {
	d.Declared, d.Tag = policies.SP, policies.tag("sp")
	if !policies.hasNP {
		return
	}
	a := lookup.Exists(ctx, d.Name, dns.TypeA)
	switch {
	case a.Status == zone.NXDomain:
		d.Declared, d.Tag = policies.NP, "np"
	case !a.Status.Known() && policies.NP != policies.SP:
		d.PolicyKnown = false
		d.Missing = append(d.Missing, Missing{d.Name, dns.TypeA, a})
	}
}

// Aligned tells whether an authenticated identifier (the domain of an SPF pass, or d= of a valid signature) is aligned
// with the Author Domain (RFC 9989 §4.4). orgOf gives the Organizational Domain of a name and whether it is known; it is
// asked only in relaxed mode and for different names. known is false where one of the two is not known.
func Aligned(author, identifier zone.Name, mode Mode, orgOf func(zone.Name) (zone.Name, bool)) (aligned, known bool) {
	if author == identifier {
		return true, true
	}
	if mode == Strict {
		return false, true
	}
	a, aKnown := orgOf(author)
	b, bKnown := orgOf(identifier)
	return a == b, aKnown && bKnown
}
