package dmarc

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// problems shows kind, marked text, message, help and fix of each problem, one a line.
func problems(r *Record) []string {
	var out []string
	for _, p := range r.Problems {
		s := fmt.Sprintf("%s [%s] %s", p.Kind, r.String()[p.Start:p.End], p.Message)
		if p.Help != "" {
			s += " | " + p.Help
		}
		if p.Fix != nil {
			s += " | fix " + *p.Fix
		}
		out = append(out, s)
	}
	return out
}

func TestParse(t *testing.T) {
	const mail = "mailto:a@example.com"
	for _, tt := range []struct {
		text   string
		policy string // p/sp/np, or "none at all"
		want   []string
	}{
		// clean
		{"v=DMARC1; p=reject", "reject/reject/reject", nil},
		{"v=DMARC1;p=reject;", "reject/reject/reject", nil},
		{"v=DMARC1; p=none; sp=quarantine; np=reject; adkim=s; aspf=R; fo=1:d:s; psd=u; t=n; rua=" + mail + ",mailto:b@example.net; ruf=" + mail, "none/quarantine/reject", nil},
		{"v = DMARC1 ; p = REJECT ; SP", "reject/reject/reject", []string{`lost [SP] "SP" is no tag: the = is missing: sp is lost, and without a valid rua there is no DMARC at all | write sp= and the policy`}},
		{"v=DMARC1; p=quarantine; fo=d:0", "quarantine/quarantine/quarantine", nil},
		// no record at all
		{"", "none at all", []string{"version [] v=DMARC1 is missing: receivers see no DMARC record | the record begins with v=DMARC1;"}},
		{" v=DMARC1; p=none", "none at all", []string{"version [ ] white space stands before v=DMARC1: receivers see no DMARC record | the record begins with v=DMARC1; delete what stands before it"}},
		{"\ufeffv=DMARC1; p=none", "none at all", []string{"version [\ufeff] \"\\ufeff\" stands before v=DMARC1: receivers see no DMARC record | the record begins with v=DMARC1; delete what stands before it"}},
		{`"v=DMARC1; p=none"`, "none at all", []string{`version ["] "\"" stands before v=DMARC1: receivers see no DMARC record | the record begins with v=DMARC1; delete what stands before it`}},
		{"v=dmarc1; p=none", "none at all", []string{`version [dmarc1] the version "dmarc1" is not DMARC1: receivers see no DMARC record | write DMARC1 in capitals`}},
		{"V=DMARC1; p=none", "none at all", []string{`version [V] "V" is not v, names of tags are case-sensitive (RFC 6376 §3.2): some receivers see no DMARC record | write v=DMARC1 with a small v`}},
		{"p=none; v=DMARC1", "none at all", []string{`version [v=DMARC1] v is not the first tag: receivers see no DMARC record | the record begins with v=DMARC1;`}},
		{"p=none; rua=" + mail, "none at all", []string{`version [p=none] v=DMARC1 is missing: receivers see no DMARC record | the record begins with v=DMARC1;`}},
		{"v=DMARC1 p=none", "none at all", []string{`version [DMARC1 p=none] the version is read as "DMARC1 p=none": receivers see no DMARC record | a semicolon is missing behind DMARC1`}},
		{`v=DMARC1\; p=none`, "none at all", []string{`version [\;] a literal backslash before ";" makes the version "DMARC1\": receivers see no DMARC record | write the semicolon without the backslash: only zone files and control panels show one`}},
		{"v=DMARC2; p=none", "none at all", []string{`version [DMARC2] "DMARC2" is no version of DMARC: receivers see no DMARC record | write v=DMARC1`}},
		// lost
		{"v=DMARC1; p=reject rua=" + mail, "none at all", []string{
			`lost [reject rua=` + mail + `] a semicolon is missing before rua=: p is lost, and without a valid rua there is no DMARC at all | put a semicolon before rua=`}},
		{"v=DMARC1; p=reject, sp=none; rua=" + mail, "none/none/none", []string{
			`lost [reject, sp=none] a semicolon is missing before sp=: p is lost, and the whole record counts as p=none | put a semicolon before sp=`}},
		{"v=DMARC1; p=none; adkim=s rua=" + mail, "none/none/none", []string{
			`lost [s rua=` + mail + `] a semicolon is missing before rua=: rua is lost, and no reports are sent | put a semicolon before rua=`}},
		{"v=DMARC1; p=none; adkim=s aspf=s", "none/none/none", []string{
			`syntax [s aspf=s] a semicolon is missing before aspf=: adkim is read as "s aspf=s" | put a semicolon before aspf=`}},
		{"v=DMARC1; P=reject", "none at all", []string{`lost [P] P is no tag, names are case-sensitive: p is lost, and without a valid rua there is no DMARC at all | write p`}},
		{"v=DMARC1; p:reject; rua=" + mail, "none/none/none", []string{`lost [p:reject] "p:reject" is no tag: the = is missing: p is lost, and the whole record counts as p=none | write p=reject`}},
		{`v=DMARC1; p=reject\; rua=` + mail, "none/none/none", []string{`lost [\;] a literal backslash before ";": p is lost, and the whole record counts as p=none | control panels and zone files show the semicolon so; the record itself has none: write it without the backslash`}},
		{"v=DMARC1; p=“reject”; rua=" + mail, "none/none/none", []string{"lost [“] a typographic quotation mark (“, U+201C): p is lost, and the whole record counts as p=none | it came from a word processor or a web page; the record has no quotation marks: delete it"}},
		// the rest of the grammar
		{"v=DMARC1;; p=none", "none/none/none", []string{`syntax [;] nothing stands before this ";" | delete it | fix `}},
		{"v=DMARC1; p=none; ADKIM=s", "none/none/none", []string{`syntax [ADKIM] ADKIM is no tag, names are case-sensitive: receivers may ignore it | write adkim`}},
		{"v=DMARC1; p=none; adkim=; rua=", "none/none/none", []string{
			`syntax [adkim=] adkim has no value: the default applies | give it a value, or drop it`,
			`syntax [rua=] rua has no value: no such reports are sent | give it a value, or drop it`}},
		{"v=DMARC1; p=none; p=reject", "none at all", []string{
			`duplicate [p=reject] the tag p is there twice: the whole list is invalid (RFC 6376 §3.2), and receivers may ignore the record | keep the one that you mean`}},
		// values
		{"v=DMARC1; p=rejct; rua=" + mail, "none/none/none", []string{`policy [rejct] "rejct" is no policy: the whole record counts as p=none | did you mean reject?`}},
		{"v=DMARC1; p=rejct", "none at all", []string{`policy [rejct] "rejct" is no policy: without a valid rua there is no DMARC at all | did you mean reject?`}},
		{"v=DMARC1; p=reject; sp=; rua=" + mail, "none/none/none", []string{`policy [sp=] sp has no value: the whole record counts as p=none | write none, quarantine or reject`}},
		{"v=DMARC1; p=reject; np=block; rua=" + mail, "none/none/none", []string{`policy [block] "block" is no policy: the whole record counts as p=none | did you mean reject?`}},
		{"v=DMARC1; p=none; adkim=strict; aspf=relaxed; psd=x; t=yes", "none/none/none", []string{
			`value [strict] "strict" is no value of adkim: the default adkim=r applies | write s`,
			`value [relaxed] "relaxed" is no value of aspf: the default aspf=r applies | write r | fix r`,
			`value [x] "x" is no value of psd: the default psd=u applies | write y, n or u`,
			`value [yes] "yes" is no value of t: the default t=n applies | write y`}},
		{"v=DMARC1; p=none; fo=0:1", "none/none/none", []string{`value [0:1] fo names both 0 and 1, which exclude each other: the default fo=0 applies | write 0 or 1, and d or s behind colons: 1:d:s`}},
		{"v=DMARC1; p=none; fo=d:d", "none/none/none", []string{`value [d:d] fo names d twice: the default fo=0 applies | write 0 or 1, and d or s behind colons: 1:d:s`}},
		{"v=DMARC1; p=none; fo=x", "none/none/none", []string{`value [x] "x" is no option of fo: the default fo=0 applies | write 0 or 1, and d or s behind colons: 1:d:s`}},
		// p
		{"v=DMARC1", "none at all", []string{`no-p-no-rua [v=DMARC1] p is missing: without a valid rua there is no DMARC at all | write p=none, p=quarantine or p=reject right behind v=DMARC1`}},
		{"v=DMARC1; rua=" + mail, "none/none/none", []string{`no-p [v=DMARC1] p is missing: the record counts as p=none | write p=none, p=quarantine or p=reject right behind v=DMARC1`}},
		{"v=DMARC1; policy=reject; rua=" + mail, "none/none/none", []string{`no-p [policy=reject] "policy" is no tag, and p is missing: the record counts as p=none | did you mean p=reject?`}},
		{"v=DMARC1; sp=none; p=reject", "reject/none/none", []string{`order [p=reject] p does not stand right behind v: receivers of RFC 7489 may reject the record | write v=DMARC1; p=reject, then the rest`}},
		// tags
		{"v=DMARC1; p=quarantine; pct=50; rf=afrf; ri=3600", "quarantine/quarantine/quarantine", []string{
			`removed-pct [pct=50] pct=50: older receivers apply quarantine to half of the failing mail, others to all of it | drop it, or write none until you are sure`,
			`removed [rf=afrf] the tag rf was removed from DMARC: receivers ignore it | drop it`,
			`removed [ri=3600] the tag ri was removed from DMARC: receivers ignore it | drop it`}},
		{"v=DMARC1; p=reject; pct=25", "reject/reject/reject", []string{`removed-pct [pct=25] pct=25: older receivers apply reject to 25 % of the failing mail, others to all of it | drop it, or write quarantine until you are sure`}},
		{"v=DMARC1; p=reject; pct=0", "reject/reject/reject", []string{`removed-pct-0 [pct=0] pct=0: older receivers apply reject to none of the failing mail, others to all of it | write t=y, which took its place (RFC 9989 §A.6)`}},
		{"v=DMARC1; p=reject; pct=100", "reject/reject/reject", []string{`removed [pct=100] the tag pct was removed from DMARC, and 100 was its default: it changes nothing | drop it`}},
		{"v=DMARC1; p=none; pct=20", "none/none/none", []string{`removed [pct=20] pct=20: the tag pct was removed from DMARC, and with the policy none it changes nothing | drop it`}},
		{"v=DMARC1; p=reject; pct=300", "reject/reject/reject", []string{`removed [pct=300] "pct=300": the tag pct was removed from DMARC, and this was no value of it: receivers ignore it | drop it`}},
		{"v=DMARC1; p=none; rau=" + mail + "; x=1", "none/none/none", []string{
			`unknown [rau=` + mail + `] "rau" is no tag of DMARC: receivers ignore it | did you mean rua=` + mail + `? | fix rua=` + mail,
			`unknown [x=1] "x" is no tag of DMARC: receivers ignore it | drop it`}},
		// URIs
		{"v=DMARC1; p=none; rua=" + mail + ",postmaster@college.example", "none/none/none", []string{
			`uri [postmaster@college.example] "postmaster@college.example" is not a URI: no report goes to this address | write mailto:postmaster@college.example | fix mailto:postmaster@college.example`}},
		{"v=DMARC1; p=none; ruf=x@college.example", "none/none/none", []string{
			`no-uri [x@college.example] "x@college.example" is not a URI: no address is left in ruf, and no such reports are sent | write mailto:x@college.example | fix mailto:x@college.example`}},
		{"v=DMARC1; p=none; rua=mailto://a@example.com", "none/none/none", []string{
			`no-uri [mailto://a@example.com] "//" behind mailto: counts as a part of the address: no address is left in rua, and no such reports are sent | delete the slashes | fix mailto:a@example.com`}},
		{"v=DMARC1; p=none; rua=https://example.com/r", "none/none/none", []string{
			`uri-scheme [https://example.com/r] no mailto: among the addresses, the one scheme that receivers have to support: most will send no reports | add a mailto: address`}},
		{"v=DMARC1; p=none; rua=" + mail + "!10m, " + mail + "," + mail, "none/none/none", []string{
			`uri-size [!10m] the size limit "!10m" is obsolete: receivers should ignore it | drop it | fix `,
			`many-uris [` + mail + `] 3 addresses in rua: receivers may stop after two | name the two most important ones first, or one that hands the reports on`}},
		{"v=DMARC1; p=none; rua=" + mail + ",", "none/none/none", []string{`uri [,] no URI between the commas: no report goes to this address | delete the comma`}},
	} {
		t.Run(tt.text, func(t *testing.T) {
			r := Parse(tt.text)
			if diff := cmp.Diff(tt.want, problems(r)); diff != "" {
				t.Error(diff)
			}
			e, got := r.Effective, "none at all"
			if e.Valid {
				got = e.P.String() + "/" + e.SP.String() + "/" + e.NP.String()
			}
			if got != tt.policy {
				t.Errorf("policies %s, want %s", got, tt.policy)
			}
			if r.String() != tt.text {
				t.Errorf("prints %q", r.String())
			}
		})
	}
}

// TestOtherWordsForPolicies: what people write who know other filters' words.
func TestOtherWordsForPolicies(t *testing.T) {
	for meant, words := range map[string][]string{
		"reject":     {"deny", "Block", "drop", "discard", "fail", "refuse", "rejected", "rejct", "reject."},
		"none":       {"monitor", "monitoring", "off", "no", "n", "0", "nune"},
		"quarantine": {"spam", "junk", "quarantined", "quarantaine"}, //nolint:misspell // on purpose
		"":           {"x", "yes", "allow", "everything"},
	} {
		for _, w := range words {
			if got := closestPolicy(w); got != meant {
				t.Errorf("%s: %q, want %q", w, got, meant)
			}
		}
	}
}

func TestParseValues(t *testing.T) {
	r := Parse("v=DMARC1; p=Reject; sp=none; np=quarantine; adkim=S; aspf=r; psd=N; t=Y; rua=mailto:a@example.com!10m,x; ruf=mailto:b@Example.NET")
	if r.P != Reject || r.SP != None || r.NP != Quarantine || r.ADKIM != Strict || r.ASPF != Relaxed || r.PSD != PSDNo || !r.Testing {
		t.Errorf("%+v", r)
	}
	if len(r.RUA) != 2 || r.RUA[0].Host != "example.com" || r.RUA[1].Valid() || len(r.RUF) != 1 || r.RUF[0].Host != "example.net" || !r.Reports() {
		t.Errorf("rua %+v, ruf %+v", r.RUA, r.RUF)
	}
	tag, ok := r.Tag("sp")
	if !ok || r.String()[tag.NameStart:tag.NameEnd] != "sp" || r.String()[tag.ValueStart:tag.ValueEnd] != "none" {
		t.Errorf("sp %+v", tag)
	}
	start, end := r.Cut(tag)
	if got := r.String()[:start] + r.String()[end:]; !strings.HasPrefix(got, "v=DMARC1; p=Reject; np=quarantine;") {
		t.Errorf("without sp: %s", got)
	}
}

func TestIsDMARC(t *testing.T) {
	for text, want := range map[string]bool{
		"v=DMARC1": true, "v=DMARC1;": true, "v = DMARC1 ;p=none": true, "v=DMARC1\t": true, "v=DMARC1;rubbish": true,
		"v=DMARC10": false, "v=DMARC1 p=none": false, "v=dmarc1;": false, "V=DMARC1": false, " v=DMARC1": false,
		"": false, "v": false, "v=": false, "v=DMARC1,": false, `v=DMARC1\;`: false, "v=spf1 -all": false, "vv=DMARC1": false,
	} {
		if got := IsDMARC(text); got != want {
			t.Errorf("IsDMARC(%q) = %v", text, got)
		}
	}
}

func TestMeant(t *testing.T) {
	for text, want := range map[string]bool{
		"v=DMARC1; p=none": true, "v=dmarc1 p=none": true, `"v=DMARC1;p=none"`: true, "p=none; rua=mailto:a@example.com": true, "V=DMARC2;": true,
		"v=DKIM1; p=MIIB": false, "v=spf1 -all": false, "google-site-verification=abc": false, "": false, "dmarc": false,
	} {
		if got := Meant(text); got != want {
			t.Errorf("Meant(%q) = %v", text, got)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"v=DMARC1; p=reject; sp=none; np=quarantine; adkim=s; aspf=r; fo=0:1:d:s; psd=y; t=y; rua=mailto:a@example.com!10m,b; ruf=",
		"v=DMARC1 p=reject", `v=DMARC1\; p=none\;`, " v=DMARC1", "p=none", "v=DMARC1;;;p=none;p=none", "v=DMARC1; policy=reject; P=none; =x; p",
		"v=DMARC1; pct=0; rf=afrf; ri=1; pct=300", "v=DMARC1; p=“none”; rua=, ,", "v=DMARC1; adkim=s rua=mailto:x", "v", "",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		r := Parse(s)
		if r.String() != s {
			t.Fatalf("prints %q", r.String())
		}
		if r.IsRecord != IsDMARC(s) {
			t.Fatal("IsRecord and IsDMARC disagree")
		}
		if !r.IsRecord && (len(r.Problems) == 0 || r.Effective.Valid) {
			t.Fatalf("no record, and %d problems, %+v", len(r.Problems), r.Effective)
		}
		if !r.Effective.Valid && len(r.Problems) == 0 {
			t.Fatal("no DMARC, and nothing says why")
		}
		last := 0
		for _, p := range r.Problems {
			if p.Start < last || p.End < p.Start || p.End > len(s) || p.Message == "" || p.Kind == "" {
				t.Fatalf("problem %+v of %q", p, s)
			}
			last = p.Start
		}
		for _, tag := range r.Tags {
			if start, end := r.Cut(tag); start > end || end > len(s) {
				t.Fatalf("cut %d:%d", start, end)
			}
		}
		Meant(s)
		if len(s) < 1000 { // mending once everything that has one right answer leaves a text that still parses
			for i := len(r.Problems) - 1; i >= 0; i-- {
				if p := r.Problems[i]; p.Fix != nil {
					fixed := Parse(s[:p.Start] + *p.Fix + s[p.End:])
					if before, after := strength(r), strength(fixed); after > before {
						t.Fatalf("the fix of %+v makes %q stricter", p, s)
					}
				}
			}
		}
	})
}

// strength is the strongest policy that a record asks for.
func strength(r *Record) Policy {
	p := max(r.Effective.P, r.Effective.SP, r.Effective.NP)
	if r.Testing {
		p = p.Weaker()
	}
	if p == None {
		p = Absent // reports alone are no enforcement
	}
	return p
}

func BenchmarkParse(b *testing.B) {
	for b.Loop() {
		Parse("v=DMARC1; p=reject; sp=reject; np=reject; rua=mailto:parked@dmarc-reports.example")
	}
}
