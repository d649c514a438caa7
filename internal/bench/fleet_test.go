package bench

import (
	"context"
	"testing"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/rules"
)

// A fleet is measured as the common case: nothing to report. Whatever is reported here is a false alarm, or a fleet that is badly made.
func TestFleetIsClean(t *testing.T) {
	repo := fleet(t, 20)
	if n := len(repo.Config.Domains); n != 20 {
		t.Errorf("%d domains, want 20", n)
	}
	for _, d := range repo.Config.Domains {
		if len(d.Records) != perZone && d.Name != hub {
			t.Errorf("%s: %d records, want %d", d.Name, len(d.Records), perZone)
		}
	}
	res, err := repo.Lint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range res.Findings {
		t.Errorf("%s: %s: %s", f.Name, f.Rule, f.Message)
	}
	for _, n := range res.NotChecked {
		t.Errorf("%s: not checked: %v: %s", n.Domain, n.Rules, n.Reason)
	}
}

func fleet(tb testing.TB, n int) *engine.Repo {
	tb.Helper()
	dir := tb.TempDir()
	if err := Fleet(tb.Context(), dir, n, 1); err != nil {
		tb.Fatal(err)
	}
	return open(tb, dir)
}

func open(tb testing.TB, dir string) *engine.Repo {
	tb.Helper()
	repo, err := engine.Open(tb.Context(), engine.Options{Dir: dir, Now: Now, Offline: true})
	if err != nil {
		tb.Fatal(err)
	}
	return repo
}

var sizes = []struct {
	name string
	n    int
}{{"50", 50}, {"1000", 1000}}

func BenchmarkLoad(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			dir := b.TempDir()
			if err := Fleet(b.Context(), dir, size.n, 1); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				disk, err := config.Disk(dir)
				if err != nil {
					b.Fatal(err)
				}
				if _, diags, err := config.Load(b.Context(), disk); err != nil || len(diags) > 0 {
					b.Fatal(err, diags)
				}
				if err := disk.Close(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkLint is what comes after loading: the rules, and the comparison with the rendered files.
func BenchmarkLint(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			repo := fleet(b, size.n)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := repo.Lint(b.Context()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkRules is each rule by itself.
func BenchmarkRules(b *testing.B) {
	repo := fleet(b, 200)
	for _, rule := range rules.All() {
		b.Run(rule.ID, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				rules.Run(context.Background(), rules.Input{
					Rules: []*rules.Rule{rule}, Domains: repo.Config.Domains, World: repo.World(), Now: Now, Workers: 1,
				})
			}
		})
	}
}

// BenchmarkPlan is a plan of everything anew, the worst case: each record is a change.
func BenchmarkPlan(b *testing.B) {
	for _, size := range sizes {
		b.Run(size.name, func(b *testing.B) {
			repo := fleet(b, size.n)
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := repo.Plan(b.Context(), "empty"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
