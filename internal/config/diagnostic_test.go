package config

import (
	"fmt"
	"testing"

	"github.com/tripod-dns/tripod/internal/zone"
)

// A file gets 20 diagnostics, each once, in the order of places; a problem without a place is kept.
func TestDiagnostics(t *testing.T) {
	fs := &Files{list: []*file{{id: 1, path: "b.hcl", content: make([]byte, 100)}, {id: 2, path: "a.hcl", content: []byte("x\nyz\n")}}}
	var ps problems
	for i := range 30 {
		ps.addf(zone.Span{File: 1, Start: uint32(29 - i), End: 30}, "", "problem %d", 29-i)
		ps.addf(zone.Span{File: 1, Start: uint32(29 - i), End: 30}, "", "problem %d", 29-i)
	}
	ps.add(zone.Span{File: 2, Start: 2, End: 4}, "wrong", "mend it")
	ps.add(zone.Span{}, "no place", "")
	ds := ps.diagnostics(fs)
	if len(ds) != 22 {
		t.Fatalf("%d diagnostics: %v", len(ds), ds)
	}
	want := Diagnostic{Position: Position{"a.hcl", 2, 1, 2, 3}, Span: zone.Span{File: 2, Start: 2, End: 4}, Message: "wrong", Help: "mend it"}
	if ds[0].String() != "no place" || ds[1] != want {
		t.Errorf("%+v, %+v", ds[0], ds[1])
	}
	for i, d := range ds[2:] {
		if w := fmt.Sprintf("b.hcl:1:%d: problem %d", i+1, i); d.String() != w {
			t.Errorf("%s, want %s", d, w)
		}
	}
	if got := ds[:2].Error(); got != "no place\na.hcl:2:1: wrong" {
		t.Errorf("%q", got)
	}
}
