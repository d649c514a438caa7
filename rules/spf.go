package rules

// spfRules is the family, in the order of its page.
var spfRules = []*Rule{}

// spfViews are the family's views of one domain.
type spfViews struct{}

// spfCache is what the family shares between domains.
type spfCache struct{}
