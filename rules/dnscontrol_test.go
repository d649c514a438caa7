package rules_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/dnscontrol"
	"github.com/tripod-dns/tripod/internal/resolve"
	"github.com/tripod-dns/tripod/internal/rulecase"
	"github.com/tripod-dns/tripod/rules"
)

// What random definitions are made of: good and bad values, few enough that records meet at one name.
var (
	someLabels = []string{"@", "@", "www", "mail", "_dmarc", "a._domainkey", "sub", "x.sub", "example.com", "mail.example.com", "*", "a_b", "-x", "a/b", "_25._tcp.mail", "4", "WWW", "www.sub", "é"}
	someTTLs   = []string{"", "", "0", "1", "300", "3600"}
	someRData  = map[string][]string{
		"A":      {"192.0.2.1", "192.0.2.2", "0.0.0.0", "::1", "192.0.2.01"},
		"AAAA":   {"2001:db8::1", "2001:DB8:0::1", "::ffff:192.0.2.1", "192.0.2.1"},
		"CAA":    {"0 issue \\\"ca.example\\\"", "0 issuemail \\\"ca.example\\\"", "128 iodef \\\"mailto:a@example.com\\\"", "0 issue \\\";\\\"", "0 ISSUE \\\"ca.example\\\""},
		"CNAME":  {"a.vendor.example.", "mail", "www", "@", "*.example.net.", "a!b.example.", "a/b.example.net.", "1.0/25.2.0.192.in-addr.arpa.", "."},
		"DNAME":  {"a.vendor.example.", "sub", "."},
		"DS":     {"12345 13 2 49FD46E6C4B45C55D4AC69CBD3CD34AC1AFE51DE6FD35D6DD4B2B2F2F5F0F7A1", "1 2 3 zz"},
		"DNSKEY": {"257 3 13 mdsswUyr3DPW132mOi8V9xESWE8jTo0dxCjjnopKl+GqJxpVXckHAeF+KkxLbxILfDLUT0rAK9iUzy1L53eKGQ=="},
		"HTTPS":  {"1 . alpn=h2", "0 www.example.net.", "1 example.net. alpn=h2,h3 ipv4hint=192.0.2.1", "0 ."},
		"LOC":    {"51 30 12.748 N 0 7 39.611 W 0.00m 0.00m 0.00m 0.00m"},
		"MX":     {"10 mail", "10 mx.example.net.", "10 MX.example.net.", "0 .", "20 mx.example.net.", "10 192.0.2.1", "10 *.example.net.", "10 @"},
		"NAPTR":  {"100 10 \\\"U\\\" \\\"E2U+sip\\\" \\\"!^.*$!sip:a@example.com!\\\" .", "1 1 \\\"s\\\" \\\"x\\\" \\\"\\\" _sip._udp.example.net.", "1 1 \\\"s\\\" \\\"x\\\" \\\"\\\" a*b.example.net."},
		"NS":     {"ns1.example.net.", "ns1", "."},
		"PTR":    {"host.example.net.", "@"},
		"SOA":    {"ns1.example.net. root.example.net. 1 3600 600 604800 300", "ns1.example.net. root.example.net. 1 0 0 0 0", "ns1.example.net. a\\\\@b.example.net. 1 3600 600 604800 300", ". . 1 1 1 1 1"},
		"SRV":    {"10 5 5060 sip.example.net.", "0 0 0 .", "1 1 1 a*.example.net."},
		"SSHFP":  {"1 1 123456789abcdef67890123456789abcdef67890", "9 9 00"},
		"SVCB":   {"1 . alpn=h2", "0 a.example.net."},
		"TLSA":   {"3 1 1 0D6FCE3B3E8A4F1E4B8C0A2D7C1F1A9B8C7D6E5F4A3B2C1D0E9F8A7B6C5D4E3F", "4 1 1 00", "3 2 1 00", "3 1 3 00", "255 0 0 ABcd"},
		"TXT":    {"v=spf1 -all", "v=spf1 -all ", "x", "\\\"quoted\\\"", "back\\\\slash", "é", "v=DMARC1; p=none", ""},
	}
)

// TestDNSControlRefusals holds that what dnscontrol refuses, without naming a place, tripod has refused or has an error for.
func TestDNSControlRefusals(t *testing.T) {
	dnscontrol.Setup()
	rounds := 5000
	if testing.Short() {
		rounds = 300
	}
	types := make([]string, 0, len(someRData))
	for k := range someRData {
		types = append(types, k)
	}
	slices.Sort(types)
	rnd := rand.New(rand.NewPCG(7, 2026))
	pick := func(from []string) string { return from[rnd.IntN(len(from))] }
	refused, loaded := 0, 0
	reasons := map[string]bool{}
	for range rounds {
		var b strings.Builder
		b.WriteString("domain \"example.com\" {\n")
		seen := map[string]bool{}
		for range 1 + rnd.IntN(5) {
			// Few types, so that records meet.
			kind := pick(types)
			if rnd.IntN(2) == 0 {
				kind = pick([]string{"A", "CNAME", "MX", "TXT", "NS"})
			}
			label := pick(someLabels)
			if seen[kind+label] {
				continue
			}
			seen[kind+label] = true
			fmt.Fprintf(&b, "  record %q %q {\n    rdata = [", kind, label)
			for i := range 1 + rnd.IntN(2) {
				if i > 0 {
					b.WriteString(", ")
				}
				b.WriteString(`"` + pick(someRData[kind]) + `"`)
			}
			b.WriteString("]\n")
			if ttl := pick(someTTLs); ttl != "" {
				b.WriteString("    ttl = " + ttl + "\n")
			}
			b.WriteString("  }\n")
		}
		if rnd.IntN(3) == 0 {
			b.WriteString("  spf {\n    raw = \"v=spf1 -all\"\n  }\n")
		}
		if rnd.IntN(6) == 0 {
			fmt.Fprintf(&b, "  dkim %q {\n    p = \"\"\n  }\n", pick([]string{"a", "b", "example.com", "-x"}))
		}
		b.WriteString("}\n")
		text := b.String()
		repo, diags, err := config.Load(t.Context(), config.Map(map[string][]byte{
			config.SettingsFile:       []byte("tripod {\n  files = [\"domains/*.hcl\"]\n}\n\ndnscontrol {\n  emit = \"zone\"\n}\n"),
			"domains/example.com.hcl": []byte(text),
		}))
		if err != nil {
			t.Fatal(err)
		}
		if len(diags) > 0 {
			continue
		}
		loaded++
		refusal := dnscontrol.Refuses(repo.Domains[0])
		if refusal == nil {
			continue
		}
		refused++
		res := rules.Run(t.Context(), rules.Input{
			Rules: rules.All(), Domains: repo.Domains, Now: rulecase.Now,
			World: resolve.NewWorld(resolve.NewIndex(repo.Domains), nil, nil, resolve.LockFirst),
		})
		if !slices.ContainsFunc(res.Findings, func(f rules.Finding) bool {
			return f.Severity == rules.Error && (strings.HasPrefix(f.Rule, "dns-") || f.Rule == "dmarc-location")
		}) {
			if why := refusal.Error(); !reasons[why] && len(reasons) < 20 {
				reasons[why] = true
				t.Errorf("dnscontrol refuses, and lint has no error for it: %v\n%s", refusal, text)
			}
		}
	}
	if loaded < rounds/10 || refused < loaded/20 {
		t.Errorf("only %d of %d definitions load, %d of them are refused: this shows little", loaded, rounds, refused)
	}
	t.Logf("%d of %d definitions load, dnscontrol refuses %d", loaded, rounds, refused)
}

// TestIgnoredAndDefined holds that a zone that leaves to others what it defines is refused by the reader of definitions
// where dnscontrol refuses it, and nowhere else.
func TestIgnoredAndDefined(t *testing.T) {
	dnscontrol.Setup()
	rounds := 4000
	if testing.Short() {
		rounds = 300
	}
	patterns := []string{
		"*", "@", "www", "w*", "WWW", "{www,mail}", "_acme-challenge.**", "*.sub", "*sub", "[!w]*", "?", "*b*",
		"* A", "* TXT", "* A,TXT", "* cname", "@ MX", "x* CAA,TLSA", "@ NS", "* SOA",
		"* * 192.0.2.1", "* TXT *spf1*", "* TXT v=spf?", "* MX mx.example.net.", "* MX *.example.com.", "* SRV sip*", "* CNAME a.vendor.example.",
		"* CAA ca.example", "* TLSA 0d*", "* TLSA 0D*", "* SSHFP 1234*", "* SSHFP *", "* SOA ns1*", "* HTTPS .", "* HTTPS *.net*", "* SVCB a*", "* NAPTR _sip*",
		"* DS 49*", "* DS *", "* DNSKEY mds*", "* LOC *", "* PTR host*", "* DNAME a*", "* AAAA 2001:db8::1",
	}
	types := make([]string, 0, len(someRData))
	for k := range someRData {
		if k != "NS" { // those of the apex come in later, by nameservers.AddNSRecords
			types = append(types, k)
		}
	}
	slices.Sort(types)
	rnd := rand.New(rand.NewPCG(11, 2026))
	pick := func(from []string) string { return from[rnd.IntN(len(from))] }
	const mark = "ignore_records leaves to others"
	refused, taken, told := 0, 0, 0
	for range rounds {
		var b strings.Builder
		fmt.Fprintf(&b, "domain \"example.com\" {\n  ignore_records = [\"%s\"]\n", pick(patterns))
		kind := pick(types)
		for _, label := range []string{pick(someLabels), "x." + pick([]string{"sub", "www"})} {
			fmt.Fprintf(&b, "  record %q %q {\n    rdata = [\"%s\"]\n  }\n", kind, label, pick(someRData[kind]))
			kind = pick(types)
		}
		b.WriteString("}\n")
		repo, diags, err := config.Load(t.Context(), config.Map(map[string][]byte{
			config.SettingsFile:       []byte("tripod {\n  files = [\"domains/*.hcl\"]\n}\n\ndnscontrol {\n  emit = \"zone\"\n}\n"),
			"domains/example.com.hcl": []byte(b.String()),
		}))
		if err != nil {
			t.Fatal(err)
		}
		other := slices.ContainsFunc(diags, func(d config.Diagnostic) bool { return !strings.HasPrefix(d.Message, mark) })
		if other || len(repo.Domains) == 0 {
			continue
		}
		_, err = dnscontrol.Diff(repo.Domains[0], nil)
		says := err != nil && strings.Contains(err.Error(), mark)
		switch {
		case says:
			refused++
		default:
			taken++
		}
		if says != (len(diags) > 0) {
			if told++; told <= 5 {
				t.Errorf("dnscontrol says %v, the reader of definitions %v\n%s", err, diags, b.String())
			}
		}
	}
	if refused < rounds/20 || taken < rounds/20 {
		t.Errorf("%d refused, %d taken of %d: this shows little", refused, taken, rounds)
	}
}
