package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestUpToDate tells which pages go generate would change.
func TestUpToDate(t *testing.T) {
	root := filepath.Join("..", "..")
	files, err := Generate(t.Context(), root)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range files {
		got, err := os.ReadFile(filepath.Join(root, filepath.FromSlash(name)))
		if err != nil {
			t.Errorf("%v: run go generate ./...", err)
			continue
		}
		if diff := cmp.Diff(string(got), want); diff != "" {
			t.Errorf("%s is not what the code says, run go generate ./...:\n%s", name, diff)
		}
	}
	pages, err := filepath.Glob(filepath.Join(root, "docs", "rules", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pages {
		if files["docs/rules/"+filepath.Base(p)] == "" {
			t.Errorf("%s belongs to no rule: run go generate ./...", p)
		}
		src, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(string(src), generated) {
			t.Errorf("%s does not say that it is generated", p)
		}
	}
}
