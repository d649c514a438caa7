package config

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"
)

var update = flag.Bool("update", false, "rewrite the expected parts of testdata/*/*.txtar")

const defaultSettings = "tripod {\n  files = [\"domains/*.hcl\"]\n}\n"

// loadArchive loads the files of an archive; "got" parts are what is expected. Without a tripod.hcl it has the
// usual one; a file that is named *.crlf has CRLF line endings.
func loadArchive(t *testing.T, ar *txtar.Archive) (*Repository, Diagnostics) {
	t.Helper()
	files := map[string][]byte{SettingsFile: []byte(defaultSettings)}
	for _, f := range ar.Files {
		if strings.HasPrefix(f.Name, "want") {
			continue
		}
		name, crlf := strings.CutSuffix(f.Name, ".crlf")
		files[name] = f.Data
		if crlf {
			files[name] = bytes.ReplaceAll(f.Data, []byte("\n"), []byte("\r\n"))
		}
	}
	r, diags, err := Load(context.Background(), Map(files))
	if err != nil {
		t.Fatal(err)
	}
	return r, diags
}

func golden(t *testing.T, pattern string, part string, got func(*testing.T, *txtar.Archive) string) {
	t.Helper()
	paths, err := filepath.Glob(pattern)
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files %s: %v", pattern, err)
	}
	for _, p := range paths {
		t.Run(strings.TrimSuffix(filepath.Base(p), ".txtar"), func(t *testing.T) {
			ar, err := txtar.ParseFile(p)
			if err != nil {
				t.Fatal(err)
			}
			g := got(t, ar)
			var want *txtar.File
			for i := range ar.Files {
				if ar.Files[i].Name == part {
					want = &ar.Files[i]
				}
			}
			if *update {
				if want == nil {
					ar.Files = append(ar.Files, txtar.File{Name: part})
					want = &ar.Files[len(ar.Files)-1]
				}
				want.Data = []byte(g)
				if err := os.WriteFile(p, txtar.Format(ar), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
			if want == nil {
				t.Fatalf("%s has no part %s", p, part)
			}
			if d := cmp.Diff(string(want.Data), g); d != "" {
				t.Errorf("%s: -want +got:\n%s", p, d)
			}
		})
	}
}

func showDiagnostics(r *Repository, diags Diagnostics) string {
	var sb strings.Builder
	for _, d := range diags {
		fmt.Fprintf(&sb, "%s:%d:%d-%d:%d: %s\n", d.File, d.Line, d.Column, d.EndLine, d.EndColumn, d.Message)
		if text := r.Files.Text(d.Span); text != "" && !strings.Contains(text, "\n") {
			fmt.Fprintf(&sb, "    at   %s\n", text)
		}
		if d.Help != "" {
			fmt.Fprintf(&sb, "    help %s\n", d.Help)
		}
	}
	return sb.String()
}

// TestErrors: what is wrong, where, and what to write instead.
func TestErrors(t *testing.T) {
	golden(t, "testdata/errors/*.txtar", "want-errors", func(t *testing.T, ar *txtar.Archive) string {
		r, diags := loadArchive(t, ar)
		if len(diags) == 0 {
			t.Error("no diagnostics")
		}
		return showDiagnostics(r, diags)
	})
}

// TestLoad: what definitions mean.
func TestLoad(t *testing.T) {
	golden(t, "testdata/load/*.txtar", "want", func(t *testing.T, ar *txtar.Archive) string {
		r, diags := loadArchive(t, ar)
		for _, d := range diags {
			t.Errorf("%s (help: %s)", d, d.Help)
		}
		return showRepository(r)
	})
}

func showRepository(r *Repository) string {
	var sb strings.Builder
	for _, d := range r.Domains {
		fmt.Fprintf(&sb, "domain %s emit=%q registrar=%q providers=%q\n", d.ID(), d.Emit, d.Registrar, d.DNSProviders)
		for _, i := range d.IgnoreRecords {
			fmt.Fprintf(&sb, "  ignore_records %q %q %q\n", i.Label, i.Types, i.Target)
		}
		for _, rec := range d.Records {
			p := r.Files.Position(rec.At)
			ttl := fmt.Sprint(rec.TTL)
			if !rec.HasTTL {
				ttl = "-"
			}
			extra := ""
			if rec.Target != "" {
				extra += fmt.Sprintf(" target=%s", rec.Target)
			}
			if rec.Pref != 0 {
				extra += fmt.Sprintf(" pref=%d", rec.Pref)
			}
			if rec.Raw {
				extra += " raw"
			}
			if rec.KeyState != "" {
				extra += " " + rec.KeyState
			}
			if !rec.Until.IsZero() {
				extra += " until=" + rec.Until.Format("2006-01-02")
			}
			fmt.Fprintf(&sb, "  %s %s %s %q%s\n    %s %s:%d:%d-%d:%d\n", rec.Name, ttl, rec.TypeName(), rec.RData(), extra, rec.Block, p.File, p.Line, p.Column, p.EndLine, p.EndColumn)
		}
		for _, s := range d.Senders {
			fmt.Fprintf(&sb, "  sender %s at %s terms=%q dkim=%q\n", s.Name, s.Owner, s.Terms, s.DKIM)
		}
		for _, f := range d.Flatten {
			fmt.Fprintf(&sb, "  flatten %s", f.Owner)
			for _, t := range f.Terms {
				fmt.Fprintf(&sb, " %s", t)
			}
			sb.WriteString("\n")
		}
		for _, m := range d.MTASTS {
			fmt.Fprintf(&sb, "  mta_sts %s mode=%s mx=%q max_age=%d id=%s\n", m.Owner, m.Mode, m.MX, m.MaxAge, m.ID)
		}
		for _, i := range d.Ignores {
			fmt.Fprintf(&sb, "  ignore %s owner=%q scope=%s term=%q reason=%q until=%s\n", i.Rule, string(i.Owner), i.Scope, i.Term, i.Reason, i.Until.Format("2006-01-02"))
		}
		for _, e := range d.Expects {
			fmt.Fprintf(&sb, "  expect %q ip=%s mail_from=%s helo=%s spf=%s name=%s dmarc=%s\n", e.What, e.IP, e.MailFrom, e.HELO, e.SPF, e.Name, e.DMARC)
		}
	}
	for _, rot := range r.Rotations {
		fmt.Fprintf(&sb, "rotation %s of %s k=%q bits=%d every=%s overlap=%s wait=%s custody=%s recipients=%q hosts=%q slots=%q adopt=%q retire=%v group=%q\n", rot.Owner, rot.Zone, rot.K, rot.Bits, rot.Every,
			rot.Overlap, rot.PublishWait, rot.Custody, rot.Recipients, rot.Hosts, rot.Slots, rot.Adopt, rot.Retire, rot.Group)
	}
	for _, l := range r.Ledgers {
		fmt.Fprintf(&sb, "ledger %s serial=%d\n", l.Domain, l.Serial)
		for _, k := range l.Keys {
			fmt.Fprintf(&sb, "  key %s %s %s p=%s left=%d,%v created=%s recipients=%q private=%s compromised=%v restored=%v\n", k.Selector, k.State, k.K, k.P, k.Left, k.HasLeft, k.Created.Format("2006-01-02"), k.Recipients, k.Private, k.Compromised, k.Restored)
		}
	}
	return sb.String()
}
