package engine

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/zone"
	"github.com/tripod-dns/tripod/rules"
)

// Rules are all rules: the linter's, then those that speak of the run.
func Rules() []*rules.Rule { return slices.Concat(rules.All(), runRules) }

// Rule is the rule with an id, or nil and the id that was probably meant ("" where none is near).
func Rule(id string) (r *rules.Rule, near string) {
	best := 0.0
	for _, r := range Rules() {
		if r.ID == id {
			return r, ""
		}
		if s := levenshtein.Similarity(id, r.ID, nil); s > best {
			best, near = s, r.ID
		}
	}
	if best < 0.6 {
		near = ""
	}
	return nil, near
}

// settings turns the lint block into what rules read. What it says of rules or parameters that do not exist are findings.
func (r *Repo) settings() (rules.Settings, []rules.Finding) {
	lint := r.Config.Settings.Lint
	s := rules.Settings{
		Severity: map[string]rules.Severity{}, Params: map[string]map[string]int{}, BulkSenders: map[zone.Name]bool{},
	}
	var out []rules.Finding
	for _, b := range lint.BulkSenders {
		s.BulkSenders[b.Name] = true
		if !slices.ContainsFunc(r.Config.Domains, func(d *zone.Domain) bool { return d.Name == b.Name }) {
			out = append(out, engineFinding(ruleUnknown, rules.Finding{
				Message: fmt.Sprintf("bulk_senders names %s, and no definition has that name", b.Name), Name: b.Name, At: b.At,
			}))
		}
	}
	for _, set := range lint.Rules {
		rule, near := Rule(set.ID)
		if rule == nil {
			out = append(out, unknownRule(set.ID, near, set.At))
			continue
		}
		if sev, err := rules.ParseSeverity(set.Severity); err == nil {
			s.Severity[rule.ID] = sev
		}
		for name, p := range set.Params {
			n, ok := p.Value.(int64)
			i := slices.IndexFunc(rule.Params, func(q rules.Param) bool { return q.Name == name })
			switch {
			case i < 0:
				out = append(out, engineFinding(ruleUnknown, rules.Finding{
					Message: fmt.Sprintf("%s has no parameter %q", rule.ID, name), Help: parameters(rule), At: p.NameAt,
				}))
			case !ok || n < 0 || n > math.MaxInt32:
				out = append(out, engineFinding(ruleUnknown, rules.Finding{
					Message: fmt.Sprintf("%s of %s is a whole number", name, rule.ID), Help: parameters(rule), At: p.At,
				}))
			default:
				if s.Params[rule.ID] == nil {
					s.Params[rule.ID] = map[string]int{}
				}
				s.Params[rule.ID][name] = int(n)
			}
		}
	}
	for _, d := range r.Config.Domains {
		for _, ig := range d.Ignores {
			if rule, near := Rule(ig.Rule); rule == nil {
				f := unknownRule(ig.Rule, near, ig.RuleAt)
				f.Domain, f.Name = d.Name, d.Name
				out = append(out, f)
			}
		}
	}
	return s, out
}

func parameters(r *rules.Rule) string {
	names := []string{"severity"}
	for _, p := range r.Params {
		names = append(names, p.Name)
	}
	return "it has " + strings.Join(names, ", ")
}

func unknownRule(id, near string, at zone.Span) rules.Finding {
	help := "tripod rules lists them"
	if near != "" {
		help = fmt.Sprintf("did you mean %q?", near)
	}
	return engineFinding(ruleUnknown, rules.Finding{Message: fmt.Sprintf("there is no rule %q", id), Help: help, At: at})
}

// places of a repository that findings without a record point at.
func settingsPlace(c *config.Repository) zone.Span { return c.Settings.DNSControl.At }
