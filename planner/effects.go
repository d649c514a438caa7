package planner

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"
	"go4.org/netipx"

	"github.com/tripod-dns/tripod/internal/dkim"
	"github.com/tripod-dns/tripod/internal/dmarc"
	"github.com/tripod-dns/tripod/internal/resolve"
	"github.com/tripod-dns/tripod/internal/spf"
	"github.com/tripod-dns/tripod/internal/zone"
)

// A Side is one of the two worlds that a plan compares: a zone, nil where it is not there, and what names resolve to.
type Side struct {
	Zone  *resolve.Zone
	World zone.Lookup
}

// Effects are what the way from before to after means for the mail of a domain, in the order of the names.
func Effects(ctx context.Context, before, after Side) []Effect {
	var out []Effect
	for _, name := range names(before.Zone, after.Zone) {
		out = append(out, mxEffects(before, after, name)...)
		out = append(out, spfEffects(ctx, before, after, name)...)
		out = append(out, dmarcEffects(ctx, before, after, name)...)
		out = append(out, keyEffects(before, after, name)...)
		out = append(out, mtastsEffects(before, after, name)...)
	}
	return out
}

// names are the owner names of both zones, parents first.
func names(a, b *resolve.Zone) []zone.Name {
	var out []zone.Name
	if a != nil {
		out = append(out, a.Names()...)
	}
	if b != nil {
		out = append(out, b.Names()...)
	}
	slices.SortFunc(out, zone.Name.Compare)
	return slices.Compact(out)
}

func (s Side) set(name zone.Name, qtype uint16) []*zone.Record {
	if s.Zone == nil {
		return nil
	}
	return s.Zone.Set(name, qtype)
}

func (s Side) texts(name zone.Name, keep func(string) bool) []string {
	var out []string
	for _, r := range s.set(name, dns.TypeTXT) {
		if keep(r.Text.String()) {
			out = append(out, r.Text.String())
		}
	}
	slices.Sort(out)
	return out
}

// spfEffects compares who may send, and what it costs. A name that never had SPF on either side has none to lose.
func spfEffects(ctx context.Context, before, after Side, name zone.Name) []Effect {
	had, has := before.texts(name, spf.IsSPF), after.texts(name, spf.IsSPF)
	if len(had)+len(has) == 0 {
		return nil
	}
	none := &spf.Set{Exact: true}
	was, is := none, none
	if len(had) > 0 {
		was = spf.Senders(ctx, before.World, name)
	}
	if len(has) > 0 {
		is = spf.Senders(ctx, after.World, name)
	}
	var out []Effect
	if e, ok := senders(SPFSendersGained, name, is, was); ok {
		out = append(out, e)
	}
	if e, ok := senders(SPFSendersLost, name, was, is); ok {
		out = append(out, e)
	}
	if slices.Equal(had, has) && len(out) == 0 {
		return nil
	}
	a, b := lookups(ctx, before, name, had), lookups(ctx, after, name, has)
	if a == b || a == "" && b == "0" {
		return out
	}
	e := Effect{Kind: SPFLookups, Name: name, Exact: true, Before: a, After: b}
	switch {
	case b == permerror:
		e.Message = fmt.Sprintf("SPF of %s is broken: receivers answer permerror for all mail", name)
	case a == permerror && b != "":
		e.Message = fmt.Sprintf("SPF of %s uses %s of the 10 lookups; before, receivers answered permerror for all mail", name, b)
	case a == "":
		e.Message = fmt.Sprintf("SPF of %s uses %s of the 10 lookups", name, b)
	case b == "":
		e.Message = fmt.Sprintf("SPF of %s is gone", name)
	default:
		e.Message = fmt.Sprintf("SPF of %s uses %s of the 10 lookups, before %s", name, b, a)
	}
	out = append(out, e)
	return out
}

// permerror stands for the lookup count of a name whose own record, or records, nobody can evaluate (RFC 7208 §4.5, §4.6).
const permerror = "permerror"

// lookups is the lookup count of a name's SPF record, "" where it has none.
func lookups(ctx context.Context, s Side, name zone.Name, records []string) string {
	if len(records) == 0 {
		return ""
	}
	t := spf.WalkTree(ctx, s.World, name)
	if t.Root.Fault.Broken() {
		return permerror
	}
	if !t.Complete {
		return fmt.Sprintf("at least %d", t.Lookups)
	}
	return fmt.Sprint(t.Lookups)
}

// senders is the effect of going from one set of addresses to a larger one: those of more that are not in less. Inexact
// terms that both sides have say nothing about the difference.
func senders(kind string, name zone.Name, more, less *spf.Set) (Effect, bool) {
	var b netipx.IPSetBuilder
	if more.IPs != nil {
		b.AddSet(more.IPs)
	}
	if less.IPs != nil {
		b.RemoveSet(less.IPs)
	}
	diff, err := b.IPSet()
	if err != nil {
		return Effect{}, false // the builder refuses invalid ranges only, and sets hold none
	}
	e := Effect{Kind: kind, Name: name, Exact: true}
	known := map[string]bool{}
	for _, t := range less.Inexact {
		known[t.Term.Canonical()] = true
	}
	for _, t := range more.Inexact {
		if text := t.Term.Text; !known[t.Term.Canonical()] && !slices.Contains(e.Terms, text) {
			e.Terms = append(e.Terms, text)
		}
	}
	e.Prefixes = diff.Prefixes()
	if len(e.Prefixes) == 0 && len(e.Terms) == 0 {
		return Effect{}, false
	}
	e.Exact = more.Exact && less.Exact
	e.Addresses = countIPv4(e.Prefixes)
	verb := map[string]string{SPFSendersGained: "may now send as", SPFSendersLost: "may no longer send as"}[kind]
	var who []string
	if n := e.Addresses; n > 0 {
		who = append(who, plural(n, "IPv4 address", "IPv4 addresses"))
	}
	if n := countIPv6(e.Prefixes); n > 0 {
		who = append(who, plural(n, "IPv6 range", "IPv6 ranges"))
	}
	if len(e.Terms) > 0 {
		who = append(who, "whatever matches "+strings.Join(e.Terms, ", "))
	}
	e.Message = fmt.Sprintf("%s %s %s", strings.Join(who, " and "), verb, name)
	if !e.Exact && len(e.Terms) == 0 {
		e.Message += " (as far as can be told: other terms depend on the message or on names that are not known)"
	}
	return e, true
}

func plural(n uint64, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}

func countIPv4(ps []netip.Prefix) (n uint64) {
	for _, p := range ps {
		if p.Addr().Is4() {
			n += 1 << (32 - p.Bits())
		}
	}
	return n
}

func countIPv6(ps []netip.Prefix) (n uint64) {
	for _, p := range ps {
		if !p.Addr().Is4() {
			n++
		}
	}
	return n
}

// dmarcEffects compares the effective policy of the name itself, and, where the name holds a policy record, of names
// below it that have none of their own.
func dmarcEffects(ctx context.Context, before, after Side, name zone.Name) []Effect {
	if name.HasUnderscore() || name.IsWildcard() {
		if name.First() != "_dmarc" || dmarc.IsPermissionName(name) {
			return nil
		}
		owner := name.Parent()
		if owner.HasUnderscore() || hasNode(before, owner) || hasNode(after, owner) {
			return nil // compared under its own name
		}
		name = owner // a policy for a name that has no other record
	}
	was, wasKnown := policy(ctx, before, name)
	is, isKnown := policy(ctx, after, name)
	if !wasKnown || !isKnown || was == is {
		return nil
	}
	return []Effect{{
		Kind: DMARCPolicy, Name: name, Exact: true, Before: was, After: is,
		Message: fmt.Sprintf("DMARC policy of %s: %s, before %s", name, is, was),
	}}
}

func hasNode(s Side, name zone.Name) bool { return s.Zone != nil && len(s.Zone.At(name)) > 0 }

func policy(ctx context.Context, s Side, name zone.Name) (string, bool) {
	if s.World == nil {
		return dmarc.Absent.String(), true
	}
	d := dmarc.Discover(ctx, s.World, name)
	return d.Policy.String(), d.PolicyKnown
}

// keyEffects compares the keys and key CNAMEs at a DKIM name.
func keyEffects(before, after Side, name zone.Name) []Effect {
	selector, domain, ok := dkim.SplitName(name)
	if !ok {
		return nil
	}
	had, has := keys(before, name), keys(after, name)
	var out []Effect
	if removed := missingFrom(had, has); len(removed) > 0 {
		out = append(out, Effect{
			Kind: DKIMKeyRemoved, Name: name, Exact: true, Before: removed[0],
			Message: fmt.Sprintf("signatures of %s with selector %s no longer verify by the key that was there", domain, selector),
		})
	}
	if added := missingFrom(has, had); len(added) > 0 {
		out = append(out, Effect{
			Kind: DKIMKeyAdded, Name: name, Exact: true, After: added[0],
			Message: fmt.Sprintf("signatures of %s with selector %s verify by a new key", domain, selector),
		})
	}
	return out
}

// keys are what verifiers find at a selector: usable keys by their fingerprint, CNAMEs by their target.
func keys(s Side, name zone.Name) []string {
	var out []string
	for _, r := range s.set(name, dns.TypeTXT) {
		if k := dkim.Parse(r.Text.String()); k.Usable() {
			fp := k.Fingerprint()
			out = append(out, hex.EncodeToString(fp[:8]))
		}
	}
	for _, r := range s.set(name, dns.TypeCNAME) {
		out = append(out, "CNAME "+r.Target.FQDN())
	}
	return out
}

func missingFrom(a, b []string) []string {
	var out []string
	for _, s := range a {
		if !slices.Contains(b, s) {
			out = append(out, s)
		}
	}
	return out
}

// mxEffects compares where mail goes.
func mxEffects(before, after Side, name zone.Name) []Effect {
	had, has := exchanges(before, name), exchanges(after, name)
	if slices.Equal(had, has) {
		return nil
	}
	e := Effect{Kind: MXChanged, Name: name, Exact: true, Before: strings.Join(had, ", "), After: strings.Join(has, ", ")}
	was, is := destination(before, name, had), destination(after, name, has)
	switch {
	case was != "" && is == "":
		e.Kind = MailDisabled
		e.Message = fmt.Sprintf("%s takes no more mail, before it went to %s", name, was)
	case was == "" && is != "":
		e.Kind = MailEnabled
		e.Message = fmt.Sprintf("%s takes mail: it goes to %s", name, is)
	case was != "":
		e.Message = fmt.Sprintf("mail for %s goes to %s, before to %s", name, is, was)
	case len(has) == 0:
		e.Message = fmt.Sprintf("%s no longer says that it takes no mail", name)
	default:
		e.Message = fmt.Sprintf("%s says that it takes no mail", name)
	}
	return []Effect{e}
}

// destination says where mail for a name goes: to its exchanges, or without any to its own address (RFC 5321 §5.1). It is "" where the
// name takes none: it has a null MX (RFC 7505), or nothing at all.
func destination(s Side, name zone.Name, exchanges []string) string {
	switch {
	case slices.Equal(exchanges, []string{"0 ."}):
		return ""
	case len(exchanges) > 0:
		return strings.Join(exchanges, ", ")
	case hasAddress(s, name):
		return "its own address"
	}
	return ""
}

func hasAddress(s Side, name zone.Name) bool {
	return len(s.set(name, dns.TypeA))+len(s.set(name, dns.TypeAAAA)) > 0
}

func exchanges(s Side, name zone.Name) []string {
	var out []string
	recs := slices.Clone(s.set(name, dns.TypeMX))
	slices.SortFunc(recs, func(a, b *zone.Record) int {
		if a.Pref != b.Pref {
			return int(a.Pref) - int(b.Pref)
		}
		return a.Target.Compare(b.Target)
	})
	for _, r := range recs {
		out = append(out, fmt.Sprintf("%d %s", r.Pref, r.Target.FQDN()))
	}
	return out
}

// mtastsEffects compares the MTA-STS record of a policy domain.
func mtastsEffects(before, after Side, name zone.Name) []Effect {
	if name.First() != "_mta-sts" {
		return nil
	}
	all := func(string) bool { return true }
	had, has := before.texts(name, all), after.texts(name, all)
	if slices.Equal(had, has) {
		return nil
	}
	domain := name.Parent()
	e := Effect{Kind: MTASTSChanged, Name: name, Exact: true, Before: strings.Join(had, ", "), After: strings.Join(has, ", ")}
	if len(has) == 0 {
		e.Message = fmt.Sprintf("MTA-STS of %s is withdrawn; senders keep the policy that they have until its max_age has passed", domain)
	} else {
		e.Message = fmt.Sprintf("MTA-STS of %s has a new policy: deploy the file first, then the record", domain)
	}
	return []Effect{e}
}
