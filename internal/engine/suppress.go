package engine

import (
	"fmt"
	"slices"
	"time"

	"github.com/tripod-dns/tripod/internal/zone"
	"github.com/tripod-dns/tripod/rules"
)

// suppress takes out findings that an ignore block of their domain names, and adds what there is to say of the ignore blocks
// themselves: one that is past its date hides nothing, one that hides nothing is a finding.
func (r *Repo) suppress(s rules.Settings, found []rules.Finding, notChecked []rules.NotChecked) (kept []rules.Finding, suppressed int) {
	type id struct {
		name zone.Name
		tag  string
	}
	byDomain := map[id][]*zone.Ignore{}
	used := map[zone.Span]bool{} // by place: an ignore in a profile serves many domains
	for _, d := range r.Config.Domains {
		for _, ig := range d.Ignores {
			if !rules.Past(ig.Until, r.opts.Now) {
				byDomain[id{d.Name, d.Tag}] = append(byDomain[id{d.Name, d.Tag}], ig)
			}
		}
	}
	for _, f := range found {
		i := slices.IndexFunc(byDomain[id{f.Domain, f.Tag}], func(ig *zone.Ignore) bool { return hides(ig, f) })
		if i < 0 {
			kept = append(kept, f)
			continue
		}
		used[byDomain[id{f.Domain, f.Tag}][i].At] = true
		suppressed++
	}

	// Whether it was checked is by domain: an ignore whose rule did not run may well be needed.
	unchecked := map[zone.Name][]string{}
	for _, n := range notChecked {
		unchecked[n.Domain] = append(unchecked[n.Domain], n.Rules...)
	}
	told := map[zone.Span]bool{}
	for _, d := range r.Config.Domains {
		for _, ig := range d.Ignores {
			rule, _ := Rule(ig.Rule)
			if rule == nil || told[ig.At] {
				continue
			}
			f := rules.Finding{Domain: d.Name, Tag: d.Tag, Name: d.Name, At: ig.RuleAt}
			which := ignoreUnused
			switch {
			case rules.Past(ig.Until, r.opts.Now):
				which = ignoreExpired
				f.At = ig.At
				f.Message = fmt.Sprintf("this suppression of %s ended on %s: what it hid is back", ig.Rule, ig.Until.Format(time.DateOnly))
				f.Help = "mend what it hid, or set a new date with the reason for it"
			case used[ig.At], s.Severity[ig.Rule] == rules.Off, slices.Contains(unchecked[d.Name], ig.Rule):
				continue
			default:
				f.Message = fmt.Sprintf("no finding of %s is hidden by this ignore", ig.Rule)
				f.Help = "delete the block"
				if ig.Term != "" || ig.Owner != "" {
					f.Help = "delete the block, or mend its at and term: they have to name the owner and the text that the finding points at"
				}
			}
			told[ig.At] = true
			if sev := s.Severity[which.ID]; sev != rules.Off {
				f = engineFinding(which, f)
				if sev != rules.Default {
					f.Severity = sev
				}
				kept = append(kept, f)
			}
		}
	}
	return kept, suppressed
}

func hides(ig *zone.Ignore, f rules.Finding) bool {
	switch {
	case ig.Rule != f.Rule:
		return false
	case ig.Owner != "":
		if f.Name != ig.Owner {
			return false
		}
	case !f.Name.Under(ig.Scope) && ig.Scope != f.Domain:
		return false
	}
	return ig.Term == "" || ig.Term == f.Term
}
