package resolve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// words say what an outcome without an answer was.
func (o Observation) words() string {
	if o.Why == "" {
		return o.Outcome.String()
	}
	return o.Why
}

// ask puts one question to one address.
func (a *Authority) ask(ctx context.Context, z zone.Name, q Question, s Nameserver) Observation {
	m, o := a.exchange(ctx, q, s)
	if m != nil {
		read(&o, z, m)
	}
	return o
}

func (a *Authority) host(s Nameserver) *host {
	a.mu.Lock()
	defer a.mu.Unlock()
	h := a.known[s.Address]
	if h == nil {
		h = &host{turns: make(chan struct{}, maxAtOnce)}
		h.address = s.Address.String()
		a.known[s.Address] = h
	}
	return h
}

// exchange gets a message for a question, or an observation that says why there is none. SERVFAIL and a refusal are messages.
func (a *Authority) exchange(ctx context.Context, q Question, s Nameserver) (*dns.Msg, Observation) {
	o := Observation{Question: q, Server: s}
	if !s.Address.IsValid() {
		o.Outcome, o.Why = NoAddress, "no address of it was found"
		return nil, o
	}
	h := a.host(s)
	for _, turns := range [2]chan struct{}{h.turns, a.slots} {
		select {
		case turns <- struct{}{}:
			defer func() { <-turns }()
		case <-ctx.Done():
			o.Outcome, o.Why = NotAsked, "the time for this zone was over"
			return nil, o
		}
	}
	var last *dns.Msg
	for round := range rounds {
		if over(ctx) {
			break
		}
		if h.gone() {
			if o.Why == "" {
				o.Outcome, o.Why = Silent, "no answer to this or any question"
			}
			break
		}
		// Some paths lose what has EDNS: the last question goes without.
		edns := !h.plain.Load() && (round < rounds-1 || last != nil)
		m, outcome, why := a.once(ctx, q, s, edns)
		if m == nil {
			if over(ctx) && (outcome == Silent || outcome == NotAsked) {
				continue // it had no time to answer
			}
			o.Outcome, o.Why = outcome, why
			switch outcome {
			case Unreachable, Truncated, NotAsked:
				return nil, o
			case Silent:
				h.silent.Add(1)
			default:
				h.spoke.Store(true)
			}
			continue
		}
		h.spoke.Store(true)
		last = m
		switch m.Rcode {
		case dns.RcodeFormatError, dns.RcodeNotImplemented, dns.RcodeBadVers:
			if !edns {
				return m, o
			}
			h.plain.Store(true) // RFC 6891 §7
		case dns.RcodeServerFailure:
			// It may have been a moment's: ask again.
		default:
			return m, o
		}
	}
	if last == nil && o.Why == "" {
		o.Outcome, o.Why = NotAsked, "the time for this zone was over"
	}
	return last, o
}

// over tells whether the time is over. A connection's deadline may be noticed before the context's, which is the same.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

// once sends one query by UDP, and by TCP where the answer did not fit.
func (a *Authority) once(ctx context.Context, q Question, s Nameserver, edns bool) (m *dns.Msg, outcome Outcome, why string) {
	msg := new(dns.Msg)
	msg.SetQuestion(q.Name.FQDN(), q.Type)
	msg.RecursionDesired = false
	if edns {
		msg.SetEdns0(udpSize, false)
	}
	m, outcome, why = a.send(ctx, "udp", msg, s)
	if m == nil || !m.Truncated {
		return a.about(m, q, outcome, why)
	}
	m, _, why = a.send(ctx, "tcp", msg, s)
	switch {
	case m == nil:
		return nil, Truncated, "the answer does not fit UDP, and by TCP: " + why
	case m.Truncated:
		return nil, Truncated, "the answer does not fit UDP, and is truncated by TCP too"
	}
	return a.about(m, q, outcome, why)
}

func (a *Authority) about(m *dns.Msg, q Question, outcome Outcome, why string) (*dns.Msg, Outcome, string) {
	switch {
	case m == nil:
		return nil, outcome, why
	case !answers(m, key{q.Name, q.Type}):
		return nil, Malformed, "it answered another question"
	}
	return m, Answered, ""
}

// send sends one query and waits for one answer.
func (a *Authority) send(ctx context.Context, network string, msg *dns.Msg, s Nameserver) (*dns.Msg, Outcome, string) {
	within, cancel := context.WithTimeout(ctx, a.query)
	defer cancel()
	var d net.Dialer
	conn, err := d.DialContext(within, network, s.Address.String())
	if err != nil {
		switch {
		case network == "tcp":
			return nil, Silent, networkWords(err)
		case noRoute(err): // nothing is sent yet: it is this machine that finds no way
			return nil, Unreachable, "this machine has no route to it"
		}
		return nil, NotAsked, networkWords(err)
	}
	co := &dns.Conn{Conn: conn, UDPSize: udpSize}
	defer func() { _ = co.Close() }() // only one exchange, which is over
	client := dns.Client{Net: network, Timeout: a.query, UDPSize: udpSize}
	m, _, err := client.ExchangeWithConnContext(within, msg, co)
	var ne net.Error
	switch {
	case err == nil:
		return m, Answered, ""
	case errors.As(err, &ne), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled), network == "tcp":
		return nil, Silent, networkWords(err)
	}
	return nil, Malformed, "its answer is no DNS message: " + strings.TrimPrefix(err.Error(), "dns: ")
}

// noRoute tells whether this machine knows no way to an address, or may not take it.
func noRoute(err error) bool {
	for _, errno := range []syscall.Errno{
		syscall.ENETUNREACH, syscall.EHOSTUNREACH, syscall.EADDRNOTAVAIL, syscall.EAFNOSUPPORT, syscall.EINVAL, syscall.EACCES, syscall.EPERM,
	} {
		if errors.Is(err, errno) {
			return true
		}
	}
	return false
}

// networkWords puts a network error in words that do not change from run to run.
func networkWords(err error) string {
	var ne net.Error
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, syscall.ECONNRESET):
		return "connection reset"
	case errors.Is(err, syscall.ENETUNREACH), errors.Is(err, syscall.EHOSTUNREACH):
		return "no route to it"
	case errors.As(err, &ne) && ne.Timeout(), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return "no answer in time"
	}
	return strings.TrimPrefix(err.Error(), "dns: ")
}

// read fills in what a message says about the question.
func read(o *Observation, z zone.Name, m *dns.Msg) {
	owner := wireName(o.Question.Name)
	set := func(outcome Outcome, format string, args ...any) {
		o.Outcome, o.Why = outcome, fmt.Sprintf(format, args...)
	}
	switch m.Rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
	case dns.RcodeRefused, dns.RcodeNotAuth:
		set(Lame, "it says %s", dns.RcodeToString[m.Rcode])
		return
	default:
		name, ok := dns.RcodeToString[m.Rcode]
		if !ok {
			name = fmt.Sprintf("rcode %d", m.Rcode)
		}
		set(ServFail, "it says %s", name)
		return
	}
	if !m.Authoritative {
		o.notAuthoritative(z, owner, m)
		return
	}
	o.Records, o.Link = answer(m, owner, o.Question.Type)
	switch {
	case len(o.Records) > 0 || o.Link != nil:
		o.Outcome, o.Why = Answered, ""
	case len(m.Answer) > 0:
		set(Malformed, "it answered about another name")
	default:
		for _, rr := range m.Ns {
			if soa, ok := rr.(*dns.SOA); ok {
				if at := nameOf(soa.Hdr.Name); wireName(z).Below(at) {
					set(Lame, "it answers from the zone %s above", at)
					return
				}
			}
		}
		o.NXDomain = m.Rcode == dns.RcodeNameError
		o.Outcome, o.Why = Absent, ""
	}
}

// notAuthoritative reads an answer without AA: a referral to a zone below is one that the zone gives, all else comes from a server
// that does not serve the zone.
func (o *Observation) notAuthoritative(z, owner zone.Name, m *dns.Msg) {
	var at zone.Name
	var recs []*zone.Record
	for _, rr := range m.Ns {
		ns, ok := rr.(*dns.NS)
		if !ok || m.Rcode != dns.RcodeSuccess {
			continue
		}
		n := nameOf(ns.Hdr.Name)
		if at != "" && n != at {
			continue
		}
		at = n
		recs = append(recs, withTTL(ns))
	}
	recs = sortRecords(recs)
	switch {
	case len(m.Answer) == 0 && at != "" && at.Below(wireName(z)) && owner.Under(at):
		o.Outcome, o.Records = Delegated, recs
		if at == owner && o.Question.Type == dns.TypeNS {
			o.Outcome = Answered // the cut's own NS records: the zone has them, but not with authority (RFC 1034 §4.2.1)
		} else {
			o.Why = fmt.Sprintf("%s is delegated to other servers", at)
		}
	case len(m.Answer) == 0 && len(recs) > 0:
		o.Outcome, o.Why = Lame, fmt.Sprintf("it does not serve the zone, and refers to the name servers of %s", at.FQDN())
	default:
		o.Outcome, o.Why = Lame, "its answer is not authoritative (no AA)"
	}
}

// answer is what stands at a name: records of the type, or else the alias.
func answer(m *dns.Msg, owner zone.Name, qtype uint16) (recs []*zone.Record, link *zone.Record) {
	var dname *zone.Record
	for _, rr := range m.Answer {
		h := rr.Header()
		if h.Class != dns.ClassINET {
			continue
		}
		at := nameOf(h.Name)
		switch {
		case at == owner && h.Rrtype == qtype:
			recs = append(recs, withTTL(rr))
		case at == owner && h.Rrtype == dns.TypeCNAME:
			link = withTTL(rr)
		case h.Rrtype == dns.TypeDNAME && owner.Below(at):
			dname = withTTL(rr)
		}
	}
	if len(recs) > 0 {
		return sortRecords(recs), nil
	}
	if dname != nil {
		link = dname // the CNAME is made from it (RFC 6672 §3.1)
	}
	return nil, link
}

// withTTL is a record as a name server of its zone gave it.
func withTTL(rr dns.RR) *zone.Record {
	r := fromRR(rr)
	r.TTL, r.HasTTL = rr.Header().Ttl, true
	return r
}

// SameData tells whether two records of one type have the same rdata, however it is spelt: octet by octet, names without regard
// to case. The strings of a TXT count as one text.
func SameData(a, b *zone.Record) bool {
	switch {
	case a.Type != b.Type:
		return false
	case a.RData() == b.RData():
		return true
	case a.Type == dns.TypeTXT:
		return false
	}
	x, y := packed(a), packed(b)
	return x != "" && x == y
}

// packed is rdata as it goes over the wire, names in lower case; "" where it cannot be had.
func packed(r *zone.Record) string {
	rr, err := dns.NewRR(". 0 IN " + r.TypeName() + " " + r.Data)
	if err != nil || rr == nil {
		return ""
	}
	switch t := rr.(type) { // fromRR and the definitions have the others in lower case
	case *dns.SVCB:
		t.Target = strings.ToLower(t.Target)
	case *dns.HTTPS:
		t.Target = strings.ToLower(t.Target)
	case *dns.NAPTR:
		t.Replacement = strings.ToLower(t.Replacement)
	case *dns.SOA:
		t.Ns, t.Mbox = strings.ToLower(t.Ns), strings.ToLower(t.Mbox)
	}
	buf := make([]byte, dns.Len(rr)+16)
	n, err := dns.PackRR(rr, buf, 0, nil, false)
	if err != nil {
		return ""
	}
	return string(buf[:n])
}
