package config

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/miekg/dns"
	"github.com/rogpeppe/go-internal/txtar"
	"golang.org/x/text/unicode/norm"

	"github.com/tripod-dns/tripod/internal/zone"
)

func seeds(f *testing.F) {
	f.Helper()
	archives, err := filepath.Glob("testdata/*/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range archives {
		ar, err := txtar.ParseFile(p)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range ar.Files {
			if filepath.Ext(file.Name) == ".hcl" {
				f.Add(file.Data)
			}
		}
	}
	examples, err := filepath.Glob("../../examples/*/domains/*.hcl")
	if err != nil {
		f.Fatal(err)
	}
	for _, p := range examples {
		b, err := os.ReadFile(p)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
}

// FuzzLoad: nothing panics, diagnostics stay in bounds, and every byte of every text leads into the file, exact
// ones to the very same byte.
func FuzzLoad(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, name := range []string{"domains/a.hcl", "keys/a.example.hcl", SettingsFile} {
			files := map[string][]byte{SettingsFile: []byte(defaultSettings), "domains/b.hcl": []byte("domain \"a.example\" {\n}\n")}
			files[name] = b
			r, diags, err := Load(context.Background(), Map(files))
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range diags {
				if d.Line < 1 || d.Column < 1 || d.EndLine < d.Line || d.EndLine == d.Line && d.EndColumn < d.Column || d.Message == "" {
					t.Errorf("diagnostic %+v", d)
				}
				if !utf8.ValidString(d.Message) || !utf8.ValidString(d.Help) {
					t.Errorf("diagnostic is not UTF-8: %+v", d)
				}
			}
			if len(diags) > 0 {
				continue
			}
			for _, d := range r.Domains {
				for _, rec := range d.Records {
					checkRecord(t, r, rec)
				}
			}
		}
	})
}

func checkRecord(t *testing.T, r *Repository, rec *zone.Record) {
	t.Helper()
	if rec.At.IsZero() || rec.NameAt.IsZero() || int(rec.At.End) > len(r.Files.Content(rec.At.File)) {
		t.Errorf("%s %s has no place", rec.Name, rec.TypeName())
	}
	if err := rec.Name.Check(); err != nil {
		t.Errorf("name %q: %v", rec.Name, err)
	}
	if rec.Type != dns.TypeTXT {
		if _, err := parseRR(rec.TypeName(), rec.Data, "."); err != nil {
			t.Errorf("rdata %q of %s: %v", rec.Data, rec.TypeName(), err)
		}
		return
	}
	text := rec.Text.String()
	for i, seg := range rec.Text.Segments() {
		if seg.At.IsZero() || int(seg.At.End) > len(r.Files.Content(seg.At.File)) || seg.At.Start >= seg.At.End {
			t.Errorf("segment %d of %q has the place %+v", i, text, seg.At)
		}
		if !seg.Exact {
			continue
		}
		end := len(text)
		if i+1 < len(rec.Text.Segments()) {
			end = int(rec.Text.Segments()[i+1].Off)
		}
		if got := r.Files.Text(seg.At); got != text[seg.Off:end] {
			t.Errorf("segment %d is %q, in the source %q", i, text[seg.Off:end], got)
		}
	}
}

// FuzzUnescape: what is read from the source is what hcl reads, but for its normalisation; and what Quote writes
// is read back.
func FuzzUnescape(f *testing.F) {
	for _, s := range []string{``, `a`, `\n\r\t\"\\`, `\u00e9\U0001F600`, `$${x}%%{i}`, `${domain}`, `$$${domain}`, `%%%{i}`, `$`, `%`, `\q`, "é\u0301", `${ domain }`, `\u12`, `$$$${a}`, `$$$`, `\\${domain}`, `%%{`, `$${`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if utf8.ValidString(s) {
			quoted := Quote(s)
			if got, ok := literal(t, quoted); !ok || got != s {
				t.Errorf("Quote(%q) is %s, which reads as %q, %v", s, quoted, got, ok)
			}
		}
		got, ok := literal(t, `"`+s+`"`)
		if !ok {
			return
		}
		expr, diags := hclsyntax.ParseExpression([]byte(`"`+s+`"`), "", hcl.InitialPos)
		if diags.HasErrors() {
			t.Fatalf("%q is read as %q, but hcl says %v", s, got, diags)
		}
		v, diags := expr.Value(nil)
		if diags.HasErrors() {
			return // it has a variable
		}
		if want := v.AsString(); norm.NFC.String(got) != norm.NFC.String(want) {
			t.Errorf("%q is read as %q, by hcl as %q", s, got, want)
		}
	})
}

// literal reads a quoted string by way of a file; ok is false where it is refused.
func literal(t *testing.T, quoted string) (value string, ok bool) {
	t.Helper()
	// raw takes control characters too: lint says what they do.
	src := "domain \"a.example\" {\n  dmarc {\n    raw = " + quoted + "\n  }\n}\n"
	r, diags, err := Load(context.Background(), Map(map[string][]byte{SettingsFile: []byte(defaultSettings), "domains/a.hcl": []byte(src)}))
	if err != nil {
		t.Fatal(err)
	}
	if len(diags) > 0 || len(r.Domains) != 1 || len(r.Domains[0].Records) != 1 {
		return "", false
	}
	return r.Domains[0].Records[0].Text.String(), true
}

// FuzzRData: whatever stands in rdata is refused, or can be read again as it was stored.
func FuzzRData(f *testing.F) {
	for _, s := range []string{"10 mx", "192.0.2.1", "0 issue \"x\"", "3 1 1 aa", "1 . alpn=h2", ". . 1 2 3 4 5", "@", "a.", "60485 5 1 AA", "\\# 1 00", "1 2 3 x", "100 10 \"u\" \"\" \"\" .", "52 22 23.000 N 4 53 32.000 E -2.00m 0.00m 10000m 10m"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for typeName := range recordTypes {
			src := "domain \"a.example\" {\n  record \"" + typeName + "\" \"@\" {\n    rdata = [" + Quote(s) + "]\n  }\n}\n"
			r, diags, err := Load(context.Background(), Map(map[string][]byte{SettingsFile: []byte(defaultSettings), "domains/a.hcl": []byte(src)}))
			if err != nil {
				t.Fatal(err)
			}
			if len(diags) > 0 {
				continue
			}
			for _, rec := range r.Domains[0].Records {
				checkRecord(t, r, rec)
			}
		}
	})
}
