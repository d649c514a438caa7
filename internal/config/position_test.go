package config

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// load loads one file of definitions, which must be good.
func load(t *testing.T, definitions string) *Repository {
	t.Helper()
	return loadFiles(t, map[string]string{SettingsFile: defaultSettings, "domains/a.hcl": definitions})
}

func loadFiles(t *testing.T, files map[string]string) *Repository {
	t.Helper()
	m := make(map[string][]byte)
	for name, text := range files {
		m[name] = []byte(text)
	}
	r, diags, err := Load(context.Background(), Map(m))
	if err != nil {
		t.Fatal(err)
	}
	if len(diags) > 0 {
		t.Fatal(diags)
	}
	return r
}

// find is the place of the n-th occurrence (from 0) of a text in the records' texts at a name.
func find(t *testing.T, r *Repository, name zone.Name, text string) zone.Span {
	t.Helper()
	for _, d := range r.Domains {
		for _, rec := range d.Records {
			if rec.Type == dns.TypeTXT && rec.Name == name {
				if i := strings.Index(rec.Text.String(), text); i >= 0 {
					return rec.Text.Span(i, i+len(text))
				}
			}
		}
	}
	t.Fatalf("no text %q at %s", text, name)
	return zone.Span{}
}

// A term is found where it stands, in code points, whatever stands before it on the line.
func TestTextPositions(t *testing.T) {
	tests := []struct {
		name, definitions string
		owner             zone.Name
		text              string // in the record
		want              Position
		source            string // under the span; text where empty
	}{
		{
			name: "raw", owner: "a.example", text: "ipv4:192.0.2.1",
			definitions: "domain \"a.example\" {\n  spf {\n    raw = \"v=spf1 mx ipv4:192.0.2.1 -all\"\n  }\n}\n",
			want:        Position{"domains/a.hcl", 3, 22, 3, 36},
		},
		{
			name: "structured", owner: "a.example", text: "ipv4:192.0.2.1",
			definitions: "domain \"a.example\" {\n  spf {\n    terms = [\"mx\", \"ipv4:192.0.2.1\"]\n  }\n}\n",
			want:        Position{"domains/a.hcl", 3, 21, 3, 35},
		},
		{
			name: "CRLF", owner: "a.example", text: "ipv4:192.0.2.1",
			definitions: "domain \"a.example\" {\r\n  spf {\r\n    raw = \"v=spf1 mx ipv4:192.0.2.1 -all\"\r\n  }\r\n}\r\n",
			want:        Position{"domains/a.hcl", 3, 22, 3, 36},
		},
		{
			name: "é and e with a combining accent before it", owner: "a.example", text: "ipv4:192.0.2.1",
			definitions: "domain \"a.example\" {\n  spf {\n    raw = \"v=spf1 \u00e9 e\u0301 ipv4:192.0.2.1 -all\"\n  }\n}\n",
			want:        Position{"domains/a.hcl", 3, 24, 3, 38},
		},
		{
			name: "é and e with a combining accent before it, in a list, with CRLF", owner: "a.example", text: "ipv4:192.0.2.1",
			definitions: "domain \"a.example\" {\r\n  spf {\r\n    terms = [\"\u00e9e\u0301\", \"ipv4:192.0.2.1\"]\r\n  }\r\n}\r\n",
			want:        Position{"domains/a.hcl", 3, 22, 3, 36},
		},
		{
			name: "a comment with accents before it", owner: "a.example", text: "ipv4:192.0.2.1",
			definitions: "domain \"a.example\" {\n  spf {\n    /* \u00e9e\u0301 */ raw = \"v=spf1 ipv4:192.0.2.1\"\n  }\n}\n",
			want:        Position{"domains/a.hcl", 3, 29, 3, 43},
		},
		{
			name: "behind escapes", owner: "a.example", text: "ipv4:192.0.2.1",
			definitions: "domain \"a.example\" {\n  spf {\n    raw = \"v=spf1 \\\"\\\\\\u00e9%%{i}$${x} ipv4:192.0.2.1 -all\"\n  }\n}\n",
			want:        Position{"domains/a.hcl", 3, 40, 3, 54},
		},
		{
			name: "an escape is one place", owner: "a.example", text: "é", source: `\u00e9`,
			definitions: "domain \"a.example\" {\n  spf {\n    raw = \"v=spf1 \\u00e9 -all\"\n  }\n}\n",
			want:        Position{"domains/a.hcl", 3, 19, 3, 25},
		},
		{
			name: "a macro", owner: "a.example", text: "%{ir}", source: "%%{ir}",
			definitions: "domain \"a.example\" {\n  spf {\n    terms = [\"exists:%%{ir}.x\"]\n  }\n}\n",
			want:        Position{"domains/a.hcl", 3, 22, 3, 28},
		},
		{
			name: "the name put in for ${domain}", owner: "a.example", text: "a.example", source: "${domain}",
			definitions: "domain \"a.example\" {\n  spf {\n    terms = [\"a:${domain}\"]\n  }\n}\n",
			want:        Position{"domains/a.hcl", 3, 17, 3, 26},
		},
		{
			name: "behind ${domain}", owner: "a.example", text: "-all",
			definitions: "domain \"a.example\" {\n  spf {\n    raw = \"v=spf1 a:${domain} -all\"\n  }\n}\n",
			want:        Position{"domains/a.hcl", 3, 31, 3, 35},
		},
		{
			name: "a byte order mark", owner: "a.example", text: "mx",
			definitions: "\ufeffdomain \"a.example\" {\n  spf {\n    terms = [\"mx\"]\n  }\n}\n",
			want:        Position{"domains/a.hcl", 3, 15, 3, 17},
		},
		{
			name: "the value of a tag", owner: "_dmarc.a.example", text: "rejct",
			definitions: "domain \"a.example\" {\n  dmarc {\n    p = \"rejct\"\n  }\n}\n",
			want:        Position{"domains/a.hcl", 3, 10, 3, 15},
		},
		{
			name: "the name of a tag", owner: "_dmarc.a.example", text: "rua",
			definitions: "domain \"a.example\" {\n  dmarc {\n    p   = \"none\"\n    rua = [\"mailto:x@a.example\", \"foo\"]\n  }\n}\n",
			want:        Position{"domains/a.hcl", 4, 5, 4, 8},
		},
		{
			name: "an element of a list", owner: "_dmarc.a.example", text: "foo",
			definitions: "domain \"a.example\" {\n  dmarc {\n    p   = \"none\"\n    rua = [\n      \"mailto:x@a.example\",\n      \"foo\",\n    ]\n  }\n}\n",
			want:        Position{"domains/a.hcl", 6, 8, 6, 11},
		},
		{
			name: "all", owner: "a.example", text: "?all", source: "neutral",
			definitions: "domain \"a.example\" {\n  spf {\n    all = \"neutral\"\n  }\n}\n",
			want:        Position{"domains/a.hcl", 3, 12, 3, 19},
		},
		{
			name: "words that a block implies", owner: "a.example", text: "v=spf1", source: "spf",
			definitions: "domain \"a.example\" {\n  spf {\n    all = \"neutral\"\n  }\n}\n",
			want:        Position{"domains/a.hcl", 2, 3, 2, 6},
		},
		{
			name: "the target of redirect", owner: "a.example", text: "b.example",
			definitions: "domain \"a.example\" {\n  spf {\n    redirect = \"b.example\"\n  }\n}\n",
			want:        Position{"domains/a.hcl", 3, 17, 3, 26},
		},
		{
			name: "a key", owner: "s._domainkey.a.example", text: "AAAA",
			definitions: "domain \"a.example\" {\n  dkim \"s\" {\n    p = \"AAAA\"\n  }\n}\n",
			want:        Position{"domains/a.hcl", 3, 10, 3, 14},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r := load(t, tt.definitions)
			span := find(t, r, tt.owner, tt.text)
			if got := r.Files.Position(span); got != tt.want {
				t.Errorf("position %+v, want %+v", got, tt.want)
			}
			source := tt.source
			if source == "" {
				source = tt.text
			}
			if got := r.Files.Text(span); got != source {
				t.Errorf("source %q, want %q", got, source)
			}
		})
	}
}

// What is published is what was written: hcl's own value would be normalised.
func TestNotNormalised(t *testing.T) {
	r := load(t, "domain \"a.example\" {\n  record \"TXT\" \"@\" {\n    rdata = [\"e\u0301\"]\n  }\n}\n")
	if got := r.Domains[0].Records[0].Text.String(); got != "e\u0301" {
		t.Errorf("text %q", got)
	}
}

// On the first line of a file with a byte order mark, columns do not count it.
func TestByteOrderMark(t *testing.T) {
	r := load(t, "\ufeffdomain \"a.example\" {\n}\n")
	want := Position{"domains/a.hcl", 1, 9, 1, 18}
	if got := r.Files.Position(r.Domains[0].At); got != want {
		t.Errorf("position %+v, want %+v", got, want)
	}
	if got := r.Files.Line(r.Domains[0].At.File, 1); got != `domain "a.example" {` {
		t.Errorf("line %q", got)
	}
}

func TestFiles(t *testing.T) {
	r := load(t, "domain \"a.example\" {\r\n}")
	id := r.Files.Lookup("domains/a.hcl")
	if id == 0 || r.Files.Path(id) != "domains/a.hcl" {
		t.Fatalf("id %d, path %q", id, r.Files.Path(id))
	}
	if got := r.Files.Line(id, 2); got != "}" {
		t.Errorf("line 2: %q", got)
	}
	for _, n := range []int{0, 3, -1} {
		if got := r.Files.Line(id, n); got != "" {
			t.Errorf("line %d: %q", n, got)
		}
	}
	if got := r.Files.Position(zone.Span{}); got != (Position{}) {
		t.Errorf("position of no place: %+v", got)
	}
	if got := r.Files.Position(zone.Span{File: id, Start: 1000, End: 2000}); got != (Position{"domains/a.hcl", 2, 2, 2, 2}) {
		t.Errorf("position behind the end: %+v", got)
	}
	if r.Files.Text(zone.Span{File: 99, End: 1}) != "" || r.Files.Content(99) != nil || r.Files.Path(99) != "" || r.Files.Lookup("x") != 0 {
		t.Error("a file that is not there")
	}
	if r.Files.Len() != 2 {
		t.Errorf("%d files", r.Files.Len())
	}
}

// The bytes of a file that is loaded without a fault are not kept: a place in it is looked up in the file as it is then, if it is the
// same still.
func TestPlacesOfFilesThatWereGivenUp(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.hcl")
	text := []byte("domain \"a.example\" {\n  record \"TXT\" \"@\" { rdata = [\"é x\"] }\n}\n")
	for name, b := range map[string][]byte{
		path: text, filepath.Join(dir, SettingsFile): []byte(`tripod { files = ["*.hcl"] }` + "\n"),
	} {
		if err := os.WriteFile(name, b, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	r := loadDir(t, dir)
	again := loadDir(t, dir)
	at := find(t, r, "a.example", "x")
	if got, want := r.Files.Position(at), (Position{"a.hcl", 2, 34, 2, 35}); got != want || r.Files.Text(at) != "x" {
		t.Errorf("%+v %q, want %+v", got, r.Files.Text(at), want)
	}
	if got := r.Files.Line(at.File, 2); got != `  record "TXT" "@" { rdata = ["é x"] }` {
		t.Errorf("line %q", got)
	}
	if err := os.WriteFile(path, []byte(strings.Replace(string(text), "x", "y", 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	if got, want := again.Files.Position(at), (Position{"a.hcl", 1, 1, 1, 1}); got != want || again.Files.Text(at) != "" {
		t.Errorf("of a file that was changed: %+v %q, want %+v", got, again.Files.Text(at), want)
	}
	if got := r.Files.Text(at); got != "x" {
		t.Errorf("what was read again is kept: %q", got)
	}
}
