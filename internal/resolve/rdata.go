package resolve

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// parseRData makes a record of a type other than TXT from its rdata in presentation format.
func parseRData(name zone.Name, qtype uint16, s string) (*zone.Record, error) {
	if len(s) > 4*65535 {
		return nil, fmt.Errorf("rdata of %d characters", len(s))
	}
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return nil, fmt.Errorf("rdata with the character %q", rune(s[i]))
		}
	}
	rec, ok := readRData(qtype, s)
	if ok && qtype != dns.TypeA && qtype != dns.TypeAAAA {
		// miekg/dns takes some rdata that it then prints in a form that means something else.
		again, same := readRData(qtype, rec.Data)
		ok = same && again.Data == rec.Data && again.Target == rec.Target
	}
	if !ok {
		return nil, fmt.Errorf("%q is no rdata of the type %s", clip(s), zone.TypeName(qtype))
	}
	rec.Name = name
	return rec, nil
}

func readRData(qtype uint16, s string) (*zone.Record, bool) {
	// The zone parser reads one line: without control characters there is no second one, and no directive.
	rr, err := dns.NewRR(". 0 IN " + zone.TypeName(qtype) + " " + s)
	if err != nil || rr == nil || rr.Header().Rrtype != qtype {
		return nil, false
	}
	rec := fromRR(rr)
	return rec, rec.Data != "" && rec.Target.Check() == nil
}

// clip shortens what a message quotes.
func clip(s string) string {
	const most = 60
	if len(s) <= most {
		return s
	}
	end := most
	for end > most-utf8.UTFMax && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + "…"
}

// txtRecord makes a TXT of its character-strings (RFC 1035 §3.3.14).
func txtRecord(name zone.Name, strs []string) *zone.Record {
	rec := &zone.Record{Name: name, Type: dns.TypeTXT, Origin: zone.Third}
	n := 0
	for i, s := range strs {
		if i > 0 {
			rec.Joints = append(rec.Joints, n)
		}
		n += len(s)
	}
	rec.Text = zone.PlainText(strings.Join(strs, ""), zone.Span{})
	return rec
}

// fromRR is a record as a third party gave it. Names become lower case, so that a resolver that mixes the case
// changes nothing.
func fromRR(rr dns.RR) *zone.Record {
	h := rr.Header()
	name := nameOf(h.Name)
	if t, ok := rr.(*dns.TXT); ok {
		strs := make([]string, len(t.Txt))
		for i, s := range t.Txt {
			strs[i] = zone.Unescape(s)
		}
		return txtRecord(name, strs)
	}
	rec := &zone.Record{Name: name, Type: h.Rrtype, Origin: zone.Third}
	switch r := rr.(type) {
	case *dns.CNAME:
		rec.Target = nameOf(r.Target)
	case *dns.DNAME:
		rec.Target = nameOf(r.Target)
	case *dns.NS:
		rec.Target = nameOf(r.Ns)
	case *dns.PTR:
		rec.Target = nameOf(r.Ptr)
	case *dns.MX:
		rec.Target, rec.Pref = nameOf(r.Mx), r.Preference
		rec.Data = strconv.Itoa(int(r.Preference)) + " " + rec.Target.FQDN()
		return rec
	case *dns.SRV:
		rec.Target, rec.Pref = nameOf(r.Target), r.Priority
		rec.Data = fmt.Sprintf("%d %d %d %s", r.Priority, r.Weight, r.Port, rec.Target.FQDN())
		return rec
	case *dns.RFC3597:
		rec.Data = fmt.Sprintf(`\# %d %s`, len(r.Rdata)/2, r.Rdata)
		return rec
	default:
		rec.Data = strings.TrimSpace(strings.TrimPrefix(rr.String(), h.String()))
		return rec
	}
	rec.Data = rec.Target.FQDN()
	return rec
}

func nameOf(s string) zone.Name {
	return zone.Name(strings.ToLower(strings.TrimSuffix(s, ".")))
}
