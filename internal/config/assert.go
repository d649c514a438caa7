package config

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/tripod-dns/tripod/internal/zone"
)

func (j *job) expect(b *body, blk *block) {
	e := &zone.Expect{What: blk.labels[0].text, At: blk.labels[0].at, Scope: j.domain.Name}
	get := func(name string) (string, zone.Span) {
		if a := blk.attr(name); a != nil {
			return a.val.lit.str(j.fs, b.name), place(a.val.lit)
		}
		return "", zone.Span{}
	}
	e.IP, e.IPAt = get("ip")
	e.MailFrom, _ = get("mail_from")
	e.HELO, _ = get("helo")
	e.SPF, e.SPFAt = get("spf")
	e.DMARC, e.DMARCAt = get("dmarc")
	name, nameAt := get("name")
	const help = "write ip, mail_from (or helo) and spf, or name and dmarc"
	switch {
	case e.SPF == "" && e.DMARC == "":
		j.ps.addf(e.At, help, "expect %q expects nothing", e.What)
	case e.SPF != "" && e.DMARC != "":
		j.ps.add(e.DMARCAt, "an expect is about spf or about dmarc, not both", "write two")
	case e.SPF != "" && name != "":
		j.ps.add(nameAt, "name beside spf", help)
	case e.DMARC != "" && (e.IP != "" || e.MailFrom != "" || e.HELO != ""):
		j.ps.add(e.DMARCAt, "ip, mail_from or helo beside dmarc", help)
	case e.SPF != "" && e.IP == "":
		j.ps.addf(e.At, help, "expect %q needs ip", e.What)
	case e.SPF != "" && e.MailFrom == "" && e.HELO == "":
		j.ps.addf(e.At, help, "expect %q needs mail_from or helo", e.What)
	case e.SPF != "":
		if a, err := netip.ParseAddr(e.IP); err != nil || a.Zone() != "" {
			j.ps.addf(e.IPAt, `write "192.0.2.1" or "2001:db8::1"`, "%q is no IP address", e.IP)
			return
		}
		j.domain.Expects = append(j.domain.Expects, e)
	default:
		e.Name = b.name
		if name != "" {
			n, err := zone.ParseName(name)
			if err == nil && !n.Under(j.domain.Name) {
				err = fmt.Errorf("not at or below %s", j.domain.Name)
			}
			if err != nil {
				j.ps.addf(nameAt, fmt.Sprintf("write a whole name, such as %q", "x."+string(j.domain.Name)), "name %q: %v", name, err)
				return
			}
			e.Name = n
		}
		j.domain.Expects = append(j.domain.Expects, e)
	}
}

func (j *job) ignore(b *body, blk *block) {
	l := blk.labels[0]
	i := &zone.Ignore{Rule: l.text, RuleAt: l.at, Scope: b.name, At: l.at}
	if a := blk.attr("reason"); a != nil {
		if i.Reason = a.val.lit.str(j.fs, b.name); strings.TrimSpace(i.Reason) == "" {
			j.ps.add(place(a.val.lit), "an ignore needs a reason", "say why this is right, or who mends it when")
		}
	}
	i.Until, _ = until(blk.attr("until"), j.fs)
	if a := blk.attr("term"); a != nil {
		i.Term = a.val.lit.str(j.fs, b.name)
	}
	if a := blk.attr("at"); a != nil {
		name, ok := j.owner(b.name, label{a.val.lit.str(j.fs, b.name), place(a.val.lit)}, "")
		if !ok {
			return
		}
		i.Owner = name
	}
	j.domain.Ignores = append(j.domain.Ignores, i)
}

func (j *job) rotation(b *body, m *merged) {
	r := &Rotation{Owner: b.name, Zone: j.domain.Name, Tag: j.domain.Tag, At: m.kw, Places: make(map[string]zone.Span)}
	for _, a := range m.attrs {
		r.Places[a.def.name] = a.val.at
	}
	str := func(name string) string {
		if a := m.attr(name); a != nil {
			return a.val.lit.str(j.fs, "")
		}
		return ""
	}
	r.K, r.Recipients, r.Hosts, r.Slots = words(m.attr("k"), j.fs), words(m.attr("recipients"), j.fs), words(m.attr("hosts"), j.fs), words(m.attr("slots"), j.fs)
	r.Custody, r.Adopt, r.Group = str("custody"), str("adopt"), str("group")
	r.Every, _ = duration(m.attr("every"), j.fs)
	r.Overlap, _ = duration(m.attr("overlap"), j.fs)
	r.PublishWait, _ = duration(m.attr("publish_wait"), j.fs)
	r.Bits = number(m.attr("bits"), 0, 1, 16384, j.ps)
	if a := m.attr("retire"); a != nil {
		r.Retire = a.val.b
	}
	if a := m.attr("k"); a != nil {
		for i, k := range r.K {
			if k != "rsa" && k != "ed25519" {
				j.ps.addf(place(a.val.list[i]), `it is "rsa" or "ed25519"`, "there is no algorithm %q", k)
			}
		}
	}
	j.out.rotations = append(j.out.rotations, r)
}
