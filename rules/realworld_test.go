package rules_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-dns/tripod/internal/rulecase"
)

const realworld = "testdata/realworld"

// realZones turns the zones that real organisations published into definitions, raw, one file a zone.
func realZones(t *testing.T) map[string][]byte {
	t.Helper()
	src, err := os.ReadFile(filepath.Join(realworld, "zones.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list struct {
		Zones []struct {
			Zone    string
			Records [][]any // label, type, ttl, value
		}
	}
	if err := json.Unmarshal(src, &list); err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for _, z := range list.Zones {
		type set struct{ label, rtype string }
		var order []set
		ttl := map[set]float64{}
		data := map[set][]string{}
		for _, r := range z.Records {
			s := set{r[0].(string), r[1].(string)}
			if s.label == "" {
				s.label = "@"
			}
			if data[s] == nil {
				order = append(order, s)
			}
			ttl[s], _ = r[2].(float64)
			data[s] = append(data[s], r[3].(string))
		}
		var b strings.Builder
		fmt.Fprintf(&b, "domain %s {\n", quoteHCL(strings.TrimSuffix(z.Zone, ".")))
		for _, s := range order {
			fmt.Fprintf(&b, "  record %s %s {\n", quoteHCL(s.rtype), quoteHCL(s.label))
			if ttl[s] > 0 {
				fmt.Fprintf(&b, "    ttl   = %d\n", int(ttl[s]))
			}
			b.WriteString("    rdata = [\n")
			for _, v := range data[s] {
				fmt.Fprintf(&b, "      %s,\n", quoteHCL(v))
			}
			b.WriteString("    ]\n  }\n")
		}
		b.WriteString("}\n")
		files["domains/"+strings.TrimSuffix(z.Zone, ".")+".hcl"] = []byte(b.String())
	}
	lock, err := os.ReadFile(filepath.Join(realworld, "lock.json"))
	if err != nil {
		t.Fatal(err)
	}
	files["tripod.lock.json"] = lock
	return files
}

// quoteHCL writes a string as HCL reads it.
func quoteHCL(s string) string {
	s = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\r", `\r`, "\t", `\t`, "${", "$${", "%{", "%%{").Replace(s)
	return `"` + s + `"`
}

// TestRealZones lints zones that real organisations published. Each finding was gone through by hand: findings.txt holds them all, so
// that a change of a rule shows what it does to real zones.
func TestRealZones(t *testing.T) {
	res, err := rulecase.Run(t.Context(), realZones(t), "", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, f := range res.Findings {
		count[f.Rule+" "+f.Severity.String()]++
	}
	var b strings.Builder
	b.WriteString("# Findings by rule\n")
	for _, k := range sortedKeys(count) {
		fmt.Fprintf(&b, "%4d %s\n", count[k], k)
	}
	fmt.Fprintf(&b, "\n# %d not checked\n", len(res.Lint.NotChecked))
	for _, n := range res.Lint.NotChecked {
		fmt.Fprintf(&b, "%s: %s (%s)\n", n.Domain, n.Reason, strings.Join(n.Rules, ", "))
	}
	b.WriteString("\n# Findings\n")
	b.WriteString(res.Text())
	path := filepath.Join(realworld, "findings.txt")
	if *update {
		if err := os.WriteFile(path, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), b.String()); diff != "" {
		t.Errorf("findings on real zones differ (-want +got):\n%s", diff)
	}
}

func sortedKeys(m map[string]int) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
