package rules

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/dmarc"
	"github.com/tripod-dns/tripod/internal/taglist"
	"github.com/tripod-dns/tripod/internal/zone"
)

// Policies that protect less than they seem to.

var dmarcNone = &Rule{
	ID:        "dmarc-none",
	Severity:  Error,
	Summary:   "p=none asks receivers to do nothing about mail that fails",
	Reference: "RFC 9989 §3.2.12",
	Domain: func(p *Pass) {
		p.ownPolicies(func(t *dmarcText) {
			e := t.rec.Effective
			if e.Defaulted || e.P != dmarc.None {
				return
			}
			tag, _ := t.rec.Tag("p")
			past := Past(t.rr.Until, p.Now)
			f := Finding{
				Severity: Info,
				Message:  fmt.Sprintf("p=none: receivers only report mail that falsely claims to come from %s", t.place.owner),
				Help:     "when the reports show that your own mail passes, write quarantine or reject; read RFC 9989 §7.4 first where people write to mailing lists",
			}
			switch {
			case past:
				f.Severity = Error
				f.Message = fmt.Sprintf("p=none was to end on %s: receivers still only report mail that falsely claims to come from %s",
					t.rr.Until.Format(time.DateOnly), t.place.owner)
				f.Related = []Related{{At: t.rr.UntilAt, Message: "until"}}
			case p.weakerThanInherited(t) || t.rec.PSD == dmarc.PSDYes && !t.rec.Reports():
				// dmarc-subdomain-weaker says so; a public suffix need not ask for its registrants' reports (RFC 9989 §10.1).
				return
			case !t.rec.Reports():
				if _, has := t.rec.Tag("rua"); has {
					break // dmarc-uri, dmarc-syntax
				}
				f.Severity = Warning
				f.Message = fmt.Sprintf("p=none without rua does nothing for %s: receivers neither act nor report", t.place.owner)
				f.Help = "add rua to see who sends; then write quarantine or reject, after RFC 9989 §7.4 where people write to mailing lists"
			}
			p.reportDMARC(t, tag.ValueStart, tag.ValueEnd, f)
		})
	},
}

var dmarcTesting = &Rule{
	ID:        "dmarc-testing",
	Severity:  Warning,
	Summary:   "t=y: receivers apply the policy one step weaker",
	Reference: "RFC 9989 §4.7",
	Domain: func(p *Pass) {
		p.ownPolicies(func(t *dmarcText) {
			if !t.rec.Testing {
				return
			}
			tag, _ := t.rec.Tag("t")
			strongest := max(t.rec.Effective.P, t.rec.Effective.SP, t.rec.Effective.NP)
			f := Finding{
				Message: fmt.Sprintf("t=y: receivers apply %s in place of %s", strongest.Weaker(), strongest),
				Help:    "drop it when the reports show that your own mail passes",
			}
			if !strongest.Enforces() {
				f.Severity = Info
				f.Message = "t=y changes nothing: there is no policy weaker than none"
				f.Help = "drop it"
				f.Fix = p.dropTag(t, tag)
			}
			p.reportDMARC(t, tag.ValueStart, tag.ValueEnd, f)
		})
	},
}

var dmarcPSD = &Rule{
	ID:        "dmarc-psd",
	Severity:  Error,
	Summary:   "psd says something about the name that other names depend on",
	Reference: "RFC 9989 §4.7",
	Domain: func(p *Pass) {
		p.ownPolicies(func(t *dmarcText) {
			tag, ok := t.rec.Tag("psd")
			if !ok {
				return
			}
			switch t.rec.PSD {
			case dmarc.PSDNo:
				p.reportDMARC(t, tag.ValueStart, tag.ValueEnd, Finding{Severity: Info, Reference: "RFC 9989 §5.1.8",
					Message: fmt.Sprintf("psd=n makes %s an Organizational Domain of its own: receivers of RFC 7489 do not know the tag", t.place.owner),
					Help:    "publish a policy at every name that stands in a From: both kinds of receivers find that one",
				})
			case dmarc.PSDYes:
				if !dmarc.IsPublicSuffix(t.place.owner) {
					p.reportDMARC(t, tag.ValueStart, tag.ValueEnd, Finding{
						Message: fmt.Sprintf("psd=y, but %s is no public suffix: mail of its subdomains no longer aligns with it", t.place.owner),
						Help:    "drop it: only registries, under whose names others register, write psd=y",
					})
				} else if ruf, has := t.rec.Tag("ruf"); has {
					p.reportDMARC(t, ruf.ValueStart, ruf.ValueEnd, Finding{Reference: "RFC 9989 §10.2",
						Message: "a public suffix must not ask for failure reports: they hold mail of its registrants",
						Help:    "drop ruf",
						Fix:     p.dropTag(t, ruf),
					})
				}
			}
		})
	},
}

// wrongPSD tells whether the tree walk met a psd=y at a name that is no public suffix.
func wrongPSD(d *dmarc.Discovery) bool {
	return slices.ContainsFunc(d.Steps, func(s dmarc.Step) bool {
		return s.Record != nil && s.Record.PSD == dmarc.PSDYes && !dmarc.IsPublicSuffix(s.Domain)
	})
}

// inherited is the policy that a name with a record of its own would have without it, for existing names. ok is false where
// it would have none, or where that is not known.
func (p *Pass) inherited(name zone.Name) (policy dmarc.Policy, from zone.Name, ok bool) {
	d := p.Policy(name)
	if !d.OrgKnown || d.Source != dmarc.Own || d.Record.PSD != dmarc.PSDUnset {
		return 0, "", false
	}
	s := d.StepAt(d.OrgDomain)
	if d.OrgDomain == name {
		// Its own Organizational Domain: only a public suffix stands above.
		s = &d.Steps[len(d.Steps)-1]
		if s.Record == nil || s.Record.PSD != dmarc.PSDYes {
			return 0, "", false
		}
	}
	if s == nil || s.Record == nil || s.Domain == name || !s.Record.Effective.Valid {
		return 0, "", false
	}
	policy = s.Record.Effective.SP
	if s.Record.Testing {
		policy = policy.Weaker()
	}
	return policy, s.Domain, true
}

// weakerThanInherited tells whether a subdomain's own record makes it weaker than the records above would.
func (p *Pass) weakerThanInherited(t *dmarcText) bool {
	policy, _, ok := p.inherited(t.place.owner)
	return ok && p.Policy(t.place.owner).Policy < policy
}

var dmarcSubdomainWeaker = &Rule{
	ID:        "dmarc-subdomain-weaker",
	Severity:  Warning,
	Summary:   "Subdomains get a weaker policy than the name above them",
	Reference: "RFC 9989 §4.7",
	Domain: func(p *Pass) {
		p.ownPolicies(func(t *dmarcText) {
			owner := t.place.owner
			d, known := p.orgOf(owner, t.rr.At)
			if !known {
				return
			}
			e := t.rec.Effective
			if d.OrgDomain == owner && t.rec.PSD != dmarc.PSDYes && !e.Defaulted {
				for _, w := range []struct {
					name, which string
					policy      dmarc.Policy
				}{{"sp", "", t.rec.SP}, {"np", " that do not exist", t.rec.NP}} {
					tag, has := t.rec.Tag(w.name)
					if has && w.policy < e.P {
						p.reportDMARC(t, tag.ValueStart, tag.ValueEnd, Finding{Severity: Warning,
							Message: fmt.Sprintf("%s=%s: subdomains of %s%s are protected less than it is itself (p=%s)", w.name, w.policy, owner, w.which, e.P),
							Help:    fmt.Sprintf("write %s=%s, and give a subdomain that cannot keep to it a record of its own", w.name, e.P),
						})
					}
				}
			}
			policy, from, ok := p.inherited(owner)
			if !ok || d.Policy >= policy || e.Defaulted {
				return
			}
			tag, _ := t.rec.Tag("p")
			f := Finding{Severity: Warning,
				Message: fmt.Sprintf("%s is weaker than %s, which %s would have from %s without a record of its own", d.Policy, policy, owner, from),
				Help:    "strengthen it, or delete the record; add rua in the meantime, to see what it lets through",
			}
			if t.rec.Reports() {
				f.Severity = Info
				f.Help = "strengthen it when the reports show that your own mail passes"
			}
			p.reportDMARC(t, tag.ValueStart, tag.ValueEnd, f)
		})
	},
}

var dmarcSPIgnored = &Rule{
	ID:        "dmarc-sp-ignored",
	Severity:  Warning,
	Summary:   "sp or np on a record that is not the Organizational Domain's is never read",
	Reference: "RFC 9989 §4.7",
	Domain: func(p *Pass) {
		p.ownPolicies(func(t *dmarcText) {
			sp, hasSP := t.rec.Tag("sp")
			np, hasNP := t.rec.Tag("np")
			if !hasSP && !hasNP || t.rec.Effective.Defaulted {
				return
			}
			owner := t.place.owner
			d, known := p.orgOf(owner, t.rr.At)
			if !known || d.OrgDomain == owner || t.rec.PSD != dmarc.PSDUnset {
				return
			}
			var above dmarc.Policies
			from := d.OrgDomain
			testing := false
			if s := d.StepAt(d.OrgDomain); s != nil && s.Record != nil {
				above, testing = s.Record.Effective, s.Record.Testing
			} else if s := &d.Steps[len(d.Steps)-1]; s.Record != nil {
				above, testing, from = s.Record.Effective, s.Record.Testing, s.Domain
			}
			for _, w := range []struct {
				has         bool
				tag         taglist.Tag
				policy, got dmarc.Policy
			}{{hasSP, sp, t.rec.SP, above.SP}, {hasNP, np, t.rec.NP, above.NP}} {
				if !w.has {
					continue
				}
				if testing {
					w.got = w.got.Weaker()
				}
				f := Finding{Severity: Warning,
					Message: fmt.Sprintf("%s=%s is never read: names below %s get %s from %s", w.tag.Name, w.policy, owner, w.got, from),
					Help:    fmt.Sprintf("give those names records of their own, or write psd=n here, which makes %s an Organizational Domain", owner),
				}
				if w.got == w.policy && t.third {
					continue // of no consequence here, and other names may lead there too
				}
				if w.got == w.policy {
					f.Severity = Info
					f.Message = fmt.Sprintf("%s=%s is never read; names below %s get %s from %s anyway", w.tag.Name, w.policy, owner, w.got, from)
					f.Help = "drop it"
					f.Fix = p.dropTag(t, w.tag)
				}
				p.reportDMARC(t, w.tag.ValueStart, w.tag.ValueEnd, f)
			}
		})
	},
}

// compactDenial are the name servers of operators that answer NOERROR for names that do not exist, in signed zones (RFC 9824).
var compactDenial = []string{".ns.cloudflare.com", ".nsone.net"}

var dmarcNPIneffective = &Rule{
	ID:        "dmarc-np-ineffective",
	Severity:  Warning,
	Summary:   "np is stricter than sp, but no name of the zone counts as non-existent",
	Reference: "RFC 9989 §3.2.13",
	Whole:     true,
	Domain: func(p *Pass) {
		p.ownPolicies(func(t *dmarcText) {
			tag, has := t.rec.Tag("np")
			e := t.rec.Effective
			owner := t.place.owner
			if !has || e.Defaulted || e.NP <= e.SP {
				return
			}
			if d, known := p.orgOf(owner, t.rr.At); !known || d.OrgDomain != owner {
				return // dmarc-sp-ignored
			}
			wild := owner.Child("*")
			example := owner.Child("x")
			if at := p.Zone.Under(wild); len(at) > 0 {
				p.reportDMARC(t, tag.ValueStart, tag.ValueEnd, Finding{
					Message: fmt.Sprintf("np=%s does not apply to unused names like %s: %s makes them exist", e.NP, example, wild),
					Help:    fmt.Sprintf("write sp=%s, where names that are in use can keep to it, or give up the wildcard", e.NP),
					Related: []Related{{At: at[0].At, Message: "the wildcard"}},
				})
				return
			}
			if !p.Whole(wild, dns.TypeA) || !p.Whole(wild, dns.TypeTXT) {
				return
			}
			if owner == p.Domain.Name && p.compactlyDenied(t.rr.At) {
				p.reportDMARC(t, tag.ValueStart, tag.ValueEnd, Finding{Severity: Info, Reference: "RFC 9824",
					Message: fmt.Sprintf("np=%s does not apply to unused names like %s: the zone is signed, and its name servers answer as if they existed", e.NP, example),
					Help:    fmt.Sprintf("write sp=%s, where names that are in use can keep to it", e.NP),
				})
			}
		})
	},
}

// compactlyDenied tells whether the zone is signed and served by an operator that denies compactly, as far as its NS
// records are known here.
func (p *Pass) compactlyDenied(at zone.Span) bool {
	for _, ns := range p.Zone.Set(p.Domain.Name, dns.TypeNS) {
		for _, suffix := range compactDenial {
			if strings.HasSuffix(string(ns.Target), suffix) {
				return p.Exists(p.Domain.Name, dns.TypeDS, at).Status == zone.Found
			}
		}
	}
	return false
}

// differing is names for which the two kinds of discovery differ alike.
type differing struct {
	names  []zone.Name
	d      *dmarc.Discovery
	old    dmarc.Discovery
	policy bool // the policies differ, not only the Organizational Domains
}

var dmarcDiscoveryDiffers = &Rule{
	ID:        "dmarc-discovery-differs",
	Severity:  Warning,
	Summary:   "Receivers of the old and of the new DMARC find different policies",
	Reference: "RFC 9989 §11.8",
	Domain: func(p *Pass) {
		var groups []*differing
		for _, name := range p.MailDomains() {
			d := p.Policy(name)
			if !d.PolicyKnown || !d.OrgKnown {
				p.missingDMARC(d, zone.Span{})
				continue
			}
			if len(d.Steps) > 0 && d.Steps[0].Count > 1 {
				continue // dmarc-multiple
			}
			if wrongPSD(d) {
				continue // dmarc-psd
			}
			old := dmarc.DiscoverPSL(p.Context(), p.SharedWorld(), name)
			if !old.PolicyKnown {
				p.missingDMARC(&old, zone.Span{})
				continue
			}
			policy := d.Declared != old.Declared
			if !policy && (d.OrgDomain == old.OrgDomain || !d.Applies() || d.Record.PSD == dmarc.PSDNo) {
				continue // the same, or dmarc-psd says it
			}
			if policy && d.Source == dmarc.Own && old.Source == dmarc.Own {
				continue // one record, read differently: dmarc-value says why
			}
			found := false
			for _, g := range groups {
				if g.d.At == d.At && g.old.At == old.At && g.policy == policy && d.Declared == g.d.Declared {
					g.names, found = append(g.names, name), true
				}
			}
			if !found {
				groups = append(groups, &differing{[]zone.Name{name}, d, old, policy})
			}
		}
		for _, g := range groups {
			if !g.policy && slices.ContainsFunc(groups, func(o *differing) bool { return o.policy && o.d.At == g.d.At }) {
				continue // the same cause, and the worse of its effects is said
			}
			f := Finding{Severity: Info,
				Message: fmt.Sprintf("for %s the tree walk finds the Organizational Domain %s, receivers of RFC 7489 take %s: mail may align for some and not for others",
					nameList(g.names), g.d.OrgDomain, g.old.OrgDomain),
				Help: fmt.Sprintf("publish a policy at %s, and sign with the very domain of the From", dmarc.RecordName(g.old.OrgDomain)),
			}
			if g.policy {
				f.Severity = Warning
				f.Message = fmt.Sprintf("for %s the tree walk finds %s, receivers of RFC 7489 %s", nameList(g.names), found(g.d), found(&g.old))
				f.Help = "publish a policy at every name that stands in a From: both find that one"
			}
			p.reportPolicy(g.d, f)
		}
	},
}

// found says what a discovery found.
func found(d *dmarc.Discovery) string {
	if d.Declared == dmarc.Absent {
		return "no policy"
	}
	return fmt.Sprintf("%s at %s", d.Declared, dmarc.RecordName(d.At))
}
