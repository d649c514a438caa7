package dmarc

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tripod-dns/tripod/internal/taglist"
)

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
	if _, ok := parsePolicy(t.Value); ok {
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
		if short == fallback { // never stricter or weaker than it is now
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
