package dnscontrol

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/StackExchange/dnscontrol/v4/models"
	"github.com/StackExchange/dnscontrol/v4/pkg/diff2"
	"github.com/miekg/dns"

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
	// Ours tells whether the set holds a record of the definitions afterwards. In zone it always is.
	Ours bool
}

// Diff is what changes when the zone goes from base to what the definitions say, in the order of the names. It is
// dnscontrol's comparison: records that ignore_records, IGNORE or NO_PURGE leave to others stay, and so do the SOA
// and the name servers of the apex when the zone says nothing of them, which are the provider's. In extend the zone
// is both halves; where the other half is not known, only record sets of the definitions count. Records of base whose type
// dnscontrol does not know (signatures and the like) are not looked at. An error is a zone that dnscontrol could not
// compare: one whose own records match its IGNORE.
func Diff(d *zone.Domain, base []*zone.Record) (changes []Change, err error) {
	defer guard("compare "+d.ID(), &err)
	all := everything(d)
	desired, rest := unequal(d, all, comparableBase(d, all, base))
	if len(desired)+len(rest) == 0 {
		return nil, nil
	}
	m, err := newModel(d, desired)
	if err != nil {
		return nil, fmt.Errorf("compare %s: %w", d.ID(), err)
	}
	existing := make(models.Records, 0, len(rest))
	for _, r := range rest {
		rc, err := toModel(r, d.Name, effectiveTTL(d, r))
		if err != nil {
			return nil, fmt.Errorf("compare %s: base: %w", d.ID(), err)
		}
		existing = append(existing, rc)
	}
	addNameservers(m, d, desired)
	list, err := compare(m, existing, d.Emit == zone.EmitExtend)
	if err != nil {
		return nil, fmt.Errorf("compare %s: %w", d.ID(), err)
	}
	for _, c := range list {
		if c.Type == diff2.REPORT {
			continue
		}
		name, err := zone.ParseName(c.Key.NameFQDN)
		if err != nil {
			return nil, fmt.Errorf("compare %s: %q: %w", d.ID(), c.Key.NameFQDN, err)
		}
		out := Change{Zone: d.ID(), Name: name, Type: c.Key.Type, Ours: d.Emit != zone.EmitExtend}
		for _, rc := range c.Old {
			out.Before = append(out.Before, rc.GetTargetCombinedFunc(nil))
			out.BeforeTTL, out.TTL = rc.TTL, rc.TTL
		}
		for _, rc := range c.New {
			if r := m.from[rc]; r != nil && r.Origin == zone.Defined {
				out.Ours = true
			}
			out.After = append(out.After, rc.GetTargetCombinedFunc(nil))
			out.TTL = rc.TTL
		}
		switch c.Type {
		case diff2.CREATE:
			out.Action = Create
		case diff2.DELETE:
			out.Action = Delete
		default:
			out.Action = Modify
		}
		slices.Sort(out.Before)
		slices.Sort(out.After)
		changes = append(changes, out)
	}
	slices.SortStableFunc(changes, compareChanges)
	return changes, nil
}

func compareChanges(a, b Change) int {
	if c := a.Name.Compare(b.Name); c != 0 {
		return c
	}
	return strings.Compare(a.Type, b.Type)
}

// addNameservers brings the apex's name servers back among the records, as nameservers.AddNSRecords does, and
// keeps the way back to our records.
func addNameservers(m *model, d *zone.Domain, records []*zone.Record) {
	for _, r := range records {
		if r.Type != dns.TypeNS || r.Name != d.Name {
			continue
		}
		rc := &models.RecordConfig{Type: "NS", TTL: effectiveTTL(d, r), Metadata: map[string]string{}}
		rc.SetLabel("@", string(d.Name))
		if rc.SetTarget(nsTarget(r)) == nil {
			m.dc.Records = append(m.dc.Records, rc)
			m.from[rc] = r
		}
	}
}

// A setKey names a record set.
type setKey struct {
	name  zone.Name
	rtype uint16
}

// comparableBase is base without what is not to be compared (see Diff).
func comparableBase(d *zone.Domain, desired, base []*zone.Record) []*zone.Record {
	var hasSOA, hasNS bool
	ours := map[setKey]bool{}
	partial := d.Emit == zone.EmitExtend && !d.RestKnown
	for _, r := range desired {
		hasSOA = hasSOA || r.Type == dns.TypeSOA && r.Name == d.Name
		hasNS = hasNS || r.Type == dns.TypeNS && r.Name == d.Name
		if partial {
			ours[setKey{r.Name, r.Type}] = true
		}
	}
	if partial {
		for _, r := range base {
			if r.Origin == zone.Defined {
				ours[setKey{r.Name, r.Type}] = true
			}
		}
	}
	out := make([]*zone.Record, 0, len(base))
	for _, r := range base {
		apex := r.Name == d.Name
		switch {
		case !supported[r.Type], !r.Name.Under(d.Name),
			apex && r.Type == dns.TypeSOA && !hasSOA,
			apex && r.Type == dns.TypeNS && !hasNS,
			partial && !ours[setKey{r.Name, r.Type}]:
			continue
		}
		out = append(out, r)
	}
	return out
}

// unequal drops the record sets that are the same on both sides, to the letter: in most zones all of them, and to take
// them through dnscontrol's models costs ten times as much.
func unequal(d *zone.Domain, desired, base []*zone.Record) (want, have []*zone.Record) {
	if slices.EqualFunc(desired, base, func(a, b *zone.Record) bool { return same(d, a, b) }) {
		return nil, nil
	}
	type sides struct{ want, have []*zone.Record }
	sets := make(map[setKey]*sides, len(desired))
	at := func(r *zone.Record) *sides {
		k := setKey{r.Name, r.Type}
		if sets[k] == nil {
			sets[k] = &sides{}
		}
		return sets[k]
	}
	for _, r := range desired {
		s := at(r)
		s.want = append(s.want, r)
	}
	for _, r := range base {
		s := at(r)
		s.have = append(s.have, r)
	}
	differ := func(r *zone.Record) bool {
		s := at(r)
		return !slices.EqualFunc(s.want, s.have, func(a, b *zone.Record) bool { return same(d, a, b) })
	}
	keep := func(list []*zone.Record) (out []*zone.Record) {
		for _, r := range list {
			if differ(r) {
				out = append(out, r)
			}
		}
		return out
	}
	return keep(desired), keep(base)
}

// same tells whether two records are published alike.
func same(d *zone.Domain, a, b *zone.Record) bool {
	return a.Name == b.Name && a.Type == b.Type && effectiveTTL(d, a) == effectiveTTL(d, b) && a.RData() == b.RData()
}

// compare runs diff2.ByRecordSet. CNAMEs are compared apart from the rest: beside other records of their name,
// diff2 writes a complaint to standard output, past its own printer.
func compare(m *model, existing models.Records, unsafe bool) (diff2.ChangeList, error) {
	models.Downcase(existing)
	models.Downcase(m.dc.Records)
	all := m.dc.Records
	m.dc.UnmanagedUnsafe = unsafe
	defer func() { m.dc.Records = all }()
	isCNAME := func(rc *models.RecordConfig) bool { return rc.Type == "CNAME" }
	not := func(rc *models.RecordConfig) bool { return rc.Type != "CNAME" }
	var out diff2.ChangeList
	for _, keep := range []func(*models.RecordConfig) bool{not, isCNAME} {
		m.dc.Records = filter(all, keep)
		changes, _, err := diff2.ByRecordSet(filter(existing, keep), m.dc, nil)
		if err != nil {
			return nil, errors.New(firstLines(err.Error(), 6))
		}
		out = append(out, changes...)
	}
	return out, nil
}

func filter(records models.Records, keep func(*models.RecordConfig) bool) models.Records {
	out := make(models.Records, 0, len(records))
	for _, rc := range records {
		if keep(rc) {
			out = append(out, rc)
		}
	}
	return out
}

func firstLines(s string, n int) string {
	lines := strings.SplitN(s, "\n", n+1)
	return strings.Join(lines[:min(n, len(lines))], "\n")
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
	lines = slices.Compact(lines) // a zone at two providers changes the same way at both
	h := sha256.New()
	for _, l := range lines {
		// A hash never fails to take bytes.
		_, _ = h.Write([]byte(l + "\n"))
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
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
