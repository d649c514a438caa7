package spf

import (
	"context"
	"net/netip"
	"sort"
	"strconv"
	"strings"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// A Code is a result of check_host() (RFC 7208 §2.6).
type Code string

// The results of RFC 7208 §2.6. Undetermined is none of them: a name that decides it is not at hand.
const (
	Undetermined Code = ""
	None         Code = "none"
	Neutral      Code = "neutral"
	Pass         Code = "pass"
	Fail         Code = "fail"
	SoftFail     Code = "softfail"
	TempError    Code = "temperror"
	PermError    Code = "permerror"
)

// A Question is a name and type that nobody could answer.
type Question struct {
	Name zone.Name
	Type uint16
	Why  string // what the look-up said
}

func (q Question) String() string { return q.Name.String() + " " + zone.TypeName(q.Type) }

// A source asks each question once and parses each record once, for the time of one evaluation.
type source struct {
	lookup  zone.Lookup
	records map[zone.Name]*found
	answers map[Question]zone.Answer
	exists  map[Question]zone.Answer
	missing []Question
}

func newSource(lookup zone.Lookup) *source {
	return &source{lookup: lookup, records: map[zone.Name]*found{}, answers: map[Question]zone.Answer{}, exists: map[Question]zone.Answer{}}
}

// A found is what a name has for an SPF record.
type found struct {
	fault  Fault
	answer zone.Answer
	spf    []*zone.Record // all records that begin with the version
	parsed *Record        // of the only one
}

// record looks for the SPF record of a name (RFC 7208 §4.4, §4.5).
func (s *source) record(ctx context.Context, name zone.Name) *found {
	if f := s.records[name]; f != nil {
		return f
	}
	f := &found{answer: s.ask(ctx, name, dns.TypeTXT)}
	s.records[name] = f
	switch f.answer.Status {
	case zone.Unknown:
		f.fault = FaultUnknown
	case zone.Failed:
		f.fault = FaultFailed
	case zone.NXDomain:
		f.fault = FaultNoName
	case zone.NoData:
		f.fault = FaultNoRecord
	case zone.Found:
		for _, r := range f.answer.Records {
			if IsSPF(r.Text.String()) {
				f.spf = append(f.spf, r)
			}
		}
		switch len(f.spf) {
		case 0:
			f.fault = FaultNoRecord
		case 1:
			f.parsed = s.parse(f.spf[0])
			if len(f.parsed.Problems) > 0 {
				f.fault = FaultSyntax
			}
		default:
			f.fault = FaultSeveral
		}
	}
	return f
}

// A Parser is a zone.Lookup that remembers parsed records, so that many evaluations share them. It must not change what it
// gives away, and gives nil for a record that it does not keep.
type Parser interface {
	ParsedSPF(*zone.Record) *Record
}

func (s *source) parse(r *zone.Record) *Record {
	if p, ok := s.lookup.(Parser); ok {
		if parsed := p.ParsedSPF(r); parsed != nil {
			return parsed
		}
	}
	return Parse(r.Text.String())
}

// ask asks for records. A found name without its records, as it stands where only existence was kept, is unknown.
func (s *source) ask(ctx context.Context, name zone.Name, qtype uint16) zone.Answer {
	q := Question{Name: name, Type: qtype}
	a, ok := s.answers[q]
	if !ok {
		a = s.lookup.Lookup(ctx, name, qtype)
		if a.Status == zone.Found && len(a.Records) == 0 {
			a.Status, a.Why = zone.Unknown, "only the existence is known"
		}
		if a.Status == zone.Unknown {
			q.Why = a.Why
			s.missing = append(s.missing, q)
			q.Why = ""
		}
		s.answers[q] = a
	}
	return a
}

// has asks whether a name has records of a type.
func (s *source) has(ctx context.Context, name zone.Name, qtype uint16) zone.Status {
	q := Question{Name: name, Type: qtype}
	if a, ok := s.answers[q]; ok && a.Status != zone.Unknown {
		return a.Status
	}
	a, ok := s.exists[q]
	if !ok {
		a = s.lookup.Exists(ctx, name, qtype)
		if a.Status == zone.Unknown {
			q.Why = a.Why
			s.missing = append(s.missing, q)
			q.Why = ""
		}
		s.exists[q] = a
	}
	return a.Status
}

// unanswered are the names that nobody could answer, each once.
func (s *source) unanswered() []Question {
	seen := map[Question]bool{}
	var out []Question
	for _, q := range s.missing {
		k := Question{Name: q.Name, Type: q.Type}
		if !seen[k] {
			seen[k] = true
			out = append(out, q)
		}
	}
	return out
}

func addressType(v6 bool) uint16 {
	if v6 {
		return dns.TypeAAAA
	}
	return dns.TypeA
}

// addresses are a name's addresses of one family.
func (s *source) addresses(ctx context.Context, name zone.Name, v6 bool) ([]netip.Addr, zone.Status) {
	a := s.ask(ctx, name, addressType(v6))
	if a.Status != zone.Found {
		return nil, a.Status
	}
	out := make([]netip.Addr, 0, len(a.Records))
	for _, r := range a.Records {
		if ip, err := netip.ParseAddr(r.Data); err == nil && ip.Is6() == v6 {
			out = append(out, ip)
		}
	}
	return out, zone.Found
}

// exchangers are the hosts of a name's MX records, in order of preference (RFC 7208 §5.4). n is the number of
// records; a null MX (RFC 7505) names no host.
func (s *source) exchangers(ctx context.Context, name zone.Name) (hosts []zone.Name, n int, st zone.Status) {
	a := s.ask(ctx, name, dns.TypeMX)
	if a.Status != zone.Found {
		return nil, 0, a.Status
	}
	mx := append([]*zone.Record(nil), a.Records...)
	sort.SliceStable(mx, func(i, j int) bool { return mx[i].Pref < mx[j].Pref })
	for _, r := range mx {
		if r.Target != zone.Root {
			hosts = append(hosts, r.Target)
		}
	}
	return hosts, len(mx), zone.Found
}

// mask is the network of an address that an a or mx term with these prefix lengths matches.
func (t *Term) mask(ip netip.Addr) netip.Prefix {
	bits := ip.BitLen()
	switch {
	case ip.Is4() && t.CIDR4 >= 0:
		bits = t.CIDR4
	case ip.Is6() && t.CIDR6 >= 0:
		bits = t.CIDR6
	}
	return netip.PrefixFrom(ip, bits).Masked()
}

// maxTarget is the longest expanded name in presentation format (RFC 7208 §7.3).
const maxTarget = 253

// toName makes a name of an expanded domain-spec: a final dot goes, and labels at the left go until it fits
// (RFC 7208 §7.3). It is false where no query can be made for the rest (§4.3).
func toName(s string) (zone.Name, bool) {
	s = strings.TrimSuffix(s, ".")
	for len(s) > maxTarget {
		dot := strings.IndexByte(s, '.')
		if dot < 0 {
			return "", false
		}
		s = s[dot+1:]
	}
	if s == "" {
		return "", false
	}
	plain := true
	label := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '.':
			if label == 0 || label > zone.MaxLabel {
				return "", false
			}
			label = 0
			continue
		case isAlpha(c), isDigit(c), c == '-', c == '_':
		default:
			plain = false
		}
		label++
	}
	if label == 0 || label > zone.MaxLabel {
		return "", false
	}
	if !plain {
		s = presentation(s)
	}
	return zone.Name(lower(s)), true
}

func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] |= 0x20
				}
			}
			return string(b)
		}
	}
	return s
}

// presentation escapes what a name in presentation format cannot show plainly (RFC 4343 §2.1).
func presentation(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case strings.IndexByte(" '@;()\"\\", c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < ' ' || c > '~':
			b.WriteByte('\\')
			if c < 100 {
				b.WriteByte('0')
			}
			if c < 10 {
				b.WriteByte('0')
			}
			b.WriteString(strconv.Itoa(int(c)))
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}

// raw is a name as the macros show it, without the escapes of presentation format.
func raw(n zone.Name) string { return zone.Unescape(string(n)) }

// expandStatic expands what depends on the sender's domain and the current domain only; dynamic tells that the text depends on
// more of the message: other macros, or the name that a wildcard answers for. v6 chooses what %{v} becomes.
func (m *MacroString) expandStatic(domain, senderDomain zone.Name, v6 bool) (s string, dynamic bool) {
	if s, ok := m.Static(); ok {
		return s, false
	}
	var b strings.Builder
	for _, p := range m.Parts {
		switch p.Letter {
		case 0:
			b.WriteString(p.Literal)
		case 'd', 'o':
			name := domain
			if p.Letter == 'o' {
				name = senderDomain
			}
			if name.IsWildcard() {
				return "", true
			}
			b.WriteString(p.transform(raw(name)))
		case 'v':
			b.WriteString(p.transform(versionWord(v6)))
		default:
			return "", true
		}
	}
	return b.String(), false
}

func versionWord(v6 bool) string {
	if v6 {
		return "ip6"
	}
	return "in-addr"
}

// familyDependent tells whether a term's target differs between IPv4 and IPv6 clients.
func (t *Term) familyDependent() bool {
	return t.Domain != nil && strings.IndexByte(t.Domain.Letters(), 'v') >= 0
}

// Target is the name that a term leads to in the record of domain, for senders postmaster@sender and clients of IPv4. ok is
// false where it depends on the message, or where no query can be made for it.
func (t *Term) Target(domain, sender zone.Name) (name zone.Name, ok bool) {
	name, dynamic, ok := t.target(domain, sender, false)
	return name, ok && !dynamic
}

// target is the name that a term leads to, for senders postmaster@senderDomain. dynamic tells that it depends
// on the message; ok is false where no query can be made for it.
func (t *Term) target(domain, senderDomain zone.Name, v6 bool) (name zone.Name, dynamic, ok bool) {
	if t.Domain == nil {
		return domain, false, true
	}
	s, dynamic := t.Domain.expandStatic(domain, senderDomain, v6)
	if dynamic {
		return "", true, false
	}
	name, ok = toName(s)
	if ok && (t.Kind == Include || t.Kind == Redirect) && name.Count() < 2 {
		ok = false // check_host() wants a multi-label name (§4.3)
	}
	return name, false, ok
}
