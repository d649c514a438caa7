package engine

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/dnscontrol"
	"github.com/tripod-dns/tripod/internal/resolve"
	"github.com/tripod-dns/tripod/internal/zone"
	"github.com/tripod-dns/tripod/planner"
)

// BaseOptions say what a plan compares with.
type BaseOptions struct {
	Against string              // "git:REF", "zones:DIR", "dns", "provider", "empty"; "" is the default one
	Servers []string            // of "dns": HOST:PORT of the name servers to ask instead of those of the zones
	Creds   string              // of "provider": creds.json; "" is the one at the root
	Getenv  func(string) string // for creds.json
	Log     io.Writer           // what dnscontrol prints
}

// dnsBase is what the authoritative name servers answer for the names and types that the definitions mention, and for the names
// that matter for mail. Nothing else is compared: what was not asked is never reported as deleted.
func (r *Repo) dnsBase(ctx context.Context, o BaseOptions) (*base, error) {
	auth, err := r.authority(o.Servers)
	if err != nil {
		return nil, fmt.Errorf("plan against dns: %w", err)
	}
	var (
		mu      sync.Mutex
		domains = make([]*zone.Domain, len(r.Config.Domains))
		as      = map[string]*zone.Domain{}
		errs    = make([]error, len(domains))
		differ  []resolve.Question
		tagged  int
		owned   bool
	)
	r.atOnce(len(domains), func(i int) {
		d := r.Config.Domains[i]
		if d.Tag != "" || ctx.Err() != nil {
			domains[i] = d // the same on both sides: no change
			return
		}
		before, compared, unequal, err := r.askZone(ctx, auth, d)
		domains[i], errs[i] = before, err
		mu.Lock()
		defer mu.Unlock()
		as[d.ID()] = compared
		differ = append(differ, unequal...)
	})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	for i, err := range errs {
		if err != nil {
			return nil, fmt.Errorf("plan against dns: %w", err)
		}
		d := r.Config.Domains[i]
		if d.Tag != "" {
			tagged++
		}
		owned = owned || d.Emit == zone.EmitZone
	}
	b := r.baseOf(planner.Base{Kind: "dns"}, domains, r.lock)
	b.as = as
	var notes []string
	if len(differ) > 0 {
		slices.SortFunc(differ, func(a, b resolve.Question) int { return a.Name.Compare(b.Name) })
		notes = append(notes, fmt.Sprintf("the name servers do not agree on %s: what most of them answer was taken (tripod verify says who answers what)", first(differ, 3)))
	}
	if tagged > 0 {
		notes = append(notes, fmt.Sprintf("definitions with a tag are not what the world sees, and were not compared: %d", tagged))
	}
	if owned {
		notes = append(notes, "asked were the names and types of the definitions, and those that matter for mail: what else a push would delete does not show here")
	}
	b.Note = strings.Join(notes, "; ")
	return b, nil
}

// askZone is a definition as the name servers answer it, and the part of the definition that was asked for.
func (r *Repo) askZone(ctx context.Context, auth *resolve.Authority, d *zone.Domain) (before, compared *zone.Domain, differ []resolve.Question, err error) {
	z := zoneOf(r.index, d)
	if z == nil {
		return nil, nil, nil, fmt.Errorf("%s is defined twice", d.ID())
	}
	asks := everySet(z)
	if !halfKnown(d) && d.Emit != zone.EmitNone {
		asks = append(asks, r.watched(z, nil)...)
	}
	before = new(zone.Domain)
	*before = *d
	before.Records, before.Rest, before.Flatten, before.MTASTS = nil, nil, nil, nil
	compared = new(zone.Domain)
	*compared = *d
	if len(asks) == 0 {
		compared.Records, compared.Rest = nil, nil
		return before, compared, nil, nil
	}
	questions := make([]resolve.Question, len(asks))
	for i, a := range asks {
		questions[i] = a.q
	}
	seen, err := auth.Observe(ctx, d.Name, questions)
	if err != nil {
		return nil, nil, nil, err
	}
	servers := len(seen) / len(asks)
	asked := map[resolve.Question]bool{}
	key := func(rec *zone.Record) resolve.Question {
		return resolve.Question{Name: rec.Name, Type: rec.Type, Data: true}
	}
	for i, a := range asks {
		said := seen[i*servers : (i+1)*servers]
		o, same, ok := majority(said)
		switch {
		case !ok && a.watch:
			continue
		case !ok:
			return nil, nil, nil, fmt.Errorf("%s: %w: %s", a.q, errNoServers, whyNot(said))
		case !same:
			differ = append(differ, a.q)
		}
		asked[a.q] = true
		for _, rec := range r.observed(d, a, o) {
			if !slices.ContainsFunc(before.Records, func(x *zone.Record) bool { return x.Name == rec.Name && resolve.SameData(x, rec) }) {
				before.Records = append(before.Records, rec)
			}
		}
	}
	keep := func(list []*zone.Record) (out []*zone.Record) {
		for _, rec := range list {
			if asked[key(rec)] {
				out = append(out, rec)
			}
		}
		return out
	}
	compared.Records, compared.Rest = keep(d.Records), keep(d.Rest)
	return before, compared, differ, nil
}

// everySet are the record sets of both halves that name servers of the zone can tell about, in DNS order.
func everySet(z *resolve.Zone) []ask {
	var out []ask
	var last *zone.Record
	for _, rec := range z.Records() {
		if last != nil && last.Name == rec.Name && last.Type == rec.Type || !telling(z, rec) {
			continue
		}
		last = rec
		out = append(out, ask{q: resolve.Question{Name: rec.Name, Type: rec.Type, Data: true}, want: z.Set(rec.Name, rec.Type)})
	}
	return out
}

// observed are the records that an answer shows, as they are to be compared.
func (r *Repo) observed(d *zone.Domain, a ask, o resolve.Observation) []*zone.Record {
	switch {
	case o.Outcome != resolve.Answered:
		return nil
	case o.Link != nil && o.Link.Type != dns.TypeCNAME:
		return nil // a DNAME further up, which stands at a name of its own
	case o.Link != nil:
		link := *o.Link
		link.Name = a.q.Name
		return []*zone.Record{&link}
	}
	var out []*zone.Record
	for _, seen := range o.Records {
		rec := *seen
		rec.Name = a.q.Name // as it is spelt here
		if halfKnown(d) {
			declared := slices.ContainsFunc(a.want, func(w *zone.Record) bool { return resolve.SameData(w, seen) })
			if !declared && r.mayBeOthers(d, a, seen) {
				continue
			}
			if len(a.want) > 0 && !a.want[0].HasTTL {
				rec.HasTTL, rec.TTL = false, 0 // it is the other half's to say
			}
		}
		out = append(out, &rec)
	}
	return out
}

// majority is the answer that most servers give, with the TTL that most of these give; the first where several are given as often. Same
// is false when the servers do not agree on the records, ok when none answers.
func majority(seen []resolve.Observation) (o resolve.Observation, same, ok bool) {
	type answer struct {
		key string
		ttl uint32
	}
	of := func(x resolve.Observation) answer {
		key, _, _ := answerOf(x)
		a := answer{key: key}
		if len(x.Records) > 0 {
			a.ttl = x.Records[0].TTL
		}
		return a
	}
	count, alike := map[string]int{}, map[answer]int{}
	for _, x := range seen {
		if x.Outcome.Speaks() {
			a := of(x)
			count[a.key]++
			alike[a]++
		}
	}
	for i, x := range seen {
		if !x.Outcome.Speaks() {
			continue
		}
		a, best := of(x), of(o)
		if !ok || cmp.Or(cmp.Compare(count[a.key], count[best.key]), cmp.Compare(alike[a], alike[best])) > 0 {
			o, ok = seen[i], true
		}
	}
	return o, len(count) == 1, ok
}

// providerBase is what the providers have: their zone files where they are BIND's, else what the user's dnscontrol says.
func (r *Repo) providerBase(ctx context.Context, o BaseOptions) (*base, error) {
	getenv := o.Getenv
	if getenv == nil {
		getenv = func(string) string { return "" }
	}
	p, halves, err := r.publisher(ctx, PushOptions{Creds: o.Creds, Getenv: getenv, Log: o.Log})
	if err != nil {
		return nil, fmt.Errorf("plan against provider: %w", err)
	}
	zones, err := p.Current(ctx, r.Config.Domains, halves)
	if err != nil {
		return nil, fmt.Errorf("plan against provider: %w", err)
	}
	at := map[string]*dnscontrol.ZonePreview{}
	var note string
	for _, z := range zones {
		id := z.Domain.ID()
		had := at[id]
		if had == nil {
			at[id] = z
			continue
		}
		if note == "" && !sameSets(had.Current, z.Current) {
			note = fmt.Sprintf("%s and %s hold different records for %s: compared with %s. tripod preview shows each.", had.Provider, z.Provider, id, had.Provider)
		}
	}
	var domains []*zone.Domain
	as := map[string]*zone.Domain{}
	for _, d := range r.Config.Domains {
		z := at[d.ID()]
		if z == nil {
			domains = append(domains, d) // no D() takes it in: nothing of it is published, and nothing changes
			continue
		}
		before := *d
		before.Records, before.Rest, before.Flatten, before.MTASTS = z.Current, nil, nil, nil
		domains = append(domains, &before)
		as[d.ID()] = z.Compared()
	}
	b := r.baseOf(planner.Base{Kind: "provider", Note: note}, domains, r.lock)
	b.as = as
	return b, nil
}

// sameSets tells whether two lists hold the same records.
func sameSets(a, b []*zone.Record) bool {
	in := func(list []*zone.Record) map[string]int {
		out := map[string]int{}
		for _, rec := range list {
			if rec.Type != dns.TypeSOA {
				out[fmt.Sprintf("%s %d %d %s", rec.Name, rec.Type, rec.TTL, rec.RData())]++
			}
		}
		return out
	}
	x, y := in(a), in(b)
	if len(x) != len(y) {
		return false
	}
	for k, n := range x {
		if y[k] != n {
			return false
		}
	}
	return true
}
