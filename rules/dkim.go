package rules

// dkimRules is the family, in the order of its page.
var dkimRules = []*Rule{}

// dkimViews are the family's views of one domain.
type dkimViews struct{}

// dkimCache is what the family shares between domains.
type dkimCache struct{}
