package taglist

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
		s := fmt.Sprintf("%s %d-%d %q: %s", p.Kind, p.Start, p.End, text[p.Start:p.End], p.Message)
		if p.Fix != nil {
			s += fmt.Sprintf(" [fix %q]", *p.Fix)
		}
		out = append(out, s)
	}
	return out
}

func TestParseTags(t *testing.T) {
	const text = "v=DKIM1 ; p = MIG\r\n fMA0 ;n=a=b; e=;"
	l := Parse(text)
	want := []Tag{
		{Name: "v", Value: "DKIM1", NameStart: 0, NameEnd: 1, ValueStart: 2, ValueEnd: 7, Start: 0, End: 8},
		{Name: "p", Value: "MIG\r\n fMA0", NameStart: 10, NameEnd: 11, ValueStart: 14, ValueEnd: 24, Start: 9, End: 25},
		{Name: "n", Value: "a=b", NameStart: 26, NameEnd: 27, ValueStart: 28, ValueEnd: 31, Start: 26, End: 31},
		{Name: "e", Value: "", NameStart: 33, NameEnd: 34, ValueStart: 35, ValueEnd: 35, Start: 32, End: 35},
	}
	if d := cmp.Diff(want, l.Tags); d != "" {
		t.Error(d)
	}
	if len(l.Problems) != 0 {
		t.Errorf("problems: %v", brief(text, l.Problems))
	}
	if l.String() != text {
		t.Errorf("prints %q", l.String())
	}
	if tag, ok := l.Get("n"); !ok || tag.Value != "a=b" {
		t.Errorf("Get(n) = %v, %v", tag, ok)
	}
	if _, ok := l.Get("N"); ok {
		t.Error("names are case-sensitive")
	}
}

func TestParseProblems(t *testing.T) {
	tests := []struct {
		text string
		want []string
	}{
		{"v=DKIM1; k=rsa; p=AAAA; ", nil},
		{"", []string{`empty 0-0 "": the record is empty`}},
		{"  ", []string{`empty 0-2 "  ": the record is empty`}},
		{"a=1;;b=2", []string{`empty-tag 4-5 ";": nothing stands before this ";" [fix ""]`}},
		{"a=1; ; ;b=2", []string{`empty-tag 5-8 "; ;": nothing stands before this ";" [fix ""]`}},
		{";a=1", []string{`empty-tag 0-1 ";": nothing stands before this ";" [fix ""]`}},
		{"a=1; reject; b=2", []string{`missing-equals 5-11 "reject": "reject" is no tag: the = is missing`}},
		{"a=1; 1b=2", []string{`bad-name 5-7 "1b": "1b" is no tag name`}},
		{"a=1; =2", []string{`bad-name 5-6 "=": no tag name before "="`}},
		{"a=1; b=2; a=3", []string{`duplicate 10-13 "a=3": the tag "a" is there twice: the whole list is invalid (RFC 6376 §3.2)`}},
		{`v=DKIM1\; p=AAAA`, []string{`escaped 7-9 "\\;": a literal backslash before ";" [fix ";"]`}},
		{`"v=DKIM1; p=AAAA"`, []string{`quote 0-1 "\"": the record begins with a quotation mark`}},
		{"\u201cv=DKIM1; p=A", []string{"smart-quote 0-3 \"\u201c\": a typographic quotation mark (\u201c, U+201C)"}},
		{"a=1; b=\u00e9t\u00e9", []string{
			`non-ascii 7-9 "é": é is not ASCII (U+00E9)`, `non-ascii 10-12 "é": é is not ASCII (U+00E9)`}},
		{"a=1;\u00a0b=2", []string{`non-ascii 4-6 "\u00a0": a space that is not ASCII (U+00A0)`}},
		{"\ufeffa=1", []string{`non-ascii 0-3 "\ufeff": an invisible character (U+FEFF)`}},
		{"a=\xff\xfe", []string{`non-ascii 2-4 "\xff\xfe": an octet that is not ASCII (0xFF)`}},
		{"a=1\nb=2", []string{`control 3-4 "\n": a line break`}},
		{"a=\x00\x01", []string{`control 2-4 "\x00\x01": a control character (U+0000)`}},
	}
	for _, tt := range tests {
		got := brief(tt.text, Parse(tt.text).Problems)
		if d := cmp.Diff(tt.want, got); d != "" {
			t.Errorf("%q: %s", tt.text, d)
		}
	}
}

func TestUnescaped(t *testing.T) {
	l := Parse(`v=DKIM1 \; p=AAAA\`)
	if got := l.Tags[0].Unescaped(); got != "DKIM1" {
		t.Errorf("Unescaped = %q", got)
	}
	if l.Tags[1].Escaped {
		t.Error("a backslash at the end escapes no semicolon")
	}
}

func TestCut(t *testing.T) {
	tests := []struct {
		text string
		i    int
		want string
	}{
		{"v=1; p=none; pct=50; rua=x", 2, "v=1; p=none; rua=x"},
		{"v=1; p=none; pct=50", 2, "v=1; p=none"},
		{"v=1; p=none; pct=50;", 2, "v=1; p=none;"},
		{"g=*; v=1; p=A", 0, "v=1; p=A"},
		{"g=*", 0, ""},
	}
	for _, tt := range tests {
		a, b := Parse(tt.text).Cut(tt.i)
		if got := tt.text[:a] + tt.text[b:]; got != tt.want {
			t.Errorf("%q without tag %d: %q, want %q", tt.text, tt.i, got, tt.want)
		}
	}
}

func TestBounded(t *testing.T) {
	for _, text := range []string{strings.Repeat("a;", 1<<18), strings.Repeat("a=;", 1<<18), strings.Repeat("\x00a", 1<<18), strings.Repeat(";", 1<<18)} {
		if n := len(Parse(text).Problems); n > maxProblems {
			t.Errorf("%d problems", n)
		}
	}
}

func TestClosest(t *testing.T) {
	tests := []struct{ in, want string }{
		{"rejct", "reject"}, {"REJECT", "reject"}, {"quarentine", "quarantine"}, {"reject", ""}, {"xyz", ""}, {"non", "none"},
	}
	for _, tt := range tests {
		if got := Closest(tt.in, "none", "quarantine", "reject"); got != tt.want {
			t.Errorf("Closest(%q) = %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestParseURIs(t *testing.T) {
	const before = "rua="
	tests := []struct {
		value   string
		hosts   string
		problem []string
	}{
		{"", "", nil},
		{"mailto:a@example.com", "example.com", nil},
		{"mailto:a@example.com , MAILTO:b@Example.NET", "example.com example.net", nil},
		{"mailto:reports+d%21x@example.com?subject=x", "example.com", nil},
		{"https://reports.example.com:8443/v1?x=1", "reports.example.com", nil},
		{"mailto:a@example.com!10m", "example.com", nil},
		{"postmaster@college.example", "", []string{
			`uri-scheme 4-30 "postmaster@college.example": "postmaster@college.example" is not a URI [fix "mailto:postmaster@college.example"]`}},
		{"mailto@a@example.com", "", []string{`uri-scheme 4-24 "mailto@a@example.com": "mailto" without its colon is no URI`}},
		{"mailto a@example.com", "", []string{`uri-scheme 4-24 "mailto a@example.com": "mailto" without its colon is no URI [fix "mailto:a@example.com"]`}},
		{"mailto://a@example.com", "", []string{`uri-address 11-13 "//": "//" behind mailto: counts as a part of the address [fix ""]`}},
		{"mailto:", "", []string{`uri-address 11-11 "": mailto: without an address`}},
		{"mailto:a", "", []string{`uri-address 11-12 "a": "a" is no mail address: there is no @`}},
		{"mailto:a@example..com", "", []string{`uri-host 11-25 "a@example..com": "example..com" is no mail domain`}},
		{"mailto:a!b@example.com", "", []string{`uri-size 12-13 "!": "!" in a URI has to be written %21 [fix "%21"]`}},
		{"mailto:a@example.com mailto:b@example.com", "", []string{`uri-character 24-25 " ": " " cannot stand in a URI`}},
		{"mailto:a%zz@example.com", "", []string{`uri-character 12-13 "%": "%" is not followed by two hexadecimal digits`}},
		{"mailto:a@example.com,,mailto:b@example.com", "example.com  example.com", []string{`uri-empty 25-25 "": no URI between the commas`}},
		{"https:/x", "", []string{`uri-host 10-12 "/x": no host behind https:`}},
	}
	for _, tt := range tests {
		text := before + tt.value
		var hosts []string
		var got []string
		for _, u := range ParseURIs(tt.value, len(before)) {
			hosts = append(hosts, u.Host)
			got = append(got, brief(text, u.Problems)...)
			if text[u.Start:u.End] != u.Text+u.Size {
				t.Errorf("%q: %d-%d is not %q", tt.value, u.Start, u.End, u.Text+u.Size)
			}
		}
		if h := strings.Join(hosts, " "); h != tt.hosts {
			t.Errorf("%q: hosts %q, want %q", tt.value, h, tt.hosts)
		}
		if d := cmp.Diff(tt.problem, got); d != "" {
			t.Errorf("%q: %s", tt.value, d)
		}
	}
	u := ParseURIs("mailto:a@example.com!10m", 4)[0]
	if u.Size != "!10m" || u.SizeStart != 24 || u.Text != "mailto:a@example.com" || u.End != 28 || u.Address != "a@example.com" {
		t.Errorf("%+v", u)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"v=DMARC1; p=none; rua=mailto:a@example.com!10m,b", `v=DKIM1\; k=rsa`, ";;", "\"v=1", "a\u201c=\u00a0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		l := Parse(s)
		if l.String() != s {
			t.Fatal("prints other bytes")
		}
		pos := 0
		for i, tag := range l.Tags {
			if tag.Start < pos || tag.Start > tag.NameStart || tag.NameEnd > tag.ValueStart || tag.ValueEnd > tag.End || tag.End > len(s) {
				t.Fatalf("%+v", tag)
			}
			if s[tag.NameStart:tag.NameEnd] != tag.Name || s[tag.ValueStart:tag.ValueEnd] != tag.Value {
				t.Fatalf("%+v", tag)
			}
			_ = tag.Unescaped()
			if a, b := l.Cut(i); a > b || b > len(s) {
				t.Fatalf("Cut(%d) = %d, %d", i, a, b)
			}
			for _, u := range ParseURIs(tag.Value, tag.ValueStart) {
				if u.Start < tag.ValueStart || u.End > tag.ValueEnd || s[u.Start:u.End] != u.Text+u.Size {
					t.Fatalf("%+v", u)
				}
				for _, p := range u.Problems {
					if p.Start > p.End || p.Start < u.Start || p.End > u.End {
						t.Fatalf("%+v", p)
					}
				}
			}
			pos = tag.End
		}
		for _, p := range l.Problems {
			if p.Start > p.End || p.Start < 0 || p.End > len(s) {
				t.Fatalf("%+v", p)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	s := "v=DKIM1; k=rsa; p=" + strings.Repeat("MIIBIjAN", 49)
	b.ReportAllocs()
	for b.Loop() {
		Parse(s)
	}
}
