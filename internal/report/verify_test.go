package report

import (
	"io"
	"strings"
	"testing"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/internal/zone"
)

func exampleVerify() *engine.VerifyResult {
	pos := config.Position{File: "domains/example.com.hcl", Line: 9, Column: 3, EndLine: 9, EndColumn: 8}
	all := []string{"ns1.example.com", "ns2.example.com", "ns3.example.com", "ns4.example.com", "ns5.example.com", "ns6.example.com"}
	return &engine.VerifyResult{
		Zones: []engine.VerifiedZone{
			{Name: "quiet.example", Sets: []engine.VerifiedSet{{Name: "quiet.example", Type: "MX", Verdict: engine.AsDeclared}}},
			{
				Name: "example.com", Note: "selectors that nobody declares cannot be listed",
				Sets: []engine.VerifiedSet{
					{Name: "example.com", Type: "MX", Verdict: engine.AsDeclared, Declared: []string{"10 mx.example.com."}, Pos: pos},
					{Name: "example.com", Type: "TXT", Verdict: engine.Wrong, Declared: []string{"v=spf1 mx -all"}, Pos: pos,
						Answers: []engine.VerifiedAnswer{{Data: []string{"v=spf1 mx ~all"}, Servers: all}}},
					{Name: "_dmarc.example.com", Type: "TXT", Verdict: engine.Differs, Declared: []string{"v=DMARC1; p=reject"}, Pos: pos,
						Answers: []engine.VerifiedAnswer{
							{AsDeclared: true, Data: []string{"v=DMARC1; p=reject"}, Servers: all[:1]},
							{Data: []string{"v=DMARC1; p=none"}, Servers: all[1:]}}},
					{Name: "s1._domainkey.example.com", Type: "TXT", Verdict: engine.Missing, Declared: []string{key}, Pos: pos,
						Answers: []engine.VerifiedAnswer{{Text: "the name does not exist", Servers: all[:2]}}},
					{Name: "old._domainkey.example.com", Type: "TXT", Verdict: engine.Undeclared, What: "a DKIM key",
						Answers: []engine.VerifiedAnswer{{Data: []string{key}, Servers: all[:2]}}},
					{Name: "mx.example.com", Type: "A", Verdict: engine.Unconfirmed, Declared: []string{"192.0.2.1"}, Pos: pos},
				},
				Policies: []engine.VerifiedPolicy{{Owner: "example.com", URL: "https://mta-sts.example.com/.well-known/mta-sts.txt", Verdict: engine.Wrong, Message: "mode is testing, enforce is declared", Pos: pos}},
				Servers: []engine.ServerTrouble{
					{Server: "ns7.example.com (192.0.2.53)", Kind: "lame", Why: "it says that it is not authoritative for example.com", Questions: 12, Of: 12},
					{Server: "ns8.example.com (2001:db8::53)", Kind: "unreachable", Why: "no route", Questions: 1, Of: 12, Harmless: true},
				},
			},
			{Name: "example.org", Tag: "inside", Err: "example.org has no name servers", Sets: []engine.VerifiedSet{{Name: "example.org", Type: "MX", Verdict: engine.Unconfirmed}}},
		},
		Skipped: map[string]int{"": 1, "inside": 2},
	}
}

func TestVerify(t *testing.T) {
	r := exampleVerify()
	out := text(t, Style{}, func(t *Text) { t.Verify(r) })
	golden(t, "verify-80.txt", []byte(out))
	fits(t, out, 80)
	if colour := text(t, Style{Color: true}, func(t *Text) { t.Verify(r) }); ansi.ReplaceAllString(colour, "") != out || !strings.Contains(colour, "\x1b") {
		t.Errorf("coloured: %s", colour)
	}
	fits(t, text(t, Style{Width: 40}, func(t *Text) { t.Verify(r) }), 80)
	written(t, "verify.json", func(w io.Writer) error { return VerifyJSON(w, r) })
	written(t, "verify.md", func(w io.Writer) error { return VerifyMarkdown(w, r) })
}

// evilVerify is a result made of a hostile text.
func evilVerify(s string) *engine.VerifyResult {
	pos := config.Position{File: s, Line: 1, Column: 1}
	z := engine.VerifiedZone{
		Name: zone.Name(s), Tag: s, Err: s, Note: s, Servers: []engine.ServerTrouble{{Server: s, Kind: "lame", Why: s, Questions: 1, Of: 2}},
		Policies: []engine.VerifiedPolicy{{Owner: zone.Name(s), URL: s, Verdict: engine.Wrong, Message: s, Pos: pos}},
	}
	for _, v := range []engine.Verdict{engine.Wrong, engine.Missing, engine.Differs, engine.Undeclared} {
		z.Sets = append(z.Sets, engine.VerifiedSet{Name: zone.Name(s), Type: "TXT", Verdict: v, Declared: []string{s}, What: s, Pos: pos,
			Answers: []engine.VerifiedAnswer{{Data: []string{s + "x"}, Servers: []string{s}}, {Text: s, Servers: []string{s, s}}}})
	}
	return &engine.VerifyResult{Zones: []engine.VerifiedZone{z}, Skipped: map[string]int{s: 2}}
}
