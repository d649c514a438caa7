package rules

// views are the parsed views of a domain that its rules share: each is made when the first rule asks for it, and
// belongs to one goroutine.
type views struct {
	words  wordViews
	spf    spfViews
	dkim   dkimViews
	dmarc  dmarcViews
	around aroundViews
}

// cache holds what all domains of a run share, such as parsed records of third parties. It is safe for concurrent use.
type cache struct {
	words  wordCache
	spf    spfCache
	dkim   dkimCache
	dmarc  dmarcCache
	around aroundCache
}
