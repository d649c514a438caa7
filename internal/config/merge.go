package config

import (
	"fmt"
	"strings"

	"github.com/tripod-dns/tripod/internal/zone"
)

// A body is what holds at one name: the block's own, its profile's and its senders' parts, merged.
type body struct {
	name    zone.Name
	nameAt  zone.Span
	own     *block
	profile *block // nil: none
	parent  *body  // of a subdomain: its domain
	senders []senderPart
	omits   []omit
	omitsOf map[string][]int // places in omits, by what they drop
	cnames  map[string]bool  // labels of own CNAME records, in lower case

	singles  map[string]*merged
	labelled []part
}

type senderPart struct {
	block *block
	use   *zone.SenderUse
}

// A part is a labelled block that holds at a name.
type part struct {
	block     *block
	key       string
	inherited bool
}

// An omit is an element of an omit list.
type omit struct {
	what string
	at   zone.Span
	// fromProfile: it drops only what the profile's senders bring.
	fromProfile bool
	used        bool
}

// merged is a single block with what a profile says of it.
type merged struct {
	kw        zone.Span // of the block that it is pointed at by
	attrs     []*attr
	inherited bool // the domain has no such block itself
}

func (m *merged) attr(name string) *attr {
	if m == nil {
		return nil
	}
	for _, a := range m.attrs {
		if a.def.name == name {
			return a
		}
	}
	return nil
}

// labelKey tells labelled blocks of a body apart.
func labelKey(b *block, fs *Files) string {
	switch b.def {
	case defRecord:
		return "record." + strings.ToUpper(b.labels[0].text) + "." + strings.ToLower(b.labels[1].text)
	case defIgnore:
		key := "ignore." + b.labels[0].text
		for _, name := range []string{"at", "term"} {
			if a := b.attr(name); a != nil {
				key += "\x00" + name + fs.Text(a.val.lit.at)
			}
		}
		return key
	case defExpect:
		return "expect." + b.labels[0].text
	}
	return b.def.name + "." + strings.ToLower(b.labels[0].text)
}

// omitKey is the part of a key that an omit list names.
func omitKey(key string) string {
	k, _, _ := strings.Cut(key, "\x00")
	return k
}

// alternatives are attributes of which a block has one: an own one displaces the profile's others.
var alternatives = map[string][]string{"spf": {"all", "redirect"}}

// resolve merges what holds at a name. own is a domain, domains or subdomain block.
func (j *job) resolve(name zone.Name, nameAt zone.Span, own *block, parent *body) *body {
	b := &body{name: name, nameAt: nameAt, own: own, parent: parent}
	fs := j.fs
	if a := own.attr("profile"); a != nil {
		want := a.val.lit.str(fs, "")
		if b.profile = j.profiles[want]; b.profile == nil {
			j.ps.addf(place(a.val.lit), suggestion(j.index, want, j.profiles), "there is no profile %q", want)
		}
	}
	for _, from := range []*block{b.profile, own} {
		if a := from.attr("omit"); a != nil {
			for _, l := range a.val.list {
				what := l.str(fs, "")
				if parts := strings.SplitN(what, ".", 3); parts[0] == "record" && len(parts) == 3 {
					what = "record." + strings.ToUpper(parts[1]) + "." + strings.ToLower(parts[2])
				} else if parts[0] == "dkim" || parts[0] == "bimi" {
					what = strings.ToLower(what)
				}
				b.omits = append(b.omits, omit{what: what, at: place(l), fromProfile: from != own})
			}
		}
	}
	for i, o := range b.omits {
		if b.omitsOf == nil {
			b.omitsOf = make(map[string][]int, len(b.omits))
		}
		b.omitsOf[o.what] = append(b.omitsOf[o.what], i)
	}
	for _, o := range own.blocks {
		if o.def == defRecord && strings.EqualFold(o.labels[0].text, "CNAME") {
			if b.cnames == nil {
				b.cnames = make(map[string]bool)
			}
			b.cnames[strings.ToLower(o.labels[1].text)] = true
		}
	}
	j.addSenders(b)
	b.merge(fs, j.ps)
	for i := range b.omits {
		if o := &b.omits[i]; !o.used {
			j.ps.addf(o.at, "omit drops what a profile or a sender brings: a block (mta_sts), an attribute (dmarc.np), a labelled block (dkim.k2, record.MX.@)", "%s is not inherited, so it cannot be omitted", fs.Text(o.at))
		}
	}
	return b
}

func (j *job) addSenders(b *body) {
	seen := make(map[string]bool)
	for _, from := range []*block{b.profile, b.own} {
		a := from.attr("senders")
		if a == nil {
			continue
		}
		for _, l := range a.val.list {
			name := l.str(j.fs, "")
			if seen[name] {
				continue
			}
			seen[name] = true
			s := j.senders[name]
			if s == nil {
				j.ps.addf(place(l), suggestion(j.index, name, j.senders), "there is no sender %q", name)
				continue
			}
			use := &zone.SenderUse{Name: name, Owner: b.name, At: place(l)}
			if t := s.attr("spf"); t != nil {
				for _, term := range t.val.list {
					text := term.str(j.fs, b.name)
					if !j.spend(16 + len(text)) {
						return
					}
					use.Terms = append(use.Terms, text)
				}
			}
			b.senders = append(b.senders, senderPart{s, use})
		}
	}
}

func keys[V any](m map[string]V) []string {
	out := make([]string, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	return sortUnique(out)
}

// omitted tells whether what is inherited is dropped, and marks the element that drops it.
func (b *body) omitted(key string, fromSender bool) bool {
	found := false
	for _, i := range b.omitsOf[key] {
		if o := &b.omits[i]; fromSender || !o.fromProfile {
			o.used = true
			found = true
		}
	}
	return found
}

var singleBlocks = []*blockDef{defSPF, defDMARC, defMTASTS, defTLSRPT, defRotation}

func isSingle(d *blockDef) bool {
	for _, s := range singleBlocks {
		if s == d {
			return true
		}
	}
	return false
}

func (b *body) merge(fs *Files, ps *problems) {
	b.singles = make(map[string]*merged, len(singleBlocks))
	byKey := make(map[string]*block)
	own := func(sub *block) {
		key := labelKey(sub, fs)
		if first := byKey[key]; first != nil {
			twice(ps, fs, describe(sub), first.at(), sub.at())
			return
		}
		byKey[key] = sub
		b.labelled = append(b.labelled, part{sub, key, false})
	}
	for _, sub := range b.own.blocks {
		switch {
		case isSingle(sub.def):
			if first := b.singles[sub.def.name]; first != nil {
				twice(ps, fs, sub.def.name, first.kw, sub.kw)
				continue
			}
			b.singles[sub.def.name] = &merged{kw: sub.kw, attrs: pointers(sub.attrs)}
		case sub.def != defSubdomain:
			own(sub)
		}
	}
	inherit := func(sub *block, fromSender bool) {
		key := labelKey(sub, fs)
		if b.omitted(omitKey(key), fromSender) || b.replaced(sub) {
			return
		}
		if first := byKey[key]; first != nil {
			if first != sub {
				twice(ps, fs, describe(sub), first.at(), sub.at())
			}
			return
		}
		byKey[key] = sub
		b.labelled = append(b.labelled, part{sub, key, true})
	}
	if b.profile != nil {
		seen := make(map[*blockDef]zone.Span)
		for _, sub := range b.profile.blocks {
			if !isSingle(sub.def) {
				inherit(sub, false)
				continue
			}
			if at, ok := seen[sub.def]; ok {
				twice(ps, fs, sub.def.name, at, sub.kw)
				continue
			}
			seen[sub.def] = sub.kw
			b.mergeSingle(sub, fs)
		}
	}
	for _, s := range b.senders {
		for _, sub := range s.block.blocks {
			before := len(b.labelled)
			inherit(sub, true)
			if len(b.labelled) > before && sub.def == defDKIM {
				s.use.DKIM = append(s.use.DKIM, sub.labels[0].text)
			}
			if len(b.labelled) > before && sub.def == defRecord {
				s.use.Records = append(s.use.Records, sub.labels[1].at)
			}
		}
	}
}

func pointers(attrs []attr) []*attr {
	out := make([]*attr, len(attrs))
	for i := range attrs {
		out[i] = &attrs[i]
	}
	return out
}

func describe(b *block) string {
	s := b.def.name
	for _, l := range b.labels {
		s += fmt.Sprintf(" %q", l.text)
	}
	return s
}

// mergeSingle adds what the profile says of a single block.
func (b *body) mergeSingle(sub *block, fs *Files) {
	kind := sub.def.name
	drop := b.omitted(kind, false)
	dropped := make([]bool, len(sub.attrs))
	for i := range sub.attrs {
		dropped[i] = b.omitted(kind+"."+sub.attrs[i].def.name, false)
	}
	if drop || b.replaced(sub) {
		return
	}
	m := b.singles[kind]
	if m == nil {
		m = &merged{kw: sub.kw, inherited: true}
		b.singles[kind] = m
	}
	ownRaw := m.attr("raw") != nil
	ownOther := false
	for _, a := range m.attrs {
		if n := a.def.name; n != "raw" && n != "ttl" {
			ownOther = true
		}
	}
	ownAttrs := m.attrs[:len(m.attrs):len(m.attrs)]
	has := func(name string) bool {
		for _, a := range ownAttrs {
			if a.def.name == name {
				return true
			}
		}
		return false
	}
	for i := range sub.attrs {
		a := &sub.attrs[i]
		name := a.def.name
		switch {
		case dropped[i], has(name):
			continue
		case name == "ttl":
		case ownRaw, name == "raw" && ownOther: // raw and the other attributes displace each other
			continue
		case kind == "spf" && displaced(alternatives[kind], name, has):
			continue
		}
		m.attrs = append(m.attrs, a)
	}
}

func displaced(set []string, name string, has func(string) bool) bool {
	in, other := false, false
	for _, s := range set {
		if s == name {
			in = true
		} else if has(s) {
			other = true
		}
	}
	return in && other
}

// replaced tells whether an own record "CNAME" stands at the name of what is inherited, and takes its place.
func (b *body) replaced(sub *block) bool {
	label, ok := recordLabel(sub)
	if !ok {
		return false
	}
	if !b.cnames[strings.ToLower(label)] {
		return false
	}
	// An own CNAME and an inherited one are the same label twice, which is an error.
	return sub.def != defRecord || !strings.EqualFold(sub.labels[0].text, "CNAME")
}

// recordLabel is the label, relative to its body, of the record that a block stands for.
func recordLabel(b *block) (string, bool) {
	switch b.def {
	case defSPF:
		return "@", true
	case defDMARC:
		return "_dmarc", true
	case defMTASTS:
		return "_mta-sts", true
	case defTLSRPT:
		return "_smtp._tls", true
	case defDKIM:
		return b.labels[0].text + "._domainkey", true
	case defBIMI:
		return b.labels[0].text + "._bimi", true
	case defRecord:
		return b.labels[1].text, true
	}
	return "", false
}
