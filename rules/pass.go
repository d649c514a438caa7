package rules

import (
	"context"
	"time"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/resolve"
	"github.com/tripod-dns/tripod/internal/zone"
)

// A Pass is one rule's view of one domain.
type Pass struct {
	Domain *zone.Domain
	Zone   *resolve.Zone // its records: definition and other half
	Now    time.Time

	rule *Rule
	dom  *domainRun
	run  *run
}

// A FleetPass is one rule's view of all domains.
type FleetPass struct {
	Now time.Time

	rule *Rule
	run  *run
	out  []Finding
	last *domainRun // the domain that was asked for last
}

// Context ends when the run is cancelled.
func (p *Pass) Context() context.Context { return p.run.ctx }

// Param is the rule's own setting.
func (p *Pass) Param(name string) int { return p.run.in.Settings.Param(p.rule, name) }

// BulkSender tells whether the configuration names a name, or one above it, among the bulk senders.
func (p *Pass) BulkSender(name zone.Name) bool {
	if len(p.run.in.Settings.BulkSenders) == 0 {
		return false
	}
	for ; name != zone.Root; name = name.Parent() {
		if p.run.in.Settings.BulkSenders[name] {
			return true
		}
	}
	return false
}

// Lookup asks what a name answers after the merge. at is the place in the source that leads to the question.
// An answer that is not at hand is noted: the rule then counts as not checked for this domain.
func (p *Pass) Lookup(name zone.Name, qtype uint16, at zone.Span) zone.Answer {
	a := p.dom.world.Lookup(p.run.ctx, name, qtype)
	p.noteAnswer(a, name, qtype, at)
	return a
}

// Exists asks whether a name has records of a type.
func (p *Pass) Exists(name zone.Name, qtype uint16, at zone.Span) zone.Answer {
	a := p.dom.world.Exists(p.run.ctx, name, qtype)
	p.noteAnswer(a, name, qtype, at)
	return a
}

// HasAddress asks for A and AAAA: whether either exists, and whether that is known.
func (p *Pass) HasAddress(name zone.Name, at zone.Span) (has, known bool, status zone.Status) {
	a := p.Exists(name, dns.TypeA, at)
	if a.Status == zone.Found {
		return true, true, zone.Found
	}
	b := p.Exists(name, dns.TypeAAAA, at)
	switch {
	case b.Status == zone.Found:
		return true, true, zone.Found
	case !a.Status.Known() || !b.Status.Known():
		return false, false, zone.Unknown
	case a.Status == zone.NXDomain && b.Status == zone.NXDomain:
		return false, true, zone.NXDomain
	}
	return false, true, zone.NoData
}

func (p *Pass) noteAnswer(a zone.Answer, name zone.Name, qtype uint16, at zone.Span) {
	if !a.Status.Known() {
		owner := a.Owner // the link of a CNAME chain that is not at hand
		if owner == "" {
			owner = name
		}
		p.Missing(owner, qtype, a, at)
	}
}

// Missing notes that the rule needed an answer that is not at hand. The grammar packages' evaluators name what they
// lacked; rules hand that on here.
func (p *Pass) Missing(name zone.Name, qtype uint16, a zone.Answer, at zone.Span) {
	if at.IsZero() {
		at = p.Domain.At
	}
	p.dom.missing = append(p.dom.missing, Missing{
		Rule: p.rule.ID, Severity: p.rule.Severity, Domain: p.Domain.Name, Name: name, Type: qtype,
		Failed: a.Status == zone.Failed, Why: a.Why, At: at,
	})
}

// World answers questions without noting what is missing: for the evaluators of the grammar packages, which say
// themselves what they lacked. Rules that use it call Missing.
func (p *Pass) World() zone.Lookup { return p.dom.world }

// Whole tells whether the record set is known in full, so that a rule may conclude from what is not there. Where it is
// not, the rule counts as not checked for this domain, with the reason.
func (p *Pass) Whole(name zone.Name, qtype uint16) bool {
	ok, why := p.Zone.Whole(name, qtype)
	if !ok {
		p.NotChecked(why)
	}
	return ok
}

// NotChecked notes that the rule could not be checked for this domain.
func (p *Pass) NotChecked(reason string) {
	p.dom.notChecked = append(p.dom.notChecked, notChecked{p.rule.ID, reason})
}

// Report adds a finding. What it leaves out is filled in: rule, reference, domain; the place (the domain's
// label); the name (the domain's).
func (p *Pass) Report(f Finding) {
	p.dom.findings = append(p.dom.findings, finish(f, p.rule, p.Domain))
}

func finish(f Finding, r *Rule, d *zone.Domain) Finding {
	f.Rule = r.ID
	if f.Reference == "" {
		f.Reference = r.Reference
	}
	if f.Severity == Default {
		f.Severity = r.Severity
	}
	if f.Third && f.Severity == Warning {
		f.Severity = Info
	}
	if d != nil {
		f.Domain, f.Tag = d.Name, d.Tag
		if f.At.IsZero() {
			f.At = d.At
		}
	}
	if f.Name == "" {
		f.Name = f.Domain
	}
	return f
}

// ReportRecord adds a finding about a whole record.
func (p *Pass) ReportRecord(rec *zone.Record, f Finding) {
	p.Report(atRecord(rec, f))
}

// ReportText adds a finding about bytes [start, end) of a TXT record's text.
func (p *Pass) ReportText(rec *zone.Record, start, end int, f Finding) {
	p.Report(atText(rec, start, end, f))
}

func atRecord(rec *zone.Record, f Finding) Finding {
	f.Name, f.Type = rec.Name, rec.TypeName()
	if f.At.IsZero() {
		f.At = rec.At
		if f.At.IsZero() {
			f.At = rec.Text.Whole()
		}
	}
	if f.At.IsZero() && rec.Origin == zone.Rest && f.Note == "" {
		f.Note = "the record is in dnsconfig.js"
	}
	return f
}

func atText(rec *zone.Record, start, end int, f Finding) Finding {
	if f.Term == "" {
		s := rec.Text.String()
		f.Term = s[min(max(start, 0), len(s)):min(max(end, start, 0), len(s))]
	}
	f.At = rec.TextSpan(start, end)
	return atRecord(rec, f)
}

// Domains are all domains of the repository, in file order.
func (p *FleetPass) Domains() []*zone.Domain { return p.run.in.Domains }

// Pass is a domain's Pass for the same rule: its views, and its findings' place. The views are kept until another domain's
// Pass is asked for; then they are made again where they are wanted.
func (p *FleetPass) Pass(d *zone.Domain) *Pass {
	dom := p.run.domains[d]
	if p.last != nil && p.last != dom {
		p.last.views = views{}
	}
	p.last = dom
	return &Pass{Domain: d, Zone: dom.zone, Now: p.Now, rule: p.rule, dom: dom, run: p.run}
}
