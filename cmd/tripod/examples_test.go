package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// examples is the folder of the examples.
const examples = "../../examples"

// copyExample copies an example to where it can be written to.
func copyExample(t testing.TB, name string) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), name)
	if err := os.CopyFS(dir, os.DirFS(filepath.Join(examples, name))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// linted is what lint --format json says, as far as the examples speak of it.
type linted struct {
	Findings []struct {
		Rule, Severity, Name, File, Message, Help string
		Line, Column                              int
		EndLine                                   int `json:"end_line"`
		EndColumn                                 int `json:"end_column"`
	}
	NotChecked []any `json:"not_checked"`
	Summary    struct{ Domains, Records, Error, Warning, Info, Suppressed int }
}

func lintExample(t *testing.T, dir string, code int) linted {
	t.Helper()
	r := tripod(t, dir, nil, "lint", "--offline", "--format", "json").want(t, code)
	var l linted
	if err := json.Unmarshal([]byte(r.stdout), &l); err != nil {
		t.Fatal(err)
	}
	if len(l.NotChecked) > 0 {
		t.Errorf("not checked: %v", l.NotChecked)
	}
	return l
}

// Examples 1 to 6 are how it should be done: NOTES.md lists the only infos that they have.
func TestExamplesLintClean(t *testing.T) {
	infos := map[string][]string{"3-three-brands": {"dmarc-none _dmarc.gamma.example"}}
	suppressed := map[string]int{"1-small-business": 1, "4-postfix-rotation": 1}
	for _, name := range exampleNames(t) {
		if strings.HasPrefix(name, "7-") {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := copyExample(t, name)
			l := lintExample(t, dir, exitOK)
			var got []string
			for _, f := range l.Findings {
				if f.Severity != "info" {
					t.Errorf("%s: %s at %s:%d:%d: %s", f.Severity, f.Rule, f.File, f.Line, f.Column, f.Message)
				}
				got = append(got, f.Rule+" "+f.Name)
			}
			if diff := cmp.Diff(infos[name], got); diff != "" {
				t.Errorf("infos (-want +got):\n%s", diff)
			}
			if l.Summary.Suppressed != suppressed[name] {
				t.Errorf("%d suppressed, want %d", l.Summary.Suppressed, suppressed[name])
			}

			// A plan of it can be made, and what is committed is what it renders to.
			tripod(t, dir, nil, "plan", "--offline", "--against", "empty").want(t, exitOK)
			tripod(t, dir, nil, "render", "--check").want(t, exitOK)
			r := tripod(t, dir, nil, "render").want(t, exitOK)
			if r.stdout != "Nothing to write: the rendered files are up to date.\n" {
				t.Errorf("render: %s", r.stdout)
			}
			if err := os.RemoveAll(filepath.Join(dir, "dnscontrol")); err != nil {
				t.Fatal(err)
			}
			tripod(t, dir, nil, "render").want(t, exitOK)
			sameTree(t, filepath.Join(examples, name), dir)
		})
	}
}

// Example 7 was just imported: EXPECTED.md says what lint has to find in it.
func TestExampleToMigrate(t *testing.T) {
	const name = "7-migrate-from-raw"
	expected, err := os.ReadFile(filepath.Join(examples, name, "EXPECTED.md"))
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for _, line := range strings.Split(string(expected), "\n") {
		cells := strings.Split(line, "|")
		if len(cells) < 10 || strings.HasPrefix(strings.TrimSpace(cells[1]), "rule") || strings.HasPrefix(cells[1], "---") {
			continue
		}
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		want = append(want, strings.Join(cells[1:9], " "))
	}
	if len(want) != 3 {
		t.Fatalf("the table of EXPECTED.md has %d rows", len(want))
	}
	dir := copyExample(t, name)
	l := lintExample(t, dir, exitFindings)
	var got []string
	for _, f := range l.Findings {
		got = append(got, fmt.Sprint(f.Rule, " ", f.Severity, " ", f.Name, " ", f.File, " ", f.Line, " ", f.Column, " ", f.EndLine, " ", f.EndColumn))
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
	summary := regexp.MustCompile("(?s)`summary`: (\\d+) domain, (\\d+) records, (\\d+) errors, (\\d+) warning, (\\d+) infos, (\\d+) suppressed").FindStringSubmatch(string(expected))
	s := l.Summary
	for i, n := range []int{s.Domains, s.Records, s.Error, s.Warning, s.Info, s.Suppressed} {
		if summary == nil || summary[i+1] != strconv.Itoa(n) {
			t.Errorf("summary %+v, want %v", s, summary)
			break
		}
	}
	// What they have to say.
	if len(l.Findings) == 3 {
		for i, words := range [][]string{
			{"ipv4", "permerror", "college.example", "ip4:203.0.113.10"},
			{"base64", "p=", "verifies", "255"},
			{"URI", "no report", "mailto:postmaster@college.example"},
		} {
			for _, w := range words {
				if !strings.Contains(l.Findings[i].Message+" "+l.Findings[i].Help, w) {
					t.Errorf("%s does not say %q: %s / %s", l.Findings[i].Rule, w, l.Findings[i].Message, l.Findings[i].Help)
				}
			}
		}
	}
}

// dnscontrol takes what every example renders to.
func TestExamplesPassDnscontrolCheck(t *testing.T) {
	dnscontrol := realDnscontrol(t)
	for _, name := range exampleNames(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := copyExample(t, name)
			if strings.HasPrefix(name, "7-") { // linting needs no dnscontrol block; rendering does
				f := filepath.Join(dir, "tripod.hcl")
				src, err := os.ReadFile(f) //nolint:gosec // a file of this test
				if err != nil {
					t.Fatal(err)
				}
				writeFile(t, f, string(src)+"\ndnscontrol { emit = \"zone\" }\n")
				tripod(t, dir, nil, "render").want(t, exitOK)
			}
			config := "dnsconfig.js"
			if _, err := os.Stat(filepath.Join(dir, config)); err != nil {
				config = "dnscontrol/tripod.js" // tripod owns the zones
			}
			out, err := program(t, dir, dnscontrol, "check", "--config", config)
			if err != nil || !strings.Contains(out, "No errors.") {
				t.Errorf("dnscontrol check: %v\n%s", err, out)
			}
		})
	}
}

func exampleNames(t *testing.T) []string {
	t.Helper()
	entries, err := os.ReadDir(examples)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() {
			names = append(names, e.Name())
		}
	}
	if len(names) != 7 {
		t.Fatalf("%d examples: %v", len(names), names)
	}
	return names
}

// sameTree asserts that two folders hold the same files.
func sameTree(t *testing.T, want, got string) {
	t.Helper()
	w, g := filesOf(t, want), filesOf(t, got)
	var names []string
	for n := range w {
		names = append(names, n)
	}
	for n := range g {
		if _, ok := w[n]; !ok {
			names = append(names, n)
		}
	}
	slices.Sort(names)
	for _, n := range names {
		if w[n] != g[n] {
			t.Errorf("%s differs:\n%s", n, cmp.Diff(w[n], g[n]))
		}
	}
}
