package rules

import "slices"

// All are the rules, family by family, in the order of docs/rules.
func All() []*Rule {
	return slices.Concat(spfRules, dkimRules, dmarcRules, mtastsRules, tlsrptRules, bimiRules, mxRules, daneRules, targetRules, dnsRules, expectRules)
}
