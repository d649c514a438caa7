package report

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/tripod-dns/tripod/internal/dkim"
	"github.com/tripod-dns/tripod/internal/dmarc"
	"github.com/tripod-dns/tripod/internal/zone"
	"github.com/tripod-dns/tripod/planner"
)

// An effectLine is what people read of one or more effects.
type effectLine struct {
	message  string
	prefixes []netip.Prefix
}

// namesShown is how many names of a group are listed.
const namesShown = 5

// sumUp makes one line of effects that say the same of several names or selectors, where the first of them stood.
func sumUp(effects []planner.Effect) []effectLine {
	type key struct{ kind, before, after string }
	groups := map[key][]planner.Effect{}
	var order []key
	for i, e := range effects {
		k := key{e.Kind, fmt.Sprint(i), ""} // for itself
		switch e.Kind {
		case planner.DMARCPolicy:
			k = key{e.Kind, e.Before, e.After}
		case planner.DKIMKeyAdded, planner.DKIMKeyRemoved:
			if _, domain, ok := dkim.SplitName(e.Name); ok {
				k = key{e.Kind, string(domain), ""}
			}
		}
		if groups[k] == nil {
			order = append(order, k)
		}
		groups[k] = append(groups[k], e)
	}
	out := make([]effectLine, 0, len(order))
	for _, k := range order {
		out = append(out, sumUpGroup(groups[k]))
	}
	return out
}

func sumUpGroup(g []planner.Effect) effectLine {
	e := g[0]
	switch e.Kind {
	case planner.DMARCPolicy:
		names := make([]string, 0, len(g))
		for _, x := range g {
			names = append(names, x.Name.String())
		}
		return effectLine{message: fmt.Sprintf("DMARC policy of %s: %s", listed(names), policyWords(e.Before, e.After))}
	case planner.DKIMKeyAdded, planner.DKIMKeyRemoved:
		if len(g) == 1 {
			break
		}
		var domain zone.Name
		selectors := make([]string, 0, len(g))
		for _, x := range g {
			var s string
			s, domain, _ = dkim.SplitName(x.Name)
			selectors = append(selectors, s)
		}
		what := "verify by new keys"
		if e.Kind == planner.DKIMKeyRemoved {
			what = "no longer verify by the keys that were there"
		}
		return effectLine{message: fmt.Sprintf("signatures of %s with selectors %s %s", domain, listed(selectors), what)}
	}
	message := e.Message
	if e.Addresses >= 1000 { // "98,304 IPv4 addresses" is read at a glance
		n := fmt.Sprint(e.Addresses)
		message = strings.Replace(message, n+" IPv4", thousands(n)+" IPv4", 1)
	}
	return effectLine{message, e.Prefixes}
}

// policyWords says a change of policy. "none" is a policy, and something else than no policy at all.
func policyWords(before, after string) string {
	absent := dmarc.Absent.String()
	switch {
	case before == absent:
		return after + ", before no DMARC record at all"
	case after == absent:
		return "no DMARC record any more, before " + before
	}
	return after + ", before " + before
}

// listed names a few and counts the rest.
func listed(names []string) string {
	if more := len(names) - namesShown; more > 1 {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:namesShown], ", "), more)
	}
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " and " + names[n-1]
	}
	return strings.Join(names, "")
}

// thousands sets commas into the digits of a number.
func thousands(digits string) string {
	var b strings.Builder
	for i, r := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(r)
	}
	return b.String()
}
