package engine

import (
	"slices"
	"testing"
	"time"

	"github.com/tripod-dns/tripod/rules"
)

// TestViews holds that an ignore hides findings in its own view of a split horizon only, and that a domain is one in "not
// checked".
func TestViews(t *testing.T) {
	r := open(t, map[string]string{
		"tripod.hcl": `tripod { files = ["a.hcl"] }`,
		"a.hcl": `
domain "a.example" {
  spf {
    terms = ["ptr"]
    all   = "fail"
  }
  ignore "spf-ptr" { reason = "the world's view" }
}
domain "a.example" {
  tag = "inside"
  spf {
    terms = ["ptr"]
    all   = "fail"
  }
}
domain "a.example" {
  tag = "lab"
  spf { all = "fail" }
  ignore "spf-ptr" { reason = "there is none in this view" }
}
domain "a.example" {
  tag = "old"
  spf {
    terms = ["ptr"]
    all   = "fail"
  }
  ignore "spf-ptr" {
    reason = "for a while"
    until  = "2026-01-31"
  }
}
`,
	})
	r.opts.Now = time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	res, err := r.Lint(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range res.Findings {
		switch f.Rule {
		case "spf-ptr", "ignore-unused", "ignore-expired":
			got = append(got, f.Rule+" "+f.Tag)
		}
	}
	want := []string{"spf-ptr inside", "ignore-unused lab", "spf-ptr old", "ignore-expired old"}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if res.Counts.Suppressed != 1 {
		t.Errorf("%d suppressed, want 1", res.Counts.Suppressed)
	}
	seen := map[string]bool{}
	for _, n := range res.NotChecked {
		key := n.Domain.String() + " " + n.Reason
		if seen[key] || !slices.IsSorted(n.Rules) {
			t.Errorf("%s stands twice, or its rules are not sorted: %v", key, n.Rules)
		}
		seen[key] = true
	}
	if len(seen) == 0 || res.Reaches(rules.Error+1) || !res.Reaches(rules.Warning) {
		t.Errorf("not checked: %v; reaches a warning: %v", res.NotChecked, res.Reaches(rules.Warning))
	}
}
