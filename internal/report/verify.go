package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/planner"
)

// Verify writes what name servers and the web say of the definitions.
func (t *Text) Verify(r *engine.VerifyResult) {
	for _, z := range r.Zones {
		if quiet(z) {
			continue
		}
		t.printf("%s\n", t.bold(zoneName(z)))
		if z.Err != "" {
			t.hanging("  "+t.yellow("not asked: "), z.Err)
		}
		for _, s := range z.Sets {
			t.verifiedSet(z, s)
		}
		for _, p := range z.Policies {
			t.verifiedPolicy(p)
		}
		for _, s := range z.Servers {
			word := t.yellow("not asked: ")
			if s.Harmless {
				word = t.dim("note: ")
			}
			t.hanging("  "+word, serverText(s))
		}
		if z.Note != "" {
			t.hanging("  "+t.dim("note: "), z.Note)
		}
		t.printf("\n")
	}
	for _, s := range skipped(r) {
		t.hanging("", s)
	}
	t.hanging("", t.verifyCounts(r.Counts()))
}

// quiet tells whether there is nothing to say of a zone.
func quiet(z engine.VerifiedZone) bool {
	return z.Err == "" && z.Note == "" && len(z.Servers) == 0 &&
		!slices.ContainsFunc(z.Sets, func(s engine.VerifiedSet) bool { return s.Verdict != engine.AsDeclared }) &&
		!slices.ContainsFunc(z.Policies, func(p engine.VerifiedPolicy) bool { return p.Verdict != engine.AsDeclared || p.Message != "" })
}

func zoneName(z engine.VerifiedZone) string {
	if z.Tag == "" {
		return Plain(z.Name.String())
	}
	return Plain(z.Name.String() + " (tag " + z.Tag + ")")
}

func (t *Text) verdict(v engine.Verdict) string {
	paint := t.red
	switch v {
	case engine.AsDeclared:
		paint = t.green
	case engine.Unconfirmed, engine.Undeclared:
		paint = t.yellow
	}
	return paint(string(v))
}

func position(p config.Position) string {
	if p.File == "" {
		return ""
	}
	return fmt.Sprintf("  %s:%d:%d", Plain(p.File), p.Line, p.Column)
}

// verified writes what a verdict is of, and its place beside it or, where there is no room, below.
func (t *Text) verified(v engine.Verdict, what, kind string, pos config.Position) {
	where := position(pos)
	if columns("  "+string(v)+": "+what+kind+where) > t.width {
		where = "\n  " + where
	}
	t.printf("  %s: %s%s%s\n", t.verdict(v), t.bold(what), kind, t.dim(where))
}

func (t *Text) verifiedSet(z engine.VerifiedZone, s engine.VerifiedSet) {
	if s.Verdict == engine.AsDeclared || s.Verdict == engine.Unconfirmed && z.Err != "" {
		return
	}
	t.verified(s.Verdict, Plain(s.Name.String()), " "+s.Type, s.Pos)
	if s.Verdict == engine.Undeclared {
		t.hanging("    ", s.What+" is published and not declared")
	}
	for _, a := range s.Answers {
		t.hanging("    ", answerText(s, a))
		if !a.AsDeclared && a.Text == "" {
			t.rdata(planner.Change{Action: planner.Modify, Before: s.Declared, After: a.Data})
		}
	}
	if len(s.Answers) == 0 {
		t.hanging("    ", "no server that could be asked answers")
	}
}

// answerText says who gives an answer, and what it is where it has no records.
func answerText(s engine.VerifiedSet, a engine.VerifiedAnswer) string {
	who := servers(a.Servers)
	if len(s.Answers) == 1 && len(a.Servers) > 1 && s.Verdict != engine.Undeclared {
		who = "all that answer"
	}
	switch {
	case a.AsDeclared:
		return "as declared: " + who
	case a.Text != "":
		return who + ": " + a.Text
	case s.Verdict == engine.Undeclared:
		return who + " (+ published):"
	}
	return who + " (- declared, + published):"
}

// servers lists name servers, not too many of them.
func servers(list []string) string {
	const shown = 4
	if more := len(list) - shown; more > 1 {
		return strings.Join(list[:shown], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return strings.Join(list, ", ")
}

func serverText(s engine.ServerTrouble) string {
	what := map[string]string{
		"lame": "it is lame", "servfail": "it fails", "silent": "it is silent", "unreachable": "it cannot be reached from here",
		"no address": "it has no address", "truncated": "its answer is cut off", "malformed": "its answer is none", "not asked": "it was not asked",
	}[s.Kind]
	text := s.Server + ": " + what + ": " + s.Why
	if s.Questions < s.Of {
		text += fmt.Sprintf(" (%d of %s)", s.Questions, plural(s.Of, "question"))
	}
	return text
}

func (t *Text) verifiedPolicy(p engine.VerifiedPolicy) {
	if p.Verdict == engine.AsDeclared && p.Message == "" {
		return
	}
	t.verified(p.Verdict, Plain(p.URL), "", p.Pos)
	t.hanging("    ", p.Message)
}

// skipped says which definitions were not asked for.
func skipped(r *engine.VerifyResult) []string {
	var tags []string
	for tag := range r.Skipped {
		tags = append(tags, tag)
	}
	slices.Sort(tags)
	var out []string
	for _, tag := range tags {
		n := plural(r.Skipped[tag], "definition")
		if tag == "" {
			out = append(out, n+" without a tag not asked: leave --tag out for them")
			continue
		}
		out = append(out, fmt.Sprintf("%s with the tag %s not asked: the world does not see them. Name the servers of that view: --tag %s --server HOST:PORT", n, Plain(tag), Plain(tag)))
	}
	return out
}

func (t *Text) verifyCounts(c engine.VerifyCounts) string {
	parts := []string{fmt.Sprintf("%d as declared", c.AsDeclared)}
	for _, p := range countWords(c) {
		parts = append(parts, fmt.Sprintf("%d %s", p.n, p.word))
	}
	return strings.Join(parts, ", ")
}

type countWord struct {
	n    int
	word string
}

// countWords are the counts that are not 0 and not as it should be.
func countWords(c engine.VerifyCounts) []countWord {
	s := "s"
	if c.Servers == 1 {
		s = ""
	}
	all := []countWord{
		{c.Wrong, "wrong"}, {c.Missing, "missing"}, {c.Differs, "different from server to server"}, {c.Undeclared, "published and not declared"},
		{c.Unconfirmed, "unconfirmed"}, {c.Servers, "problem" + s + " with name servers"},
	}
	return slices.DeleteFunc(all, func(w countWord) bool { return w.n == 0 })
}
