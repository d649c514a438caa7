package report

import (
	"bytes"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"testing"

	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/internal/resolve"
	"github.com/tripod-dns/tripod/internal/zone"
	"github.com/tripod-dns/tripod/planner"
)

const (
	longBefore = "v=spf1 ip4:192.0.2.1 ip4:192.0.2.2 ip4:192.0.2.3 ip4:192.0.2.4 ip4:192.0.2.5 ip4:192.0.2.6 ip4:192.0.2.7 ip4:192.0.2.8 ip4:192.0.2.9 ip4:192.0.2.10 ip4:192.0.2.11 ip4:192.0.2.12 ip4:192.0.2.13 ip4:192.0.2.14 ip4:192.0.2.15 ip4:192.0.2.16 ip4:192.0.2.17 ~all"
	key        = "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAqFkrip9uRMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAqFkrip9uR"
)

func examplePlan() *planner.Plan {
	prefix := netip.MustParsePrefix
	effects := []planner.Effect{
		{Kind: planner.MailEnabled, Name: "example.com", Exact: true, Message: "example.com takes mail, by 10 mx.example.com.", After: "10 mx.example.com."},
		{Kind: planner.SPFSendersGained, Name: "example.com", Exact: true, Message: "98304 IPv4 addresses and 1 IPv6 range may now send as example.com",
			Prefixes: []netip.Prefix{prefix("74.125.0.0/16"), prefix("209.85.128.0/17"), prefix("2001:4860:4864::/56"), prefix("192.0.2.1/32")}, Addresses: 98304},
		{Kind: planner.SPFLookups, Name: "example.com", Exact: true, Message: "SPF of example.com uses 4 of the 10 lookups, before 2", Before: "2", After: "4"},
		{Kind: planner.DMARCPolicy, Name: "example.com", Exact: true, Message: "…", Before: "none", After: "reject"},
	}
	for _, n := range []zone.Name{"a", "b", "c", "d", "e", "f", "g", "h"} {
		effects = append(effects, planner.Effect{Kind: planner.DMARCPolicy, Name: n + ".example.com", Exact: true, Message: "…", Before: "absent", After: "reject"})
	}
	for _, s := range []zone.Name{"s1", "s2"} {
		effects = append(effects,
			planner.Effect{Kind: planner.DKIMKeyRemoved, Name: s + "._domainkey.old.example.com", Message: "…"},
			planner.Effect{Kind: planner.DKIMKeyAdded, Name: s + "._domainkey.example.com", Message: "…"})
	}
	effects = append(effects,
		planner.Effect{Kind: planner.DKIMKeyAdded, Name: "one._domainkey.sub.example.com", Message: "signatures of sub.example.com with selector one verify by a new key"},
		planner.Effect{Kind: planner.DMARCPolicy, Name: "gone.example.com", Message: "…", Before: "quarantine", After: "absent"})
	return &planner.Plan{
		Base: planner.Base{Kind: "git", Ref: "origin/main", Commit: "0123456789abcdef0123456789abcdef01234567"}, Digest: "sha256:" + strings.Repeat("ab", 32),
		Domains: []planner.DomainPlan{
			{Name: "example.com", Changes: []planner.Change{
				{Action: planner.Create, Name: "example.com", Type: "MX", TTL: 300, After: []string{"10 mx.example.com."}},
				{Action: planner.Modify, Name: "example.com", Type: "TXT", TTL: 300, BeforeTTL: 300, Before: []string{"a=1", longBefore}, After: []string{"a=1", strings.Replace(longBefore, "~all", "include:_spf.google.com ~all", 1)}},
				{Action: planner.Modify, Name: "_dmarc.example.com", Type: "TXT", TTL: 300, BeforeTTL: 3600,
					Before: []string{"v=DMARC1; p=none; rua=mailto:dmarc@example.com,mailto:reports@collector.example.net"},
					After:  []string{"v=DMARC1; p=reject; rua=mailto:dmarc@example.com,mailto:reports@collector.example.net"}},
				{Action: planner.Modify, Name: "ttl.example.com", Type: "A", TTL: 60, BeforeTTL: 3600, Before: []string{"192.0.2.1"}, After: []string{"192.0.2.1"}},
				{Action: planner.Create, Name: "s1._domainkey.example.com", Type: "TXT", TTL: 300, After: []string{key}},
				{Action: planner.Delete, Name: "s1._domainkey.old.example.com", Type: "TXT", TTL: 300, BeforeTTL: 300, Before: []string{key}},
			}, Effects: effects},
			{Name: "example.org", Tag: "inside", Effects: []planner.Effect{
				{Kind: planner.SPFSendersLost, Name: "example.org", Message: "whatever matches exists:%{i}.example.org may no longer send as example.org", Terms: []string{"exists:%{i}.example.org"}},
			}},
		},
	}
}

func TestPlan(t *testing.T) {
	files, r := story(t)
	for i := range r.Findings {
		r.Findings[i].New = i < 2
	}
	p := examplePlan()
	for _, c := range []struct {
		name  string
		style Style
	}{{"plan-80.txt", Style{}}, {"plan-80-colour.txt", Style{Color: true}}, {"plan-40.txt", Style{Width: 40}}, {"plan-120.txt", Style{Width: 120}}} {
		out := text(t, c.style, func(t *Text) { t.Plan(files, p, r) })
		golden(t, c.name, []byte(out))
		fits(t, strings.Replace(out, p.Digest, "", 1), max(c.style.Width, 80*btoi(c.style.Width == 0)))
	}
	var b bytes.Buffer
	if err := PlanMarkdown(&b, files, p, r); err != nil {
		t.Fatal(err)
	}
	golden(t, "plan.md", b.Bytes())
	b.Reset()
	if err := PlanJSON(&b, p, r); err != nil {
		t.Fatal(err)
	}
	golden(t, "plan.json", b.Bytes())
	if got, want := members(t, b.String()), "schema base digest findings not_checked domains summary"; got != want {
		t.Errorf("members %s", got)
	}
}

func TestPlanOfNothing(t *testing.T) {
	for _, c := range []struct {
		base planner.Base
		want string
	}{
		{planner.Base{Kind: "empty"}, "Changes against nothing: every record set is new\n"},
		{planner.Base{Kind: "zones", Ref: "/var/zones"}, "Changes against the zone files in /var/zones\n"},
		{planner.Base{Kind: "dns"}, "Changes against what the authoritative servers answer\n"},
		{planner.Base{Kind: "provider"}, "Changes against what the provider has\n"},
		{planner.Base{Kind: "git", Ref: "HEAD"}, "Changes against HEAD\n"},
	} {
		out := text(t, Style{}, func(t *Text) {
			t.Plan(nil, &planner.Plan{Base: c.base, Digest: "sha256:0"}, &engine.LintResult{Domains: 1, Records: 2})
		})
		if want := c.want + "\nNo record changes.\n1 domain, 2 records: no findings\ndigest sha256:0\n"; out != want {
			t.Errorf("%q, not %q", out, want)
		}
	}
}

// Where a long text takes the place of another one, the part that is shown is the one in which they differ.
func TestLongTextsShowTheirDifference(t *testing.T) {
	for _, width := range []int{40, 80, 120} {
		out := text(t, Style{Width: width}, func(t *Text) {
			t.rdata(planner.Change{Action: planner.Modify, Before: []string{key + "AAAA"}, After: []string{key + "BBBB"}})
		})
		if !strings.Contains(out, "AAAA") || !strings.Contains(out, "BBBB") {
			t.Errorf("%d: %s", width, out)
		}
		fits(t, out, width)
	}
}

func TestSumUp(t *testing.T) {
	var got []string
	for _, e := range sumUp(examplePlan().Domains[0].Effects) {
		got = append(got, e.message)
	}
	want := []string{
		"example.com takes mail, by 10 mx.example.com.",
		"98,304 IPv4 addresses and 1 IPv6 range may now send as example.com",
		"SPF of example.com uses 4 of the 10 lookups, before 2",
		"DMARC policy of example.com: reject, before none",
		"DMARC policy of a.example.com, b.example.com, c.example.com, d.example.com, e.example.com and 3 more: reject, before no DMARC record at all",
		"signatures of old.example.com with selectors s1 and s2 no longer verify by the keys that were there",
		"signatures of example.com with selectors s1 and s2 verify by new keys",
		"signatures of sub.example.com with selector one verify by a new key",
		"DMARC policy of gone.example.com: no DMARC record any more, before quarantine",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for in, want := range map[string]string{"1": "1", "999": "999", "1000": "1,000", "458752": "458,752", "4294967296": "4,294,967,296"} {
		if got := thousands(in); got != want {
			t.Errorf("%s, not %s", got, want)
		}
	}
}

func TestPush(t *testing.T) {
	p := examplePlan()
	r := &engine.PushResult{Zones: []engine.PushZone{{Zone: "example.com", Provider: "bind", Type: "BIND", Changes: p.Domains[0].Changes}}, Checked: 2, Digest: "sha256:00"}
	out := text(t, Style{}, func(t *Text) { t.Push(r) })
	golden(t, "push-80.txt", []byte(out))
	fits(t, out, 80)
	written(t, "push.json", func(w io.Writer) error { return PushJSON(w, r) })
	written(t, "push.md", func(w io.Writer) error { return PushMarkdown(w, r) })
	for _, c := range []struct {
		r    engine.PushResult
		want string
	}{
		{engine.PushResult{Checked: 1}, "Nothing to change: 1 zone is as defined.\n"},
		{engine.PushResult{Checked: 2}, "Nothing to change: 2 zones are as defined.\n"},
		{engine.PushResult{Zones: r.Zones, Applied: true}, "Applied: 1 zone changed.\n"},
	} {
		if out := text(t, Style{}, func(t *Text) { t.Push(&c.r) }); !strings.Contains(out, c.want) {
			t.Errorf("%q", out)
		}
	}
}

// written compares what a function writes with a golden file.
func written(t *testing.T, name string, write func(io.Writer) error) {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b); err != nil {
		t.Fatal(err)
	}
	golden(t, name, b.Bytes())
}

func TestLock(t *testing.T) {
	q := func(n zone.Name, typ uint16) resolve.Question { return resolve.Question{Name: n, Type: typ} }
	r := &resolve.Refreshed{
		Lock: &resolve.Lock{}, Changed: []resolve.Question{q("_spf.example.net", 16)}, Dropped: []resolve.Question{q("old.example.net", 1)},
		Failed: []resolve.Failure{{Question: q("a.example", 16), Why: "timeout", Kept: true}, {Question: q("b.example", 16), Why: "SERVFAIL\x1b"}},
	}
	golden(t, "lock.txt", []byte(text(t, Style{}, func(t *Text) { t.Lock(r) })))
	written(t, "lock.json", func(w io.Writer) error { return LockJSON(w, r) })
	written(t, "lock.md", func(w io.Writer) error { return LockMarkdown(w, r) })
	if out := text(t, Style{}, func(t *Text) { t.Lock(&resolve.Refreshed{Lock: &resolve.Lock{}}) }); out != "Nothing changed: 0 answers.\n" {
		t.Errorf("%q", out)
	}
}

func TestList(t *testing.T) {
	for n, want := range map[int]string{0: "", 1: "n0", 2: "n0 and n1", 6: "n0, n1, n2, n3, n4 and n5", 7: "n0, n1, n2, n3, n4 and 2 more"} {
		var names []string
		for i := range n {
			names = append(names, fmt.Sprintf("n%d", i))
		}
		if got := listed(names); got != want {
			t.Errorf("%d: %s", n, got)
		}
	}
}
