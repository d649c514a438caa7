package report

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/rules"
)

// validate holds a document against a schema of testdata/schema.
func validate(t *testing.T, schema string, doc []byte) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", "schema", schema))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // only read from
	def, err := jsonschema.UnmarshalJSON(f)
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource(schema, def); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(schema)
	if err != nil {
		t.Fatal(err)
	}
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Validate(v); err != nil {
		t.Errorf("%s: %v", schema, err)
	}
}

// Every format is valid by its schema: of a story, of nothing, of a thousand findings, of hostile texts.
func TestSchemas(t *testing.T) {
	type input struct {
		files *config.Files
		r     *engine.LintResult
	}
	inputs := map[string]input{"nothing": {load(t, nil), &engine.LintResult{}}}
	files, r := story(t)
	inputs["story"] = input{files, r}
	files, r = thousand(t)
	inputs["thousand"] = input{files, r}
	files, r, _, _ = hostile(t, strings.Join(evil, " "))
	inputs["hostile"] = input{files, r}
	for name, in := range inputs {
		for format, schema := range map[string]string{"sarif": "sarif-schema-2.1.0.json", "gitlab": "gitlab.json", "rdjson": "rdjson.json"} {
			var b bytes.Buffer
			if err := formats(in.files, in.r, nil, nil)[format](&b); err != nil {
				t.Fatal(err)
			}
			validate(t, schema, b.Bytes())
			if format == "sarif" {
				log, err := sarif.FromBytes(b.Bytes(), sarif.WithStrictValidation())
				if err != nil {
					t.Fatal(err)
				}
				if err := log.Validate(); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}
			if name == "story" {
				golden(t, map[string]string{"sarif": "lint.sarif", "gitlab": "lint.gitlab.json", "rdjson": "lint.rdjson"}[format], b.Bytes())
			}
		}
	}
}

func TestGitHub(t *testing.T) {
	_, r := story(t)
	var b bytes.Buffer
	if err := LintGitHub(&b, r, ""); err != nil {
		t.Fatal(err)
	}
	golden(t, "lint.github.txt", b.Bytes())
}

// GitHub shows ten annotations of each severity: those of the worst findings come first, and the rest is counted.
func TestGitHubCap(t *testing.T) {
	_, r := thousand(t)
	var b bytes.Buffer
	if err := LintGitHub(&b, r, "dns/mail"); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 32 {
		t.Fatalf("%d lines", len(lines))
	}
	for i, line := range lines[:30] {
		want := []string{"::error file=dns/mail/domains/many.hcl,line=", "::warning file=", "::notice file="}[i/10]
		if !strings.HasPrefix(line, want) {
			t.Errorf("line %d: %s", i+1, line)
		}
	}
	if want := "324 more errors, 323 more warnings, 323 more infos: GitHub shows 10 annotations of each kind for a step, tripod lint shows all"; lines[30] != want {
		t.Errorf("%s", lines[30])
	}
	if want := "3 domains, 41 records: 334 errors, 333 warnings, 333 infos"; lines[31] != want {
		t.Errorf("%s", lines[31])
	}
}

func TestGitHubEscapes(t *testing.T) {
	files := load(t, map[string]string{"a:b,c%d.hcl": "x\ny\n"})
	f := rules.Finding{Rule: "spf-syntax", Severity: rules.Error, Message: "50% of a: b, c", Help: "one\n  two"}
	f.At.File, f.At.End = files.Lookup("a:b,c%d.hcl"), 3 // two lines: no columns
	var b bytes.Buffer
	if err := LintGitHub(&b, result(files, f), ""); err != nil {
		t.Fatal(err)
	}
	want := "::error file=a%3Ab%2Cc%25d.hcl,line=1,endLine=2,title=spf-syntax::50%25 of a: b, c%0AHelp: one%0A  two\n"
	if got, _, _ := strings.Cut(b.String(), "3 domains"); got != want {
		t.Errorf("%q, not %q", got, want)
	}
}

// Columns are what each format counts: code points in SARIF, octets in rdjson; ends are exclusive.
func TestColumns(t *testing.T) {
	files, r := story(t)
	var sarifOut, rd bytes.Buffer
	if err := LintSARIF(&sarifOut, files, r, "", ""); err != nil {
		t.Fatal(err)
	}
	if err := LintRDJSON(&rd, files, r, ""); err != nil {
		t.Fatal(err)
	}
	log, err := sarif.FromBytes(sarifOut.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Diagnostics []struct {
			Location    rdLocation
			Suggestions []rdSuggestion
		}
	}
	if err := json.Unmarshal(rd.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if *log.Runs[0].ColumnKind != "unicodeCodePoints" {
		t.Errorf("columnKind %s", *log.Runs[0].ColumnKind)
	}
	for i, f := range r.Findings {
		words := files.Text(f.At)
		if f.At.IsZero() || strings.Contains(words, "\n") {
			continue
		}
		line := files.Line(f.At.File, f.Pos.Line)
		region := log.Runs[0].Results[i].Locations[0].PhysicalLocation.Region
		if got := string([]rune(line)[*region.StartColumn-1 : *region.EndColumn-1]); got != words || *region.StartLine != f.Pos.Line {
			t.Errorf("%s: SARIF points at %q, not at %q", f.Rule, got, words)
		}
		at := doc.Diagnostics[i].Location.Range
		if got := line[at.Start.Column-1 : at.End.Column-1]; got != words || at.Start.Line != f.Pos.Line {
			t.Errorf("%s: rdjson points at %q, not at %q", f.Rule, got, words)
		}
	}
}

// A fix is offered as the bytes that lint --fix would write, escaped for the place that it is put in.
func TestFixes(t *testing.T) {
	const source = "domain \"a.example\" {\n  dmarc { raw = \"é v=DMARC1; p=x; rua=one,two\" }\n}\n"
	files := load(t, map[string]string{"a.hcl": source})
	one, two := spanOf(t, files, "a.hcl", "rua=", "one"), spanOf(t, files, "a.hcl", "one,", "two")
	f := rules.Finding{
		Rule: "dmarc-uri", Severity: rules.Warning, Message: "m", At: one,
		Fix: &rules.Fix{Message: "write both", Edits: []rules.Edit{{At: two, New: "2 \"quoted\""}, {At: one, New: "1"}}},
	}
	var b bytes.Buffer
	if err := LintRDJSON(&b, files, result(files, f), ""); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Diagnostics []struct{ Suggestions []rdSuggestion }
	}
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Diagnostics[0].Suggestions) != 1 {
		t.Fatalf("%s", b.String())
	}
	s := doc.Diagnostics[0].Suggestions[0]
	line := strings.Split(source, "\n")[s.Range.Start.Line-1]
	got := line[:s.Range.Start.Column-1] + s.Text + line[s.Range.End.Column-1:]
	if want := `  dmarc { raw = "é v=DMARC1; p=x; rua=1,2 \"quoted\"" }`; got != want {
		t.Errorf("rdjson gives\n%s, not\n%s", got, want)
	}

	b.Reset()
	if err := LintSARIF(&b, files, result(files, f), "", ""); err != nil {
		t.Fatal(err)
	}
	log, err := sarif.FromBytes(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	fix := log.Runs[0].Results[0].Fixes[0]
	if *fix.Description.Text != "write both" || len(fix.ArtifactChanges) != 1 {
		t.Fatalf("%s", b.String())
	}
	text := []rune(line)
	for _, rep := range slices.Backward(fix.ArtifactChanges[0].Replacements) {
		text = slices.Concat(text[:*rep.DeletedRegion.StartColumn-1], []rune(*rep.InsertedContent.Text), text[*rep.DeletedRegion.EndColumn-1:])
	}
	if string(text) != got {
		t.Errorf("SARIF gives\n%s, not\n%s", string(text), got)
	}

	// An edit that would break the file is not offered.
	f.Fix.Edits = []rules.Edit{{At: spanOf(t, files, "a.hcl", "p=x; rua=one,two", "\""), New: "x"}}
	for name, write := range map[string]func() error{
		"sarif":  func() error { return LintSARIF(&b, files, result(files, f), "", "") },
		"rdjson": func() error { return LintRDJSON(&b, files, result(files, f), "") },
	} {
		b.Reset()
		if err := write(); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), "replacements") || strings.Contains(b.String(), "suggestions") {
			t.Errorf("%s offers a fix that breaks the file: %s", name, b.String())
		}
	}
}

// Fixes of many findings in one file are tried together: one that does not go with the others costs only itself.
func TestManyFixes(t *testing.T) {
	files, r := thousand(t)
	for i := range r.Findings {
		f := &r.Findings[i]
		f.Fix = &rules.Fix{Message: "m", Edits: []rules.Edit{{At: f.At, New: "reject"}}}
	}
	r.Findings[500].Fix.Edits[0].At.Start -= 500 // over the border of a string, and over the one before
	var b bytes.Buffer
	if err := LintRDJSON(&b, files, r, ""); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(b.String(), `"text": "reject"`); n != 999 {
		t.Errorf("%d fixes", n)
	}
}

// Fingerprints stay when lines are added above, and differ between findings.
func TestFingerprints(t *testing.T) {
	prints := func(source string) []string {
		files := load(t, map[string]string{"a.hcl": source})
		var found []rules.Finding
		for _, c := range []struct{ rule, word string }{{"dmarc-value", "rejct"}, {"dmarc-uri", "postmaster"}, {"dmarc-syntax", "rejct"}} {
			found = append(found, rules.Finding{Rule: c.rule, Name: "_dmarc.a.example", At: spanOf(t, files, "a.hcl", "", c.word), Term: c.word, Severity: rules.Error, Message: "m"})
		}
		twice := found[0]
		other := found[0]
		other.Name = "_dmarc.b.example"
		noTerm := found[0]
		noTerm.Term = "" // then the source text counts
		r := result(files, append(found, twice, other, noTerm)...)
		var b bytes.Buffer
		if err := LintGitLab(&b, files, r, ""); err != nil {
			t.Fatal(err)
		}
		var issues []struct{ Fingerprint string }
		if err := json.Unmarshal(b.Bytes(), &issues); err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, i := range issues {
			out = append(out, i.Fingerprint)
		}
		b.Reset()
		if err := LintSARIF(&b, files, r, "", ""); err != nil {
			t.Fatal(err)
		}
		log, err := sarif.FromBytes(b.Bytes())
		if err != nil {
			t.Fatal(err)
		}
		for _, res := range log.Runs[0].Results {
			if res.PartialFingerprints["tripod/v1"] != res.PartialFingerprints["primaryLocationLineHash"] {
				t.Errorf("%v", res.PartialFingerprints)
			}
			out = append(out, res.PartialFingerprints["tripod/v1"])
		}
		return out
	}
	const source = "domain \"a.example\" {\n  dmarc { raw = \"v=DMARC1; p=rejct; rua=postmaster\" }\n}\n"
	a, b := prints(source), prints("# a line more\n\n"+strings.Replace(source, "v=DMARC1;", "v=DMARC1;  ", 1))
	if !slices.Equal(a, b) {
		t.Errorf("moved: %v, then %v", a, b)
	}
	for _, half := range [][]string{a[:6], a[6:]} {
		s := slices.Clone(half)
		slices.Sort(s)
		if len(slices.Compact(s)) != 6 {
			t.Errorf("not all different: %v", half)
		}
	}
}

// Text of others makes neither links nor placeholders in SARIF viewers.
func TestSARIFMessage(t *testing.T) {
	for in, want := range map[string]string{
		"plain [rule] text": "plain [rule] text",
		"[a](http://b)":     `\[a\](http://b)`,
		"%{i} and {0}":      "%{i} and {{0}}",
	} {
		if got := *sarifMessage(in).Text; got != want {
			t.Errorf("%q, not %q", got, want)
		}
	}
}

// Paths are URI references in SARIF, and stand under the directory of tripod.hcl.
func TestPaths(t *testing.T) {
	files := load(t, map[string]string{"a b/é:#%.hcl": "x\n"})
	f := rules.Finding{Rule: "x-rule", Severity: rules.Info, Message: "m"}
	f.At.File, f.At.End = files.Lookup("a b/é:#%.hcl"), 1
	r := result(files, f)
	for name, want := range map[string]string{
		"sarif": `"uri": "dns/a%20b/%C3%A9:%23%25.hcl"`, "gitlab": `"path": "dns/a b/é:#%.hcl"`, "rdjson": `"path": "dns/a b/é:#%.hcl"`, "github": "file=dns/a b/é%3A#%25.hcl,",
		"json": `"file": "a b/é:#%.hcl"`,
	} {
		var b bytes.Buffer
		if err := formats(files, r, nil, nil)[name](&b); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.String(), want) {
			t.Errorf("%s: no %s in\n%s", name, want, b.String())
		}
	}
}

// What is not UTF-8 in a value does not make invalid JSON.
func TestInvalidUTF8(t *testing.T) {
	files := load(t, nil)
	r := result(files, rules.Finding{Rule: "x-rule", Severity: rules.Info, Message: "\xff", Help: "\xfe", Name: "\xfd", Term: "\xfc"})
	for name, write := range formats(files, r, nil, nil) {
		var b bytes.Buffer
		if err := write(&b); err != nil {
			t.Fatal(err)
		}
		if !utf8.Valid(b.Bytes()) {
			t.Errorf("%s: %q", name, b.String())
		}
	}
}
