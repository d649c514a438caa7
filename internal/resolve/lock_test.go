package resolve

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
	"pgregory.net/rapid"

	"github.com/tripod-dns/tripod/internal/zone"
)

// sample holds every form of an answer, in the printed order.
const sample = `{"schema": 1, "taken": "2026-11-24", "answers": {
"_dmarc.com. TXT": {"rcode": "NXDOMAIN"},
"broken.example.net. TXT": {"rcode": "SERVFAIL"},
"empty.example.net. TXT": {"data": []},
"example.net. DS": {"exists": false},
"example.net. MX": {"data": ["10 mx1.example.net.", "20 mx2.example.net."]},
"example.net. TXT": {"data": [["a \"quoted\\ \udcff\u0009é", "second"], ["v=spf1 -all"]]},
"mx1.example.net. A": {"exists": true},
"mx1.example.net. AAAA": {"exists": false},
"mx2.example.net. A": {"data": ["192.0.2.1", "192.0.2.2"]},
"mx2.example.net. TYPE65400": {"data": ["\\# 2 abcd"]},
"s1._domainkey.example.net. CNAME": {"data": ["s1.vendor.example."]}}}
`

func mustLock(t testing.TB, s string) *Lock {
	t.Helper()
	l, err := ParseLock([]byte(s))
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestLockPrintsWhatItRead(t *testing.T) {
	l := mustLock(t, sample)
	if diff := cmp.Diff(sample, string(l.Print())); diff != "" {
		t.Errorf("print(parse(x)) differs (-want +got):\n%s", diff)
	}
	if l.Len() != 11 || !l.Taken.Equal(time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("%d answers taken at %v", l.Len(), l.Taken)
	}
	empty := `{"schema": 1, "taken": "2026-11-24", "answers": {}}` + "\n"
	if got := string(mustLock(t, empty).Print()); got != empty {
		t.Errorf("empty: %q", got)
	}
}

func TestLockIsPutInOrder(t *testing.T) {
	l := mustLock(t, ` {"answers":{"B.example. TXT":{"data":[["z"],["b","c"],["z"],["b"]]},"a.example. MX":{"data":["9  B.example."]}},`+
		"\r\n"+`"taken":"2026-01-02","schema":1}`)
	want := `{"schema": 1, "taken": "2026-01-02", "answers": {
"a.example. MX": {"data": ["9 b.example."]},
"b.example. TXT": {"data": [["b"], ["b", "c"], ["z"]]}}}
`
	if diff := cmp.Diff(want, string(l.Print())); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLockAnswers(t *testing.T) {
	l := mustLock(t, sample)
	for _, tt := range []struct {
		name  zone.Name
		qtype uint16
		data  bool
		want  zone.Status
		ok    bool
	}{
		{"_dmarc.com", dns.TypeTXT, true, zone.NXDomain, true},
		{"_dmarc.com", dns.TypeA, false, zone.NXDomain, true}, // the name has no type at all
		{"broken.example.net", dns.TypeTXT, true, zone.Failed, true},
		{"broken.example.net", dns.TypeMX, true, 0, false},
		{"empty.example.net", dns.TypeTXT, true, zone.NoData, true},
		{"example.net", dns.TypeDS, false, zone.NoData, true},
		{"example.net", dns.TypeMX, true, zone.Found, true},
		{"example.net", dns.TypeMX, false, zone.Found, true},
		{"example.net", dns.TypeCNAME, true, zone.NoData, true}, // it has other data
		{"example.net", dns.TypeA, true, 0, false},
		{"mx1.example.net", dns.TypeA, false, zone.Found, true},
		{"mx1.example.net", dns.TypeA, true, 0, false}, // the addresses were not wanted
		{"mx1.example.net", dns.TypeAAAA, true, zone.NoData, true},
		{"nowhere.example", dns.TypeA, false, 0, false},
	} {
		s, ok := l.answer(tt.name, tt.qtype, tt.data)
		if ok != tt.ok || ok && s.status != tt.want {
			t.Errorf("%s %s data=%v: %v %v", tt.name, zone.TypeName(tt.qtype), tt.data, s.status, ok)
		}
	}
	s, _ := l.answer("s1._domainkey.example.net", dns.TypeTXT, true)
	if s.link == nil || s.link.Target != "s1.vendor.example" || s.link.Origin != zone.Third {
		t.Errorf("link %+v", s.link)
	}
	s, _ = l.answer("example.net", dns.TypeTXT, true)
	if got := s.records[0]; got.Text.String() != "a \"quoted\\ \xff\tésecond" || len(got.Joints) != 1 {
		t.Errorf("text %q joints %v", got.Text.String(), got.Joints)
	}
}

func TestLockErrors(t *testing.T) {
	const head = `{"schema": 1, "taken": "2026-11-24", "answers": {` + "\n"
	for _, tt := range []struct {
		src       string
		line, col int
		want      string
	}{
		{"", 1, 1, "the lock file: expected '{', found the end of the file"},
		{"\xef\xbb\xbf{}", 1, 1, `the lock file: expected '{', found '\ufeff'`},
		{"[[[[", 1, 1, "the lock file: expected '{', found '['"},
		{"{}", 1, 1, `the lock file has no "schema"`},
		{`{"schema": 2}`, 1, 12, `schema "2": this version of tripod reads schema 1`},
		{`{"schema": 1, "schema": 1}`, 1, 15, `"schema" stands twice`},
		{`{"é": 1}`, 1, 2, `"é" is nothing that a lock file has: only "schema", "taken" and "answers"`},
		{`{"taken": "yesterday"}`, 1, 11, `"yesterday" is no day like 2026-11-24`},
		{head + `"example.net TXT": {}}}`, 2, 1, `"example.net TXT" is no question like "example.com. TXT"`},
		{head + `"example..net. TXT": {}}}`, 2, 1, `"example..net." is no domain name: empty label`},
		{head + `"example.net. TXXT": {}}}`, 2, 1, `"TXXT" is no record type`},
		{head + `"example.net. ANY": {}}}`, 2, 1, `"ANY" is no type that records have`},
		{head + `"example.net. TXT": {}}}`, 2, 1, `the answer of example.net. TXT is empty: it needs one of "data", "exists" and "rcode"`},
		{head + `"example.net. TXT": {"data": [], "exists": true}}}`, 2, 34, `an answer has one of "data", "exists" and "rcode"`},
		{head + `"example.net. TXT": {"value": []}}}`, 2, 22, `"value": an answer has one of "data", "exists" and "rcode"`},
		{head + `"example.net. TXT": {"exists": 1}}}`, 2, 32, `"exists" is true or false`},
		{head + `"example.net. TXT": {"rcode": "NOERROR"}}}`, 2, 31, `"NOERROR" is no rcode of an answer without records, such as NXDOMAIN`},
		{head + `"example.net. TXT": {"data": ["x"]}}}`, 2, 31, `the strings of a TXT: expected '[', found '"'`},
		{head + `"example.net. TXT": {"data": [[]]}}}`, 2, 31, `a TXT has at least one string`},
		{head + `"example.net. TXT": {"data": [["é", "` + strings.Repeat("x", 256) + `"]]}}}`, 2, 37, `a string of 256 octets, the limit is 255 (RFC 1035 §3.3)`},
		{head + `"example.net. TXT": {"data": [["\q"]]}}}`, 2, 33, `a string of a TXT: JSON knows no escape of 'q'`},
		{head + `"example.net. TXT": {"data": [["\ud800"]]}}}`, 2, 33, `a string of a TXT: half a surrogate pair`},
		{head + `"example.net. TXT": {"data": [["` + "\xff" + `"]]}}}`, 2, 33, `a string of a TXT is not UTF-8`},
		{head + `"example.net. A": {"data": ["300.0.0.1"]}}}`, 2, 29, `"300.0.0.1" is no rdata of the type A`},
		{head + `"example.net. A": {"data": ["192.0.2.1` + `\n` + `x"]}}}`, 2, 29, `rdata with the character '\n'`},
		{head + `"a. A": {"exists": true},` + "\n" + `"a. A": {"exists": true}}}`, 3, 1, `a. A stands twice`},
		{head + `"a. A": {"exists": true}`, 2, 25, `"answers": expected ',' or '}', found the end of the file`},
		{head + `}} x`, 2, 4, `'x' after the end of the lock file`},
	} {
		_, err := ParseLock([]byte(tt.src))
		var se *SyntaxError
		if !errors.As(err, &se) {
			t.Errorf("%q: %v", tt.src, err)
			continue
		}
		if se.Line != tt.line || se.Column != tt.col || se.Message != tt.want {
			t.Errorf("%q:\n got %d:%d %s\nwant %d:%d %s", tt.src, se.Line, se.Column, se.Message, tt.line, tt.col, tt.want)
		}
	}
}

func TestLockStale(t *testing.T) {
	l := mustLock(t, sample)
	day := 24 * time.Hour
	if l.Stale(l.Taken.Add(30*day), 30*day) {
		t.Error("stale on the last day")
	}
	if !l.Stale(l.Taken.Add(30*day+1), 30*day) {
		t.Error("not stale a moment later")
	}
	if (&Lock{}).Stale(l.Taken, 0) {
		t.Error("a lock file without answers has nothing that grows old")
	}
}

// A third party must not be able to write what makes the lock file unreadable: names and texts of any octets.
func TestWhateverTheWireHoldsIsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		wireName := rapid.Custom(func(t *rapid.T) string {
			var wire []byte
			for _, l := range rapid.SliceOfN(rapid.SliceOfN(rapid.OneOf(rapid.Byte(), rapid.SampledFrom([]byte(` .\"@;()a'`))), 1, 6), 1, 4).Draw(t, "labels") {
				wire = append(append(wire, byte(len(l))), l...)
			}
			s, _, err := dns.UnpackDomainName(append(wire, 0), 0)
			if err != nil {
				t.Fatal(err)
			}
			return s
		})
		owner := wireName.Draw(t, "owner")
		hdr := func(typ uint16) dns.RR_Header {
			return dns.RR_Header{Name: owner, Rrtype: typ, Class: dns.ClassINET}
		}
		l := &Lock{Taken: time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC)}
		for _, rr := range []dns.RR{
			&dns.CNAME{Hdr: hdr(dns.TypeCNAME), Target: wireName.Draw(t, "target")},
			&dns.MX{Hdr: hdr(dns.TypeMX), Mx: wireName.Draw(t, "mx")},
			&dns.SRV{Hdr: hdr(dns.TypeSRV), Target: wireName.Draw(t, "srv")},
		} {
			r := fromRR(rr)
			l.put(&entry{key: key{r.Name, r.Type}, records: []*zone.Record{r}})
		}
		strs := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string { return string(rapid.SliceOfN(rapid.Byte(), 0, 20).Draw(t, "octets")) }), 1, 3).Draw(t, "strings")
		l.put(&entry{key: key{nameOf(owner), dns.TypeTXT}, records: []*zone.Record{txtRecord(nameOf(owner), strs)}})
		out := string(l.Print())
		again, err := ParseLock([]byte(out))
		if err != nil {
			t.Fatalf("%v in\n%s", err, out)
		}
		if diff := cmp.Diff(out, string(again.Print())); diff != "" {
			t.Fatal(diff)
		}
		if got := characterStrings(again.answers[key{nameOf(owner), dns.TypeTXT}].records[0]); !slices.Equal(got, strs) {
			t.Fatalf("%q became %q", strs, got)
		}
	})
}

// Whatever a file holds, it is judged in time, and by what it says, not by what it weighs in memory.
func TestLockOfRubbish(t *testing.T) {
	const size = 4 << 20
	const head = `{"schema": 1, "taken": "2026-11-24", "answers": {` + "\n"
	fill := func(head, more string, size int) []byte {
		return []byte(head + strings.Repeat(more, (size-len(head))/len(more)))
	}
	var many strings.Builder
	many.WriteString(head)
	for i := range maxLockItems + 1 {
		fmt.Fprintf(&many, "\"a%d. A\": {\"exists\": true},\n", i)
	}
	for name, tt := range map[string]struct {
		src  []byte
		want string
	}{
		"too long":        {make([]byte, MaxLockSize+1), "line 1, column 1: the lock file is 33554433 octets long, the limit is 33554432"},
		"brackets":        {fill("", "[", size), "line 1, column 1: the lock file: expected '{', found '['"},
		"braces":          {fill("", `{"answers":`, size), `line 1, column 13: "answers" is no question like "example.com. TXT"`},
		"deep data":       {fill(head+`"a. TXT": {"data": [`, "[", size), `line 2, column 22: a string of a TXT: expected '"', found '['`},
		"white space":     {fill("", " \n", size), "line 2097153, column 1: the lock file: expected '{', found the end of the file"},
		"a long string":   {fill(head+`"`, "x", size), `line 2, column 1: a name in "answers" is longer than 262140 octets`},
		"escapes":         {fill(head+`"`, `\u0041`, size), `line 2, column 1: a name in "answers" is longer than 262140 octets`},
		"many records":    {fill(head+`"a. A": {"data": [`, `"1.1.1.1",`, size), "line 2, column 60019: more than 6000 records in one answer"},
		"strings":         {fill(head+`"a. TXT": {"data": [[`, `"",`, size), "line 2, column 196627: a TXT of more than 65535 octets"},
		"a name of names": {fill(head+`"`, `a.`, 1<<17), `line 2, column 1: a name in "answers" has no closing quote`},
		"a long number":   {fill(`{"schema": `, "1", size), `line 1, column 12: schema "1111111111111111111111111111111111111111": this version of tripod reads schema 1`},
		"many answers":    {[]byte(many.String()), fmt.Sprintf("line %d, column 1: more than 250000 answers and records", maxLockItems+2)},
	} {
		t.Run(name, func(t *testing.T) {
			begun := time.Now()
			_, err := ParseLock(tt.src)
			if err == nil || err.Error() != tt.want {
				t.Errorf("%v, want %s", err, tt.want)
			}
			// Far more than it needs, even where tests run slowly; far less than what is not linear would take.
			if took := time.Since(begun); took > 30*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

func FuzzParseLock(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte(`{"schema":1,"taken":"2026-11-24","answers":{"a. CAA":{"data":["0 issue \"x;y\""]}}}`))
	f.Add([]byte(`{"schema":1,"taken":"2026-11-24","answers":{"\\046.a. SRV":{"data":["0 0 0 \\046."]}}}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		l, err := ParseLock(src)
		if err != nil {
			var se *SyntaxError
			if !errors.As(err, &se) || se.Line < 1 || se.Column < 1 || se.Message == "" {
				t.Fatalf("error without a place: %v", err)
			}
			return
		}
		out := l.Print()
		again, err := ParseLock(out)
		if err != nil {
			t.Fatalf("%v in what was printed:\n%s", err, out)
		}
		if diff := cmp.Diff(string(out), string(again.Print())); diff != "" {
			t.Fatalf("printing again changes:\n%s", diff)
		}
	})
}
