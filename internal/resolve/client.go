package resolve

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// How live DNS is asked.
const (
	maxSilence   = 6                // unanswered queries, after which a server that never answered is not asked again
	maxUnderWay  = 32               // queries at once
	queryTimeout = 2 * time.Second  // one query
	nameTimeout  = 30 * time.Second // all queries about one name and type
	rounds       = 3                // how often each server is asked
	udpSize      = 1232             // octets: fits every path without fragments (DNS flag day 2020)
)

// A Client asks live DNS through recursive servers. Every answer is kept for the life of the client, so that one
// run judges everything by the same answers, and each question is asked once. It is safe for concurrent use.
//
// Only what a server says is an answer: SERVFAIL, a refusal, a timeout make the question failed, never NXDOMAIN.
type Client struct {
	servers []*server
	slots   chan struct{}
	query   time.Duration
	total   time.Duration

	mu    sync.Mutex
	cache map[key]*flight
}

// A server is a recursive server, with what is known of it.
type server struct {
	address string
	spoke   atomic.Bool  // it has answered, whatever it said
	silent  atomic.Int32 // queries that it has not
}

// gone tells whether there is no point in asking: else each of a thousand questions would wait for a server that is
// not there.
func (s *server) gone() bool { return !s.spoke.Load() && s.silent.Load() >= maxSilence }

// A flight is one question under way, or done.
type flight struct {
	done      chan struct{}
	answer    step
	cancelled bool // the asker went away: whoever still wants to know asks anew
}

// NewClient makes a client of recursive servers, "HOST:PORT" each ("HOST" alone means port 53). They are asked in
// the order given.
func NewClient(servers []string) (*Client, error) {
	if len(servers) == 0 {
		return nil, errors.New("no DNS server to ask: name one with --resolver HOST:PORT")
	}
	c := &Client{
		slots: make(chan struct{}, maxUnderWay), query: queryTimeout, total: nameTimeout, cache: map[key]*flight{},
	}
	for _, s := range servers {
		addr, err := serverAddress(s)
		if err != nil {
			return nil, err
		}
		c.servers = append(c.servers, &server{address: addr})
	}
	return c, nil
}

func serverAddress(s string) (string, error) {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return netip.AddrPortFrom(a, 53).String(), nil
	}
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		host, port = s, "53"
	}
	n, err := strconv.ParseUint(port, 10, 16)
	if host == "" || strings.ContainsAny(host, " \t:/") && net.ParseIP(host) == nil || err != nil || n == 0 {
		return "", fmt.Errorf("DNS server %q: write HOST:PORT, such as 192.0.2.53:53 or [2001:db8::53]:53", s)
	}
	return net.JoinHostPort(host, port), nil
}

// SystemServers are the servers that a resolv.conf names (resolv.conf(5)), for NewClient.
func SystemServers(resolvConf []byte) ([]string, error) {
	conf, err := dns.ClientConfigFromReader(strings.NewReader(string(resolvConf)))
	if err != nil {
		return nil, fmt.Errorf("read resolv.conf: %w", err)
	}
	out := make([]string, len(conf.Servers))
	for i, s := range conf.Servers {
		out[i] = net.JoinHostPort(s, conf.Port)
	}
	return out, nil
}

// ask answers one question from the cache or the servers.
func (c *Client) ask(ctx context.Context, k key) step {
	for {
		c.mu.Lock()
		f, ok := c.cache[k]
		if !ok {
			f = &flight{done: make(chan struct{})}
			c.cache[k] = f
		}
		c.mu.Unlock()
		if !ok {
			c.fly(ctx, k, f)
			return f.answer
		}
		select {
		case <-f.done:
			if !f.cancelled {
				return f.answer
			}
		case <-ctx.Done():
			return cancelled(ctx, k)
		}
	}
}

func cancelled(ctx context.Context, k key) step {
	return step{status: zone.Failed, why: fmt.Sprintf("%s: %v", k, context.Cause(ctx))}
}

func (c *Client) fly(ctx context.Context, k key, f *flight) {
	defer close(f.done)
	land := func(s step) {
		f.answer = s
		f.cancelled = ctx.Err() != nil && s.status == zone.Failed
		if f.cancelled {
			c.mu.Lock()
			delete(c.cache, k)
			c.mu.Unlock()
		}
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		land(cancelled(ctx, k))
		return
	}
	within, cancel := context.WithTimeout(ctx, c.total)
	defer cancel()
	msg, why := c.exchange(within, k)
	switch {
	case ctx.Err() != nil && msg == nil:
		land(cancelled(ctx, k))
	case msg == nil:
		land(step{status: zone.Failed, why: fmt.Sprintf("%s: %s", k, why)})
	default:
		land(c.read(k, msg))
	}
}

// exchange asks the servers in turn until one gives an answer. Why says what the last one said instead.
func (c *Client) exchange(ctx context.Context, k key) (msg *dns.Msg, why string) {
	plain := map[*server]bool{} // servers that do not know EDNS
	for range rounds {
		for _, server := range c.servers {
			if ctx.Err() != nil {
				if why == "" {
					why = "no answer in time"
				}
				return nil, why
			}
			if server.gone() {
				if why == "" {
					why = "no answer from " + server.address + " to this or any question"
				}
				continue
			}
			m, err := c.once(ctx, k, server.address, !plain[server])
			if err != nil {
				why = said(server.address, err)
				c.unanswered(ctx, server)
				continue
			}
			server.spoke.Store(true)
			switch {
			case m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError:
				if m.Rcode == dns.RcodeFormatError || m.Rcode == dns.RcodeNotImplemented {
					plain[server] = true // RFC 6891 §7
				}
				why = fmt.Sprintf("%s from %s", dns.RcodeToString[m.Rcode], server.address)
			case lame(m):
				why = server.address + " is no recursive server: it referred to others"
			default:
				return m, ""
			}
		}
	}
	return nil, why
}

// unanswered counts a query without an answer. Before it is the last one, the server is asked what it answers out of
// hand, if it is there: the names so far may have been slow ones.
func (c *Client) unanswered(ctx context.Context, server *server) {
	if ctx.Err() != nil || server.spoke.Load() {
		return
	}
	if server.silent.Load() >= maxSilence-1 {
		if _, err := c.once(ctx, key{zone.Root, dns.TypeNS}, server.address, false); err == nil {
			server.spoke.Store(true)
			return
		}
	}
	server.silent.Add(1)
}

// said puts a network error in words that do not change from run to run.
func said(server string, err error) string {
	var ne net.Error
	if errors.As(err, &ne) && ne.Timeout() {
		return "no answer from " + server + " in time"
	}
	return fmt.Sprintf("%s: %v", server, err)
}

// lame tells whether a server only says who else to ask (RFC 2308 §2.2), which is no answer.
func lame(m *dns.Msg) bool {
	if m.Rcode != dns.RcodeSuccess || len(m.Answer) > 0 || m.Authoritative || m.RecursionAvailable {
		return false
	}
	for _, rr := range m.Ns {
		if rr.Header().Rrtype == dns.TypeSOA {
			return false
		}
	}
	return true
}

// once sends one query by UDP, and by TCP where the answer did not fit.
func (c *Client) once(ctx context.Context, k key, server string, edns bool) (*dns.Msg, error) {
	q := new(dns.Msg)
	q.SetQuestion(k.name.FQDN(), k.qtype)
	if edns {
		q.SetEdns0(udpSize, false)
	}
	for _, network := range [2]string{"udp", "tcp"} {
		client := dns.Client{Net: network, Timeout: c.query, UDPSize: udpSize}
		within, cancel := context.WithTimeout(ctx, c.query)
		m, err := exchange(within, ctx, &client, q, server)
		cancel()
		if err != nil {
			return nil, err
		}
		if !answers(m, k) {
			return nil, errors.New("an answer to another question")
		}
		if !m.Truncated {
			return m, nil
		}
	}
	return nil, errors.New("a truncated answer by TCP")
}

// exchange asks one question. The library looks at a context's deadline only: when stop ends, the connection is closed under it.
func exchange(within, stop context.Context, client *dns.Client, q *dns.Msg, server string) (*dns.Msg, error) {
	conn, err := client.DialContext(within, server)
	if err != nil {
		return nil, err
	}
	release := context.AfterFunc(stop, func() { _ = conn.Close() }) // it is closed again below
	m, _, err := client.ExchangeWithConnContext(within, q, conn)
	release()
	_ = conn.Close() // the answer is here, or none will be
	if stop.Err() != nil {
		return nil, context.Cause(stop)
	}
	return m, err
}

// answers tells whether m is about the question. A server that cannot read a query may leave the question out.
func answers(m *dns.Msg, k key) bool {
	if !m.Response {
		return false
	}
	if len(m.Question) == 0 {
		return m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError
	}
	return len(m.Question) == 1 && m.Question[0].Qtype == k.qtype && nameOf(m.Question[0].Name) == wireName(k.name)
}

// wireName is a name as miekg/dns shows what comes from the wire: with more escapes than are needed.
func wireName(n zone.Name) zone.Name {
	if strings.IndexFunc(string(n), func(r rune) bool { return strings.ContainsRune(`\ '@;()"`, r) || r <= ' ' || r > '~' }) < 0 {
		return n
	}
	var buf [zone.MaxName + 1]byte
	end, err := dns.PackDomainName(n.FQDN(), buf[:], 0, nil, false)
	if err != nil {
		return n
	}
	s, _, err := dns.UnpackDomainName(buf[:end], 0)
	if err != nil {
		return n
	}
	return nameOf(s)
}

// read takes the answer apart: the first link of a CNAME chain, or the records. What a recursive server found at
// the links behind it is kept for when they are asked for; a link that the repository defines never is.
func (c *Client) read(k key, m *dns.Msg) step {
	owner := wireName(k.name)
	if k.qtype == dns.TypeCNAME {
		return c.last(owner, k.qtype, m)
	}
	var first *zone.Record
	at := owner
	for range maxChain + 1 {
		var link *zone.Record
		for _, rr := range m.Answer {
			if t, ok := rr.(*dns.CNAME); ok && t.Hdr.Class == dns.ClassINET && nameOf(t.Hdr.Name) == at {
				link = fromRR(rr)
				break
			}
		}
		if link == nil {
			break
		}
		if first == nil {
			first = link
		} else {
			c.keep(key{at, k.qtype}, step{link: link})
		}
		at = link.Target
		if at == owner {
			return step{link: first}
		}
	}
	if first == nil {
		return c.last(owner, k.qtype, m)
	}
	if end := c.last(at, k.qtype, m); end.status == zone.Found || m.Rcode == dns.RcodeNameError || soa(m) {
		// Without an SOA an end that has no records may be a chain that the server did not follow (RFC 2308 §2.2).
		c.keep(key{at, k.qtype}, end)
	}
	return step{link: first}
}

// last is what the message says of the name at the end of its chain (RFC 2308 §2.1: the rcode is about that one).
func (c *Client) last(name zone.Name, qtype uint16, m *dns.Msg) step {
	var recs []*zone.Record
	for _, rr := range m.Answer {
		if h := rr.Header(); h.Rrtype == qtype && h.Class == dns.ClassINET && nameOf(h.Name) == name {
			recs = append(recs, fromRR(rr))
		}
	}
	switch {
	case len(recs) > 0:
		return step{status: zone.Found, records: sortRecords(recs)}
	case m.Rcode == dns.RcodeNameError:
		return step{status: zone.NXDomain}
	}
	return step{status: zone.NoData}
}

func soa(m *dns.Msg) bool {
	for _, rr := range m.Ns {
		if rr.Header().Rrtype == dns.TypeSOA {
			return true
		}
	}
	return false
}

// keep puts an answer in the cache that nobody has asked for yet.
func (c *Client) keep(k key, s step) {
	f := &flight{done: make(chan struct{}), answer: s}
	close(f.done)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.cache[k] == nil {
		c.cache[k] = f
	}
}
