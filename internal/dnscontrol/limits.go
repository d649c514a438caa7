package dnscontrol

import (
	"fmt"
	"strings"

	"github.com/tripod-dns/tripod/internal/zone"
	"github.com/tripod-dns/tripod/planner"
)

// What push deletes in one zone without being asked twice.
const (
	maxDeletes       = 5  // records
	maxDeletePercent = 30 // of a zone of manyRecords or more
	manyRecords      = 10
)

// Limits are what a push has to keep to.
type Limits struct {
	// Expect is the digest of the changes that were reviewed; "" takes any.
	Expect string
	// AllowDelete lifts the limits on deletions.
	AllowDelete bool
}

// A RefusalError tells why nothing was applied: a zone would lose more than Limits allow.
type RefusalError struct {
	Zone, Provider string
	Why            string
	Deletes        []planner.Change
}

func (e *RefusalError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "push %s to %s: %s; nothing was applied\n", e.Zone, e.Provider, e.Why)
	for i, c := range e.Deletes {
		if i == 10 {
			fmt.Fprintf(&b, "  and %d more\n", len(e.Deletes)-i)
			break
		}
		fmt.Fprintf(&b, "  - %s %s\n", c.Name, c.Type)
	}
	b.WriteString("if that is what you want: --allow-delete; records that others look after belong into ignore_records")
	return b.String()
}

// A DigestError tells that nothing was applied: the changes are not those that were reviewed, since somebody changed the
// zone or the branch.
type DigestError struct {
	Expect, Got string
	Changes     []planner.Change // what would change now
}

func (e *DigestError) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "the changes are not the reviewed ones: expected %s, would be %s; nothing was applied\n", e.Expect, e.Got)
	n := 0
	for _, c := range e.Changes {
		if !c.Ours {
			continue
		}
		if n++; n > 20 {
			continue
		}
		fmt.Fprintf(&b, "  %s %s %s\n", c.Action, c.Name, c.Type)
	}
	switch {
	case n > 20:
		fmt.Fprintf(&b, "  and %d more\n", n-20)
	case n == 0:
		b.WriteString("  nothing would change now\n")
	}
	b.WriteString("plan again, and have that reviewed")
	return b.String()
}

// refuse applies the limits on deletions to one zone, which now holds the records base.
func refuse(d *zone.Domain, provider string, changes []planner.Change, base int) error {
	deleted, apex := 0, ""
	var deletes []planner.Change
	for _, c := range changes {
		n := len(c.Before) - len(c.After)
		if n <= 0 {
			continue
		}
		deleted += n
		deletes = append(deletes, c)
		if c.Name == d.Name && (c.Type == "A" || c.Type == "AAAA" || c.Type == "NS") {
			apex = c.Type
		}
	}
	why := ""
	switch {
	case apex != "":
		why = fmt.Sprintf("would delete the %s record of the zone's own name", apex)
	case deleted > maxDeletes:
		why = fmt.Sprintf("would delete %d records, the limit is %d", deleted, maxDeletes)
	case base >= manyRecords && deleted*100 > base*maxDeletePercent:
		why = fmt.Sprintf("would delete %d of %d records, the limit is %d %%", deleted, base, maxDeletePercent)
	default:
		return nil
	}
	return &RefusalError{Zone: d.ID(), Provider: provider, Why: why, Deletes: deletes}
}
