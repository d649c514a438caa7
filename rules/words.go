package rules

import (
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/dkim"
	"github.com/tripod-dns/tripod/internal/dmarc"
	"github.com/tripod-dns/tripod/internal/resolve"
	"github.com/tripod-dns/tripod/internal/spf"
	"github.com/tripod-dns/tripod/internal/zone"
)

// The words that all rules share: mail domain, sends, non-sending, enforces. What they need is parsed once.

// wordViews are what the shared words found out about one domain.
type wordViews struct {
	parsed  map[*zone.Record]*spf.Record
	policy  map[*zone.Record]*dmarc.Record
	trees   map[zone.Name]*spf.Tree
	passes  map[zone.Name]Tri
	hasKey  map[zone.Name]Tri
	found   map[zone.Name]*dmarc.Discovery
	keys    map[*zone.Record]*dkim.Key
	mail    []zone.Name
	mailSet bool
}

// wordCache is what the shared words found out about all domains.
type wordCache struct {
	once    sync.Once
	targets map[zone.Name]bool // names that an include or redirect of the repository leads to
}

// A Tri is yes, no, or not known.
type Tri uint8

// The values of a Tri.
const (
	No Tri = iota
	Maybe
	Yes
)

// SPFSet are the TXT records literally at name that are SPF records, from both halves of the zone.
func (p *Pass) SPFSet(name zone.Name) []*zone.Record {
	var out []*zone.Record
	for _, r := range p.Zone.Set(name, dns.TypeTXT) {
		if spf.IsSPF(r.Text.String()) {
			out = append(out, r)
		}
	}
	return out
}

// ParseSPF is the parsed form of a record of this domain, made once.
func (p *Pass) ParseSPF(r *zone.Record) *spf.Record {
	v := &p.dom.views.words
	if s := v.parsed[r]; s != nil {
		return s
	}
	if v.parsed == nil {
		v.parsed = map[*zone.Record]*spf.Record{}
	}
	s := spf.Parse(r.Text.String())
	v.parsed[r] = s
	return s
}

// SPFTree is the include tree of a name's record, worst case (RFC 7208 §4.6.4), made once.
func (p *Pass) SPFTree(name zone.Name) *spf.Tree {
	v := &p.dom.views.words
	if t := v.trees[name]; t != nil {
		return t
	}
	if v.trees == nil {
		v.trees = map[zone.Name]*spf.Tree{}
	}
	t := spf.WalkTree(p.Context(), p.SharedWorld(), name)
	v.trees[name] = t
	return t
}

// Policy is what a receiver finds out about the DMARC policy of a name, made once.
func (p *Pass) Policy(name zone.Name) *dmarc.Discovery {
	v := &p.dom.views.words
	if d := v.found[name]; d != nil {
		return d
	}
	if v.found == nil {
		v.found = map[zone.Name]*dmarc.Discovery{}
	}
	d := dmarc.Discover(p.Context(), p.SharedWorld(), name)
	v.found[name] = &d
	return &d
}

// Enforces tells whether mail from name that fails is to be quarantined or rejected, t=y counted as one step weaker.
func (p *Pass) Enforces(name zone.Name) bool { return p.Policy(name).Enforces() }

// ParseDMARC is the parsed form of a policy record, made once.
func (p *Pass) ParseDMARC(r *zone.Record) *dmarc.Record {
	v := &p.dom.views.words
	if d := v.policy[r]; d != nil {
		return d
	}
	if v.policy == nil {
		v.policy = map[*zone.Record]*dmarc.Record{}
	}
	d := dmarc.Parse(r.Text.String())
	v.policy[r] = d
	return d
}

// ParseKey is the parsed form of a key record, made once.
func (p *Pass) ParseKey(r *zone.Record) *dkim.Key {
	v := &p.dom.views.words
	if k := v.keys[r]; k != nil {
		return k
	}
	if v.keys == nil {
		v.keys = map[*zone.Record]*dkim.Key{}
	}
	k := dkim.Parse(r.Text.String())
	v.keys[r] = k
	return k
}

// SPFPasses tells whether the SPF record of name lets an address pass: only + authorises. Terms whose addresses depend on the
// message count as passing.
func (p *Pass) SPFPasses(name zone.Name) Tri {
	v := &p.dom.views.words
	if t, ok := v.passes[name]; ok {
		return t
	}
	if v.passes == nil {
		v.passes = map[zone.Name]Tri{}
	}
	t := p.spfPasses(name)
	v.passes[name] = t
	return t
}

func (p *Pass) spfPasses(name zone.Name) Tri {
	set := p.SPFSet(name)
	if len(set) != 1 {
		return No // none, or permerror for all mail (RFC 7208 §4.5)
	}
	rec := p.ParseSPF(set[0])
	if len(rec.Problems) > 0 || rec.DeniesAll() {
		return No
	}
	for _, t := range rec.Terms {
		if (t.Kind == spf.IP4 || t.Kind == spf.IP6) && t.Qualifier == '+' {
			return Yes // nothing before it is a bad mechanism, so some address of it passes, or one before it did
		}
		if t.Kind == spf.All || t.Qualifier != '+' {
			break
		}
	}
	s := spf.Senders(p.Context(), p.SharedWorld(), name)
	switch {
	case s.IPs != nil && len(s.IPs.Ranges()) > 0:
		return Yes
	case len(s.Missing) > 0:
		return Maybe
	case len(s.Inexact) > 0:
		return Yes
	}
	return No
}

// HasKey tells whether a DKIM key that is not revoked, or a CNAME at a selector, stands under name, at any depth and in any
// zone of the repository. Where a part is delegated there may be one; where that part is _domainkey, or below it, there is.
func (p *Pass) HasKey(name zone.Name) Tri {
	v := &p.dom.views.words
	if t, ok := v.hasKey[name]; ok {
		return t
	}
	if v.hasKey == nil {
		v.hasKey = map[zone.Name]Tri{}
	}
	t := p.hasKey(name)
	v.hasKey[name] = t
	return t
}

func (p *Pass) hasKey(name zone.Name) Tri {
	best := No
	for _, z := range p.zonesUnder(name) {
		for _, r := range z.Under(name) {
			if r.Type != dns.TypeTXT && r.Type != dns.TypeCNAME || !r.Name.HasUnderscore() {
				continue
			}
			if _, _, ok := dkim.SplitName(r.Name); !ok {
				continue
			}
			if r.Type == dns.TypeCNAME || p.keyCounts(r) {
				return Yes
			}
		}
		for _, cut := range z.Cuts() {
			switch {
			case !cut.Under(name):
			case slices.Contains(cut.Labels(), dkim.Label):
				return Yes // whoever delegates these names has keys there
			default:
				best = Maybe
			}
		}
		if ok, _ := z.WholeUnder(name, dns.TypeTXT, dns.TypeCNAME); !ok {
			best = Maybe
		}
	}
	return best
}

// keyCounts tells whether a TXT record at a selector holds a key, good or bad, that is not revoked.
func (p *Pass) keyCounts(r *zone.Record) bool {
	k := p.ParseKey(r)
	return !k.Revoked && (k.HasP || dkim.Meant(r.Text.String()))
}

// zonesUnder are this domain's zone, where name is in it, and the zones of the repository below name.
func (p *Pass) zonesUnder(name zone.Name) []*resolve.Zone {
	out := p.run.in.World.Index().Under(p.Domain.Tag, name)
	if z, ok := p.dom.world.ZoneOf(name); ok && !slices.Contains(out, z) {
		out = append([]*resolve.Zone{z}, out...)
	}
	return out
}

// Sends tells whether name sends mail: its SPF lets an address pass, or a DKIM key or CNAME stands under it.
func (p *Pass) Sends(name zone.Name) Tri {
	return max(p.SPFPasses(name), p.HasKey(name))
}

// NonSending tells whether name says that it sends no mail: its SPF is "v=spf1 -all" and nothing else, and no DKIM key or CNAME
// stands under it.
func (p *Pass) NonSending(name zone.Name) bool {
	set := p.SPFSet(name)
	return len(set) == 1 && p.ParseSPF(set[0]).DeniesAll() && p.HasKey(name) == No
}

// MailDomains are the mail domains of this definition, parents first: names without a label that begins with "_", not under
// arpa, that are the domain itself or have an MX, SPF, key or DMARC record of their own. A name that serves only as include or
// redirect target is none.
func (p *Pass) MailDomains() []zone.Name {
	v := &p.dom.views.words
	if v.mailSet {
		return v.mail
	}
	v.mailSet = true
	apex := p.Domain.Name
	if apex.Under("arpa") {
		return nil
	}
	type has struct{ spf, other bool }
	seen := map[zone.Name]has{apex: {other: true}}
	for _, r := range p.Zone.Records() {
		name := r.Name
		if cut, ok := p.Zone.Cut(name); ok && cut != apex {
			continue // somebody else answers there
		}
		switch {
		case r.Type == dns.TypeMX && !name.HasUnderscore():
			h := seen[name]
			h.other = true
			seen[name] = h
		case r.Type == dns.TypeTXT && !name.HasUnderscore() && spf.IsSPF(r.Text.String()):
			h := seen[name]
			h.spf = true
			seen[name] = h
		case (r.Type == dns.TypeTXT || r.Type == dns.TypeCNAME) && name.HasUnderscore() && !p.doubled(name):
			owner, ok := mailOwner(r)
			if ok && owner.Under(apex) && !owner.HasUnderscore() {
				h := seen[owner]
				h.other = true
				seen[owner] = h
			}
		}
	}
	for name, h := range seen {
		if name.IsWildcard() || !h.other && p.includeTarget(name) {
			continue
		}
		v.mail = append(v.mail, name)
	}
	slices.SortFunc(v.mail, zone.Name.Compare)
	return v.mail
}

// mailOwner is the name for which a record at a name with underscores speaks: the domain of a DKIM key or a DMARC policy.
func mailOwner(r *zone.Record) (zone.Name, bool) {
	if dmarc.IsPermissionName(r.Name) {
		return "", false
	}
	if r.Name.First() == "_dmarc" {
		return r.Name.Parent(), r.Type == dns.TypeCNAME || dmarc.IsDMARC(r.Text.String())
	}
	selector, domain, ok := dkim.SplitName(r.Name)
	return domain, ok && selector != "*"
}

// IsMailDomain tells whether name is one of the MailDomains.
func (p *Pass) IsMailDomain(name zone.Name) bool { return slices.Contains(p.MailDomains(), name) }

// includeTarget tells whether an SPF record of the repository leads to name by include or redirect.
func (p *Pass) includeTarget(name zone.Name) bool {
	c := &p.run.cache.words
	c.once.Do(func() {
		c.targets = map[zone.Name]bool{}
		for _, z := range p.run.in.World.Index().Zones() {
			for _, r := range z.Records() {
				if r.Type != dns.TypeTXT || !spf.IsSPF(r.Text.String()) {
					continue
				}
				for _, t := range spf.Parse(r.Text.String()).Terms {
					if t.Kind != spf.Include && t.Kind != spf.Redirect || t.Domain == nil {
						continue
					}
					if s, ok := t.Domain.Static(); ok {
						if n, err := zone.ParseName(s); err == nil && n != r.Name {
							c.targets[n] = true
						}
					}
				}
			}
		}
	})
	return c.targets[name]
}

// Bulk raises a finding to an error where the configuration names the domain among the bulk senders, and cites who requires what
// is missing. What names it: "a DMARC policy".
func (p *Pass) Bulk(f Finding, what string) Finding {
	if f.Name == "" {
		f.Name = p.Domain.Name
	}
	if !p.BulkSender(f.Name) {
		return f
	}
	f.Severity = Error
	if f.Help != "" {
		f.Help += ". "
	}
	f.Help += "Google and Yahoo (since February 2024) and Microsoft (since May 2025) require " + what +
		" of bulk senders; DNS does not show the rest of what they require: PTR records, TLS, one-click unsubscribe"
	return f
}

// hasPrefixFold is strings.HasPrefix without regard to case, for texts that are long beside the prefix.
func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}
