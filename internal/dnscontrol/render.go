package dnscontrol

import (
	"bytes"
	_ "embed" // the scripts below
	"fmt"
	"path"
	"slices"
	"strings"

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
	files, err := policies(domains)
	if err != nil {
		return nil, err
	}
	var r renderer
	for _, d := range domains {
		if d.Emit == zone.EmitNone {
			continue
		}
		text, err := r.zone(d)
		if err != nil {
			return nil, fmt.Errorf("render %s: %w", d.ID(), err)
		}
		files[path.Join(output, zonesDir, zoneFileName(d))] = bytes.Clone(text)
	}
	if text := script(domains); text != nil {
		files[path.Join(output, scriptName)] = text
	}
	return files, nil
}

// policies are the MTA-STS policy files, by path from the root.
func policies(domains []*zone.Domain) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, d := range domains {
		for _, p := range d.MTASTS {
			text, err := policyFile(p)
			if err != nil {
				return nil, fmt.Errorf("render %s: %w", d.ID(), err)
			}
			files[policyPath(p)] = text
		}
	}
	return files, nil
}

func zoneFileName(d *zone.Domain) string { return escapeFileName(d.ID()) + ".json" }

// script is tripod.js, nil where no domain is emitted. It requires its JSON while it loads: the paths of a later
// require are relative to the file that dnscontrol is reading then.
func script(all []*zone.Domain) []byte {
	domains := make([]*zone.Domain, 0, len(all))
	for _, d := range all {
		if d.Emit != zone.EmitNone {
			domains = append(domains, d)
		}
	}
	if len(domains) == 0 {
		return nil
	}
	slices.SortFunc(domains, func(a, b *zone.Domain) int { return strings.Compare(a.ID(), b.ID()) })
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
