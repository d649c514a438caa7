package dnscontrol

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/StackExchange/dnscontrol/v4/models"
	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// supported are the types that miekg/dns and dnscontrol's models both know. Any other makes ToRR panic.
var supported = map[uint16]bool{
	dns.TypeA: true, dns.TypeAAAA: true, dns.TypeCAA: true, dns.TypeCNAME: true, dns.TypeDHCID: true,
	dns.TypeDNAME: true, dns.TypeDS: true, dns.TypeDNSKEY: true, dns.TypeHTTPS: true, dns.TypeLOC: true,
	dns.TypeMX: true, dns.TypeNAPTR: true, dns.TypeNS: true, dns.TypePTR: true, dns.TypeSOA: true,
	dns.TypeSRV: true, dns.TypeSSHFP: true, dns.TypeSVCB: true, dns.TypeTLSA: true, dns.TypeTXT: true,
}

// model is a zone in dnscontrol's words, with the way back to the records that it was made of.
type model struct {
	dc   *models.DomainConfig
	from map[*models.RecordConfig]*zone.Record
}

// everything is what the zone holds after the merge: in extend both halves.
func everything(d *zone.Domain) []*zone.Record {
	if d.Emit != zone.EmitExtend || len(d.Rest) == 0 {
		return d.Records
	}
	return slices.Concat(d.Records, d.Rest)
}

// effectiveTTL is the TTL that dnscontrol publishes: its own default where none is written (models.DefaultTTL),
// in extend what the D() gives.
func effectiveTTL(d *zone.Domain, r *zone.Record) uint32 {
	switch {
	case r.HasTTL && r.TTL != 0:
		return r.TTL
	case !r.HasTTL && d.Emit == zone.EmitExtend && d.RestTTL != 0:
		return d.RestTTL
	}
	return models.DefaultTTL
}

// newModel builds the zone for dnscontrol, fresh: it changes what it is given. Name servers of the apex stand in
// Nameservers, since it refuses them among the records. A record that it cannot hold is an error; the others are
// in the model all the same.
func newModel(d *zone.Domain, records []*zone.Record) (*model, error) {
	m := &model{dc: emptyModel(d), from: make(map[*models.RecordConfig]*zone.Record, len(records))}
	var errs []error
	for _, r := range records {
		if r.Type == dns.TypeNS && r.Name == d.Name {
			m.dc.Nameservers = append(m.dc.Nameservers, &models.Nameserver{Name: nsTarget(r)})
			m.dc.Metadata["ns_ttl"] = strconv.FormatUint(uint64(effectiveTTL(d, r)), 10)
			continue
		}
		rc, err := toModel(r, d.Name, effectiveTTL(d, r))
		if err != nil {
			errs = append(errs, err)
			continue
		}
		m.dc.Records = append(m.dc.Records, rc)
		m.from[rc] = r
	}
	return m, errors.Join(errs...)
}

func emptyModel(d *zone.Domain) *models.DomainConfig {
	dc := &models.DomainConfig{
		Name:             d.ID(),
		RegistrarName:    registrarOf(d),
		DNSProviderNames: map[string]int{},
		Metadata:         map[string]string{},
		KeepUnknown:      d.RestNoPurge,
	}
	dc.UpdateSplitHorizonNames()
	for _, p := range d.DNSProviders {
		dc.DNSProviderNames[p] = -1 // all name servers that the provider has
	}
	for _, list := range [][]zone.IgnoreRecord{d.IgnoreRecords, d.RestIgnores} {
		for _, ig := range list {
			dc.Unmanaged = append(dc.Unmanaged, &models.UnmanagedConfig{
				LabelPattern:  cmp.Or(ig.Label, "*"),
				RTypePattern:  cmp.Or(ig.Types, "*"),
				TargetPattern: cmp.Or(ig.Target, "*"),
			})
		}
	}
	return dc
}

// registrarOf is the registrar's name in creds.json; dnscontrol has an entry "none" of its own.
func registrarOf(d *zone.Domain) string {
	if d.Registrar == "" || d.Registrar == "-" {
		return "none"
	}
	return d.Registrar
}

func nsTarget(r *zone.Record) string {
	if r.Data != "" {
		return strings.ToLower(r.Data)
	}
	return r.Target.FQDN()
}

// toModel is one record in dnscontrol's words. TXT goes in raw, by SetTargetTXT: what miekg's parser makes of a TXT
// keeps the escapes of the presentation format, and they would be published.
func toModel(r *zone.Record, origin zone.Name, ttl uint32) (rc *models.RecordConfig, err error) {
	what := fmt.Sprintf("%s %s", r.Name, r.TypeName())
	defer guard(what, &err)
	if !supported[r.Type] {
		return nil, fmt.Errorf("%s: dnscontrol v4.20 has no type %s", what, r.TypeName())
	}
	if !r.Name.Under(origin) {
		return nil, fmt.Errorf("%s: the name is outside the zone %s", what, origin)
	}
	if r.Type == dns.TypeTXT {
		rc = &models.RecordConfig{Type: "TXT", TTL: ttl, Metadata: map[string]string{}}
		rc.SetLabel(r.Name.Relative(origin), string(origin))
		if err := rc.SetTargetTXT(r.Text.String()); err != nil {
			return nil, fmt.Errorf("%s: %w", what, err)
		}
		return rc, nil
	}
	rr, err := parseRData(r.Type, r.Data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	got, err := models.RRtoRC(rr, string(origin))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, err)
	}
	rc = &got
	rc.TTL = ttl
	rc.Metadata = map[string]string{}
	rc.Original = nil
	rc.SetLabel(r.Name.Relative(origin), string(origin))
	if r.Type == dns.TypeSVCB || r.Type == dns.TypeHTTPS {
		// GetSVCBValue ends the process when it cannot read back what SetTargetSVCB wrote.
		line := fmt.Sprintf("%s %s %d %s %s", rc.NameFQDN, rc.Type, rc.SvcPriority, rc.GetTargetField(), rc.SvcParams)
		if _, err := dns.NewRR(line); err != nil {
			return nil, fmt.Errorf("%s: dnscontrol v4.20 cannot hold the parameters %q", what, rc.SvcParams)
		}
	}
	return rc, nil
}

// parseRData reads rdata in presentation format, names absolute.
func parseRData(rtype uint16, data string) (dns.RR, error) {
	if strings.ContainsAny(data, "\n\r\x00") {
		return nil, errors.New("rdata with a line break or NUL")
	}
	rr, err := dns.NewRR(". 0 IN " + zone.TypeName(rtype) + " " + data)
	if err != nil {
		return nil, fmt.Errorf("rdata %q: %w", data, err)
	}
	if rr == nil || rr.Header().Rrtype != rtype {
		return nil, fmt.Errorf("rdata %q is empty", data)
	}
	return rr, nil
}

// rdata is what stands behind the header in the record's presentation format.
func rdata(rr dns.RR) string { return strings.TrimPrefix(rr.String(), rr.Header().String()) }

// fromRR is a record that miekg/dns read. The strings of a TXT come out of its parser with their escapes, which
// are undone here.
func fromRR(rr dns.RR, origin zone.Origin) (*zone.Record, error) {
	h := rr.Header()
	name, err := zone.ParseName(h.Name)
	if err != nil {
		return nil, fmt.Errorf("owner name %q: %w", h.Name, err)
	}
	r := &zone.Record{Name: name, Type: h.Rrtype, TTL: h.Ttl, HasTTL: true, Origin: origin, Block: "record"}
	target := ""
	switch v := rr.(type) {
	case *dns.TXT:
		var b strings.Builder
		for i, s := range v.Txt {
			if i > 0 {
				r.Joints = append(r.Joints, b.Len())
			}
			b.WriteString(zone.Unescape(s))
		}
		r.Text = zone.PlainText(b.String(), zone.Span{})
		return r, nil
	case *dns.CNAME:
		target = v.Target
	case *dns.DNAME:
		target = v.Target
	case *dns.NS:
		target = v.Ns
	case *dns.PTR:
		target = v.Ptr
	case *dns.MX:
		target, r.Pref = v.Mx, v.Preference
	case *dns.SRV:
		target, r.Pref = v.Target, v.Priority
	}
	if target != "" {
		if r.Target, err = zone.ParseName(target); err != nil {
			return nil, fmt.Errorf("%s %s: target %q: %w", name, r.TypeName(), target, err)
		}
	}
	r.Data = rdata(rr)
	return r, nil
}
