package rules_test

import (
	"cmp"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tripod-dns/tripod/internal/rulecase"
	"github.com/tripod-dns/tripod/rules"
)

// TestDMARCFixes applies what the DMARC rules offer: the finding is gone then, and nothing got worse.
func TestDMARCFixes(t *testing.T) {
	fixes := 0
	for _, rule := range rules.All() {
		if !strings.HasPrefix(rule.ID, "dmarc-") {
			continue
		}
		file, err := rulecase.Read(filepath.Join("testdata", rule.ID+".txtar"))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range file.Cases {
			if !c.Bad() {
				continue
			}
			before, err := rulecase.Run(t.Context(), c.Files, rule.ID, t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			for _, f := range before.Findings {
				if f.Fix == nil {
					continue
				}
				fixes++
				files := maps.Clone(c.Files)
				edits := slices.Clone(f.Fix.Edits)
				slices.SortFunc(edits, func(a, b rules.Edit) int { return cmp.Compare(b.At.Start, a.At.Start) })
				for _, e := range edits {
					name := before.Files.Path(e.At.File)
					src := string(files[name])
					files[name] = []byte(src[:e.At.Start] + e.New + src[e.At.End:])
				}
				after, err := rulecase.Run(t.Context(), files, rule.ID, t.TempDir())
				if err != nil {
					t.Errorf("%s/%s: %q: %v", rule.ID, c.Name, f.Fix.Message, err)
					continue
				}
				if len(after.Findings) != len(before.Findings)-1 {
					t.Errorf("%s/%s: %q leaves\n%s", rule.ID, c.Name, f.Fix.Message, after.Text())
				}
			}
		}
	}
	if fixes < 10 {
		t.Errorf("only %d fixes", fixes)
	}
}

var (
	dmarcBlock = regexp.MustCompile(`(?m)^( *)dmarc \{\n((?: +(?:p|sp|np|adkim|aspf|fo|psd|t|rua|ruf) += .*\n)+) *\}`)
	dmarcAttr  = regexp.MustCompile(`(?m)^ +(\w+) += (.*)$`)
)

// asRaw writes the dmarc blocks of a file as the one text that they stand for.
func asRaw(src string) string {
	return dmarcBlock.ReplaceAllStringFunc(src, func(block string) string {
		m := dmarcBlock.FindStringSubmatch(block)
		value := map[string]string{}
		for _, a := range dmarcAttr.FindAllStringSubmatch(m[2], -1) {
			value[a[1]] = strings.NewReplacer(`"`, "", "[", "", "]", "", ", ", ",").Replace(a[2])
		}
		text := "v=DMARC1"
		for _, tag := range []string{"p", "sp", "np", "adkim", "aspf", "fo", "psd", "t", "rua", "ruf"} {
			if v, ok := value[tag]; ok {
				text += "; " + tag + "=" + v
			}
		}
		return fmt.Sprintf("%sdmarc {\n%s  raw = %q\n%s}", m[1], m[1], text, m[1])
	})
}

// TestDMARCSpellings: a raw text and the block that yields the same record give the same findings, at the same words.
func TestDMARCSpellings(t *testing.T) {
	blocks := 0
	for _, rule := range rules.All() {
		if !strings.HasPrefix(rule.ID, "dmarc-") {
			continue
		}
		file, err := rulecase.Read(filepath.Join("testdata", rule.ID+".txtar"))
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range file.Cases {
			raw := maps.Clone(c.Files)
			changed := false
			for name, src := range raw {
				if out := asRaw(string(src)); out != string(src) {
					raw[name], changed = []byte(out), true
				}
			}
			if !changed {
				continue
			}
			blocks++
			if diff := gocmp.Diff(said(t, rule, c.Files), said(t, rule, raw)); diff != "" {
				t.Errorf("%s/%s: -block +raw:\n%s", rule.ID, c.Name, diff)
			}
		}
	}
	if blocks < 30 {
		t.Errorf("only %d cases with a dmarc block", blocks)
	}
}

func said(t *testing.T, rule *rules.Rule, files map[string][]byte) []string {
	t.Helper()
	res, err := rulecase.Run(t.Context(), files, rule.ID, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range res.Findings {
		text := res.Files.Text(f.At)
		if text == "dmarc" || strings.HasPrefix(text, "v=DMARC1") {
			text = "the whole record"
		}
		out = append(out, fmt.Sprintf("%s: %s: %s | %s", f.Severity, f.Name, f.Message, text))
	}
	return out
}
