package rules_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/rulecase"
	"github.com/tripod-dns/tripod/internal/zone"
	"github.com/tripod-dns/tripod/rules"
)

// structural are the rules whose findings come from more than the records: from a date in a block, a declared sender, the key
// ledger, an assertion.
var structural = map[string]string{
	"dns-ttl":           "needs a record set from two blocks",
	"dns-cname":         "needs a record set from two blocks",
	"expect-failed":     "asserts what an expect block says",
	"dmarc-alignment":   "needs declared senders",
	"dkim-private-key":  "looks at the definitions' text",
	"mtasts-mx":         "needs a policy, which is no record",
	"mtasts-mode":       "needs a policy, which is no record",
	"mtasts-max-age":    "needs a policy, which is no record",
	"spf-flatten-stale": "needs a flatten list",
}

// TestRawIsTheSame holds every rule to look at records and not at blocks: the same records written as raw record blocks give the
// same findings.
func TestRawIsTheSame(t *testing.T) {
	for _, rule := range rules.All() {
		if structural[rule.ID] != "" {
			continue
		}
		file, err := rulecase.Read(filepath.Join("testdata", rule.ID+".txtar"))
		if err != nil {
			t.Errorf("%s: %v", rule.ID, err)
			continue
		}
		for _, c := range file.Cases {
			if !c.Bad() {
				continue
			}
			t.Run(rule.ID+"/"+c.Name, func(t *testing.T) {
				t.Parallel()
				res, err := rulecase.Run(t.Context(), c.Files, rule.ID, t.TempDir())
				if err != nil {
					t.Fatal(err)
				}
				raw, ok := rawFiles(t, c)
				if !ok {
					t.Skip("the case needs more than records")
				}
				again, err := rulecase.Run(t.Context(), raw, rule.ID, t.TempDir())
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(spoken(res), spoken(again)); diff != "" {
					t.Errorf("raw records give other findings (-structured +raw):\n%s\nraw:\n%s", diff, rawText(raw))
				}
			})
		}
	}
}

// spoken are the findings without their places, a profile's single finding once for each domain that it hits.
func spoken(r *rulecase.Result) []string {
	var out []string
	for _, f := range r.Findings {
		out = append(out, fmt.Sprintf("%s: %s: %s", f.Severity, f.Name, f.Message))
		for range f.Also {
			out = append(out, "and another domain")
		}
	}
	slices.Sort(out)
	return out
}

func rawText(files map[string][]byte) string {
	var b strings.Builder
	for name, src := range files {
		if strings.HasSuffix(name, ".hcl") {
			fmt.Fprintf(&b, "-- %s --\n%s", name, src)
		}
	}
	return b.String()
}

// rawFiles writes a case's records as record blocks.
func rawFiles(t *testing.T, c *rulecase.Case) (map[string][]byte, bool) {
	t.Helper()
	all := map[string][]byte{config.SettingsFile: []byte("tripod {\n  files = [\"domains/*.hcl\"]\n}\n")}
	out := map[string][]byte{}
	for name, src := range c.Files {
		all[name] = src
		if !strings.HasPrefix(name, "domains/") && !strings.HasPrefix(name, "keys/") {
			out[name] = src
		}
	}
	repo, ds, err := config.Load(t.Context(), config.Map(all))
	if err != nil || len(ds) > 0 {
		t.Fatal(err, ds)
	}
	for i, d := range repo.Domains {
		var b strings.Builder
		fmt.Fprintf(&b, "domain %q {\n", d.Name)
		if d.Tag != "" {
			fmt.Fprintf(&b, "tag = %q\n", d.Tag)
		}
		if len(d.IgnoreRecords) > 0 || len(d.Expects) > 0 || len(d.Flatten) > 0 {
			return nil, false
		}
		for _, set := range sets(d.Records) {
			r := set[0]
			if !r.Until.IsZero() || r.KeyState != "" {
				return nil, false
			}
			fmt.Fprintf(&b, "record %q %s {\n", r.TypeName(), quoteHCL(r.Name.Relative(d.Name)))
			if r.HasTTL {
				fmt.Fprintf(&b, "ttl = %d\n", r.TTL)
			}
			b.WriteString("rdata = [")
			for _, r := range set {
				fmt.Fprintf(&b, "%s,", quoteHCL(r.RData()))
			}
			b.WriteString("]\n}\n")
		}
		b.WriteString("}\n")
		out[fmt.Sprintf("domains/%04d.hcl", i)] = []byte(b.String())
	}
	return out, true
}

// sets groups records that stand in one block.
func sets(records []*zone.Record) [][]*zone.Record {
	type key struct {
		name  zone.Name
		rtype uint16
	}
	byKey := map[key]int{}
	var out [][]*zone.Record
	for _, r := range records {
		k := key{r.Name, r.Type}
		i, ok := byKey[k]
		if !ok {
			byKey[k] = len(out)
			out = append(out, []*zone.Record{r})
			continue
		}
		out[i] = append(out[i], r)
	}
	return out
}
