package config

import (
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/tripod-dns/tripod/internal/zone"
)

// What LoadLike makes is what Load makes, whatever changed in between, and what did not change is not made again.
func TestLoadLikeIsLoad(t *testing.T) {
	one := func(name, text string) string {
		return fmt.Sprintf("domain %q {\n  record \"TXT\" \"@\" { rdata = [%q] }\n}\n", name, text)
	}
	base := map[string]string{
		SettingsFile:      "tripod { files = [\"domains/*.hcl\"] }\ndnscontrol {\n  emit = \"zone\"\n  dns_providers = [\"bind\"]\n}\n",
		"domains/b.hcl":   one("b.example", "b"),
		"domains/c.hcl":   "domain \"c.example\" { profile = \"p\" }\n",
		"domains/p.hcl":   "profile \"p\" {\n  record \"TXT\" \"@\" { rdata = [\"of the profile\"] }\n}\n",
		"domains/two.hcl": one("d.example", "d") + one("e.example", "e"),
		"domains/ttl.hcl": "domain \"f.example\" {\n  ttl = 60\n  record \"TXT\" \"@\" { rdata = [\"f\"] }\n}\n",
	}
	ledger := "dkim_keys \"b.example\" {\n  serial = 1\n}\n"
	for _, tt := range []struct {
		name   string
		change map[string]string // "" deletes
		shared []zone.Name       // domains whose records are the other load's
	}{
		{"nothing", nil, []zone.Name{"b.example", "f.example", "d.example", "e.example"}},
		{"a file", map[string]string{"domains/b.hcl": one("b.example", "x")}, []zone.Name{"f.example", "d.example", "e.example"}},
		{"a file more", map[string]string{"domains/a.hcl": one("a.example", "a")}, []zone.Name{"b.example", "f.example", "d.example", "e.example"}},
		{"a file less", map[string]string{"domains/two.hcl": ""}, []zone.Name{"b.example", "f.example"}},
		{"the profile", map[string]string{"domains/p.hcl": "profile \"p\" {\n  record \"TXT\" \"@\" { rdata = [\"y\"] }\n}\n"}, []zone.Name{"b.example", "f.example", "d.example", "e.example"}},
		{"the settings", map[string]string{SettingsFile: "tripod {\n  files = [\"domains/*.hcl\"]\n  ttl = 99\n}\n"}, nil},
		{"a key ledger", map[string]string{"keys/b.example.hcl": ledger}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			files := map[string][]byte{}
			for name, text := range base {
				files[name] = []byte(text)
			}
			for name, text := range tt.change {
				if files[name] = []byte(text); text == "" {
					delete(files, name)
				}
			}
			other := loadFiles(t, base)
			got, diags, err := LoadLike(t.Context(), Map(files), other)
			if err != nil || len(diags) > 0 {
				t.Fatal(err, diags)
			}
			want, diags, err := Load(t.Context(), Map(files))
			if err != nil || len(diags) > 0 {
				t.Fatal(err, diags)
			}
			spans := cmpopts.IgnoreTypes(zone.Span{})
			if diff := cmp.Diff(want.Domains, got.Domains, spans, cmp.AllowUnexported(zone.Text{}), cmpopts.IgnoreFields(zone.Segment{}, "At")); diff != "" {
				t.Error(diff)
			}
			for i, d := range got.Domains {
				if g, w := got.Files.Position(d.At), want.Files.Position(want.Domains[i].At); g != w {
					t.Errorf("%s is at %+v, want %+v", d.Name, g, w)
				}
			}
			had := map[*zone.Record]bool{}
			for _, d := range other.Domains {
				had[d.Records[0]] = true
			}
			var shared []zone.Name
			for _, d := range got.Domains {
				if had[d.Records[0]] {
					shared = append(shared, d.Name)
				}
			}
			if diff := cmp.Diff(tt.shared, shared); diff != "" {
				t.Errorf("taken from the other load: %s", diff)
			}
		})
	}
}
