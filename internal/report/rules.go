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
		for i, line := range t.wrap(r.Summary, t.width-len(lead)) {
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
	for para := range strings.SplitSeq(r.Doc, "\n") {
		if strings.HasPrefix(para, "    ") {
			t.printf("%s\n", para)
			continue
		}
		for _, line := range t.wrap(para, t.width) {
			t.printf("%s\n", line)
		}
	}
	for _, p := range r.Params {
		t.printf("\n")
		t.hanging(fmt.Sprintf("  %s = %d  ", p.Name, p.Default), p.Doc)
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
		t.printf("%s %s: %s; %s\n", t.red("failed:"), Plain(f.String()), Plain(f.Why), note)
	}
	if len(r.Changed)+len(r.Dropped) == 0 {
		t.printf("Nothing changed: %s.\n", plural(r.Lock.Len(), "answer"))
		return
	}
	t.printf("%s, %d new or changed, %d dropped. Look at the diff of tripod.lock.json before you commit it.\n", plural(r.Lock.Len(), "answer"), len(r.Changed), len(r.Dropped))
}
