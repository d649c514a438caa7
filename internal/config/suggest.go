package config

import (
	"fmt"
	"strings"

	"github.com/tripod-dns/tripod/internal/spelling"
)

// wrongNames are names that people bring along from elsewhere, by the block that they write them in. An edit
// distance would send them astray: "pct" is near to "p".
var wrongNames = map[string]map[string]string{
	"dmarc": {
		"pct": `RFC 9989 removed pct: t = "y" is the step between policies`, "percent": `RFC 9989 removed pct: t = "y" is the step between policies`,
		"ri": "RFC 9989 removed ri: leave it out", "reportInterval": "RFC 9989 removed ri: leave it out",
		"rf": "RFC 9989 removed rf: leave it out", "failureFormat": "RFC 9989 removed rf: leave it out",
		"policy": "the policy is p", "subdomainPolicy": "the policy of subdomains is sp", "subdomain_policy": "the policy of subdomains is sp",
		"alignmentDKIM": "DKIM alignment is adkim", "alignmentSPF": "SPF alignment is aspf", "failureOptions": "failure options are fo",
		"v": "v= is never written", "version": "v= is never written", "label": "the record is always at _dmarc: use a subdomain block for another name",
		"testing": `testing is t = "y"`, "mailto": `reports are rua = ["mailto:…"]`, "report": `reports are rua = ["mailto:…"]`,
	},
	"spf": {
		"parts": "they are terms, without v=spf1 and all", "mechanisms": "they are terms", "include": `write terms = ["include:…"]`,
		"includes": `write terms = ["include:…"]`, "ip4": `write terms = ["ip4:…"]`, "ip6": `write terms = ["ip6:…"]`, "mx": `write terms = ["mx"]`, "a": `write terms = ["a"]`,
		"v": "v= is never written", "version": "v= is never written", "qualifier": `write all = "fail", "softfail" or "neutral"`,
		"explanation": "the explanation is exp", "overflow": "flattened records are split by themselves", "txtMaxSize": "flattened records are split by themselves",
	},
	"dkim": {
		"selector": `the selector is the label: dkim "SEL"`, "pubkey": "the public key is p", "public_key": "the public key is p", "key": "the public key is p",
		"keytype": "the key type is k", "type": "the key type is k", "algorithm": "the key type is k", "hashtypes": "hash algorithms are h", "servicetypes": "service types are s",
		"flags": "flags are t", "note": "notes are n", "v": "v= is never written", "version": "v= is never written", "target": "the target is cname",
		"bits": "p is a public key; keys that tripod makes are a dkim_rotation block",
	},
	"mta_sts": {"version": "v= is never written", "v": "v= is never written", "maxAge": "it is max_age", "policy": "it is mode", "hosts": "they are mx"},
	"tls_rpt": {"v": "v= is never written", "version": "v= is never written", "ruf": "TLS reports have rua only"},
	"bimi":    {"v": "v= is never written", "logo": "the logo is l", "location": "the logo is l", "authority": "the evidence is a", "vmc": "the evidence is a", "selector": `the selector is the label: bimi "SEL"`},
	"record":  {"value": "the values are the list rdata", "values": "the values are the list rdata", "target": "the value is rdata", "data": "the values are the list rdata", "type": `type and label are labels: record "MX" "@"`, "name": `type and label are labels: record "MX" "@"`, "priority": `it is part of rdata: "10 mail.example.com."`, "preference": `it is part of rdata: "10 mail.example.com."`},
	"ignore":  {"rule": `the rule is the label: ignore "RULE"`, "expires": "the date is until", "comment": "it is reason", "name": "the owner name is at", "owner": "the owner name is at", "domain": "the owner name is at, relative to the block around"},
	"expect":  {"mailfrom": "it is mail_from", "from": "it is mail_from", "sender": "it is mail_from", "result": "it is spf or dmarc", "ip4": "it is ip", "ip6": "it is ip", "domain": "it is name"},
	"domain":  {"name": `the name is the label: domain "NAME"`, "names": "many names are a domains block", "dnsProviders": "they are dns_providers", "provider": "they are dns_providers", "sender": "they are senders", "profiles": "a domain has one profile"},
	"sender":  {"terms": "SPF terms are spf here"},
	"dkim_rotation": {
		"algorithm": "algorithms are k", "algorithms": "algorithms are k", "size": "it is bits", "interval": "it is every", "period": "it is every",
	},
	"profile": {"profile": "a profile cannot use another profile", "name": `the name is the label: profile "NAME"`},
	"tripod":  {"domains": "definitions are found by files", "file": "it is files", "version": "it is required_version"},
	"github":  {"max_prs": "it is max_open"},
}

// wrongBlocks are block types that people bring along.
var wrongBlocks = map[string]string{
	"mtasts": "mta_sts", "mta-sts": "mta_sts", "tlsrpt": "tls_rpt", "smtp_tls": "tls_rpt", "zone": "domain", "rotation": "dkim_rotation",
	"mx": `record "MX" "@"`, "txt": `record "TXT" "@"`, "cname": `record "CNAME" "LABEL"`, "a": `record "A" "@"`, "suppress": "ignore", "assert": "expect",
	"keys": "dkim_keys", "vendor": "sender", "template": "profile", "variable": "", "locals": "", "module": "",
}

func unknownAttr(def *blockDef, name string) (message, help string) {
	message = fmt.Sprintf("%s has no attribute %s", def.name, name)
	if def.block(name) != nil {
		return message, fmt.Sprintf("%s is a block: write it without =", name)
	}
	tables := []string{def.name}
	if def == defDomains || def == defSubdomain || def == defProfile {
		tables = append(tables, "domain")
	}
	for _, table := range tables {
		for _, n := range []string{name, strings.ToLower(name)} {
			if s := wrongNames[table][n]; s != "" {
				return message, s
			}
		}
	}
	var names []string
	for _, a := range def.attrs {
		names = append(names, a.name)
	}
	if places := placesOfAttr(name); places != "" {
		return message, name + " belongs in " + places
	}
	if s := nearest(name, names); s != "" {
		return message, "did you mean " + s + "?"
	}
	if len(names) == 0 {
		return message, ""
	}
	return message, "it has " + strings.Join(names, ", ")
}

func unknownBlock(parent *blockDef, name string) (message, help string) {
	where := parent.name
	message = fmt.Sprintf("there is no block %s in %s", name, where)
	if parent.attr(name) != nil && parent.anyAttr == nil {
		return message, fmt.Sprintf("%s is an attribute: write %s = …", name, name)
	}
	if places := placesOfBlock(name); places != "" {
		return message, name + " belongs in " + places
	}
	for _, n := range []string{name, strings.ToLower(name)} {
		if s, ok := wrongBlocks[n]; ok && s != "" {
			return message, "did you mean " + s + "?"
		} else if ok {
			return message, "the language has no variables, functions or modules"
		}
	}
	var names []string
	for _, b := range parent.blocks {
		names = append(names, b.name)
	}
	if s := nearest(name, names); s != "" {
		return message, "did you mean " + s + "?"
	}
	if len(names) == 0 {
		return message, ""
	}
	return message, "it has " + strings.Join(names, ", ")
}

// wrongValue suggests a value out of a set.
func wrongValue(name, text string, values []string) string {
	if name == "all" {
		switch strings.TrimSuffix(text, "all") {
		case "-":
			return "fail"
		case "~":
			return "softfail"
		case "?":
			return "neutral"
		}
	}
	return nearest(text, values)
}

var allFiles = []*blockDef{fileSettings, fileDefinitions, fileKeys}

// eachBlock visits every block of the schema once.
func eachBlock(visit func(parent, def *blockDef)) {
	seen := make(map[[2]*blockDef]bool)
	var walk func(parent *blockDef)
	walk = func(parent *blockDef) {
		for _, b := range parent.blocks {
			if key := [2]*blockDef{parent, b}; !seen[key] {
				seen[key] = true
				visit(parent, b)
				walk(b)
			}
		}
	}
	for _, f := range allFiles {
		walk(f)
	}
}

func defBlockNamed(name string) (found *blockDef) {
	eachBlock(func(_, def *blockDef) {
		if def.name == name {
			found = def
		}
	})
	return found
}

// placesOfBlock says where a block of that type may stand.
func placesOfBlock(name string) string {
	var places []string
	eachBlock(func(parent, def *blockDef) {
		if def.name == name {
			places = append(places, placeName(parent))
		}
	})
	return strings.Join(places, ", ")
}

func placesOfAttr(name string) string {
	var places []string
	seen := make(map[*blockDef]bool)
	eachBlock(func(_, def *blockDef) {
		if seen[def] {
			return
		}
		seen[def] = true
		for _, a := range def.attrs {
			if a.name == name {
				places = append(places, def.name)
			}
		}
	})
	if len(places) > 4 {
		return ""
	}
	return strings.Join(places, ", ")
}

func placeName(parent *blockDef) string {
	switch parent {
	case fileSettings:
		return SettingsFile
	case fileDefinitions:
		return "a definition file, outside of other blocks"
	case fileKeys:
		return "the key ledger's directory"
	}
	return parent.name
}

// suggestion asks whether the profile or sender nearest to name was meant; empty where none is near, and once so many
// wrong names were looked for that nobody will read it.
func suggestion(ix *index, name string, of map[string]*block) string {
	if ix.looked.Add(int64(len(of))) > maxLooked {
		return ""
	}
	if s := nearest(name, keys(of)); s != "" {
		return "did you mean " + s + "?"
	}
	return ""
}

// nearest is the candidate that name most probably was meant to be, or "".
func nearest(name string, candidates []string) string {
	best, bestDist := "", 1+len(name)/3
	if len(name) <= 2 {
		bestDist = 1
	}
	if len(name) > 64 {
		return ""
	}
	lower := strings.ToLower(name)
	for _, c := range candidates {
		cl := strings.ToLower(c)
		if lower == cl || strings.ReplaceAll(lower, "-", "_") == cl {
			return c
		}
		if len(lower) > 2 && strings.HasPrefix(cl, lower) && best == "" {
			best, bestDist = c, 1
			continue
		}
		if d := spelling.Distance(lower, cl); d <= bestDist && d < len(c) && (best == "" || d < bestDist) {
			best, bestDist = c, d
		}
	}
	return best
}
