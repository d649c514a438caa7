package dmarc

import (
	"fmt"

	"github.com/tripod-dns/tripod/internal/zone"
)

// PermissionName is the name at which the host of a report address permits reports about a domain
// (RFC 9990 §4): <domain>._report._dmarc.<host>. It is an error where that is no possible name, such as one of more than
// 253 octets: then no receiver can ask, and no reports are sent.
func PermissionName(domain, host zone.Name) (zone.Name, error) {
	n := host.Child("_dmarc").Child("_report").Child(string(domain))
	if err := n.Check(); err != nil {
		return "", fmt.Errorf("%s._report._dmarc.%s: %w", domain, host, err)
	}
	return n, nil
}

// IsPermissionName tells whether a name is one at which report permissions stand, and no policies.
func IsPermissionName(name zone.Name) bool {
	for n := name; n != zone.Root; n = n.Parent() {
		if n.First() == "_report" && n.Parent().First() == "_dmarc" {
			return true
		}
	}
	return false
}
