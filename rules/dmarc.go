package rules

// dmarcRules is the family, in the order of its page.
var dmarcRules = []*Rule{}

// dmarcViews are the family's views of one domain.
type dmarcViews struct{}

// dmarcCache is what the family shares between domains.
type dmarcCache struct{}
