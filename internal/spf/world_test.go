package spf

import (
	"context"
	"strconv"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// A world is all of DNS for a test. Names in fail time out where they have no record of the type; with open set,
// names that are not there are unknown instead of not existing.
type world struct {
	sets    map[zone.Name]map[uint16][]*zone.Record
	fail    map[zone.Name]bool
	unknown map[zone.Name]bool
	asked   int
}

func newWorld() *world {
	return &world{sets: map[zone.Name]map[uint16][]*zone.Record{}, fail: map[zone.Name]bool{}, unknown: map[zone.Name]bool{}}
}

func testName(s string) zone.Name {
	n, ok := toName(s)
	if !ok {
		return zone.Name(lower(s))
	}
	return n
}

func (w *world) touch(name zone.Name) map[uint16][]*zone.Record {
	if w.sets[name] == nil {
		w.sets[name] = map[uint16][]*zone.Record{}
	}
	return w.sets[name]
}

func (w *world) add(owner, typ, data string) {
	name := testName(owner)
	t := dns.StringToType[typ]
	r := &zone.Record{Name: name, Type: t, Data: data}
	switch t {
	case dns.TypeTXT:
		r.Data, r.Text = "", zone.PlainText(data, zone.Span{})
	case dns.TypeMX:
		pref, host, _ := strings.Cut(data, " ")
		n, err := strconv.ParseUint(pref, 10, 16)
		if err != nil {
			panic(err)
		}
		r.Pref, r.Target = uint16(n), zone.Root
		if host != "" && host != "." {
			r.Target = testName(host)
		}
	case dns.TypePTR, dns.TypeCNAME:
		r.Target = testName(data)
	}
	set := w.touch(name)
	set[t] = append(set[t], r)
}

// parseWorld reads lines "name TYPE data"; "name FAIL" and "name UNKNOWN" are names with that answer.
func parseWorld(t testing.TB, text string) *world {
	t.Helper()
	w := newWorld()
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" {
			continue
		}
		f := strings.SplitN(line, " ", 3)
		switch {
		case len(f) == 2 && f[1] == "FAIL":
			w.fail[testName(f[0])] = true
		case len(f) == 2 && f[1] == "UNKNOWN":
			w.unknown[testName(f[0])] = true
		case len(f) == 3:
			w.add(f[0], f[1], f[2])
		default:
			t.Fatalf("world: %q", line)
		}
	}
	return w
}

func (w *world) Lookup(_ context.Context, name zone.Name, qtype uint16) zone.Answer {
	w.asked++
	for i := 0; ; i++ {
		if i > 10 {
			return zone.Answer{Status: zone.Failed, Why: "CNAME loop"}
		}
		set, ok := w.sets[name]
		if rs := set[qtype]; len(rs) > 0 {
			return zone.Answer{Status: zone.Found, Records: rs, Owner: name}
		}
		if c := set[dns.TypeCNAME]; len(c) > 0 {
			name = c[0].Target
			continue
		}
		switch {
		case w.fail[name]:
			return zone.Answer{Status: zone.Failed, Why: "timeout"}
		case w.unknown[name]:
			return zone.Answer{Status: zone.Unknown, Why: "not in the lock file"}
		case ok:
			return zone.Answer{Status: zone.NoData}
		}
		for n := range w.sets {
			if n.Below(name) {
				return zone.Answer{Status: zone.NoData} // an empty non-terminal
			}
		}
		return zone.Answer{Status: zone.NXDomain}
	}
}

func (w *world) Exists(ctx context.Context, name zone.Name, qtype uint16) zone.Answer {
	a := w.Lookup(ctx, name, qtype)
	a.Records = nil
	return a
}
