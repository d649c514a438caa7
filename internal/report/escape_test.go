package report

import "testing"

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"mailto:dmarc@example.com": `mailto\:dmarc&#64;example.com`,
		"ask @octocat":             `ask &#64;&#8203;octocat`,
		"@":                        `&#64;`,
		"org/repo#12, #":           `org/repo\#&#8203;12, \#`,
		"<b>*x* `y` [z](w) a|b":    "&lt;b&gt;\\*x\\* \\`y\\` \\[z\\]\\(w\\) a\\|b",
		"https://example.com/":     `https\://example.com/`,
	} {
		if got := escape(in); got != want {
			t.Errorf("escape(%q) = %s, want %s", in, got, want)
		}
	}
}
