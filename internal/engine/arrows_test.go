package engine_test

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/tripod-dns/tripod/"

// layers are the packages from the bottom up: each may import what stands in an earlier layer, and nothing of its own.
var layers = [][]string{
	{"internal/peers", "internal/zone", "internal/spelling"},
	{"internal/taglist"},
	{"internal/spf", "internal/dkim", "internal/dmarc", "internal/mtasts", "internal/tlsrpt", "internal/bimi"},
	{"internal/config"},
	{"internal/resolve"},
	{"rules", "planner"}, // which do not import each other
	{"internal/dnscontrol"},
	{"internal/engine"},
	{"internal/report"},
	{"internal/rulecase"}, // for tests and documentation
	{"cmd/tripod", "internal/gendocs"},
}

func list(t *testing.T, format string, args ...string) []string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list", "-f", format}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.Fields(string(out))
}

// TestArrows holds the packages to the direction in which they may import each other.
func TestArrows(t *testing.T) {
	layer := map[string]int{}
	for i, pkgs := range layers {
		for _, p := range pkgs {
			layer[p] = i
		}
	}
	for _, line := range strings.Split(strings.Join(list(t, `{{.ImportPath}}={{join .Imports ","}}`, module+"..."), "\n"), "\n") {
		pkg, imports, _ := strings.Cut(line, "=")
		pkg = strings.TrimPrefix(pkg, module)
		if strings.HasPrefix(pkg, "internal/bench") {
			continue // measures the others
		}
		own, ok := layer[pkg]
		if !ok {
			t.Errorf("%s has no place among the layers", pkg)
			continue
		}
		for imp := range strings.SplitSeq(imports, ",") {
			dep, ours := strings.CutPrefix(imp, module)
			if !ours {
				continue
			}
			if l, ok := layer[dep]; !ok || l >= own {
				t.Errorf("%s imports %s, which does not stand below it", pkg, dep)
			}
		}
	}
}

// TestRulesKnowOnlyRecords: the linter and the planner know no HCL and no dnscontrol.
func TestRulesKnowOnlyRecords(t *testing.T) {
	for _, pkg := range []string{"rules", "planner", "internal/resolve"} {
		deps := list(t, `{{join .Deps "\n"}}`, module+pkg)
		for _, bad := range []string{"github.com/hashicorp/hcl/v2", "github.com/StackExchange/dnscontrol/v4/models"} {
			if slices.Contains(deps, bad) {
				t.Errorf("%s depends on %s", pkg, bad)
			}
		}
	}
}
