package report

import (
	"fmt"
	"strings"

	"github.com/tripod-dns/tripod/internal/resolve"
	"github.com/tripod-dns/tripod/rules"
)

// Rules lists rules.
func (t *Text) Rules(list []*rules.Rule) {
	width := 0
	for _, r := range list {
		width = max(width, len(r.ID))
	}
	for _, r := range list {
		lead := fmt.Sprintf("%-*s  %-7s  ", width, r.ID, r.Severity)
		for i, line := range wrap(r.Summary, t.width-len(lead)) {
			if i == 0 {
				t.printf("%s  %s  %s\n", t.bold(fmt.Sprintf("%-*s", width, r.ID)), t.severity(r.Severity)(fmt.Sprintf("%-7s", r.Severity)), line)
			} else {
				t.printf("%s%s\n", strings.Repeat(" ", len(lead)), line)
			}
		}
	}
}

// Explain writes all that there is to say of a rule.
func (t *Text) Explain(r *rules.Rule) {
	t.printf("%s  %s\n", t.bold(r.ID), t.severity(r.Severity)(r.Severity.String()))
	t.hanging("  ", r.Summary)
	if r.Reference != "" {
		t.printf("  %s\n", t.dim(r.Reference))
	}
	doc, example := rules.Page(r.ID)
	for _, text := range []string{r.Doc, doc} {
		if text != "" {
			t.printf("\n")
			t.prose(text)
		}
	}
	for _, p := range r.Params {
		t.printf("\n")
		t.hanging(fmt.Sprintf("  %s = %d  ", p.Name, p.Default), p.Doc)
	}
	for i, f := range example.Files {
		if i == 0 {
			t.printf("\n%s\n", t.bold("For example"))
		}
		t.printf("  %s\n", t.dim(f.Name))
		for line := range strings.SplitSeq(strings.TrimRight(string(f.Data), "\n"), "\n") {
			t.printf("    %s\n", clip(Plain(line), t.width-4))
		}
	}
	if example.Want != "" {
		t.printf("  %s\n", t.dim("tripod lint"))
		for line := range strings.SplitSeq(strings.TrimRight(example.Want, "\n"), "\n") {
			t.hanging("    ", strings.TrimRight(line, " "))
		}
	}
}

// prose writes Markdown paragraphs as text: lines that belong together are filled, code and lists stay as they are.
func (t *Text) prose(text string) {
	for i, para := range strings.Split(text, "\n\n") {
		if i > 0 {
			t.printf("\n")
		}
		lines := strings.Split(para, "\n")
		keep := strings.HasPrefix(para, "    ") || strings.HasPrefix(para, "```") || strings.HasPrefix(para, "- ") || strings.HasPrefix(para, "* ") || strings.HasPrefix(para, "|")
		if keep {
			for _, line := range lines {
				t.printf("%s\n", Plain(line))
			}
			continue
		}
		for _, line := range wrap(Plain(strings.Join(lines, " ")), t.width) {
			t.printf("%s\n", line)
		}
	}
}

// Lock writes what a refresh of the lock file changed.
func (t *Text) Lock(r *resolve.Refreshed) {
	for _, q := range r.Changed {
		t.printf("%s %s\n", t.yellow("~"), Plain(q.String()))
	}
	for _, q := range r.Dropped {
		t.printf("%s %s  %s\n", t.red("-"), Plain(q.String()), t.dim("no longer needed"))
	}
	for _, f := range r.Failed {
		note := "nothing is known of it"
		if f.Kept {
			note = "the old answer stays"
		}
		why := strings.TrimPrefix(f.Why, f.String()+": ") // it may begin with the question
		t.hanging(t.red("failed:")+" ", fmt.Sprintf("%s: %s; %s", f, why, note))
	}
	if len(r.Changed)+len(r.Dropped) == 0 {
		t.printf("Nothing changed: %s.\n", plural(r.Lock.Len(), "answer"))
		return
	}
	t.hanging("", fmt.Sprintf("%s, %d new or changed, %d dropped. Look at the diff of tripod.lock.json before you commit it.",
		plural(r.Lock.Len(), "answer"), len(r.Changed), len(r.Dropped)))
}
