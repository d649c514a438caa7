package dnscontrol

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
	"github.com/tripod-dns/tripod/planner"
)

// atBIND is a publisher whose creds.json has one BIND directory below root.
func atBIND(t *testing.T, root string) *Publisher {
	t.Helper()
	writeFiles(t, root, map[string][]byte{"creds.json": []byte(`{
  // comments and a trailing comma, as dnscontrol takes them
  "bind": { "TYPE": "BIND", "directory": "zones", },
}`)})
	return &Publisher{Root: root, Output: "dnscontrol", Getenv: func(string) string { return "" }, Log: &bytes.Buffer{}}
}

func TestPushToBIND(t *testing.T) {
	peer(t, "dig", bindPackages)
	checkzone := peer(t, "named-checkzone", bindPackages)
	root := t.TempDir()
	p := atBIND(t, root)
	d := hardZone(t)
	domains := []*zone.Domain{d}
	list, err := p.Preview(t.Context(), domains, nil)
	if err != nil {
		t.Fatal(err)
	}
	if list, err = p.Push(t.Context(), domains, nil, Limits{Expect: PreviewDigest(list)}); err != nil || len(list) != 1 {
		t.Fatalf("push: %v, %v", list, err)
	}
	file := filepath.Join(root, "zones", "example.org.zone")
	if out, err := runIn(t, root, checkzone, "-i", "none", "example.org", file); err != nil {
		t.Fatalf("named-checkzone: %v\n%s", err, out)
	}
	port := serve(t, "example.org", file)
	for _, r := range d.Records {
		if r.Type == dns.TypeSOA {
			continue
		}
		answer := ask(t, port, r.Name, r.Type)
		equal := func(got string) bool { return got == r.RData() }
		if r.Type != dns.TypeTXT { // hexadecimal digits may be of either case
			equal = func(got string) bool { return strings.EqualFold(got, r.RData()) }
		}
		if !slices.ContainsFunc(answer, equal) {
			t.Errorf("%s %s: served %q, want %q", r.Name, r.TypeName(), answer, r.RData())
		}
	}

	// Again: nothing changes, nothing is written.
	before, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if list, err = p.Push(t.Context(), domains, nil, Limits{}); err != nil || len(list) != 1 || len(list[0].Changes) != 0 {
		t.Errorf("second push: %v, %v", list, err)
	}
	after, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if !os.SameFile(before, after) || before.ModTime() != after.ModTime() {
		t.Error("the second push wrote the file")
	}

	// A change counts the serial up; the digest of another change is refused.
	digest := PreviewDigest(list)
	d.Records = append(d.Records, rec(t, "new.example.org 300 TXT new"))
	_, err = p.Push(t.Context(), domains, nil, Limits{Expect: digest})
	var mismatch *DigestError
	if !errors.As(err, &mismatch) || !strings.Contains(err.Error(), "create new.example.org TXT") {
		t.Errorf("old digest: %v", err)
	}
	if _, err = p.Push(t.Context(), domains, nil, Limits{}); err != nil {
		t.Fatal(err)
	}
	if got := serialOf(t, file); got != 8 {
		t.Errorf("serial %d", got)
	}
}

func serialOf(t *testing.T, file string) uint32 {
	t.Helper()
	src, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	list, err := readZoneFile(src, "example.org", file)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		if r.Type == dns.TypeSOA {
			var serial uint32
			if _, err := fmt.Sscanf(strings.Fields(r.Data)[2], "%d", &serial); err != nil {
				t.Fatal(err)
			}
			return serial
		}
	}
	t.Fatal("no SOA")
	return 0
}

// ask gives the answer's rdata as dig shows it, the octets of a TXT as its one text.
func ask(t *testing.T, port string, name zone.Name, rtype uint16) []string {
	t.Helper()
	q := name.FQDN()
	if name.IsWildcard() {
		q = "x" + strings.TrimPrefix(q, "*")
	}
	out, err := runIn(t, ".", "dig", "@127.0.0.1", "-p", port, "+noall", "+answer", "+authority", "+norecurse", "+time=2", q, zone.TypeName(rtype))
	if err != nil {
		t.Fatal(err, out)
	}
	var answer []string
	for _, line := range strings.Split(out, "\n") {
		if line == "" || line[0] == ';' {
			continue
		}
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		if rr.Header().Rrtype != rtype {
			continue
		}
		r, err := fromRR(rr, zone.Third)
		if err != nil {
			t.Fatal(err)
		}
		answer = append(answer, r.RData())
	}
	return answer
}

func TestPushLimits(t *testing.T) {
	many := func(n int) []string {
		lines := []string{
			"example.org 300 SOA ns1.example.org. h.example.org. 1 2 3 4 5",
			"example.org 300 NS ns1.example.org.", "example.org 300 A 192.0.2.1", "example.org 300 A 192.0.2.2",
		}
		for i := range n {
			lines = append(lines, fmt.Sprintf("n%02d.example.org 300 A 192.0.2.%d", i, i))
		}
		return lines
	}
	without := func(lines []string, drop ...string) []string {
		return slices.DeleteFunc(slices.Clone(lines), func(l string) bool {
			return slices.ContainsFunc(drop, func(d string) bool { return strings.HasPrefix(l, d) })
		})
	}
	for _, tc := range []struct {
		name          string
		before, after []string
		want          string
		allow         bool
	}{
		{name: "five of many", before: many(40), after: without(many(40), "n00", "n01", "n02", "n03", "n04")},
		{name: "six of many", before: many(40), after: without(many(40), "n00", "n01", "n02", "n03", "n04", "n05"), want: "would delete 6 records, the limit is 5"},
		{name: "four of twelve", before: many(8), after: without(many(8), "n00", "n01", "n02", "n03"), want: "would delete 4 of 12 records, the limit is 30 %"},
		{name: "four of nine", before: many(5), after: without(many(5), "n00", "n01", "n02", "n03")},
		{name: "apex", before: many(8), after: without(many(8), "example.org 300 A 192.0.2.2"), want: "would delete the A record of the zone's own name"},
		{name: "allowed", before: many(8), after: without(many(8), "example.org 300 A", "n0"), allow: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			root := t.TempDir()
			p := atBIND(t, root)
			d := &zone.Domain{Name: "example.org", Emit: zone.EmitZone, DNSProviders: []string{"bind"}, Records: records(t, tc.before...)}
			if _, err := p.Push(t.Context(), []*zone.Domain{d}, nil, Limits{}); err != nil {
				t.Fatal(err)
			}
			file := filepath.Join(root, "zones", "example.org.zone")
			before, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			d.Records = records(t, tc.after...)
			_, err = p.Push(t.Context(), []*zone.Domain{d}, nil, Limits{AllowDelete: tc.allow})
			after, readErr := os.ReadFile(file)
			if readErr != nil {
				t.Fatal(readErr)
			}
			if tc.want == "" {
				if err != nil || bytes.Equal(before, after) {
					t.Errorf("error %v", err)
				}
				return
			}
			var refusal *RefusalError
			if !errors.As(err, &refusal) || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
			if !bytes.Equal(before, after) {
				t.Error("it was written all the same")
			}
		})
	}
}

// What tripod plans, and what dnscontrol itself would do with the files that tripod rendered, is the same.
func TestDnscontrolAgrees(t *testing.T) {
	exe := realDnscontrol(t)
	head := records(t,
		"example.org 3600 SOA ns1.example.org. hostmaster.example.org. 7 10800 3600 1209600 3600",
		"example.org 3600 NS ns1.example.org.",
		"ns1.example.org 3600 A 192.0.2.53")
	ours := records(t,
		"example.org 3600 MX 10 mx1.example.org.",
		"example.org 3600 TXT v=spf1 mx -all",
		"mx1.example.org 3600 A 192.0.2.25",
		"_dmarc.example.org 300 TXT v=DMARC1; p=reject",
		"quote.example.org 300 TXT say \"hi\" \\ and é",
		"www.example.org 300 CNAME example.org.")
	base := append(slices.Clone(head), records(t,
		"example.org 3600 MX 20 mx1.example.org.",
		"example.org 3600 TXT v=spf1 mx -all",
		"_dmarc.example.org 600 TXT v=DMARC1; p=reject",
		"quote.example.org 300 TXT say \"hi\" \\ and e",
		"old.example.org 300 TXT old",
		"ignored.example.org 300 TXT left to others",
		"www.example.org 300 A 192.0.2.80")...)
	dnsconfig := `require("./dnscontrol/tripod.js");
D("example.org", NewRegistrar("none"), DnsProvider(NewDnsProvider("bind")), TRIPOD("example.org"), DefaultTTL(3600),
  SOA("@", "ns1.example.org.", "hostmaster.example.org.", 10800, 3600, 1209600, 3600),
  NAMESERVER("ns1.example.org."), NAMESERVER_TTL(3600), A("ns1", "192.0.2.53"), IGNORE("ignored", "TXT"));`
	for _, emit := range []string{zone.EmitZone, zone.EmitExtend} {
		t.Run(emit, func(t *testing.T) {
			root := t.TempDir()
			p := atBIND(t, root)
			p.Executable = exe
			before := &zone.Domain{Name: "example.org", Emit: zone.EmitZone, Records: base}
			text, err := ZoneFile(before, nil)
			if err != nil {
				t.Fatal(err)
			}
			writeFiles(t, root, map[string][]byte{"zones/example.org.zone": text, "dnsconfig.js": []byte(dnsconfig)})
			d := &zone.Domain{Name: "example.org", Emit: emit, Records: ours}
			config := filepath.Join("dnscontrol", scriptName)
			if emit == zone.EmitZone {
				d.Records, d.DNSProviders = append(slices.Clone(head), ours...), []string{"bind"}
				d.IgnoreRecords = []zone.IgnoreRecord{{Label: "ignored", Types: "TXT"}}
			} else {
				config = "dnsconfig.js"
			}
			domains := []*zone.Domain{d}
			files, err := Render(domains, "dnscontrol")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Write(t.Context(), root, "dnscontrol", files); err != nil {
				t.Fatal(err)
			}
			var halves map[string]*Half
			if emit == zone.EmitExtend {
				if halves, err = OtherHalf(t.Context(), HalfOptions{Config: filepath.Join(root, "dnsconfig.js")}); err != nil {
					t.Fatal(err)
				}
				byExe, err := OtherHalf(t.Context(), HalfOptions{Config: filepath.Join(root, "dnsconfig.js"), Executable: exe})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(halves, byExe, cmp.AllowUnexported(zone.Text{})); diff != "" {
					t.Errorf("the executable says otherwise: %s", diff)
				}
				halves["example.org"].Apply(d)
			}
			if err := Refuses(d); err != nil {
				t.Error(err)
			}
			if out, err := runIn(t, root, exe, "check", "--config", config); err != nil || !strings.Contains(out, "No errors.") {
				t.Errorf("dnscontrol check: %v\n%s", err, out)
			}
			list, err := p.Preview(t.Context(), domains, halves)
			if err != nil {
				t.Fatal(err)
			}
			out, err := runIn(t, root, exe, "--no-colors", "preview", "--populate-on-preview=false", "--config", config)
			if err != nil {
				t.Fatalf("dnscontrol preview: %v\n%s", err, out)
			}
			if diff := cmp.Diff(previewed(out), planned(list[0].Changes)); diff != "" {
				t.Errorf("preview and plan differ: %s\n%s", diff, out)
			}
			if _, err := p.Push(t.Context(), domains, halves, Limits{AllowDelete: true}); err != nil {
				t.Fatal(err)
			}
			out, err = runIn(t, root, exe, "--no-colors", "preview", "--populate-on-preview=false", "--config", config)
			if err != nil || !strings.Contains(out, "Done. 0 corrections.") {
				t.Errorf("after the push dnscontrol would still change: %v\n%s", err, out)
			}
			written, err := os.ReadFile(filepath.Join(root, "zones", "example.org.zone"))
			if err != nil || !strings.Contains(string(written), "left to others") {
				t.Errorf("what is left to others is gone: %v\n%s", err, written)
			}
		})
	}
}

// planned is each record set that changes, "NAME TYPE".
func planned(changes []planner.Change) []string {
	var out []string
	for _, c := range changes {
		out = append(out, fmt.Sprintf("%s %s", c.Name, c.Type))
	}
	slices.Sort(out)
	return out
}

var correction = regexp.MustCompile(`(?m)^(?:#\d+: )?. (?:CREATE|MODIFY|MODIFY-TTL|DELETE) (?:TTL )?(\S+) ([A-Z]+) `)

// previewed is the same, from what dnscontrol prints.
func previewed(out string) []string {
	var sets []string
	for _, m := range correction.FindAllStringSubmatch(out, -1) {
		sets = append(sets, m[1]+" "+m[2])
	}
	return sortedSet(sets)
}

// TRIPOD() with a tag, and one in the wrong place, as dnscontrol itself sees them.
func TestDnscontrolTakesTags(t *testing.T) {
	exe := realDnscontrol(t)
	root := t.TempDir()
	files, err := Render([]*zone.Domain{
		{Name: "example.org", Emit: zone.EmitExtend, Records: records(t, "example.org - TXT outside")},
		{Name: "example.org", Tag: "inside", Emit: zone.EmitExtend, Records: records(t, "example.org 60 TXT inside")},
	}, "dnscontrol")
	if err != nil {
		t.Fatal(err)
	}
	head := "require(\"./dnscontrol/tripod.js\");\nvar R = NewRegistrar(\"none\");\n"
	files["good.js"] = []byte(head + `D("example.org!inside", R, TRIPOD("example.org!inside"), A("@", "10.0.0.1"));
D("example.org!", R, TRIPOD("example.org"), A("@", "192.0.2.1"), DefaultTTL(900));`)
	files["bad.js"] = []byte(head + `D("example.org", R, TRIPOD("example.org!inside"));`)
	files["unknown.js"] = []byte(head + `D("example.com", R, TRIPOD("example.com"));`)
	writeFiles(t, root, files)
	if out, err := runIn(t, root, exe, "check", "--config", "good.js"); err != nil || !strings.Contains(out, "No errors.") {
		t.Errorf("%v\n%s", err, out)
	}
	ir, err := runIn(t, root, exe, "print-ir", "--config", "good.js", "--raw")
	if err != nil {
		t.Fatal(err, ir)
	}
	halves, err := readIR([]byte(ir))
	if err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{"example.org": "900 outside", "example.org!inside": "60 inside"} {
		got := ""
		for _, r := range halves[id].Records {
			if r.Type == dns.TypeTXT {
				got = fmt.Sprintf("%d %s", r.TTL, r.RData())
			}
		}
		if got != want {
			t.Errorf("%s: %q, want %q", id, got, want)
		}
	}
	for name, want := range map[string]string{
		"bad.js":     `TRIPOD("example.org!inside") stands in D("example.org"): it belongs in the D() of its own zone`,
		"unknown.js": `TRIPOD("example.com"): tripod has no domain of this name`,
	} {
		if out, err := runIn(t, root, exe, "check", "--config", name); err == nil || !strings.Contains(out, want) {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
