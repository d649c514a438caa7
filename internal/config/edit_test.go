package config

import (
	"strings"
	"testing"

	"github.com/tripod-dns/tripod/internal/zone"
)

const editable = "# a comment\r\ndomain \"a.example\" {\r\n  ttl = 300 # seconds\r\n\r\n  spf {\r\n    terms = [\r\n      \"mx\", # our own\r\n      \"ipv4:192.0.2.1\",\r\n    ]\r\n    all   = \"fail\"\r\n  }\r\n\r\n  tls_rpt { rua = [\"mailto:t@a.example\"] }\r\n  subdomain \"x\" {}\r\n}\r\n"

func spanOf(t *testing.T, r *Repository, text string) zone.Span {
	t.Helper()
	id := r.Files.Lookup("domains/a.hcl")
	i := strings.Index(string(r.Files.Content(id)), text)
	if i < 0 {
		t.Fatalf("no %q", text)
	}
	return zone.Span{File: id, Start: uint32(i), End: uint32(i + len(text))}
}

func TestSplice(t *testing.T) {
	r := load(t, editable)
	got, err := r.Files.Splice(r.Files.Lookup("domains/a.hcl"), []Edit{
		{spanOf(t, r, "fail"), Escape("softfail")},
		{spanOf(t, r, "ipv4:192.0.2.1"), Escape(`exists:%{i}.a.example`)},
	})
	want := strings.ReplaceAll(strings.ReplaceAll(editable, "ipv4:192.0.2.1", "exists:%%{i}.a.example"), "\"fail\"", "\"softfail\"")
	if err != nil || string(got) != want {
		t.Errorf("%v\n%s", err, got)
	}
}

func TestSpliceRefuses(t *testing.T) {
	r := load(t, editable)
	id := r.Files.Lookup("domains/a.hcl")
	for _, tt := range []struct {
		name  string
		edits []Edit
		want  string
	}{
		{"a quote", []Edit{{spanOf(t, r, "ipv4:192.0.2.1"), `"`}}, "edit domains/a.hcl: the result would be wrong: the string does not end on its line"},
		{"another attribute", []Edit{{spanOf(t, r, "300"), "300\n  tag = \"x\""}}, `edit domains/a.hcl: more would change than was meant in domain "a.example"`},
		{"an attribute's name", []Edit{{spanOf(t, r, "all "), "exp "}}, "edit domains/a.hcl: exp  "},
		{"an unknown attribute", []Edit{{spanOf(t, r, "all "), "allx"}}, "edit domains/a.hcl: the result would be wrong: spf has no attribute allx"},
		{"overlap", []Edit{{spanOf(t, r, "mx"), "a"}, {spanOf(t, r, "mx\", "), "a"}}, "edit domains/a.hcl: two edits overlap at byte 91"},
		{"outside", []Edit{{zone.Span{File: id, Start: 1, End: 100000}, "a"}}, "edit domains/a.hcl: bytes 1 to 100000 are not in the file"},
		{"another file", []Edit{{zone.Span{File: id + 1, Start: 1, End: 1}, "a"}}, "edit domains/a.hcl: bytes 1 to 1 are not in the file"},
		{"a comment put around", []Edit{{spanOf(t, r, "\r\n\r\n  spf {"), " /*"}}, "edit domains/a.hcl: the result would be wrong:"},
		{"a block", []Edit{{spanOf(t, r, "  subdomain \"x\" {}\r\n"), ""}}, `edit domains/a.hcl: more would change than was meant in domain "a.example"`},
	} {
		got, err := r.Files.Splice(id, tt.edits)
		if err == nil || got != nil {
			t.Errorf("%s: no error\n%s", tt.name, got)
		} else if tt.name != "an attribute's name" && !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %v", tt.name, err)
		}
	}
	if _, err := r.Files.Splice(99, nil); err == nil {
		t.Error("no error for a file that is not there")
	}
}

func TestSetAttribute(t *testing.T) {
	for _, tt := range []struct{ name, at, attr, value, old, new string }{
		{"in place", "tls_rpt", "rua", `["mailto:new@a.example"]`, `["mailto:t@a.example"]`, `["mailto:new@a.example"]`},
		{"a list", "spf", "terms", `["a"]`, "[\r\n      \"mx\", # our own\r\n      \"ipv4:192.0.2.1\",\r\n    ]", `["a"]`},
		{"a new line", "spf", "ttl", "60", "    all   = \"fail\"\r\n", "    all   = \"fail\"\r\n    ttl = 60\r\n"},
		{"behind a comment", "a.example", "tag", `"x"`, "# seconds\r\n", "# seconds\r\n  tag = \"x\"\r\n"},
		{"a block on one line", "tls_rpt", "ttl", "60", `{ rua = ["mailto:t@a.example"] }`, "{\r\n    rua = [\"mailto:t@a.example\"]\r\n    ttl = 60\r\n  }"},
		{"an empty block on one line", "x", "ttl", "60", `{}`, "{\r\n    ttl = 60\r\n  }"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := load(t, editable)
			at := spanOf(t, r, tt.at)
			if tt.at == "x" {
				at = spanOf(t, r, `"x"`)
				at.Start++
				at.End--
			}
			got, err := r.Files.SetAttribute(at, tt.attr, tt.value)
			if want := strings.Replace(editable, tt.old, tt.new, 1); err != nil || string(got) != want {
				t.Errorf("%v\n%s\nwant\n%s", err, got, want)
			}
		})
	}
	r := load(t, editable)
	for _, tt := range []struct{ attr, value, want string }{
		{"ttl", `"x"`, "edit domains/a.hcl: the result would be wrong: ttl is a whole number, not a string"},
		{"ttl", "60\n}\ndomain \"b.example\" {\n", `set ttl in domains/a.hcl: `},
		{"xyz", "60", "edit domains/a.hcl: the result would be wrong: spf has no attribute xyz"},
	} {
		if got, err := r.Files.SetAttribute(spanOf(t, r, "spf"), tt.attr, tt.value); err == nil || !strings.HasPrefix(err.Error(), tt.want) && !strings.HasPrefix(err.Error(), "edit ") {
			t.Errorf("%s = %s: %v\n%s", tt.attr, tt.value, err, got)
		}
	}
	if _, err := r.Files.SetAttribute(zone.Span{File: r.Files.Lookup("domains/a.hcl"), Start: 3, End: 4}, "ttl", "1"); err == nil || err.Error() != "set ttl in domains/a.hcl: there is no block at byte 3" {
		t.Errorf("error %v", err)
	}
}

func TestQuote(t *testing.T) {
	for in, want := range map[string]string{
		"":                  `""`,
		`say "hi" \ there`:  `"say \"hi\" \\ there"`,
		"a\tb\r\nc\x01":     `"a\tb\r\nc\u0001"`,
		"exists:%{i}.x ${y": `"exists:%%{i}.x $${y"`,
		"$$${x}":            `"$$\u0024{x}"`,
		"100% $5":           `"100% $5"`,
		"é\u200b":           `"é\u200b"`,
	} {
		if got := Quote(in); got != want {
			t.Errorf("Quote(%q) = %s, want %s", in, got, want)
		}
	}
}
