package resolve

import (
	"fmt"
	"testing"

	"github.com/tripod-dns/tripod/internal/zone"
)

// TestDomainExists: whatever the lock file has of a name in a domain shows that the domain exists, and stays needed; without that its
// name servers are asked for. A name that does not exist shows nothing.
func TestDomainExists(t *testing.T) {
	const lock = `{"schema": 1, "taken": "2026-11-24", "answers": {
"a.shown.example. TXT": {"data": [["x"]]},
"b.shown.example. A": {"exists": false},
"gone.silent.example. A": {"rcode": "NXDOMAIN"},
"gone.silent.example. AAAA": {"rcode": "NXDOMAIN"},
"link.cname.example. CNAME": {"data": ["x.shown.example."]},
"no.example. NS": {"rcode": "NXDOMAIN"},
"www.yes.example. A": {"exists": true},
"yes.example. NS": {"exists": true}}}`
	for _, tt := range []struct {
		domain zone.Name
		want   zone.Status
		needed string
	}{
		{"shown.example", zone.NoData, "[a.shown.example. TXT]"},
		{"b.shown.example", zone.NoData, "[b.shown.example. A b.shown.example. AAAA]"},
		{"hown.example", zone.Unknown, "[hown.example. NS]"},
		{"silent.example", zone.Unknown, "[silent.example. NS]"},
		{"cname.example", zone.Unknown, "[cname.example. NS]"},
		{"no.example", zone.NXDomain, "[no.example. NS]"},
		{"yes.example", zone.Found, "[yes.example. NS]"},
	} {
		w := NewWorld(NewIndex(nil), mustLock(t, lock), nil, LockFirst)
		if a := w.DomainExists(t.Context(), tt.domain); a.Status != tt.want {
			t.Errorf("%s: %v, want %v", tt.domain, a.Status, tt.want)
		}
		if got := fmt.Sprint(w.Needed()); got != tt.needed {
			t.Errorf("%s: needed are %s, want %s", tt.domain, got, tt.needed)
		}
	}
}

// TestWildcardBesideUnknownHalf: a name may stand in the half of a zone that is not known, so no wildcard answers for it.
func TestWildcardBesideUnknownHalf(t *testing.T) {
	d := domain(t, "example.com", "* A 192.0.2.1\n")
	d.Emit = zone.EmitExtend
	for _, tt := range []struct {
		known bool
		want  zone.Status
	}{{false, zone.Unknown}, {true, zone.Found}} {
		d.RestKnown = tt.known
		w := NewWorld(NewIndex([]*zone.Domain{d}), nil, nil, LockFirst)
		if a := w.Exists(t.Context(), "x.example.com", 1); a.Status != tt.want {
			t.Errorf("known %v: %v, want %v", tt.known, a.Status, tt.want)
		}
	}
}
