package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/resolve"
	"github.com/tripod-dns/tripod/internal/zone"
)

// zonesAtOnce is how many zones are asked about at once: few, so that each has its share of the queries that may be under way.
const zonesAtOnce = 8

// VerifyOptions say what is verified, and how.
type VerifyOptions struct {
	Servers   []string    // HOST:PORT of the name servers to ask instead of those of the zones
	Domains   []zone.Name // only these definitions; none: all
	Tag       string      // the view that is asked: "" is the world's
	Selectors []string    // further DKIM selectors that must not be published unless they are declared
	// HTTP fetches MTA-STS policies; nil takes a client of its own. It follows no redirect, whatever it says.
	HTTP *http.Client
}

// A Verdict is what was found of one declared record set or policy.
type Verdict string

// The verdicts.
const (
	AsDeclared  Verdict = "as-declared"
	Wrong       Verdict = "wrong"       // every server that answers gives the same, and not what is declared
	Missing     Verdict = "missing"     // every server that answers has nothing there
	Differs     Verdict = "differs"     // the servers do not agree
	Undeclared  Verdict = "undeclared"  // published, and not declared
	Unconfirmed Verdict = "unconfirmed" // nobody who could be asked says anything about it
)

// A VerifyResult is what the name servers and the web say of the definitions, in the order of the definitions.
type VerifyResult struct {
	Zones []VerifiedZone
	// Skipped are views that were not asked: their definitions, by tag.
	Skipped map[string]int
}

// A VerifiedZone is what was found of one definition.
type VerifiedZone struct {
	Name     zone.Name
	Tag      string
	Sets     []VerifiedSet // declared ones as they are written, then what is published without being declared
	Policies []VerifiedPolicy
	Servers  []ServerTrouble
	Err      string // why nobody could be asked
	Note     string // what was not looked at; may be empty
}

// A VerifiedSet is one record set.
type VerifiedSet struct {
	Name     zone.Name
	Type     string
	Verdict  Verdict
	Declared []string // rdata, sorted; a TXT as its one text
	Answers  []VerifiedAnswer
	What     string          // of Undeclared: what it is, such as "an SPF record"
	Pos      config.Position // of its first record
}

// A VerifiedAnswer is one of the different answers to one question.
type VerifiedAnswer struct {
	Data       []string // rdata, sorted
	Text       string   // in words, where there are no records of the type
	AsDeclared bool
	Servers    []string // who says so
}

// ServerTrouble is one address of a name server that could not be asked everything, and how.
type ServerTrouble struct {
	Server    string
	Kind      string // resolve.Outcome
	Why       string
	Questions int // that it did not answer
	Of        int // that it was asked
	// Harmless: it is this machine that has no route to the address. It says nothing about the server.
	Harmless bool
}

// VerifyCounts are the record sets and policies of a result by verdict, and the troubles that are not harmless.
type VerifyCounts struct{ AsDeclared, Wrong, Missing, Differs, Undeclared, Unconfirmed, Servers int }

// Differ tells whether anything is not as declared.
func (c VerifyCounts) Differ() bool { return c.Wrong+c.Missing+c.Differs+c.Undeclared > 0 }

// Incomplete tells whether something could not be asked.
func (c VerifyCounts) Incomplete() bool { return c.Unconfirmed+c.Servers > 0 }

// Counts counts the result.
func (r *VerifyResult) Counts() VerifyCounts {
	var c VerifyCounts
	add := func(v Verdict) {
		switch v {
		case AsDeclared:
			c.AsDeclared++
		case Wrong:
			c.Wrong++
		case Missing:
			c.Missing++
		case Differs:
			c.Differs++
		case Undeclared:
			c.Undeclared++
		case Unconfirmed:
			c.Unconfirmed++
		}
	}
	for _, z := range r.Zones {
		for _, s := range z.Sets {
			add(s.Verdict)
		}
		for _, p := range z.Policies {
			add(p.Verdict)
		}
		for _, s := range z.Servers {
			if !s.Harmless {
				c.Servers++
			}
		}
		if z.Err != "" {
			c.Servers++
		}
	}
	return c
}

// Verify asks every name server of every zone for every declared record set, and the web for MTA-STS policies. What a server that
// cannot be asked leaves open is told apart from what is wrong.
func (r *Repo) Verify(ctx context.Context, o VerifyOptions) (*VerifyResult, error) {
	auth, err := r.authority(o.Servers)
	if err != nil {
		return nil, fmt.Errorf("verify: %w", err)
	}
	domains, skipped, err := r.verified(o)
	if err != nil {
		return nil, err
	}
	policies := r.policyFetcher(o.HTTP)
	out := &VerifyResult{Zones: make([]VerifiedZone, len(domains)), Skipped: skipped}
	r.atOnce(len(domains), func(i int) {
		if ctx.Err() == nil {
			out.Zones[i] = r.verifyZone(ctx, auth, domains[i], o, policies)
		}
	})
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return out, nil
}

// authority asks name servers directly: those of the zones, or those that the user names.
func (r *Repo) authority(servers []string) (*resolve.Authority, error) {
	client := r.live
	if client == nil {
		var err error
		if client, err = r.client(); err != nil && len(servers) == 0 {
			return nil, err
		}
	}
	return resolve.NewAuthority(client, servers)
}

// atOnce calls f for 0 to n-1, some at once, and tells how far it is.
func (r *Repo) atOnce(n int, f func(i int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	var mu sync.Mutex
	done := 0
	for range min(zonesAtOnce, n) {
		wg.Go(func() {
			for i := range next {
				f(i)
				if p := r.opts.Progress; p != nil {
					mu.Lock()
					done++
					p(ProgressLookups, done, n)
					mu.Unlock()
				}
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}

// verified are the definitions to verify, and how many of other views are left out.
func (r *Repo) verified(o VerifyOptions) (list []*zone.Domain, skipped map[string]int, err error) {
	skipped = map[string]int{}
	found := map[zone.Name]bool{}
	for _, d := range r.Config.Domains {
		if len(o.Domains) > 0 && !slices.Contains(o.Domains, d.Name) {
			continue
		}
		if d.Tag != o.Tag {
			skipped[d.Tag]++
			continue
		}
		found[d.Name] = true
		list = append(list, d)
	}
	for _, n := range o.Domains {
		if !found[n] {
			return nil, nil, fmt.Errorf("verify: there is no definition of %s%s", n, tagged(o.Tag))
		}
	}
	if o.Tag != "" && len(list) == 0 {
		return nil, nil, fmt.Errorf("verify: there is no definition with the tag %q", o.Tag)
	}
	return list, skipped, nil
}

func tagged(tag string) string {
	if tag == "" {
		return ""
	}
	return fmt.Sprintf(" with the tag %q", tag)
}

// verifyZone asks about one definition.
func (r *Repo) verifyZone(ctx context.Context, auth *resolve.Authority, d *zone.Domain, o VerifyOptions, policies *policyFetcher) VerifiedZone {
	out := VerifiedZone{Name: d.Name, Tag: d.Tag}
	z := zoneOf(r.index, d)
	if z == nil {
		out.Err = "it is defined twice"
		return out
	}
	asks := r.declaredSets(z)
	if halfKnown(d) {
		out.Note = "what is published and not declared was not looked for, since the other half of the zone is not known: " + d.RestWhy
	} else {
		asks = append(asks, r.watched(z, o.Selectors)...)
	}
	questions := make([]resolve.Question, len(asks))
	for i, a := range asks {
		questions[i] = a.q
	}
	seen, err := auth.Observe(ctx, d.Name, questions)
	if err != nil {
		out.Err = err.Error()
		for _, a := range asks {
			if !a.watch {
				out.Sets = append(out.Sets, a.set(r, Unconfirmed))
			}
		}
	} else if len(asks) > 0 {
		servers := len(seen) / len(asks)
		for i, a := range asks {
			if s, ok := r.judge(ctx, z, a, seen[i*servers:(i+1)*servers]); ok {
				out.Sets = append(out.Sets, s)
			}
		}
		out.Servers = troubles(seen, servers)
	}
	for _, p := range d.MTASTS {
		out.Policies = append(out.Policies, policies.verify(ctx, p, r.Config.Files.Position(p.At)))
	}
	return out
}

// halfKnown tells whether only the definition's half of a zone is known.
func halfKnown(d *zone.Domain) bool { return d.Emit == zone.EmitExtend && !d.RestKnown }

// An ask is a question with what is expected.
type ask struct {
	q    resolve.Question
	want []*zone.Record // both halves'
	at   zone.Span
	// watch: nothing is declared there; kind is what would matter if it is published.
	watch bool
	kind  string
}

func (a ask) set(r *Repo, v Verdict) VerifiedSet {
	s := VerifiedSet{Name: a.q.Name, Type: zone.TypeName(a.q.Type), Verdict: v, Declared: rdata(a.want)}
	if !a.at.IsZero() {
		s.Pos = r.Config.Files.Position(a.at)
	}
	return s
}

func rdata(recs []*zone.Record) []string {
	out := make([]string, 0, len(recs))
	for _, rec := range recs {
		out = append(out, rec.RData())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// declaredSets are the record sets that hold a record of the definition and that its name servers can tell about, in the order in
// which they are written.
func (r *Repo) declaredSets(z *resolve.Zone) []ask {
	type set struct {
		name  zone.Name
		qtype uint16
	}
	seen := map[set]bool{}
	var out []ask
	for _, rec := range z.Domain.Records {
		k := set{rec.Name, rec.Type}
		if seen[k] || !rec.Name.Under(z.Domain.Name) || !telling(z, rec) {
			continue
		}
		seen[k] = true
		out = append(out, ask{q: resolve.Question{Name: rec.Name, Type: rec.Type, Data: true}, want: z.Set(rec.Name, rec.Type), at: rec.At})
	}
	return out
}

// telling tells whether the name servers of a zone can say what a record set is: not of its SOA, whose serial whoever publishes counts
// up, and not of what stands below a delegation, such as glue.
func telling(z *resolve.Zone, rec *zone.Record) bool {
	if rec.Type == dns.TypeSOA {
		return false
	}
	cut, below := z.Cut(rec.Name)
	return !below || cut == rec.Name && (rec.Type == dns.TypeNS || rec.Type == dns.TypeDS)
}

// judge compares what the servers say with what is declared. Of what is only watched, it is nothing where nothing is published.
func (r *Repo) judge(ctx context.Context, z *resolve.Zone, a ask, seen []resolve.Observation) (VerifiedSet, bool) {
	if a.watch {
		return r.judgeWatched(ctx, z, a, seen)
	}
	out := a.set(r, Unconfirmed)
	out.Answers = answers(seen, func(o resolve.Observation) bool { return r.asDeclared(z.Domain, a, o) })
	good := 0
	for _, x := range out.Answers {
		if x.AsDeclared {
			good++
		}
	}
	switch {
	case len(out.Answers) == 0:
	case good == len(out.Answers):
		out.Verdict = AsDeclared
	case len(out.Answers) > 1:
		out.Verdict = Differs
	case allAbsent(seen):
		out.Verdict = Missing
	default:
		out.Verdict = Wrong
	}
	return out, true
}

func allAbsent(seen []resolve.Observation) bool {
	return !slices.ContainsFunc(seen, func(o resolve.Observation) bool { return o.Outcome.Speaks() && o.Outcome != resolve.Absent })
}

// answers are the different answers, what is declared first, then the most frequent.
func answers(seen []resolve.Observation, good func(resolve.Observation) bool) []VerifiedAnswer {
	var out []VerifiedAnswer
	index := map[string]int{}
	for _, o := range seen {
		if !o.Outcome.Speaks() {
			continue
		}
		key, text, data := answerOf(o)
		i, ok := index[key]
		if !ok {
			i = len(out)
			index[key] = i
			out = append(out, VerifiedAnswer{Data: data, Text: text, AsDeclared: good(o)})
		}
		out[i].Servers = append(out[i].Servers, o.Server.String())
	}
	rank := func(a VerifiedAnswer) int {
		if a.AsDeclared {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(out, func(a, b VerifiedAnswer) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(len(b.Servers), len(a.Servers)), cmp.Compare(a.Text, b.Text), slices.Compare(a.Data, b.Data))
	})
	return out
}

// answerOf is an answer by a key that equal ones share, in words where there are no records of the type, else their rdata.
func answerOf(o resolve.Observation) (key, text string, data []string) {
	switch {
	case o.Outcome == resolve.Absent && o.NXDomain:
		return "absent", "no such name", nil
	case o.Outcome == resolve.Absent:
		return "absent", "no " + zone.TypeName(o.Question.Type) + " record", nil
	case o.Outcome == resolve.Delegated:
		return "delegated " + o.Why, o.Why, nil
	case o.Link != nil && o.Link.Type == dns.TypeDNAME:
		text = fmt.Sprintf("a DNAME at %s that leads to %s", o.Link.Name, o.Link.Data)
		return text, text, nil
	case o.Link != nil:
		text = "an alias (CNAME) of " + o.Link.Data
		return text, text, nil
	}
	data = rdata(o.Records)
	return fmt.Sprintf("%q", data), "", data
}

// troubles are the addresses that could not be asked everything.
func troubles(seen []resolve.Observation, servers int) []ServerTrouble {
	var out []ServerTrouble
	for i := range servers {
		index := map[resolve.Outcome]int{}
		for j := i; j < len(seen); j += servers {
			o := seen[j]
			if o.Outcome.Speaks() {
				continue
			}
			k, ok := index[o.Outcome]
			if !ok {
				k = len(out)
				index[o.Outcome] = k
				out = append(out, ServerTrouble{
					Server: o.Server.String(), Kind: o.Outcome.String(), Why: o.Why, Of: len(seen) / servers, Harmless: o.Outcome == resolve.Unreachable,
				})
			}
			out[k].Questions++
		}
	}
	return out
}

// asDeclared tells whether an answer is what is declared. Records beside the declared ones count too, unless they may be
// somebody else's.
func (r *Repo) asDeclared(d *zone.Domain, a ask, o resolve.Observation) bool {
	if o.Outcome != resolve.Answered || o.Link != nil {
		return false
	}
	has := func(list []*zone.Record, rec *zone.Record) bool {
		return slices.ContainsFunc(list, func(x *zone.Record) bool { return resolve.SameData(x, rec) })
	}
	for _, w := range a.want {
		if !has(o.Records, w) {
			return false
		}
	}
	for _, rec := range o.Records {
		if !has(a.want, rec) && !r.mayBeOthers(d, a, rec) {
			return false
		}
	}
	return true
}

// errNoServers is for a zone whose servers all stayed silent about what a plan needs.
var errNoServers = errors.New("no name server that could be asked answers")

// whyNot lists why servers gave no answer, for an error.
func whyNot(seen []resolve.Observation) string {
	var out []string
	for _, o := range seen {
		if !o.Outcome.Speaks() {
			out = append(out, fmt.Sprintf("%s: %s", o.Server, o.Why))
		}
	}
	if len(out) > 3 {
		out = append(out[:3], fmt.Sprintf("and %d more", len(out)-3))
	}
	return strings.Join(out, "; ")
}
