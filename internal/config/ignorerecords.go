package config

import (
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// maxIgnoreRecords bounds a list of patterns: each of them is held against every record.
const maxIgnoreRecords = 200

// ignoreRecords reads "LABEL", "LABEL TYPES", "LABEL TYPES TARGET".
func ignoreRecords(a *attr, fs *Files, ps *problems) []zone.IgnoreRecord {
	if a == nil {
		return nil
	}
	if n := len(a.val.list); n > maxIgnoreRecords {
		ps.addf(place(a.val.list[maxIgnoreRecords]), "a pattern can stand for many labels: *, ?, {a,b}", "ignore_records: %d patterns, the limit is %d", n, maxIgnoreRecords)
		return nil
	}
	out := make([]zone.IgnoreRecord, 0, len(a.val.list))
	for _, l := range a.val.list {
		parts := strings.Fields(l.str(fs, ""))
		if len(parts) == 0 || len(parts) > 3 {
			ps.add(place(l), "ignore_records: from one to three words", `write "LABEL", "LABEL TYPES" or "LABEL TYPES TARGET", as in dnscontrol's IGNORE()`)
			continue
		}
		r := zone.IgnoreRecord{Label: parts[0], At: place(l)}
		if len(parts) > 1 {
			r.Types = strings.ToUpper(parts[1])
		}
		if len(parts) > 2 {
			r.Target = parts[2]
		}
		ok := true
		for _, pattern := range []string{r.Label, r.Target} {
			if _, err := zone.CompileGlob(pattern); err != nil {
				ok = false
				ps.addf(place(l), `* stands for any text, ? for one character, {a,b} for either; \\ before one of them for itself`, "ignore_records %q: %v", pattern, err)
			}
		}
		if ok {
			out = append(out, r)
		}
	}
	return out
}

// A conflictFinder finds records that a domain defines and leaves to others at once: dnscontrol refuses such a zone
// (pkg/diff2/handsoff.go).
type conflictFinder struct {
	mu    sync.Mutex
	globs map[string]*zone.Glob // by pattern: a fleet has the same few in all its zones
}

// conflicts reports, for each pattern of ignore_records that matches records of the domain itself, the first of them.
func (c *conflictFinder) conflicts(d *zone.Domain, ps *problems) {
	if d.Emit == zone.EmitNone {
		return
	}
	for _, ig := range d.IgnoreRecords {
		label, target := c.glob(ig.Label), c.glob(ig.Target)
		var types []string
		if ig.Types != "" && ig.Types != "*" {
			for t := range strings.SplitSeq(ig.Types, ",") {
				types = append(types, strings.TrimSpace(t))
			}
		}
		var first *zone.Record
		n := 0
		for _, r := range d.Records {
			if len(types) > 0 && !slices.Contains(types, r.TypeName()) ||
				label != nil && !label.Match(r.Name.Relative(d.Name)) || target != nil && !target.Match(targetField(r)) {
				continue
			}
			if n++; first == nil {
				first = r
			}
		}
		if first == nil {
			continue
		}
		more := ""
		if n > 1 {
			more = fmt.Sprintf(" and %d more", n-1)
		}
		ps.addf(ig.At, "narrow the pattern, by a type too (\"LABEL TYPES\"), or leave the record out",
			"ignore_records leaves to others what %s itself defines, %s %s%s: dnscontrol refuses such a zone", d.ID(), first.Name, first.TypeName(), more)
	}
}

// glob is a compiled pattern, nil for one that matches everything.
func (c *conflictFinder) glob(pattern string) *zone.Glob {
	if pattern == "" || pattern == "*" {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	g, ok := c.globs[pattern]
	if !ok {
		g, _ = zone.CompileGlob(pattern) // checked when the list was read
		if c.globs == nil {
			c.globs = make(map[string]*zone.Glob)
		}
		c.globs[pattern] = g
	}
	return g
}

// targetField is what dnscontrol holds the third pattern against.
func targetField(r *zone.Record) string {
	switch r.Type {
	case dns.TypeTXT:
		return r.Text.String()
	case dns.TypeCNAME, dns.TypeDNAME, dns.TypeNS, dns.TypePTR, dns.TypeMX, dns.TypeSRV:
		return r.Target.FQDN()
	case dns.TypeA, dns.TypeAAAA:
		return r.Data
	}
	rr, err := parseRR(r.TypeName(), r.Data, ".")
	if err != nil {
		return r.Data // the rdata was read when the record was made
	}
	switch v := rr.(type) {
	case *dns.CAA:
		return v.Value
	case *dns.TLSA:
		return v.Certificate
	case *dns.SSHFP:
		return v.FingerPrint
	case *dns.SOA:
		return v.Ns
	case *dns.NAPTR:
		return v.Replacement
	case *dns.HTTPS:
		return v.Target
	case *dns.SVCB:
		return v.Target
	case *dns.DHCID:
		return v.Digest
	}
	return ""
}
