package dnscontrol

import (
	"bytes"
	"cmp"
	_ "embed" // the scripts below
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/StackExchange/dnscontrol/v4/models"
	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

// scriptName is the name of the file, in the output directory, that dnscontrol reads or dnsconfig.js requires.
const scriptName = "tripod.js"

// zonesDir holds, below the output directory, one JSON a zone, in the form that zoneHead says.
const (
	zonesDir = "zones"
	zoneHead = `{"tripod": 1, `
)

//go:embed apply.js
var applyJS string

//go:embed extend.js
var extendJS string

//go:embed zone.js
var zoneJS string

// Render is every file that the definitions give, by path from the root, with forward slashes: tripod.js and one
// JSON a zone in the directory output, and an MTA-STS policy file for each mta_sts block. It touches nothing. The
// JSON stands one record a line, sorted, so that a diff shows what dnscontrol will be told. Domains that are not
// emitted give their policy files only.
func Render(domains []*zone.Domain, output string) (map[string][]byte, error) {
	files := map[string][]byte{}
	var emitted []*zone.Domain
	for _, d := range domains {
		for _, p := range d.MTASTS {
			text, err := policyFile(p)
			if err != nil {
				return nil, fmt.Errorf("render %s: %w", d.ID(), err)
			}
			files[policyPath(p)] = text
		}
		if d.Emit == zone.EmitNone {
			continue
		}
		text, err := zoneJSON(d)
		if err != nil {
			return nil, fmt.Errorf("render %s: %w", d.ID(), err)
		}
		files[path.Join(output, zonesDir, zoneFileName(d))] = text
		emitted = append(emitted, d)
	}
	if len(emitted) > 0 {
		slices.SortFunc(emitted, func(a, b *zone.Domain) int { return strings.Compare(a.ID(), b.ID()) })
		files[path.Join(output, scriptName)] = script(emitted)
	}
	return files, nil
}

func zoneFileName(d *zone.Domain) string { return escapeFileName(d.ID()) + ".json" }

// script is tripod.js. It requires its JSON while it loads: the paths of a later require are relative to the file
// that dnscontrol is reading then.
func script(domains []*zone.Domain) []byte {
	extend := domains[0].Emit == zone.EmitExtend
	var b bytes.Buffer
	b.WriteString("// Written by tripod render. Do not edit: change the definitions instead.\n")
	if extend {
		b.WriteString("// TRIPOD(\"example.com\") inside a D() gives the mail records of that zone.\n")
		b.WriteString("var TRIPOD = (function () {\n")
	} else {
		b.WriteString("// Every zone of the definitions, whole: dnscontrol --config, or require() it from dnsconfig.js.\n")
		b.WriteString("(function () {\n")
	}
	b.WriteString("  var zones = {\n")
	for _, d := range domains {
		fmt.Fprintf(&b, "    %s: require(%s),\n", quote(d.ID()), quote("./"+zonesDir+"/"+zoneFileName(d)))
	}
	b.WriteString("  };\n")
	b.WriteString(applyJS)
	if extend {
		b.WriteString(extendJS)
		return b.Bytes()
	}
	var registrars, providers []string
	for _, d := range domains {
		registrars = append(registrars, registrarOf(d))
		providers = append(providers, d.DNSProviders...)
	}
	for _, r := range sortedSet(registrars) {
		fmt.Fprintf(&b, "  NewRegistrar(%s);\n", quote(r))
	}
	for _, p := range sortedSet(providers) {
		fmt.Fprintf(&b, "  NewDnsProvider(%s);\n", quote(p))
	}
	b.WriteString(zoneJS)
	return b.Bytes()
}

func sortedSet(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}

// quote is a string as JSON and JavaScript both write it.
func quote(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	// A string always encodes, and a Buffer always takes it.
	_ = e.Encode(s)
	return strings.TrimSuffix(b.String(), "\n")
}

// zoneJSON is the zone as tripod.js reads it: the arguments of dnscontrol's own functions (MX, TXT and so on), which
// all its versions have in common.
func zoneJSON(d *zone.Domain) ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\"zone\": %s", zoneHead, quote(d.ID()))
	if d.Emit == zone.EmitZone {
		fmt.Fprintf(&b, ", \"registrar\": %s, \"providers\": [%s]", quote(registrarOf(d)), quoteList(d.DNSProviders))
	}
	var servers []string
	var nsTTL uint32
	type line struct {
		name  zone.Name
		rtype string
		text  string
	}
	var lines []line
	for _, r := range d.Records {
		if r.Type == dns.TypeNS && r.Name == d.Name {
			servers = append(servers, nsTarget(r))
			if r.HasTTL {
				nsTTL = r.TTL
			}
			continue
		}
		if !utf8.ValidString(r.Text.String()) {
			return nil, fmt.Errorf("%s %s: the text is not UTF-8, which dnsconfig.js cannot hold", r.Name, r.TypeName())
		}
		rc, err := toModel(r, d.Name, 0)
		if err != nil {
			return nil, err
		}
		text := fmt.Sprintf(`{"name": %s, "type": %s, "args": [%s]`, quote(rc.Name), quote(rc.Type), arguments(rc, r))
		if rc.CaaFlag != 0 {
			text += fmt.Sprintf(`, "flag": %d`, rc.CaaFlag)
		}
		if r.HasTTL && r.TTL != 0 {
			text += fmt.Sprintf(`, "ttl": %d`, r.TTL)
		}
		lines = append(lines, line{r.Name, rc.Type, text + "}"})
	}
	slices.SortStableFunc(lines, func(a, b line) int {
		return cmp.Or(a.name.Compare(b.name), strings.Compare(a.rtype, b.rtype), strings.Compare(a.text, b.text))
	})
	if nsTTL != 0 {
		fmt.Fprintf(&b, ", \"ns_ttl\": %d", nsTTL)
	}
	b.WriteString(",\n")
	slices.Sort(servers)
	writeLines(&b, "nameservers", len(servers), func(i int) string { return quote(servers[i]) })
	b.WriteString(",\n")
	writeLines(&b, "ignore", len(d.IgnoreRecords), func(i int) string {
		ig := d.IgnoreRecords[i]
		return "[" + quoteList([]string{cmp.Or(ig.Label, "*"), cmp.Or(ig.Types, "*"), cmp.Or(ig.Target, "*")}) + "]"
	})
	b.WriteString(",\n")
	writeLines(&b, "records", len(lines), func(i int) string { return lines[i].text })
	b.WriteString("\n}\n")
	return b.Bytes(), nil
}

func writeLines(b *bytes.Buffer, key string, n int, item func(int) string) {
	fmt.Fprintf(b, "%s: [", quote(key))
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString("\n  " + item(i))
	}
	if n > 0 {
		b.WriteByte('\n')
	}
	b.WriteByte(']')
}

func quoteList(list []string) string {
	out := make([]string, len(list))
	for i, s := range list {
		out[i] = quote(s)
	}
	return strings.Join(out, ", ")
}

// arguments are those of the type's function in dnscontrol, behind the name.
func arguments(rc *models.RecordConfig, r *zone.Record) string {
	target := quote(rc.GetTargetField())
	switch rc.Type {
	case "CAA":
		return fmt.Sprintf("%s, %s", quote(rc.CaaTag), target)
	case "DS":
		return fmt.Sprintf("%d, %d, %d, %s", rc.DsKeyTag, rc.DsAlgorithm, rc.DsDigestType, quote(rc.DsDigest))
	case "DNSKEY":
		return fmt.Sprintf("%d, %d, %d, %s", rc.DnskeyFlags, rc.DnskeyProtocol, rc.DnskeyAlgorithm, quote(rc.DnskeyPublicKey))
	case "HTTPS", "SVCB":
		return fmt.Sprintf("%d, %s, %s", rc.SvcPriority, target, quote(rc.SvcParams))
	case "LOC":
		return locArguments(r.Data)
	case "MX":
		return fmt.Sprintf("%d, %s", rc.MxPreference, target)
	case "NAPTR":
		return fmt.Sprintf("%d, %d, %s, %s, %s, %s", rc.NaptrOrder, rc.NaptrPreference,
			quote(rc.NaptrFlags), quote(rc.NaptrService), quote(rc.NaptrRegexp), target)
	case "SOA":
		return fmt.Sprintf("%s, %s, %d, %d, %d, %d", target, quote(rc.SoaMbox), rc.SoaRefresh, rc.SoaRetry, rc.SoaExpire, rc.SoaMinttl)
	case "SRV":
		return fmt.Sprintf("%d, %d, %d, %s", rc.SrvPriority, rc.SrvWeight, rc.SrvPort, target)
	case "SSHFP":
		return fmt.Sprintf("%d, %d, %s", rc.SshfpAlgorithm, rc.SshfpFingerprint, target)
	case "TLSA":
		return fmt.Sprintf("%d, %d, %d, %s", rc.TlsaUsage, rc.TlsaSelector, rc.TlsaMatchingType, target)
	}
	return target
}

// locArguments are those of LOC(): degrees, minutes, seconds and hemisphere twice, then altitude, size and the two
// precisions in metres. miekg's form of the rdata has them all (RFC 1876 §3).
func locArguments(data string) string {
	rr, err := parseRData(dns.TypeLOC, data)
	if err != nil {
		return "" // toModel has read it before
	}
	fields := strings.Fields(rdata(rr))
	for i, f := range fields {
		switch f {
		case "N", "S", "E", "W":
			fields[i] = quote(f)
		default:
			f = strings.TrimLeft(strings.TrimSuffix(f, "m"), "0")
			if f == "" || f[0] == '.' {
				f = "0" + f // JSON knows neither 007 nor .5
			}
			fields[i] = f
		}
	}
	return strings.Join(fields, ", ")
}
