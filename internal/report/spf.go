package report

import (
	"fmt"
	"io"
	"net/netip"
	"strings"

	"github.com/tripod-dns/tripod/internal/spf"
)

// TreeMarkdown writes an include tree as a code block.
func TreeMarkdown(w io.Writer, tree *spf.Tree) error {
	var b strings.Builder
	t := NewText(&b, Style{Width: 100})
	t.Tree(tree)
	_, err := fmt.Fprintf(w, "%s\n", fence(b.String()))
	return err
}

// Check writes one evaluation.
func (t *Text) Check(domain string, ip netip.Addr, r spf.Result) {
	paint := t.red
	switch r.Result {
	case spf.Pass:
		paint = t.green
	case spf.SoftFail, spf.Neutral, spf.None, spf.TempError:
		paint = t.yellow
	}
	t.printf("%s  %s for %s\n", paint(string(r.Result)), Plain(domain), ip)
	if r.Mechanism != "" {
		t.printf("  matched   %s\n", Plain(r.Mechanism))
	}
	if len(r.Path) > 1 {
		var path []string
		for _, n := range r.Path {
			path = append(path, n.String())
		}
		t.printf("  by way of %s\n", Plain(strings.Join(path, " > ")))
	}
	if r.Reason != "" {
		t.hanging("  because   ", r.Reason)
	}
	if r.Explanation != "" {
		t.hanging("  explained ", r.Explanation)
	}
	t.printf("  lookups   %d\n", r.Lookups)
}

// CheckMarkdown writes one evaluation.
func CheckMarkdown(w io.Writer, domain string, ip netip.Addr, r spf.Result) error {
	var b strings.Builder
	t := NewText(&b, Style{Width: 100})
	t.Check(domain, ip, r)
	_, err := fmt.Fprintf(w, "%s\n", fence(b.String()))
	return err
}
