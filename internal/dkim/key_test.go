package dkim

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/big"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-dns/tripod/internal/taglist"
	"github.com/tripod-dns/tripod/internal/zone"
)

const (
	// RFC 6376 appendix C.2.
	rfc6376 = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDwIRP/UC3SBsEmGqZ9ZJW3/DkMoGeLnQg1fWn7/zYtIxN2SnFCjxOCKG9v3b4jYfcTNh5ijSsq631uBItLa7od+v/RtdC2UzJ1lWT947qR+Rcac2gbto/NMqJ0fzfVjH4OuKhitdY9tf6mcwGjaNBcWToIMmPSPDdQPNUYckcQ2QIDAQAB"
	// RFC 8463 appendix A.2.
	rfc8463rsa = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB"
	rfc8463ed  = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
	// OpenDKIM's test suite.
	openDKIM = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQC4GUGr+d/6SFNzVLYpphnRd0QPGKz2uWnV65RAxa1Pw352BqizqiKOBjgYGzj8pJQSs8tOvv/2k6jpI809RnESqOFgF0gu3UJbNnu3+cd8k/kiQj+q4cKKRpAT92ccxc7svhCNgN1sBGmROYZuysG3Vu3Dyc079gSLtnSrgXb+gQIDAQAB"
)

// spki2048 is a key of 2048 bits; its private half is thrown away with the test.
var spki2048, private2048 = func() (string, *rsa.PrivateKey) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
	if err != nil {
		panic(err)
	}
	return base64.StdEncoding.EncodeToString(der), k
}()

func brief(text string, ps []zone.Problem) []string {
	var out []string
	for _, p := range ps {
		what := text[p.Start:p.End]
		if len(what) > 30 {
			what = fmt.Sprintf("%d octets", len(what))
		}
		s := fmt.Sprintf("%s %d %q: %s", p.Kind, p.Start, what, p.Message)
		if p.Help != "" {
			s += " | " + p.Help
		}
		out = append(out, s)
	}
	return out
}

func TestParseGood(t *testing.T) {
	for _, text := range []string{
		"v=DKIM1; k=rsa; p=" + spki2048,
		"p=" + spki2048,
		"v=DKIM1;k=rsa;p=" + spki2048 + ";",
		"v=DKIM1; h=sha256; s=*; t=s; n=notes=20go here; p=" + spki2048[:100] + " \t" + spki2048[100:],
		"v=DKIM1; k=ed25519; p=" + rfc8463ed,
		"v=DKIM1; x-new=1; p=" + spki2048, // unknown tags are ignored (RFC 6376 §3.2), but this one has a hyphen
	} {
		k := Parse(text)
		if k.String() != text {
			t.Errorf("prints %q", k.String())
		}
		if strings.Contains(text, "x-new") {
			if len(k.Problems) != 1 || k.Problems[0].Kind != taglist.BadName {
				t.Errorf("%v", brief(text, k.Problems))
			}
			continue
		}
		if len(k.Problems) != 0 {
			t.Errorf("%v", brief(text, k.Problems))
		}
		if !k.Usable() || k.Revoked {
			t.Errorf("not usable: %q", text)
		}
		if k.Algorithm == RSA && (k.Bits != 2048 || k.Exponent != 65537 || k.BareRSA || k.Weakness() != "") {
			t.Errorf("bits %d, exponent %d, weakness %q", k.Bits, k.Exponent, k.Weakness())
		}
	}
}

func TestParseTags(t *testing.T) {
	const text = "v=DKIM1; h=sha1 : sha256; k=rsa; s=email:tlsrpt; t=y:s; p="
	k := Parse(text)
	if !k.Revoked || k.Usable() || !k.HasP {
		t.Error("an empty p= is a revoked key (§3.6.1)")
	}
	if d := cmp.Diff([]Value{{"sha1", 11, 15}, {"sha256", 18, 24}}, k.Hashes); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff([]Value{{"email", 35, 40}, {"tlsrpt", 41, 47}}, k.Services); d != "" {
		t.Error(d)
	}
	if v, ok := k.Testing(); !ok || v.Start != 51 || !k.ForEmail() {
		t.Errorf("flags: %v", k.Flags)
	}
	if Parse("s=tlsrpt; p=" + rfc6376).ForEmail() {
		t.Error("s=tlsrpt is not for mail")
	}
}

func TestParseProblems(t *testing.T) {
	bare := base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PublicKey(&private2048.PublicKey))
	private := base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(private2048))
	pkcs8der, err := x509.MarshalPKCS8PrivateKey(private2048)
	if err != nil {
		t.Fatal(err)
	}
	pkcs8 := base64.StdEncoding.EncodeToString(pkcs8der)
	raw, err := base64.StdEncoding.DecodeString(rfc8463ed)
	if err != nil {
		t.Fatal(err)
	}
	edDER := base64.StdEncoding.EncodeToString(append(append([]byte{}, spkiEd25519...), raw...))
	cut := ("v=DKIM1; k=rsa; p=" + spki2048)[:255]
	none := ": no signature with this selector verifies"

	tests := []struct {
		text string
		want []string
	}{
		{"v=dkim1; p=" + spki2048, []string{`version 2 "dkim1": v=dkim1 is not DKIM1: verifiers discard the record (RFC 6376 §3.6.1) | write v=DKIM1`}},
		{"v=DKIM1 k=rsa; p=" + spki2048, []string{`version 2 "DKIM1 k=rsa": v=DKIM1 k=rsa is not DKIM1: verifiers discard the record (RFC 6376 §3.6.1) | separate the tags by semicolons: v=DKIM1; k=rsa`}},
		{"k=rsa; v=DKIM1; p=" + spki2048, []string{`version 7 "v=DKIM1": v= has to be the first tag: verifiers may discard the record (RFC 6376 §3.6.1) | move v=DKIM1 to the front`}},
		{"v=DKIM1; k=rsa-sha256; p=" + spki2048, []string{`key-type 11 "rsa-sha256": unknown key type k=rsa-sha256: verifiers ignore the key | k= names the type of key only: write k=rsa`}},
		{"v=DKIM1; k=ed2519; p=" + rfc8463ed, []string{`key-type 11 "ed2519": unknown key type k=ed2519: verifiers ignore the key | did you mean k=ed25519?`}},
		{"v=DKIM1; k=RSA; p=" + spki2048, []string{`key-type-case 11 "RSA": k=RSA is not k=rsa: values are case-sensitive, and some verifiers ignore this key | write k=rsa`}},
		{"v=DKIM1; h=sha1,sha256; p=" + spki2048, []string{`bad-value 11 "sha1,sha256": "sha1,sha256" in h= is no word | words in this tag are separated by colons`}},
		{"v=DKIM1; t=; p=" + spki2048, []string{`bad-value 9 "t=": t= without a value | leave the tag out`}},
		{"v=DKIM1; k=rsa", []string{`no-key 0 "v=DKIM1; k=rsa": no p= tag, so no key: no signature with this selector verifies | publish the key as p=, or an empty p= to revoke it`}},
		{"v=DKIM1; P=" + spki2048, []string{`no-key 0 "403 octets": no p= tag, so no key: no signature with this selector verifies | tag names are case-sensitive: write p=`}},
		{"s1._domainkey.vendor.example", []string{`no-key 0 "s1._domainkey.vendor.example": a host name instead of a key: no signature with this selector verifies | did you mean a CNAME to it?`}},
		{"", []string{`no-key 0 "": no p= tag, so no key: no signature with this selector verifies | publish the key as p=, or an empty p= to revoke it`}},
		{"v=DKIM1; p=AAAA!BBB", []string{`base64 15 "!": bad base64 in p=, "!"` + none + ` | leave out what is no base64`}},
		{`v=DKIM1; p=AAAA" "BBB`, []string{`base64 15 "\"": bad base64 in p=, a quotation mark` + none + ` | leave out the quotation marks that zone files put around strings`}},
		{"v=DKIM1; p=-----BEGIN PUBLIC KEY-----AAAA", []string{`base64 11 "-----": bad base64 in p=, "-----"` + none + ` | leave out the lines -----BEGIN PUBLIC KEY----- and -----END PUBLIC KEY-----`}},
		{cut, []string{`base64 18 "237 octets": bad base64 in p=` + none + ` | the record was cut at 255 octets: fetch the whole key from the program that made it`}},
		{cut[:254], []string{`not-key 18 "236 octets": the key in p= is cut: 177 of its 294 octets are there` + none + ` | was the key cut? Fetch the whole of it from the program that made it`}},
		{"k=rsa;p=" + spki2048[:247], []string{`not-key 8 "247 octets": the key in p= is cut: 185 of its 294 octets are there` + none + ` | the record was cut at 255 octets: fetch the whole key from the program that made it`}},
		{"v=DKIM1; k=ed25519; p=" + strings.TrimSuffix(rfc8463ed, "="), []string{
			`base64 22 "43 octets": bad base64 in p=, the final "=" is missing: some verifiers cannot read the key | write = behind it`}},
		{spki2048[237:] + "v=DKIM1; k=rsa; p=" + spki2048[:237], []string{
			`order 0 "410 octets": the record does not begin with v=DKIM1: verifiers find no key in it | the strings of the record are in the wrong order: the one that begins with v=DKIM1 comes first`}},
		{"v=DKIM1; p=" + spki2048[:100] + spki2048[200:] + spki2048[100:200], []string{
			`not-key 11 "392 octets": p= holds no RSA key and no Ed25519 key` + none + ` | the strings of the record are in the wrong order`}},
		{"v=DKIM1; p=" + rfc8463ed, []string{`mismatch 11 "44 octets": p= holds an Ed25519 key, but without k= it is read as RSA` + none + ` | write k=ed25519 before p=`}},
		{"v=DKIM1; k=ed25519; p=" + spki2048, []string{`mismatch 11 "ed25519": k=ed25519, but p= holds an RSA key` + none + ` | write k=rsa`}},
		{"v=DKIM1; k=ed25519; p=" + edDER, []string{`not-key 22 "60 octets": an Ed25519 key in a SubjectPublicKeyInfo` + none + ` | p= holds the 32 octets of the key alone (RFC 8463 §4): write p=` + rfc8463ed}},
		{"v=DKIM1; k=ed25519; p=AAAA", []string{`not-key 22 "AAAA": an Ed25519 key has 32 octets, p= holds 3` + none + ` | was the key cut? Fetch the whole of it from the program that made it`}},
		{"v=DKIM1; p=" + bare, []string{`pkcs1 11 "360 octets": an RSA key without its SubjectPublicKeyInfo: RFC 6376 §3.6.1 names this form, but OpenDKIM and others cannot read it | publish what openssl rsa -pubout prints`}},
		{"v=DKIM1; p=" + private, []string{fmt.Sprintf(`private 11 "%d octets": p= holds the private key: anyone can sign as you | %s`, len(private), privateHelp)}},
		{"v=DKIM1; p=" + pkcs8, []string{fmt.Sprintf(`private 11 "%d octets": p= holds the private key: anyone can sign as you | %s`, len(pkcs8), privateHelp)}},
		{"v=DKIM1; p=" + spki2048 + "AAAA", []string{`trailing 11 "396 octets": 3 octets follow the key in p=: some verifiers cannot read it | fetch the key again from the program that made it`}},
	}
	for _, tt := range tests {
		k := Parse(tt.text)
		if d := cmp.Diff(tt.want, brief(tt.text, k.Problems)); d != "" {
			t.Errorf("%.40s…: %s", tt.text, d)
		}
		if k.String() != tt.text {
			t.Errorf("prints %q", k.String())
		}
		for _, p := range k.Problems {
			if p.Fix == nil {
				continue
			}
			// A fix leaves no problem behind.
			fixed := tt.text[:p.Start] + *p.Fix + tt.text[p.End:]
			if left := Parse(fixed).Problems; len(left) != 0 {
				t.Errorf("%.40s…: after its fix: %v", tt.text, brief(fixed, left))
			}
		}
	}
	// Two causes, two problems.
	text := `v=DKIM1\; k=rsa\; p=` + spki2048
	if k := Parse(text); len(k.Problems) != 2 || k.Problems[0].Kind != taglist.Escaped || k.Algorithm != RSA {
		t.Errorf("%v", brief(text, k.Problems))
	}
}

func TestWeakness(t *testing.T) {
	key := func(n *big.Int, e int) string {
		der, err := x509.MarshalPKIXPublicKey(&rsa.PublicKey{N: n, E: e})
		if err != nil {
			t.Fatal(err)
		}
		return "p=" + base64.StdEncoding.EncodeToString(der)
	}
	n := private2048.N
	tests := []struct{ name, text, want string }{
		{"RFC 6376 C.2", "v=DKIM1; p=" + rfc6376, "the private half of this key is published in RFC 6376 appendix C: anyone can sign with it"},
		{"RFC 8463 A.2", "v=DKIM1; k=rsa; p=" + rfc8463rsa, "the private half of this key is published in RFC 8463 appendix A: anyone can sign with it"},
		{"RFC 8463 A.2", "v=DKIM1; k=ed25519; p=" + rfc8463ed, "the private half of this key is published in RFC 8463 appendix A: anyone can sign with it"},
		{"OpenDKIM", "v=DKIM1; k=rsa; p=" + openDKIM, "the private half of this key is published in OpenDKIM's test suite: anyone can sign with it"},
		{"good", key(n, 65537), ""},
		{"17", key(n, 17), ""},
		{"1", key(n, 1), "the public exponent is 1: anyone can sign with this key"},
		{"2", key(n, 65536), "the public exponent is even: this is no RSA key, and no signature verifies with it"},
		{"3", key(n, 3), "the public exponent is 3: verifiers that are lax about padding accept forged signatures (CVE-2006-4339)"},
		{"even", key(new(big.Int).Lsh(big.NewInt(1), 2047), 65537), "the modulus is divisible by 2: the key is damaged or badly made, and its private half may be found"},
		{"541", key(new(big.Int).Mul(big.NewInt(541), private2048.Primes[0]), 65537), "the modulus is divisible by 541: the key is damaged or badly made, and its private half may be found"},
		{"small order", "k=ed25519; p=" + base64.StdEncoding.EncodeToString(make([]byte, 32)), "a point of small order is no key: anyone can make signatures that verify with it"},
		{"none", "p=", ""},
	}
	for _, point := range []string{
		"01" + strings.Repeat("00", 31), "ec" + strings.Repeat("ff", 30) + "7f", "ec" + strings.Repeat("ff", 31), strings.Repeat("00", 31) + "80",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	} {
		raw, err := hex.DecodeString(point)
		if err != nil {
			t.Fatal(err)
		}
		tests = append(tests, struct{ name, text, want string }{point, "k=ed25519; p=" + base64.StdEncoding.EncodeToString(raw),
			"a point of small order is no key: anyone can make signatures that verify with it"})
	}
	for _, tt := range tests {
		if got := Parse(tt.text).Weakness(); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, got, tt.want)
		}
	}
	if len(published) != len(publishedHex) {
		t.Error("a fingerprint is misspelt")
	}
}

// TestNotRSA holds the reader of DER to what RFC 6376 §3.6.1 allows: other structures of numbers are no RSA key.
func TestNotRSA(t *testing.T) {
	spki := func(oid asn1.ObjectIdentifier, inner any) []byte {
		bits, err := asn1.Marshal(inner)
		if err != nil {
			t.Fatal(err)
		}
		der, err := asn1.Marshal(struct {
			Algorithm pkix.AlgorithmIdentifier
			Key       asn1.BitString
		}{pkix.AlgorithmIdentifier{Algorithm: oid, Parameters: asn1.NullRawValue}, asn1.BitString{Bytes: bits, BitLength: 8 * len(bits)}})
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	type pair struct{ N, E *big.Int }
	type triple struct{ N, E, More *big.Int }
	n, e := private2048.N, big.NewInt(65537)
	encryption := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}
	for _, tt := range []struct {
		name string
		der  []byte
		want bool
	}{
		{"RSA", spki(encryption, pair{n, e}), true},
		{"an exponent of one octet with the sign's zero", spki(encryption, pair{n, big.NewInt(129)}), true},
		{"RSA-PSS", spki(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}, pair{n, e}), false},
		{"three numbers", spki(encryption, triple{n, e, e}), false},
		{"one number", spki(encryption, struct{ N *big.Int }{n}), false},
		{"a negative modulus", spki(encryption, pair{new(big.Int).Neg(n), e}), false},
		{"a negative exponent", spki(encryption, pair{n, big.NewInt(-3)}), false},
		{"-128", spki(encryption, pair{n, big.NewInt(-128)}), false},
		{"no modulus", spki(encryption, pair{new(big.Int), e}), false},
		{"no exponent", spki(encryption, pair{n, new(big.Int)}), false},
		{"a number", spki(encryption, n), false},
		{"no octets", spki(encryption, struct{}{}), false},
	} {
		k := Parse("v=DKIM1; p=" + base64.StdEncoding.EncodeToString(tt.der))
		if got := k.Algorithm == RSA; got != tt.want || got != !k.has(NotKey) {
			t.Errorf("%s: RSA %t, want %t: %v", tt.name, got, tt.want, k.Problems)
		}
	}
}

func TestSmallFactor(t *testing.T) {
	for p := int64(2); p < 700; p++ {
		if !big.NewInt(p).ProbablyPrime(10) {
			continue
		}
		n := new(big.Int).Mul(private2048.Primes[0], big.NewInt(p))
		want := int(p)
		if p >= 550 {
			want = 0
		}
		if got := smallFactor(n.Bytes()); got != want {
			t.Errorf("%d: %d", p, got)
		}
	}
}

func TestFingerprint(t *testing.T) {
	a, b := Parse("v=DKIM1; k=rsa; p="+rfc6376), Parse("p="+rfc6376[:9]+" "+rfc6376[9:])
	if a.Fingerprint() != b.Fingerprint() {
		t.Error("white space makes no other key")
	}
	if a.Fingerprint() == Parse("p="+rfc8463rsa).Fingerprint() || Parse("p=").Fingerprint() != [32]byte{} {
		t.Error("two keys with one fingerprint")
	}
}

func TestFindPrivate(t *testing.T) {
	for _, text := range []string{"x-----BEGIN RSA PRIVATE KEY-----MII", "-----BEGIN PRIVATE KEY-----"} {
		start, end, ok := FindPrivate(text)
		if !ok || !strings.HasPrefix(text[start:end], "-----BEGIN ") || !strings.HasSuffix(text[start:end], " KEY-----") {
			t.Errorf("%q: %d-%d %v", text, start, end, ok)
		}
	}
	if start, end, ok := FindPrivate("key: AGE-SECRET-KEY-1QQQ."); !ok || start != 5 || end != 24 {
		t.Errorf("%d-%d %v", start, end, ok)
	}
	if _, _, ok := FindPrivate("v=DKIM1; p=" + rfc6376); ok {
		t.Error("a public key")
	}
	priv := base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(private2048))
	if tag, ok := PrivateValue(taglist.Parse("v=x; key=" + priv)); !ok || tag.Name != "key" {
		t.Errorf("%v %v", tag.Name, ok)
	}
	if _, ok := PrivateValue(taglist.Parse("v=x; key=" + spki2048)); ok {
		t.Error("a public key")
	}
}

func TestMeant(t *testing.T) {
	for text, want := range map[string]bool{
		"v=DKIM1; p=" + rfc6376: true, "k=rsa; p=": true, "p=" + rfc6376: true, "v=DKIM1\\; k=rsa": true, "v=DKIM1 k=rsa; p=x": true,
		"v=spf1 -all": false, "v=DMARC1; p=none": false, "google-site-verification=x": false, "": false, "p=none; rua=x": false,
	} {
		if got := Meant(text); got != want {
			t.Errorf("Meant(%.30q) = %v", text, got)
		}
	}
}

func TestSplitName(t *testing.T) {
	tests := []struct {
		name, selector, domain string
		ok                     bool
	}{
		{"s1._domainkey.example.com", "s1", "example.com", true},
		{"s1.eu._domainkey.example.com", "s1.eu", "example.com", true},
		{"*._domainkey.example.com", "*", "example.com", true},
		{"_domainkey.example.com", "", "", false},
		{"s1._domainkey", "s1", "", true},
		{"s1.domainkey.example.com", "", "", false},
		{"s1._domainkey.example.com._domainkey.example.com", "s1._domainkey.example.com", "example.com", true},
	}
	for _, tt := range tests {
		sel, dom, ok := SplitName(zone.Name(tt.name))
		if sel != tt.selector || string(dom) != tt.domain || ok != tt.ok {
			t.Errorf("%s: %q %q %v", tt.name, sel, dom, ok)
		}
	}
}

func TestCheckSelector(t *testing.T) {
	tests := []struct {
		selector, bad string
		underscore    bool
	}{
		{"s1", "", false}, {"s1.eu", "", false}, {"a-b", "", false}, {"a_b", "", true}, {"2026", "", false},
		{"-a", "a label that begins or ends with a hyphen", false},
		{"a b", "a character that is no letter, digit or hyphen", false},
		{"a..b", "an empty label", false},
	}
	for _, tt := range tests {
		if bad, u := CheckSelector(tt.selector); bad != tt.bad || u != tt.underscore {
			t.Errorf("%s: %q %v", tt.selector, bad, u)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"v=DKIM1; k=rsa; p=" + rfc6376, "v=DKIM1; k=ed25519; p=" + rfc8463ed, `v=DKIM1\; p=\;`, "p=MIIBIjAN", "h=sha1:;s=;t=y:;p=",
		"QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo=v=DKIM1; p=", "p=-----BEGIN RSA PRIVATE KEY-----", "p=MC4CAQAwBQYDK2VwBCIEI",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		k := Parse(s)
		if k.String() != s {
			t.Fatal("prints other bytes")
		}
		for _, p := range k.Problems {
			if p.Start < 0 || p.Start > p.End || p.End > len(s) || p.Message == "" {
				t.Fatalf("%+v", p)
			}
		}
		for _, vs := range [][]Value{k.Hashes, k.Services, k.Flags} {
			for _, v := range vs {
				if s[v.Start:v.End] != v.Text {
					t.Fatalf("%+v", v)
				}
			}
		}
		_, _ = k.Weakness(), k.Fingerprint()
		_, _ = PrivateValue(k.List)
		if start, end, ok := FindPrivate(s); ok && (start < 0 || start > end || end > len(s)) {
			t.Fatal(start, end)
		}
		Meant(s)
		if sel, _, ok := SplitName(zone.Name(s)); ok {
			CheckSelector(sel)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	s := "v=DKIM1; k=rsa; p=" + spki2048
	b.ReportAllocs()
	for b.Loop() {
		Parse(s)
	}
}

func BenchmarkWeakness(b *testing.B) {
	k := Parse("v=DKIM1; k=rsa; p=" + spki2048)
	b.ReportAllocs()
	for b.Loop() {
		k.Weakness()
	}
}
