package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"
)

const bindSettings = `tripod { files = ["domains/*.hcl"] }
dnscontrol {
  emit          = "zone"
  dns_providers = ["bind"]
}
`

// served is the zone as a name server has it before the merge.
const served = `$ORIGIN a.example.
$TTL 300
@ SOA ns1 hostmaster 3 7200 1800 1209600 300
@ NS ns1
@ NS ns2
ns1 A 192.0.2.53
ns2 A 192.0.2.54
mx 600 A 192.0.2.25
mx AAAA 2001:db8::25
@ MX 10 mx
@ MX 20 backup
backup A 192.0.2.26
slow 86400 A 192.0.2.70
@ TXT "v=spf1 ip4:192.0.2.0/24 " "-all"
@ CAA 0 issue "letsencrypt.org"
_dmarc TXT "v=DMARC1; p=none; rua=mailto:d@a.example"
same TXT "two \"quotes\", a \\ and \195\169"
more TXT "one" "and two"
more TXT "three"
*.wild A 192.0.2.80
_sip._tcp SRV 10 20 5060 mx
_25._tcp.mx TLSA 3 1 1 0c72ac70b745ac19998811b131d662c9ac69dbdbe7cb23e5b514b56664c5d3d6
gone CNAME mx
child NS ns.child
ns.child A 192.0.2.60
`

// defined is what the definitions make of it.
const defined = `domain "a.example" {
  spf {
    terms = ["ip4:192.0.2.0/25", "mx"]
    all   = "softfail"
  }
  dmarc {
    p   = "reject"
    rua = ["mailto:d@a.example"]
  }
  record "SOA" "@" { rdata = ["ns1.a.example. hostmaster.a.example. 3 7200 1800 1209600 300"] }
  record "NS" "@" { rdata = ["ns1.a.example.", "ns2.a.example."] }
  record "A" "ns1" { rdata = ["192.0.2.53"] }
  record "A" "ns2" { rdata = ["192.0.2.54"] }
  record "A" "mx" { rdata = ["192.0.2.25", "192.0.2.27"] }
  record "A" "slow" { rdata = ["192.0.2.70"] }
  record "AAAA" "mx" { rdata = ["2001:db8::25"] }
  record "MX" "@" { rdata = ["10 mx.a.example."] }
  record "CAA" "@" { rdata = ["0 issue \"letsencrypt.org\"", "0 iodef \"mailto:h@a.example\""] }
  record "TXT" "same" { rdata = ["two \"quotes\", a \\ and é"] }
  record "TXT" "more" { rdata = ["oneand two", "a \"quote\", \\, ; and é; end"] }
  record "A" "*.wild" { rdata = ["192.0.2.81"] }
  record "SRV" "_sip._tcp" { rdata = ["10 20 5061 mx.a.example."] }
  record "TLSA" "_25._tcp.mx" { rdata = ["3 1 1 0c72ac70b745ac19998811b131d662c9ac69dbdbe7cb23e5b514b56664c5d3d6"] }
  record "CNAME" "new" { rdata = ["mx.a.example."] }
  record "NS" "child" { rdata = ["ns.child.a.example."] }
  record "A" "ns.child" { rdata = ["192.0.2.60"] }
  record "TXT" "long" { rdata = ["` + long + `"] }
}
`

// long is longer than one character-string.
const long = "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789" +
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789" +
	"0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789é"

// bindRepository is a repository with these definitions, beside a folder of zone files.
func bindRepository(t *testing.T, definitions string) string {
	t.Helper()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "tripod.hcl"), bindSettings)
	writeFile(t, filepath.Join(dir, "tripod.lock.json"), hostileLock)
	writeFile(t, filepath.Join(dir, "domains", "a.hcl"), definitions)
	writeFile(t, filepath.Join(dir, "creds.json"), `{"bind": {"TYPE": "BIND", "directory": "zones"}, "none": {"TYPE": "NONE"}}`)
	if err := os.Mkdir(filepath.Join(dir, "zones"), 0o755); err != nil { //nolint:gosec // named reads it as another user
		t.Fatal(err)
	}
	return dir
}

// A set is a record set as text: its TTL and its rdata.
type set struct {
	TTL   uint32
	RData []string
}

// sets reads records in presentation format, the octets of a TXT as its one text, by "name TYPE". SOA is left out:
// its serial goes its own way.
func sets(t *testing.T, text string) map[string]set {
	t.Helper()
	out := map[string]set{}
	z := dns.NewZoneParser(strings.NewReader(text), ".", "")
	for rr, ok := z.Next(); ok; rr, ok = z.Next() {
		h := rr.Header()
		if h.Rrtype == dns.TypeSOA {
			continue
		}
		key := strings.TrimSuffix(h.Name, ".") + " " + dns.TypeToString[h.Rrtype]
		s := out[key]
		s.TTL = h.Ttl
		s.RData = append(s.RData, rdata(rr))
		slices.Sort(s.RData)
		out[key] = s
	}
	if err := z.Err(); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return out
}

func rdata(rr dns.RR) string {
	txt, ok := rr.(*dns.TXT)
	if !ok {
		return strings.ToLower(strings.TrimPrefix(rr.String(), rr.Header().String()))
	}
	var b strings.Builder
	for _, s := range txt.Txt {
		b.WriteString(unescaped(s))
	}
	return b.String()
}

// unescaped undoes the escapes of RFC 1035 §5.1.
func unescaped(s string) string {
	var b []byte
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] != '\\':
			b = append(b, s[i])
		case i+3 < len(s) && s[i+1] >= '0' && s[i+1] <= '9':
			b = append(b, (s[i+1]-'0')*100+(s[i+2]-'0')*10+s[i+3]-'0')
			i += 3
		default:
			i++
			b = append(b, s[i])
		}
	}
	return string(b)
}

// change is what plan --format json says of a record set.
type change struct {
	Action, Name, Type string
	TTL                uint32
	Before, After      []string
}

func planOf(t *testing.T, dir string, args ...string) (changes map[string]change, digest string) {
	t.Helper()
	r := tripod(t, dir, nil, append([]string{"plan", "--offline", "--format", "json", "--fail-on", "never"}, args...)...).want(t, exitOK)
	var plan struct {
		Digest  string
		Domains []struct{ Changes []change }
	}
	if err := json.Unmarshal([]byte(r.stdout), &plan); err != nil {
		t.Fatal(err)
	}
	changes = map[string]change{}
	for _, d := range plan.Domains {
		for _, c := range d.Changes {
			if c.Type == "SOA" {
				continue
			}
			slices.Sort(c.Before)
			slices.Sort(c.After)
			changes[c.Name+" "+c.Type] = c
		}
	}
	return changes, plan.Digest
}

// A plan against the zone that BIND serves is the difference that BIND's own tools show.
func TestPlanIsTheDifferenceThatBINDShows(t *testing.T) {
	checkzone := peer(t, "named-checkzone", bindPackages)
	dig := peer(t, "dig", bindPackages)
	dir := bindRepository(t, defined)
	file := filepath.Join(dir, "zones", "a.example.zone")
	writeFile(t, file, served)

	host, port, _ := strings.Cut(serve(t, map[string]string{"a.example": file}), ":")
	answer, err := program(t, dir, dig, "@"+host, "-p", port, "+nocomments", "+nocmd", "+nostats", "+noquestion", "+onesoa", "a.example", "AXFR")
	if err != nil {
		t.Fatal(err, answer)
	}
	before := sets(t, answer)
	dump := func(file string) map[string]set {
		out, err := program(t, dir, checkzone, "-q", "-D", "-i", "none", "-k", "ignore", "-o", "-", "a.example", file)
		if err != nil {
			t.Fatalf("named-checkzone: %v\n%s", err, out)
		}
		return sets(t, out)
	}
	if diff := cmp.Diff(dump(file), before); diff != "" {
		t.Fatalf("BIND serves something else than it dumps:\n%s", diff)
	}
	rendered := filepath.Join(dir, "rendered")
	if err := os.Mkdir(rendered, 0o750); err != nil {
		t.Fatal(err)
	}
	tripod(t, dir, nil, "render", "--zones", rendered).want(t, exitOK)
	after := dump(filepath.Join(rendered, "a.example.zone"))

	want := map[string]change{}
	for key, b := range before {
		name, typ, _ := strings.Cut(key, " ")
		a, ok := after[key]
		switch {
		case !ok:
			want[key] = change{"delete", name, typ, b.TTL, b.RData, []string{}}
		case !cmp.Equal(a, b):
			want[key] = change{"change", name, typ, a.TTL, b.RData, a.RData}
		}
	}
	for key, a := range after {
		if _, ok := before[key]; !ok {
			name, typ, _ := strings.Cut(key, " ")
			want[key] = change{"create", name, typ, a.TTL, []string{}, a.RData}
		}
	}
	if len(want) < 10 {
		t.Fatalf("the zones differ in %d sets only", len(want))
	}
	got, _ := planOf(t, dir, "--against", "zones:zones")
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("plan (-BIND +tripod):\n%s", diff)
	}
}

// What push writes, BIND serves: each record byte for byte as it is defined.
func TestPushedZoneIsServed(t *testing.T) {
	dig := peer(t, "dig", bindPackages)
	dir := bindRepository(t, defined)
	file := filepath.Join(dir, "zones", "a.example.zone")
	writeFile(t, file, served)
	tripod(t, dir, nil, "render").want(t, exitOK)
	_, digest := planOf(t, dir, "--against", "zones:zones")
	now := []string{"TRIPOD_NOW="}
	tripod(t, dir, now, "push", "--expect", digest).want(t, exitOK)
	before := treeOf(t, filepath.Join(dir, "zones"))
	if r := tripod(t, dir, now, "push").want(t, exitOK); !strings.HasPrefix(r.stdout, "Nothing to change: 1 zone is as defined.\n") {
		t.Errorf("second push: %s", r.stdout)
	}
	if after := treeOf(t, filepath.Join(dir, "zones")); after != before {
		t.Errorf("the second push wrote:\n%s\n%s", before, after)
	}
	r := tripod(t, dir, now, "push", "--expect", digest).want(t, exitUnusable)
	if !strings.HasPrefix(r.stderr, "tripod: the changes are not the reviewed ones: expected "+digest) {
		t.Errorf("an old digest: %s", r.stderr)
	}

	host, port, _ := strings.Cut(serve(t, map[string]string{"a.example": file}), ":")
	for _, tc := range []struct {
		name, typ string
		want      []string // as octets, lower case but for TXT
	}{
		{"a.example", "TXT", []string{"v=spf1 ip4:192.0.2.0/25 mx ~all"}},
		{"_dmarc.a.example", "TXT", []string{"v=DMARC1; p=reject; rua=mailto:d@a.example"}},
		{"same.a.example", "TXT", []string{"two \"quotes\", a \\ and \xc3\xa9"}},
		{"more.a.example", "TXT", []string{"oneand two", "a \"quote\", \\, ; and \xc3\xa9; end"}},
		{"long.a.example", "TXT", []string{long}},
		{"a.example", "MX", []string{"10 mx.a.example."}},
		{"a.example", "NS", []string{"ns1.a.example.", "ns2.a.example."}},
		{"a.example", "CAA", []string{`0 iodef "mailto:h@a.example"`, `0 issue "letsencrypt.org"`}},
		{"mx.a.example", "A", []string{"192.0.2.25", "192.0.2.27"}},
		{"mx.a.example", "AAAA", []string{"2001:db8::25"}},
		{"anything.wild.a.example", "A", []string{"192.0.2.81"}},
		{"_sip._tcp.a.example", "SRV", []string{"10 20 5061 mx.a.example."}},
		{"_25._tcp.mx.a.example", "TLSA", []string{"3 1 1 0c72ac70b745ac19998811b131d662c9ac69dbdbe7cb23e5b514b56664c5d3d6"}},
		{"new.a.example", "CNAME", []string{"mx.a.example."}},
		{"gone.a.example", "CNAME", nil},
		{"backup.a.example", "A", nil},
	} {
		out, err := program(t, dir, dig, "@"+host, "-p", port, "+noall", "+answer", "+norecurse", "+time=5", tc.name, tc.typ)
		if err != nil {
			t.Fatal(err, out)
		}
		got := sets(t, out)[tc.name+" "+tc.typ].RData
		slices.Sort(tc.want)
		if !slices.Equal(got, tc.want) {
			t.Errorf("%s %s: served %q, want %q", tc.name, tc.typ, got, tc.want)
		}
	}
}

// dnscontrol itself, given what render wrote, would make the changes that tripod plans.
func TestDnscontrolPreviewIsThePlan(t *testing.T) {
	dnscontrol := realDnscontrol(t)
	// dnscontrol v4.20 reads escapes in BIND's files as if they were text: what it would change there is its own affair.
	plain := strings.NewReplacer(`\195\169`, "e", `\"`, "", `\\`, "")
	for _, emit := range []string{"zone", "extend"} {
		t.Run(emit, func(t *testing.T) {
			t.Parallel()
			definitions := plain.Replace(strings.ReplaceAll(defined, "é", "e"))
			config := "dnscontrol/tripod.js"
			dir := bindRepository(t, definitions)
			if emit == "extend" {
				config = "dnsconfig.js"
				var mail, rest []string
				for line := range strings.Lines(definitions) {
					switch {
					case strings.Contains(line, `record "SOA"`), strings.Contains(line, `record "NS" "@"`), strings.Contains(line, `record "AAAA"`),
						strings.Contains(line, `"ns1"`), strings.Contains(line, `"ns2"`), strings.Contains(line, `"child"`), strings.Contains(line, `"ns.child"`):
						rest = append(rest, line)
					default:
						mail = append(mail, line)
					}
				}
				if len(rest) != 7 {
					t.Fatalf("%d records for the other half: %v", len(rest), rest)
				}
				definitions = strings.Join(mail, "")
				writeFile(t, filepath.Join(dir, "domains", "a.hcl"), definitions)
				writeFile(t, filepath.Join(dir, "tripod.hcl"), strings.ReplaceAll(bindSettings, `"zone"`, `"extend"`))
				writeFile(t, filepath.Join(dir, "dnsconfig.js"), `require("./dnscontrol/tripod.js");
D("a.example", NewRegistrar("none"), DnsProvider(NewDnsProvider("bind")), TRIPOD("a.example"),
  DefaultTTL(300),
  SOA("@", "ns1.a.example.", "hostmaster.a.example.", 7200, 1800, 1209600, 300),
  NAMESERVER("ns1.a.example."), NAMESERVER("ns2.a.example."), NAMESERVER_TTL(300),
  A("ns1", "192.0.2.53"), A("ns2", "192.0.2.54"), AAAA("mx", "2001:db8::25"),
  NS("child", "ns.child.a.example."), A("ns.child", "192.0.2.60")
);
`)
			}
			writeFile(t, filepath.Join(dir, "zones", "a.example.zone"), plain.Replace(served))
			tripod(t, dir, nil, "render").want(t, exitOK)
			for _, exe := range [][]string{nil, {"--dnscontrol", dnscontrol}} {
				plan, _ := planOf(t, dir, append([]string{"--against", "zones:zones"}, exe...)...)
				var want []string
				for _, c := range plan {
					want = append(want, verbs(c)...)
				}
				out, err := program(t, dir, dnscontrol, "--no-colors", "preview", "--config", config, "--populate-on-preview=false")
				if err != nil {
					t.Fatalf("dnscontrol preview: %v\n%s", err, out)
				}
				var got []string
				for line := range strings.Lines(out) {
					got = append(got, previewed(line)...)
				}
				// The TTL of a set that changes besides goes without saying.
				all := slices.Clone(got)
				got = slices.DeleteFunc(got, func(v string) bool {
					set, isTTL := strings.CutPrefix(v, "ttl ")
					return isTTL && slices.ContainsFunc(all, func(w string) bool { return strings.HasPrefix(w[1:], " "+set+" ") })
				})
				slices.Sort(want)
				slices.Sort(got)
				want, got = slices.Compact(want), slices.Compact(got)
				if len(want) < 10 {
					t.Errorf("the plan has %d changes only: %v", len(want), want)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("changes (-tripod +dnscontrol):\n%s\n%s", diff, out)
				}
			}
		})
	}
}

// verbs says of a change what dnscontrol says of its records: which go and which come, or that
// nothing but the TTL changes.
func verbs(c change) []string {
	var out []string
	for _, r := range c.Before {
		if !slices.Contains(c.After, r) {
			out = append(out, fmt.Sprintf("- %s %s %s", c.Name, c.Type, r))
		}
	}
	for _, r := range c.After {
		if !slices.Contains(c.Before, r) {
			out = append(out, fmt.Sprintf("+ %s %s %s", c.Name, c.Type, r))
		}
	}
	if len(out) == 0 {
		out = append(out, fmt.Sprintf("ttl %s %s", c.Name, c.Type))
	}
	return out
}

// previewed are the changes in a line of dnscontrol preview, as verbs says them:
//
//	#1: - DELETE a.example MX 20 backup.a.example. ttl=300
//	± MODIFY a.example TXT ("old" ttl=300) -> ("new" ttl=300)
//	± MODIFY-TTL slow.a.example A 192.0.2.70 ttl=(86400->300)
func previewed(line string) []string {
	if strings.HasPrefix(line, "#") {
		_, line, _ = strings.Cut(line, ": ")
	}
	line = strings.TrimSpace(line)
	fields := strings.SplitN(line, " ", 5)
	if len(fields) < 5 || fields[3] == "SOA" {
		return nil
	}
	head := fields[2] + " " + fields[3] + " "
	value := func(s string) string {
		s = strings.Trim(s, "()")
		if i := strings.LastIndex(s, " ttl="); i >= 0 {
			s = s[:i]
		}
		rr, err := dns.NewRR(fields[2] + ". 300 " + fields[3] + " " + s)
		if err != nil {
			return s
		}
		return rdata(rr)
	}
	switch fields[1] {
	case "CREATE":
		return []string{"+ " + head + value(fields[4])}
	case "DELETE":
		return []string{"- " + head + value(fields[4])}
	case "MODIFY":
		old, now, _ := strings.Cut(fields[4], " -> ")
		return []string{"- " + head + value(old), "+ " + head + value(now)}
	case "MODIFY-TTL":
		return []string{"ttl " + fields[2] + " " + fields[3]}
	}
	return nil
}
