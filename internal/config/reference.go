package config

import (
	"fmt"
	"io"
	"strings"
)

// WriteReference writes the reference page of the language as Markdown, from the schema.
func WriteReference(w io.Writer) error {
	var sb strings.Builder
	sb.WriteString("# Language reference\n\nGenerated from the schema that definitions are read with.\n\n" +
		"Values are strings in double quotes, whole numbers, `true` and `false`, and lists of strings. `${domain}` in a string\n" +
		"marked *text* is the name of the domain or subdomain around, as A-labels. `%{` is written `%%{` (SPF macros), `${` is\n" +
		"written `$${`. There are no functions, operators, variables, heredocs.\n")
	for _, f := range []struct {
		def  *blockDef
		head string
	}{
		{fileDefinitions, "## Definition files\n\nThe files that `tripod.hcl`'s `files` matches.\n"},
		{fileSettings, "## tripod.hcl\n\nSettings, at the root, and nothing else.\n"},
		{fileKeys, "## Key ledgers\n\nThe files under `keys/`, written by tripod.\n"},
	} {
		sb.WriteString("\n" + f.head)
		seen := make(map[*blockDef]bool)
		var later []*blockDef
		queue := f.def.blocks
		for len(queue) > 0 {
			for _, b := range queue {
				if seen[b] {
					continue
				}
				seen[b] = true
				writeBlock(&sb, b, placesOfBlock(b.name))
				later = append(later, b.blocks...)
			}
			queue, later = later, nil
		}
	}
	if _, err := io.WriteString(w, sb.String()); err != nil {
		return fmt.Errorf("write the language reference: %w", err)
	}
	return nil
}

func writeBlock(sb *strings.Builder, b *blockDef, places string) {
	head := b.name
	for _, l := range b.labels {
		head += fmt.Sprintf(" %q", l)
	}
	fmt.Fprintf(sb, "\n### %s\n\n%s In: %s.\n", head, b.doc, places)
	if len(b.attrs) > 0 {
		sb.WriteString("\n| attribute | value | |\n|---|---|---|\n")
	}
	for _, a := range b.attrs {
		kind := a.kind.String()
		if a.kind.hasDomain() {
			kind = strings.Replace(kind, "string", "text", 1)
		}
		if a.values != nil {
			kind = "`\"" + strings.Join(a.values, "\"`, `\"") + "\"`"
		}
		doc := a.doc
		if a.required {
			doc += " (required)"
		}
		fmt.Fprintf(sb, "| `%s` | %s | %s |\n", a.name, kind, doc)
	}
	if b.anyAttr != nil {
		fmt.Fprintf(sb, "| any other | %s | %s |\n", b.anyAttr.kind, b.anyAttr.doc)
	}
	if len(b.blocks) > 0 {
		names := make([]string, len(b.blocks))
		for i, sub := range b.blocks {
			names[i] = "`" + sub.name + "`"
		}
		fmt.Fprintf(sb, "\nBlocks: %s.\n", strings.Join(names, ", "))
	}
}
