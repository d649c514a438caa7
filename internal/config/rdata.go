package config

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// recordTypes are the types that miekg/dns and dnscontrol v4.20 (models.RRtoRC, normalize) both know.
var recordTypes = map[string]uint16{
	"A": dns.TypeA, "AAAA": dns.TypeAAAA, "CAA": dns.TypeCAA, "CNAME": dns.TypeCNAME, "DHCID": dns.TypeDHCID,
	"DNAME": dns.TypeDNAME, "DNSKEY": dns.TypeDNSKEY, "DS": dns.TypeDS, "HTTPS": dns.TypeHTTPS, "LOC": dns.TypeLOC,
	"MX": dns.TypeMX, "NAPTR": dns.TypeNAPTR, "NS": dns.TypeNS, "PTR": dns.TypePTR, "SOA": dns.TypeSOA, "SRV": dns.TypeSRV,
	"SSHFP": dns.TypeSSHFP, "SVCB": dns.TypeSVCB, "TLSA": dns.TypeTLSA, "TXT": dns.TypeTXT,
}

const keepInD = "keep it in D(), use emit = \"extend\""

func (j *job) record(b *body, blk *block) {
	typeLabel, l := blk.labels[0], blk.labels[1]
	qtype, ok := recordTypes[strings.ToUpper(typeLabel.text)]
	if !ok {
		j.unknownType(typeLabel)
		return
	}
	name, ok := j.owner(b.name, l, "")
	if !ok {
		return
	}
	a := blk.attr("rdata")
	if a == nil {
		return
	}
	if len(a.val.list) == 0 {
		j.ps.add(a.val.at, "no rdata", "write one element for each record, or leave the block out")
		return
	}
	for _, e := range a.val.list {
		if j.exhausted() {
			return
		}
		r := j.room(zone.Record{Name: name, Type: qtype, At: place(e), NameAt: l.at, Block: "record"})
		j.ttl(r, b, blk.attr("ttl"))
		switch qtype {
		case dns.TypeTXT:
			r.Text = e.text(j.fs, b.name)
			ok = j.printable(r)
		default:
			ok = j.rdata(r, e, b.name)
		}
		if ok {
			j.add(r)
		}
	}
}

// printable refuses control characters, which no zone file of dnscontrol's can hold, in texts that no grammar looks at: in
// mail records, and what was meant as one, they are the linter's.
func (j *job) printable(r *zone.Record) bool {
	text := r.Text.String()
	i := strings.IndexFunc(text, func(c rune) bool { return c < ' ' || c == 0x7f })
	if i < 0 {
		return true
	}
	start := strings.ToLower(strings.TrimLeft(text, " \t\r\n\"'"))
	for _, p := range [...]string{"v=", "spf", "k=", "p=", "dkim=", "-----begin"} {
		if strings.HasPrefix(start, p) {
			return true
		}
	}
	for _, l := range r.Name.Labels() {
		switch l {
		case "_domainkey", "_dmarc", "_mta-sts", "_tls", "_bimi":
			return true
		}
	}
	j.ps.addf(r.TextSpan(i, i+1), "write text that prints", "control character U+%04X in the text of %s: no zone file can hold it", text[i], r.Name)
	return false
}

func (j *job) unknownType(l label) {
	name := strings.ToUpper(l.text)
	if _, ok := dns.StringToType[name]; ok {
		help := keepInD
		if name == "SPF" {
			help = "publish SPF as TXT, by an spf block (RFC 7208 §3.1)"
		}
		j.ps.addf(l.at, help, "records of type %s cannot be handed to dnscontrol v4.20", name)
		return
	}
	help := ""
	if s := nearest(name, keys(recordTypes)); s != "" {
		help = "did you mean " + s + "? "
	}
	j.ps.addf(l.at, help+"What only dnscontrol knows (ALIAS and the like): "+keepInD, "there is no record type %s", l.text)
}

// rdata reads rdata in presentation format. Names are as dnscontrol wants them: absolute with their final dot, or
// one label (or @) relative to the block's name; a name of several labels without the dot is refused, since one
// half of its readers would complete it and the other half would not.
func (j *job) rdata(r *zone.Record, l lit, origin zone.Name) bool {
	text := l.str(j.fs, origin)
	switch r.Type {
	case dns.TypeA, dns.TypeAAAA:
		addr, err := netip.ParseAddr(strings.TrimSpace(text))
		v4 := r.Type == dns.TypeA
		if err != nil || addr.Zone() != "" || addr.Is4() != v4 {
			kind, other := "IPv6", "A"
			if v4 {
				kind, other = "IPv4", "AAAA"
			}
			help := ""
			if err == nil && addr.Zone() == "" {
				help = "it belongs in a record of type " + other
			}
			j.ps.addf(place(l), help, "%q is no %s address", text, kind)
			return false
		}
		r.Data = addr.String()
		return true
	case dns.TypeCNAME, dns.TypeDNAME, dns.TypeNS, dns.TypePTR, dns.TypeMX, dns.TypeSRV:
		return j.hostRData(r, l, origin)
	}
	return j.otherRData(r, l, text, origin)
}

// numbersBefore is how many numbers of 16 bits stand before the name in rdata.
func numbersBefore(qtype uint16) int {
	switch qtype {
	case dns.TypeMX:
		return 1
	case dns.TypeSRV:
		return 3
	}
	return 0
}

// hostRData reads rdata that ends in a host name.
func (j *job) hostRData(r *zone.Record, l lit, origin zone.Name) bool {
	text := l.str(j.fs, origin)
	fields := strings.Fields(text)
	n := numbersBefore(r.Type)
	if len(fields) != n+1 {
		form := map[uint16]string{dns.TypeMX: `"10 mail.example.com."`, dns.TypeSRV: `"10 5 5060 sip.example.com."`}[r.Type]
		if form == "" {
			form = `"target.example.com."`
		}
		j.ps.addf(place(l), "write "+form, "%q is no rdata of %s", text, r.TypeName())
		return false
	}
	var data strings.Builder
	for i, f := range fields[:n] {
		v, err := strconv.ParseUint(f, 10, 16)
		if err != nil {
			j.ps.addf(place(l), "", "%q: %s is no number from 0 to 65535", text, f)
			return false
		}
		if i == 0 {
			r.Pref = uint16(v)
		}
		fmt.Fprintf(&data, "%d ", v)
	}
	host := fields[n]
	target, help, err := hostName(host, origin)
	if err != nil {
		j.ps.add(j.within(l, host), err.Error(), help)
		return false
	}
	if r.Type == dns.TypeCNAME && target == r.Name {
		j.ps.addf(j.within(l, host), "", "the CNAME %s points at itself", r.Name)
		return false
	}
	data.WriteString(target.FQDN())
	r.Target, r.Data = target, data.String()
	return true
}

// within is the place of a word in a literal, or of the whole where the word is not written out.
func (j *job) within(l lit, word string) zone.Span {
	if k := strings.LastIndex(j.fs.Text(l.at), word); k >= 0 {
		return l.sub(k, k+len(word))
	}
	return place(l)
}

// notInTargets are the characters that dnscontrol refuses in a target.
const notInTargets = "'\" +,|!£$%&()=?^*ç°§;:<>[]@"

// hostName reads a host name in rdata.
func hostName(s string, origin zone.Name) (n zone.Name, help string, err error) {
	switch s {
	case "@":
		return origin, "", nil
	case ".":
		return zone.Root, "", nil
	}
	if i := strings.IndexAny(s, notInTargets); i >= 0 {
		help := ""
		if _, err := netip.ParseAddr(s); err == nil {
			help = "a host name is wanted, not an address"
		}
		return "", help, fmt.Errorf("%q: %q cannot stand in a host name", s, []rune(s[i:])[0])
	}
	if strings.Contains(s, "/") && !strings.HasSuffix(strings.ToLower(s), ".in-addr.arpa.") {
		return "", "", fmt.Errorf("%q: '/' cannot stand in a host name", s)
	}
	n, err = zone.ParseName(s)
	if err != nil {
		return "", "", fmt.Errorf("%q: %w", s, err)
	}
	if strings.HasSuffix(s, ".") {
		return n, "", nil
	}
	if strings.Contains(s, ".") {
		return "", fmt.Sprintf("write %q, or %q for a name below %s", string(n)+".", string(n.Child(""))+"."+origin.FQDN(), origin),
			fmt.Errorf("%q lacks the final dot", s)
	}
	n = origin.Child(string(n))
	if err := n.Check(); err != nil {
		return "", "", fmt.Errorf("%q: %w", s, err)
	}
	return n, "", nil
}

// stand-in for the origin, by which relative names are found out.
const probeOrigin = "tripod-origin.invalid."

// otherRData has miekg/dns read rdata.
func (j *job) otherRData(r *zone.Record, l lit, text string, origin zone.Name) bool {
	fail := func(help, format string, args ...any) bool {
		j.ps.addf(place(l), help, format, args...)
		return false
	}
	if strings.TrimSpace(text) == "" {
		return fail("", "empty rdata")
	}
	quoted := false
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c < 0x20 && c != '\t' || c == 0x7f:
			return fail("", "control character in rdata")
		case c >= 0x80:
			return fail(`write names as A-labels (xn--…), other octets as \DDD`, "%q: rdata of %s is ASCII", text, r.TypeName())
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case (c == ';' || c == '(' || c == ')') && !quoted:
			return fail("put quotes around a value that holds it", "%q: %q outside of quotes: there are no comments and continuation lines in rdata", text, c)
		}
	}
	if quoted {
		return fail(`write \" at its end`, "%q: a quote is not closed", text)
	}
	rr, err := parseRR(r.TypeName(), text, probeOrigin)
	if err != nil {
		return fail("", "%q is no rdata of %s: %v", text, r.TypeName(), err)
	}
	if strings.Contains(rr.String(), probeOrigin) {
		for _, f := range strings.Fields(text) {
			if n, err := zone.ParseName(f); err == nil && strings.Contains(f, ".") && strings.Contains(rr.String(), string(n)+"."+probeOrigin) {
				j.ps.addf(j.within(l, f), fmt.Sprintf("write %q", f+"."), "%q lacks the final dot", f)
				return false
			}
		}
		if rr, err = parseRR(r.TypeName(), text, origin.FQDN()); err != nil {
			return fail("", "%q is no rdata of %s: %v", text, r.TypeName(), err)
		}
	}
	target := func(s *string) bool {
		*s = strings.ToLower(*s)
		if _, _, err := hostName(*s, origin); err != nil {
			return fail("", "%v", err)
		}
		return true
	}
	switch v := rr.(type) {
	case *dns.NAPTR:
		if !target(&v.Replacement) {
			return false
		}
	case *dns.HTTPS:
		v.Target = strings.ToLower(v.Target)
	case *dns.SVCB:
		v.Target = strings.ToLower(v.Target)
	case *dns.CAA:
		switch t := strings.ToLower(v.Tag); {
		case t != "issue" && t != "issuewild" && t != "iodef":
			return fail(keepInD, "CAA with the tag %s cannot be handed to dnscontrol v4.20", v.Tag)
		case t != v.Tag:
			return fail("write "+t, "%q: dnscontrol refuses CAA tags in upper case", text)
		}
	case *dns.TLSA:
		for _, n := range [...]struct {
			name       string
			value, max uint8
		}{{"usage", v.Usage, 3}, {"selector", v.Selector, 1}, {"matching type", v.MatchingType, 2}} {
			if n.value > n.max {
				return fail("", "%q: TLSA with the %s %d: dnscontrol takes 0 to %d (RFC 6698 §2.1)", text, n.name, n.value, n.max)
			}
		}
	case *dns.SOA:
		if r.Name != j.domain.Name {
			return fail("", "an SOA stands at the zone's own name only, which is %s", j.domain.Name)
		}
		v.Mbox = strings.ToLower(v.Mbox)
		if !target(&v.Ns) {
			return false
		}
		if strings.Contains(v.Mbox, "@") {
			return fail("write the @ of the address as a dot", "%q: an SOA's mailbox has no @", text)
		}
		if v.Refresh == 0 || v.Retry == 0 || v.Expire == 0 || v.Minttl == 0 {
			return fail("the numbers are serial, refresh, retry, expire and minimum, in seconds", "%q: dnscontrol refuses an SOA with a time of 0", text)
		}
	}
	r.Data = strings.TrimPrefix(rr.String(), rr.Header().String())
	// RFC 3597's \# can hold what the type's own format cannot.
	if _, err := parseRR(r.TypeName(), r.Data, "."); err != nil {
		return fail("", "%q is no rdata of %s: %v", text, r.TypeName(), err)
	}
	return true
}

// parseRR reads one record's rdata and makes sure that it can be put on the wire.
func parseRR(typeName, rdata, origin string) (dns.RR, error) {
	zp := dns.NewZoneParser(strings.NewReader("x. 300 IN "+typeName+" "+rdata+"\n"), origin, "")
	rr, ok := zp.Next()
	if err := zp.Err(); err != nil {
		return nil, rdataError(err)
	}
	if !ok {
		return nil, fmt.Errorf("nothing there")
	}
	// No format's octets are more than 16 times its characters ("::" is 16); a name or two may get the origin, and the header stands
	// before it all. Room for a whole message would be 64 KiB of garbage a record.
	room := min(dns.MaxMsgSize, 1024+16*len(rdata))
	if _, err := dns.PackRR(rr, make([]byte, room), 0, nil, false); err != nil {
		return nil, fmt.Errorf("it does not fit the wire format")
	}
	return rr, nil
}

// rdataError is what miekg/dns found, without its own idea of the place.
func rdataError(err error) error {
	s := strings.TrimPrefix(err.Error(), "dns: ")
	if i := strings.LastIndex(s, " at line: "); i >= 0 {
		s = s[:i]
	}
	return fmt.Errorf("%s", s)
}
