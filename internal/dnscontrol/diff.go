package dnscontrol

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/StackExchange/dnscontrol/v4/models"
	"github.com/StackExchange/dnscontrol/v4/pkg/diff2"
	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
	"github.com/tripod-dns/tripod/planner"
)

// Diff is what changes when the zone goes from base to what the definitions say, in the order of the names. It is
// dnscontrol's comparison: records that ignore_records, IGNORE or NO_PURGE leave to others stay, and so do the SOA
// and the name servers of the apex when the zone says nothing of them, which are the provider's. Records of base
// whose type dnscontrol does not know (signatures and the like) are not looked at.
//
// In extend the zone is both halves; where the other half is not known, only record sets of the definitions count.
// A change is Ours there when its record set holds a record of the definitions afterwards or did before, and when it
// loses records; otherwise every change is.
//
// An error is a zone that cannot be compared: one with a record that dnscontrol cannot hold, or whose own records
// match its ignore_records.
func Diff(d *zone.Domain, base []*zone.Record) (changes []planner.Change, err error) {
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
	wasOurs := map[*models.RecordConfig]bool{}
	for _, r := range rest {
		rc, err := toModel(r, d.Name, effectiveTTL(d, r))
		if err != nil {
			return nil, fmt.Errorf("compare %s: base: %w", d.ID(), err)
		}
		existing = append(existing, rc)
		wasOurs[rc] = r.Origin == zone.Defined
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
		out := planner.Change{Zone: d.ID(), Name: name, Type: c.Key.Type, Ours: d.Emit != zone.EmitExtend}
		for _, rc := range c.Old {
			out.Before = append(out.Before, rc.GetTargetCombinedFunc(nil))
			out.BeforeTTL, out.TTL = rc.TTL, rc.TTL
			out.Ours = out.Ours || wasOurs[rc]
		}
		for _, rc := range c.New {
			if r := m.from[rc]; r != nil && r.Origin == zone.Defined {
				out.Ours = true
			}
			out.After = append(out.After, rc.GetTargetCombinedFunc(nil))
			out.TTL = rc.TTL
		}
		// Of what a provider has, nobody knows whose it was: a set that loses records counts, so that the changes
		// against it are those against the definitions before, and have the same digest.
		out.Ours = out.Ours || len(out.After) < len(out.Before)
		switch c.Type {
		case diff2.CREATE:
			out.Action = planner.Create
		case diff2.DELETE:
			out.Action = planner.Delete
		default:
			out.Action = planner.Modify
		}
		slices.Sort(out.Before)
		slices.Sort(out.After)
		changes = append(changes, out)
	}
	slices.SortStableFunc(changes, compareChanges)
	return changes, nil
}

func compareChanges(a, b planner.Change) int {
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
	type sides struct {
		want, have      []*zone.Record
		compared, equal bool
	}
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
		if !s.compared { // once a set, not once a record
			s.compared = true
			s.equal = slices.EqualFunc(s.want, s.have, func(a, b *zone.Record) bool { return same(d, a, b) })
		}
		return !s.equal
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
			return nil, inOurWords(err)
		}
		out = append(out, changes...)
	}
	return out, nil
}

// inOurWords says diff2's only common error, which is several lines long and names things of D(), as one line.
func inOurWords(err error) error {
	var own []string
	for _, line := range strings.Split(err.Error(), "\n") {
		if record, ok := strings.CutPrefix(line, "    "); ok && len(own) < 5 {
			own = append(own, record)
		}
	}
	if len(own) == 0 || !strings.Contains(err.Error(), "both IGNORE*()'d and not ignored") {
		return errors.New(firstLines(err.Error(), 6))
	}
	return fmt.Errorf("ignore_records leaves to others what the zone itself defines, which dnscontrol refuses: %s", strings.Join(own, "; "))
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
