package dnscontrol

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tripod-dns/tripod/internal/zone"
)

// elsewhere is the zones as if they were at a provider that only the user's dnscontrol reaches: in truth they are
// at its own BIND provider.
func elsewhere(domains ...*zone.Domain) []*ZonePreview {
	var out []*ZonePreview
	for _, d := range domains {
		out = append(out, &ZonePreview{Domain: d, Provider: "bind", Type: "OTHER", d: d})
	}
	return out
}

func TestRemote(t *testing.T) {
	root := t.TempDir()
	p := atBIND(t, root)
	p.Executable = realDnscontrol(t)
	one, two := hardZone(t), &zone.Domain{Name: "example.com", Emit: zone.EmitZone, DNSProviders: []string{"bind"}, Records: records(t,
		"example.com 300 SOA ns1.example.com. h.example.com. 1 2 3 4 5", "example.com 300 NS ns1.example.com.", "example.com 300 TXT one")}
	list := elsewhere(one, two)

	var log bytes.Buffer
	p.Log = &log
	if err := p.relayPreview(t.Context(), list); err != nil || !strings.Contains(log.String(), `example.com TXT "one"`) {
		t.Fatalf("preview: %v\n%s", err, log.String())
	}
	if _, err := os.Stat(filepath.Join(root, "zones")); err == nil {
		t.Error("preview made the zones")
	}
	if err := os.Mkdir(filepath.Join(root, "zones"), 0o755); err != nil { // dnscontrol itself does not, as root
		t.Fatal(err)
	}
	if err := p.runPush(t.Context(), list); err != nil {
		t.Fatalf("push: %v\n%s", err, log.String())
	}
	if err := p.getZones(t.Context(), filepath.Join(root, "creds.json"), "bind", list); err != nil {
		t.Fatal(err)
	}
	for _, z := range list {
		changes, err := Diff(z.Domain, z.Current)
		if err != nil || len(changes) != 0 {
			t.Errorf("%s: after the push: %+v, %v", z.Domain.ID(), changes, err)
		}
	}

	// The same by dnscontrol's JSON, which is for the version that says that it is 4.20.
	text, err := irOf([]*zone.Domain{one, two})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(root, "ir.json")
	if err := os.WriteFile(file, text, 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := runIn(t, root, p.Executable, "--no-colors", "preview", "--populate-on-preview=false", "--ir", file)
	if err != nil || !strings.Contains(out, "Done. 0 corrections.") {
		t.Errorf("by JSON: %v\n%s", err, out)
	}
}

func TestRemoteSaysWhatDnscontrolSays(t *testing.T) {
	root := t.TempDir()
	p := atBIND(t, root)
	p.Executable = realDnscontrol(t)
	list := elsewhere(hardZone(t))
	list[0].Provider = "nobody"
	err := p.getZones(t.Context(), filepath.Join(root, "creds.json"), "nobody", list)
	if err == nil || !strings.HasPrefix(err.Error(), "read zones of nobody: ") || strings.Contains(err.Error(), "exit status") {
		t.Errorf("error %v", err)
	}
}

func TestRemoteNeedsDnscontrol(t *testing.T) {
	root := t.TempDir()
	p := atBIND(t, root)
	writeFiles(t, root, map[string][]byte{"creds.json": []byte(`{"cf": {"TYPE": "CLOUDFLAREAPI", "apitoken": "$TOKEN"}}`)})
	d := hardZone(t)
	d.DNSProviders = []string{"cf"}
	if _, err := p.Preview(t.Context(), []*zone.Domain{d}, nil); !errors.Is(err, errNoExecutable) {
		t.Errorf("error %v", err)
	}
	d.DNSProviders = []string{"other"}
	if _, err := p.Preview(t.Context(), []*zone.Domain{d}, nil); err == nil || !strings.Contains(err.Error(), `has no entry "other" with a TYPE`) {
		t.Errorf("error %v", err)
	}
}
