package rules_test

import (
	"bytes"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/engine"
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

// readCleanZone reads the files of a zone, and the infos that lint has about it.
func readCleanZone(t *testing.T, path string) (ar *txtar.Archive, files map[string][]byte, want string) {
	t.Helper()
	ar, err := txtar.ParseFile(path)
	if err != nil {
		t.Fatal(err)
	}
	files = map[string][]byte{}
	for _, f := range ar.Files {
		if f.Name == rulecase.Want {
			want = string(f.Data)
		} else {
			files[f.Name] = f.Data
		}
	}
	return ar, files, want
}

func cleanZone(t *testing.T, path string) {
	ar, files, want := readCleanZone(t, path)
	if len(ar.Comment) == 0 {
		t.Error("nothing says what this zone is like")
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

// TestCleanZonesWithGaps takes away what lint knows about the well-run zones: the other half of the zone, the lock file, each of its
// answers, and each answer's success. What is not known makes no finding but lock-missing.
func TestCleanZonesWithGaps(t *testing.T) {
	const empty = `{"schema": 1, "taken": "2026-11-24", "answers": {}}`
	const extend = "tripod {\n  files = [\"domains/*.hcl\"]\n}\n\ndnscontrol {\n  emit   = \"extend\"\n  output = \"dnscontrol\"\n}\n"
	paths, err := filepath.Glob(filepath.Join(cleanZones, "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			_, files, _ := readCleanZone(t, path)
			dir := t.TempDir()
			try := func(what string, change func(files map[string][]byte)) {
				changed := maps.Clone(files)
				change(changed)
				res, err := rulecase.Run(t.Context(), changed, "", dir)
				if err != nil {
					t.Errorf("%s: %v", what, err)
					return
				}
				for _, f := range res.Findings {
					// Nothing was rendered here, and nobody knows what stands in dnsconfig.js.
					if f.Severity > rules.Info && f.Rule != "lock-missing" && f.Rule != "render-stale" {
						t.Errorf("%s: a finding out of ignorance:\n%s", what, res.Line(f))
					}
				}
			}
			try("without the other half", func(files map[string][]byte) {
				files[config.SettingsFile] = []byte(extend)
				delete(files, "rest.json")
			})
			lock := files[engine.LockFile]
			if strings.Contains(string(bytes.Join(slices.Collect(maps.Values(files)), nil)), "flatten ") {
				return // what is flattened has to be known
			}
			try("without a lock file", func(files map[string][]byte) { delete(files, engine.LockFile) })
			try("with an empty lock file", func(files map[string][]byte) { files[engine.LockFile] = []byte(empty) })
			for line := range bytes.Lines(lock) {
				question, _, ok := bytes.Cut(line, []byte(": {"))
				if !ok || bytes.HasPrefix(line, []byte("{")) {
					continue
				}
				end := []byte(",\n")
				if bytes.HasSuffix(bytes.TrimSpace(line), []byte("}}}")) {
					end = []byte("}}\n")
				}
				failed := slices.Concat(question, []byte(`: {"rcode": "SERVFAIL"}`), end)
				try(string(question)+" fails", func(files map[string][]byte) { files[engine.LockFile] = bytes.Replace(lock, line, failed, 1) })
				other := slices.Concat([]byte(`"other.example. A": {"exists": true}`), end)
				try("without "+string(question), func(files map[string][]byte) { files[engine.LockFile] = bytes.Replace(lock, line, other, 1) })
			}
		})
	}
}

// TestCleanZonesRaw: the same zones written as raw records are clean too.
func TestCleanZonesRaw(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(cleanZones, "*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".txtar"), func(t *testing.T) {
			t.Parallel()
			_, files, _ := readCleanZone(t, path)
			raw, ok := rawFiles(t, &rulecase.Case{Files: files})
			if !ok {
				t.Skip("the zone needs more than records")
			}
			res, err := rulecase.Run(t.Context(), raw, "", t.TempDir())
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
		})
	}
}
