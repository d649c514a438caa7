package dnscontrol

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/tripod-dns/tripod/internal/zone"
)

func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == ChildArg {
		os.Exit(ChildMain(os.Args[2:]))
	}
	Setup()
	os.Exit(m.Run())
}

// rec makes a record of the definitions: "NAME TTL TYPE DATA", TTL "-" for none; a TXT's data is its text.
func rec(t testing.TB, s string) *zone.Record {
	t.Helper()
	f := strings.SplitN(s, " ", 4)
	if len(f) != 4 {
		t.Fatalf("record %q", s)
	}
	ttl := f[1]
	if ttl == "-" {
		ttl = "0"
	}
	if f[2] == "TXT" {
		rr, err := dns.NewRR(f[0] + ". " + ttl + ` IN TXT "x"`)
		if err != nil {
			t.Fatal(err)
		}
		r, err := fromRR(rr, zone.Defined)
		if err != nil {
			t.Fatal(err)
		}
		r.Text, r.HasTTL = zone.PlainText(f[3], zone.Span{}), f[1] != "-"
		return r
	}
	rr, err := dns.NewRR(f[0] + ". " + ttl + " IN " + f[2] + " " + f[3])
	if err != nil {
		t.Fatal(err)
	}
	r, err := fromRR(rr, zone.Defined)
	if err != nil {
		t.Fatal(err)
	}
	r.HasTTL = f[1] != "-"
	return r
}

func records(t testing.TB, lines ...string) []*zone.Record {
	t.Helper()
	var out []*zone.Record
	for _, l := range lines {
		out = append(out, rec(t, l))
	}
	return out
}

const longText = "v=DKIM1; k=rsa; p=" // completed to more than one character-string by hardRecords

// hardRecords has one record of each kind that is easy to get wrong on the way to a name server and back.
func hardRecords(t testing.TB) []*zone.Record {
	return records(t,
		"example.org 3600 SOA ns1.example.org. hostmaster.example.org. 7 10800 3600 1209600 3600",
		"example.org 3600 NS ns1.example.org.",
		"example.org 3600 NS ns2.example.org.",
		"example.org 3600 MX 10 mx1.example.org.",
		"example.org 3600 MX 20 mx2.example.org.",
		"example.org 3600 A 192.0.2.80",
		"example.org 3600 AAAA 2001:db8:80::1",
		"example.org 3600 CAA 0 issue \"letsencrypt.org\"",
		"example.org 3600 CAA 128 iodef \"mailto:hostmaster@example.org\"",
		"example.org 600 TXT v=spf1 mx a:mx1.example.org -all",
		"quote.example.org 300 TXT say \"hi\" \\ and é, \\\" ; 100% $x (y)",
		"emoji.example.org 300 TXT \U0001F600 \u2028",
		"empty.example.org 300 TXT ",
		"long._domainkey.example.org 300 TXT "+longText+strings.Repeat("ABCDEFGHij", 60),
		"_dmarc.example.org 300 TXT v=DMARC1; p=reject",
		"*.wild.example.org 300 TXT wild",
		"www.example.org 300 CNAME example.org.",
		"ns1.example.org 3600 A 192.0.2.53",
		"ns2.example.org 3600 A 192.0.2.54",
		"mx1.example.org 3600 A 192.0.2.25",
		"mx2.example.org 3600 AAAA 2001:db8::25",
		"_25._tcp.mx1.example.org 300 TLSA 3 1 1 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"_imaps._tcp.example.org 300 SRV 0 1 993 mx1.example.org.",
		"sub.example.org 300 NS ns1.example.net.",
		"sub.example.org 300 DS 60485 5 1 2BB183AF5F22588179A53B0A98631FAD1A292118",
		"svc.example.org 300 HTTPS 1 . alpn=\"h2,h3\"",
		"ssh.example.org 300 SSHFP 4 2 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
		"sip.example.org 300 NAPTR 100 10 \"u\" \"E2U+sip\" \"!^.*$!sip:x@example.org!\" .",
		"dn.example.org 300 DNAME example.net.",
	)
}

func hardZone(t testing.TB) *zone.Domain {
	return &zone.Domain{Name: "example.org", Emit: zone.EmitZone, DNSProviders: []string{"bind"}, Records: hardRecords(t)}
}

func writeFiles(t testing.TB, root string, files map[string][]byte) {
	t.Helper()
	for name, text := range files {
		p := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
