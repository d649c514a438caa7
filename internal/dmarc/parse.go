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
		p.problem(KindVersion, t.NameStart, t.NameEnd, fmt.Sprintf("%q is no tag: %s", t.Name, ignored), "write v=DMARC1 with a small v")
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
			p.P, _ = ParsePolicy(t.Value)
		case "sp":
			p.SP, _ = ParsePolicy(t.Value)
		case "np":
			p.NP, _ = ParsePolicy(t.Value)
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
	_, ok := ParsePolicy(t.Value)
	return name, !ok
}

// tag judges one tag's name and value.
func (p *parser) tag(i int, t taglist.Tag) {
	if p.damaged[i] || t.Name == "v" {
		return
	}
	switch {
	case slices.Contains(removed, t.Name):
		p.removed(t)
		return
	case !slices.Contains(known, t.Name):
		p.unknown(t)
		return
	}
	if name, found := missingSemicolon(t.Value); found {
		p.swallowed(t, name)
		return
	}
	switch t.Name {
	case "p", "sp", "np":
		p.policyValue(t)
	case "rua":
		p.uris(t, p.RUA)
	case "ruf":
		p.uris(t, p.RUF)
	default:
		if t.Value == "" {
			p.empty(t)
			return
		}
		p.value(t)
	}
}

func (p *parser) empty(t taglist.Tag) {
	msg := fmt.Sprintf("%s has no value: the default applies", t.Name)
	if t.Name == "rua" || t.Name == "ruf" {
		msg = fmt.Sprintf("%s has no value: no such reports are sent", t.Name)
	}
	p.problem(KindSyntax, t.NameStart, max(t.ValueEnd, t.NameEnd+1), msg, "give it a value, or drop it")
}

// missingSemicolon finds another tag inside a value.
func missingSemicolon(value string) (name string, found bool) {
	for i := 0; i < len(value); i++ {
		if value[i] != '=' {
			continue
		}
		end := len(strings.TrimRight(value[:i], " \t"))
		start := len(strings.TrimRight(value[:end], letters))
		name = value[start:end]
		if start > 0 && strings.IndexByte(" \t,:", value[start-1]) >= 0 && (slices.Contains(known, name) || slices.Contains(removed, name)) {
			return name, true
		}
	}
	return "", false
}

// swallowed: a value goes on into the next tag.
func (p *parser) swallowed(t taglist.Tag, name string) {
	msg := fmt.Sprintf("a semicolon is missing before %s=", name)
	help := fmt.Sprintf("put a semicolon before %s=", name)
	lost := t.Name
	if _, there := p.Tag(name); !vital(t.Name) && vital(name) && !there {
		lost = name
	}
	kind := KindSyntax
	switch {
	case lost == "rua" && !p.Reports():
		kind, msg = KindLost, msg+": rua is lost, and no reports are sent"
	case vital(lost) && lost != "rua":
		kind, msg = KindLost, fmt.Sprintf("%s: %s is lost, and %s", msg, lost, p.consequence())
		p.said = p.said || lost == "p"
	default:
		msg = fmt.Sprintf("%s: %s is read as %s", msg, t.Name, show(t.Value))
	}
	p.problem(kind, t.ValueStart, t.ValueEnd, msg, help)
}

// policyValue judges p, sp and np.
func (p *parser) policyValue(t taglist.Tag) {
	if _, ok := ParsePolicy(t.Value); ok {
		return
	}
	p.said = p.said || t.Name == "p"
	if t.Value == "" {
		p.problem(KindPolicy, t.NameStart, max(t.ValueEnd, t.NameEnd+1), fmt.Sprintf("%s has no value: %s", t.Name, p.consequence()), "write none, quarantine or reject")
		return
	}
	help := "write none, quarantine or reject"
	if c := closestPolicy(t.Value); c != "" {
		help = fmt.Sprintf("did you mean %s?", c)
	}
	p.problem(KindPolicy, t.ValueStart, t.ValueEnd, fmt.Sprintf("%s is no policy: %s", show(t.Value), p.consequence()), help)
}

func closestPolicy(s string) string {
	switch strings.ToLower(s) {
	case "deny", "block", "drop", "discard", "fail", "refuse", "rejected":
		return "reject"
	case "monitor", "monitoring", "off", "no", "n", "0":
		return "none"
	case "spam", "junk", "quarantined":
		return "quarantine"
	}
	return taglist.Closest(s, "none", "quarantine", "reject")
}

// value judges the tags with few values.
func (p *parser) value(t taglist.Tag) {
	v := strings.ToLower(t.Value)
	var allowed, fallback string
	switch t.Name {
	case "adkim", "aspf":
		allowed, fallback = "r s", "r"
	case "psd":
		allowed, fallback = "y n u", "u"
	case "t":
		allowed, fallback = "y n", "n"
	case "fo":
		p.fo(t, v)
		return
	}
	words := strings.Fields(allowed)
	if slices.Contains(words, v) {
		return
	}
	list := strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
	np := p.problem(KindValue, t.ValueStart, t.ValueEnd,
		fmt.Sprintf("%s is no value of %s: the default %s=%s applies", show(t.Value), t.Name, t.Name, fallback), "write "+list)
	long := map[string]string{"relaxed": "r", "strict": "s", "yes": "y", "true": "y", "no": "n", "false": "n", "unknown": "u"}
	if short, ok := long[v]; ok && slices.Contains(words, short) {
		np.Help = "write " + short
		if short == fallback || t.Name == "t" { // never stricter than it is now
			np.Fix = &short
		}
	}
}

// fo: RFC 9989 §4.7, a colon-separated list in which each value stands once, and not both 0 and 1.
func (p *parser) fo(t taglist.Tag, v string) {
	seen := ""
	for opt := range strings.SplitSeq(v, ":") {
		opt = strings.TrimSpace(opt)
		why := ""
		switch {
		case len(opt) != 1 || strings.IndexByte("01ds", opt[0]) < 0:
			why = fmt.Sprintf("%s is no option of fo", show(opt))
		case strings.Contains(seen, opt):
			why = fmt.Sprintf("fo names %s twice", opt)
		case opt == "0" && strings.Contains(seen, "1"), opt == "1" && strings.Contains(seen, "0"):
			why = "fo names both 0 and 1, which exclude each other"
		}
		if why != "" {
			p.problem(KindValue, t.ValueStart, t.ValueEnd, why+": the default fo=0 applies", "write 0 or 1, and d or s behind colons: 1:d:s")
			return
		}
		seen += opt
	}
}

// removed judges the tags that RFC 9989 dropped.
func (p *parser) removed(t taglist.Tag) {
	const drop = "drop it"
	if t.Name != "pct" {
		p.problem(KindRemoved, t.NameStart, t.ValueEnd, fmt.Sprintf("the tag %s was removed from DMARC: receivers ignore it", t.Name), drop)
		return
	}
	n := -1
	if len(t.Value) <= 3 {
		if _, err := fmt.Sscanf(t.Value, "%d", &n); err != nil || n > 100 || strings.Trim(t.Value, "0123456789") != "" {
			n = -1
		}
	}
	strongest := max(p.Effective.P, p.Effective.SP, p.Effective.NP)
	term := "pct=" + t.Value
	switch {
	case n == 100:
		p.problem(KindRemoved, t.NameStart, t.ValueEnd, "the tag pct was removed from DMARC, and 100 was its default: it changes nothing", drop)
	case n < 0:
		p.problem(KindRemoved, t.NameStart, t.ValueEnd, show(term)+": the tag pct was removed from DMARC, and this was no value of it: receivers ignore it", drop)
	case !strongest.Enforces():
		p.problem(KindRemoved, t.NameStart, t.ValueEnd, term+": the tag pct was removed from DMARC, and with the policy none it changes nothing", drop)
	case n == 0:
		p.problem(KindPctZero, t.NameStart, t.ValueEnd, fmt.Sprintf("pct=0: older receivers apply %s to none of the failing mail, others to all of it", strongest),
			"write t=y, which took its place (RFC 9989 §A.6)")
	default:
		share := fmt.Sprintf("%d %%", n)
		if n == 50 {
			share = "half"
		}
		p.problem(KindPct, t.NameStart, t.ValueEnd, fmt.Sprintf("%s: older receivers apply %s to %s of the failing mail, others to all of it", term, strongest, share),
			fmt.Sprintf("drop it, or write %s until you are sure", strongest.Weaker()))
	}
}

// unknown judges a name that is no tag of DMARC.
func (p *parser) unknown(t taglist.Tag) {
	low := strings.ToLower(t.Name)
	guess := misnamed[low]
	if slices.Contains(known, low) || slices.Contains(removed, low) {
		guess = low
	}
	if guess == "" {
		guess = taglist.Closest(low, known[1:]...)
	}
	_, there := p.Tag(guess)
	help := "drop it"
	if guess != "" && !there {
		help = fmt.Sprintf("did you mean %s=%s?", guess, t.Value)
	}
	if guess == low { // only the case is wrong
		kind, msg := KindSyntax, fmt.Sprintf("%s is no tag, names are case-sensitive: receivers may ignore it", t.Name)
		if vital(low) && !there {
			kind = KindLost
			msg = p.lostMessage(fmt.Sprintf("%s is no tag, names are case-sensitive", t.Name), low)
			p.said = p.said || low == "p"
		}
		p.problem(kind, t.NameStart, t.NameEnd, msg, fmt.Sprintf("write %s", low))
		return
	}
	if guess == "p" && !there && p.P == Absent && !p.said {
		// The missing p is the worse half of this one mistake.
		p.noPolicy(t.NameStart, t.ValueEnd, fmt.Sprintf("%s is no tag, and p is missing", show(t.Name)), help)
		return
	}
	np := p.problem(KindUnknown, t.NameStart, t.ValueEnd, fmt.Sprintf("%s is no tag of DMARC: receivers ignore it", show(t.Name)), help)
	if (guess == "rua" || guess == "ruf") && !there {
		fix := p.text[t.NameStart:t.ValueEnd]
		fix = guess + fix[len(t.Name):]
		np.Fix = &fix
	}
}

func (p *parser) noPolicy(start, end int, what, help string) {
	p.said = true
	if p.Reports() {
		p.problem(KindNoPolicy, start, end, what+": the record counts as p=none", help)
		return
	}
	p.problem(KindNoDMARC, start, end, what+": without a valid rua there is no DMARC at all", help)
}

// policy judges whether p is there, and where.
func (p *parser) policy() {
	i := slices.IndexFunc(p.Tags, func(t taglist.Tag) bool { return t.Name == "p" })
	switch {
	case i < 0 && !p.said:
		v := p.Tags[0]
		p.noPolicy(v.NameStart, v.ValueEnd, "p is missing", "write p=none, p=quarantine or p=reject right behind v=DMARC1")
	case i > 1 && p.P != Absent:
		t := p.Tags[i]
		p.problem(KindOrder, t.NameStart, t.ValueEnd, "p does not stand right behind v: receivers of RFC 7489 may reject the record", "write v=DMARC1; p="+t.Value+", then the rest")
	}
}

// uris judges rua and ruf.
func (p *parser) uris(t taglist.Tag, uris []taglist.URI) {
	if len(uris) == 0 {
		p.empty(t)
		return
	}
	valid := anyValid(uris)
	kind, tail := KindURI, ": no report goes to this address"
	if !valid {
		kind, tail = KindNoURI, fmt.Sprintf(": no address is left in %s, and no such reports are sent", t.Name)
	}
	mailto := false
	for _, u := range uris {
		mailto = mailto || u.Valid() && u.Scheme == "mailto"
		if u.Size != "" && u.Valid() {
			fix := ""
			np := p.problem(KindSize, u.SizeStart, u.End, fmt.Sprintf("the size limit %q is obsolete: receivers should ignore it", u.Size), "drop it")
			np.Fix = &fix
		}
		if u.Valid() {
			continue
		}
		up := u.Problems[0]
		start, end := u.Start, u.End
		if start == end { // nothing between two commas: mark a comma
			start, end = commaAt(p.text, start, t)
		}
		np := p.problem(kind, start, end, up.Message+tail, up.Help)
		if up.Fix != nil && start == u.Start && up.Start >= start && up.End <= end {
			fix := p.text[start:up.Start] + *up.Fix + p.text[up.End:end]
			np.Fix = &fix
		}
	}
	if valid && !mailto {
		p.problem(KindScheme, t.ValueStart, t.ValueEnd, "no mailto: among the addresses, the one scheme that receivers have to support: most will send no reports", "add a mailto: address")
	}
	if len(uris) > 2 && uris[2].Text != "" {
		p.problem(KindManyURIs, uris[2].Start, uris[2].End, fmt.Sprintf("%d addresses in %s: receivers may stop after two", len(uris), t.Name),
			"name the two most important ones first, or one that hands the reports on")
	}
}

// commaAt is the comma beside an empty place of a list.
func commaAt(text string, off int, t taglist.Tag) (start, end int) {
	if i := strings.IndexByte(text[off:t.ValueEnd], ','); i >= 0 && strings.TrimSpace(text[off:off+i]) == "" {
		return off + i, off + i + 1
	}
	if i := strings.LastIndexByte(text[t.ValueStart:off], ','); i >= 0 {
		return t.ValueStart + i, t.ValueStart + i + 1
	}
	return t.ValueStart, t.ValueEnd
}

// show quotes a text for a message, and cuts what nobody would read.
func show(s string) string {
	const most = 40
	if len(s) > most {
		return fmt.Sprintf("%q…", strings.ToValidUTF8(s[:most], ""))
	}
	return fmt.Sprintf("%q", s)
}
