package config

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/miekg/dns"
)

func loadDir(t *testing.T, dir string) *Repository {
	t.Helper()
	src, err := Disk(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := src.Close(); err != nil {
			t.Error(err)
		}
	}()
	r, diags, err := Load(context.Background(), src)
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range diags {
		t.Errorf("%s (help: %s)", d, d.Help)
	}
	return r
}

func TestExamples(t *testing.T) {
	dirs, err := filepath.Glob(filepath.Join("testdata", "examples", "*"))
	if err != nil || len(dirs) == 0 {
		t.Fatal("no examples", err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			r := loadDir(t, dir)
			for _, d := range r.Domains {
				for _, rec := range d.Records {
					p := r.Files.Position(rec.At)
					t.Logf("%s %d %v %s %s  <%s:%d:%d>", rec.Name, rec.TTL, rec.HasTTL, dns.TypeToString[rec.Type], rec.RData(), p.File, p.Line, p.Column)
				}
			}
		})
	}
}
