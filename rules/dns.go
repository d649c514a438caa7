package rules

import (
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/dkim"
	"github.com/tripod-dns/tripod/internal/dmarc"
	"github.com/tripod-dns/tripod/internal/zone"
)

// sets calls f for each record set of the zone, both halves of it, in DNS order.
func (p *Pass) sets(f func([]*zone.Record)) {
	all := p.Zone.Records()
	for i := 0; i < len(all); {
		j := i + 1
		for j < len(all) && all[j].Name == all[i].Name && all[j].Type == all[i].Type {
			j++
		}
		f(all[i:j])
		i = j
	}
}

// names calls f for each owner name of the zone with all its records, in DNS order.
func (p *Pass) names(f func([]*zone.Record)) {
	all := p.Zone.Records()
	for i := 0; i < len(all); {
		j := i + 1
		for j < len(all) && all[j].Name == all[i].Name {
			j++
		}
		f(all[i:j])
		i = j
	}
}

// halfKnown tells whether the other half of the zone is at hand. Where it is not, the rule, which sees the records of one half
// alone, counts as not checked.
func (p *Pass) halfKnown() {
	d := p.Domain
	if d.Emit != zone.EmitExtend || d.RestKnown {
		return
	}
	why := d.RestWhy
	if why == "" {
		why = "the other half of " + d.ID() + " is not known"
	}
	p.NotChecked(why)
}

// ours is the record of recs that a finding about all of them stands at: the last one that the definitions have, else the last.
func ours(recs []*zone.Record) *zone.Record {
	for i := len(recs) - 1; i >= 0; i-- {
		if recs[i].Origin == zone.Defined {
			return recs[i]
		}
	}
	return recs[len(recs)-1]
}

// place is where a record is written.
func place(rr *zone.Record) zone.Span {
	if rr.At.IsZero() {
		return rr.Text.Whole()
	}
	return rr.At
}

// relatedTo points at other records.
func relatedTo(rr *zone.Record, recs []*zone.Record, message string) []Related {
	var out []Related
	for _, o := range recs {
		if at := place(o); o != rr && !at.IsZero() && len(out) < 5 {
			out = append(out, Related{At: at, Message: message})
		}
	}
	return out
}

var dnsDuplicate = &Rule{
	ID:        "dns-duplicate",
	Severity:  Error,
	Summary:   "The same record twice: dnscontrol refuses the zone",
	Reference: "RFC 2181 §5",
	Whole:     true,
	Domain: func(p *Pass) {
		p.halfKnown()
		p.sets(func(set []*zone.Record) {
			if len(set) < 2 {
				return
			}
			seen := make(map[string][]*zone.Record, len(set))
			var order []string
			for _, rr := range set {
				k := rr.RData()
				if rr.Type != dns.TypeTXT {
					k = strings.ToLower(k)
				}
				if seen[k] == nil {
					order = append(order, k)
				}
				seen[k] = append(seen[k], rr)
			}
			for _, k := range order {
				same := seen[k]
				if len(same) < 2 {
					continue
				}
				rr := ours(same)
				f := Finding{
					Message: fmt.Sprintf("the same %s record %s at %s: dnscontrol refuses the zone", rr.TypeName(), times(len(same)), rr.Name),
					Help:    "keep one",
					Related: relatedTo(rr, same, "the same record"),
				}
				for _, o := range same {
					if o.Origin != rr.Origin {
						f.Message = fmt.Sprintf("the %s record at %s is in dnsconfig.js too: dnscontrol refuses the zone", rr.TypeName(), rr.Name)
						f.Help = "keep one: drop it here, or in dnsconfig.js"
					}
				}
				p.ReportRecord(rr, f)
			}
		})
	},
}

func times(n int) string {
	if n == 2 {
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

var dnsCNAME = &Rule{
	ID:        "dns-cname",
	Severity:  Error,
	Summary:   "A CNAME beside other records, or at the apex: DNS does not allow it",
	Reference: "RFC 1034 §3.6.2",
	Whole:     true,
	Domain: func(p *Pass) {
		p.halfKnown()
		p.names(func(all []*zone.Record) {
			if !slices.ContainsFunc(all, func(rr *zone.Record) bool { return rr.Type == dns.TypeCNAME }) {
				return
			}
			var cnames, others []*zone.Record
			for _, rr := range all {
				if rr.Type == dns.TypeCNAME {
					cnames = append(cnames, rr)
				} else {
					others = append(others, rr)
				}
			}
			rr := ours(cnames)
			distinct := map[zone.Name]bool{}
			for _, c := range cnames {
				distinct[c.Target] = true
			}
			f := Finding{}
			switch {
			case rr.Name == p.Domain.Name:
				f.Message = fmt.Sprintf("a CNAME at the zone's own name: the SOA and NS records that stand at %s allow none", rr.Name)
				f.Help = "write the records that it would lead to; a provider's ALIAS goes into dnsconfig.js"
			case len(others) > 0:
				f.Message = fmt.Sprintf("a CNAME and %s at %s: a name with a CNAME has no other records", typesOf(others), rr.Name)
				f.Help = "keep the CNAME or the others"
				f.Related = relatedTo(rr, others, "stands beside it")
			case len(distinct) > 1:
				f.Message = fmt.Sprintf("%d CNAMEs at %s: a name has one", len(distinct), rr.Name)
				f.Help = "keep one"
				f.Related = relatedTo(rr, cnames, "another one")
			case rr.Target == rr.Name:
				f.Message = "the CNAME leads to itself: it answers nothing"
			default:
				return
			}
			p.ReportRecord(rr, f)
		})
	},
}

// typesOf lists the types of records, each once.
func typesOf(recs []*zone.Record) string {
	var out []string
	for _, rr := range recs {
		t := rr.TypeName()
		if len(out) == 0 || out[len(out)-1] != t {
			out = append(out, t)
		}
	}
	return strings.Join(out, ", ")
}

var dnsTTL = &Rule{
	ID:        "dns-ttl",
	Severity:  Warning,
	Summary:   "TTLs that differ inside a record set, that are 0, or that are very long",
	Reference: "RFC 2181 §5.2",
	Whole:     true,
	Domain: func(p *Pass) {
		p.halfKnown()
		said := map[zone.Span]bool{} // one ttl attribute can hold for many records
		report := func(rr *zone.Record, f Finding) {
			f.At = rr.TTLAt
			if f.At.IsZero() {
				f.At = place(rr)
			}
			if f.At.IsZero() || !said[f.At] {
				said[f.At] = true
				p.ReportRecord(rr, f)
			}
		}
		p.sets(func(set []*zone.Record) {
			var first *zone.Record
			for _, rr := range set {
				if !rr.HasTTL {
					continue
				}
				switch {
				case rr.TTL == 0:
					report(rr, Finding{Message: "ttl = 0: dnscontrol publishes 300 instead", Help: "write the number of seconds that you want"})
					continue
				case first == nil:
					first = rr
				case rr.TTL != first.TTL:
					here, there := rr, first
					if here.Origin != zone.Defined {
						here, there = first, rr
					}
					f := Finding{
						Message: fmt.Sprintf("a TTL of %d here and of %d there in the %s record set of %s: resolvers take one of them for all", here.TTL, there.TTL, rr.TypeName(), rr.Name),
						Help:    "give all records of a name and type one TTL",
					}
					if there.Origin == zone.Rest && here.Origin == zone.Defined {
						f.Message = fmt.Sprintf("a TTL of %d here and of %d in dnsconfig.js in the %s record set of %s: resolvers take one of them for all", here.TTL, there.TTL, rr.TypeName(), rr.Name)
					}
					if at := there.TTLAt; !at.IsZero() && at != here.TTLAt {
						f.Related = []Related{{At: at, Message: "the other TTL"}}
					}
					report(here, f)
				}
				if rr.TTL > week && mailRecord(rr) {
					report(rr, Finding{
						Severity: Info, Message: fmt.Sprintf("a TTL of %d seconds: for %d days some receivers will not see a change", rr.TTL, rr.TTL/(24*3600)),
						Help: "an hour to a day is usual; more makes mistakes last",
					})
				}
			}
		})
	},
}

const week = 7 * 24 * 3600

// mailRecord tells whether a record is about mail.
func mailRecord(rr *zone.Record) bool {
	switch rr.Block {
	case "spf", "dkim", "dmarc", "mta_sts", "tls_rpt", "bimi", "dkim_keys":
		return true
	}
	switch rr.Type {
	case dns.TypeMX:
		return true
	case dns.TypeTXT:
		for _, v := range [...]string{"v=spf1", "v=dmarc1", "v=dkim1", "v=stsv1", "v=tlsrptv1", "v=bimi1"} {
			if hasPrefixFold(rr.Text.String(), v) {
				return true
			}
		}
	}
	_, _, selector := dkim.SplitName(rr.Name)
	return selector || rr.Name.First() == "_dmarc"
}

var dnsName = &Rule{
	ID:        "dns-name",
	Severity:  Error,
	Summary:   "A name that DNS does not allow, or that holds the zone's name twice",
	Reference: "RFC 1035 §2.3.4",
	Domain: func(p *Pass) {
		p.names(func(all []*zone.Record) {
			rr := ours(all)
			f := Finding{At: rr.NameAt}
			switch err := rr.Name.Check(); {
			case err != nil:
				f.Message = fmt.Sprintf("%s: %v", rr.Name, err)
			case p.doubled(rr.Name):
				if p.saidByLocation(rr) {
					return
				}
				short := rr.Name[:len(rr.Name)-len(p.Domain.Name)-1]
				f.Message = fmt.Sprintf("%s holds the zone's name twice, and dnscontrol refuses it", rr.Name)
				f.Help = fmt.Sprintf("labels are relative to %s: write %q", p.Domain.Name, short.Relative(p.Domain.Name))
			case badCharacter(rr.Name) != 0 && hostLike(all):
				f.Message = fmt.Sprintf("%q cannot stand in the name of a host or of a mail record (%s)", badCharacter(rr.Name), rr.Name)
				f.Help = "names have letters, digits, hyphens and, in front, underscores"
			default:
				return
			}
			p.ReportRecord(rr, f)
		})
	},
}

// doubled: example.com.example.com, or a name below it.
func (p *Pass) doubled(name zone.Name) bool {
	apex := p.Domain.Name
	return apex != zone.Root && name.Below(apex) && name[:len(name)-len(apex)-1].Under(apex)
}

// saidByLocation tells whether dmarc-location has an error for the record.
func (p *Pass) saidByLocation(rr *zone.Record) bool {
	if rr.Type != dns.TypeTXT || !dmarc.IsDMARC(rr.Text.String()) || len(p.Zone.At(rr.Name)) > 1 || p.leadsTo(rr.Name) {
		return false
	}
	owner, ok := p.meantFor(rr.Name)
	if _, cut := p.Zone.Cut(rr.Name); !ok || cut {
		return false
	}
	d := p.Policy(owner)
	return d.Source != dmarc.Own || !d.Record.Effective.Valid
}

// hostLike tells whether the records make their owner a name that mail uses. Services found by DNS-SD (RFC 6763) may be
// called anything, and selectors are dkim-name's.
func hostLike(all []*zone.Record) bool {
	name := all[0].Name
	if name.Under("arpa") || strings.Contains(string(name), "_tcp.") || strings.Contains(string(name), "_udp.") {
		return false
	}
	if _, _, ok := dkim.SplitName(name); ok {
		return false
	}
	for _, rr := range all {
		switch rr.Type {
		case dns.TypeA, dns.TypeAAAA, dns.TypeMX, dns.TypeCNAME:
			return true
		case dns.TypeTXT:
			if mailRecord(rr) {
				return true
			}
		}
	}
	return false
}

// badCharacter is the first character of a name that is no letter, digit, hyphen or underscore, and no asterisk that
// stands for a wildcard.
func badCharacter(name zone.Name) rune {
	for i := 0; i < len(name); i++ {
		c := name[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_', c == '.':
		case c == '*' && i == 0 && name.IsWildcard():
		default:
			return rune(c)
		}
	}
	return 0
}

var dnsOccluded = &Rule{
	ID:        "dns-occluded",
	Severity:  Error,
	Summary:   "Records below a delegation, or of a zone of its own: they are never served",
	Reference: "RFC 1034 §4.3.2",
	Whole:     true,
	Domain: func(p *Pass) {
		p.halfKnown()
		glue := map[zone.Name]bool{}
		for _, rr := range p.Zone.Records() {
			if rr.Type == dns.TypeNS {
				glue[rr.Target] = true
			}
		}
		p.names(func(all []*zone.Record) {
			name := all[0].Name
			other, elsewhere := p.dom.world.ZoneOf(name)
			elsewhere = elsewhere && other != p.Zone && other.Domain.Name.Below(p.Domain.Name)
			cut, delegated := p.Zone.Cut(name)
			if !delegated && !elsewhere {
				return
			}
			top := cut
			if elsewhere {
				top = other.Domain.Name
			}
			var lost []*zone.Record
			for _, rr := range all {
				switch {
				case name == cut && (rr.Type == dns.TypeNS || rr.Type == dns.TypeDS):
				case name == top && (rr.Type == dns.TypeNS || rr.Type == dns.TypeDS):
				case glue[name] && (rr.Type == dns.TypeA || rr.Type == dns.TypeAAAA):
				default:
					lost = append(lost, rr)
				}
			}
			if len(lost) == 0 {
				return
			}
			rr := ours(lost)
			f := Finding{Related: relatedTo(rr, lost, "never served either")}
			if elsewhere {
				f.Message = fmt.Sprintf("%s is a zone of its own: what stands at %s in %s is never served", top, name, p.Domain.Name)
				f.Help = fmt.Sprintf("write it in the definition of %s", top)
			} else {
				f.Message = fmt.Sprintf("%s is delegated: what stands at %s here is never served", cut, name)
				f.Help = fmt.Sprintf("have whoever serves %s publish it, or drop the NS records", cut)
				for _, ns := range p.Zone.Set(cut, dns.TypeNS) {
					if at := place(ns); !at.IsZero() {
						f.Related = append(f.Related, Related{At: at, Message: "the delegation"})
						break
					}
				}
			}
			p.ReportRecord(rr, f)
		})
	},
}
