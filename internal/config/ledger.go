package config

import (
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// decodeLedger reads a dkim_keys block.
func decodeLedger(b *block, fs *Files, ps *problems) *Ledger {
	l := b.labels[0]
	name, err := zone.ParseName(l.text)
	if err != nil || name == zone.Root {
		ps.addf(l.at, "", "%q is no domain", l.text)
		return nil
	}
	serial := b.attr("serial")
	out := &Ledger{Domain: name, At: l.at, Serial: serial.val.num, SerialAt: serial.val.at}
	first := make(map[string]zone.Span)
	for _, kb := range b.blocks {
		sel := kb.labels[0]
		key := strings.ToLower(sel.text)
		if at, ok := first[key]; ok {
			twice(ps, fs, describe(kb), at, sel.at)
			continue
		}
		first[key] = sel.at
		out.Keys = append(out.Keys, decodeKey(kb, fs))
	}
	return out
}

func decodeKey(b *block, fs *Files) *Key {
	k := &Key{
		Selector: b.labels[0].text, At: b.labels[0].at,
		State: word(b, "state", "", fs), K: word(b, "k", "", fs), P: word(b, "p", "", fs), Private: word(b, "private", "", fs),
		Recipients: words(b.attr("recipients"), fs),
	}
	at := func(name string) zone.Span {
		if a := b.attr(name); a != nil {
			return place(a.val.lit)
		}
		return zone.Span{}
	}
	k.StateAt, k.PAt, k.PrivateAt = at("state"), at("p"), at("private")
	for name, t := range map[string]*time.Time{"created": &k.Created, "activated": &k.Activated, "retired": &k.Retired} {
		if a := b.attr(name); a != nil {
			if v, err := time.Parse(time.RFC3339, a.val.lit.str(fs, "")); err == nil { // checked when it was parsed
				*t = v
			}
		}
	}
	if a := b.attr("left"); a != nil {
		k.Left, k.HasLeft, k.LeftAt = a.val.num, true, a.val.at
	}
	if a := b.attr("compromised"); a != nil {
		k.Compromised = a.val.b
	}
	if a := b.attr("restored"); a != nil {
		k.Restored = a.val.b
	}
	return k
}

// publish adds the ledger's records to the domain. A key that is gone has none, a revoked one an empty p=
// (RFC 6376 §3.6.1).
func (l *Ledger) publish(b *block, d *zone.Domain, ttl func(*zone.Record), fs *Files, ps *problems) {
	for _, kb := range b.blocks {
		sel := kb.labels[0]
		state, k, p := kb.attr("state"), kb.attr("k"), kb.attr("p")
		if state == nil || k == nil || p == nil {
			continue
		}
		s := state.val.lit.str(fs, "")
		if s == "gone" {
			continue
		}
		name, ok := ownerName(l.Domain, sel, "._domainkey", ps)
		if !ok {
			continue
		}
		t := &tags{fs: fs, domain: l.Domain}
		t.b.Implied("v=DKIM1", sel.at)
		t.add(k, "")
		if s == "revoked" {
			t.b.Implied("; p=", state.name)
		} else {
			t.add(p, "")
		}
		r := &zone.Record{Name: name, Type: dns.TypeTXT, Text: t.b.Text(), At: sel.at, NameAt: sel.at, Block: "dkim_keys", KeyState: s}
		ttl(r)
		d.Records = append(d.Records, r)
	}
}
