package mtasts

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-dns/tripod/internal/zone"
)

func brief(text string, ps []zone.Problem) []string {
	var out []string
	for _, p := range ps {
		out = append(out, fmt.Sprintf("%s %d %q: %s", p.Kind, p.Start, text[p.Start:p.End], p.Message))
	}
	return out
}

func TestParse(t *testing.T) {
	const discarded = "the record does not begin with v=STSv1; – it is discarded (RFC 8461 §3.1)"
	tests := []struct {
		text string
		id   string
		want []string
	}{
		{"v=STSv1; id=20160831085700Z;", "20160831085700Z", nil}, // RFC 8461 §3.1
		{"v=STSv1;id=1;x-1.y=2", "1", nil},
		{"v=STSv1", "", []string{`no-id 0 "v=STSv1": no id=: the record has no effect`}},
		{"v=STSv1; id=", "", []string{`bad-id 9 "id=": id= is empty: the record has no effect`}},
		{"v=STSv1; ID=1", "", []string{`no-id 9 "ID": ID= is not id=: the record has no effect`}},
		{"v=STSv1; id=2026-11-24", "2026-11-24", []string{`bad-id 12 "2026-11-24": id= holds something else than letters and digits: senders may discard the record (RFC 8461 §3.1)`}},
		{"v=STSv1; id=" + strings.Repeat("1", 33), strings.Repeat("1", 33), []string{`bad-id 12 "` + strings.Repeat("1", 33) + `": id= has 33 characters, the limit is 32 (RFC 8461 §3.1)`}},
		{"v=stsv1; id=1", "1", []string{`version 0 "v=stsv1": ` + discarded}},
		{"id=1; v=STSv1", "1", []string{`version 6 "v=STSv1": ` + discarded}},
		{" v=STSv1; id=1", "1", []string{`version 0 " ": ` + discarded}},
		{"v=STSv1 id=1", "", []string{`version 2 "STSv1 id=1": ` + discarded}},
		{"v=STSv1; id=1; id=2", "1", []string{`duplicate 15 "id=2": the tag "id" is there twice: senders may read either, or discard the record`}},
	}
	for _, tt := range tests {
		r := Parse(tt.text)
		if d := cmp.Diff(tt.want, brief(tt.text, r.Problems)); d != "" {
			t.Errorf("%q: %s", tt.text, d)
		}
		if r.String() != tt.text || r.ID != tt.id {
			t.Errorf("prints %q, id %q", r.String(), r.ID)
		}
	}
	if !Meant(`"v=stsv1`) || Meant("v=TLSRPTv1") || Meant("") {
		t.Error("Meant")
	}
}

func TestParsePolicy(t *testing.T) {
	// RFC 8461 §3.2's example.
	const text = "version: STSv1\nmode: enforce\nmx: mail.example.com\nmx: *.example.net\nmx: backupmx.example.com\nmax_age: 604800\n"
	p := ParsePolicy(text)
	if len(p.Problems) != 0 || p.Mode != Enforce || p.MaxAge != 604800 || len(p.MX) != 3 || p.MX[1].Value != "*.example.net" {
		t.Errorf("%+v", p)
	}
	if p.String() != text {
		t.Error("prints other bytes")
	}
	crlf := strings.ReplaceAll(text, "\n", "\r\n")
	if got := Format(Enforce, []string{"mail.example.com", "*.example.net", "backupmx.example.com"}, 604800); got != crlf {
		t.Errorf("Format = %q", got)
	}
	if q := ParsePolicy(crlf); len(q.Problems) != 0 || len(q.MX) != 3 || q.MX[0].Value != "mail.example.com" {
		t.Errorf("CRLF: %+v", q)
	}
	tests := []struct {
		text string
		want []string
	}{
		{"version: STSv1\nmode: none\nmax_age: 0", nil},
		{"version: STSv1\nmode: enforced\nmx: a.example\nmax_age: 1", []string{`policy-mode 21 "enforced": "enforced" is no mode`}},
		{"version: STSv1\nmode: testing\nmax_age: 1", []string{`policy-mx 0 "version: STSv1\nmode: testing\nmax_age: 1": no mx: no host is allowed to take mail`}},
		{"version: STSv1\nmode: none\nmax_age: 31557601", []string{`policy-max-age 35 "31557601": max_age is 31557601, the limit is 31557600 (RFC 8461 §3.2)`}},
		{"version: STSv1\nmode: none\nmax_age: 1w", []string{`policy-max-age 35 "1w": "1w" is no number of seconds`}},
		{"version: STSv1\nmode: testing\nmx: *.*.example\nmax_age: 1\nhello\nmode: none", []string{
			`policy-mx 33 "*.*.example": "*.*.example" is no host name`, `policy-line 56 "hello": "hello" is no line of a policy`,
			`policy-twice 62 "mode: none": mode is there twice: the first counts`}},
		{"", []string{`policy-version 0 "": no version: the policy is not read`, `policy-mode 0 "": no mode`, `policy-max-age 0 "": no max_age`}},
	}
	for _, tt := range tests {
		if d := cmp.Diff(tt.want, brief(tt.text, ParsePolicy(tt.text).Problems)); d != "" {
			t.Errorf("%q: %s", tt.text, d)
		}
	}
}

func TestCovers(t *testing.T) {
	tests := []struct {
		pattern, host string
		want          bool
	}{
		{"mail.example.com", "mail.example.com", true},
		{"Mail.Example.COM.", "mail.example.com", true},
		{"*.example.com", "mail.example.com", true},
		{"*.example.com", "a.mail.example.com", false}, // RFC 8461 §4.1
		{"*.example.com", "example.com", false},
		{"example.com", "mail.example.com", false},
		{"*.", "com", false},
		{"", "", false},
	}
	for _, tt := range tests {
		if got := Covers(tt.pattern, zone.Name(tt.host)); got != tt.want {
			t.Errorf("Covers(%q, %q) = %v", tt.pattern, tt.host, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("v=STSv1; id=20160831085700Z;")
	f.Add(`v=stsv1\; 1.2=;; ID=`)
	f.Fuzz(func(t *testing.T, s string) {
		r := Parse(s)
		if r.String() != s {
			t.Fatal("prints other bytes")
		}
		for _, p := range r.Problems {
			if p.Start < 0 || p.Start > p.End || p.End > len(s) || p.Message == "" {
				t.Fatalf("%+v", p)
			}
		}
		Meant(s)
	})
}

func FuzzParsePolicy(f *testing.F) {
	f.Add("version: STSv1\r\nmode: enforce\nmx: *.example.com \nmax_age: 1\n")
	f.Add(":\n\r\n max_age:\nmode\n")
	f.Fuzz(func(t *testing.T, s string) {
		p := ParsePolicy(s)
		if p.String() != s {
			t.Fatal("prints other bytes")
		}
		for _, f := range p.Fields {
			if s[f.KeyStart:f.KeyEnd] != f.Key || s[f.ValueStart:f.ValueEnd] != f.Value {
				t.Fatalf("%+v", f)
			}
		}
		for _, q := range p.Problems {
			if q.Start < 0 || q.Start > q.End || q.End > len(s) || q.Message == "" {
				t.Fatalf("%+v", q)
			}
		}
		for _, m := range p.MX {
			Covers(m.Value, "mail.example.com")
		}
	})
}
