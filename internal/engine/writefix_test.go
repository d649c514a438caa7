package engine_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/internal/rulecase"
)

// TestWriteFixes writes into the files that were read, and into no others: not into one that changed meanwhile, nor through a link.
func TestWriteFixes(t *testing.T) {
	const definition = "domain \"example.com\" {\n  record \"TXT\" \"@\" {\n    rdata = [\"v=spf1 ip4:192.0.2.1/24 -all\"]\n  }\n}\n"
	for _, tt := range []struct {
		name    string
		between func(path string) error
		fails   string // "" where the fix is written
	}{
		{"as it was read", func(string) error { return nil }, ""},
		{"changed meanwhile", func(path string) error { return os.WriteFile(path, []byte("# mine\n"+definition), 0o600) }, "was changed meanwhile"},
		{"gone meanwhile", os.Remove, "fix: "},
		{"a link meanwhile", func(path string) error {
			if err := os.Rename(path, path+".real"); err != nil {
				return err
			}
			return os.Symlink(path+".real", path)
		}, "is a link"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "example.hcl")
			for name, text := range map[string]string{"tripod.hcl": "tripod {\n  files = [\"example.hcl\"]\n}\n", "example.hcl": definition} {
				if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			repo, err := engine.Open(t.Context(), engine.Options{Dir: dir, Now: rulecase.Now, Offline: true})
			if err != nil {
				t.Fatal(err)
			}
			fixes, err := repo.Fixes(lint(t, repo).Findings)
			if err != nil || len(fixes.Files) != 1 {
				t.Fatalf("%v, %d files", err, len(fixes.Files))
			}
			if err := tt.between(path); err != nil {
				t.Fatal(err)
			}
			before, _ := os.ReadFile(path) //nolint:errcheck // it may be gone
			err = repo.WriteFixes(t.Context(), fixes)
			after, _ := os.ReadFile(path) //nolint:errcheck // it may be gone
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) {
					t.Errorf("error %v, want one that says %q", err, tt.fails)
				}
				if string(after) != string(before) {
					t.Errorf("the file was written:\n%s", after)
				}
				return
			}
			if want := strings.Replace(definition, "192.0.2.1/24", "192.0.2.0/24", 1); err != nil || string(after) != want {
				t.Errorf("error %v, got\n%swant\n%s", err, after, want)
			}
		})
	}
}
