package resolve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// How name servers are asked, beyond what holds for recursive ones.
const (
	zoneTimeout    = 30 * time.Second // all queries about one zone
	maxAuthorities = 64               // addresses of name servers of one zone
	maxAtOnce      = 8                // queries at one address at once: many servers limit the rate of one client
	maxParents     = 6                // addresses of the parent's name servers that are tried
	maxCuts        = 8                // delegations on the way from a known parent to the zone
)

// An Outcome is what became of one question at one address of a name server.
type Outcome uint8

// The outcomes. Only the first three say something about the zone; the others say that this address could not be asked.
const (
	Answered    Outcome = iota // authoritative: records of the type, or an alias
	Absent                     // authoritative: no such name, or none of that type
	Delegated                  // the name is in a zone below, which other servers serve
	Lame                       // the server is not authoritative for the zone: it refused, referred elsewhere, or had no AA (RFC 1912 §2.8)
	ServFail                   // SERVFAIL, or another rcode that is no answer
	Silent                     // no answer in time, or nothing listens there
	Unreachable                // this machine has no route to the address
	NoAddress                  // the name server has no address, or none could be found
	Truncated                  // the answer does not fit UDP, and TCP does not give it (RFC 7766 §5)
	Malformed                  // no DNS message, or one that answers another question
	NotAsked                   // the time for the zone was over
)

func (o Outcome) String() string {
	return [...]string{
		"answered", "absent", "delegated", "lame", "servfail", "silent", "unreachable", "no address", "truncated", "malformed", "not asked",
	}[o]
}

// Speaks tells whether the outcome says something about the zone.
func (o Outcome) Speaks() bool { return o <= Delegated }

// A Nameserver is one address of a name server.
type Nameserver struct {
	Name    zone.Name      // "" where only its address is known
	Address netip.AddrPort // the zero one where the name has none
	// Parent and Child tell who names it: the delegation, the zone itself. Neither does where the user names it.
	Parent, Child bool
}

// String is the name and the address, the port where it is not 53.
func (n Nameserver) String() string {
	addr := ""
	if n.Address.IsValid() {
		addr = n.Address.Addr().String()
		if n.Address.Port() != 53 {
			addr = n.Address.String()
		}
	}
	switch {
	case n.Name == "":
		return addr
	case addr == "":
		return n.Name.String()
	}
	return fmt.Sprintf("%s (%s)", n.Name, addr)
}

// An Observation is what one address of a name server said to one question.
type Observation struct {
	Question Question
	Server   Nameserver
	Outcome  Outcome
	// Records, of Answered: those of the type, at the name itself, with their TTL. Of Delegated: the NS records of the cut.
	Records []*zone.Record
	// Link is the CNAME or DNAME that stands there instead, nil where there is none.
	Link *zone.Record
	// NXDomain, of Absent: the name does not exist, whatever the type.
	NXDomain bool
	// Why says more, for a person to read.
	Why string
}

// An Authority asks name servers directly, without recursion: each address of each server that the delegation or the zone
// names. It is safe for concurrent use, and at most 32 queries are under way.
type Authority struct {
	client *Client
	forced []Nameserver
	hosts  []string // of the forced ones, HOST:PORT that is a name

	slots chan struct{}
	query time.Duration
	total time.Duration
	port  uint16

	mu    sync.Mutex
	known map[netip.AddrPort]*host
}

// A host is one address, with what is known of it.
type host struct {
	server
	turns chan struct{}
	plain atomic.Bool // it does not know EDNS
}

// NewAuthority makes an Authority. Client finds delegations and addresses; it may be nil where servers, "HOST:PORT" each, are
// addresses: these are asked instead of the zones' own.
func NewAuthority(client *Client, servers []string) (*Authority, error) {
	a := &Authority{
		client: client, slots: make(chan struct{}, maxUnderWay), query: queryTimeout, total: zoneTimeout, port: 53, known: map[netip.AddrPort]*host{},
	}
	for _, s := range servers {
		addr, err := serverAddress(s)
		if err != nil {
			return nil, err
		}
		if ap, err := netip.ParseAddrPort(addr); err == nil {
			a.forced = append(a.forced, Nameserver{Address: unmapped(ap)})
		} else {
			a.hosts = append(a.hosts, addr)
		}
	}
	if client == nil && (len(servers) == 0 || len(a.hosts) > 0) {
		return nil, errors.New("find name servers: no recursive server to ask: name one with --resolver HOST:PORT")
	}
	return a, nil
}

func unmapped(ap netip.AddrPort) netip.AddrPort {
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

// Observe asks every address of every name server of a zone every question, and tells what each said: the observations stand in
// the order of the questions, then by server. An error is a zone whose name servers cannot be found.
func (a *Authority) Observe(ctx context.Context, z zone.Name, questions []Question) ([]Observation, error) {
	within, cancel := context.WithTimeout(ctx, a.total)
	defer cancel()
	servers, err := a.Nameservers(within, z)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, err
	}
	out := make([]Observation, len(questions)*len(servers))
	a.each(len(out), func(i int) {
		out[i] = a.ask(within, z, questions[i/len(servers)], servers[i%len(servers)])
	})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return out, nil
}

// each calls f for 0 to n-1, some at once.
func (a *Authority) each(n int, f func(i int)) {
	var wg sync.WaitGroup
	var next atomic.Int64
	for range min(n, cap(a.slots)) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				f(int(i))
			}
		})
	}
	wg.Wait()
}

// Nameservers are the addresses that Observe asks about a zone, sorted. An address that both parent and zone name stands once.
func (a *Authority) Nameservers(ctx context.Context, z zone.Name) ([]Nameserver, error) {
	var out []Nameserver
	if len(a.forced)+len(a.hosts) > 0 {
		out = slices.Clone(a.forced)
		for _, h := range a.hosts {
			name, port, err := net.SplitHostPort(h)
			if err != nil {
				return nil, fmt.Errorf("name server %s: %w", h, err)
			}
			n, err := zone.ParseName(name)
			if err != nil {
				return nil, fmt.Errorf("name server %s: %w", h, err)
			}
			ap, err := netip.ParseAddrPort("0.0.0.0:" + port)
			if err != nil {
				return nil, fmt.Errorf("name server %s: %w", h, err)
			}
			out = append(out, a.addresses(ctx, n, nil, ap.Port(), false, false)...)
		}
	} else {
		d, err := a.delegation(ctx, z)
		if err != nil {
			return nil, err
		}
		for _, n := range d.names() {
			out = append(out, a.addresses(ctx, n, d.glue[n], a.port, d.parent[n], d.child[n])...)
		}
	}
	slices.SortFunc(out, func(x, y Nameserver) int {
		return cmp.Or(x.Name.Compare(y.Name), x.Address.Compare(y.Address))
	})
	// Two names may lead to one address: it is asked once.
	seen := map[netip.AddrPort]int{}
	var once []Nameserver
	for _, s := range out {
		if i, ok := seen[s.Address]; ok && s.Address.IsValid() {
			once[i].Parent, once[i].Child = once[i].Parent || s.Parent, once[i].Child || s.Child
			continue
		}
		seen[s.Address] = len(once)
		once = append(once, s)
	}
	if len(once) > maxAuthorities {
		return nil, fmt.Errorf("%s has name servers at %d addresses: more than %d are not asked", z, len(once), maxAuthorities)
	}
	return once, nil
}

// A delegation is who serves a zone, as far as parent and zone say.
type delegation struct {
	parent, child map[zone.Name]bool
	glue          map[zone.Name][]netip.Addr
}

func (d *delegation) names() []zone.Name {
	var out []zone.Name
	for n := range d.parent {
		out = append(out, n)
	}
	for n := range d.child {
		if !d.parent[n] {
			out = append(out, n)
		}
	}
	slices.SortFunc(out, zone.Name.Compare)
	return out
}

// delegation asks the parent who serves a zone, and those whom it names what the zone itself says. Where no parent can be asked,
// as behind a split horizon, the recursive server's answer stands for both.
func (a *Authority) delegation(ctx context.Context, z zone.Name) (*delegation, error) {
	d := &delegation{parent: map[zone.Name]bool{}, child: map[zone.Name]bool{}, glue: map[zone.Name][]netip.Addr{}}
	why := a.fromParent(ctx, z, d)
	if len(d.parent) == 0 {
		s := a.client.ask(ctx, key{z, dns.TypeNS})
		if s.status != zone.Found || s.link != nil {
			if why == "" {
				why = s.why
			}
			if why == "" {
				why = "the recursive server knows none either"
			}
			return nil, fmt.Errorf("find the name servers of %s: %s", z, why)
		}
		for _, r := range s.records {
			d.child[r.Target] = true
		}
		return d, nil
	}
	var servers []Nameserver
	for _, n := range d.names() {
		servers = append(servers, a.addresses(ctx, n, d.glue[n], a.port, true, false)...)
	}
	servers = servers[:min(len(servers), maxAuthorities)]
	said := make([]Observation, len(servers))
	a.each(len(servers), func(i int) { said[i] = a.ask(ctx, z, Question{Name: z, Type: dns.TypeNS}, servers[i]) })
	for _, o := range said {
		for _, r := range o.Records {
			if o.Outcome == Answered && r.Type == dns.TypeNS {
				d.child[r.Target] = true
			}
		}
	}
	return d, nil
}

// fromParent fills in the parent's side of a delegation. Why says what is in the way when it finds nothing.
func (a *Authority) fromParent(ctx context.Context, z zone.Name, d *delegation) (why string) {
	if z == zone.Root {
		return ""
	}
	cut := z.Parent()
	var servers []Nameserver
	for {
		s := a.client.ask(ctx, key{cut, dns.TypeNS})
		if s.status == zone.Found && s.link == nil {
			for _, r := range s.records[:min(len(s.records), maxParents)] {
				servers = append(servers, a.addresses(ctx, r.Target, nil, a.port, false, false)...)
			}
			break
		}
		if s.link == nil && s.status == zone.Failed || cut == zone.Root {
			return s.why
		}
		cut = cut.Parent()
	}
	for range maxCuts {
		m, from, said := a.first(ctx, z, servers)
		if m == nil {
			return said
		}
		owner, names, glue := nsOf(m, z, cut)
		switch {
		case owner == z:
			for _, n := range names {
				d.parent[n] = true
				d.glue[n] = glue[n]
			}
			return ""
		case owner != zone.Root && owner.Below(cut):
			// A delegation in between.
			cut, servers = owner, nil
			for _, n := range names[:min(len(names), maxParents)] {
				servers = append(servers, a.addresses(ctx, n, glue[n], a.port, false, false)...)
			}
		case m.Rcode == dns.RcodeNameError:
			return fmt.Sprintf("it is not delegated: %s says NXDOMAIN", from)
		default:
			return fmt.Sprintf("it is not delegated: %s knows no NS records of it", from)
		}
	}
	return "too many delegations lead there"
}

// first is the answer of the first of the parent's servers that gives one about the delegation of z.
func (a *Authority) first(ctx context.Context, z zone.Name, servers []Nameserver) (m *dns.Msg, from Nameserver, why string) {
	why = "its parent's name servers have no address"
	tried := 0
	for _, s := range servers {
		if !s.Address.IsValid() || tried >= maxParents {
			continue
		}
		m, o := a.exchange(ctx, Question{Name: z, Type: dns.TypeNS}, s)
		if m == nil {
			why = fmt.Sprintf("its parent's name server %s: %s", s, o.words())
			if o.Outcome != Unreachable {
				tried++
			}
			continue
		}
		if m.Rcode == dns.RcodeSuccess || m.Rcode == dns.RcodeNameError && m.Authoritative {
			return m, s, ""
		}
		tried++
		why = fmt.Sprintf("its parent's name server %s says %s", s, dns.RcodeToString[m.Rcode])
	}
	return nil, Nameserver{}, why
}

// nsOf are the name servers of the zone at or above z, and below cut, that a message names, in its answer or as a referral, with
// the addresses that it brings along (RFC 1034 §4.2.1).
func nsOf(m *dns.Msg, z, cut zone.Name) (owner zone.Name, names []zone.Name, glue map[zone.Name][]netip.Addr) {
	glue = map[zone.Name][]netip.Addr{}
	for _, rr := range slices.Concat(m.Answer, m.Ns) {
		ns, ok := rr.(*dns.NS)
		if !ok || len(names) >= maxAuthorities {
			continue
		}
		at := nameOf(ns.Hdr.Name)
		if !wireName(z).Under(at) || !at.Below(cut) || owner != "" && at != owner {
			continue
		}
		owner = at
		if n := nameOf(ns.Ns); !slices.Contains(names, n) && n.Check() == nil {
			names = append(names, n)
		}
	}
	if owner == wireName(z) {
		owner = z
	}
	for _, rr := range m.Extra {
		n := nameOf(rr.Header().Name)
		if !n.Under(cut) || !slices.Contains(names, n) {
			continue // anybody's address can be claimed
		}
		switch t := rr.(type) {
		case *dns.A:
			if ip, ok := netip.AddrFromSlice(t.A.To4()); ok {
				glue[n] = append(glue[n], ip)
			}
		case *dns.AAAA:
			if ip, ok := netip.AddrFromSlice(t.AAAA.To16()); ok {
				glue[n] = append(glue[n], ip.Unmap())
			}
		}
	}
	return owner, names, glue
}

// addresses are all addresses of a name server: the glue, and what it resolves to.
func (a *Authority) addresses(ctx context.Context, n zone.Name, glue []netip.Addr, port uint16, parent, child bool) []Nameserver {
	all := slices.Clone(glue)
	for _, qtype := range [2]uint16{dns.TypeA, dns.TypeAAAA} {
		s := a.client.ask(ctx, key{n, qtype})
		if s.link != nil {
			continue // a name server must not be an alias (RFC 2181 §10.3)
		}
		for _, r := range s.records {
			if ip, err := netip.ParseAddr(r.Data); err == nil {
				all = append(all, ip.Unmap())
			}
		}
	}
	slices.SortFunc(all, netip.Addr.Compare)
	all = slices.Compact(all)
	if len(all) == 0 {
		return []Nameserver{{Name: n, Parent: parent, Child: child}}
	}
	out := make([]Nameserver, 0, len(all))
	for _, ip := range all {
		out = append(out, Nameserver{Name: n, Address: netip.AddrPortFrom(ip, port), Parent: parent, Child: child})
	}
	return out
}
