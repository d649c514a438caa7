package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// spf puts the record of RFC 7208 together: v=spf1, the senders' terms, terms, the flatten ranges, all or redirect.
func (j *job) spf(b *body) {
	m := b.singles["spf"]
	kw := zone.Span{}
	if m == nil {
		for _, s := range b.senders {
			if len(s.use.Terms) > 0 {
				kw = s.use.At
				break
			}
		}
		if kw.IsZero() || b.replaced(&block{def: defSPF}) {
			return
		}
		m = &merged{inherited: true}
	} else {
		kw = m.kw
	}
	var tail zone.TextBuilder
	var head zone.TextBuilder
	r := j.textRecord(b, b.name, "spf", kw, b.nameAt, m, func() zone.Text {
		j.spfHead(&head, b, m, kw)
		j.spfTail(&tail, b, m)
		var whole zone.TextBuilder
		whole.Grow(head.Len()+tail.Len(), len(head.Text().Segments())+len(tail.Text().Segments()))
		whole.Append(head.Text())
		whole.Append(tail.Text())
		return whole.Text()
	})
	if f := m.attr("flatten"); f != nil && len(f.val.list) > 0 && !r.Raw {
		fl := &zone.Flatten{Owner: b.name, At: f.name}
		for _, l := range f.val.list {
			fl.Terms = append(fl.Terms, l.text(j.fs, b.name))
		}
		j.domain.Flatten = append(j.domain.Flatten, fl)
		if j.out.flatten == nil {
			j.out.flatten = map[*zone.Flatten]*flattenSite{}
		}
		j.out.flatten[fl] = &flattenSite{domain: j.domain, record: r, head: head.Text(), tail: tail.Text()}
	}
}

func (j *job) spfHead(t *zone.TextBuilder, b *body, m *merged, kw zone.Span) {
	t.Implied("v=spf1", kw)
	seen := make(map[string]bool)
	for _, s := range b.senders {
		a := s.block.attr("spf")
		if a == nil {
			continue
		}
		for _, l := range a.val.list {
			text := strings.ToLower(l.str(j.fs, b.name))
			if !j.checkTerm(l, text) || seen[text] {
				continue
			}
			seen[text] = true
			t.Implied(" ", place(l))
			l.appendTo(t, j.fs, b.name)
		}
	}
	if a := m.attr("terms"); a != nil {
		for _, l := range a.val.list {
			if j.checkTerm(l, strings.ToLower(l.str(j.fs, b.name))) {
				t.Implied(" ", place(l))
				l.appendTo(t, j.fs, b.name)
			}
		}
	}
}

func (j *job) spfTail(t *zone.TextBuilder, b *body, m *merged) {
	modifier := func(a *attr) {
		if a == nil {
			return
		}
		t.Implied(" ", a.name)
		t.Exact(a.def.name, a.name)
		t.Implied("=", a.name)
		a.val.lit.appendTo(t, j.fs, b.name)
	}
	all, redirect := m.attr("all"), m.attr("redirect")
	if all != nil && redirect != nil {
		j.ps.add(redirect.name, "redirect beside all: it would never be reached (RFC 7208 §6.1)", "leave one of the two out")
	}
	if all != nil {
		q := map[string]string{"fail": "-all", "softfail": "~all", "neutral": "?all"}[all.val.lit.str(j.fs, "")]
		t.Implied(" ", place(all.val.lit))
		t.Implied(q, place(all.val.lit))
	}
	modifier(redirect)
	modifier(m.attr("exp"))
}

// checkTerm refuses what an element of terms cannot be: nothing, several terms, what has an attribute of its own.
// Whether it is a good term is for the linter to say.
func (j *job) checkTerm(l lit, text string) bool {
	bare := strings.TrimLeft(text, "+-~?")
	switch {
	case strings.Trim(text, " ") == "":
		j.ps.add(place(l), "empty SPF term", "")
	case strings.ContainsAny(text, " \t\r\n"):
		j.ps.add(place(l), "white space in an SPF term", "one term is one element of the list")
	case bare == "all":
		help := `all = "fail", "softfail" or "neutral" stands after every term`
		if strings.HasPrefix(text, "+") || text == "all" {
			help += "; to let everybody send as you, write raw"
		}
		j.ps.addf(place(l), help, "%s is no element of terms", text)
	case strings.HasPrefix(text, "redirect="), strings.HasPrefix(text, "exp="):
		name, target, _ := strings.Cut(text, "=")
		j.ps.addf(place(l), fmt.Sprintf("write %s = %q", name, target), "%s is no element of terms", name)
	case text == "v=spf1":
		j.ps.add(place(l), "v=spf1 is never written", "")
	default:
		return true
	}
	return false
}

// A flattenSite is where the ranges of a flatten list go.
type flattenSite struct {
	domain     *zone.Domain
	record     *zone.Record
	head, tail zone.Text
	extra      []*zone.Record
}

// maxSPFText is the size, in octets, above which ranges move to names of their own (RFC 7208 §3.4).
const maxSPFText = 450

// Flatten publishes the addresses that the terms of a flatten list stand for. Load leaves them out, since they
// come from the lock file: whoever loads a repository works them out from f.Terms and calls this once for each
// f, before anything looks at the records and from one goroutine. Ranges go, in the order given, between terms
// and all; where the text would be over 450 octets they move to _spf1.NAME, _spf2.NAME and so on, which are
// included. An f that is not the repository's own, or a name already taken, is an error.
func (r *Repository) Flatten(f *zone.Flatten, ranges []netip.Prefix) error {
	site := r.flatten[f]
	if site == nil {
		return fmt.Errorf("flatten %s: not a list of this repository", f.Owner)
	}
	terms := make([]string, len(ranges))
	size := site.head.Len() + site.tail.Len()
	for i, p := range ranges {
		terms[i] = rangeTerm(p)
		size += 1 + len(terms[i])
	}
	var extra []*zone.Record
	if size > maxSPFText {
		var includes []string
		for n := 1; len(terms) > 0; n++ {
			name := f.Owner.Child(fmt.Sprintf("_spf%d", n))
			if err := name.Check(); err != nil {
				return fmt.Errorf("flatten %s: %s: %w", f.Owner, name, err)
			}
			text := "v=spf1"
			for len(terms) > 0 && len(text)+1+len(terms[0]) <= maxSPFText {
				text += " " + terms[0]
				terms = terms[1:]
			}
			rec := *site.record
			rec.Name, rec.Text, rec.At = name, zone.PlainText(text, f.At), f.At
			extra = append(extra, &rec)
			includes = append(includes, "include:"+string(name))
		}
		terms = includes
	}
	for _, rec := range site.domain.Records {
		for _, e := range extra {
			if rec.Name == e.Name && rec.Type == dns.TypeTXT && !slices.Contains(site.extra, rec) {
				return fmt.Errorf("flatten %s: %s is taken: the ranges need it, as they are over %d octets", f.Owner, e.Name, maxSPFText)
			}
		}
	}
	var t zone.TextBuilder
	t.Append(site.head)
	for _, term := range terms {
		t.Implied(" "+term, f.At)
	}
	t.Append(site.tail)
	site.record.Text = t.Text()
	site.domain.Records = append(slices.DeleteFunc(site.domain.Records, func(rec *zone.Record) bool {
		return slices.Contains(site.extra, rec)
	}), extra...)
	site.extra = extra
	return nil
}

// rangeTerm is the SPF term of a range; a single address has no prefix length.
func rangeTerm(p netip.Prefix) string {
	s := p.String()
	if p.IsSingleIP() {
		s = p.Addr().String()
	}
	if p.Addr().Is4() {
		return "ip4:" + s
	}
	return "ip6:" + s
}
