package zone

import "time"

// How a zone's records reach dnscontrol.
const (
	EmitNone   = ""       // no dnscontrol block: nothing is rendered
	EmitZone   = "zone"   // tripod owns the whole zone
	EmitExtend = "extend" // the records go into the user's D() by TRIPOD()
)

// A Domain is one definition: a zone, or in extend the mail half of one.
type Domain struct {
	Name Name
	Tag  string // split horizon: TRIPOD("name!tag")
	At   Span   // the label, or the element of names

	Emit          string
	Registrar     string
	DNSProviders  []string
	IgnoreRecords []IgnoreRecord

	Records []*Record // in the order of the definition
	Ignores []*Ignore
	Expects []*Expect
	Senders []*SenderUse
	Flatten []*Flatten
	MTASTS  []*MTASTSPolicy

	// Rest are the records of the zone's other half (extend). RestKnown is false when they could not be had,
	// and RestWhy says why.
	Rest      []*Record
	RestKnown bool
	RestWhy   string
	// RestNoPurge, RestIgnores: the other half leaves room for records that nobody here knows (NO_PURGE, IGNORE).
	RestNoPurge bool
	RestIgnores []IgnoreRecord
	// RestTTL is the TTL in seconds that records without one get from D() (DefaultTTL where TRIPOD stands), 0 where it
	// is not known.
	RestTTL uint32
	// RestPseudo are records of the other half that stand for something else in DNS.
	RestPseudo []Pseudo
	// RestLacksTripod: no D() takes TRIPOD() in.
	RestLacksTripod bool
}

// ID is the name with its tag, as D() writes it.
func (d *Domain) ID() string {
	if d.Tag == "" {
		return string(d.Name)
	}
	return string(d.Name) + "!" + d.Tag
}

// A Pseudo is a record that only a provider knows (ALIAS, R53_ALIAS, a proxied A): its name has addresses that the
// zone does not say.
type Pseudo struct {
	Name Name
	Type string
}

// An IgnoreRecord leaves records to others: dnscontrol's IGNORE(label, types, target) globs.
type IgnoreRecord struct {
	Label, Types, Target string
	At                   Span
}

// An Ignore suppresses findings of a rule. Owner and Term narrow it; after Until it hides nothing.
type Ignore struct {
	Rule   string
	RuleAt Span
	Owner  Name // "" : every owner name at or below Scope
	Scope  Name // the name of the block that it stands in
	Term   string
	Reason string
	Until  time.Time
	At     Span
}

// An Expect is an assertion that lint checks.
type Expect struct {
	What                    string
	IP, MailFrom, HELO, SPF string // one kind: an SPF result
	Name                    Name   // the other: an effective DMARC policy
	DMARC                   string
	At                      Span // the label
	SPFAt, DMARCAt, IPAt    Span
	Scope                   Name // the name of the domain
}

// A SenderUse is a sender that a domain or subdomain names.
type SenderUse struct {
	Name  string
	Owner Name // the name that it sends for
	At    Span // the element of senders that names it
	Terms []string
	DKIM  []string // its selectors
	// Records are the labels of its record blocks: a Record that comes from one has it as its NameAt.
	Records []Span
}

// A Flatten is an spf block whose terms are published as addresses.
type Flatten struct {
	Owner Name
	Terms []Text
	At    Span
}

// A MTASTSPolicy is the policy file of an mta_sts block (RFC 8461 §3.2).
type MTASTSPolicy struct {
	Owner   Name // the policy domain
	Mode    string
	MX      []string
	MaxAge  int64 // seconds
	ID      string
	At      Span
	ModeAt  Span
	MXAt    []Span
	AgeAt   Span
	Until   time.Time
	UntilAt Span
}
