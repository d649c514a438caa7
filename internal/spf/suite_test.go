package spf

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v4"
)

// optional are the tests for which the suite allows several results, says that the RFC leaves a choice, or
// tests what an implementation may leave out. All of them pass with the first of the results allowed.
var optional = map[string]string{
	"ptr-limit":                     "the order of PTR records decides (§4.6.4): neutral or pass",
	"p-macro-multiple":              "any validated name may be used, a subdomain SHOULD be (§7.3): pass or softfail",
	"mech-over-limit":               "the RFC does not say whether a term is counted before or after its evaluation (§4.6.4)",
	"cidr4-032":                     "leading zeros in a prefix length, which the ABNF of RFC 7208 §12 does exclude",
	"multispf1":                     "resolvers may combine identical records (§4.5): permerror or fail",
	"invalid-domain-empty-label":    "a target for which no query can be made (§4.8): no match or permerror",
	"invalid-domain-long":           "a target for which no query can be made (§4.8): no match or permerror",
	"invalid-domain-long-via-macro": "a target for which no query can be made (§4.8): no match or permerror",
	"void-at-limit":                 "the limit of void look-ups is a SHOULD (§4.6.4)",
	"void-over-limit":               "the limit of void look-ups is a SHOULD (§4.6.4)",
}

type suiteTest struct {
	Helo, Host, Mailfrom string
	Result               any
	Explanation          string
}

type suite struct {
	Description string
	Comment     string
	Tests       map[string]suiteTest
	Zonedata    map[string][]any
}

func readSuites(t *testing.T) []suite {
	t.Helper()
	f, err := os.Open("testdata/rfc7208-tests.yml")
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := f.Close(); err != nil {
			t.Error(err)
		}
	}()
	dec := yaml.NewDecoder(f)
	var out []suite
	for {
		var s suite
		err := dec.Decode(&s)
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
}

// suiteText is the text of a TXT or SPF entry: strings are joined without a space (§3.3).
func suiteText(v any) string {
	if l, ok := v.([]any); ok {
		var b strings.Builder
		for _, s := range l {
			fmt.Fprint(&b, s)
		}
		return b.String()
	}
	return fmt.Sprint(v)
}

func suiteWorld(data map[string][]any) *world {
	w := newWorld()
	for name, entries := range data {
		n := testName(name)
		w.touch(n)
		hasTXT := false
		for _, e := range entries {
			if m, ok := e.(map[string]any); ok {
				_, is := m["TXT"]
				hasTXT = hasTXT || is
			}
		}
		for _, e := range entries {
			m, ok := e.(map[string]any)
			if !ok {
				w.fail[n] = true // TIMEOUT
				continue
			}
			for typ, v := range m {
				switch typ {
				case "SPF":
					if !hasTXT { // the suite's drivers copy SPF to TXT, where no TXT is given
						w.add(name, "TXT", suiteText(v))
					}
				case "TXT":
					if v != "NONE" {
						w.add(name, "TXT", suiteText(v))
					}
				case "MX":
					l := v.([]any)
					w.add(name, "MX", fmt.Sprint(l[0], " ", l[1]))
				default:
					w.add(name, typ, fmt.Sprint(v))
				}
			}
		}
	}
	return w
}

func TestRFC7208Suite(t *testing.T) {
	ran, seen := 0, map[string]bool{}
	for _, s := range readSuites(t) {
		w := suiteWorld(s.Zonedata)
		for name, tc := range s.Tests {
			ran++
			seen[name] = true
			t.Run(s.Description+"/"+name, func(t *testing.T) {
				var want []string
				if l, ok := tc.Result.([]any); ok {
					for _, r := range l {
						want = append(want, fmt.Sprint(r))
					}
				} else {
					want = []string{fmt.Sprint(tc.Result)}
				}
				if len(want) > 1 && optional[name] == "" {
					t.Errorf("the suite allows %q, name the test as optional", want)
				}
				got := Check(t.Context(), w, Query{IP: netip.MustParseAddr(tc.Host), MailFrom: tc.Mailfrom, HELO: tc.Helo, Now: time.Unix(0, 0)})
				if !slices.Contains(want, string(got.Result)) {
					t.Errorf("%q, want %q (%+v)", got.Result, want, got)
				}
				switch tc.Explanation {
				case "":
				case "DEFAULT":
					if got.Explanation != "" {
						t.Errorf("explanation %q, want none", got.Explanation)
					}
				default:
					// §7.3 leaves the case of an IPv6 address's digits open.
					if !strings.EqualFold(got.Explanation, tc.Explanation) {
						t.Errorf("explanation %q, want %q", got.Explanation, tc.Explanation)
					}
				}
			})
		}
	}
	for name := range optional {
		if !seen[name] {
			t.Errorf("optional test %s is not in the suite", name)
		}
	}
	if ran < 200 {
		t.Errorf("only %d tests ran", ran)
	}
}
