package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	codeSpan   = regexp.MustCompile("`[^`\n]*`")
	linkTarget = regexp.MustCompile(`\]\(([^()\s]+)(?:\s+"[^"]*")?\)`)
	linkScheme = regexp.MustCompile(`^[a-zA-Z][a-zA-Z0-9+.-]*:`)
	linkText   = regexp.MustCompile(`\[([^\]]*)\]\([^)]*\)`)
	notInSlug  = regexp.MustCompile(`[^\p{L}\p{N}_ -]`)
)

// TestLinks follows every relative link of the Markdown files: its file exists, and its anchor is a heading there.
func TestLinks(t *testing.T) {
	root := filepath.Join("..", "..")
	checked := 0
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (d.Name() == ".git" || d.Name() == "testdata") {
			return filepath.SkipDir
		}
		if d.IsDir() || filepath.Ext(path) != ".md" {
			return nil
		}
		prose, _ := markdown(t, path)
		for _, m := range linkTarget.FindAllStringSubmatch(prose, -1) {
			if linkScheme.MatchString(m[1]) || strings.HasPrefix(m[1], "//") {
				continue
			}
			checked++
			file, anchor, _ := strings.Cut(m[1], "#")
			target := path
			if file != "" {
				target = filepath.Join(filepath.Dir(path), filepath.FromSlash(file))
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s: link %s: %v", path, m[1], err)
				continue
			}
			if anchor == "" {
				continue
			}
			if _, anchors := markdown(t, target); !anchors[anchor] {
				t.Errorf("%s: link %s: no such heading", path, m[1])
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if checked < 100 {
		t.Errorf("%d links were found: the pages of the rules alone have more", checked)
	}
}

// markdown reads a file, without its code, and the anchors that its headings get (GitHub's rule: small letters, no punctuation,
// hyphens for spaces, a number behind what stands twice).
func markdown(t *testing.T, path string) (prose string, anchors map[string]bool) {
	t.Helper()
	src, err := os.ReadFile(path) //nolint:gosec // a file of this module
	if err != nil {
		t.Fatal(err)
	}
	anchors = map[string]bool{}
	seen := map[string]int{}
	var b strings.Builder
	fenced := false
	for line := range strings.Lines(string(src)) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
			continue
		}
		if fenced {
			continue
		}
		if text := strings.TrimLeft(line, "#"); text != line && strings.HasPrefix(text, " ") {
			text = linkText.ReplaceAllString(strings.TrimSpace(text), "$1")
			slug := strings.ReplaceAll(notInSlug.ReplaceAllString(strings.ToLower(text), ""), " ", "-")
			n := seen[slug]
			seen[slug]++
			if n > 0 {
				slug += "-" + strconv.Itoa(n)
			}
			anchors[slug] = true
		}
		b.WriteString(codeSpan.ReplaceAllString(line, ""))
	}
	return b.String(), anchors
}
