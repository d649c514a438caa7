package report

import (
	"fmt"
	"io"
	"strings"

	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/planner"
)

// VerifyJSON writes what name servers and the web say of the definitions.
func VerifyJSON(w io.Writer, r *engine.VerifyResult) error {
	type answer struct {
		Data       []string `json:"data"`
		Text       string   `json:"text"`
		AsDeclared bool     `json:"as_declared"`
		Servers    []string `json:"servers"`
	}
	type set struct {
		Name     string   `json:"name"`
		Type     string   `json:"type"`
		Verdict  string   `json:"verdict"`
		What     string   `json:"what,omitempty"`
		Declared []string `json:"declared"`
		Answers  []answer `json:"answers"`
		File     string   `json:"file"`
		Line     int      `json:"line"`
		Column   int      `json:"column"`
	}
	type policy struct {
		Name    string `json:"name"`
		URL     string `json:"url"`
		Verdict string `json:"verdict"`
		Message string `json:"message"`
		File    string `json:"file"`
		Line    int    `json:"line"`
		Column  int    `json:"column"`
	}
	type server struct {
		Server    string `json:"server"`
		Problem   string `json:"problem"`
		Message   string `json:"message"`
		Questions int    `json:"questions"`
		Of        int    `json:"of"`
		Harmless  bool   `json:"harmless"`
	}
	type domain struct {
		Name       string   `json:"name"`
		Tag        string   `json:"tag,omitempty"`
		Error      string   `json:"error"`
		Note       string   `json:"note,omitempty"`
		RecordSets []set    `json:"record_sets"`
		Policies   []policy `json:"mta_sts"`
		Servers    []server `json:"servers"`
	}
	domains := make([]domain, 0, len(r.Zones))
	for _, z := range r.Zones {
		d := domain{
			Name: string(z.Name), Tag: z.Tag, Error: z.Err, Note: z.Note,
			RecordSets: make([]set, 0, len(z.Sets)), Policies: make([]policy, 0, len(z.Policies)), Servers: make([]server, 0, len(z.Servers)),
		}
		for _, s := range z.Sets {
			j := set{
				string(s.Name), s.Type, string(s.Verdict), s.What, list(s.Declared), make([]answer, 0, len(s.Answers)), s.Pos.File, s.Pos.Line, s.Pos.Column,
			}
			for _, a := range s.Answers {
				j.Answers = append(j.Answers, answer{list(a.Data), a.Text, a.AsDeclared, list(a.Servers)})
			}
			d.RecordSets = append(d.RecordSets, j)
		}
		for _, p := range z.Policies {
			d.Policies = append(d.Policies, policy{string(p.Owner), p.URL, string(p.Verdict), p.Message, p.Pos.File, p.Pos.Line, p.Pos.Column})
		}
		for _, s := range z.Servers {
			d.Servers = append(d.Servers, server{s.Server, s.Kind, s.Why, s.Questions, s.Of, s.Harmless})
		}
		domains = append(domains, d)
	}
	skipped := map[string]int{}
	for tag, n := range r.Skipped {
		skipped[tag] = n
	}
	c := r.Counts()
	return writeJSON(w, struct {
		Schema  int            `json:"schema"`
		Domains []domain       `json:"domains"`
		Skipped map[string]int `json:"skipped"`
		Summary map[string]int `json:"summary"`
	}{schema, domains, skipped, map[string]int{
		"as_declared": c.AsDeclared, "wrong": c.Wrong, "missing": c.Missing, "differs": c.Differs, "undeclared": c.Undeclared,
		"unconfirmed": c.Unconfirmed, "servers": c.Servers,
	}})
}

// VerifyMarkdown writes what name servers and the web say of the definitions.
func VerifyMarkdown(w io.Writer, r *engine.VerifyResult) error {
	var b strings.Builder
	c := r.Counts()
	fmt.Fprintf(&b, "**%d as declared", c.AsDeclared)
	for _, p := range countWords(c) {
		fmt.Fprintf(&b, ", %d %s", p.n, p.word)
	}
	b.WriteString("**\n\n")
	for _, z := range r.Zones {
		if quiet(z) {
			continue
		}
		fmt.Fprintf(&b, "### %s\n\n", escape(zoneName(z)))
		if z.Err != "" {
			fmt.Fprintf(&b, "⚠️ **not asked** %s\n\n", escape(z.Err))
		}
		for _, s := range z.Sets {
			markdownSet(&b, z, s)
		}
		for _, p := range z.Policies {
			if p.Verdict != engine.AsDeclared || p.Message != "" {
				fmt.Fprintf(&b, "%s **%s** %s: %s\n\n", verdictIcon(p.Verdict), p.Verdict, code(p.URL), escape(p.Message))
			}
		}
		for _, s := range z.Servers {
			word := "⚠️ **not asked**"
			if s.Harmless {
				word = "ℹ️"
			}
			fmt.Fprintf(&b, "%s %s\n\n", word, escape(serverText(s)))
		}
		if z.Note != "" {
			fmt.Fprintf(&b, "ℹ️ %s\n\n", escape(z.Note))
		}
	}
	for _, s := range skipped(r) {
		fmt.Fprintf(&b, "%s\n\n", escape(s))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func verdictIcon(v engine.Verdict) string {
	switch v {
	case engine.AsDeclared:
		return "✅"
	case engine.Unconfirmed, engine.Undeclared:
		return "⚠️"
	}
	return "❌"
}

func markdownSet(b *strings.Builder, z engine.VerifiedZone, s engine.VerifiedSet) {
	if s.Verdict == engine.AsDeclared || s.Verdict == engine.Unconfirmed && z.Err != "" {
		return
	}
	fmt.Fprintf(b, "%s **%s** %s", verdictIcon(s.Verdict), s.Verdict, code(s.Name.String()+" "+s.Type))
	if s.Pos.File != "" {
		fmt.Fprintf(b, " at %s", code(fmt.Sprintf("%s:%d:%d", s.Pos.File, s.Pos.Line, s.Pos.Column)))
	}
	if s.Verdict == engine.Undeclared {
		fmt.Fprintf(b, ": %s is published and not declared", escape(s.What))
	}
	b.WriteString("\n\n")
	if len(s.Answers) == 0 {
		b.WriteString("no server that could be asked answers\n\n")
	}
	for _, a := range s.Answers {
		fmt.Fprintf(b, "%s\n\n", escape(answerText(s, a)))
		if a.AsDeclared || a.Text != "" {
			continue
		}
		before, after := difference(planner.Change{Action: planner.Modify, Before: s.Declared, After: a.Data})
		var diff strings.Builder
		for _, d := range before {
			fmt.Fprintf(&diff, "- %s\n", Plain(d))
		}
		for _, d := range after {
			fmt.Fprintf(&diff, "+ %s\n", Plain(d))
		}
		fmt.Fprintf(b, "%s\n\n", strings.Replace(fence(diff.String()), "text\n", "diff\n", 1))
	}
}
