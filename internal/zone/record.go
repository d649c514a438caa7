package zone

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"
)

// A FileID names a source file. 0 is no file: the text came from elsewhere.
type FileID uint32

// A Span is a range of bytes in a source file, End exclusive. It is turned into line and column only
// where it is shown. The zero Span is no place.
type Span struct {
	File       FileID
	Start, End uint32
}

// IsZero tells whether the span leads nowhere.
func (s Span) IsZero() bool { return s.File == 0 }

// A Segment is a run of a Text's bytes, from its offset to the next segment's, with the place it came
// from. In an Exact segment each byte of the text is one byte of the source; else the whole run stands
// for the whole span (an escape, or words that a block implies, such as "v=spf1").
type Segment struct {
	Off   uint32
	Exact bool
	At    Span
}

// A Text is the bytes of a TXT record, its character-strings joined (RFC 7208 §3.3), each byte with its
// place in the source. A Text is never changed.
type Text struct {
	s    string
	segs []Segment
}

// PlainText is a text that leads to one place as a whole, or, with the zero Span, nowhere.
func PlainText(s string, at Span) Text {
	if at.IsZero() {
		return Text{s: s}
	}
	return Text{s: s, segs: []Segment{{At: at}}}
}

// A TextBuilder puts a Text together, segment by segment. The zero value is ready to use.
type TextBuilder struct {
	b    strings.Builder
	segs []Segment
}

// Exact appends source bytes as they stand; at covers just them.
func (b *TextBuilder) Exact(s string, at Span) { b.add(s, at, true) }

// Implied appends text that stands for the whole of at.
func (b *TextBuilder) Implied(s string, at Span) { b.add(s, at, false) }

func (b *TextBuilder) add(s string, at Span, exact bool) {
	if s == "" {
		return
	}
	off := b.b.Len()
	b.b.WriteString(s)
	if exact && len(b.segs) > 0 {
		last := &b.segs[len(b.segs)-1]
		if last.Exact && last.At.File == at.File && last.At.End == at.Start {
			last.At.End = at.End
			return
		}
	}
	b.segs = append(b.segs, Segment{Off: uint32(off), Exact: exact, At: at})
}

// Append appends a whole text with its places.
func (b *TextBuilder) Append(t Text) {
	for i, seg := range t.segs {
		b.add(t.s[seg.Off:t.end(i)], seg.At, seg.Exact)
	}
	if len(t.segs) == 0 {
		b.add(t.s, Span{}, false)
	}
}

// Grow makes room for so many more bytes and segments.
func (b *TextBuilder) Grow(octets, segments int) {
	b.b.Grow(octets)
	b.segs = slices.Grow(b.segs, segments)
}

// Len is the number of bytes so far.
func (b *TextBuilder) Len() int { return b.b.Len() }

// Text is what was built.
func (b *TextBuilder) Text() Text { return Text{s: b.b.String(), segs: b.segs} }

func (t Text) String() string { return t.s }

// Len is the number of bytes.
func (t Text) Len() int { return len(t.s) }

// Segments are the text's segments, which cover it in order.
func (t Text) Segments() []Segment { return t.segs }

func (t Text) end(i int) int {
	if i+1 < len(t.segs) {
		return int(t.segs[i+1].Off)
	}
	return len(t.s)
}

// Span is the place in the source of the bytes [start, end). An empty range gives the empty place
// before byte start, or, at the end of the text, after its last byte. Where the bytes come from several
// places that do not follow each other in one file, it is the place of the first of them.
func (t Text) Span(start, end int) Span {
	if len(t.segs) == 0 {
		return Span{}
	}
	start = max(0, min(start, len(t.s)))
	end = max(start, min(end, len(t.s)))
	if start == end {
		if start == len(t.s) && start > 0 {
			s := t.byteSpan(start - 1)
			s.Start = s.End
			return s
		}
		s := t.byteSpan(start)
		s.End = s.Start
		return s
	}
	first := t.seg(start)
	out := t.byteSpan(start)
	// The range grows over the segments that go on in the same file.
	for i := first; i < len(t.segs) && int(t.segs[i].Off) < end; i++ {
		lastByte := min(end, t.end(i)) - 1
		s := t.byteSpan(lastByte)
		if s.File != out.File || s.End < out.End || i > first && s.Start < out.Start {
			break
		}
		out.End = s.End
	}
	return out
}

func (t Text) seg(off int) int {
	lo, hi := 0, len(t.segs)
	for hi-lo > 1 {
		mid := (lo + hi) / 2
		if int(t.segs[mid].Off) <= off {
			lo = mid
		} else {
			hi = mid
		}
	}
	return lo
}

func (t Text) byteSpan(off int) Span {
	if off >= len(t.s) {
		last := t.segs[len(t.segs)-1].At
		return Span{last.File, last.End, last.End}
	}
	seg := t.segs[t.seg(off)]
	if !seg.Exact {
		return seg.At
	}
	d := uint32(off) - seg.Off
	return Span{seg.At.File, seg.At.Start + d, seg.At.Start + d + 1}
}

// Whole is the place of the whole text.
func (t Text) Whole() Span { return t.Span(0, len(t.s)) }

// An Origin tells who said that a record is there.
type Origin uint8

// Who said so.
const (
	Defined Origin = iota // a definition of the repository
	Rest                  // the other half of an extend zone: dnsconfig.js
	Third                 // a third party: lock file or live DNS
)

// A Record is one resource record as it would be published. Records are frozen once they are loaded.
type Record struct {
	// The order of the fields keeps the record small: a fleet has 100,000 of them.

	Name Name
	Type uint16 // dns.TypeTXT and so on
	Pref uint16 // the preference of MX or priority of SRV
	TTL  uint32 // seconds

	// Data is the rdata in presentation format, names absolute with their final dot; empty for TXT,
	// whose bytes are in Text.
	Data string
	Text Text
	// Joints are the offsets in Text at which one character-string ends and the next begins, where the
	// source keeps them apart (lock file, live DNS).
	Joints []int

	// Target is the host name in the rdata of CNAME, DNAME, NS, MX, SRV and PTR.
	Target Name

	At      Span // the rdata, or the label of the block that stands for the record
	NameAt  Span // the label that gives the owner name
	TTLAt   Span // the ttl attribute that holds, if any
	UntilAt Span
	Until   time.Time

	Block string // the block that it was written in: "spf", "dkim", "dmarc", "record", "dkim_keys", …
	// KeyState is what the key ledger says of a DKIM key of its own: "standby", "active", "retiring", "revoked".
	KeyState string

	HasTTL bool // false: none is written, the other half's DefaultTTL holds
	Raw    bool // the block's raw attribute gave the text
	Origin Origin
}

// TypeName is the mnemonic of the record's type, TYPE1234 where there is none (RFC 3597).
func (r *Record) TypeName() string { return TypeName(r.Type) }

// TypeName is the mnemonic of a type, TYPE1234 where there is none (RFC 3597).
func TypeName(t uint16) string { return dns.Type(t).String() }

// RData is the rdata in presentation format; a TXT as its one text, unquoted.
func (r *Record) RData() string {
	if r.Type == dns.TypeTXT {
		return r.Text.String()
	}
	return r.Data
}

// TextSpan is the place of bytes [start, end) of the record's text, or where the text leads nowhere (the
// record is not the repository's own), the zero Span.
func (r *Record) TextSpan(start, end int) Span { return r.Text.Span(start, end) }

// A Status is what is known of a question.
type Status uint8

// What may be known.
const (
	Found    Status = iota // there are records of the type
	NoData                 // the name exists, without that type
	NXDomain               // the name does not exist
	Unknown                // nobody was asked: the answer is not at hand
	Failed                 // asked, and no usable answer came (SERVFAIL, a timeout)
)

func (s Status) String() string {
	return [...]string{"found", "no data", "NXDOMAIN", "unknown", "failed"}[s]
}

// Known tells whether the answer says something about the name.
func (s Status) Known() bool { return s <= NXDomain }

// An Answer is what a name resolves to after the merge.
type Answer struct {
	Status Status
	// Records are of the type that was asked for, at the end of the CNAME chain. Empty when only the existence
	// is known.
	Records []*Record
	// Chain are the CNAMEs (and synthesised ones, RFC 6672) that led there.
	Chain []*Record
	// Owner is the name at the end of the chain.
	Owner Name
	// Wildcard is the owner of the wildcard that answered, if one did (RFC 4592).
	Wildcard Name
	// Why says what is missing or what failed, for a person to read.
	Why string
}

// A Lookup answers questions. Lookup wants the records; Exists only whether there are any.
type Lookup interface {
	Lookup(ctx context.Context, name Name, qtype uint16) Answer
	Exists(ctx context.Context, name Name, qtype uint16) Answer
}

// A Problem is something wrong in a record's text, found by its grammar. Offsets are bytes of the text,
// End exclusive.
type Problem struct {
	Kind       string // a stable word of the package that found it
	Start, End int
	Message    string  // what is wrong
	Help       string  // what to write instead; may be empty
	Fix        *string // the one right replacement of [Start, End), where there is one
}
