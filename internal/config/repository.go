package config

import (
	"time"

	"github.com/tripod-dns/tripod/internal/zone"
)

// A Repository is what the definitions below one tripod.hcl say. Nobody changes it once it is loaded, but for
// what Flatten puts into it.
type Repository struct {
	Files    *Files
	Settings Settings
	// Domains are the definitions, each name of a domains block one of its own, in the order of files (by path) and
	// within a file. Their records include those of the key ledgers.
	Domains   []*zone.Domain
	Rotations []*Rotation // in the order of Domains
	Ledgers   []*Ledger   // in the order of files

	flatten map[*zone.Flatten]*flattenSite
}

// Settings are what tripod.hcl says. What it leaves out has its default.
type Settings struct {
	Files             []string // patterns of definition files
	Keys              string   // directory of key ledgers
	TTL               uint32   // seconds; of records for which no other block gives one
	HasTTL            bool
	RequiredVersion   string // empty: any
	RequiredVersionAt zone.Span

	DNSControl DNSControl
	Lint       Lint
	Resolver   Resolver
	GitHub     GitHub
}

// DNSControl says how records reach dnscontrol.
type DNSControl struct {
	Emit          string // zone.EmitNone where there is no block
	Output        string // directory of rendered files, relative to the root
	OutputAt      zone.Span
	Config        string // the user's configuration, relative to the root
	ConfigAt      zone.Span
	Registrar     string
	DNSProviders  []string
	IgnoreRecords []zone.IgnoreRecord
	At            zone.Span // the block's type
}

// Lint says how strict lint is.
type Lint struct {
	FailOn      string // "error", "warning", "info" or "never"
	BulkSenders []BulkSender
	Rules       []RuleSetting
}

// A BulkSender is a domain that sends 5,000 messages a day or more.
type BulkSender struct {
	Name zone.Name
	At   zone.Span
}

// A RuleSetting is a rule's severity and parameters. Whether there is such a rule is for the linter to say.
type RuleSetting struct {
	ID         string
	At         zone.Span // the label
	Severity   string    // "error", "warning", "info", "off"; empty: the rule's own
	SeverityAt zone.Span
	Params     map[string]Param
}

// A Param is a rule's own parameter.
type Param struct {
	Value  any       // string, int64, bool or []string
	NameAt zone.Span // the attribute's name
	At     zone.Span // the value
}

// Resolver says how other people's names are looked up.
type Resolver struct {
	Servers    []string // HOST:PORT; none: the system's
	ServersAt  []zone.Span
	LockMaxAge time.Duration
}

// GitHub is about pull requests that tripod opens.
type GitHub struct {
	MaxDomainsPerPR int
	MaxOpen         int
	Comment         string // "summary", "inline" or "off"
	App             string
}

// A Rotation is a dkim_rotation block, profile and domain merged. What it leaves out is zero.
type Rotation struct {
	Owner       zone.Name // the domain or subdomain whose keys rotate
	Zone        zone.Name // the domain that it belongs to
	Tag         string    // and its tag
	At          zone.Span // the block's type
	K           []string
	Bits        int
	Every       time.Duration
	Overlap     time.Duration
	PublishWait time.Duration
	Custody     string
	Recipients  []string
	Hosts       []string
	Slots       []string
	Adopt       string
	Retire      bool
	Group       string
	// Places are the values of the attributes that are set, by name; of a list, the whole.
	Places map[string]zone.Span
}

// A Ledger is a dkim_keys block: the DKIM keys of a name that tripod made. Whether it may be acted on is not
// judged here.
type Ledger struct {
	Domain   zone.Name
	At       zone.Span // the label
	Serial   int64
	SerialAt zone.Span
	Keys     []*Key // as they stand in the file
}

// A Key is an entry of a ledger. What is not written is zero.
type Key struct {
	Selector                    string
	At                          zone.Span // the label
	State                       string    // "standby", "active", "retiring", "revoked" or "gone"
	StateAt                     zone.Span
	K                           string // "rsa" or "ed25519"
	P                           string // base64, as written
	PAt                         zone.Span
	Created, Activated, Retired time.Time
	Left                        int64 // 0: it has not left yet
	HasLeft                     bool
	LeftAt                      zone.Span
	Recipients                  []string
	Private                     string
	PrivateAt                   zone.Span
	Compromised, Restored       bool
}
