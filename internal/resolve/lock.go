package resolve

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// A Lock is the content of tripod.lock.json: what third parties' names answered when it was last refreshed. It is
// not changed once it is read, and safe for concurrent use.
type Lock struct {
	Taken   time.Time // the day of the last answer, midnight UTC
	answers map[key]*entry
	names   map[zone.Name][]*entry

	sorted sync.Once
	order  []zone.Name // the names under which something stands, in DNS order
}

// A key is one question.
type key struct {
	name  zone.Name
	qtype uint16
}

// String is the question as the lock file writes it.
func (k key) String() string { return k.name.FQDN() + " " + zone.TypeName(k.qtype) }

type entryKind uint8

const (
	haveData  entryKind = iota // records, or none: the name exists without the type
	exists                     // records, but nobody wanted them
	notExists                  // the name exists without the type
	rcode                      // an answer without records
)

// An entry is one answer.
type entry struct {
	key
	kind    entryKind
	rcode   string
	records []*zone.Record
}

// Len is the number of answers.
func (l *Lock) Len() int { return len(l.answers) }

// Stale tells whether the answers are older than maxAge (lock_max_age).
func (l *Lock) Stale(now time.Time, maxAge time.Duration) bool {
	return len(l.answers) > 0 && now.Sub(l.Taken) > maxAge
}

func (l *Lock) put(e *entry) {
	if l.answers == nil {
		l.answers = map[key]*entry{}
		l.names = map[zone.Name][]*entry{}
	}
	l.answers[e.key] = e
	l.names[e.name] = append(l.names[e.name], e)
}

// answer is what the lock file says, or ok == false where it does not.
func (l *Lock) answer(name zone.Name, qtype uint16, data bool) (s step, ok bool) {
	if qtype != dns.TypeCNAME {
		if link := l.cname(name); link != nil {
			return step{link: link}, true
		}
	}
	if e := l.answers[key{name, qtype}]; e != nil {
		return e.step(data)
	}
	// A name that does not exist has no type at all, and one that has another type is no CNAME (RFC 1034 §3.6.2).
	missing, other := 0, 0
	for _, e := range l.names[name] {
		switch {
		case e.kind == rcode && e.rcode == "NXDOMAIN":
			missing++
		case e.kind == exists || e.kind == haveData && len(e.records) > 0:
			other++
		}
	}
	switch {
	case missing > 0 && missing == len(l.names[name]):
		return step{status: zone.NXDomain}, true
	case qtype == dns.TypeCNAME && other > 0:
		return step{status: zone.NoData}, true
	}
	return step{}, false
}

// evidence is a question whose answer shows that a domain exists: one about a name in it that does. An answer about the domain's own
// name servers goes before others.
func (l *Lock) evidence(domain zone.Name) (k key, ok bool) {
	if e := l.answers[key{domain, dns.TypeNS}]; e != nil {
		return key{}, false
	}
	l.sorted.Do(func() {
		for name, list := range l.names {
			if slices.ContainsFunc(list, (*entry).shows) {
				l.order = append(l.order, name)
			}
		}
		slices.SortFunc(l.order, compareNames)
	})
	i, _ := slices.BinarySearchFunc(l.order, domain, compareNames)
	if i == len(l.order) || !l.order[i].Under(domain) {
		return key{}, false
	}
	for _, e := range l.names[l.order[i]] {
		if e.shows() && (!ok || e.qtype < k.qtype) {
			k, ok = e.key, true
		}
	}
	return k, ok
}

// shows tells whether an answer says that its name exists. A CNAME is no answer of its own to a question that follows it.
func (e *entry) shows() bool { return e.kind != rcode && e.qtype != dns.TypeCNAME }

// cname is the CNAME at name, nil where the lock file has none.
func (l *Lock) cname(name zone.Name) *zone.Record {
	if c := l.answers[key{name, dns.TypeCNAME}]; c != nil && c.kind == haveData && len(c.records) > 0 {
		return c.records[0]
	}
	return nil
}

func (e *entry) step(data bool) (s step, ok bool) {
	switch {
	case e.kind == rcode && e.rcode == "NXDOMAIN":
		return step{status: zone.NXDomain}, true
	case e.kind == rcode:
		return step{status: zone.Failed, why: fmt.Sprintf("%s: %s when the lock file was written", e.key, e.rcode)}, true
	case e.kind == exists:
		return step{status: zone.Found}, !data
	case e.kind == notExists || len(e.records) == 0:
		return step{status: zone.NoData}, true
	}
	return step{status: zone.Found, records: e.records}, true
}

// Print is the lock file, byte for byte: sorted, one line for each name and type. Parse reads it back.
func (l *Lock) Print() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, `{"schema": 1, "taken": "%s", "answers": {`, l.Taken.Format(time.DateOnly))
	keys := make([]string, 0, len(l.answers))
	byKey := make(map[string]*entry, len(l.answers))
	for k, e := range l.answers {
		s := k.String()
		keys = append(keys, s)
		byKey[s] = e
	}
	slices.Sort(keys)
	for i, k := range keys {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('\n')
		quote(&b, k)
		b.WriteString(": {")
		byKey[k].print(&b)
		b.WriteByte('}')
	}
	b.WriteString("}}\n")
	return b.Bytes()
}

func (e *entry) print(b *bytes.Buffer) {
	switch e.kind {
	case exists:
		b.WriteString(`"exists": true`)
	case notExists:
		b.WriteString(`"exists": false`)
	case rcode:
		b.WriteString(`"rcode": `)
		quote(b, e.rcode)
	case haveData:
		b.WriteString(`"data": [`)
		for i, r := range e.records {
			if i > 0 {
				b.WriteString(", ")
			}
			if r.Type != dns.TypeTXT {
				quote(b, r.Data)
				continue
			}
			b.WriteByte('[')
			for i, s := range characterStrings(r) {
				if i > 0 {
					b.WriteString(", ")
				}
				quote(b, s)
			}
			b.WriteByte(']')
		}
		b.WriteByte(']')
	}
}

// characterStrings are a TXT's strings, kept apart.
func characterStrings(r *zone.Record) []string {
	text := r.Text.String()
	out := make([]string, 0, len(r.Joints)+1)
	from := 0
	for _, j := range r.Joints {
		out = append(out, text[from:j])
		from = j
	}
	return append(out, text[from:])
}

// quote writes a JSON string. An octet that is not UTF-8 becomes the lone surrogate U+DC00 + octet, which no text
// holds, so that it is read back; what does not print stands as \u, so that a diff hides nothing.
func quote(b *bytes.Buffer, s string) {
	b.WriteByte('"')
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(b, `\u%04x`, 0xdc00+uint32(s[0]))
		case r == '"' || r == '\\':
			b.WriteByte('\\')
			b.WriteByte(byte(r))
		case r > 0xffff && !unicode.IsPrint(r):
			fmt.Fprintf(b, `\u%04x\u%04x`, 0xd800+(r-0x10000)>>10, 0xdc00+(r-0x10000)&0x3ff)
		case !unicode.IsPrint(r):
			fmt.Fprintf(b, `\u%04x`, r)
		default:
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	b.WriteByte('"')
}

// sortRecords brings rdata in the order of the lock file: by their bytes, a TXT string by string. Doubles go.
func sortRecords(recs []*zone.Record) []*zone.Record {
	compare := func(a, b *zone.Record) int {
		if a.Type == dns.TypeTXT && b.Type == dns.TypeTXT {
			return slices.Compare(characterStrings(a), characterStrings(b))
		}
		return strings.Compare(a.Data, b.Data)
	}
	slices.SortFunc(recs, compare)
	return slices.CompactFunc(recs, func(a, b *zone.Record) bool { return compare(a, b) == 0 })
}
