package engine

import (
	"fmt"
	"strings"
	"testing"

	"github.com/tripod-dns/tripod/planner"
)

// changesOf are the changes of a plan against one name server, in a line each.
func changesOf(t *testing.T, r *Repo, server string) (lines []string, p *planner.Plan) {
	t.Helper()
	p, _, err := r.PlanAgainst(t.Context(), BaseOptions{Against: "dns", Servers: []string{server}})
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range p.Domains {
		for _, c := range d.Changes {
			lines = append(lines, fmt.Sprintf("%s %s %s %q %q", c.Action, c.Name, c.Type, c.Before, c.After))
		}
	}
	return lines, p
}

// Where the other half of a zone is not known, nothing that may come from it is a change: neither its records nor its TTL.
func TestDNSBaseWithoutTheOtherHalf(t *testing.T) {
	t.Parallel()
	r := repoOf(t, map[string]string{
		"tripod.hcl":    "tripod { files = [\"domains/*.hcl\"] }\ndnscontrol { emit = \"extend\" }\n",
		"domains/a.hcl": "domain \"a.example\" {\n  spf { all = \"fail\" }\n  dmarc { p = \"reject\" }\n}\n",
	})
	got, _ := changesOf(t, r, zoneServer(t,
		`a.example. 3600 IN TXT "google-site-verification=x"`, `a.example. 3600 IN TXT "v=spf1 -all"`, `_dmarc.a.example. 3600 IN TXT "v=DMARC1; p=none"`,
	))
	want := `change _dmarc.a.example TXT ["v=DMARC1; p=none"] ["v=DMARC1; p=reject"]`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

// What stands instead of a record that is asked for shows, and what is not asked for never does.
func TestDNSBaseComparesWhatWasAsked(t *testing.T) {
	t.Parallel()
	r := repoOf(t, map[string]string{"domains/a.hcl": `domain "a.example" {
  record "TXT" "s1._domainkey" { rdata = ["v=DKIM1; p="] }
  record "MX" "@" { rdata = ["10 mx.a.example."] }
  record "A" "mx" { rdata = ["192.0.2.1"] }
}
`})
	server := zoneServer(t,
		"s1._domainkey.a.example. 300 IN CNAME s1.vendor.example.", "a.example. 300 IN MX 10 mx.a.example.", "mx.a.example. 300 IN A 192.0.2.1",
		"mx.a.example. 300 IN AAAA 2001:db8::1", "www.a.example. 300 IN A 192.0.2.2", `a.example. 300 IN TXT "v=spf1 mx -all"`,
	)
	got, p := changesOf(t, r, server)
	want := `delete a.example TXT ["v=spf1 mx -all"] []
delete s1._domainkey.a.example CNAME ["s1.vendor.example."] []
create s1._domainkey.a.example TXT [] ["v=DKIM1; p="]`
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	if p.Base.Kind != "dns" || !strings.Contains(p.Base.Note, "what else a push would delete does not show here") {
		t.Errorf("base %+v", p.Base)
	}
}
