package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// defaultTTL is what dnscontrol gives a record that has none.
const defaultTTL = 300

// A job makes one domain of the definitions.
type job struct {
	*index
	ps     *problems
	domain *zone.Domain
	out    *product
	ttls   []nameTTL
	free   []zone.Record // see room
}

// index is what the definitions of all files share.
type index struct {
	fs       *Files
	settings *Settings
	profiles map[string]*block
	senders  map[string]*block

	spent  atomic.Int64 // octets that records and the like take, roughly
	faults atomic.Int64 // problems found
	looked atomic.Int64 // candidates that were looked at for suggestions
}

// Limits on what definitions may come to: a profile of 1 MiB in 40,000 domains must not exhaust memory.
const (
	maxModel   = 192 << 20 // octets
	maxFaults  = 10_000
	recordSize = 320 // octets, without text
	maxLooked  = 200_000
)

// spend takes note of memory that is used for the model. It reports whether there may be more.
func (j *job) spend(octets int) bool { return j.spent.Add(int64(octets)) <= maxModel }

// exhausted tells whether the definitions come to more than can be held or reported.
func (ix *index) exhausted() bool { return ix.spent.Load() > maxModel || ix.faults.Load() > maxFaults }

// build fills the domain from its block.
func (j *job) build(own *block) {
	d := j.domain
	b := j.resolve(d.Name, d.At, own, nil)
	j.zoneAttrs(b)
	j.body(b)
	first := make(map[zone.Name]zone.Span)
	for _, sub := range own.blocks {
		if sub.def != defSubdomain || j.exhausted() {
			continue
		}
		l := sub.labels[0]
		name, ok := j.owner(d.Name, l, "")
		if !ok {
			continue
		}
		if name == d.Name {
			j.ps.add(l.at, "a subdomain needs a label", "write what is about the domain itself in the domain block")
			continue
		}
		if at, ok := first[name]; ok {
			twice(j.ps, j.fs, "subdomain "+name.String(), at, l.at)
			continue
		}
		first[name] = l.at
		j.body(j.resolve(name, l.at, sub, b))
	}
}

// zoneAttrs sets what concerns the zone: the block's, else the profile's, else tripod.hcl's.
func (j *job) zoneAttrs(b *body) {
	d, c := j.domain, &j.settings.DNSControl
	d.Emit, d.Registrar, d.DNSProviders, d.IgnoreRecords = c.Emit, c.Registrar, c.DNSProviders, c.IgnoreRecords
	if a := b.own.attr("tag"); a != nil {
		d.Tag = a.val.lit.str(j.fs, "")
		if !isTag(d.Tag) {
			j.ps.addf(place(a.val.lit), "", "tag %q: letters, digits, - and _ are possible", d.Tag)
		}
	}
	for _, from := range []*block{b.profile, b.own} {
		if a := from.attr("registrar"); a != nil {
			d.Registrar = a.val.lit.str(j.fs, "")
		}
		if a := from.attr("dns_providers"); a != nil {
			d.DNSProviders = words(a, j.fs)
		}
		if a := from.attr("ignore_records"); a != nil {
			d.IgnoreRecords = ignoreRecords(a, j.fs, j.ps)
		}
	}
}

func isTag(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 63
}

// owner is the name that a label, relative to a body's name, and a suffix give.
func (j *job) owner(base zone.Name, l label, suffix string) (zone.Name, bool) {
	return ownerName(base, l, suffix, j.ps)
}

func ownerName(base zone.Name, l label, suffix string, ps *problems) (zone.Name, bool) {
	if l.text == "@" {
		if suffix == "" {
			return base, true
		}
		ps.add(l.at, "a selector is needed, not @", "")
		return "", false
	}
	if strings.HasSuffix(l.text, ".") {
		help := fmt.Sprintf("labels are relative to %s", base)
		if n, err := zone.ParseName(l.text); err == nil && n.Under(base) {
			help += fmt.Sprintf(": write %q", n.Relative(base))
		}
		ps.addf(l.at, help, "label %q ends with a dot", l.text)
		return "", false
	}
	if i := strings.IndexAny(l.text, " \t\r\n\"'"); i >= 0 {
		ps.addf(l.at, "", "label %q: %q cannot stand in a name", l.text, l.text[i])
		return "", false
	}
	rel, err := zone.ParseName(l.text)
	if err != nil {
		ps.addf(l.at, "", "label %q: %v", l.text, err)
		return "", false
	}
	name := base.Child(string(rel) + suffix)
	if err := name.Check(); err != nil {
		ps.addf(l.at, "", "%s: %v", name, err)
		return "", false
	}
	return name, true
}

// under is a fixed prefix before a body's name.
func (j *job) under(b *body, prefix string, at zone.Span) (zone.Name, bool) {
	name := b.name.Child(prefix)
	if err := name.Check(); err != nil {
		j.ps.addf(at, "", "%s: %v", name, err)
		return "", false
	}
	return name, true
}

// ttl sets a record's TTL: the block's, else the subdomain's, the domain's, the profile's, tripod.hcl's, else what
// dnscontrol gives.
func (j *job) ttl(r *zone.Record, b *body, a *attr) {
	if a == nil {
		a = b.ttlAttr()
	}
	switch {
	case a != nil:
		r.TTL, r.HasTTL, r.TTLAt = uint32(a.val.num), true, a.val.at // checked: at most 2^31-1
	case j.settings.HasTTL:
		r.TTL, r.HasTTL = j.settings.TTL, true
	default:
		r.TTL, r.HasTTL = defaultTTL, j.domain.Emit != zone.EmitExtend
	}
}

func (b *body) ttlAttr() *attr {
	for ; b != nil; b = b.parent {
		if a := b.own.attr("ttl"); a != nil {
			return a
		}
		if a := b.profile.attr("ttl"); a != nil {
			return a
		}
	}
	return nil
}

func (j *job) body(b *body) {
	if a := b.ttlAttr(); a != nil {
		j.ttls = append(j.ttls, nameTTL{b.name, a})
	}
	for _, s := range b.senders {
		j.domain.Senders = append(j.domain.Senders, s.use)
	}
	j.spf(b)
	j.dmarc(b)
	j.mtaSTS(b)
	j.tlsRPT(b)
	for _, p := range b.labelled {
		if !j.spend(2*recordSize) || j.exhausted() {
			return
		}
		switch p.block.def {
		case defDKIM:
			j.dkim(b, p.block)
		case defBIMI:
			j.bimi(b, p.block)
		case defRecord:
			j.record(b, p.block)
		case defExpect:
			j.expect(b, p.block)
		case defIgnore:
			j.ignore(b, p.block)
		}
	}
	if m := b.singles["dkim_rotation"]; m != nil {
		j.rotation(b, m)
	}
}

// maxText is how many octets a TXT record can hold: each 255 have a length octet, and the rdata 65535 (RFC 1035
// §3.3.14).
const maxText = 65535 / 256 * 255

// roomSize is for how many records room is made at a time. Few large pieces are less work for the collector than many small ones,
// and a piece lives as long as any of its records.
const roomSize = 3

// room is a record in memory that it shares with the domain's others.
func (j *job) room(r zone.Record) *zone.Record {
	if len(j.free) == 0 {
		j.free = make([]zone.Record, roomSize)
	}
	p := &j.free[0]
	j.free = j.free[1:]
	*p = r
	return p
}

// add adds a record, unless it cannot be published.
func (j *job) add(r *zone.Record) {
	if n := r.Text.Len(); n > maxText {
		j.ps.addf(r.At, "", "TXT record of %d octets, the limit is %d", n, maxText)
		j.spend(n)
		return
	}
	if j.spend(recordSize + r.Text.Len() + 40*len(r.Text.Segments()) + len(r.Data) + len(r.Name)) {
		j.domain.Records = append(j.domain.Records, r)
	}
}

// textRecord makes the TXT of a block whose raw attribute or tags give its text.
func (j *job) textRecord(b *body, name zone.Name, kind string, kw, nameAt zone.Span, m *merged, text func() zone.Text) *zone.Record {
	r := j.room(zone.Record{Name: name, Type: dns.TypeTXT, At: kw, NameAt: nameAt, Block: kind})
	if raw := m.attr("raw"); raw != nil {
		r.Raw = true
		r.At = place(raw.val.lit)
		r.Text = raw.val.lit.text(j.fs, b.name)
		for _, a := range m.attrs {
			if n := a.def.name; n != "raw" && n != "ttl" {
				j.ps.addf(a.name, "the raw text is the whole record: write it there, or leave raw out", "%s beside raw", n)
			}
		}
	} else {
		r.Text = text()
	}
	j.ttl(r, b, m.attr("ttl"))
	j.add(r)
	return r
}

// tags puts a tag list (RFC 6376 §3.2) together.
type tags struct {
	b      zone.TextBuilder
	fs     *Files
	ps     *problems
	domain zone.Name
}

func (j *job) tags(b *body, version string, kw zone.Span, m *merged) *tags {
	t := &tags{fs: j.fs, ps: j.ps, domain: b.name}
	octets, segments := len(version), 1
	for _, a := range m.attrs {
		octets += len("; =") + len(a.def.name) + int(a.val.at.End-a.val.at.Start)
		segments += 4 + 2*len(a.val.list)
	}
	t.b.Grow(octets, segments)
	t.b.Implied(version, kw)
	return t
}

// add appends an attribute as the tag of its name; a list that is empty is no tag.
func (t *tags) add(a *attr, sep string) {
	if a == nil || (a.val.typ == typeList && len(a.val.list) == 0) {
		return
	}
	t.b.Implied("; ", a.name)
	t.b.Exact(a.def.name, a.name)
	t.b.Implied("=", a.name)
	if a.val.typ != typeList {
		t.whole(a, a.val.lit)
		a.val.lit.appendTo(&t.b, t.fs, t.domain)
		return
	}
	for i, l := range a.val.list {
		if i > 0 {
			t.b.Implied(sep, place(l))
		}
		t.whole(a, l)
		l.appendTo(&t.b, t.fs, t.domain)
	}
}

// whole refuses a value that would end its tag and begin others: mostly it is a whole record, pasted into one attribute. In a
// URI the semicolon has a spelling of its own, which the rules name.
func (t *tags) whole(a *attr, l lit) {
	switch a.def.name {
	case "p", "sp", "np", "adkim", "aspf", "fo", "psd", "t", "k", "h", "s", "n":
	default:
		return
	}
	text := l.str(t.fs, t.domain)
	if !strings.Contains(text, ";") {
		return
	}
	help := "write each tag as an attribute of its own, or the whole record as raw"
	if strings.HasPrefix(strings.ToLower(text), "v=") {
		help = "this is a whole record: write it as raw, alone in the block"
	}
	t.ps.addf(place(l), help, "%s has a \";\", which ends the tag", a.def.name)
}

func until(a *attr, fs *Files) (time.Time, zone.Span) {
	if a == nil {
		return time.Time{}, zone.Span{}
	}
	d, err := time.Parse(time.DateOnly, a.val.lit.str(fs, "")) // checked when it was parsed
	if err != nil {
		return time.Time{}, zone.Span{}
	}
	return d, place(a.val.lit)
}

func (j *job) dmarc(b *body) {
	m := b.singles["dmarc"]
	if m == nil {
		return
	}
	name, ok := j.under(b, "_dmarc", m.kw)
	if !ok {
		return
	}
	r := j.textRecord(b, name, "dmarc", m.kw, b.nameAt, m, func() zone.Text {
		t := j.tags(b, "v=DMARC1", m.kw, m)
		for _, tag := range []string{"p", "sp", "np", "adkim", "aspf", "fo", "psd", "t", "rua", "ruf"} {
			t.add(m.attr(tag), ",")
		}
		return t.b.Text()
	})
	r.Until, r.UntilAt = until(m.attr("until"), j.fs)
}

func (j *job) tlsRPT(b *body) {
	m := b.singles["tls_rpt"]
	if m == nil {
		return
	}
	if m.attr("raw") == nil && m.attr("rua") == nil {
		j.ps.add(m.kw, "tls_rpt needs rua", `write rua = ["mailto:tls@example.com"]`)
		return
	}
	if name, ok := j.under(b, "_smtp._tls", m.kw); ok {
		j.textRecord(b, name, "tls_rpt", m.kw, b.nameAt, m, func() zone.Text {
			t := j.tags(b, "v=TLSRPTv1", m.kw, m)
			t.add(m.attr("rua"), ",")
			return t.b.Text()
		})
	}
}

// mtaSTS makes the record of RFC 8461 §3.1 and the policy of §3.2.
func (j *job) mtaSTS(b *body) {
	m := b.singles["mta_sts"]
	if m == nil {
		return
	}
	mode, mx, age := m.attr("mode"), m.attr("mx"), m.attr("max_age")
	p := &zone.MTASTSPolicy{Owner: b.name, At: m.kw}
	complete := true
	need := func(name string, a *attr) {
		if a == nil {
			complete = false
			j.ps.addf(m.kw, fmt.Sprintf("%s: %s", name, defMTASTS.attr(name).doc), "mta_sts needs %s", name)
		}
	}
	need("mode", mode)
	need("max_age", age)
	if mode != nil && mode.val.lit.str(j.fs, b.name) != "none" {
		need("mx", mx)
		if mx != nil && len(mx.val.list) == 0 {
			complete = false
			j.ps.add(mx.val.at, "mta_sts needs a host in mx", "")
		}
	}
	name, ok := j.under(b, "_mta-sts", m.kw)
	if !complete || !ok {
		return
	}
	p.Mode, p.ModeAt = mode.val.lit.str(j.fs, b.name), place(mode.val.lit)
	p.MaxAge, p.AgeAt = age.val.num, age.val.at
	if mx != nil {
		for _, l := range mx.val.list {
			p.MX = append(p.MX, l.str(j.fs, b.name))
			p.MXAt = append(p.MXAt, place(l))
		}
	}
	p.Until, p.UntilAt = until(m.attr("until"), j.fs)

	t := j.tags(b, "v=STSv1", m.kw, m)
	if id := m.attr("id"); id != nil {
		t.add(id, "")
		p.ID = id.val.lit.str(j.fs, b.name)
	} else {
		p.ID = policyID(p)
		t.b.Implied("; id="+p.ID, m.kw)
	}
	t.b.Implied(";", m.kw)
	r := j.textRecord(b, name, "mta_sts", m.kw, b.nameAt, m, t.b.Text)
	r.Until, r.UntilAt = p.Until, p.UntilAt
	j.domain.MTASTS = append(j.domain.MTASTS, p)
}

// policyID is an id that changes with the policy: 20 hexadecimal digits of its SHA-256 (RFC 8461 §3.1 allows 32
// letters and digits).
func policyID(p *zone.MTASTSPolicy) string {
	h := sha256.Sum256(fmt.Appendf(nil, "%s\n%d\n%s\n", p.Mode, p.MaxAge, strings.Join(p.MX, "\n")))
	return hex.EncodeToString(h[:10])
}

func (j *job) dkim(b *body, blk *block) {
	l := blk.labels[0]
	name, ok := j.owner(b.name, l, "._domainkey")
	if !ok {
		return
	}
	m := &merged{kw: blk.kw, attrs: pointers(blk.attrs)}
	if c := m.attr("cname"); c != nil {
		for _, a := range m.attrs {
			if n := a.def.name; n != "cname" && n != "ttl" {
				j.ps.addf(a.name, "the key is what the target holds: leave one of the two out", "%s beside cname", n)
			}
		}
		r := j.room(zone.Record{Name: name, Type: dns.TypeCNAME, At: place(c.val.lit), NameAt: l.at, Block: "dkim"})
		j.ttl(r, b, m.attr("ttl"))
		if j.hostRData(r, c.val.lit, b.name) {
			j.add(r)
		}
		return
	}
	if m.attr("raw") == nil && m.attr("p") == nil {
		j.ps.add(l.at, fmt.Sprintf("dkim %q needs p, cname or raw", l.text), `p = "" says that the key is revoked`)
		return
	}
	j.textRecord(b, name, "dkim", l.at, l.at, m, func() zone.Text {
		t := j.tags(b, "v=DKIM1", l.at, m)
		for _, tag := range []string{"k", "h", "s", "t", "n", "p"} {
			t.add(m.attr(tag), ":")
		}
		return t.b.Text()
	})
}

func (j *job) bimi(b *body, blk *block) {
	l := blk.labels[0]
	name, ok := j.owner(b.name, l, "._bimi")
	if !ok {
		return
	}
	m := &merged{kw: blk.kw, attrs: pointers(blk.attrs)}
	if m.attr("raw") == nil && m.attr("l") == nil {
		j.ps.add(l.at, fmt.Sprintf("bimi %q needs l or raw", l.text), `l = "" says that there is no logo`)
		return
	}
	j.textRecord(b, name, "bimi", l.at, l.at, m, func() zone.Text {
		t := j.tags(b, "v=BIMI1", l.at, m)
		for _, tag := range []string{"l", "a", "lps", "avp"} {
			t.add(m.attr(tag), ",")
		}
		return t.b.Text()
	})
}
