package dnscontrol

import (
	"os"
	"path/filepath"
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
	stale, err := Stale(root, "dnscontrol", files)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, stale); diff != "" {
		t.Error(diff)
	}
	if _, err := Write(t.Context(), root, "dnscontrol", files); err != nil {
		t.Fatal(err)
	}
	if stale, err = Stale(root, "dnscontrol", files); err != nil || len(stale) != 0 {
		t.Errorf("still stale: %v, %v", stale, err)
	}
	if _, err := os.Stat(filepath.Join(root, "dnscontrol/zones/mine.json")); err != nil {
		t.Error(err)
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
