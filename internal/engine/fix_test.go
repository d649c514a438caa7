package engine_test

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/internal/rulecase"
	"github.com/tripod-dns/tripod/internal/zone"
	"github.com/tripod-dns/tripod/planner"
	"github.com/tripod-dns/tripod/rules"
)

func open(t *testing.T, files map[string][]byte) *engine.Repo {
	t.Helper()
	all := maps.Clone(files)
	if _, ok := all[config.SettingsFile]; !ok {
		all[config.SettingsFile] = []byte("tripod {\n  files = [\"domains/*.hcl\"]\n}\n")
	}
	opts := engine.Options{Source: config.Map(all), Now: rulecase.Now, Offline: true}
	if rest, ok := all["rest.json"]; ok {
		opts.Rest = filepath.Join(t.TempDir(), "rest.json")
		if err := os.WriteFile(opts.Rest, rest, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	repo, err := engine.Open(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return repo
}

func lint(t *testing.T, r *engine.Repo) *engine.LintResult {
	t.Helper()
	res, err := r.Lint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// meant are the cases in which a fix does change what the records mean, with the reason.
var meant = map[string]string{
	"dkim-key/bad-padding":       "some verifiers read the key as it is, the others then do too",
	"dmarc-removed-tag/bad-zero": "RFC 9989 §A.6: t=y says what pct=0 said to the receivers that it was written for",
	"dmarc-unknown-tag/bad":      "a report address that counts again can be looked at",
	"dmarc-uri/bad-none-left":    "a report address that counts again can be looked at",
}

// TestFixes applies every fix that a rule has in its own cases: the finding is gone, nothing new is wrong, who may send and what is
// enforced stay as they are, and the second time there is nothing to do.
func TestFixes(t *testing.T) {
	fixed := 0
	for _, rule := range rules.All() {
		file, err := rulecase.Read(filepath.Join("..", "..", "rules", "testdata", rule.ID+".txtar"))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range file.Cases {
			if !strings.Contains(c.Want, "\n  fix: ") {
				continue
			}
			t.Run(rule.ID+"/"+c.Name, func(t *testing.T) {
				before := open(t, c.Files)
				found := lint(t, before)
				fixes, err := before.Fixes(found.Findings)
				if err != nil {
					t.Fatal(err)
				}
				if len(fixes.Applied) == 0 && len(fixes.Refused) == 0 {
					t.Fatal("no fix was offered")
				}
				files := maps.Clone(c.Files)
				for _, f := range fixes.Files {
					if string(files[f.Path]) != string(f.Old) || string(f.Old) == string(f.New) {
						t.Fatalf("%s: old and new bytes are not those of a change", f.Path)
					}
					files[f.Path] = f.New
				}
				after := open(t, files)
				left := lint(t, after)
				had := map[string]int{}
				for _, f := range found.Findings {
					had[f.Rule+" "+f.Message]++
				}
				for _, f := range left.Findings {
					if meant[rule.ID+"/"+c.Name] != "" {
						break
					}
					if had[f.Rule+" "+f.Message]--; had[f.Rule+" "+f.Message] < 0 {
						t.Errorf("the fix brought %s: %s", f.Rule, f.Message)
					}
				}
				if len(fixes.Applied) > 0 && len(left.Findings) >= len(found.Findings) && meant[rule.ID+"/"+c.Name] == "" {
					t.Errorf("%d findings before, %d after:\n%s", len(found.Findings), len(left.Findings), fixes.Diff())
				}
				for i, d := range before.Config.Domains {
					a := after.Config.Domains[i]
					for _, e := range planner.Effects(t.Context(), side(before, d.Name), side(after, a.Name)) {
						switch e.Kind {
						case planner.SPFSendersGained, planner.SPFSendersLost, planner.DMARCPolicy, planner.DKIMKeyAdded, planner.DKIMKeyRemoved:
							if meant[rule.ID+"/"+c.Name] != "" {
								continue
							}
							t.Errorf("the fix changes what the records mean: %s", e.Message)
						}
					}
				}
				again, err := after.Fixes(left.Findings)
				if err != nil {
					t.Fatal(err)
				}
				if len(again.Files) > 0 && len(again.Applied) >= len(fixes.Applied) {
					t.Errorf("fixing again changes as much as before:\n%s", again.Diff())
				}
			})
			fixed++
		}
	}
	if fixed < 5 {
		t.Errorf("only %d cases have a fix", fixed)
	}
}

func side(r *engine.Repo, name zone.Name) planner.Side {
	z, _ := r.World().ZoneOf(name)
	return planner.Side{Zone: z, World: r.World()}
}
