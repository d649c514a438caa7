package dnscontrol

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// extendScript renders zones without records, for a dnsconfig.js to require.
func extendRoot(t *testing.T, script string, names ...zone.Name) string {
	t.Helper()
	root := t.TempDir()
	var domains []*zone.Domain
	for _, n := range names {
		domains = append(domains, &zone.Domain{Name: n, Emit: zone.EmitExtend})
	}
	files, err := Render(domains, "dnscontrol")
	if err != nil {
		t.Fatal(err)
	}
	files["dnsconfig.js"] = []byte(script)
	writeFiles(t, root, files)
	return root
}

func TestOtherHalf(t *testing.T) {
	root := extendRoot(t, `
require("./dnscontrol/tripod.js");
var REG = NewRegistrar("none");
var DSP = NewDnsProvider("cf", {manage_single_redirects: true});
console.log("this is printed");
D("example.net", REG, DnsProvider(DSP), TRIPOD("example.net"), DefaultTTL(3600),
  A("@", "192.0.2.85", CF_PROXY_ON),
  A("www", "192.0.2.1", CF_PROXY_OFF),
  CF_SINGLE_REDIRECT("jobs", 302, 'http.host eq "example.net"', 'concat("https://www.example.net/", "x")'),
  CF_REDIRECT("a.example.net/*", "https://b.example.net/$1"),
  CF_WORKER_ROUTE("api.example.net/*", "worker"),
  ALIAS("alias", "target.example.com."),
  R53_ALIAS("r53", "A", "other.example.net."),
  CNAME("wiki", "relay1"),
  MX("@", 10, "@"),
  TXT("@", "say \"hi\" \\ é"),
  TXT("long", ["one", "two"]),
  CAA("@", "issue", "letsencrypt.org", CAA_CRITICAL),
  SRV("_imaps._tcp", 0, 1, 993, "mail"),
  NAMESERVER("ns1.example.com."), NAMESERVER_TTL("1d"),
  TXT("abs.example.net.", "absolute", TTL(60)),
  IGNORE("landing-*", "CNAME"),
  NO_PURGE
);
D_EXTEND("sub.example.net", MX("@", 5, "mail"), CNAME("x", "y"));
D("example.com!inside", REG, A("@", "10.0.0.1"));
`, "example.net", "example.com")
	halves, err := OtherHalf(t.Context(), HalfOptions{Config: filepath.Join(root, "dnsconfig.js")})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"example.com!inside", "example.net"}, slices.Sorted(maps.Keys(halves))); diff != "" {
		t.Error(diff)
	}
	h := halves["example.net"]
	var got []string
	for _, r := range h.Records {
		if r.Origin != zone.Rest || !r.HasTTL {
			t.Errorf("record %+v", r)
		}
		got = append(got, string(r.Name)+" "+dns.Type(r.Type).String()+" "+r.RData())
	}
	want := []string{
		"example.net NS ns1.example.com.",
		"example.net A 192.0.2.85",
		"www.example.net A 192.0.2.1",
		"wiki.example.net CNAME relay1.example.net.",
		"example.net MX 10 example.net.",
		`example.net TXT say "hi" \ é`,
		"long.example.net TXT onetwo",
		`example.net CAA 128 issue "letsencrypt.org"`,
		"_imaps._tcp.example.net SRV 0 1 993 mail.example.net.",
		"abs.example.net TXT absolute",
		"sub.example.net MX 5 mail.sub.example.net.",
		"x.sub.example.net CNAME y.sub.example.net.",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if h.Records[0].TTL != 86400 || h.Records[1].TTL != 3600 || h.Records[9].TTL != 60 {
		t.Errorf("TTLs %d %d %d", h.Records[0].TTL, h.Records[1].TTL, h.Records[9].TTL)
	}
	if !h.HasTripod || h.TTL != 3600 || !h.NoPurge || h.Registrar != "none" {
		t.Errorf("half %+v", h)
	}
	if diff := cmp.Diff([]zone.Pseudo{{Name: "example.net", Type: "CF_PROXY"}, {Name: "alias.example.net", Type: "ALIAS"}, {Name: "r53.example.net", Type: "R53_ALIAS"}}, h.Pseudo); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]zone.IgnoreRecord{{Label: "landing-*", Types: "CNAME", Target: "*"}}, h.Ignores); diff != "" {
		t.Error(diff)
	}
	if len(h.Providers) != 1 || h.Providers[0].Name != "cf" || h.Providers[0].Nameservers != -1 || !strings.Contains(string(h.Providers[0].Meta), "manage_single_redirects") {
		t.Errorf("providers %+v", h.Providers)
	}
	if halves["example.com!inside"].HasTripod {
		t.Error("a zone without TRIPOD() has one")
	}
}

func TestOtherHalfOfTheExamples(t *testing.T) {
	dirs, err := filepath.Glob("../../examples/*/dnsconfig.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, config := range dirs {
		t.Run(filepath.Base(filepath.Dir(config)), func(t *testing.T) {
			script, err := os.ReadFile(config)
			if err != nil {
				t.Fatal(err)
			}
			root := extendRoot(t, string(script), "any.example")
			halves, err := OtherHalf(t.Context(), HalfOptions{Config: filepath.Join(root, "dnsconfig.js")})
			if err != nil {
				t.Fatal(err)
			}
			for id, h := range halves {
				if !h.HasTripod || len(h.Records) == 0 {
					t.Errorf("%s: %+v", id, h)
				}
			}
		})
	}
}

// What a dnsconfig.js can do wrong ends in one clear message, within the limit.
func TestOtherHalfFails(t *testing.T) {
	for _, tc := range []struct{ name, script, want string }{
		{"endless", `while(1){}`, "did not end within 10 s"},
		{"endless timer", `setInterval(function(){}, 1);`, "did not end within 10 s"},
		{"recursion", `function f() { return f() + 1; } f();`, "itself without end"},
		{"memory", `var s = "x"; while (true) { s += s; }`, "more than 512 MiB"},
		{"syntax", `D("example.com"`, "Line 1:16 Unexpected end of input"},
		{"unknown function", `FUTURE_RECORD("x");`, "'FUTURE_RECORD' is not defined"},
		{"network", `FETCH("https://example.com/");`, "'fetch' is not defined"},
		{"panic", `PANIC("no way");`, "no way"},
		{"throw", `throw "thrown";`, "thrown"},
		{"wrong zone", `require("./dnscontrol/tripod.js"); D("example.org", "none", TRIPOD("example.net"));`, `TRIPOD("example.net") stands in D("example.org")`},
		{"twice", `require("./dnscontrol/tripod.js"); D("example.net", "none", TRIPOD("example.net"), TRIPOD("example.net"));`, `TRIPOD("example.net") stands twice`},
		{"bad address", `D("example.net", "none", A("x", "nonsense"));`, `D("example.net"): A("x"): "nonsense" is no IPv4 address`},
		{"bad type", `D("example.net", "none", function (d) { d.records.push({name: "x"}); });`, "TYPE"},
		{"outside", `D("example.net", "none", A("x.example.org.", "192.0.2.1"));`, "outside the zone example.net"},
		{"environment", `require("/proc/self/environ");`, "read "},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			root := extendRoot(t, tc.script, "example.net")
			start := time.Now()
			_, err := OtherHalf(t.Context(), HalfOptions{Config: filepath.Join(root, "dnsconfig.js")})
			if tc.name == "environment" {
				return // empty: the script is, too
			}
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Count(err.Error(), "\n") > 6 {
				t.Errorf("error %v, want %q", err, tc.want)
			}
			if d := time.Since(start); d > 13*time.Second {
				t.Errorf("took %v", d)
			}
		})
	}
	if _, err := OtherHalf(t.Context(), HalfOptions{Config: filepath.Join(t.TempDir(), "dnsconfig.js")}); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("without a file: %v", err)
	}
}

// The child has no environment: what it can put into a record holds no secret.
func TestChildHasNoEnvironment(t *testing.T) {
	t.Setenv("GITHUB_TOKEN", "secret")
	root := extendRoot(t, "", "example.net")
	probe := filepath.Join(root, "env.sh")
	if err := os.WriteFile(probe, []byte("#!/bin/sh\nenv | grep -c GITHUB\necho '{}'\n"), 0o700); err != nil { //nolint:gosec // a script has to be executable
		t.Fatal(err)
	}
	out, err := runChild(t.Context(), HalfOptions{Config: filepath.Join(root, "dnsconfig.js"), Self: probe})
	if err != nil || !strings.HasPrefix(string(out), "0\n") {
		t.Errorf("%q, %v", out, err)
	}
}

func FuzzReadIR(f *testing.F) {
	f.Add([]byte(`{"domains":[{"name":"example.net!in","records":[{"type":"MX","name":"@","target":"mail","mxpreference":10,"ttl":300}],"nameservers":[{"name":"ns."}],"unmanaged":[{"label_pattern":"*"}],"meta":{"ns_ttl":"60"}}]}`))
	f.Add([]byte(`{"domains":[{"name":"example.net","records":[{"type":"HTTPS","name":"x","target":".","svcpriority":1,"svcparams":"alpn=h2"},{"type":"LOC","name":"x"},{"type":"R53_ALIAS","name":"x"},{"type":"CAA","name":"x","caatag":"issue","target":"\"\\"}]}]}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		halves, err := readIR(src)
		if err != nil {
			return
		}
		for id, h := range halves {
			if h.ID() != id {
				t.Errorf("%q is filed under %q", h.ID(), id)
			}
			for _, r := range h.Records {
				if !r.Name.Under(h.Name) || r.Name.Check() != nil {
					t.Errorf("owner %q in %s", r.Name, id)
				}
			}
		}
	})
}
