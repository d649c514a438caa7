package rules_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/tripod-dns/tripod/internal/rulecase"
	"github.com/tripod-dns/tripod/rules"
)

// cleanZones is a folder of zones modelled on well-run real ones.
const cleanZones = "testdata/clean"

// minCleanZones is how many of them there are to be at least.
const minCleanZones = 20

// TestCleanZones holds the linter to its first promise: on a zone that is run well it says nothing above info. Each file also
// lists the infos, so that a rule that begins to talk is seen; nothing may be left unchecked, and no answer may be missing.
func TestCleanZones(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(cleanZones, "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) < minCleanZones {
		t.Errorf("%d zones, there are to be %d", len(paths), minCleanZones)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			cleanZone(t, path)
		})
	}
}

func cleanZone(t *testing.T, path string) {
	ar, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(ar.Comment) == 0 {
		t.Error("nothing says what this zone is like")
	}
	files := map[string][]byte{}
	want := ""
	for _, f := range ar.Files {
		if f.Name == rulecase.Want {
			want = string(f.Data)
		} else {
			files[f.Name] = f.Data
		}
	}
	res, err := rulecase.Run(t.Context(), files, "", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range res.Findings {
		if f.Severity > rules.Info {
			t.Errorf("a well-run zone has a finding:\n%s", res.Line(f))
		}
	}
	for _, n := range res.Lint.NotChecked {
		t.Errorf("%s: %s: %s", n.Domain, n.Reason, strings.Join(n.Rules, ", "))
	}
	got := res.Text()
	if *update && !t.Failed() {
		ar.Files = slices.DeleteFunc(ar.Files, func(f txtar.File) bool { return f.Name == rulecase.Want })
		if got != "" {
			ar.Files = append(ar.Files, txtar.File{Name: rulecase.Want, Data: []byte(got)})
		}
		if err := os.WriteFile(path, txtar.Format(ar), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("infos differ (-want +got):\n%s", diff)
	}
}
