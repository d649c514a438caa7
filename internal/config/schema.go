package config

// The schema is the language: one table from which blocks are decoded, suggestions made and the reference
// page written.

// A kind is what an attribute's value may be.
type kind uint8

const (
	kindText     kind = iota // a string that may hold ${domain}
	kindTexts                // a list of such strings
	kindWord                 // a string without ${domain}
	kindWords                // a list of such strings
	kindInt                  // a whole number
	kindBool                 //
	kindDate                 // "YYYY-MM-DD"
	kindTime                 // RFC 3339
	kindDuration             // "90d", "48h"
	kindParam                // any of string, number, boolean, list: a rule's own parameter
)

func (k kind) String() string {
	return [...]string{
		"string", "list of strings", "string", "list of strings", "whole number", "true or false",
		`date "YYYY-MM-DD"`, "time (RFC 3339)", `duration such as "90d" or "48h"`, "value",
	}[k]
}

func (k kind) isList() bool { return k == kindTexts || k == kindWords }

// hasDomain tells whether ${domain} may stand in the value.
func (k kind) hasDomain() bool { return k == kindText || k == kindTexts }

type attrDef struct {
	name     string
	kind     kind
	values   []string // the only values of a string, where there are only some
	required bool
	doc      string
}

type blockDef struct {
	name   string
	labels []string // what each label is
	attrs  []attrDef
	blocks []*blockDef
	// anyAttr is the definition of attributes that the table does not name, if any are allowed.
	anyAttr *attrDef
	doc     string
}

func (d *blockDef) attr(name string) *attrDef {
	for i := range d.attrs {
		if d.attrs[i].name == name {
			return &d.attrs[i]
		}
	}
	return d.anyAttr
}

func (d *blockDef) block(name string) *blockDef {
	for _, b := range d.blocks {
		if b.name == name {
			return b
		}
	}
	return nil
}

var (
	attrTTL   = attrDef{name: "ttl", kind: kindInt, doc: "time to live in seconds; else that of the block around it, of the profile, of `tripod`, else 300"}
	attrRaw   = attrDef{name: "raw", kind: kindText, doc: "the record's exact text, instead of the block's other attributes"}
	attrUntil = attrDef{name: "until", kind: kindDate, doc: "up to this day it may stay as it is; from this day on it is a finding"}
	attrOmit  = attrDef{name: "omit", kind: kindWords, doc: "what is not taken over from the profile or a sender: `mta_sts`, `dmarc.np`, `dkim.k2`, `record.MX.@`"}

	attrProfile = attrDef{name: "profile", kind: kindWord, doc: "the profile whose blocks and attributes hold where none stand here"}
	attrSenders = attrDef{name: "senders", kind: kindWords, doc: "who may send; adds to the profile's senders"}
)

var defSPF = &blockDef{name: "spf", doc: "Who may send (RFC 7208). The record is `v=spf1`, the senders' terms, `terms`, the `flatten` ranges, then `all` or `redirect`.", attrs: []attrDef{
	{name: "terms", kind: kindTexts, doc: "mechanisms, in order, such as `include:_spf.example.net` (§5)"},
	{name: "all", kind: kindWord, values: []string{"fail", "softfail", "neutral"}, doc: "the result for everybody else (§5.1)"},
	{name: "redirect", kind: kindText, doc: "the name whose record decides where no term matches (§6.1)"},
	{name: "exp", kind: kindText, doc: "the name of the explanation for those who fail (§6.2)"},
	{name: "flatten", kind: kindTexts, doc: "terms that are published as the addresses for which they pass, from the lock file"},
	attrRaw, attrTTL,
}}

var defDKIM = &blockDef{name: "dkim", labels: []string{"SELECTOR"}, doc: "A key for DKIM (RFC 6376 §3.6.1), or a CNAME to a vendor's.", attrs: []attrDef{
	{name: "k", kind: kindText, doc: "key type: `rsa` or `ed25519`"},
	{name: "p", kind: kindText, doc: "public key in base64; empty: revoked"},
	{name: "h", kind: kindTexts, doc: "hash algorithms"},
	{name: "s", kind: kindTexts, doc: "service types"},
	{name: "t", kind: kindTexts, doc: "flags: `y` testing, `s` no subdomains"},
	{name: "n", kind: kindText, doc: "notes for people"},
	{name: "cname", kind: kindText, doc: "the name that holds the key"},
	attrRaw, attrTTL,
}}

var defDMARC = &blockDef{name: "dmarc", doc: "What receivers do with mail that fails (RFC 9989).", attrs: []attrDef{
	{name: "p", kind: kindText, doc: "policy: `none`, `quarantine` or `reject`"},
	{name: "sp", kind: kindText, doc: "policy for subdomains"},
	{name: "np", kind: kindText, doc: "policy for subdomains that do not exist"},
	{name: "adkim", kind: kindText, doc: "DKIM alignment: `r` relaxed, `s` strict"},
	{name: "aspf", kind: kindText, doc: "SPF alignment: `r` relaxed, `s` strict"},
	{name: "fo", kind: kindText, doc: "when failure reports are made"},
	{name: "psd", kind: kindText, doc: "whether this is a public suffix: `y`, `n`, `u`"},
	{name: "t", kind: kindText, doc: "`y`: testing, the policy is applied one step weaker"},
	{name: "rua", kind: kindTexts, doc: "where aggregate reports go, such as `mailto:dmarc@example.com`"},
	{name: "ruf", kind: kindTexts, doc: "where failure reports go"},
	attrUntil, attrRaw, attrTTL,
}}

var defMTASTS = &blockDef{name: "mta_sts", doc: "TLS for mail that comes in (RFC 8461): the record and the policy file.", attrs: []attrDef{
	{name: "mode", kind: kindWord, values: []string{"enforce", "testing", "none"}, doc: "what senders do where TLS fails"},
	{name: "mx", kind: kindTexts, doc: "the hosts that take mail; `*.example.com` for one label"},
	{name: "max_age", kind: kindInt, doc: "how long the policy is kept, in seconds; at most 31557600"},
	{name: "id", kind: kindText, doc: "changes with the policy; without it, a hash of the policy"},
	attrUntil, attrTTL,
}}

var defTLSRPT = &blockDef{name: "tls_rpt", doc: "Reports about TLS (RFC 8460).", attrs: []attrDef{
	{name: "rua", kind: kindTexts, doc: "where reports go: `mailto:` or `https:`"},
	attrRaw, attrTTL,
}}

var defBIMI = &blockDef{name: "bimi", labels: []string{"SELECTOR"}, doc: "A logo beside the mail.", attrs: []attrDef{
	{name: "l", kind: kindText, doc: "the logo, an https: URI of an SVG; empty: declined"},
	{name: "a", kind: kindText, doc: "the evidence, an https: URI of a PEM file"},
	{name: "lps", kind: kindTexts, doc: "local parts' prefixes with a selector of their own"},
	{name: "avp", kind: kindText, doc: "`brand` or `personal`"},
	attrRaw, attrTTL,
}}

var defRotation = &blockDef{name: "dkim_rotation", doc: "How DKIM keys are to rotate; they live in the key ledger. It is read, and nothing makes or rotates keys yet.", attrs: []attrDef{
	{name: "k", kind: kindWords, doc: "algorithms: `rsa`, `ed25519`"},
	{name: "bits", kind: kindInt, doc: "size of RSA keys"},
	{name: "every", kind: kindDuration, doc: "how long a key signs"},
	{name: "overlap", kind: kindDuration, doc: "how long a key stays published after its last signature"},
	{name: "publish_wait", kind: kindDuration, doc: "how long a key is published before it signs"},
	{name: "custody", kind: kindWord, values: []string{"age", "directory", "command", "submitted", "external"}, doc: "where private halves are kept"},
	{name: "recipients", kind: kindWords, doc: "who can decrypt the private halves (age)"},
	{name: "hosts", kind: kindWords, doc: "the mail hosts that sign"},
	{name: "slots", kind: kindWords, doc: "fixed selectors that take keys in turn"},
	{name: "adopt", kind: kindWord, doc: "the selector of the published key to begin with"},
	{name: "retire", kind: kindBool, doc: "true: no successor, hosts stop signing"},
	{name: "group", kind: kindWord, doc: "the pull request that this rotates in"},
}}

var defRecord = &blockDef{name: "record", labels: []string{"TYPE", "LABEL"}, doc: "Any other record.", attrs: []attrDef{
	{name: "rdata", kind: kindTexts, required: true, doc: "one element a record, in presentation format; for TXT the text itself"},
	attrTTL,
}}

var defExpect = &blockDef{name: "expect", labels: []string{"WHAT"}, doc: "An assertion that lint checks.", attrs: []attrDef{
	{name: "ip", kind: kindWord, doc: "the address that sends"},
	{name: "mail_from", kind: kindText, doc: "the envelope sender"},
	{name: "helo", kind: kindText, doc: "the name given in HELO"},
	{name: "spf", kind: kindWord, values: []string{"pass", "fail", "softfail", "neutral", "none", "permerror", "temperror"}, doc: "the SPF result"},
	{name: "name", kind: kindText, doc: "a name at or below the domain, existing or not; without it, the domain"},
	{name: "dmarc", kind: kindWord, values: []string{"none", "quarantine", "reject", "absent"}, doc: "its effective DMARC policy"},
}}

var defIgnore = &blockDef{name: "ignore", labels: []string{"RULE"}, doc: "Suppresses a rule's findings, with a reason.", attrs: []attrDef{
	{name: "reason", kind: kindText, required: true, doc: "why"},
	attrUntil,
	{name: "at", kind: kindText, doc: "only at this owner name, relative to the block around"},
	{name: "term", kind: kindText, doc: "only where the finding points at this text"},
}}

var bodyAttrs = []attrDef{attrTTL, attrOmit}

var bodyBlocks = []*blockDef{defSPF, defDKIM, defDMARC, defMTASTS, defTLSRPT, defBIMI, defRotation, defRecord, defExpect, defIgnore}

var zoneAttrs = []attrDef{
	{name: "registrar", kind: kindWord, doc: "the registrar's name in creds.json"},
	{name: "dns_providers", kind: kindWords, doc: "the providers' names in creds.json"},
	{name: "ignore_records", kind: kindWords, doc: "records that others manage: `LABEL`, `LABEL TYPES`, `LABEL TYPES TARGET`"},
}

func join[T any](lists ...[]T) []T {
	var out []T
	for _, l := range lists {
		out = append(out, l...)
	}
	return out
}

var defSubdomain = &blockDef{
	name: "subdomain", labels: []string{"LABEL"}, doc: "A name in the same zone. It inherits nothing from the domain but `ttl`.",
	attrs: join([]attrDef{attrProfile, attrSenders}, bodyAttrs), blocks: bodyBlocks,
}

var defDomain = &blockDef{
	name: "domain", labels: []string{"NAME"}, doc: "A domain and its records.",
	attrs: join([]attrDef{attrProfile, attrSenders}, zoneAttrs, []attrDef{
		{name: "tag", kind: kindWord, doc: "split horizon: the view that this definition is for"},
	}, bodyAttrs),
	blocks: join(bodyBlocks, []*blockDef{defSubdomain}),
}

var defDomains = &blockDef{
	name: "domains", doc: "Many domains with one definition.",
	attrs: join([]attrDef{
		{name: "names", kind: kindWords, required: true, doc: "the domains"},
		attrProfile, attrSenders,
	}, zoneAttrs, bodyAttrs),
	blocks: bodyBlocks,
}

var defProfile = &blockDef{
	name: "profile", labels: []string{"NAME"}, doc: "What several domains share. It cannot use another profile.",
	attrs: join([]attrDef{attrSenders}, zoneAttrs, bodyAttrs), blocks: bodyBlocks,
}

var defSender = &blockDef{
	name: "sender", labels: []string{"NAME"}, doc: "Who may send: adds to the domains that name it, and never overrides.",
	attrs: []attrDef{
		{name: "spf", kind: kindTexts, doc: "SPF terms"},
	},
	blocks: []*blockDef{defDKIM, defRecord},
}

var defKey = &blockDef{name: "key", labels: []string{"SELECTOR"}, doc: "One key.", attrs: []attrDef{
	{name: "state", kind: kindWord, required: true, values: []string{"standby", "active", "retiring", "revoked", "gone"}, doc: "where it is in its life"},
	{name: "k", kind: kindWord, required: true, values: []string{"rsa", "ed25519"}, doc: "key type"},
	{name: "p", kind: kindWord, required: true, doc: "public key in base64"},
	{name: "created", kind: kindTime, doc: "when it was made"},
	{name: "activated", kind: kindTime, doc: "when it became active"},
	{name: "retired", kind: kindTime, doc: "when it last stopped being active or standby"},
	{name: "left", kind: kindInt, doc: "the serial at which it last stopped being standby or active"},
	{name: "recipients", kind: kindWords, doc: "fingerprints of those that its private half was encrypted for"},
	{name: "private", kind: kindWord, doc: "the file of the private half"},
	{name: "compromised", kind: kindBool, doc: "somebody else may have the private half"},
	{name: "restored", kind: kindBool, doc: "it was revoked once, by mistake"},
}}

var defKeys = &blockDef{
	name: "dkim_keys", labels: []string{"NAME"}, doc: "The key ledger of a domain, written by tripod.",
	attrs: []attrDef{
		{name: "serial", kind: kindInt, required: true, doc: "grows by one with every change"},
	},
	blocks: []*blockDef{defKey},
}

var defTripod = &blockDef{name: "tripod", doc: "Where definitions are.", attrs: []attrDef{
	{name: "files", kind: kindWords, required: true, doc: "patterns of definition files; `**` stands for any number of directories"},
	{name: "keys", kind: kindWord, doc: "the directory of key ledgers; `keys` where not given"},
	attrTTL,
	{name: "required_version", kind: kindWord, doc: "the versions of tripod that may be used, such as `>= 1.2`"},
}}

var defDNSControl = &blockDef{
	name: "dnscontrol", doc: "How records reach dnscontrol. Without this block nothing is rendered.",
	attrs: join([]attrDef{
		{name: "emit", kind: kindWord, required: true, values: []string{"zone", "extend"}, doc: "`zone`: tripod owns the whole zone; `extend`: `TRIPOD()` in the user's `D()`"},
		{name: "output", kind: kindWord, doc: "the directory of rendered files; `dnscontrol` where not given"},
		{name: "config", kind: kindWord, doc: "the user's dnscontrol configuration; `dnsconfig.js` where not given"},
	}, zoneAttrs),
}

var defRule = &blockDef{
	name: "rule", labels: []string{"RULE"}, doc: "A rule's severity, and its own parameters.",
	attrs: []attrDef{
		{name: "severity", kind: kindWord, values: []string{"error", "warning", "info", "off"}, doc: "what a finding counts as"},
	},
	anyAttr: &attrDef{kind: kindParam, doc: "the rule's own parameter"},
}

var defLint = &blockDef{name: "lint", doc: "How strict lint is.", attrs: []attrDef{
	{name: "fail_on", kind: kindWord, values: []string{"error", "warning", "info", "never"}, doc: "the severity from which a run fails; `error` where not given"},
	{name: "bulk_senders", kind: kindWords, doc: "domains that send 5,000 messages a day or more"},
}, blocks: []*blockDef{defRule}}

var defResolver = &blockDef{name: "resolver", doc: "How other people's names are looked up.", attrs: []attrDef{
	{name: "servers", kind: kindWords, doc: "recursive servers, HOST:PORT; else the system's"},
	{name: "lock_max_age", kind: kindDuration, doc: "the age at which the lock file is stale; `30d` where not given"},
}}

var defGitHub = &blockDef{name: "github", doc: "Pull requests that tripod is to open. It is read, and has no effect yet.", attrs: []attrDef{
	{name: "max_domains_per_pr", kind: kindInt, doc: "50 where not given"},
	{name: "max_open", kind: kindInt, doc: "pull requests open at once; 4 where not given"},
	{name: "comment", kind: kindWord, values: []string{"summary", "inline", "off"}, doc: "what is written there; `summary` where not given"},
	{name: "app", kind: kindWord, doc: "the app that makes rotation commits"},
}}

// The three kinds of files.
var (
	fileSettings    = &blockDef{name: SettingsFile, blocks: []*blockDef{defTripod, defDNSControl, defLint, defResolver, defGitHub}}
	fileDefinitions = &blockDef{name: "definition file", blocks: []*blockDef{defDomain, defDomains, defProfile, defSender}}
	fileKeys        = &blockDef{name: "key ledger", blocks: []*blockDef{defKeys}}
)
