package dnscontrol

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// A renderer makes the JSON of one zone after another, in the same memory: a fleet is rendered whenever it is linted.
type renderer struct {
	out   []byte
	text  []byte // the lines' texts, one behind the other
	lines []recordLine
}

// A recordLine is one record of a zone's JSON.
type recordLine struct {
	name       zone.Name
	rtype      string
	start, end int // in renderer.text
}

// zone is the zone as tripod.js reads it: the arguments of dnscontrol's own functions (MX, TXT and so on), which all
// its versions have in common. The result is good until the next call.
func (r *renderer) zone(d *zone.Domain) ([]byte, error) {
	servers, nsTTL, err := r.records(d)
	if err != nil {
		return nil, err
	}
	b := r.out[:0]
	b = append(b, zoneHead...)
	b = append(b, `"zone": `...)
	b = appendQuoted(b, d.ID())
	if d.Emit == zone.EmitZone {
		b = append(b, `, "registrar": `...)
		b = appendQuoted(b, registrarOf(d))
		b = append(b, `, "providers": [`...)
		b = appendQuotedList(b, d.DNSProviders...)
		b = append(b, ']')
	}
	if nsTTL != 0 {
		b = append(b, `, "ns_ttl": `...)
		b = strconv.AppendUint(b, uint64(nsTTL), 10)
	}
	b = append(b, ",\n"...)
	b = appendLines(b, "nameservers", len(servers), func(b []byte, i int) []byte { return appendQuoted(b, servers[i]) })
	b = append(b, ",\n"...)
	b = appendLines(b, "ignore", len(d.IgnoreRecords), func(b []byte, i int) []byte {
		ig := d.IgnoreRecords[i]
		b = append(b, '[')
		b = appendQuotedList(b, cmp.Or(ig.Label, "*"), cmp.Or(ig.Types, "*"), cmp.Or(ig.Target, "*"))
		return append(b, ']')
	})
	b = append(b, ",\n"...)
	b = appendLines(b, "records", len(r.lines), func(b []byte, i int) []byte {
		return append(b, r.text[r.lines[i].start:r.lines[i].end]...)
	})
	b = append(b, "\n}\n"...)
	r.out = b
	return b, nil
}

// records makes the lines, sorted. Name servers of the apex are no records to dnscontrol: they come back by themselves.
func (r *renderer) records(d *zone.Domain) (servers []string, nsTTL uint32, err error) {
	r.lines, r.text = r.lines[:0], r.text[:0]
	for _, rec := range d.Records {
		if rec.Type == dns.TypeNS && rec.Name == d.Name {
			servers = append(servers, nsTarget(rec))
			if rec.HasTTL {
				nsTTL = rec.TTL
			}
			continue
		}
		if !utf8.ValidString(rec.Text.String()) {
			return nil, 0, fmt.Errorf("%s %s: the text is not UTF-8, which dnsconfig.js cannot hold", rec.Name, rec.TypeName())
		}
		line := recordLine{name: rec.Name, start: len(r.text)}
		if line.rtype = plainType(rec, d.Name); line.rtype != "" {
			r.text = appendPlain(r.text, line.rtype, rec, d.Name)
		} else {
			rc, err := toModel(rec, d.Name, 0)
			if err != nil {
				return nil, 0, err
			}
			line.rtype = rc.Type
			r.text = fmt.Appendf(r.text, `{"name": %s, "type": %s, "args": [%s]`, quote(rc.Name), quote(rc.Type), arguments(rc, rec))
			if rc.CaaFlag != 0 {
				r.text = fmt.Appendf(r.text, `, "flag": %d`, rc.CaaFlag)
			}
		}
		if rec.HasTTL && rec.TTL != 0 {
			r.text = append(r.text, `, "ttl": `...)
			r.text = strconv.AppendUint(r.text, uint64(rec.TTL), 10)
		}
		r.text = append(r.text, '}')
		line.end = len(r.text)
		r.lines = append(r.lines, line)
	}
	slices.SortStableFunc(r.lines, func(a, b recordLine) int {
		return cmp.Or(a.name.Compare(b.name), strings.Compare(a.rtype, b.rtype), bytes.Compare(r.text[a.start:a.end], r.text[b.start:b.end]))
	})
	slices.Sort(servers)
	return servers, nsTTL, nil
}

// plainType is the type of a record whose rdata dnscontrol's models would give back as it stands, "" of any other. Most
// records are such, and to take them through the models costs ten times as much.
func plainType(r *zone.Record, origin zone.Name) string {
	if strings.IndexByte(string(r.Name), '\\') >= 0 || !r.Name.Under(origin) {
		return ""
	}
	switch r.Type {
	case dns.TypeTXT:
		return "TXT"
	case dns.TypeA:
		if a, err := netip.ParseAddr(r.Data); err == nil && a.Is4() {
			return "A"
		}
	case dns.TypeMX:
		pref, host, _ := strings.Cut(r.Data, " ")
		if n, err := strconv.ParseUint(pref, 10, 16); err == nil && strconv.Itoa(int(n)) == pref && plainHost(host) {
			return "MX"
		}
	case dns.TypeCNAME:
		if plainHost(r.Data) {
			return "CNAME"
		}
	}
	return ""
}

// plainHost tells whether s is an absolute host name that everybody writes alike.
func plainHost(s string) bool {
	if len(s) < 2 || len(s) > zone.MaxName-2 || s[len(s)-1] != '.' {
		return false
	}
	label := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.':
			if label == 0 || label > zone.MaxLabel {
				return false
			}
			label = 0
			continue
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
		label++
	}
	return true
}

// appendPlain appends a record of plainType, but for its TTL and the closing brace.
func appendPlain(b []byte, rtype string, r *zone.Record, origin zone.Name) []byte {
	b = append(b, `{"name": `...)
	b = appendQuoted(b, strings.ToLower(r.Name.Relative(origin)))
	b = append(b, `, "type": "`...)
	b = append(b, rtype...)
	b = append(b, `", "args": [`...)
	if rtype == "MX" {
		pref, host, _ := strings.Cut(r.Data, " ")
		b = append(b, pref...)
		b = append(b, ", "...)
		b = appendQuoted(b, host)
	} else {
		b = appendQuoted(b, r.RData())
	}
	return append(b, ']')
}

func appendLines(b []byte, key string, n int, item func(b []byte, i int) []byte) []byte {
	b = appendQuoted(b, key)
	b = append(b, ": ["...)
	for i := range n {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, "\n  "...)
		b = item(b, i)
	}
	if n > 0 {
		b = append(b, '\n')
	}
	return append(b, ']')
}

func appendQuotedList(b []byte, list ...string) []byte {
	for i, s := range list {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = appendQuoted(b, s)
	}
	return b
}

// quote is a string as JSON and JavaScript both write it.
func quote(s string) string { return string(appendQuoted(nil, s)) }

func appendQuoted(b []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return appendEncoded(b, s)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// appendEncoded has encoding/json quote a string that needs more than quotes.
func appendEncoded(b []byte, s string) []byte {
	buf := bytes.NewBuffer(b)
	e := json.NewEncoder(buf)
	e.SetEscapeHTML(false)
	// A string always encodes, and a Buffer always takes it.
	_ = e.Encode(s)
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}
