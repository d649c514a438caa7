package spf

import (
	"context"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// A Query is the input of check_host() (RFC 7208 §4.1).
type Query struct {
	IP       netip.Addr
	MailFrom string    // "" is postmaster@Domain, or postmaster@HELO (§2.4); a missing local part is postmaster (§4.3)
	HELO     string    // "" is the domain
	Domain   string    // "" is MailFrom's domain, or HELO where that is empty
	Now      time.Time // for %{t} in an explanation
}

// A Result is what a receiver would say of one message.
type Result struct {
	// Result is Undetermined where an answer that decides it is not at hand; Missing says which.
	Result Code
	// Mechanism is the term that matched, as it is written, "" without one.
	Mechanism string
	// Path leads from the domain to the record whose term matched, or where the evaluation ended.
	Path []zone.Name
	// Lookups counts the terms that cost a look-up, up to the match (§4.6.4).
	Lookups int
	// Void counts the terms among them that found nothing.
	Void int
	// Explanation is the expanded text of exp on fail, "" where there is none (§6.2).
	Explanation string
	// Reason says why the result is an error or none, for a person to read.
	Reason  string
	Missing []Question
}

type checker struct {
	*source
	ip            netip.Addr
	local, domain string // of the sender
	helo          string
	now           time.Time

	lookups, void int
	path          []zone.Name
	mechanism     string
	reason        string
	missing       []Question
	exp           *Term
	expDomain     zone.Name
	names         []zone.Name // PTR names, at most MaxPTR
	namesAsked    zone.Status
	namesKnown    bool
}

// Check evaluates check_host() as RFC 7208 §4 says, with the limits of §4.6.4. A failed look-up is temperror,
// an answer that is not at hand leaves the result undetermined.
func Check(ctx context.Context, lookup zone.Lookup, q Query) Result {
	c := &checker{source: newSource(lookup), ip: q.IP.Unmap().WithZone(""), helo: q.HELO, now: q.Now}
	sender := q.MailFrom
	if sender == "" {
		sender = "postmaster@" + q.Domain
		if q.Domain == "" {
			sender = "postmaster@" + q.HELO // §2.4
		}
	}
	at := strings.LastIndexByte(sender, '@')
	c.local, c.domain = sender[:max(at, 0)], sender[at+1:]
	if c.local == "" {
		c.local = "postmaster"
	}
	domain := q.Domain
	if domain == "" {
		domain = c.domain
	}
	if c.helo == "" {
		c.helo = domain
	}
	if !c.ip.IsValid() {
		return Result{Result: None, Reason: "no IP address"}
	}
	name, ok := checkDomain(domain)
	if !ok {
		return Result{Result: None, Reason: quote(domain) + " is not a domain name of several labels"}
	}
	res := c.host(ctx, name, false)
	out := Result{Result: res, Path: c.path, Lookups: c.lookups, Void: c.void, Mechanism: c.mechanism, Reason: c.reason, Missing: c.missing}
	if res == Fail && c.exp != nil {
		out.Explanation = c.explanation(ctx)
	}
	return out
}

// checkDomain tells whether check_host() takes a domain (RFC 7208 §4.3).
func checkDomain(s string) (zone.Name, bool) {
	if len(strings.TrimSuffix(s, ".")) > maxTarget {
		return "", false
	}
	name, ok := toName(s)
	return name, ok && name.Count() > 1
}

func (c *checker) stop(code Code, reason string) Code {
	c.reason, c.mechanism = reason, ""
	return code
}

// lack notes that an answer is not at hand.
func (c *checker) lack(name zone.Name, qtype uint16) Code {
	c.missing = append(c.missing, Question{Name: name, Type: qtype, Why: c.answers[Question{Name: name, Type: qtype}].Why})
	return c.stop(Undetermined, name.String()+" "+zone.TypeName(qtype)+" is not known")
}

// host is check_host() itself. included says that exp is not used (§6.2).
func (c *checker) host(ctx context.Context, name zone.Name, included bool) Code {
	c.path = append(c.path, name)
	f := c.record(ctx, name)
	switch f.fault {
	case FaultUnknown:
		return c.lack(name, dns.TypeTXT)
	case FaultFailed:
		return c.stop(TempError, "the look-up of "+name.String()+" TXT failed")
	case FaultNoName:
		return c.stop(None, name.String()+" does not exist")
	case FaultNoRecord:
		return c.stop(None, name.String()+" has no SPF record")
	case FaultSeveral:
		return c.stop(PermError, name.String()+" has "+strconv.Itoa(len(f.spf))+" SPF records")
	case FaultSyntax:
		return c.stop(PermError, "the record of "+name.String()+" breaks the grammar: "+f.parsed.Problems[0].Message)
	}
	depth := len(c.path)
	for _, t := range f.parsed.Terms {
		if !t.Kind.IsMechanism() {
			continue
		}
		matched, code := c.match(ctx, t, name)
		if code != goOn {
			return code
		}
		if !matched {
			c.path, c.mechanism = c.path[:depth], ""
			continue
		}
		if t.Kind != Include {
			c.mechanism = t.Text
		}
		if !included {
			c.exp, c.expDomain = f.parsed.Exp(), name
		}
		return t.Result()
	}
	r := f.parsed.Redirect()
	if r == nil {
		return Neutral // §4.7
	}
	if code := c.count(r, name); code != goOn {
		return code
	}
	target, code := c.expandTarget(ctx, r, name)
	if code != goOn {
		return code
	}
	if target == "" {
		return c.stop(PermError, "redirect leads to no domain name")
	}
	res := c.host(ctx, target, included)
	if res == None {
		return c.stop(PermError, "redirect to "+target.String()+", which has no SPF record")
	}
	return res
}

// goOn says that an evaluation has not come to its end.
const goOn Code = "go on"

// count counts a term that costs a look-up (§4.6.4).
func (c *checker) count(t *Term, name zone.Name) Code {
	if !t.Kind.Costs() {
		return goOn
	}
	n := cost(t)
	if c.lookups+n > MaxLookups {
		return c.stop(PermError, "more than 10 DNS look-ups, at "+quote(t.Text)+" of "+name.String())
	}
	c.lookups += n
	return goOn
}

// cost is what a term counts against the limit, without what it leads to: one, and one more for %{p}.
func cost(t *Term) int {
	n := 0
	if t.Kind.Costs() {
		n = 1
	}
	if t.Kind != Exp && t.Kind != Unknown && strings.IndexByte(t.Macros(), 'p') >= 0 {
		n++
	}
	return n
}

func (c *checker) countVoid(t *Term, name zone.Name) Code {
	c.void++
	if c.void > MaxVoid {
		return c.stop(PermError, "more than 2 void look-ups, at "+quote(t.Text)+" of "+name.String())
	}
	return goOn
}

// match tells whether a mechanism matches the client (§5). A code other than goOn ends the evaluation.
func (c *checker) match(ctx context.Context, t *Term, name zone.Name) (bool, Code) {
	switch t.Kind {
	case All:
		return true, goOn
	case IP4, IP6:
		return t.Prefix.Masked().Contains(c.ip), goOn
	}
	if code := c.count(t, name); code != goOn {
		return false, code
	}
	target, code := c.expandTarget(ctx, t, name)
	if code != goOn {
		return false, code
	}
	if t.Kind == Include {
		return c.include(ctx, target)
	}
	if target == "" {
		return false, goOn // no query can be made for it, so nothing matches
	}
	switch t.Kind {
	case A:
		return c.matchA(ctx, t, name, target)
	case MX:
		return c.matchMX(ctx, t, name, target)
	case Exists:
		return c.matchExists(ctx, t, name, target)
	default:
		return c.matchPTR(ctx, t, name, target)
	}
}

// include is the table of §5.2.
func (c *checker) include(ctx context.Context, target zone.Name) (bool, Code) {
	if target == "" {
		return false, c.stop(PermError, "include leads to no domain name")
	}
	switch res := c.host(ctx, target, true); res {
	case Pass:
		return true, goOn
	case Fail, SoftFail, Neutral:
		return false, goOn
	case None:
		return false, c.stop(PermError, "include of "+target.String()+", which has no SPF record")
	default:
		return false, res
	}
}

func (c *checker) matchA(ctx context.Context, t *Term, name, target zone.Name) (bool, Code) {
	ips, st := c.addresses(ctx, target, c.ip.Is6())
	switch st {
	case zone.Unknown:
		return false, c.lack(target, addressType(c.ip.Is6()))
	case zone.Failed:
		return false, c.stop(TempError, "the look-up of "+target.String()+" failed")
	case zone.NoData, zone.NXDomain:
		return false, c.countVoid(t, name)
	}
	return t.containsAny(c.ip, ips), goOn
}

func (t *Term) containsAny(ip netip.Addr, of []netip.Addr) bool {
	for _, a := range of {
		if t.mask(a).Contains(ip) {
			return true
		}
	}
	return false
}

// matchMX: the look-up of the hosts' addresses belongs to the one term, which is void when it yields no address
// (§4.6.4 counts terms).
func (c *checker) matchMX(ctx context.Context, t *Term, name, target zone.Name) (bool, Code) {
	hosts, n, st := c.exchangers(ctx, target)
	switch {
	case st == zone.Unknown:
		return false, c.lack(target, dns.TypeMX)
	case st == zone.Failed:
		return false, c.stop(TempError, "the look-up of "+target.String()+" MX failed")
	case n > MaxMX:
		return false, c.stop(PermError, target.String()+" has more than 10 MX names")
	}
	void := true
	for _, h := range hosts {
		ips, st := c.addresses(ctx, h, c.ip.Is6())
		switch st {
		case zone.Unknown:
			return false, c.lack(h, addressType(c.ip.Is6()))
		case zone.Failed:
			return false, c.stop(TempError, "the look-up of "+h.String()+" failed")
		case zone.Found:
			void = false
		}
		if t.containsAny(c.ip, ips) {
			return true, goOn
		}
	}
	if void {
		return false, c.countVoid(t, name)
	}
	return false, goOn
}

// matchExists asks for A, whatever the client's family is (§5.7).
func (c *checker) matchExists(ctx context.Context, t *Term, name, target zone.Name) (bool, Code) {
	switch c.has(ctx, target, dns.TypeA) {
	case zone.Unknown:
		return false, c.lack(target, dns.TypeA)
	case zone.Failed:
		return false, c.stop(TempError, "the look-up of "+target.String()+" failed")
	case zone.Found:
		return true, goOn
	}
	return false, c.countVoid(t, name)
}

// matchPTR is §5.5: a DNS error makes it fail to match.
func (c *checker) matchPTR(ctx context.Context, t *Term, name, target zone.Name) (bool, Code) {
	names, st := c.clientNames(ctx)
	switch st {
	case zone.Unknown:
		return false, c.lack(reverse(c.ip), dns.TypePTR)
	case zone.Failed:
		return false, goOn
	case zone.NoData, zone.NXDomain:
		return false, c.countVoid(t, name)
	}
	for _, n := range names {
		if !n.Under(target) {
			continue
		}
		ok, code := c.validated(ctx, n)
		if code != goOn || ok {
			return ok, code
		}
	}
	return false, goOn
}

// clientNames are the first ten names of the client's address (§4.6.4).
func (c *checker) clientNames(ctx context.Context) ([]zone.Name, zone.Status) {
	if !c.namesKnown {
		a := c.ask(ctx, reverse(c.ip), dns.TypePTR)
		for _, r := range a.Records[:min(len(a.Records), MaxPTR)] {
			c.names = append(c.names, r.Target)
		}
		c.namesAsked, c.namesKnown = a.Status, true
	}
	return c.names, c.namesAsked
}

// validated tells whether a name of the client leads back to its address; a name whose look-up fails is skipped
// (§5.5).
func (c *checker) validated(ctx context.Context, n zone.Name) (bool, Code) {
	ips, st := c.addresses(ctx, n, c.ip.Is6())
	if st == zone.Unknown {
		return false, c.lack(n, addressType(c.ip.Is6()))
	}
	for _, ip := range ips {
		if ip == c.ip {
			return true, goOn
		}
	}
	return false, goOn
}
