package report

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/engine"
)

// What the formats for forges and editors (sarif, github, gitlab, rdjson) share. They name files from the top of the checkout, which is
// what a forge knows; dir is the directory of tripod.hcl from there, with forward slashes, "" for the top itself.

// ruleURL is the page of a rule.
func ruleURL(id string) string { return homepage + "/blob/main/docs/rules/" + id + ".md" }

const homepage = "https://github.com/tripod-dns/tripod"

// place is where a finding stands, from the top of the checkout. What has no place in a file stands at the first line of the settings: these
// formats have no findings without a place.
func place(dir string, p config.Position) config.Position {
	if p.File == "" {
		p = config.Position{File: config.SettingsFile, Line: 1, Column: 1, EndLine: 1, EndColumn: 1}
	}
	p.File = path.Join(dir, p.File)
	return p
}

// fingerprints tell findings apart for as long as they say the same of the same: they are made of the rule, the owner name and the text that
// is pointed at, so that a line more above them changes nothing.
type fingerprints struct {
	files *config.Files
	seen  map[string]int
}

func newFingerprints(files *config.Files) *fingerprints {
	return &fingerprints{files, map[string]int{}}
}

// of is the fingerprint of a finding, 32 hexadecimal digits, and which of those with the same one it is, from 1.
func (p *fingerprints) of(f engine.Finding) (hash string, nth int) {
	text := f.Term
	if text == "" {
		text = p.files.Text(f.At)
	}
	h := sha256.New()
	for _, s := range []string{f.Rule, string(f.Name), text} {
		_, _ = fmt.Fprintf(h, "%d:%s,", len(s), s) // netstrings: no text can pass for a border; a hash takes everything
	}
	hash = hex.EncodeToString(h.Sum(nil)[:16])
	p.seen[hash]++
	return hash, p.seen[hash]
}

// remarks are what a finding says besides its message, each on one plain line: other places and domains, and then the help.
func remarks(dir string, f engine.Finding) []string {
	var out []string
	for i, rel := range f.Related {
		where := ""
		if p := f.Places[i]; p.File != "" {
			p = place(dir, p)
			where = fmt.Sprintf("%s:%d:%d: ", p.File, p.Line, p.Column)
		}
		out = append(out, "Note: "+Plain(where+rel.Message))
	}
	if len(f.Also) > 0 {
		out = append(out, "Note: "+Plain(also(f)))
	}
	if f.Help != "" {
		lead := "Help: "
		for line := range strings.SplitSeq(f.Help, "\n") {
			out = append(out, lead+Plain(line))
			lead = ""
		}
	}
	return out
}
