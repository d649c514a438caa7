package rules

import (
	"embed"
	"strings"

	"golang.org/x/tools/txtar"
)

//go:embed testdata/*.txtar
var cases embed.FS

// An Example is a definition with what the rule says of it, from the rule's own cases.
type Example struct {
	Files []txtar.File // definitions, but for settings and lock files
	Want  string       // the findings, as the tests list them
}

// Page is what a rule's file of cases says of it: text in Markdown and the first bad case. Both are empty for rules that speak of
// the run.
func Page(id string) (doc string, bad Example) {
	src, err := cases.ReadFile("testdata/" + id + ".txtar")
	if err != nil {
		return "", Example{}
	}
	a := txtar.Parse(src)
	first := ""
	for _, f := range a.Files {
		name, rest, _ := strings.Cut(f.Name, "/")
		if first == "" && strings.HasPrefix(name, "bad") {
			first = name
		}
		switch {
		case name != first:
		case rest == "want":
			bad.Want = string(f.Data)
		case strings.HasPrefix(rest, "domains/"):
			bad.Files = append(bad.Files, txtar.File{Name: rest, Data: f.Data})
		}
	}
	return strings.TrimSpace(string(a.Comment)), bad
}
