package rules

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/dmarc"
	"github.com/tripod-dns/tripod/internal/taglist"
	"github.com/tripod-dns/tripod/internal/zone"
)

// Policies that receivers do not find where they look, or find too many of.

// wholeAt is the place of a whole record: its text, or the block that it is put together from.
func wholeAt(rr *zone.Record) zone.Span {
	if rr.Raw || rr.Block == "record" {
		return rr.Text.Whole()
	}
	return rr.At
}

// reportWhole adds a finding about a whole record.
func (p *Pass) reportWhole(rr *zone.Record, f Finding) {
	f.At = wholeAt(rr)
	f.Term = rr.Text.String()
	p.ReportRecord(rr, f)
}

var dmarcMultiple = &Rule{
	ID:        "dmarc-multiple",
	Severity:  Error,
	Summary:   "Several DMARC records at one name: receivers discard all of them",
	Reference: "RFC 9989 §4.10",
	Whole:     true,
	Domain: func(p *Pass) {
		for _, pl := range p.dmarcPlaces() {
			if pl.count < 2 || pl.texts[0].shared {
				if pl.count == 1 && pl.cname == nil {
					p.Whole(pl.name, dns.TypeTXT)
				}
				continue
			}
			var all []*dmarcText
			for _, t := range pl.texts {
				if t.rec.IsRecord {
					all = append(all, t)
				}
			}
			f := Finding{
				Message: fmt.Sprintf("%d DMARC records at %s: receivers discard all of them%s", len(all), pl.name, p.whatApplies(pl.owner)),
				Help:    "keep one",
			}
			// The one to point at is the last one that stands in the definitions.
			last := all[len(all)-1]
			for _, t := range all {
				if !wholeAt(t.rr).IsZero() {
					last = t
				}
			}
			for _, t := range all {
				if t == last || t.third || t.shared {
					continue
				}
				rel := Related{At: wholeAt(t.rr), Message: "another one"}
				if rel.At.IsZero() {
					rel.Message = "another one is in dnsconfig.js"
				}
				f.Related = append(f.Related, rel)
			}
			if last.third {
				p.reportDMARC(last, 0, last.rr.Text.Len(), f)
				continue
			}
			p.reportWhole(last.rr, f)
		}
	},
}

// whatApplies is the end of a message: the policy that is left when a name's own records do not count.
func (p *Pass) whatApplies(owner zone.Name) string {
	d := p.Policy(owner)
	switch {
	case !d.PolicyKnown:
		return ""
	case d.Applies():
		return fmt.Sprintf(", and %s of %s applies", d.Policy, d.At)
	}
	return ", and no policy is left"
}

var dmarcLocation = &Rule{
	ID:        "dmarc-location",
	Severity:  Error,
	Summary:   "A DMARC record stands at a name at which receivers do not look",
	Reference: "RFC 9989 §4.10.1",
	Domain: func(p *Pass) {
		for _, rr := range p.Zone.Records() {
			if rr.Type != dns.TypeTXT {
				continue
			}
			text := rr.Text.String()
			if !dmarc.IsDMARC(text) && !hasPrefixFold(text, "v=dmarc1") {
				continue
			}
			owner, ok := p.meantFor(rr.Name)
			if !ok || p.leadsTo(rr.Name) {
				continue
			}
			if _, cut := p.Zone.Cut(rr.Name); cut {
				continue
			}
			at := dmarc.RecordName(owner)
			f := Finding{
				Message: fmt.Sprintf("receivers look for the policy at %s, not at %s: this one is ignored", at, rr.Name),
				Help:    fmt.Sprintf("write it as %s", at),
			}
			if apex := p.Domain.Name; rr.NameAt != (zone.Span{}) && p.doubled(rr.Name) {
				f.Help = fmt.Sprintf("labels are relative to %s: write %q", apex, at.Relative(apex))
			}
			if d := p.Policy(owner); d.Source == dmarc.Own && d.Record.Effective.Valid {
				f.Severity = Warning
				f.Help = "delete it: " + at.String() + " has a policy"
			}
			if !rr.NameAt.IsZero() {
				f.Related = []Related{{At: rr.NameAt, Message: "the name is given here"}}
			}
			p.reportWhole(rr, f)
		}
	},
}

// meantFor tells for which mail domain a policy at a wrong name was meant: one at the apex or at another name with mail of
// its own, one under "dmarc.", one whose name has the zone's name twice, or one at "_dmarc.*".
func (p *Pass) meantFor(name zone.Name) (owner zone.Name, ok bool) {
	apex := p.Domain.Name
	first, parent := name.Cut()
	switch {
	case name.IsWildcard(), dmarc.IsPermissionName(name):
		return "", false
	case p.doubled(name):
		// example.com.example.com: a final dot was forgotten, or the zone's name written where a label was wanted.
		owner = name[:len(name)-len(apex)-1]
		if strings.EqualFold(owner.First(), "_dmarc") || strings.EqualFold(owner.First(), "dmarc") {
			owner = owner.Parent()
		}
		return owner, owner.Under(apex)
	case first == "_dmarc" && parent.IsWildcard():
		return parent.Parent(), true // a * behind another label stands for itself (RFC 4592 §2.1.1)
	case first == "_dmarc":
		return "", false
	case (first == "dmarc" || nearly(first)) && parent.Under(apex):
		return parent, true
	case name == apex:
		return name, true
	case !name.HasUnderscore() && (len(p.SPFSet(name)) > 0 || len(p.Zone.Set(name, dns.TypeMX)) > 0):
		return name, true
	}
	return "", false
}

// nearly tells whether a label is _dmarc misspelt: _dmarcs, __dmarc, _drmac.
func nearly(label string) bool {
	return strings.HasPrefix(label, "_") && taglist.Closest(label, "_dmarc") != ""
}

// leadsTo tells whether a CNAME of the repository leads to the name: policies are handed out this way from any name.
func (p *Pass) leadsTo(name zone.Name) bool {
	c := &p.run.cache.dmarc
	c.targets.Do(func() {
		c.cnames = map[zone.Name]bool{}
		for _, d := range p.run.in.Domains {
			for _, half := range [2][]*zone.Record{d.Records, d.Rest} {
				for _, rr := range half {
					if rr.Type == dns.TypeCNAME {
						c.cnames[rr.Target] = true
					}
				}
			}
		}
	})
	return c.cnames[name]
}

var dmarcMissing = &Rule{
	ID:        "dmarc-missing",
	Severity:  Error,
	Summary:   "No DMARC policy reaches a mail domain: anyone can send in its name",
	Reference: "RFC 9989 §5.1.4",
	Whole:     true,
	Domain: func(p *Pass) {
		var bare []zone.Name
		severity := Warning
		for _, name := range p.MailDomains() {
			d, known := p.policyOf(name, zone.Span{})
			if !known || d.Applies() || d.Record != nil || p.dmarcExplained(name) || p.saidByUnprotected(name) {
				continue
			}
			bare = append(bare, name)
			if p.Sends(name) != No || p.takesMail(name) {
				severity = Error
			}
		}
		if len(bare) == 0 {
			return
		}
		f := Finding{Severity: severity, Name: bare[0], Type: "TXT",
			Message: fmt.Sprintf("no DMARC policy reaches %s: receivers treat mail that only claims to come from there like any other", nameList(bare)),
			Help:    fmt.Sprintf("begin with %s TXT \"v=DMARC1; p=none; rua=mailto:…\", read the reports, then write quarantine or reject", dmarc.RecordName(bare[0])),
		}
		if severity == Warning {
			f.Help = fmt.Sprintf("nothing sends there, and no MX takes mail: write %s TXT \"v=DMARC1; p=reject\"", dmarc.RecordName(bare[0]))
		}
		p.Report(p.Bulk(f, "a DMARC policy"))
	},
}

// dmarcExplained tells whether another rule says why a name has no policy. What is wrong with a record of a name above says
// it too: once that is mended, it is the Organizational Domain's and reaches the name.
func (p *Pass) dmarcExplained(name zone.Name) bool {
	for _, pl := range p.dmarcPlaces() {
		if !name.Under(pl.owner) {
			continue
		}
		if pl.count > 0 || pl.cname != nil {
			return true // dmarc-multiple, dmarc-cname
		}
		for _, t := range pl.texts {
			if dmarc.Meant(t.rr.Text.String()) {
				return true // dmarc-syntax
			}
		}
	}
	for _, rr := range p.Zone.Records() {
		if rr.Type == dns.TypeTXT && hasPrefixFold(rr.Text.String(), "v=dmarc1") {
			if owner, ok := p.meantFor(rr.Name); ok && name.Under(owner) {
				return true // dmarc-location
			}
		}
	}
	return false
}

// takesMail tells whether a name has an MX that takes mail (RFC 7505: "." takes none).
func (p *Pass) takesMail(name zone.Name) bool {
	for _, rr := range p.Zone.Set(name, dns.TypeMX) {
		if rr.Target != zone.Root {
			return true
		}
	}
	return false
}

// nameList names up to three names.
func nameList(names []zone.Name) string {
	var b strings.Builder
	for i, n := range names {
		switch {
		case i == 3:
			fmt.Fprintf(&b, " and %d more", len(names)-i)
			return b.String()
		case i > 0 && i == len(names)-1:
			b.WriteString(" and ")
		case i > 0:
			b.WriteString(", ")
		}
		b.WriteString(n.String())
	}
	return b.String()
}

var dmarcCNAME = &Rule{
	ID:        "dmarc-cname",
	Severity:  Error,
	Summary:   "A CNAME at _dmarc leads to no policy",
	Reference: "RFC 9989 §4.10.1",
	Domain: func(p *Pass) {
		for _, pl := range p.dmarcPlaces() {
			if pl.cname == nil {
				continue
			}
			a := p.Lookup(pl.name, dns.TypeTXT, pl.cname.At)
			if !a.Status.Known() {
				continue
			}
			end := pl.cname.Target
			if a.Owner != "" {
				end = a.Owner
			}
			f := Finding{Help: "ask whoever keeps the target, or write the policy here as a TXT record"}
			switch a.Status {
			case zone.NXDomain:
				f.Message = fmt.Sprintf("%s does not exist: the CNAME leads to no policy%s", end, p.whatApplies(pl.owner))
			case zone.NoData:
				f.Message = fmt.Sprintf("%s has no TXT record: the CNAME leads to no policy%s", end, p.whatApplies(pl.owner))
			default:
				if len(a.Records) == 0 || anyDMARC(a.Records) {
					continue // there is one, or it is broken, which dmarc-syntax says
				}
				f.Message = fmt.Sprintf("no TXT record of %s is a DMARC policy: the CNAME leads to none%s", end, p.whatApplies(pl.owner))
			}
			p.ReportRecord(pl.cname, f)
		}
	},
}

func anyDMARC(recs []*zone.Record) bool {
	for _, rr := range recs {
		if s := rr.Text.String(); dmarc.IsDMARC(s) || dmarc.Meant(s) {
			return true
		}
	}
	return false
}

var dmarcWildcard = &Rule{
	ID:        "dmarc-wildcard",
	Severity:  Error,
	Summary:   "A wildcard TXT answers at the _dmarc names below it",
	Reference: "RFC 9989 §4.10",
	Whole:     true,
	Domain: func(p *Pass) {
		p.Whole(p.Domain.Name.Child("*"), dns.TypeTXT)
		said := zone.Name("")
		for _, rr := range p.Zone.Records() {
			if rr.Type != dns.TypeTXT || !rr.Name.IsWildcard() || dmarc.IsPermissionName(rr.Name) {
				continue
			}
			parent := rr.Name.Parent()
			if _, cut := p.Zone.Cut(rr.Name); cut {
				continue
			}
			if dmarc.IsDMARC(rr.Text.String()) {
				f := Finding{Help: "write the policy at the _dmarc name that it is for: it reaches the names below by itself"}
				switch {
				case parent.First() == "_dmarc":
					f.Help = fmt.Sprintf("a policy belongs at %s, a permission for reports about any domain at *._report.%s", parent, parent)
					f.Message = fmt.Sprintf("%s does not answer at %s: receivers take it only for a permission to send reports about any domain here", rr.Name, parent)
				case parent.HasUnderscore():
					continue
				default:
					f.Message = fmt.Sprintf("%s answers at _dmarc names below %s, such as %s: each takes it for a policy of its own", rr.Name, parent, dmarc.RecordName(parent.Child("x")))
				}
				p.reportWhole(rr, f)
				continue
			}
			if parent.HasUnderscore() || said == rr.Name {
				continue
			}
			said = rr.Name
			p.reportWhole(rr, Finding{
				Severity: Info,
				Message:  fmt.Sprintf("%s answers at _dmarc names such as %s: receivers discard it there", rr.Name, dmarc.RecordName(parent.Child("x"))),
				Help:     "nothing has to be done: policies of names above reach those names all the same",
			})
		}
	},
}

var dmarcOtherTXT = &Rule{
	ID:        "dmarc-other-txt",
	Severity:  Warning,
	Summary:   "A TXT at _dmarc that is no policy: receivers discard it",
	Reference: "RFC 9989 §4.10",
	Whole:     true,
	Domain: func(p *Pass) {
		for _, pl := range p.dmarcPlaces() {
			if pl.cname == nil {
				p.Whole(pl.name, dns.TypeTXT)
			}
			for _, t := range pl.texts {
				meant := dmarc.Meant(t.rr.Text.String())
				if t.rec.IsRecord || t.third || t.rr.Name != pl.name || meant && pl.count == 0 {
					continue // dmarc-syntax says what is wrong with it
				}
				f := Finding{
					Message: fmt.Sprintf("this is no DMARC record: receivers discard it at %s", pl.name),
					Help:    "delete it, or write it at the name that it belongs to",
				}
				if meant || pl.count == 0 {
					f.Help = "did you mean a policy? It begins with v=DMARC1;"
				}
				p.reportWhole(t.rr, f)
			}
		}
	},
}
