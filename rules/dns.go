package rules

// dnsRules are about the DNS around the mail records.
var dnsRules = []*Rule{}
