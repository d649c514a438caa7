package dmarc

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tripod-dns/tripod/internal/taglist"
)

// uris judges rua and ruf.
func (p *parser) uris(t taglist.Tag, all []taglist.URI) {
	// A tag that stands twice has two lists; this one's are those that lie in it.
	uris := slices.DeleteFunc(slices.Clone(all), func(u taglist.URI) bool { return u.Start < t.ValueStart || u.End > t.ValueEnd })
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
