package engine

import (
	"slices"
	"testing"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/zone"
)

// open loads definitions out of memory.
func open(t *testing.T, files map[string]string) *Repo {
	t.Helper()
	m := map[string][]byte{}
	for name, text := range files {
		m[name] = []byte(text)
	}
	r, err := Open(t.Context(), Options{Source: config.Map(m), Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestReached(t *testing.T) {
	r := open(t, map[string]string{
		"tripod.hcl": `tripod { files = ["a.hcl"] }`,
		"a.hcl": `
domain "first.example" {
  spf {
    terms = ["include:second.example"]
    all   = "fail"
  }
}
domain "second.example" {
  spf { redirect = "_spf.third.example" }
}
domain "third.example" {
  record "TXT" "_spf" { rdata = ["v=spf1 a:www.third.example include:first.example -all"] }
}
domain "aside.example" {
  spf { terms = ["include:other.example"] }
}
domain "below.third.example" {
  spf { all = "fail" }
}
domain "gone-target.example" {
  spf { terms = ["include:_spf.gone.example"] }
}
domain "depends.example" {
  spf { terms = ["exists:%%{i}.other.example"] }
}
domain "view.example" {
  tag = "inside"
  spf { terms = ["a:third.example"] }
}
domain "view.example" {
  spf { terms = ["a:other.example"] }
}
domain "ring-a.example" {
  spf { terms = ["include:ring-b.example"] }
}
domain "ring-b.example" {
  spf { terms = ["include:ring-a.example"] }
}
`,
	})
	for _, tt := range []struct {
		changed []zone.Name
		want    []string
	}{
		{nil, nil},
		{[]zone.Name{"third.example"}, []string{
			"below.third.example", "depends.example", "first.example", "second.example", "third.example", "view.example!inside",
		}},
		{[]zone.Name{"gone.example"}, []string{"depends.example", "gone-target.example"}},
		{[]zone.Name{"ring-b.example"}, []string{"depends.example", "ring-a.example", "ring-b.example"}},
	} {
		changed := map[zone.Name]bool{}
		for _, n := range tt.changed {
			changed[n] = true
		}
		var got []string
		for d := range r.reached(r.Config.Domains, changed) {
			got = append(got, d.ID())
		}
		slices.Sort(got)
		if !slices.Equal(got, tt.want) {
			t.Errorf("a change of %v reaches %v, want %v", tt.changed, got, tt.want)
		}
	}
}

// TestRenderZonesNames holds that a name with a slash (RFC 2317) has a file that a plan finds again.
func TestRenderZonesNames(t *testing.T) {
	r := open(t, map[string]string{
		"tripod.hcl": `tripod { files = ["a.hcl"] }`,
		"a.hcl": `
domain "0/25.2.0.192.in-addr.arpa" {
  record "PTR" "1" { rdata = ["a.example.com."] }
  record "SOA" "@" { rdata = ["ns1.example.com. root.example.com. 1 3600 600 604800 300"] }
}
`,
	})
	dir := t.TempDir()
	done, err := r.RenderZones(t.Context(), dir)
	if err != nil || len(done) != 1 {
		t.Fatalf("wrote %v: %v", done, err)
	}
	plan, _, err := r.Plan(t.Context(), "zones:"+dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(plan.Domains) != 0 || plan.Base.Note != "" {
		t.Errorf("the zone file that was written is not what is defined: %+v (%s)", plan.Domains, plan.Base.Note)
	}
}
