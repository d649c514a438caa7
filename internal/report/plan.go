package report

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"github.com/rivo/uniseg"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/planner"
)

// Plan writes findings, changes and effects for people.
func (t *Text) Plan(files *config.Files, p *planner.Plan, lint *engine.LintResult) {
	var old int
	var news []engine.Finding
	for _, f := range lint.Findings {
		if f.New {
			news = append(news, f)
		} else {
			old++
		}
	}
	t.Findings(files, news)
	t.notChecked(lint.NotChecked)
	if old > 0 {
		t.printf("%s the base has too: tripod lint shows them\n\n", plural(old, "finding"))
	}
	t.printf("%s\n", t.bold("Changes against "+baseText(p.Base)))
	if p.Base.Note != "" {
		t.hanging("  ", p.Base.Note)
	}
	t.printf("\n")
	for _, d := range p.Domains {
		t.domainPlan(d)
	}
	c := p.Counts()
	if c.Domains == 0 {
		t.printf("No record changes.\n")
	} else {
		t.printf("%s in %s: %s new, %s changed, %s deleted\n", plural(c.Create+c.Change+c.Delete, "record set"), plural(c.Domains, "domain"),
			t.green(fmt.Sprint(c.Create)), t.yellow(fmt.Sprint(c.Change)), t.red(fmt.Sprint(c.Delete)))
	}
	t.printf("%s\n", t.counts(lint))
	t.printf("%s %s\n", t.dim("digest"), p.Digest)
}

func baseText(b planner.Base) string {
	switch b.Kind {
	case "git":
		if len(b.Commit) >= 12 {
			return fmt.Sprintf("%s (commit %s)", Plain(b.Ref), b.Commit[:12])
		}
		return Plain(b.Ref)
	case "zones":
		return "the zone files in " + Plain(b.Ref)
	case "dns":
		return "what the authoritative servers answer"
	case "provider":
		return "what the provider has"
	}
	return "nothing: every record set is new"
}

func (t *Text) domainPlan(d planner.DomainPlan) {
	name := d.Name.String()
	if d.Tag != "" {
		name += " (tag " + d.Tag + ")"
	}
	t.printf("%s\n", t.bold(Plain(name)))
	for _, c := range d.Changes {
		sign, paint := "~", t.yellow
		switch c.Action {
		case planner.Create:
			sign, paint = "+", t.green
		case planner.Delete:
			sign, paint = "-", t.red
		}
		ttl := fmt.Sprintf("TTL %d", c.TTL)
		if c.Action == planner.Modify && c.BeforeTTL != c.TTL {
			ttl = fmt.Sprintf("TTL %d, before %d", c.TTL, c.BeforeTTL)
		}
		t.printf("  %s %s %s  %s\n", paint(sign), t.bold(Plain(c.Name.String())), c.Type, t.dim(ttl))
		t.rdata(c)
	}
	if len(d.Effects) > 0 {
		t.printf("  %s\n", t.dim("What this means for the mail:"))
	}
	for _, e := range sumUp(d.Effects) {
		t.hanging("    * ", e.message)
		if len(e.prefixes) > 0 {
			t.hanging("      ", prefixes(e.prefixes, 12))
		}
	}
	t.printf("\n")
}

// rdata writes what goes and what comes. What is too long is shown in part; where one takes the place of another, that part is where they
// differ.
func (t *Text) rdata(c planner.Change) {
	const lead = 8
	room := t.width - lead
	before, after := difference(c)
	show := func(sign, s string) {
		for i, line := range rdataLines(s, room) {
			if i > 0 {
				sign = " "
			}
			t.printf("      %s %s\n", sign, line)
		}
	}
	if len(before) == 1 && len(after) == 1 {
		before[0], after[0] = around(Plain(before[0]), Plain(after[0]), room)
	}
	for _, r := range before {
		show(t.red("-"), Plain(r))
	}
	for _, r := range after {
		show(t.green("+"), Plain(r))
	}
}

// rdataLines is rdata on a few lines, or cut short on one: policies are read in full, keys are not.
func rdataLines(s string, room int) []string {
	const most = 4
	lines := wrap(s, room)
	if len(lines) > most || slices.ContainsFunc(lines, func(l string) bool { return columns(l) > room }) {
		return []string{clip(s, room)}
	}
	return lines
}

// around cuts two texts that do not fit down to where they begin to differ.
func around(a, b string, room int) (string, string) {
	short := func(s string) bool { return strings.Join(rdataLines(s, room), " ") == s }
	if short(a) && short(b) {
		return a, b
	}
	n := 0 // octets that both begin with, up to a grapheme
	for g := uniseg.NewGraphemes(a); g.Next() && strings.HasPrefix(b[n:], g.Str()); {
		n += len(g.Str())
	}
	common := a[:n]
	if columns(common) < room/2 {
		return a, b
	}
	lead := "…" + tail(common, min(room/3, columns(common)))
	return clip(lead+a[n:], room), clip(lead+b[n:], room)
}

// difference leaves out of a changed set the rdata that stays.
func difference(c planner.Change) (before, after []string) {
	left := map[string]int{}
	for _, r := range c.After {
		left[r]++
	}
	for _, r := range c.Before {
		if left[r] > 0 {
			left[r]--
			continue
		}
		before = append(before, r)
	}
	for _, r := range c.After {
		if left[r] > 0 {
			left[r]--
			after = append(after, r)
		}
	}
	if c.Action == planner.Modify && len(before)+len(after) == 0 {
		after = c.After // only the TTL changes
	}
	return before, after
}

// prefixes lists ranges, at most n of them.
func prefixes(ps []netip.Prefix, n int) string {
	var out []string
	for i, p := range ps {
		if i == n {
			out = append(out, fmt.Sprintf("and %d more", len(ps)-n))
			break
		}
		if p.IsSingleIP() {
			out = append(out, p.Addr().String())
			continue
		}
		out = append(out, p.String())
	}
	return strings.Join(out, ", ")
}

// ansi is what colours a lead.
var ansi = regexp.MustCompile("\x1b\\[[0-9;]*m")

// hanging writes text wrapped, its later lines indented like the first.
func (t *Text) hanging(lead, text string) {
	width := columns(ansi.ReplaceAllString(lead, ""))
	indent := strings.Repeat(" ", width)
	for i, line := range wrap(Plain(text), t.width-width) {
		if i == 0 {
			t.printf("%s%s\n", lead, line)
		} else {
			t.printf("%s%s\n", indent, line)
		}
	}
}

// Push writes what a preview or push found and did.
func (t *Text) Push(r *engine.PushResult) {
	for _, z := range r.Zones {
		t.printf("%s at %s (%s)\n", t.bold(Plain(z.Zone)), Plain(z.Provider), Plain(z.Type))
		n := 0
		for _, c := range z.Changes {
			sign, paint := "~", t.yellow
			switch c.Action {
			case planner.Create:
				sign, paint = "+", t.green
			case planner.Delete:
				sign, paint = "-", t.red
			}
			t.printf("  %s %s %s  %s\n", paint(sign), Plain(c.Name.String()), c.Type, t.dim(fmt.Sprintf("TTL %d", c.TTL)))
			t.rdata(c)
			n++
		}
		t.printf("\n")
	}
	switch {
	case len(r.Zones) == 0:
		t.printf("Nothing to change: %s as defined.\n", are(r.Checked))
	case r.Applied:
		t.printf("Applied: %s changed.\n", plural(len(r.Zones), "zone"))
	default:
		t.printf("%s would change. Nothing was applied.\n", plural(len(r.Zones), "zone"))
	}
	t.printf("%s %s\n", t.dim("digest"), r.Digest)
}

func are(n int) string {
	if n == 1 {
		return "1 zone is"
	}
	return fmt.Sprintf("%d zones are", n)
}
