package dnscontrol

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// maxIR bounds dnscontrol's JSON, in bytes: 10,000 zones of 50 records are some 100 MB.
const maxIR = 256 << 20

// A Half is what dnsconfig.js says of one zone, tripod's part left out.
type Half struct {
	Name zone.Name
	Tag  string // split horizon

	Records []*zone.Record // zone.Rest; NAMESERVER()s are NS records of the apex
	Pseudo  []zone.Pseudo
	Ignores []zone.IgnoreRecord
	NoPurge bool

	// HasTripod tells whether a TRIPOD() stands in the D(). TTL is then the one in seconds that its records get where they have
	// none of their own.
	HasTripod bool
	TTL       uint32

	Registrar string
	Providers []Provider // sorted by name
}

// A Provider is a DnsProvider() of a D().
type Provider struct {
	Name        string          // in creds.json
	Nameservers int             // how many of its name servers are taken: -1 all
	Meta        json.RawMessage // the last argument of NewDnsProvider(), as JSON; nil without one
}

// ID is the name with its tag, as D() writes it.
func (h *Half) ID() string { return (&zone.Domain{Name: h.Name, Tag: h.Tag}).ID() }

// Apply makes the half known to its domain.
func (h *Half) Apply(d *zone.Domain) {
	d.Rest, d.RestKnown, d.RestWhy = h.Records, true, ""
	d.RestPseudo, d.RestIgnores, d.RestNoPurge = h.Pseudo, h.Ignores, h.NoPurge
	d.RestTTL, d.RestLacksTripod = h.TTL, !h.HasTripod
}

// dnscontrol's JSON (models.DNSConfig), as far as it is read here. It is read without its models: those panic on
// some input.
type irConfig struct {
	DNSProviders []struct {
		Name string          `json:"name"`
		Meta json.RawMessage `json:"meta"`
	} `json:"dns_providers"`
	Domains []irDomain `json:"domains"`
}

type irDomain struct {
	Name         string         `json:"name"`
	Registrar    string         `json:"registrar"`
	DNSProviders map[string]int `json:"dnsProviders"`
	Meta         map[string]any `json:"meta"`
	Records      []irRecord     `json:"records"`
	Nameservers  []struct {
		Name string `json:"name"`
	} `json:"nameservers"`
	KeepUnknown bool `json:"keepunknown"`
	Unmanaged   []struct {
		Label  string `json:"label_pattern"`
		Types  string `json:"rType_pattern"`
		Target string `json:"target_pattern"`
	} `json:"unmanaged"`
}

type irRecord struct {
	Type      string         `json:"type"`
	Name      string         `json:"name"`
	SubDomain string         `json:"subdomain"`
	Target    string         `json:"target"`
	TTL       uint32         `json:"ttl"`
	Meta      map[string]any `json:"meta"`

	MxPreference     uint16 `json:"mxpreference"`
	SrvPriority      uint16 `json:"srvpriority"`
	SrvWeight        uint16 `json:"srvweight"`
	SrvPort          uint16 `json:"srvport"`
	CaaTag           string `json:"caatag"`
	CaaFlag          uint8  `json:"caaflag"`
	DsKeyTag         uint16 `json:"dskeytag"`
	DsAlgorithm      uint8  `json:"dsalgorithm"`
	DsDigestType     uint8  `json:"dsdigesttype"`
	DsDigest         string `json:"dsdigest"`
	DnskeyFlags      uint16 `json:"dnskeyflags"`
	DnskeyProtocol   uint8  `json:"dnskeyprotocol"`
	DnskeyAlgorithm  uint8  `json:"dnskeyalgorithm"`
	DnskeyPublicKey  string `json:"dnskeypublickey"`
	LocVersion       uint8  `json:"locversion"`
	LocSize          uint8  `json:"locsize"`
	LocHorizPre      uint8  `json:"lochorizpre"`
	LocVertPre       uint8  `json:"locvertpre"`
	LocLatitude      uint32 `json:"loclatitude"`
	LocLongitude     uint32 `json:"loclongitude"`
	LocAltitude      uint32 `json:"localtitude"`
	NaptrOrder       uint16 `json:"naptrorder"`
	NaptrPreference  uint16 `json:"naptrpreference"`
	NaptrFlags       string `json:"naptrflags"`
	NaptrService     string `json:"naptrservice"`
	NaptrRegexp      string `json:"naptrregexp"`
	SshfpAlgorithm   uint8  `json:"sshfpalgorithm"`
	SshfpFingerprint uint8  `json:"sshfpfingerprint"`
	SoaMbox          string `json:"soambox"`
	SoaSerial        uint32 `json:"soaserial"`
	SoaRefresh       uint32 `json:"soarefresh"`
	SoaRetry         uint32 `json:"soaretry"`
	SoaExpire        uint32 `json:"soaexpire"`
	SoaMinttl        uint32 `json:"soaminttl"`
	SvcPriority      uint16 `json:"svcpriority"`
	SvcParams        string `json:"svcparams"`
	TlsaUsage        uint8  `json:"tlsausage"`
	TlsaSelector     uint8  `json:"tlsaselector"`
	TlsaMatchingType uint8  `json:"tlsamatchingtype"`
}

// readIR reads the JSON that `dnscontrol print-ir --raw` prints, to one Half a zone, by its ID. Names and targets are
// made absolute as dnscontrol would (its normalize package), and records without a TTL have its 300 s.
func readIR(src []byte) (map[string]*Half, error) {
	if len(src) > maxIR {
		return nil, fmt.Errorf("read dnscontrol's JSON: larger than %d MiB", maxIR>>20)
	}
	var config irConfig
	if err := json.Unmarshal(src, &config); err != nil {
		return nil, fmt.Errorf("read dnscontrol's JSON: %w", err)
	}
	meta := map[string]json.RawMessage{}
	for _, p := range config.DNSProviders {
		if len(p.Meta) > 0 && string(p.Meta) != "null" {
			meta[p.Name] = p.Meta
		}
	}
	out := make(map[string]*Half, len(config.Domains))
	for i := range config.Domains {
		h, err := config.Domains[i].half(meta)
		if err != nil {
			return nil, fmt.Errorf("D(%q): %w", config.Domains[i].Name, err)
		}
		out[h.ID()] = h
	}
	return out, nil
}

func (d *irDomain) half(meta map[string]json.RawMessage) (*Half, error) {
	plain, tag, _ := strings.Cut(d.Name, "!")
	name, err := zone.ParseName(plain)
	if err != nil {
		return nil, err
	}
	h := &Half{Name: name, Tag: tag, NoPurge: d.KeepUnknown, Registrar: d.Registrar}
	for p, n := range d.DNSProviders {
		h.Providers = append(h.Providers, Provider{Name: p, Nameservers: n, Meta: meta[p]})
	}
	slices.SortFunc(h.Providers, func(a, b Provider) int { return strings.Compare(a.Name, b.Name) })
	for _, u := range d.Unmanaged {
		h.Ignores = append(h.Ignores, zone.IgnoreRecord{
			Label: cmp.Or(u.Label, "*"), Types: cmp.Or(u.Types, "*"), Target: cmp.Or(u.Target, "*"),
		})
	}
	nsTTL := uint32(300) // nameservers.AddNSRecords
	if s, ok := d.Meta["ns_ttl"].(string); ok {
		if _, err := fmt.Sscanf(s, "%d", &nsTTL); err != nil {
			nsTTL = 300
		}
	}
	for _, ns := range d.Nameservers {
		r := irRecord{Type: "NS", Name: "@", Target: ns.Name, TTL: nsTTL}
		if err := h.add(&r, false); err != nil {
			return nil, err
		}
	}
	proxied := d.Meta["cloudflare_proxy_default"] == "on"
	for i := range d.Records {
		if err := h.add(&d.Records[i], proxied); err != nil {
			return nil, err
		}
	}
	return h, nil
}

// marker is what TRIPOD() gives with -v tripod=off (extend.js).
const marker, markerText = "_tripod", "tripod=off "

func (h *Half) add(r *irRecord, proxied bool) error {
	what := fmt.Sprintf("%s(%q)", r.Type, r.Name)
	if r.Type == "TXT" && r.Name == marker && strings.HasPrefix(r.Target, markerText) {
		h.HasTripod, h.TTL = true, cmp.Or(r.TTL, 300)
		return nil
	}
	switch r.Type {
	case "":
		return fmt.Errorf("%s: no type", what)
	case "CF_REDIRECT", "CF_TEMP_REDIRECT", "CF_SINGLE_REDIRECT", "CLOUDFLAREAPI_SINGLE_REDIRECT", "CF_WORKER_ROUTE",
		"PAGE_RULE", "WORKER_ROUTE", "NO_PURGE", "PURGE":
		return nil // nothing that DNS shows
	case "IMPORT_TRANSFORM":
		// A and CNAME records made from another zone's, of names that are not known here.
		h.Ignores = append(h.Ignores, zone.IgnoreRecord{Label: "*", Types: "A,CNAME", Target: "*"})
		return nil
	}
	name, err := h.owner(r)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	rr, known, err := r.rr(h.Name)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	if !known {
		h.Pseudo = append(h.Pseudo, zone.Pseudo{Name: name, Type: r.Type})
		return nil
	}
	switch p, set := r.Meta["cloudflare_proxy"]; {
	case r.Type != "A" && r.Type != "AAAA" && r.Type != "CNAME":
	case p == "on", p == "full", !set && proxied:
		// The world sees Cloudflare's addresses.
		h.Pseudo = append(h.Pseudo, zone.Pseudo{Name: name, Type: "CF_PROXY"})
	}
	ttl := cmp.Or(r.TTL, 300)
	if r.Type == "TXT" {
		h.Records = append(h.Records, &zone.Record{
			Name: name, Type: dns.TypeTXT, TTL: ttl, HasTTL: true, Origin: zone.Rest, Block: "record",
			Text: zone.PlainText(r.Target, zone.Span{}),
		})
		return nil
	}
	*rr.Header() = dns.RR_Header{Name: name.FQDN(), Rrtype: dns.StringToType[r.Type], Class: dns.ClassINET, Ttl: ttl}
	record, err := fromRR(rr, zone.Rest)
	if err != nil {
		return fmt.Errorf("%s: %w", what, err)
	}
	record.Name = name
	h.Records = append(h.Records, record)
	return nil
}

// owner is the record's name: relative to the zone, unless it ends with a dot.
func (h *Half) owner(r *irRecord) (zone.Name, error) {
	label := r.Name
	if label == "" || label == "@" {
		return h.Name, nil
	}
	if !strings.HasSuffix(label, ".") {
		if r.Type == "PTR" && h.Name.Under("arpa") {
			label = strings.TrimSuffix(label, "."+string(h.Name)) // REV() gives whole names
		}
		label += "." + h.Name.FQDN()
	}
	name, err := zone.ParseName(label)
	if err != nil {
		return "", err
	}
	if !name.Under(h.Name) {
		return "", fmt.Errorf("the name is outside the zone %s", h.Name)
	}
	return name, nil
}

// absolute makes a target absolute, as dnscontrol does: relative to the zone, or to the name that a D_EXTEND() gave.
func (r *irRecord) absolute(origin zone.Name) string {
	if r.SubDomain != "" {
		origin = origin.Child(r.SubDomain)
	}
	target := strings.ToLower(r.Target)
	switch {
	case target == "@":
		return origin.FQDN()
	case strings.HasSuffix(target, "."):
	default:
		target += "." + origin.FQDN()
	}
	if name, err := zone.ParseName(target); err == nil && name != zone.Root {
		return name.FQDN() // U-labels become A-labels
	}
	return target
}

// rr is the record's rdata; known is false of a type that only a provider knows.
func (r *irRecord) rr(origin zone.Name) (rr dns.RR, known bool, err error) {
	switch r.Type {
	case "A":
		ip := net.ParseIP(r.Target).To4()
		if ip == nil {
			return nil, false, fmt.Errorf("%q is no IPv4 address", r.Target)
		}
		return &dns.A{A: ip}, true, nil
	case "AAAA":
		ip := net.ParseIP(r.Target)
		if ip == nil {
			return nil, false, fmt.Errorf("%q is no IPv6 address", r.Target)
		}
		return &dns.AAAA{AAAA: ip}, true, nil
	case "CAA":
		return &dns.CAA{Flag: r.CaaFlag, Tag: r.CaaTag, Value: r.Target}, true, nil
	case "CNAME":
		return &dns.CNAME{Target: r.absolute(origin)}, true, nil
	case "DHCID":
		return &dns.DHCID{Digest: r.Target}, true, nil
	case "DNAME":
		return &dns.DNAME{Target: r.absolute(origin)}, true, nil
	case "DS":
		return &dns.DS{KeyTag: r.DsKeyTag, Algorithm: r.DsAlgorithm, DigestType: r.DsDigestType, Digest: r.DsDigest}, true, nil
	case "DNSKEY":
		return &dns.DNSKEY{Flags: r.DnskeyFlags, Protocol: r.DnskeyProtocol, Algorithm: r.DnskeyAlgorithm, PublicKey: r.DnskeyPublicKey}, true, nil
	case "HTTPS", "SVCB":
		rr, err := parseRData(dns.StringToType[r.Type], fmt.Sprintf("%d %s %s", r.SvcPriority, cmp.Or(r.Target, "."), r.SvcParams))
		return rr, true, err
	case "LOC":
		return &dns.LOC{Version: r.LocVersion, Size: r.LocSize, HorizPre: r.LocHorizPre, VertPre: r.LocVertPre,
			Latitude: r.LocLatitude, Longitude: r.LocLongitude, Altitude: r.LocAltitude}, true, nil
	case "MX":
		return &dns.MX{Preference: r.MxPreference, Mx: r.absolute(origin)}, true, nil
	case "NAPTR":
		target := "."
		if r.Target != "" {
			target = r.absolute(origin)
		}
		return &dns.NAPTR{Order: r.NaptrOrder, Preference: r.NaptrPreference, Flags: r.NaptrFlags, Service: r.NaptrService,
			Regexp: r.NaptrRegexp, Replacement: target}, true, nil
	case "NS":
		return &dns.NS{Ns: r.absolute(origin)}, true, nil
	case "PTR":
		return &dns.PTR{Ptr: r.absolute(origin)}, true, nil
	case "SOA":
		return &dns.SOA{Ns: r.absolute(origin), Mbox: dns.Fqdn(r.SoaMbox), Serial: r.SoaSerial, Refresh: r.SoaRefresh,
			Retry: r.SoaRetry, Expire: r.SoaExpire, Minttl: r.SoaMinttl}, true, nil
	case "SRV":
		return &dns.SRV{Priority: r.SrvPriority, Weight: r.SrvWeight, Port: r.SrvPort, Target: r.absolute(origin)}, true, nil
	case "SSHFP":
		return &dns.SSHFP{Algorithm: r.SshfpAlgorithm, Type: r.SshfpFingerprint, FingerPrint: r.Target}, true, nil
	case "TLSA":
		return &dns.TLSA{Usage: r.TlsaUsage, Selector: r.TlsaSelector, MatchingType: r.TlsaMatchingType, Certificate: r.Target}, true, nil
	case "TXT":
		return nil, true, nil
	}
	return nil, false, nil
}
