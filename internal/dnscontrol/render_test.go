package dnscontrol

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-dns/tripod/internal/zone"
)

// TestRenderedZoneIsTheZone runs what is rendered through dnscontrol's JavaScript: the records that come out are
// those that went in.
func TestRenderedZoneIsTheZone(t *testing.T) {
	d := hardZone(t)
	if err := Refuses(d); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	files, err := Render([]*zone.Domain{d}, "dnscontrol")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Write(t.Context(), root, "dnscontrol", files); err != nil {
		t.Fatal(err)
	}
	halves, err := OtherHalf(t.Context(), HalfOptions{Config: filepath.Join(root, "dnscontrol", "tripod.js")})
	if err != nil {
		t.Fatal(err)
	}
	half := halves["example.org"]
	if half == nil {
		t.Fatalf("zones %v", halves)
	}
	changes, err := Diff(d, half.Records)
	if err != nil {
		t.Fatal(err)
	}
	if len(changes) != 0 {
		t.Errorf("changes %+v", changes)
	}
	if len(half.Records) != len(d.Records) {
		t.Errorf("%d records came back of %d", len(half.Records), len(d.Records))
	}
}

func TestRenderedJSON(t *testing.T) {
	d := &zone.Domain{Name: "example.org", Emit: zone.EmitZone, DNSProviders: []string{"bind"},
		IgnoreRecords: []zone.IgnoreRecord{{Label: "www", Types: "A,AAAA"}},
		Records: records(t,
			"www.example.org - TXT b",
			"example.org 300 MX 10 mx.example.org.",
			"example.org 3600 NS ns1.example.org.",
			"example.org 300 CAA 128 issue \"ca.example\"",
			"a.example.org 300 TXT say \"hi\" \\ <é>",
		)}
	files, err := Render([]*zone.Domain{d}, "out")
	if err != nil {
		t.Fatal(err)
	}
	want := `{"tripod": 1, "zone": "example.org", "registrar": "none", "providers": ["bind"], "ns_ttl": 3600,
"nameservers": [
  "ns1.example.org."
],
"ignore": [
  ["www", "A,AAAA", "*"]
],
"records": [
  {"name": "@", "type": "CAA", "args": ["issue", "ca.example"], "flag": 128, "ttl": 300},
  {"name": "@", "type": "MX", "args": [10, "mx.example.org."], "ttl": 300},
  {"name": "a", "type": "TXT", "args": ["say \"hi\" \\ <é>"], "ttl": 300},
  {"name": "www", "type": "TXT", "args": ["b"]}
]
}
`
	if diff := cmp.Diff(want, string(files["out/zones/example.org.json"])); diff != "" {
		t.Error(diff)
	}
}

func TestWriteIsQuietTheSecondTime(t *testing.T) {
	root := t.TempDir()
	d := hardZone(t)
	d.MTASTS = []*zone.MTASTSPolicy{{Owner: "example.org", Mode: "enforce", MX: []string{"mx1.example.org", "*.example.net"}, MaxAge: 604800}}
	old := &zone.Domain{Name: "old.example", Emit: zone.EmitZone, DNSProviders: []string{"bind"}}
	files, err := Render([]*zone.Domain{d, old}, "dnscontrol")
	if err != nil {
		t.Fatal(err)
	}
	policy := "version: STSv1\r\nmode: enforce\r\nmx: mx1.example.org\r\nmx: *.example.net\r\nmax_age: 604800\r\n"
	if got := string(files["mta-sts/example.org/.well-known/mta-sts.txt"]); got != policy {
		t.Errorf("policy file %q", got)
	}
	if done, err := Write(t.Context(), root, "dnscontrol", files); err != nil || len(done) != 4 {
		t.Fatalf("wrote %v, %v", done, err)
	}
	if done, err := Write(t.Context(), root, "dnscontrol", files); err != nil || len(done) != 0 {
		t.Fatalf("second time wrote %v, %v", done, err)
	}
	// A zone is gone; a file that is not tripod's stays.
	writeFiles(t, root, map[string][]byte{"dnscontrol/zones/mine.json": []byte("{}")})
	if files, err = Render([]*zone.Domain{d}, "dnscontrol"); err != nil {
		t.Fatal(err)
	}
	want := []Staleness{{"dnscontrol/tripod.js", "differs"}, {"dnscontrol/zones/old.example.json", "left over"}}
	stale, err := staleOf(root, "dnscontrol", files)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, stale); diff != "" {
		t.Error(diff)
	}
	outdated(t, root, want, d)
	if _, err := Write(t.Context(), root, "dnscontrol", files); err != nil {
		t.Fatal(err)
	}
	if stale, err = staleOf(root, "dnscontrol", files); err != nil || len(stale) != 0 {
		t.Errorf("still stale: %v, %v", stale, err)
	}
	outdated(t, root, nil, d)
	writeFiles(t, root, map[string][]byte{
		"dnscontrol/zones/example.org.json":           bytes.Replace(files["dnscontrol/zones/example.org.json"], []byte("example.org"), []byte("example.com"), 1),
		"mta-sts/example.org/.well-known/mta-sts.txt": []byte("version: STSv1\r\n"),
	})
	outdated(t, root, []Staleness{{"dnscontrol/zones/example.org.json", "differs"}, {"mta-sts/example.org/.well-known/mta-sts.txt", "differs"}}, d)
	if err := os.Remove(filepath.Join(root, "dnscontrol/zones/example.org.json")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("mine.json", filepath.Join(root, "dnscontrol/zones/example.org.json")); err != nil {
		t.Skip(err)
	}
	outdated(t, root, []Staleness{{"dnscontrol/zones/example.org.json", "differs"}, {"mta-sts/example.org/.well-known/mta-sts.txt", "differs"}}, d)
	if _, err := os.Stat(filepath.Join(root, "dnscontrol/zones/mine.json")); err != nil {
		t.Error(err)
	}
}

// outdated holds Outdated against what is wanted, and against staleOf.
func outdated(t *testing.T, root string, want []Staleness, domains ...*zone.Domain) {
	t.Helper()
	files, err := Render(domains, "dnscontrol")
	if err != nil {
		t.Fatal(err)
	}
	for name, list := range map[string]func() ([]Staleness, error){
		"Stale":    func() ([]Staleness, error) { return staleOf(root, "dnscontrol", files) },
		"Outdated": func() ([]Staleness, error) { return Outdated(root, "dnscontrol", domains) },
	} {
		got, err := list()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}

// TestPlainRecordsAreAsTheModelsSay: records that do not pass through dnscontrol's models come out as those would write them.
func TestPlainRecordsAreAsTheModelsSay(t *testing.T) {
	recs := slices.Concat(hardZone(t).Records, records(t,
		"example.org 300 A 192.0.2.1", "example.org 300 MX 0 .", "example.org 300 MX 65535 mx.example.net.", "a.example.org 300 CNAME _x.b-c.example.",
		"example.org 300 TXT \x01\u2028<&>\\", "example.org 300 TXT v=spf1 -all", "_dmarc.example.org 300 TXT v=DMARC1; p=reject",
	))
	plain := 0
	for _, r := range recs {
		rtype := plainType(r, "example.org")
		if rtype == "" {
			continue
		}
		plain++
		rc, err := toModel(r, "example.org", 0)
		if err != nil {
			t.Errorf("%s %s %s is no plain record: %v", r.Name, rtype, r.RData(), err)
			continue
		}
		want := fmt.Sprintf(`{"name": %s, "type": %s, "args": [%s]`, quote(rc.Name), quote(rc.Type), arguments(rc, r))
		if got := string(appendPlain(nil, rtype, r, "example.org")); got != want || rc.CaaFlag != 0 {
			t.Errorf("got %s, want %s", got, want)
		}
	}
	if plain < 8 {
		t.Errorf("only %d plain records", plain)
	}
	for _, s := range []string{"", ".", "a", "a..", "A.", `a\..`, strings.Repeat("a", 64) + ".", "a b."} {
		if plainHost(s) {
			t.Errorf("%q is taken for a plain host name", s)
		}
	}
}

func TestWriteStaysInsideTheRepository(t *testing.T) {
	root, outside := t.TempDir(), t.TempDir()
	if err := os.Symlink(outside, filepath.Join(root, "dnscontrol")); err != nil {
		t.Skip(err)
	}
	files, err := Render([]*zone.Domain{hardZone(t)}, "dnscontrol")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Write(t.Context(), root, "dnscontrol", files); err == nil || !strings.Contains(err.Error(), "escapes") {
		t.Errorf("error %v", err)
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) != 0 {
		t.Errorf("wrote %v outside (%v)", entries, err)
	}
}
