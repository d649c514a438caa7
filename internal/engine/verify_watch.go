package engine

import (
	"context"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/dmarc"
	"github.com/tripod-dns/tripod/internal/dnscontrol"
	"github.com/tripod-dns/tripod/internal/resolve"
	"github.com/tripod-dns/tripod/internal/spf"
	"github.com/tripod-dns/tripod/internal/zone"
)

// What the records that matter for mail are called in messages.
const (
	kindSPF    = "an SPF record"
	kindDMARC  = "a DMARC record"
	kindDKIM   = "a DKIM key"
	kindMTASTS = "an MTA-STS record"
	kindTLSRPT = "a TLS reporting record"
)

// kindOf is what a TXT record at a name is for mail, "" where it is nothing of that.
func kindOf(name zone.Name, text string) string {
	first, parent := name.Cut()
	second := parent.First()
	version := func(v string) bool { return strings.HasPrefix(text, v) }
	switch {
	case first == "_dmarc" && dmarc.IsDMARC(text):
		return kindDMARC
	case first == "_mta-sts" && version("v=STSv1"):
		return kindMTASTS
	case first == "_smtp" && second == "_tls" && version("v=TLSRPTv1"):
		return kindTLSRPT
	case second == "_domainkey":
		return kindDKIM // the tag list needs no version (RFC 6376 §3.6.1)
	case spf.IsSPF(text):
		return kindSPF
	}
	return ""
}

// watched are questions about what is not declared and would matter if it is published: SPF, DMARC, MTA-STS and TLS reporting of
// the names that mail is for, and DKIM selectors that are gone.
func (r *Repo) watched(z *resolve.Zone, selectors []string) []ask {
	d := z.Domain
	var mail []zone.Name
	for _, n := range z.Names() {
		if !n.IsWildcard() && (n == d.Name || len(z.Set(n, dns.TypeMX)) > 0) {
			mail = append(mail, n)
		}
	}
	if !slices.Contains(mail, d.Name) {
		mail = append(mail, d.Name)
	}
	var out []ask
	seen := map[zone.Name]bool{}
	watch := func(name zone.Name, kind string) {
		in, ok := r.index.ZoneIn(d.Tag, name)
		if seen[name] || !ok || in != z || name.Check() != nil {
			return
		}
		if _, cut := z.Cut(name); cut || len(z.Set(name, dns.TypeCNAME)) > 0 {
			return
		}
		if slices.ContainsFunc(z.Set(name, dns.TypeTXT), func(rec *zone.Record) bool { return rec.Origin == zone.Defined }) {
			return // it is compared as a whole
		}
		seen[name] = true
		out = append(out, ask{q: resolve.Question{Name: name, Type: dns.TypeTXT, Data: true}, watch: true, kind: kind})
	}
	for _, n := range mail {
		watch(n, kindSPF)
		watch(n.Child("_dmarc"), kindDMARC)
		watch(n.Child("_mta-sts"), kindMTASTS)
		watch(n.Child("_tls").Child("_smtp"), kindTLSRPT)
		for _, s := range selectors {
			if name, err := zone.ParseName(s + "._domainkey." + string(n)); err == nil {
				watch(name, kindDKIM)
			}
		}
	}
	for _, l := range r.Config.Ledgers {
		if !l.Domain.Under(d.Name) {
			continue
		}
		for _, k := range l.Keys {
			if k.State != "gone" {
				continue
			}
			if name, err := zone.ParseName(k.Selector + "._domainkey." + string(l.Domain)); err == nil {
				watch(name, kindDKIM)
			}
		}
	}
	return out
}

// judgeWatched says what is published at a name of which nothing is declared.
func (r *Repo) judgeWatched(ctx context.Context, z *resolve.Zone, a ask, seen []resolve.Observation) (VerifiedSet, bool) {
	after := r.world.View(z.Domain.Tag).Lookup(ctx, a.q.Name, a.q.Type)
	if !after.Status.Known() {
		return VerifiedSet{}, false // it is not for the definitions to say
	}
	var stray []resolve.Observation
	for _, o := range seen {
		if o.Outcome != resolve.Answered {
			continue
		}
		if o.Link != nil {
			// An alias at a selector hands out somebody's key. Elsewhere it says nothing of what is looked for.
			if a.kind == kindDKIM && o.Link.Type == dns.TypeCNAME && after.Status != zone.Found && !r.leftToOthers(z.Domain, o.Link) {
				stray = append(stray, o)
			}
			continue
		}
		var recs []*zone.Record
		for _, rec := range o.Records {
			known := slices.ContainsFunc(after.Records, func(x *zone.Record) bool { return resolve.SameData(x, rec) })
			if !known && kindOf(a.q.Name, rec.Text.String()) == a.kind && !r.leftToOthers(z.Domain, rec) {
				recs = append(recs, rec)
			}
		}
		if len(recs) > 0 {
			o.Records = recs
			stray = append(stray, o)
		}
	}
	if len(stray) == 0 {
		return VerifiedSet{}, false
	}
	out := a.set(r, Undeclared)
	out.What = a.kind
	out.Answers = answers(stray, func(resolve.Observation) bool { return false })
	return out, true
}

// mayBeOthers tells whether a record that stands in a declared set without being declared may be somebody else's: then it is no
// difference. A second record of a kind that is declared never is.
func (r *Repo) mayBeOthers(d *zone.Domain, a ask, rec *zone.Record) bool {
	switch {
	case halfKnown(d), d.Emit == zone.EmitNone && rec.Type == dns.TypeTXT:
		kind := kindOf(rec.Name, rec.Text.String())
		return kind == "" || !slices.ContainsFunc(a.want, func(w *zone.Record) bool { return kindOf(w.Name, w.Text.String()) == kind })
	case rec.Type == dns.TypeNS && rec.Name == d.Name:
		return true // dnscontrol adds the provider's own
	}
	strict := *d
	strict.RestNoPurge = false // it keeps whole sets only
	return r.leftToOthers(&strict, rec)
}

// leftToOthers asks dnscontrol whether it would leave a record that the zone does not say: IGNORE and NO_PURGE.
func (r *Repo) leftToOthers(d *zone.Domain, rec *zone.Record) bool {
	if len(d.IgnoreRecords)+len(d.RestIgnores) == 0 && !d.RestNoPurge {
		return false
	}
	bare := *d
	bare.Records, bare.Rest, bare.RestKnown = nil, nil, true
	changes, err := dnscontrol.Diff(&bare, []*zone.Record{rec})
	return err == nil && len(changes) == 0
}
