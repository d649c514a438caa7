package dnscontrol

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

func TestReadZoneFile(t *testing.T) {
	src := `$ORIGIN example.org.
$TTL 600
@ SOA ns1 hostmaster 1 2 3 4 5
@ 60 IN MX 10 Mail.Example.ORG.
@ TXT "say \"hi\" \\ \195\169" " é;" ; comment
long TXT ( "a"
  "b" )
_x._y SRV 1 2 3 host
`
	got, err := readZoneFile([]byte(src), "example.org", "test")
	if err != nil {
		t.Fatal(err)
	}
	if got[2].Text.String() != `say "hi" \ é é;` || len(got[2].Joints) != 1 || got[2].Joints[0] != 13 || got[2].TTL != 600 {
		t.Errorf("TXT %q, joints %v, TTL %d", got[2].Text.String(), got[2].Joints, got[2].TTL)
	}
	if got[1].Target != "mail.example.org" || got[1].Pref != 10 || got[1].TTL != 60 || !got[1].HasTTL {
		t.Errorf("MX %+v", got[1])
	}
	if got[3].Text.String() != "ab" || got[4].Name != "_x._y.example.org" || got[4].Data != "1 2 3 host.example.org." {
		t.Errorf("%+v %+v", got[3], got[4])
	}
}

func TestReadZoneFileRefuses(t *testing.T) {
	for _, tc := range []struct{ src, want string }{
		{"$INCLUDE /etc/passwd\n", "$INCLUDE directive not allowed"},
		{"@ 60 CH TXT x\n", "class CH"},
		{"www.example.com. 60 A 192.0.2.1\n", "www.example.com is outside the zone example.org"},
		{"@ 60 A nonsense\n", "at line: 1"},
		{strings.Repeat("$GENERATE 1-65535 a$ A 192.0.2.1\n", 10), "more than 500000 records"},
	} {
		if _, err := readZoneFile([]byte(tc.src), "example.org", "test"); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%.40q: error %v, want %q", tc.src, err, tc.want)
		}
	}
}

func TestReadZones(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{"example.org.zone": "@ 60 TXT one\n", "db.example.org!inside": "@ 60 TXT two\n"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	domains := []*zone.Domain{{Name: "example.org"}, {Name: "example.org", Tag: "inside"}, {Name: "example.com"}}
	got, err := ReadZones(dir, domains)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{}
	for id, list := range got {
		texts[id] = list[0].RData()
	}
	if diff := cmp.Diff(map[string]string{"example.org": "one", "example.org!inside": "two"}, texts); diff != "" {
		t.Error(diff)
	}
	if _, err := ReadZones(filepath.Join(dir, "none"), domains); err == nil {
		t.Error("a directory that is not there gave no error")
	}
}

func TestPlainJSON(t *testing.T) {
	src := "{ # one\n \"a\": \"x # // , }\", // two\n \"b\": [1, 2, ],\n}\n"
	want := "{      \n \"a\": \"x # // , }\",       \n \"b\": [1, 2  ] \n}\n"
	if got := string(plainJSON([]byte(src))); got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzReadZoneFile(f *testing.F) {
	f.Add([]byte("$TTL 1\n@ SOA a b 1 2 3 4 5\n@ TXT \"\\\"\\\\\\195\"\n"))
	f.Add([]byte("$GENERATE 1-3 a$ TXT \"x$\"\nx CAA 0 issue \"a\\\\\"\n"))
	f.Add([]byte("x HTTPS 1 . alpn=h2 no-default-alpn\n* LOC 1 2 3 N 4 5 6 E 7m\n"))
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(src) > 4096 || strings.Count(string(src), "$GENERATE") > 2 {
			return
		}
		list, err := readZoneFile(src, "example.org", "test")
		if err != nil || len(list) > 100 {
			return
		}
		d := &zone.Domain{Name: "example.org", Emit: zone.EmitZone, Records: list}
		for _, r := range list {
			if r.Type != dns.TypeTXT && r.Data == "" {
				return // an empty rdata (RFC 3597) has no presentation format of its type
			}
		}
		// Whatever was read goes through the bridge without a panic, and is no change to itself.
		if Refuses(d) != nil {
			return
		}
		changes, err := Diff(d, list)
		if err != nil {
			t.Fatal(err)
		}
		if len(changes) != 0 {
			t.Errorf("changes %+v", changes)
		}
	})
}

func FuzzPlainJSON(f *testing.F) {
	f.Add([]byte(`{"a": "\"", # x` + "\n" + `},`))
	f.Fuzz(func(t *testing.T, src []byte) {
		if len(plainJSON(src)) != len(src) {
			t.Error("the length changed")
		}
	})
}

// Diff says of two zone files what named-checkzone says of them.
func TestDiffIsThatOfNamedCheckzone(t *testing.T) {
	checkzone := peer(t, "named-checkzone", bindPackages)
	dir := t.TempDir()
	before := `$TTL 300
@ SOA ns1 hostmaster 1 2 3 4 5
@ NS ns1
ns1 A 192.0.2.53
@ MX 10 mx1
@ TXT "v=spf1 -all"
mx1 A 192.0.2.25
gone TXT "gone"
quote TXT "say \"hi\" \\ \195\169;" "2"
`
	after := strings.NewReplacer("gone TXT", "came TXT", "10 mx1", "20 mx1", "mx1 A 192.0.2.25", "mx1 60 A 192.0.2.25", `"2"`, `"3"`).Replace(before)
	dump := func(name, text string) map[string]bool {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		out, err := runIn(t, dir, checkzone, "-q", "-D", "-o", "-", "example.org", file)
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		lines := map[string]bool{}
		for _, l := range strings.Split(out, "\n") {
			if f := strings.Fields(l); len(f) > 4 && f[3] != "SOA" {
				lines[strings.Join(f, " ")] = true
			}
		}
		return lines
	}
	old, now := dump("before", before), dump("after", after)
	want := map[string]bool{}
	for _, sides := range [][2]map[string]bool{{old, now}, {now, old}} {
		for l := range sides[0] {
			if !sides[1][l] {
				f := strings.Fields(l)
				want[strings.TrimSuffix(f[0], ".")+" "+f[3]] = true
			}
		}
	}
	base, err := readZoneFile([]byte(before), "example.org", "before")
	if err != nil {
		t.Fatal(err)
	}
	desired, err := readZoneFile([]byte(after), "example.org", "after")
	if err != nil {
		t.Fatal(err)
	}
	changes, err := Diff(&zone.Domain{Name: "example.org", Emit: zone.EmitZone, Records: desired}, base)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, c := range changes {
		got[string(c.Name)+" "+c.Type] = true
	}
	if diff := cmp.Diff(want, got); diff != "" || len(got) != 5 {
		t.Errorf("%s\n%v", diff, got)
	}
}
