package planner_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/resolve"
	"github.com/tripod-dns/tripod/internal/spf"
	"github.com/tripod-dns/tripod/planner"
)

type fataler interface {
	Helper()
	Context() context.Context
	Fatalf(format string, args ...any)
}

const lock = `{"schema": 1, "taken": "2026-11-24", "answers": {
"_dmarc.com. TXT": {"rcode": "NXDOMAIN"},
"_spf.vendor.example. TXT": {"data": [["v=spf1 ip4:198.51.100.0/24 -ip4:198.51.101.0/24 ip6:2001:db8:1::/48 ~all"]]}}}`

// side loads the body of example.com's definition; "" is a world without the zone.
func side(t fataler, body string) planner.Side {
	t.Helper()
	files := map[string][]byte{
		"tripod.hcl":   []byte("tripod {\n  files = [\"*.domain.hcl\"]\n}\n"),
		"a.domain.hcl": []byte("domain \"example.com\" {\n" + body + "\n}\n"),
	}
	repo, ds, err := config.Load(t.Context(), config.Map(files))
	if err != nil || len(ds) > 0 {
		t.Fatalf("load: %v %v", err, ds)
	}
	l, err := resolve.ParseLock([]byte(lock))
	if err != nil {
		t.Fatalf("lock: %v", err)
	}
	ix := resolve.NewIndex(repo.Domains)
	w := resolve.NewWorld(ix, l, nil, resolve.LockFirst)
	z, _ := ix.ZoneOf("example.com")
	return planner.Side{Zone: z, World: w}
}

func txt(label string, values ...string) string {
	var q []string
	for _, v := range values {
		q = append(q, fmt.Sprintf("%q", strings.ReplaceAll(v, "%{", "%%{")))
	}
	return fmt.Sprintf("record \"TXT\" %q {\n rdata = [%s]\n}\n", label, strings.Join(q, ", "))
}

func mx(label string, values ...string) string {
	return strings.Replace(txt(label, values...), "TXT", "MX", 1)
}

func addr(rtype, ip string) string {
	return fmt.Sprintf("record %q \"@\" {\n rdata = [%q]\n}\n", rtype, ip)
}

func rr(rtype, label, value string) string {
	return strings.Replace(txt(label, value), "TXT", rtype, 1)
}

const key = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="

func TestEffects(t *testing.T) {
	for _, tt := range []struct {
		name, before, after string
		want                []string
	}{
		{"nothing", txt("@", "v=spf1 ip4:192.0.2.1 ~all"), txt("@", "v=spf1 ip4:192.0.2.1 ~all"), nil},
		{"text that is no SPF", txt("@", "a=1"), txt("@", "a=2"), nil},
		{"a new range", txt("@", "v=spf1 ip4:192.0.2.0/25 ~all"), txt("@", "v=spf1 ip4:192.0.2.0/24 ~all"), []string{
			"spf-senders-gained example.com exact [192.0.2.128/25] 128 IPv4: 128 IPv4 addresses may now send as example.com",
		}},
		{"an include, whose own refusals take away", txt("@", "v=spf1 -all"), txt("@", "v=spf1 include:_spf.vendor.example -all"), []string{
			"spf-senders-gained example.com exact [198.51.100.0/24 2001:db8:1::/48] 256 IPv4: 256 IPv4 addresses and 1 IPv6 range may now send as example.com",
			"spf-lookups example.com 0 > 1: SPF of example.com uses 1 of the 10 lookups, before 0",
		}},
		{"one in, one out", txt("@", "v=spf1 ip4:192.0.2.1 -all"), txt("@", "v=spf1 ip4:192.0.2.2 -all"), []string{
			"spf-senders-gained example.com exact [192.0.2.2/32] 1 IPv4: 1 IPv4 address may now send as example.com",
			"spf-senders-lost example.com exact [192.0.2.1/32] 1 IPv4: 1 IPv4 address may no longer send as example.com",
		}},
		{"a qualifier that no longer authorises", txt("@", "v=spf1 ip4:192.0.2.1 -all"), txt("@", "v=spf1 ?ip4:192.0.2.1 -all"), []string{
			"spf-senders-lost example.com exact [192.0.2.1/32] 1 IPv4: 1 IPv4 address may no longer send as example.com",
		}},
		{"a term that depends on the message", txt("@", "v=spf1 -all"), txt("@", "v=spf1 exists:%{i}.l.vendor.example -all"), []string{
			"spf-senders-gained example.com inexact [] 0 IPv4 (exists:%{i}.l.vendor.example): whatever matches exists:%{i}.l.vendor.example may now send as example.com",
			"spf-lookups example.com 0 > 1: SPF of example.com uses 1 of the 10 lookups, before 0",
		}},
		{"SPF is gone", txt("@", "v=spf1 ip4:192.0.2.1 -all"), txt("@", "x"), []string{
			"spf-senders-lost example.com exact [192.0.2.1/32] 1 IPv4: 1 IPv4 address may no longer send as example.com",
			"spf-lookups example.com 0 > : SPF of example.com is gone",
		}},
		{"a second SPF record: permerror, nobody passes", txt("@", "v=spf1 ip4:192.0.2.1 -all"), txt("@", "v=spf1 ip4:192.0.2.1 -all", "v=spf1 -all"), []string{
			"spf-senders-lost example.com exact [192.0.2.1/32] 1 IPv4: 1 IPv4 address may no longer send as example.com",
			"spf-lookups example.com 0 > permerror: SPF of example.com is broken: receivers answer permerror for all mail",
		}},
		{"a record that nobody can evaluate", txt("@", "x"), txt("@", "v=spf1 ipv4:192.0.2.1 -all"), []string{
			"spf-lookups example.com  > permerror: SPF of example.com is broken: receivers answer permerror for all mail",
		}},
		{"DMARC, inherited below", mx("lists", "10 mx.example.com.") + txt("_dmarc", "v=DMARC1; p=none; rua=mailto:a@example.com"),
			mx("lists", "10 mx.example.com.") + txt("_dmarc", "v=DMARC1; p=reject; sp=quarantine; rua=mailto:a@example.com"), []string{
				"dmarc-policy example.com none > reject: DMARC policy of example.com: reject, before none",
				"dmarc-policy lists.example.com none > quarantine: DMARC policy of lists.example.com: quarantine, before none",
			}},
		{"t=y is a step weaker", txt("_dmarc", "v=DMARC1; p=reject; t=y; rua=mailto:a@example.com"), txt("_dmarc", "v=DMARC1; p=reject; rua=mailto:a@example.com"), []string{
			"dmarc-policy example.com quarantine > reject: DMARC policy of example.com: reject, before quarantine",
		}},
		{"a policy for a name that has nothing else", "", txt("_dmarc.x", "v=DMARC1; p=reject"), []string{
			"dmarc-policy x.example.com absent > reject: DMARC policy of x.example.com: reject, before absent",
		}},
		{"a key comes", "", txt("a._domainkey", key), []string{
			"dkim-key-added a._domainkey.example.com: signatures of example.com with selector a verify by a new key",
		}},
		{"a key is revoked", txt("a._domainkey", key), txt("a._domainkey", "v=DKIM1; p="), []string{
			"dkim-key-removed a._domainkey.example.com: signatures of example.com with selector a no longer verify by the key that was there",
		}},
		{"the same key, written otherwise", txt("a._domainkey", key), txt("a._domainkey", strings.ReplaceAll(key, "; ", ";")), nil},
		{"mail comes", "", mx("@", "10 mx.example.net."), []string{"mail-enabled example.com  > 10 mx.example.net.: example.com takes mail: it goes to 10 mx.example.net."}},
		{"mail goes elsewhere", mx("@", "10 a.example.net."), mx("@", "10 b.example.net."), []string{
			"mx-changed example.com 10 a.example.net. > 10 b.example.net.: mail for example.com goes to 10 b.example.net., before to 10 a.example.net.",
		}},
		{"null MX", mx("@", "10 a.example.net."), mx("@", "0 ."), []string{
			"mail-disabled example.com 10 a.example.net. > 0 .: example.com takes no more mail, before it went to 10 a.example.net.",
		}},
		{"null MX where nothing stood", "", mx("@", "0 ."), []string{"mx-changed example.com  > 0 .: example.com says that it takes no mail"}},
		{"null MX goes", mx("@", "0 ."), "", []string{"mx-changed example.com 0 . > : example.com no longer says that it takes no mail"}},
		{"MX goes, the address stays", mx("@", "10 a.example.net.") + addr("A", "192.0.2.1"), addr("A", "192.0.2.1"), []string{
			"mx-changed example.com 10 a.example.net. > : mail for example.com goes to its own address, before to 10 a.example.net.",
		}},
		{"MX goes, the IPv6 address stays", mx("@", "10 a.example.net.") + addr("AAAA", "2001:db8::1"), addr("AAAA", "2001:db8::1"), []string{
			"mx-changed example.com 10 a.example.net. > : mail for example.com goes to its own address, before to 10 a.example.net.",
		}},
		{"MX goes, nothing stays", mx("@", "10 a.example.net."), "", []string{
			"mail-disabled example.com 10 a.example.net. > : example.com takes no more mail, before it went to 10 a.example.net.",
		}},
		{"MX in another order", mx("@", "20 a.example.net.", "10 c.example.net.", "10 b.example.net."), mx("@", "10 b.example.net.", "10 c.example.net.", "20 a.example.net."), nil},
		{"MX in order of preference", mx("@", "20 a.example.net."), mx("@", "20 a.example.net.", "10 c.example.net.", "10 b.example.net."), []string{
			"mx-changed example.com 20 a.example.net. > 10 b.example.net., 10 c.example.net., 20 a.example.net.: " +
				"mail for example.com goes to 10 b.example.net., 10 c.example.net., 20 a.example.net., before to 20 a.example.net.",
		}},
		{"SPF comes", "", txt("@", "v=spf1 include:_spf.vendor.example -all"), []string{
			"spf-senders-gained example.com exact [198.51.100.0/24 2001:db8:1::/48] 256 IPv4: 256 IPv4 addresses and 1 IPv6 range may now send as example.com",
			"spf-lookups example.com  > 1: SPF of example.com uses 1 of the 10 lookups",
		}},
		{"SPF that costs nothing comes", "", txt("@", "v=spf1 ip4:192.0.2.1 -all"), []string{
			"spf-senders-gained example.com exact [192.0.2.1/32] 1 IPv4: 1 IPv4 address may now send as example.com",
		}},
		{"SPF is mended", txt("@", "v=spf1 ipv4:192.0.2.1 -all"), txt("@", "v=spf1 ip4:192.0.2.1 -all"), []string{
			"spf-senders-gained example.com exact [192.0.2.1/32] 1 IPv4: 1 IPv4 address may now send as example.com",
			"spf-lookups example.com permerror > 0: SPF of example.com uses 0 of the 10 lookups; before, receivers answered permerror for all mail",
		}},
		{"broken SPF goes", txt("@", "v=spf1 ipv4:192.0.2.1 -all"), txt("@", "x"), []string{"spf-lookups example.com permerror > : SPF of example.com is gone"}},
		{"an include that is not known", txt("@", "v=spf1 ip4:192.0.2.1 -all"), txt("@", "v=spf1 ip4:192.0.2.2 include:unknown.example -all"), []string{
			"spf-senders-gained example.com inexact [192.0.2.2/32] 1 IPv4 (include:unknown.example): 1 IPv4 address and whatever matches include:unknown.example may now send as example.com",
			"spf-senders-lost example.com inexact [192.0.2.1/32] 1 IPv4: 1 IPv4 address may no longer send as example.com (as far as can be told: other terms depend on the message or on names that are not known)",
			"spf-lookups example.com 0 > at least 1: SPF of example.com uses at least 1 of the 10 lookups, before 0",
		}},
		{"a dynamic term that stays", txt("@", "v=spf1 exists:%{i}.l.vendor.example -all"), txt("@", "v=spf1 EXISTS:%{i}.l.vendor.example -all"), nil},
		{"a permission for reports is no policy", "", txt("example.net._report._dmarc", "v=DMARC1;"), nil},
		{"MTA-STS goes", txt("_mta-sts", "v=STSv1; id=1;"), txt("_mta-sts.old", "v=STSv1; id=1;"), []string{
			"mta-sts-changed _mta-sts.example.com v=STSv1; id=1; > : MTA-STS of example.com is withdrawn; senders keep the policy that they have until its max_age has passed",
			"mta-sts-changed _mta-sts.old.example.com  > v=STSv1; id=1;: MTA-STS of old.example.com has a new policy: deploy the file first, then the record",
		}},
		{"null MX where mail went to the address", rr("A", "@", "192.0.2.1"), rr("A", "@", "192.0.2.1") + mx("@", "0 ."), []string{
			"mail-disabled example.com  > 0 .: example.com takes no more mail, before it went to its own address",
		}},
		{"a first MX where mail went to the address", rr("A", "@", "192.0.2.1"), rr("A", "@", "192.0.2.1") + mx("@", "10 mx.example.net."), []string{
			"mx-changed example.com  > 10 mx.example.net.: mail for example.com goes to 10 mx.example.net., before to its own address",
		}},
		{"MTA-STS", txt("_mta-sts", "v=STSv1; id=1;"), txt("_mta-sts", "v=STSv1; id=2;"), []string{
			"mta-sts-changed _mta-sts.example.com v=STSv1; id=1; > v=STSv1; id=2;: MTA-STS of example.com has a new policy: deploy the file first, then the record",
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var got []string
			for _, e := range planner.Effects(t.Context(), side(t, tt.before), side(t, tt.after)) {
				got = append(got, line(e))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("effects (-want +got):\n%s", diff)
			}
		})
	}
}

func line(e planner.Effect) string {
	s := e.Kind + " " + string(e.Name)
	switch e.Kind {
	case planner.SPFSendersGained, planner.SPFSendersLost:
		exact := map[bool]string{true: "exact", false: "inexact"}[e.Exact]
		s += fmt.Sprintf(" %s %v %d IPv4", exact, e.Prefixes, e.Addresses)
		if len(e.Terms) > 0 {
			s += fmt.Sprintf(" (%s)", strings.Join(e.Terms, ", "))
		}
	case planner.DKIMKeyAdded, planner.DKIMKeyRemoved:
	default:
		s += fmt.Sprintf(" %s > %s", e.Before, e.After)
	}
	return s + ": " + e.Message
}

// TestSendersAgreeWithReceivers holds the effects to what a receiver would say of each address.
func TestSendersAgreeWithReceivers(t *testing.T) {
	term := rapid.Custom(func(t *rapid.T) string {
		q := rapid.SampledFrom([]string{"", "+", "-", "~", "?"}).Draw(t, "qualifier")
		what := rapid.SampledFrom([]string{
			"ip4:198.51.100.0/24", "ip4:198.51.100.128/25", "ip4:198.51.101.7", "ip4:192.0.2.0/30", "ip4:192.0.2.2", "include:_spf.vendor.example", "ip6:2001:db8:1::/64",
		}).Draw(t, "term")
		return q + what
	})
	record := rapid.Custom(func(t *rapid.T) string {
		return "v=spf1 " + strings.Join(rapid.SliceOfN(term, 0, 5).Draw(t, "terms"), " ") + " " + rapid.SampledFrom([]string{"-all", "~all", "?all", ""}).Draw(t, "all")
	})
	probes := []string{"198.51.100.0", "198.51.100.127", "198.51.100.128", "198.51.100.255", "198.51.101.7", "198.51.101.8", "192.0.2.0", "192.0.2.2", "192.0.2.3", "192.0.2.4", "2001:db8:1::1", "2001:db8:1:1::1"}
	rapid.Check(t, func(t *rapid.T) {
		before, after := side(t, txt("@", strings.TrimSpace(record.Draw(t, "before")))), side(t, txt("@", strings.TrimSpace(record.Draw(t, "after"))))
		var gained, lost []netip.Prefix
		for _, e := range planner.Effects(t.Context(), before, after) {
			switch e.Kind {
			case planner.SPFSendersGained:
				gained = e.Prefixes
			case planner.SPFSendersLost:
				lost = e.Prefixes
			}
		}
		passes := func(s planner.Side, ip netip.Addr) bool {
			return spf.Check(t.Context(), s.World, spf.Query{IP: ip, Domain: "example.com"}).Result == spf.Pass
		}
		for _, p := range probes {
			ip := netip.MustParseAddr(p)
			in := func(ps []netip.Prefix) bool {
				return slices.ContainsFunc(ps, func(p netip.Prefix) bool { return p.Contains(ip) })
			}
			was, is := passes(before, ip), passes(after, ip)
			if in(gained) != (is && !was) || in(lost) != (was && !is) {
				t.Fatalf("%s: passed %v, passes %v, gained %v, lost %v", ip, was, is, gained, lost)
			}
		}
	})
}

func TestDigest(t *testing.T) {
	a := planner.Change{Zone: "example.com", Action: planner.Modify, Name: "example.com", Type: "TXT", TTL: 300, BeforeTTL: 300, Before: []string{"a"}, After: []string{"b"}, Ours: true}
	b := planner.Change{Zone: "example.com", Action: planner.Create, Name: "www.example.com", Type: "A", TTL: 300, After: []string{"192.0.2.1"}, Ours: true}
	soa := planner.Change{Zone: "example.com", Action: planner.Modify, Name: "example.com", Type: "SOA", TTL: 300, BeforeTTL: 300, Before: []string{"ns. h. 1 2 3 4 5"}, After: []string{"ns. h. 2 2 3 4 5"}, Ours: true}
	same := planner.Digest([]planner.Change{a, b})
	if got := planner.Digest([]planner.Change{b, a}); got != same {
		t.Error("the order of changes counts")
	}
	other := a
	other.Zone = "example.com!inside"
	for name, c := range map[string]planner.Change{
		"zone":   other,
		"before": {Zone: a.Zone, Action: a.Action, Name: a.Name, Type: a.Type, TTL: 300, BeforeTTL: 300, Before: []string{"x"}, After: a.After, Ours: true},
		"after":  {Zone: a.Zone, Action: a.Action, Name: a.Name, Type: a.Type, TTL: 300, BeforeTTL: 300, Before: a.Before, After: []string{"b", "c"}, Ours: true},
		"ttl":    {Zone: a.Zone, Action: a.Action, Name: a.Name, Type: a.Type, TTL: 60, BeforeTTL: 300, Before: a.Before, After: a.After, Ours: true},
		"moved":  {Zone: a.Zone, Action: a.Action, Name: a.Name, Type: a.Type, TTL: 300, BeforeTTL: 300, Before: []string{"a", "b"}, Ours: true},
	} {
		if planner.Digest([]planner.Change{c, b}) == same {
			t.Errorf("%s does not count", name)
		}
	}
	next := soa
	next.Before, next.After = []string{"ns. h. 8 2 3 4 5"}, []string{"ns. h. 9 2 3 4 5"}
	if planner.Digest([]planner.Change{soa}) != planner.Digest([]planner.Change{next}) {
		t.Error("the serial of an SOA counts")
	}
	foreign := b
	foreign.Ours = false
	if planner.Digest([]planner.Change{a, foreign}) != planner.Digest([]planner.Change{a}) {
		t.Error("record sets of others count")
	}
	if !strings.HasPrefix(same, "sha256:") || len(same) != len("sha256:")+64 {
		t.Errorf("digest %q", same)
	}
}

// TestDigestBorders: no rdata can pass for the border between two.
func TestDigestBorders(t *testing.T) {
	c := planner.Change{Zone: "example.com", Name: "example.com", Type: "TXT", Action: planner.Modify, Ours: true}
	one, other := c, c
	one.Before, one.After = []string{"a"}, []string{"b"}
	other.Before = []string{"a,b"}
	if planner.Digest([]planner.Change{one}) == planner.Digest([]planner.Change{other}) {
		t.Error("two plans have one digest")
	}
}

func TestCounts(t *testing.T) {
	change := func(action string) planner.Change { return planner.Change{Action: action} }
	p := &planner.Plan{Domains: []planner.DomainPlan{
		{Changes: []planner.Change{change(planner.Create), change(planner.Create), change(planner.Create), change(planner.Delete)}},
		{},
		{Changes: []planner.Change{change(planner.Modify), change(planner.Modify)}},
	}}
	if got, want := p.Counts(), (planner.Counts{Domains: 2, Create: 3, Change: 2, Delete: 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}
