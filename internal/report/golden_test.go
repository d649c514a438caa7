package report

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/internal/zone"
	"github.com/tripod-dns/tripod/rules"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// golden compares output with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := gocmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s is not what is written (-update rewrites it; look at the diff):\n%s", name, d)
	}
}

// load reads definitions from memory. What is wrong with them does not matter: reports show them as they are.
func load(t testing.TB, files map[string]string) *config.Files {
	t.Helper()
	src := map[string][]byte{config.SettingsFile: []byte("tripod { files = [\"**/*.hcl\"] }\n")}
	for name, text := range files {
		src[name] = []byte(text)
	}
	repo, _, err := config.Load(context.Background(), config.Map(src))
	if err != nil {
		t.Fatal(err)
	}
	return repo.Files
}

// spanOf is the place of the first text in a file that stands behind after.
func spanOf(t testing.TB, files *config.Files, file, after, text string) zone.Span {
	t.Helper()
	id := files.Lookup(file)
	content := files.Content(id)
	i := bytes.Index(content, []byte(after))
	if i < 0 {
		t.Fatalf("%s does not hold %q", file, after)
	}
	i += len(after)
	j := bytes.Index(content[i:], []byte(text))
	if j < 0 {
		t.Fatalf("%s does not hold %q behind %q", file, text, after)
	}
	return zone.Span{File: id, Start: uint32(i + j), End: uint32(i + j + len(text))}
}

// result is a lint result of findings, in their order, with their places counted out and counted.
func result(files *config.Files, found ...rules.Finding) *engine.LintResult {
	r := &engine.LintResult{Domains: 3, Records: 41}
	for _, f := range found {
		g := engine.Finding{Finding: f, Pos: files.Position(f.At), New: true}
		for _, rel := range f.Related {
			g.Places = append(g.Places, files.Position(rel.At))
		}
		r.Findings = append(r.Findings, g)
		switch f.Severity {
		case rules.Error:
			r.Counts.Error++
		case rules.Warning:
			r.Counts.Warning++
		default:
			r.Counts.Info++
		}
	}
	slices.SortStableFunc(r.Findings, func(a, b engine.Finding) int {
		return cmp.Or(cmp.Compare(a.Pos.File, b.Pos.File), cmp.Compare(a.Pos.Line, b.Pos.Line), cmp.Compare(a.Pos.Column, b.Pos.Column))
	})
	return r
}

const exampleCom = `# Wide characters and combining ones stand before some of the words that are wrong.
domain "example.com" {
  spf {
    terms = [
      "include:_spf.google.com",
      "include:sendgrid.net", # 送信 e` + "\u0301" + `
      "include:servers.mcsv.net",
    ]
  }
  record "TXT" "漢字" { rdata = ["送信の設定", "v=spf1 ipv4:192.0.2.1"] }
  record "TXT" "cafe` + "\u0301" + `" { rdata = ["ve` + "\u0301" + `rifie` + "\u0301" + `=1", "oops"] }
	record "TXT" "tab" { rdata = ["	", "wrong"] }
  dkim "s1" {
    raw = "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0ouqfiCebMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA0ouqfiCeb; t=y; a-tag-that-comes-late-in-a-long-record=1"
  }
  dmarc { raw = "v=DMARC1; p=quarantine; pct=50; rua=mailto:dmarc@example.com,postmaster@example.com" }
}
`

// story is a result with a finding of every shape.
func story(t testing.TB) (*config.Files, *engine.LintResult) {
	t.Helper()
	const file = "domains/example.com.hcl"
	files := load(t, map[string]string{file: exampleCom, "profiles.hcl": "profile \"parked\" {\n  spf { all = \"fail\" }\n}\n"})
	in := func(after, text string) zone.Span { return spanOf(t, files, file, after, text) }
	mx := in("rua=mailto:dmarc@example.com,", "postmaster@example.com")
	r := result(files,
		rules.Finding{
			Rule: "spf-lookup-limit", Severity: rules.Error, Reference: "RFC 7208 §4.6.4", Domain: "example.com", Name: "example.com", Type: "TXT",
			Message: "11 DNS lookups, the limit is 10: senders not matched before the 11th get permerror (sendgrid.net, servers.mcsv.net)",
			Help:    "drop one of the 4 includes that cost more than 1, or flatten it:\n  flatten = [\"include:sendgrid.net\"]\n    _spf.google.com   4\n    sendgrid.net      3",
			Note:    "costs 3: sendgrid.net, u7.sendgrid.net, ab.sendgrid.net",
			At:      in("terms", "include:sendgrid.net"), Term: "include:sendgrid.net",
			Related: []rules.Related{{At: in("terms", "include:_spf.google.com"), Message: "costs 4"}, {Message: "servers.mcsv.net is in the lock file"}},
		},
		rules.Finding{
			Rule: "spf-syntax", Severity: rules.Error, Domain: "example.com", Name: "xn--p8s937b.example.com", Type: "TXT",
			Message: `unknown mechanism "ipv4": receivers answer permerror for all mail from xn--p8s937b.example.com`,
			Help:    `did you mean "ip4:192.0.2.1"?`, At: in("v=spf1 ", "ipv4:192.0.2.1"), Term: "ipv4:192.0.2.1",
		},
		rules.Finding{
			Rule: "dns-duplicate", Severity: rules.Warning, Domain: "example.com", Name: "example.com", Type: "TXT",
			Message: "the same record twice", At: in("rifie\u0301=1\", \"", "oops"), Term: "oops",
		},
		rules.Finding{
			Rule: "dns-duplicate", Severity: rules.Warning, Domain: "example.com", Name: "example.com", Type: "TXT",
			Message: "the same record twice", At: in("tab", "wrong"), Term: "oops", // the same text as the one before
		},
		rules.Finding{
			Rule: "dkim-testing", Severity: rules.Warning, Reference: "RFC 6376 §3.6.1", Domain: "example.com", Name: "s1._domainkey.example.com", Type: "TXT",
			Message: "t=y: verifiers may treat mail that fails as unsigned", Help: "drop it when the key is in use", At: in("fiCeb; ", "t=y"), Term: "t=y",
		},
		rules.Finding{
			Rule: "dmarc-uri", Severity: rules.Warning, Reference: "RFC 9989 §4.6", Domain: "example.com", Name: "_dmarc.example.com", Type: "TXT",
			Message: `"postmaster@example.com" is not a URI: no report goes to this address`, Help: "write mailto:postmaster@example.com",
			At: mx, Term: "postmaster@example.com", Fix: &rules.Fix{Message: "write mailto:", Edits: []rules.Edit{{At: zone.Span{File: mx.File, Start: mx.Start, End: mx.Start}, New: "mailto:"}}},
		},
		rules.Finding{
			Rule: "mx-single", Severity: rules.Info, Domain: "example.com", Name: "example.com",
			Message: "one MX host", At: in("domain", "\"example.com\" {\n  spf {"),
		},
		rules.Finding{
			Rule: "spf-hardfail", Severity: rules.Info, Domain: "a.example", Name: "a.example", Type: "TXT", Message: "-all rejects forwarded mail",
			At: spanOf(t, files, "profiles.hcl", "all = \"", "fail"), Term: "-all",
			Also: []zone.Name{"b.example", "c.example", "d.example", "e.example", "f.example", "g.example", "h.example"},
		},
		rules.Finding{Rule: "lock-stale", Severity: rules.Info, Message: "tripod.lock.json is 40 days old", Help: "run tripod lock"},
	)
	r.Counts.Suppressed = 2
	r.NotChecked = []rules.NotChecked{
		{Domain: "example.com", Rules: []string{"dkim-none", "spf-multiple"}, Reason: "no dnsconfig.js"},
		{Domain: "example.org", Rules: []string{"spf-multiple"}, Reason: "no dnsconfig.js"},
		{Domain: "example.org", Rules: []string{"mx-target"}, Reason: "mx.example.net A is not in the lock file"},
	}
	return files, r
}

// text is what a Text writes.
func text(t testing.TB, s Style, write func(*Text)) string {
	t.Helper()
	var b strings.Builder
	tx := NewText(&b, s)
	write(tx)
	if err := tx.Err(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// unbroken are lines that stay in one piece where less than 80 columns are too few: places that editors open, names, code, sums.
var unbroken = regexp.MustCompile(`-->|^ *[~+-] |record sets? in |\d records: |^Changes against|the base has too|flatten =`)

// fits fails where a line is wider than it may be.
func fits(t *testing.T, out string, width int) {
	t.Helper()
	for i, line := range strings.Split(ansi.ReplaceAllString(out, ""), "\n") {
		if n := columns(line); n > width && (width >= 80 || !unbroken.MatchString(line)) {
			t.Errorf("line %d has %d columns of %d: %s", i+1, n, width, line)
		}
	}
}
