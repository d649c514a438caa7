package config

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/tripod-dns/tripod/internal/zone"
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

// TestExamples: the examples load, and every byte of their records leads to its place.
func TestExamples(t *testing.T) {
	records := map[string]int{
		"1-small-business": 10, "2-parked": 4 + 40*4, "3-three-brands": 51, "4-postfix-rotation": 35,
		"5-dnscontrol-mail-only": 9, "6-m365-sendgrid": 8, "7-migrate-from-raw": 5,
	}
	dirs, err := filepath.Glob(filepath.Join("..", "..", "examples", "[0-9]*"))
	if err != nil || len(dirs) != len(records) {
		t.Fatalf("examples %v, %v", dirs, err)
	}
	for _, dir := range dirs {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			r := loadDir(t, dir)
			n := 0
			for _, d := range r.Domains {
				for _, rec := range d.Records {
					checkRecord(t, r, rec)
					n++
				}
			}
			if want := records[filepath.Base(dir)]; n != want {
				t.Errorf("%d records, want %d", n, want)
			}
		})
	}
}

// The places that the findings of example 7 point at.
func TestExamplePositions(t *testing.T) {
	r := loadDir(t, filepath.Join("..", "..", "examples", "7-migrate-from-raw"))
	for _, tt := range []struct {
		name zone.Name
		text string
		want Position
	}{
		{"college.example", "ipv4:203.0.113.10", Position{"domains/college.example.hcl", 4, 43, 4, 60}},
		{"lists._domainkey.college.example", "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAtAfBHQS+OQ4KZRYIforB8tVBYIyBpUEa9yo7M+QP7pwp5MJshSBGk0If4E16nsupv+YJVfIa8Fh2uqBVu3lmsWuT2KejJWbgJ2SHCvPo1HBIj+/Z5pTRoIPTsq6AozqzKDgwz7FYoMeFswNEPoRM+j0Y0RwD3l4SFagn95lXGOMx+b/xe5uDfsKtw1pkZo0j/", Position{"domains/college.example.hcl", 13, 30, 13, 267}},
		{"_dmarc.college.example", "postmaster@college.example", Position{"domains/college.example.hcl", 17, 69, 17, 95}},
	} {
		if got := r.Files.Position(find(t, r, tt.name, tt.text)); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.text, got, tt.want)
		}
	}
}
