package spf

import (
	"context"
	"net/netip"

	"go4.org/netipx"

	"github.com/tripod-dns/tripod/internal/zone"
)

// A Set is the addresses for which a record evaluates to pass.
type Set struct {
	IPs *netipx.IPSet
	// Exact is false where some addresses may pass, or some of IPs may not, because of the terms in Inexact.
	Exact   bool
	Inexact []InexactTerm
	Missing []Question
}

// An InexactTerm is a term for which the addresses that it matches are not known.
type InexactTerm struct {
	Name zone.Name // the owner of the record that it stands in
	Term *Term
	Top  *Term // the term of the first record that leads there; Term itself, if it stands there
	Why  string
}

// Prefixes are the set as minimal prefixes, IPv4 first, sorted by address.
func (s *Set) Prefixes() []netip.Prefix {
	if s.IPs == nil {
		return nil
	}
	return s.IPs.Prefixes()
}

// Senders computes the addresses for which the SPF record of a name evaluates to pass, as receivers evaluate
// it for the sender postmaster@name: qualifiers, the order of terms and the limits of RFC 7208 §4.6.4 included.
func Senders(ctx context.Context, lookup zone.Lookup, name zone.Name) *Set {
	src := newSource(lookup)
	return senders(ctx, src, name, true)
}

// SendersOf is Senders for a record that name has or may have, with the limits of §4.6.4 or, for terms that are
// to become addresses before they are published, without.
func SendersOf(ctx context.Context, lookup zone.Lookup, name zone.Name, parsed *Record, limits bool) *Set {
	src := newSource(lookup)
	f := &found{parsed: parsed, answer: zone.Answer{Status: zone.Found, Owner: name}}
	if len(parsed.Problems) > 0 {
		f.fault = FaultSyntax
	}
	src.records[name] = f
	return senders(ctx, src, name, limits)
}

func senders(ctx context.Context, src *source, name zone.Name, limits bool) *Set {
	out := &Set{Exact: true}
	var b netipx.IPSetBuilder
	seen := map[*Term]bool{}
	for _, v6 := range []bool{false, true} {
		e := &senderEval{source: src, out: out, root: name, v6: v6, limits: limits, seen: seen}
		all := &netipx.IPSetBuilder{}
		all.AddPrefix(everything(v6))
		set, _ := all.IPSet() // one valid prefix: no error
		pass, _ := e.host(ctx, name, []group{{set: set}})
		for _, g := range pass {
			b.AddSet(g.set)
		}
	}
	out.IPs, _ = b.IPSet() // only sets were added: no error
	out.Exact = len(out.Inexact) == 0
	out.Missing = src.unanswered()
	return out
}

func everything(v6 bool) netip.Prefix {
	if v6 {
		return netip.PrefixFrom(netip.IPv6Unspecified(), 0)
	}
	return netip.PrefixFrom(netip.IPv4Unspecified(), 0)
}

// A group is addresses that went the same way so far: they have used up the same part of the limits.
type group struct {
	set           *netipx.IPSet
	lookups, void int
}

// A senderEval evaluates a record for all addresses of one family at once. What gets permerror is dropped: it
// neither passes nor goes on.
type senderEval struct {
	*source
	out     *Set
	root    zone.Name
	v6      bool
	limits  bool
	seen    map[*Term]bool // inexact terms that are noted
	path    []zone.Name
	via     []*Term
	walked  int
	visited int
}

func (e *senderEval) inexact(t *Term, why string) {
	if e.seen[t] {
		return
	}
	e.seen[t] = true
	top := t
	if len(e.via) > 0 {
		top = e.via[0]
	}
	e.out.Inexact = append(e.out.Inexact, InexactTerm{Name: e.path[len(e.path)-1], Term: t, Top: top, Why: why})
}

// host is check_host() for groups: those that pass, and those that get another result that is no error.
func (e *senderEval) host(ctx context.Context, name zone.Name, in []group) (pass, other []group) {
	f := e.record(ctx, name)
	if f.fault != NoFault {
		return nil, nil
	}
	e.path = append(e.path, name)
	defer func() { e.path = e.path[:len(e.path)-1] }()
	e.visited++
	e.walked += len(f.parsed.Terms)
	terms := f.parsed.Terms
	for i := 0; i < len(terms) && len(in) > 0; i++ {
		t := terms[i]
		if !t.Kind.IsMechanism() {
			continue
		}
		var hit []group
		switch t.Kind {
		case Include:
			hit, in = e.include(ctx, t, name, in)
		case All:
			hit, in = in, nil
		case IP4, IP6:
			var b netipx.IPSetBuilder
			n := 0
			// Neighbours with the same qualifier match together.
			for ; i < len(terms) && (terms[i].Kind == IP4 || terms[i].Kind == IP6) && terms[i].Qualifier == t.Qualifier; i++ {
				if terms[i].Prefix.Addr().Is6() == e.v6 {
					b.AddPrefix(terms[i].Network())
					n++
				}
			}
			i--
			if n > 0 {
				set, _ := b.IPSet() // valid prefixes: no error
				hit, in = split(in, set)
			}
		default:
			hit, in = e.addressTerm(ctx, t, name, in)
		}
		if t.Qualifier == '+' {
			pass = append(pass, hit...)
		} else {
			other = append(other, hit...)
		}
	}
	r := f.parsed.Redirect()
	if r == nil || len(in) == 0 {
		return merge(pass), merge(append(other, in...))
	}
	in = e.spend(cost(r), in)
	p, o, known := e.follow(ctx, r, name, in)
	if !known {
		return merge(pass), merge(append(other, in...))
	}
	return merge(append(pass, p...)), merge(append(other, o...))
}

// spend counts look-ups and drops the groups that are over the limit.
func (e *senderEval) spend(n int, in []group) []group {
	out := make([]group, 0, len(in))
	for _, g := range in {
		g.lookups += n
		if !e.limits || g.lookups <= MaxLookups {
			out = append(out, g)
		}
	}
	return out
}

func (e *senderEval) void(in []group) []group {
	out := make([]group, 0, len(in))
	for _, g := range in {
		g.void++
		if !e.limits || g.void <= MaxVoid {
			out = append(out, g)
		}
	}
	return out
}

// include gives the groups that an include matches and those that go on.
func (e *senderEval) include(ctx context.Context, t *Term, name zone.Name, in []group) (hit, rest []group) {
	in = e.spend(cost(t), in)
	if len(in) == 0 {
		return nil, nil
	}
	pass, other, known := e.follow(ctx, t, name, in)
	if !known {
		return nil, in
	}
	return pass, other
}

// follow evaluates the target of an include or redirect; known is false where nothing is known of it.
func (e *senderEval) follow(ctx context.Context, t *Term, name zone.Name, in []group) (pass, other []group, known bool) {
	if len(in) == 0 {
		return nil, nil, true
	}
	target, dynamic, ok := t.target(name, e.root, e.v6)
	switch {
	case dynamic:
		e.inexact(t, "its target depends on the message")
		return nil, nil, false
	case !ok:
		return nil, nil, true // permerror
	case e.visited > maxTreeLookups || e.walked > maxTreeTerms || ctx.Err() != nil:
		e.inexact(t, "the include tree is too big")
		return nil, nil, false
	}
	for _, up := range e.path {
		if up == target {
			return nil, nil, true // a loop: permerror
		}
	}
	switch f := e.record(ctx, target); f.fault {
	case FaultUnknown:
		e.inexact(t, target.String()+" is not known")
		return nil, nil, false
	case FaultFailed:
		e.inexact(t, "the look-up of "+target.String()+" failed")
		return nil, nil, false
	}
	e.via = append(e.via, t)
	pass, other = e.host(ctx, target, in)
	e.via = e.via[:len(e.via)-1]
	return pass, other, true
}

// addressTerm evaluates a, mx, ptr and exists.
func (e *senderEval) addressTerm(ctx context.Context, t *Term, name zone.Name, in []group) (hit, rest []group) {
	in = e.spend(cost(t), in)
	if len(in) == 0 {
		return nil, nil
	}
	target, dynamic, ok := t.target(name, e.root, e.v6)
	switch {
	case t.Kind == PTR:
		e.inexact(t, "it depends on the client's host name")
		return nil, in
	case dynamic:
		e.inexact(t, "it depends on the message")
		return nil, in
	case !ok:
		return nil, in
	}
	var ips []netip.Addr
	st := zone.NoData
	switch t.Kind {
	case A:
		ips, st = e.addresses(ctx, target, e.v6)
	case Exists:
		if st = e.has(ctx, target, addressType(false)); st == zone.Found {
			return in, nil
		}
	case MX:
		hosts, n, s := e.exchangers(ctx, target)
		switch {
		case !s.Known():
			st = s
		case n > MaxMX && e.limits:
			return nil, nil // permerror
		case n > MaxMX:
			e.inexact(t, target.String()+" has more than 10 MX names")
			return nil, in
		}
		for _, h := range hosts {
			a, s := e.addresses(ctx, h, e.v6)
			if !s.Known() {
				e.inexact(t, "the addresses of "+h.String()+" are not known")
			}
			if s == zone.Found || !s.Known() {
				st = zone.Found
			}
			ips = append(ips, a...)
		}
	}
	switch {
	case !st.Known():
		e.inexact(t, target.String()+" is not known")
		return nil, in
	case st != zone.Found:
		return nil, e.void(in)
	}
	var b netipx.IPSetBuilder
	for _, ip := range ips {
		b.AddPrefix(t.mask(ip))
	}
	set, _ := b.IPSet() // valid prefixes: no error
	return split(in, set)
}

// split parts each group by a set.
func split(in []group, by *netipx.IPSet) (hit, rest []group) {
	for _, g := range in {
		var both, left netipx.IPSetBuilder
		both.AddSet(g.set)
		both.Intersect(by)
		left.AddSet(g.set)
		left.RemoveSet(by)
		hit = appendGroup(hit, g, &both)
		rest = appendGroup(rest, g, &left)
	}
	return hit, rest
}

func appendGroup(to []group, like group, b *netipx.IPSetBuilder) []group {
	set, _ := b.IPSet() // made of sets: no error
	if len(set.Ranges()) == 0 {
		return to
	}
	like.set = set
	return append(to, like)
}

// merge unites groups that have used up the same.
func merge(in []group) []group {
	if len(in) < 2 {
		return in
	}
	type key struct{ lookups, void int }
	at := map[key]int{}
	var out []group
	var sets []*netipx.IPSetBuilder
	for _, g := range in {
		k := key{g.lookups, g.void}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, g)
			sets = append(sets, &netipx.IPSetBuilder{})
		}
		sets[i].AddSet(g.set)
	}
	for i := range out {
		out[i].set, _ = sets[i].IPSet() // made of sets: no error
	}
	return out
}
