package engine_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/internal/zone"
)

// ofRule are the findings of one rule: place, severity, name and message.
func ofRule(l *engine.LintResult, id string) []string {
	var out []string
	for _, f := range l.Findings {
		if f.Rule == id {
			out = append(out, fmt.Sprintf("%s:%d:%d: %s: %s: %s", f.Pos.File, f.Pos.Line, f.Pos.Column, f.Severity, f.Name, f.Message))
		}
	}
	return out
}

// TestZonePartial: a plan against what is published says what push would delete, in zones that tripod owns whole.
func TestZonePartial(t *testing.T) {
	dir := t.TempDir()
	const text = "$ORIGIN example.com.\n$TTL 300\n@ SOA ns1.example.net. h.example.net. 1 3600 600 604800 300\n@ NS ns1.example.net.\n" +
		"@ TXT \"v=spf1 -all\"\nwww A 192.0.2.80\nwww AAAA 2001:db8::80\nshop CNAME shop.example.net.\n_acme-challenge TXT token\nold MX 10 mail.example.net.\n"
	if err := os.WriteFile(filepath.Join(dir, "example.com.zone"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	files := func(emit, more string) map[string][]byte {
		return map[string][]byte{
			"tripod.hcl":    []byte("tripod {\n  files = [\"domains/*.hcl\"]\n}\n\ndnscontrol {\n  emit           = \"" + emit + "\"\n  ignore_records = [\"_acme-challenge TXT\"]\n}\n"),
			"domains/a.hcl": []byte("domain \"example.com\" {\n  spf {\n    all = \"fail\"\n  }\n" + more + "}\n"),
			"rest.json":     []byte(`{"domains":[]}`),
		}
	}
	const lost = "domains/a.hcl:1:9: warning: example.com: the zone holds what the definitions lack, and push would delete it: "
	const www = "  record \"A\" \"www\" {\n    rdata = [\"192.0.2.81\"]\n  }\n  record \"AAAA\" \"www\" {\n    rdata = [\"2001:db8::80\"]\n  }\n  record \"CNAME\" \"shop\" {\n    rdata = [\"shop.example.net.\"]\n  }\n"
	const old = "  record \"MX\" \"old\" {\n    rdata = [\"10 mail.example.net.\"]\n  }\n"
	tests := []struct {
		name, emit, more, against string
		want                      []string
	}{
		{"many", zone.EmitZone, "", "zones:" + dir, []string{lost + "MX at old.example.com, CNAME at shop.example.com, A at www.example.com and 1 more"}},
		{"one", zone.EmitZone, www, "zones:" + dir, []string{lost + "MX at old.example.com"}},
		{"none", zone.EmitZone, www + old, "zones:" + dir, nil},
		{"empty", zone.EmitZone, "", "empty", nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, l, err := open(t, files(tt.emit, tt.more)).Plan(t.Context(), tt.against)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, ofRule(l, "zone-partial")); diff != "" {
				t.Error(diff)
			}
		})
	}
	if got := ofRule(lint(t, open(t, files(zone.EmitZone, ""))), "zone-partial"); got != nil {
		t.Errorf("lint alone knows no base: %s", got)
	}
}

// TestFlattenStale: addresses that were taken from an old lock file are said to be old.
func TestFlattenStale(t *testing.T) {
	for _, tt := range []struct {
		taken string
		want  []string
	}{
		{"2026-10-01", []string{"a.hcl:4:5: warning: example.com: the addresses of include:a.vendor.example are 54 days old: mail from hosts that a vendor has added since fails SPF"}},
		{"2026-11-01", nil},
	} {
		repo, err := openFlatten(t.Context(), "    flatten = [\"include:a.vendor.example\"]\n",
			`{"schema": 1, "taken": "`+tt.taken+`", "answers": {"a.vendor.example. TXT": {"data": [["v=spf1 ip4:198.51.100.0/24 -all"]]}}}`)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(tt.want, ofRule(lint(t, repo), "spf-flatten-stale")); diff != "" {
			t.Error(diff)
		}
	}
}
