package rules_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	conformanceTest = regexp.MustCompile("`([a-z]+)\\.(Test[A-Za-z0-9]+)(/[^`]+)?`")
	conformanceCase = regexp.MustCompile("`(rules|clean)/([a-z0-9-]+)(#[a-z0-9-]+)?`")
)

// TestConformancePage holds docs/conformance.md to tests that exist, and each row of its tables to one at least.
func TestConformancePage(t *testing.T) {
	page, err := os.ReadFile("../docs/conformance.md")
	if err != nil {
		t.Fatal(err)
	}
	sources := map[string][]byte{} // test code and data of a package, read once
	for n, line := range strings.Split(string(page), "\n") {
		tests, cases := conformanceTest.FindAllStringSubmatch(line, -1), conformanceCase.FindAllStringSubmatch(line, -1)
		row := strings.HasPrefix(line, "| ") && !strings.HasSuffix(line, "| shown by |")
		if row && len(tests)+len(cases) == 0 {
			t.Errorf("line %d names no test: %s", n+1, line)
		}
		if cells := strings.Split(strings.TrimSuffix(line, "|"), "|"); row {
			last := conformanceCase.ReplaceAllString(conformanceTest.ReplaceAllString(cells[len(cells)-1], ""), "")
			if strings.TrimSpace(last) != "" {
				t.Errorf("line %d: %q is no test", n+1, strings.TrimSpace(last))
			}
		}
		for _, m := range tests {
			if sources[m[1]] == nil {
				sources[m[1]] = testSources(t, filepath.Join("..", "internal", m[1]))
			}
			if !bytes.Contains(sources[m[1]], fmt.Appendf(nil, "\nfunc %s(t *testing.T) {", m[2])) {
				t.Errorf("line %d: internal/%s has no %s", n+1, m[1], m[2])
			}
			if name := strings.ReplaceAll(strings.TrimPrefix(m[3], "/"), "_", " "); !bytes.Contains(sources[m[1]], []byte(name)) {
				t.Errorf("line %d: nothing in internal/%s is called %q", n+1, m[1], name)
			}
		}
		for _, m := range cases {
			path := filepath.Join("testdata", m[2]+".txtar")
			if m[1] == "clean" {
				path = filepath.Join(cleanZones, m[2]+".txtar")
			}
			data, err := os.ReadFile(path)
			if err != nil {
				t.Errorf("line %d: %v", n+1, err)
				continue
			}
			if name := strings.TrimPrefix(m[3], "#"); name != "" && !bytes.Contains(data, []byte("\n-- "+name+"/")) {
				t.Errorf("line %d: %s has no case %s", n+1, path, name)
			}
		}
	}
}

// testSources are the tests of a package and their data, one after the other.
func testSources(t *testing.T, dir string) []byte {
	t.Helper()
	var out []byte
	for _, pattern := range []string{"*_test.go", "testdata/*.yml"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range paths {
			data, err := os.ReadFile(p)
			if err != nil {
				t.Fatal(err)
			}
			out = append(out, data...)
		}
	}
	if len(out) == 0 {
		t.Fatalf("%s has no tests", dir)
	}
	return out
}
