// Package planner says what a merge changes: which record sets, and what that means for the mail. Its functions are pure: whatever
// they look up comes through an interface, and nothing is read from a clock or a disk.
package planner

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/tripod-dns/tripod/internal/zone"
)

// What a Change does to its record set.
const (
	Create = "create"
	Modify = "change"
	Delete = "delete"
)

// A Change is what happens to one record set of a zone.
type Change struct {
	Zone   string // the zone with its tag
	Action string // Create, Modify or Delete
	Name   zone.Name
	Type   string
	TTL    uint32 // seconds, afterwards; of a Delete, before
	// BeforeTTL is the TTL before, 0 of a Create.
	BeforeTTL uint32
	// Before and After are the rdata in presentation format, a TXT as its one text; sorted.
	Before, After []string
	// Ours tells whether the set holds a record of the definitions afterwards, or held one before.
	Ours bool
}

// A Base says what a plan compares with.
type Base struct {
	Kind   string // "git", "zones", "dns", "provider", "empty"
	Ref    string // the git revision or the directory
	Commit string // the commit that a git revision stands for
	Note   string // what a reader has to know of how the base was had; may be empty
}

// A Plan is what a merge changes in the whole repository.
type Plan struct {
	Base    Base
	Digest  string
	Domains []DomainPlan // those with changes or effects, in the order of the definitions
}

// A DomainPlan is what a merge changes in one domain.
type DomainPlan struct {
	Name    zone.Name
	Tag     string
	Changes []Change
	Effects []Effect
}

// Effect kinds.
const (
	SPFSendersGained = "spf-senders-gained"
	SPFSendersLost   = "spf-senders-lost"
	SPFLookups       = "spf-lookups"
	DMARCPolicy      = "dmarc-policy"
	DKIMKeyAdded     = "dkim-key-added"
	DKIMKeyRemoved   = "dkim-key-removed"
	MXChanged        = "mx-changed"
	MTASTSChanged    = "mta-sts-changed"
	MailDisabled     = "mail-disabled"
	MailEnabled      = "mail-enabled"
)

// An Effect is what a change means for the mail.
type Effect struct {
	Kind    string
	Name    zone.Name
	Message string
	// Exact is false where part of the answer depends on the message or on names that are not known: Terms are the SPF terms
	// that are to blame.
	Exact     bool
	Prefixes  []netip.Prefix // sorted, minimal
	Addresses uint64         // how many IPv4 addresses the prefixes hold
	Terms     []string
	// Before and After are the lookup counts, policies, or exchanges.
	Before, After string
}

// Counts are the changed record sets of a plan by action, and the domains that have any.
type Counts struct{ Domains, Create, Change, Delete int }

// Counts counts the plan's changes.
func (p *Plan) Counts() Counts {
	var c Counts
	for _, d := range p.Domains {
		if len(d.Changes) > 0 {
			c.Domains++
		}
		for _, ch := range d.Changes {
			switch ch.Action {
			case Create:
				c.Create++
			case Delete:
				c.Delete++
			default:
				c.Change++
			}
		}
	}
	return c
}

// Digest identifies a set of changes, whatever base they were computed against: zone, name, type, TTL and rdata before
// and after of every changed record set that is Ours, in any order. The serial of an SOA does not count: it is
// counted up by whoever publishes.
func Digest(changes []Change) string {
	lines := make([]string, 0, len(changes))
	for _, c := range changes {
		if !c.Ours {
			continue
		}
		fields := []string{c.Zone, string(c.Name), c.Type, c.Action, fmt.Sprint(c.BeforeTTL), fmt.Sprint(c.TTL)}
		fields = append(fields, fmt.Sprint(len(c.Before)))
		fields = append(fields, digestData(c.Type, c.Before)...)
		fields = append(fields, digestData(c.Type, c.After)...)
		for i, f := range fields {
			fields[i] = fmt.Sprintf("%d:%s", len(f), f) // netstrings: no rdata can pass for a border
		}
		lines = append(lines, strings.Join(fields, ","))
	}
	slices.Sort(lines)
	sum := sha256.Sum256([]byte(strings.Join(lines, "\n")))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// digestData is rdata without what makes no difference: the serial of an SOA.
func digestData(rtype string, data []string) []string {
	if rtype != "SOA" {
		return data
	}
	out := make([]string, len(data))
	for i, s := range data {
		out[i] = s
		if f := strings.Fields(s); len(f) == 7 {
			f[2] = "0"
			out[i] = strings.Join(f, " ")
		}
	}
	return out
}
