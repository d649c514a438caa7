package dnscontrol

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/tripod-dns/tripod/internal/zone"
)

// policyPath is where the MTA-STS policy file is rendered, from the root: the part from .well-known on is what
// https://mta-sts.DOMAIN/ serves (RFC 8461 §3.2).
func policyPath(p *zone.MTASTSPolicy) string {
	return "mta-sts/" + escapeFileName(string(p.Owner)) + "/.well-known/mta-sts.txt"
}

// policyFile is the policy file of an mta_sts block, in the key order of RFC 8461 §3.2, lines ended by CRLF. Values
// that would break a line are refused.
func policyFile(p *zone.MTASTSPolicy) ([]byte, error) {
	for _, v := range append([]string{p.Mode}, p.MX...) {
		if strings.ContainsAny(v, "\r\n\x00") {
			return nil, fmt.Errorf("MTA-STS policy of %s: %q breaks the line", p.Owner, v)
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "version: STSv1\r\nmode: %s\r\n", p.Mode)
	for _, mx := range p.MX {
		fmt.Fprintf(&b, "mx: %s\r\n", mx)
	}
	fmt.Fprintf(&b, "max_age: %d\r\n", p.MaxAge)
	return b.Bytes(), nil
}
