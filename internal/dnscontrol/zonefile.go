package dnscontrol

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/StackExchange/dnscontrol/v4/models"
	"github.com/StackExchange/dnscontrol/v4/pkg/diff2"
	"github.com/StackExchange/dnscontrol/v4/pkg/prettyzone"
	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// errNoSOA tells that a zone file cannot be written, since neither the definitions nor the file that is there has an SOA.
var errNoSOA = errors.New("the zone has no SOA")

// ZoneFile is the zone as a zone file (RFC 1035 §5), both halves of it in extend. old is the file that is there, nil for none:
// records that ignore_records leaves to others stay as they are in it, and so do the SOA and the apex's name servers
// where the zone says nothing of them. Where nothing changes, old comes back byte for byte; else the serial is
// counted up from old's, or is the zone's own where that is later (RFC 1982).
func ZoneFile(d *zone.Domain, old []byte) (text []byte, err error) {
	defer guard("write zone file of "+d.ID(), &err)
	var base []*zone.Record
	if old != nil {
		if base, err = readZoneFile(old, d.Name, "of "+d.ID()); err != nil {
			return nil, err
		}
		for _, r := range base {
			if !supported[r.Type] {
				return nil, fmt.Errorf("write zone file of %s: the file that is there holds %s %s, which dnscontrol v4.20 does not know: it would be lost",
					d.ID(), r.Name, r.TypeName())
			}
		}
		changes, err := Diff(d, base)
		if err != nil {
			return nil, err
		}
		if len(changes) == 0 {
			return old, nil
		}
	}
	records, err := afterwards(d, base)
	if err != nil {
		return nil, err
	}
	var soa *zone.Record
	out := make(models.Records, 0, len(records))
	for _, r := range records {
		if strings.ContainsFunc(r.Text.String(), func(c rune) bool { return c < ' ' || c == 0x7f }) {
			return nil, fmt.Errorf("write zone file of %s: %s %s holds a control character", d.ID(), r.Name, r.TypeName())
		}
		rc, err := toModel(r, d.Name, effectiveTTL(d, r))
		if err != nil {
			return nil, fmt.Errorf("write zone file of %s: %w", d.ID(), err)
		}
		if r.Type == dns.TypeSOA {
			soa = r
			rc.SoaSerial = nextSerial(rc.SoaSerial, base)
		}
		out = append(out, rc)
	}
	if soa == nil {
		return nil, fmt.Errorf("write zone file of %s: %w: write record \"SOA\" \"@\"", d.ID(), errNoSOA)
	}
	var b bytes.Buffer
	b.WriteString("$ORIGIN " + d.Name.FQDN() + "\n")
	if err := prettyzone.WriteZoneFileRC(&b, out, string(d.Name), 0, nil); err != nil {
		return nil, fmt.Errorf("write zone file of %s: %w", d.ID(), err)
	}
	return b.Bytes(), nil
}

// afterwards is what the zone holds once it is published over base.
func afterwards(d *zone.Domain, base []*zone.Record) ([]*zone.Record, error) {
	records := slices.Clone(everything(d))
	has := map[uint16]bool{}
	for _, r := range records {
		if r.Name == d.Name {
			has[r.Type] = true
		}
	}
	m, err := newModel(d, nil)
	if err != nil {
		return nil, err
	}
	for _, r := range base {
		apex := r.Name == d.Name && (r.Type == dns.TypeSOA || r.Type == dns.TypeNS)
		switch {
		case apex && !has[r.Type]:
			records = append(records, r)
		case apex:
		default:
			left, err := leftToOthers(m.dc, r, d)
			if err != nil {
				return nil, err
			}
			if left && !slices.ContainsFunc(records, func(x *zone.Record) bool { return same(d, x, r) }) {
				records = append(records, r)
			}
		}
	}
	return records, nil
}

// leftToOthers asks dnscontrol whether it would leave a record that the zone does not define.
func leftToOthers(dc *models.DomainConfig, r *zone.Record, d *zone.Domain) (bool, error) {
	if len(dc.Unmanaged) == 0 && !dc.KeepUnknown {
		return false, nil
	}
	rc, err := toModel(r, d.Name, r.TTL)
	if err != nil {
		return false, err
	}
	if dc.KeepUnknown {
		for _, x := range everything(d) {
			if x.Name == r.Name && x.Type == r.Type {
				return false, nil // NO_PURGE keeps whole record sets only
			}
		}
	}
	changes, err := compare(&model{dc: dc}, models.Records{rc}, true)
	if err != nil {
		return false, err
	}
	for _, c := range changes {
		if c.Type == diff2.DELETE {
			return false, nil
		}
	}
	return true, nil
}

// nextSerial is the serial to publish: own, unless the zone file that is there has the same or a later one
// (RFC 1982 §3.2); then that plus one. 0 is passed over, since some servers take it for none.
func nextSerial(own uint32, base []*zone.Record) uint32 {
	next := own
	for _, r := range base {
		if r.Type != dns.TypeSOA {
			continue
		}
		if rr, err := parseRData(r.Type, r.Data); err == nil {
			if soa, ok := rr.(*dns.SOA); ok && int32(own-soa.Serial) <= 0 { //nolint:gosec // serial arithmetic wraps on purpose
				next = soa.Serial + 1
			}
		}
	}
	return max(next, 1)
}
