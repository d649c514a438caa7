package engine_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/miekg/dns"
	"pgregory.net/rapid"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/internal/rulecase"
	"github.com/tripod-dns/tripod/internal/spf"
)

const flattenHead = `domain "example.com" {
  spf {
    all = "fail"
`

func openFlatten(ctx context.Context, body, lock string) (*engine.Repo, error) {
	files := map[string][]byte{
		"tripod.hcl":       []byte("tripod {\n  files = [\"a.hcl\"]\n}\n"),
		"a.hcl":            []byte(flattenHead + body + "  }\n}\n"),
		"tripod.lock.json": []byte(lock),
	}
	return engine.Open(ctx, engine.Options{Source: config.Map(files), Now: rulecase.Now, Offline: true})
}

func quoted(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = config.Quote(s)
	}
	return strings.Join(out, ", ")
}

// TestFlattenKeepsWhoMaySend: the addresses that pass are the same whether terms are published or flattened, however deep their
// targets go and whatever they refuse, also when the ranges are split over several names.
func TestFlattenKeepsWhoMaySend(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		term := rapid.Custom(func(t *rapid.T) string {
			q := rapid.SampledFrom([]string{"", "", "", "-", "~", "?"}).Draw(t, "q")
			if rapid.Bool().Draw(t, "v6") {
				return fmt.Sprintf("%sip6:2001:db8:%x::/%d", q, rapid.IntRange(0, 9).Draw(t, "net"), rapid.IntRange(40, 64).Draw(t, "bits"))
			}
			return fmt.Sprintf("%sip4:198.51.%d.%d/%d", q, rapid.IntRange(96, 103).Draw(t, "c"), rapid.IntRange(0, 255).Draw(t, "d"), rapid.IntRange(22, 32).Draw(t, "bits"))
		})
		// Three vendors; the first may include the others.
		var lines []string
		for i, name := range []string{"a.vendor.example", "b.vendor.example", "c.vendor.example"} {
			terms := rapid.SliceOfN(term, 0, 25).Draw(t, name)
			if i == 0 && rapid.Bool().Draw(t, "nested") {
				at := rapid.IntRange(0, len(terms)).Draw(t, "at")
				terms = append(terms[:at:at], append([]string{"include:b.vendor.example"}, terms[at:]...)...)
			}
			text := "v=spf1 " + strings.Join(append(terms, rapid.SampledFrom([]string{"-all", "~all", "?all"}).Draw(t, "all")), " ")
			var parts []string
			for len(text) > 255 {
				parts, text = append(parts, fmt.Sprintf("%q", text[:255])), text[255:]
			}
			lines = append(lines, fmt.Sprintf("%q: {\"data\": [[%s]]}", name+". TXT", strings.Join(append(parts, fmt.Sprintf("%q", text)), ", ")))
		}
		lock := "{\"schema\": 1, \"taken\": \"2026-11-24\", \"answers\": {\n" + strings.Join(lines, ",\n") + "}}\n"
		flat := rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"include:a.vendor.example", "include:c.vendor.example", "ip4:192.0.2.0/28"}), 1, 3, rapid.ID).Draw(t, "flatten")
		kept := rapid.SliceOfN(term, 0, 3).Draw(t, "terms")
		for i, k := range kept {
			kept[i] = strings.TrimLeft(k, "-~?") // what refuses before them would be another record, not another spelling
		}
		list := ""
		if len(kept) > 0 {
			list = "    terms = [" + quoted(kept) + "]\n"
		}
		open, err := openFlatten(t.Context(), "    terms = ["+quoted(append(append([]string{}, kept...), flat...))+"]\n", lock)
		if err != nil {
			t.Fatalf("published: %v", err)
		}
		flattened, err := openFlatten(t.Context(), list+"    flatten = ["+quoted(flat)+"]\n", lock)
		if err != nil {
			t.Fatalf("flattened: %v", err)
		}
		was, is := spf.Senders(t.Context(), open.World(), "example.com"), spf.Senders(t.Context(), flattened.World(), "example.com")
		if fmt.Sprint(was.Prefixes()) != fmt.Sprint(is.Prefixes()) || !is.Exact {
			t.Fatalf("published %v\nflattened %v exact %v", was.Prefixes(), is.Prefixes(), is.Exact)
		}
		for _, d := range flattened.Config.Domains {
			for _, r := range d.Records {
				if r.Type == dns.TypeTXT && len(r.Text.String()) > 450 {
					t.Fatalf("%s has %d octets", r.Name, len(r.Text.String()))
				}
			}
		}
	})
}

func TestFlattenRefuses(t *testing.T) {
	const lock = `{"schema": 1, "taken": "2026-11-24", "answers": {
"m.vendor.example. TXT": {"data": [["v=spf1 exists:%{i}.l.vendor.example -all"]]},
"p.vendor.example. TXT": {"data": [["v=spf1 ptr -all"]]}}}`
	for _, tt := range []struct{ term, message, help string }{
		{"include:m.vendor.example", "include:m.vendor.example cannot be flattened: exists:%{i}.l.vendor.example in m.vendor.example", "leave the term in terms"},
		{"include:p.vendor.example", "include:p.vendor.example cannot be flattened: ptr in p.vendor.example", "leave the term in terms"},
		{"include:gone.vendor.example", "include:gone.vendor.example cannot be flattened: gone.vendor.example TXT is not known", "run tripod lock"},
	} {
		_, err := openFlatten(t.Context(), "    flatten = ["+config.Quote(tt.term)+"]\n", lock)
		var bad *engine.Unloadable
		if !errors.As(err, &bad) || len(bad.Diagnostics) != 1 {
			t.Errorf("%s: %v", tt.term, err)
			continue
		}
		d := bad.Diagnostics[0]
		if !strings.HasPrefix(d.Message, tt.message) || !strings.HasPrefix(d.Help, tt.help) {
			t.Errorf("%s: %q, help %q", tt.term, d.Message, d.Help)
		}
		if d.Line != 4 || d.Column != 17 || d.EndColumn != 17+len(tt.term) {
			t.Errorf("%s: at %d:%d-%d", tt.term, d.Line, d.Column, d.EndColumn)
		}
	}
}
