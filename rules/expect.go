package rules

// expectRules check the assertions of expect blocks.
var expectRules = []*Rule{}
