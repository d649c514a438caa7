package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/internal/resolve"
)

// PushJSON writes what a preview or push found and did.
func PushJSON(w io.Writer, r *engine.PushResult) error {
	type zone struct {
		Zone     string       `json:"zone"`
		Provider string       `json:"provider"`
		Type     string       `json:"type"`
		Changes  []jsonChange `json:"changes"`
	}
	zones := make([]zone, 0, len(r.Zones))
	for _, z := range r.Zones {
		j := zone{z.Zone, z.Provider, z.Type, make([]jsonChange, 0, len(z.Changes))}
		for _, c := range z.Changes {
			j.Changes = append(j.Changes, change(c))
		}
		zones = append(zones, j)
	}
	return writeJSON(w, struct {
		Schema  int    `json:"schema"`
		Applied bool   `json:"applied"`
		Checked int    `json:"checked"`
		Digest  string `json:"digest"`
		Zones   []zone `json:"zones"`
	}{schema, r.Applied, r.Checked, r.Digest, zones})
}

// PushMarkdown writes what a preview or push found and did.
func PushMarkdown(w io.Writer, r *engine.PushResult) error {
	var b strings.Builder
	switch {
	case len(r.Zones) == 0:
		fmt.Fprintf(&b, "Nothing to change: %s as defined.\n\n", are(r.Checked))
	case r.Applied:
		fmt.Fprintf(&b, "Applied: %s changed.\n\n", plural(len(r.Zones), "zone"))
	default:
		fmt.Fprintf(&b, "%s would change. Nothing was applied.\n\n", plural(len(r.Zones), "zone"))
	}
	for _, z := range r.Zones {
		fmt.Fprintf(&b, "#### %s at %s (%s)\n\n%s\n\n", escape(z.Zone), escape(z.Provider), escape(z.Type), diffBlock(z.Changes))
	}
	fmt.Fprintf(&b, "Digest: %s\n", code(r.Digest))
	_, err := io.WriteString(w, b.String())
	return err
}

// LockJSON writes what a refresh of the lock file changed.
func LockJSON(w io.Writer, r *resolve.Refreshed) error {
	type failure struct {
		Question string `json:"question"`
		Why      string `json:"why"`
		Kept     bool   `json:"kept"` // the old answer stays
	}
	failed := make([]failure, 0, len(r.Failed))
	for _, f := range r.Failed {
		failed = append(failed, failure{f.String(), f.Why, f.Kept})
	}
	return writeJSON(w, struct {
		Schema  int       `json:"schema"`
		Answers int       `json:"answers"`
		Changed []string  `json:"changed"`
		Dropped []string  `json:"dropped"`
		Failed  []failure `json:"failed"`
	}{schema, r.Lock.Len(), questions(r.Changed), questions(r.Dropped), failed})
}

func questions(qs []resolve.Question) []string {
	out := make([]string, 0, len(qs))
	for _, q := range qs {
		out = append(out, q.String())
	}
	return out
}

// LockMarkdown writes what a refresh of the lock file changed.
func LockMarkdown(w io.Writer, r *resolve.Refreshed) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %d new or changed, %d dropped, %d failed\n\n", plural(r.Lock.Len(), "answer"), len(r.Changed), len(r.Dropped), len(r.Failed))
	for _, q := range r.Changed {
		fmt.Fprintf(&b, "* changed: %s\n", code(q.String()))
	}
	for _, q := range r.Dropped {
		fmt.Fprintf(&b, "* no longer needed: %s\n", code(q.String()))
	}
	for _, f := range r.Failed {
		note := "nothing is known of it"
		if f.Kept {
			note = "the old answer stays"
		}
		fmt.Fprintf(&b, "* failed: %s: %s; %s\n", code(f.String()), escape(f.Why), note)
	}
	_, err := io.WriteString(w, b.String())
	return err
}
