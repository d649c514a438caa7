package config

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tripod-dns/tripod/internal/zone"
)

var withoutPlaces = cmpopts.IgnoreTypes(zone.Span{}, []zone.Span{})

func TestDefaults(t *testing.T) {
	got := load(t, "").Settings
	want := Settings{
		Files: []string{"domains/*.hcl"}, Keys: "keys",
		DNSControl: DNSControl{Output: "dnscontrol", Config: "dnsconfig.js"},
		Lint:       Lint{FailOn: "error"},
		Resolver:   Resolver{LockMaxAge: 30 * 24 * time.Hour},
		GitHub:     GitHub{MaxDomainsPerPR: 50, MaxOpen: 4, Comment: "summary"},
	}
	if d := cmp.Diff(want, got, withoutPlaces); d != "" {
		t.Error(d)
	}
}

func TestSettings(t *testing.T) {
	r := loadFiles(t, map[string]string{"d/a.hcl": "", SettingsFile: `
tripod {
  files            = ["d/*.hcl"]
  keys             = "./secrets/keys/"
  ttl              = 600
  required_version = ">= 1.2"
}
dnscontrol {
  emit           = "extend"
  output         = "out"
  config         = "dns/dnsconfig.js"
  registrar      = "none"
  dns_providers  = ["bind", "route53"]
  ignore_records = ["www a,aaaa", "*"]
}
lint {
  fail_on      = "warning"
  bulk_senders = ["EXAMPLE.com"]
  rule "spf-lookup-budget" {
    severity = "off"
    above    = 8
    names    = ["a", "b"]
    strict   = true
    word     = "w"
  }
}
resolver {
  servers      = ["192.0.2.53", "[2001:db8::53]:5353"]
  lock_max_age = "2w"
}
github {
  max_domains_per_pr = 5
  max_open           = 1
  comment            = "inline"
  app                = "12345"
}
`})
	want := Settings{
		Files: []string{"d/*.hcl"}, Keys: "secrets/keys", TTL: 600, HasTTL: true, RequiredVersion: ">= 1.2",
		DNSControl: DNSControl{
			Emit: zone.EmitExtend, Output: "out", Config: "dns/dnsconfig.js", Registrar: "none", DNSProviders: []string{"bind", "route53"},
			IgnoreRecords: []zone.IgnoreRecord{{Label: "www", Types: "A,AAAA"}, {Label: "*"}},
		},
		Lint: Lint{
			FailOn: "warning", BulkSenders: []BulkSender{{Name: "example.com"}},
			Rules: []RuleSetting{{ID: "spf-lookup-budget", Severity: "off", Params: map[string]Param{
				"above": {Value: int64(8)}, "names": {Value: []string{"a", "b"}}, "strict": {Value: true}, "word": {Value: "w"},
			}}},
		},
		Resolver: Resolver{Servers: []string{"192.0.2.53:53", "[2001:db8::53]:5353"}, LockMaxAge: 14 * 24 * time.Hour},
		GitHub:   GitHub{MaxDomainsPerPR: 5, MaxOpen: 1, Comment: "inline", App: "12345"},
	}
	if d := cmp.Diff(want, r.Settings, withoutPlaces); d != "" {
		t.Error(d)
	}
	p := r.Settings.Lint.Rules[0].Params["above"]
	if r.Files.Text(p.At) != "8" || r.Files.Text(p.NameAt) != "above" || r.Files.Text(r.Settings.Lint.Rules[0].At) != "spf-lookup-budget" || r.Files.Text(r.Settings.Lint.Rules[0].SeverityAt) != "off" {
		t.Errorf("places %+v", r.Settings.Lint.Rules[0])
	}
}
