package config

import (
	"strings"
	"testing"
)

// Every block and attribute of the schema is explained, and nothing in it is ambiguous.
func TestReference(t *testing.T) {
	var sb strings.Builder
	if err := WriteReference(&sb); err != nil {
		t.Fatal(err)
	}
	page := sb.String()
	eachBlock(func(_, def *blockDef) {
		if !strings.Contains(page, "\n### "+def.name) {
			t.Errorf("no block %s", def.name)
		}
		if def.doc == "" {
			t.Errorf("%s has no explanation", def.name)
		}
		names := make(map[string]bool)
		for _, a := range def.attrs {
			if a.doc == "" {
				t.Errorf("%s.%s has no explanation", def.name, a.name)
			}
			if strings.Contains(a.doc, "|") {
				t.Errorf("%s.%s: a | would end its cell", def.name, a.name)
			}
			if names[a.name] {
				t.Errorf("%s.%s stands twice", def.name, a.name)
			}
			names[a.name] = true
			if def.block(a.name) != nil {
				t.Errorf("%s.%s is an attribute and a block", def.name, a.name)
			}
		}
	})
	for _, want := range []string{
		"### record \"TYPE\" \"LABEL\"\n", "| `rdata` | list of texts |", "| `all` | `\"fail\"`, `\"softfail\"`, `\"neutral\"` |",
		"| any other | value | the rule's own parameter |", "In: domain, subdomain, domains, profile.",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
}

// Each suggestion for a known wrong name speaks of a block that there is and a name that it does not have.
func TestWrongNames(t *testing.T) {
	for block, names := range wrongNames {
		def := defBlockNamed(block)
		if def == nil {
			t.Errorf("there is no block %s", block)
			continue
		}
		for n := range names {
			if a := def.attr(n); a != nil && a != def.anyAttr {
				t.Errorf("%s.%s is right", block, n)
			}
		}
	}
}
