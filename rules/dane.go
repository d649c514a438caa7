package rules

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/resolve"
	"github.com/tripod-dns/tripod/internal/zone"
)

// aroundCache is what the rules around the mail records share between domains.
type aroundCache struct {
	once  sync.Once
	hosts map[zone.Name]bool // the targets of all MX records of the repository
}

// mxHosts are the hosts that MX records of the repository lead to.
func (p *Pass) mxHosts() map[zone.Name]bool {
	c := &p.run.cache.around
	c.once.Do(func() {
		c.hosts = map[zone.Name]bool{}
		for _, d := range p.run.in.Domains {
			for _, half := range [2][]*zone.Record{d.Records, d.Rest} {
				for _, rr := range half {
					if rr.Type == dns.TypeMX {
						c.hosts[rr.Target] = true
					}
				}
			}
		}
	})
	return c.hosts
}

// smtp is the label under which the TLSA records of a mail host stand.
const smtp = "_25._tcp."

var daneTLSA = &Rule{
	ID:        "dane-tlsa",
	Severity:  Warning,
	Summary:   "TLSA records that senders do not use for mail",
	Reference: "RFC 7672 §3.1",
	Whole:     true,
	Domain: func(p *Pass) {
		first := true
		for _, rr := range p.Zone.Records() {
			host, ok := strings.CutPrefix(string(rr.Name), smtp)
			if !ok || rr.Type != dns.TypeTLSA && rr.Type != dns.TypeCNAME || zone.Name(host).IsWildcard() {
				continue
			}
			if _, cut := p.Zone.Cut(rr.Name); cut {
				continue
			}
			set := []*zone.Record{rr}
			if rr.Type == dns.TypeCNAME {
				if set = tlsaAt(p.Zone, rr.Name); len(set) == 0 {
					continue // somebody else's, or nothing
				}
			}
			if first {
				first = false
				if a := p.Exists(p.Domain.Name, dns.TypeDS, rr.At); a.Status == zone.NoData || a.Status == zone.NXDomain {
					p.ReportRecord(rr, Finding{
						Message: fmt.Sprintf("%s is not signed, it has no DS record: senders ignore its TLSA records", p.Domain.Name),
						Help:    "sign the zone with DNSSEC and have the DS record published, or drop the TLSA records",
					})
				}
			}
			for _, t := range set {
				usage, _, _ := strings.Cut(t.Data, " ")
				if usage != "2" && usage != "3" {
					p.ReportRecord(rr, Finding{Reference: "RFC 7672 §3.1.3",
						Message: fmt.Sprintf("usage %s of the TLSA record is not for mail: senders take such a record for unusable", usage),
						Help:    "publish DANE-EE (3 1 1) or DANE-TA (2 1 1)",
					})
				}
			}
			if p.sameSetBefore(rr) {
				continue // said of the first of them
			}
			p.tlsaPlace(rr, zone.Name(host))
		}
	},
}

// sameSetBefore tells whether a record is not the first of its set.
func (p *Pass) sameSetBefore(rr *zone.Record) bool { return p.Zone.Set(rr.Name, rr.Type)[0] != rr }

// tlsaPlace reports TLSA records at a name to which no MX leads.
func (p *Pass) tlsaPlace(rr *zone.Record, host zone.Name) {
	hosts := p.mxHosts()
	if hosts[host] || p.implicit(host) || p.cnameOf(hosts, host) {
		return
	}
	if !slices.ContainsFunc(p.Zone.Records(), func(o *zone.Record) bool { return o.Type == dns.TypeMX && o.Target.Under(p.Domain.Name) }) {
		return // it may be a host for others' mail alone
	}
	if ok, why := p.Zone.WholeUnder(p.Domain.Name, dns.TypeMX); !ok {
		p.NotChecked(why)
		return
	}
	p.ReportRecord(rr, Finding{
		Message: fmt.Sprintf("no MX leads to %s: senders do not look for TLSA records there", host),
		Help:    "write them at _25._tcp of the very name that the MX gives",
	})
}

// implicit tells whether a name is a domain that takes mail at its own address (RFC 5321 §5.1).
func (p *Pass) implicit(host zone.Name) bool {
	return host == p.Domain.Name && len(p.Zone.Set(host, dns.TypeMX)) == 0
}

// cnameOf tells whether an MX leads to a CNAME whose target is the host: there senders look first (RFC 7672 §2.2.2).
func (p *Pass) cnameOf(hosts map[zone.Name]bool, host zone.Name) bool {
	return slices.ContainsFunc(p.Zone.Records(), func(rr *zone.Record) bool {
		return rr.Type == dns.TypeCNAME && rr.Target == host && hosts[rr.Name]
	})
}

// hasTLSA tells whether TLSA records stand at a host's SMTP port, where its zone is one of the repository's.
func (p *Pass) hasTLSA(host zone.Name) bool {
	z, ok := p.dom.world.ZoneOf(host)
	return ok && len(tlsaAt(z, host.Child("_25._tcp"))) > 0
}

// tlsaAt are the TLSA records that a name of the zone gives. A CNAME within the zone is followed.
func tlsaAt(z *resolve.Zone, name zone.Name) []*zone.Record {
	if set := z.Set(name, dns.TypeCNAME); len(set) > 0 && set[0].Target.Under(z.Domain.Name) {
		name = set[0].Target
	}
	return z.Set(name, dns.TypeTLSA)
}
