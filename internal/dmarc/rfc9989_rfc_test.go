package dmarc

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-dns/tripod/internal/taglist"
	"github.com/tripod-dns/tripod/internal/zone"
)

// TestRFC9989AppendixB1 are the examples of identifier alignment: B.1.1 for SPF, B.1.2 for DKIM.
func TestRFC9989AppendixB1(t *testing.T) {
	w := world{"example.com": {"v=DMARC1; p=none"}, "example.net": {"v=DMARC1; p=none"}, "sample.net": {"v=DMARC1; p=none"}}
	for _, tt := range []struct {
		section            string
		author, identifier zone.Name
		strict, relaxed    bool
	}{
		{"B.1.1 example 1", "example.com", "example.com", true, true},
		{"B.1.1 example 2", "example.com", "child.example.com", false, true},
		{"B.1.1 example 3", "child.example.com", "example.net", false, false},
		{"B.1.2 example 1", "example.com", "example.com", true, true},
		{"B.1.2 example 2", "child.example.com", "example.com", false, true},
		{"B.1.2 example 3", "child.example.com", "sample.net", false, false},
	} {
		t.Run(tt.section, func(t *testing.T) {
			if got, known := Aligned(tt.author, tt.identifier, Strict, orgOf(w)); got != tt.strict || !known {
				t.Errorf("strict: %v (known %v)", got, known)
			}
			if got, known := Aligned(tt.author, tt.identifier, Relaxed, orgOf(w)); got != tt.relaxed || !known {
				t.Errorf("relaxed: %v (known %v)", got, known)
			}
		})
	}
}

// TestRFC9989AppendixB2 are the records of a domain owner's way from watching to reject.
func TestRFC9989AppendixB2(t *testing.T) {
	for _, tt := range []struct {
		section, text string
		at            zone.Name
		p             Policy
		effective     Policy // t=y counted as one step weaker
		rua, ruf      []zone.Name
		permissions   []zone.Name // of hosts under another Organizational Domain
	}{
		{
			section: "B.2.1", text: "v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com",
			at: "example.com", p: None, effective: None, rua: names("example.com"),
		},
		{
			section: "B.2.2", text: "v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com; ruf=mailto:auth-reports@example.com",
			at: "example.com", p: None, effective: None, rua: names("example.com"), ruf: names("example.com"),
		},
		{
			section: "B.2.3", text: "v=DMARC1; p=none; rua=mailto:dmarc-feedback@example.com; ruf=mailto:auth-reports@thirdparty.example.net",
			at: "example.com", p: None, effective: None, rua: names("example.com"), ruf: names("thirdparty.example.net"),
			permissions: names("example.com._report._dmarc.thirdparty.example.net"),
		},
		{
			section: "B.2.4 first", text: "v=DMARC1; p=quarantine; rua=mailto:dmarc-feedback@example.com,mailto:tld-test@thirdparty.example.net;t=y",
			at: "test.example.com", p: Quarantine, effective: None, rua: names("example.com", "thirdparty.example.net"),
			permissions: names("test.example.com._report._dmarc.thirdparty.example.net"),
		},
		{
			section: "B.2.4 then", text: "v=DMARC1; p=reject; rua=mailto:dmarc-feedback@example.com,mailto:tld-test@thirdparty.example.net",
			at: "test.example.com", p: Reject, effective: Reject, rua: names("example.com", "thirdparty.example.net"),
			permissions: names("test.example.com._report._dmarc.thirdparty.example.net"),
		},
	} {
		t.Run(tt.section, func(t *testing.T) {
			r := Parse(tt.text)
			if got := problems(r); got != nil {
				t.Errorf("problems: %q", got)
			}
			hosts := func(uris []taglist.URI) []zone.Name {
				var out []zone.Name
				for _, u := range uris {
					out = append(out, zone.Name(u.Host))
				}
				return out
			}
			if d := cmp.Diff(tt.rua, hosts(r.RUA)); d != "" {
				t.Error(d)
			}
			if d := cmp.Diff(tt.ruf, hosts(r.RUF)); d != "" {
				t.Error(d)
			}
			w := world{"example.com": {"v=DMARC1; p=none"}, "example.net": {"v=DMARC1; p=none"}}
			w[tt.at] = []string{tt.text}
			d := discover(w, tt.at)
			if d.Source != Own || d.Declared != tt.p || d.Policy != tt.effective {
				t.Errorf("%+v", d)
			}
			var perms []zone.Name
			for _, u := range append(r.RUA, r.RUF...) {
				host := zone.Name(u.Host)
				org, known := OrgDomain(t.Context(), w, host)
				if !known {
					t.Fatalf("no Organizational Domain of %s", host)
				}
				if org != d.OrgDomain {
					n, err := PermissionName(tt.at, host)
					if err != nil {
						t.Fatal(err)
					}
					perms = append(perms, n)
				}
			}
			if d := cmp.Diff(tt.permissions, perms); d != "" {
				t.Error(d)
			}
		})
	}
}

// TestRFC9989AppendixB24AsPrinted: the output of dig in B.2.4 has lost the semicolon before t=y. Who copies it is told.
func TestRFC9989AppendixB24AsPrinted(t *testing.T) {
	r := Parse("v=DMARC1; p=quarantine; rua=mailto:dmarc-feedback@example.com,mailto:tld-test@thirdparty.example.net t=y")
	if r.Testing {
		t.Error("t=y is read, though no semicolon stands before it")
	}
	if len(r.Problems) != 1 || r.Problems[0].Help != "put a semicolon before t=" {
		t.Errorf("%q", problems(r))
	}
}

// TestRFC9989AppendixB4 is the message of B.4: author, SPF and DKIM identifiers of one organization.
func TestRFC9989AppendixB4(t *testing.T) {
	w := world{"example.com": {"v=DMARC1; p=reject; rua=mailto:dmarc-feedback@example.com"}}
	d := discover(w, "example.com")
	if d.Policy != Reject || !d.Enforces() {
		t.Errorf("%+v", d)
	}
	for _, id := range names("mail.example.com", "example.com") {
		if ok, known := Aligned("example.com", id, d.Record.ADKIM, orgOf(w)); !ok || !known {
			t.Errorf("%s is not aligned", id)
		}
	}
}

// TestRFC9990Section4 is the example of RFC 9990 §4 (and RFC 7489 §7.1): the name at which red.example.net permits reports of
// blue.example.com.
func TestRFC9990Section4(t *testing.T) {
	n, err := PermissionName("blue.example.com", "red.example.net")
	if err != nil || n != "blue.example.com._report._dmarc.red.example.net" || !IsPermissionName(n) {
		t.Errorf("%s, %v", n, err)
	}
	for text, want := range map[string]bool{"v=DMARC1": true, "v=DMARC1;": true, "v=DMARC1; rua=mailto:reports@red.example.net": true, "v=spf1 -all": false} {
		if IsDMARC(text) != want {
			t.Errorf("%q permits: %v", text, !want)
		}
	}
}
