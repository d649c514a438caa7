package dmarc

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tripod-dns/tripod/internal/taglist"
	"github.com/tripod-dns/tripod/internal/zone"
)

// known are the tags of RFC 9989 §4.7, removed those that RFC 7489 had besides (§C.5.2).
var (
	known   = []string{"v", "p", "sp", "np", "adkim", "aspf", "rua", "ruf", "fo", "psd", "t"}
	removed = []string{"pct", "rf", "ri"}
)

// misnamed are wrong names that spelling does not lead from.
var misnamed = map[string]string{
	"policy": "p", "pol": "p", "subdomain": "sp", "subdomainpolicy": "sp", "subdomain_policy": "sp", "sub": "sp",
	"reports": "rua", "report": "rua", "rul": "rua", "forensic": "ruf", "dkim": "adkim", "spf": "aspf",
	"test": "t", "testing": "t", "version": "v",
}

// vital tells whether a record without the tag protects less: those that dmarc-syntax calls lost.
func vital(tag string) bool { return tag == "p" || tag == "sp" || tag == "np" || tag == "rua" }

// parser holds the state of one Parse.
type parser struct {
	*Record
	damaged []bool // by tag: a syntax problem of it was reported already
	said    bool   // a problem that explains a missing p was reported
}

// Parse reads a text. It never fails: what is wrong is in the record's Problems.
func Parse(text string) *Record {
	list := taglist.Parse(text)
	p := parser{Record: &Record{text: text, IsRecord: IsDMARC(text), Tags: list.Tags, list: list}}
	if !p.IsRecord {
		p.version()
		return p.Record
	}
	p.values()
	p.effective()
	p.damaged = make([]bool, len(p.Tags))
	p.syntax()
	for i, t := range p.Tags {
		p.tag(i, t)
	}
	p.policy()
	slices.SortStableFunc(p.Problems, func(a, b zone.Problem) int { return a.Start - b.Start })
	return p.Record
}

func (p *parser) problem(kind string, start, end int, msg, help string) *zone.Problem {
	p.Problems = append(p.Problems, zone.Problem{Kind: kind, Start: start, End: end, Message: msg, Help: help})
	return &p.Problems[len(p.Problems)-1]
}

// version says why receivers do not see a DMARC record here.
func (p *parser) version() {
	const ignored = "receivers see no DMARC record"
	text := p.text
	if trimmed := strings.TrimLeft(text, " \t\r\n\"'\ufeff\u201c\u201d\u00a0"); trimmed != text && IsDMARC(strings.TrimRight(trimmed, "\"'\u201c\u201d")) {
		n := len(text) - len(trimmed)
		what := fmt.Sprintf("%q stands", text[:n])
		if strings.Trim(text[:n], " \t") == "" {
			what = "white space stands"
		}
		p.problem(KindVersion, 0, n, fmt.Sprintf("%s before v=DMARC1: %s", what, ignored), "the record begins with v=DMARC1; delete what stands before it")
		return
	}
	i := slices.IndexFunc(p.Tags, func(t taglist.Tag) bool { return strings.EqualFold(t.Name, "v") })
	if i < 0 {
		end := len(text)
		if len(p.Tags) > 0 {
			end = p.Tags[0].ValueEnd
		}
		p.problem(KindVersion, 0, end, "v=DMARC1 is missing: "+ignored, "the record begins with v=DMARC1;")
		return
	}
	t := p.Tags[i]
	switch {
	case t.Name != "v":
		p.problem(KindVersion, t.NameStart, t.NameEnd, fmt.Sprintf("%q is not v, names of tags are case-sensitive (RFC 6376 §3.2): some %s", t.Name, ignored), "write v=DMARC1 with a small v")
	case i > 0 || strings.TrimLeft(text[:t.NameStart], " \t") != "":
		p.problem(KindVersion, t.NameStart, t.ValueEnd, "v is not the first tag: "+ignored, "the record begins with v=DMARC1;")
	case t.Escaped && t.Unescaped() == "DMARC1":
		p.problem(KindVersion, t.ValueEnd-1, min(t.End+1, len(text)), `a literal backslash before ";" makes the version "DMARC1\": `+ignored,
			"write the semicolon without the backslash: only zone files and control panels show one")
	case strings.EqualFold(t.Value, "DMARC1"):
		p.problem(KindVersion, t.ValueStart, t.ValueEnd, fmt.Sprintf("the version %q is not DMARC1: %s", t.Value, ignored), "write DMARC1 in capitals")
	case strings.HasPrefix(t.Value, "DMARC1") && strings.ContainsAny(t.Value[6:], "= \t,"):
		p.problem(KindVersion, t.ValueStart, t.ValueEnd, fmt.Sprintf("the version is read as %s: %s", show(t.Value), ignored), "a semicolon is missing behind DMARC1")
	default:
		p.problem(KindVersion, t.ValueStart, t.ValueEnd, fmt.Sprintf("%s is no version of DMARC: %s", show(t.Value), ignored), "write v=DMARC1")
	}
}

// values reads what receivers read. A repeated tag makes the list invalid (RFC 6376 §3.2), and nothing of it counts.
func (p *parser) values() {
	for i := range p.Tags {
		switch t := &p.Tags[i]; t.Name {
		case "rua":
			p.RUA = append(p.RUA, taglist.ParseURIs(t.Value, t.ValueStart)...)
		case "ruf":
			p.RUF = append(p.RUF, taglist.ParseURIs(t.Value, t.ValueStart)...)
		}
	}
	if _, dup := p.list.Problem(taglist.Duplicate); dup {
		return
	}
	for i := range p.Tags {
		t := &p.Tags[i]
		switch t.Name {
		case "p":
			p.P, _ = parsePolicy(t.Value)
		case "sp":
			p.SP, _ = parsePolicy(t.Value)
		case "np":
			p.NP, _ = parsePolicy(t.Value)
		case "psd":
			switch {
			case strings.EqualFold(t.Value, "y"):
				p.PSD = PSDYes
			case strings.EqualFold(t.Value, "n"):
				p.PSD = PSDNo
			}
		case "t":
			p.Testing = strings.EqualFold(t.Value, "y")
		case "adkim":
			p.ADKIM = mode(t.Value)
		case "aspf":
			p.ASPF = mode(t.Value)
		}
	}
}

func mode(s string) Mode {
	if strings.EqualFold(s, "s") {
		return Strict
	}
	return Relaxed
}

// effective applies RFC 9989 §4.10.1: without a valid p, or with an invalid sp or np, the record counts as p=none when rua
// holds a valid URI, and else there is no DMARC.
func (p *parser) effective() {
	if _, dup := p.list.Problem(taglist.Duplicate); dup {
		return
	}
	_, hasSP := p.Tag("sp")
	_, hasNP := p.Tag("np")
	e := &p.Effective
	switch {
	case p.P != Absent && (!hasSP || p.SP != Absent) && (!hasNP || p.NP != Absent):
		*e = Policies{Valid: true, P: p.P, SP: p.P, NP: p.P, hasSP: hasSP, hasNP: hasNP}
		if hasSP {
			e.SP, e.NP = p.SP, p.SP
		}
		if hasNP {
			e.NP = p.NP
		}
	case p.Reports():
		*e = Policies{Valid: true, P: None, SP: None, NP: None, Defaulted: true}
	}
}

// consequence is what an unusable policy makes of the record, for the end of a message.
func (p *parser) consequence() string {
	if p.Reports() {
		return "the whole record counts as p=none"
	}
	return "without a valid rua there is no DMARC at all"
}

// syntax takes over what the tag list found: one problem a tag, for further ones have the same cause.
func (p *parser) syntax() {
	for _, lp := range p.list.Problems {
		if lp.Kind == taglist.Duplicate {
			i := p.at(lp.Start)
			if i < 0 {
				continue
			}
			p.problem(KindDuplicate, lp.Start, lp.End,
				fmt.Sprintf("the tag %s is there twice: the whole list is invalid (RFC 6376 §3.2), and receivers may ignore the record", p.Tags[i].Name), lp.Help)
			p.damaged[i] = true
			p.said = true
			continue
		}
		kind, msg, help := KindSyntax, lp.Message, lp.Help
		if i := p.at(lp.Start); i >= 0 && lp.Kind != taglist.EmptyTag {
			if p.damaged[i] {
				continue
			}
			p.damaged[i] = true
			t := p.Tags[i]
			if name, lost := p.lost(t); lost {
				kind, msg = KindLost, p.lostMessage(msg, name)
				p.said = p.said || name == "p"
			}
		} else if lp.Kind == taglist.MissingEquals {
			name := p.text[lp.Start:lp.End]
			name = strings.ToLower(name[:len(name)-len(strings.TrimLeft(name, letters))])
			if _, there := p.Tag(name); vital(name) && !there {
				kind, msg = KindLost, p.lostMessage(msg, name)
				help = fmt.Sprintf("write %s= and the policy", name)
				if v := strings.Trim(p.text[lp.Start+len(name):lp.End], " \t:"); v != "" {
					help = fmt.Sprintf("write %s=%s", name, v)
				} else if name == "rua" {
					help = "write rua=mailto: and the address"
				}
				p.said = p.said || name == "p"
			}
		}
		np := p.problem(kind, lp.Start, lp.End, msg, help)
		if kind == KindSyntax {
			np.Fix = lp.Fix // mending what is lost could raise enforcement: that is for the owner to decide
		}
	}
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

func (p *parser) lostMessage(msg, name string) string {
	if name == "rua" {
		return msg + ": rua is lost, and no reports are sent"
	}
	return fmt.Sprintf("%s: %s is lost, and %s", msg, name, p.consequence())
}

// at is the tag around an offset, -1 where there is none.
func (p *parser) at(off int) int {
	return slices.IndexFunc(p.Tags, func(t taglist.Tag) bool { return t.Start <= off && (off < t.End || off <= t.End && t.Escaped) })
}

// lost tells whether a damaged tag is one of those that matter and has no usable value any more.
func (p *parser) lost(t taglist.Tag) (name string, lost bool) {
	name = strings.ToLower(strings.Trim(t.Name, " \t\"'“”"))
	if i := strings.LastIndexAny(name, " \t"); i >= 0 {
		name = name[i+1:]
	}
	if !vital(name) {
		return name, false
	}
	if name != t.Name {
		_, there := p.Tag(name)
		return name, !there
	}
	if name == "rua" {
		return name, !p.Reports()
	}
	_, ok := parsePolicy(t.Value)
	return name, !ok
}

// show quotes a text for a message, and cuts what nobody would read.
func show(s string) string {
	const most = 40
	if len(s) > most {
		return fmt.Sprintf("%q…", strings.ToValidUTF8(s[:most], ""))
	}
	return fmt.Sprintf("%q", s)
}
