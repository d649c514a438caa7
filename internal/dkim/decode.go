package dkim

import (
	"encoding/base64"
	"errors"
	"fmt"
	"math/bits"
	"strings"
)

// maxSPKI bounds what is decoded: a 16,384-bit RSA key is about 2,100 octets.
const maxSPKI = 1 << 16

// code gives the value of a base64 digit (RFC 4648 §4), -1 for what is none.
var code = func() (c [256]int8) {
	for i := range c {
		c[i] = -1
	}
	for i, d := range "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/" {
		c[d] = int8(i) //nolint:gosec // below 64
	}
	return c
}()

const noSignature = ": no signature with this selector verifies"

// decode reads p=.
func (k *Key) decode(text string) {
	v := k.P.Unescaped()
	start, end := k.P.ValueStart, k.P.ValueStart+len(v)
	if from, to, ok := FindPrivate(v); ok {
		k.problem(Private, start+from, start+to, "private key material in a public record: anyone can sign as you", privateHelp)
		return
	}
	der, ok := k.base64(text, v, start, end)
	if !ok {
		return
	}
	if len(der) > maxSPKI {
		k.problem(NotKey, start, end, fmt.Sprintf("p= holds %d octets, which is no key%s", len(der), noSignature), "")
		return
	}
	if len(der) == 32 {
		k.Algorithm, k.Material = Ed25519, der
		k.mismatch(start, end)
		return
	}
	if isPrivate(der) {
		k.problem(Private, start, end, "p= holds the private key: anyone can sign as you", privateHelp)
		return
	}
	if seed, ok := edSPKI(der); ok {
		fix := base64.StdEncoding.EncodeToString(seed)
		k.problem(NotKey, start, end, "an Ed25519 key in a SubjectPublicKeyInfo"+noSignature,
			"p= holds the 32 octets of the key alone (RFC 8463 §4): write p="+fix).Fix = &fix
		return
	}
	pub, err := parseRSA(der)
	if err != nil {
		k.notKey(text, v, start, end, der, err)
		return
	}
	k.Algorithm = RSA
	k.Material, k.Bits = pub.n, bitLen(pub.n)
	k.Exponent, k.evenExponent = pub.exponent()
	k.BareRSA = pub.bare
	k.mismatch(start, end)
	if pub.bare {
		fix := base64.StdEncoding.EncodeToString(wrap(der[:len(der)-pub.rest]))
		k.problem(PKCS1, start, end, "an RSA key without its SubjectPublicKeyInfo: RFC 6376 §3.6.1 names this form, but OpenDKIM and others cannot read it",
			"publish what openssl rsa -pubout prints").Fix = &fix
	}
	if pub.rest > 0 {
		k.problem(Trailing, start, end, fmt.Sprintf("%d octets follow the key in p=: some verifiers cannot read it", pub.rest),
			"fetch the key again from the program that made it")
	}
}

const privateHelp = "make a new key pair, publish its public half under a new selector, and drop this one"

// base64 decodes, white space left out (RFC 6376 §3.2).
func (k *Key) base64(text, v string, start, end int) ([]byte, bool) {
	bad := -1
	digits, pads, after := 0, 0, false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case code[c] >= 0:
			after = after || pads > 0
			digits++
		case c == '=':
			pads++
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
		case bad < 0:
			bad = i
		}
	}
	switch {
	case bad >= 0:
		k.badBase64(v, start, bad)
		return nil, false
	case after:
		k.problem(Base64, start, end, `bad base64 in p=, "=" in the middle`+noSignature, k.orderHelp(v))
		return nil, false
	case digits%4 == 1 || pads > 2 || pads > 0 && (digits+pads)%4 != 0:
		k.problem(Base64, start, end, "bad base64 in p="+noSignature, k.cutHelp(text, v))
		return nil, false
	}
	out := make([]byte, 0, digits/4*3+3)
	var acc uint32
	n := 0
	for i := 0; i < len(v); i++ {
		c := code[v[i]]
		if c < 0 {
			continue
		}
		acc = acc<<6 | uint32(c)
		if n++; n == 4 {
			out = append(out, byte(acc>>16), byte(acc>>8), byte(acc))
			acc, n = 0, 0
		}
	}
	switch n {
	case 2:
		out = append(out, byte(acc>>4))
	case 3:
		out = append(out, byte(acc>>10), byte(acc>>2))
	}
	if n > 0 && pads == 0 {
		if _, err := parseRSA(out); err != nil && len(out) != 32 {
			// The key is cut anyway: its own finding says more.
			return out, true
		}
		fix := v + "=="[:4-n]
		k.problem(Base64, start, end, `bad base64 in p=, the final "=" is missing: some verifiers cannot read the key`, "write "+"=="[:4-n]+" behind it").Fix = &fix
	}
	return out, true
}

func (k *Key) badBase64(v string, start, bad int) {
	// The offending run tells more than the whole value.
	to := bad + 1
	for to < len(v) && code[v[to]] < 0 && v[to] != '=' && v[to] != ' ' {
		to++
	}
	help := "leave out what is no base64"
	switch {
	case strings.Contains(v, "-----BEGIN"):
		help = "leave out the lines -----BEGIN PUBLIC KEY----- and -----END PUBLIC KEY-----"
		to = bad + 1
		for to < len(v) && v[to] == '-' {
			to++
		}
	case v[bad] == '"':
		help = "leave out the quotation marks that zone files put around strings"
	case v[bad] == '-' || v[bad] == '_':
		help = `this is the base64 of URLs: "-" is written "+" here, "_" is written "/"`
	case v[bad] == '\\':
		help = "leave out the backslash"
	case v[bad] == '(' || v[bad] == ')':
		help = "leave out the parentheses of the zone file"
	case v[bad] == '.':
		help = "was the key shortened with dots? Fetch the whole of it"
	}
	what := fmt.Sprintf("%q", clip(v[bad:to]))
	if v[bad] == '"' {
		what = "a quotation mark"
	}
	k.problem(Base64, start+bad, start+to, "bad base64 in p=, "+what+noSignature, help)
}

// cutHelp explains a key of the wrong length.
func (k *Key) cutHelp(text, v string) string {
	if wrongOrder(v) {
		return k.orderHelp(v)
	}
	if len(text) == 255 || len(v) == 255 {
		return "the record was cut at 255 octets: fetch the whole key from the program that made it"
	}
	return "was the key cut? Fetch the whole of it from the program that made it"
}

func (k *Key) orderHelp(v string) string {
	if wrongOrder(v) {
		return "the strings of the record are in the wrong order"
	}
	return "fetch the key again from the program that made it"
}

// wrongOrder: the exponent 65537, with which nearly every RSA key ends, stands in the middle.
func wrongOrder(v string) bool {
	for _, e := range [...]string{"IDAQAB", "CAwEAAQ==", "AgMBAAE="} {
		if i := strings.Index(v, e); i >= 0 && i+len(e) < len(v) {
			return true
		}
	}
	return false
}

func (k *Key) notKey(text, v string, start, end int, der []byte, err error) {
	if k.has(KeyType) {
		return // who knows what such a key looks like
	}
	var short *shortError
	msg, help := "p= holds no RSA key and no Ed25519 key"+noSignature, "publish the key as the program that made it prints it"
	switch {
	case wrongOrder(v):
		help = k.orderHelp(v)
	case errors.As(err, &short):
		msg = fmt.Sprintf("the key in p= is cut: %d of its %d octets are there%s", len(der), short.need, noSignature)
		help = k.cutHelp(text, v)
	case k.Type == "ed25519":
		msg = fmt.Sprintf("an Ed25519 key has 32 octets, p= holds %d%s", len(der), noSignature)
		help = k.cutHelp(text, v)
	case len(der) > 0 && der[0] == 0x30 && strings.HasPrefix(v, "MII"):
		msg = "the RSA key in p= is damaged" + noSignature
	}
	k.problem(NotKey, start, end, msg, help)
}

func (k *Key) mismatch(start, end int) {
	if k.Type == k.Algorithm.String() {
		return
	}
	if k.has(KeyType) {
		return
	}
	fix := k.Algorithm.String()
	what := map[Algorithm]string{RSA: "an RSA key", Ed25519: "an Ed25519 key"}[k.Algorithm]
	msg := fmt.Sprintf("k=%s, but p= holds %s%s", k.Type, what, noSignature)
	if t, ok := k.List.Get("k"); ok {
		p := k.problem(Mismatch, t.ValueStart, t.ValueStart+len(t.Unescaped()), msg, "write k="+fix)
		p.Fix = &fix
		return
	}
	k.problem(Mismatch, start, end, fmt.Sprintf("p= holds %s, but without k= it is read as RSA%s", what, noSignature), "write k="+fix+" before p=")
}

// A shortError says that the octets end before the structure does.
type shortError struct{ need int }

func (e *shortError) Error() string { return fmt.Sprintf("%d octets are needed", e.need) }

var (
	errShape    = errors.New("not an RSA public key")
	oidRSA      = []byte{0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01}
	oidEd25519  = []byte{0x2b, 0x65, 0x70}
	spkiEd25519 = append([]byte{0x30, 0x2a, 0x30, 0x05, 0x06, 0x03}, append(oidEd25519, 0x03, 0x21, 0x00)...)
)

// tlv reads one element with the given tag (ITU-T X.690 §8.1): its contents, and what follows it.
func tlv(b []byte, tag byte) (body, rest []byte, err error) {
	if len(b) < 2 {
		return nil, nil, &shortError{2}
	}
	if b[0] != tag {
		return nil, nil, errShape
	}
	n, head := int(b[1]), 2
	if n >= 0x80 {
		size := n & 0x7f
		if size == 0 || size > 3 {
			return nil, nil, errShape
		}
		head += size
		if len(b) < head {
			return nil, nil, &shortError{head}
		}
		n = 0
		for _, c := range b[2:head] {
			n = n<<8 | int(c)
		}
	}
	if len(b) < head+n {
		return nil, nil, &shortError{head + n}
	}
	return b[head : head+n], b[head+n:], nil
}

type rsaKey struct {
	n, e []byte // big-endian, without leading zeros
	bare bool
	rest int // octets behind the key
}

// parseRSA reads a SubjectPublicKeyInfo (RFC 5280 §4.1) or a bare RSAPublicKey (RFC 8017 §A.1.1).
func parseRSA(der []byte) (rsaKey, error) {
	body, rest, err := tlv(der, 0x30)
	if err != nil {
		return rsaKey{}, err
	}
	k := rsaKey{rest: len(rest)}
	if len(body) > 0 && body[0] == 0x02 {
		k.bare = true
		return k, k.numbers(body)
	}
	alg, after, err := tlv(body, 0x30)
	if err != nil {
		return k, shape(err)
	}
	oid, _, err := tlv(alg, 0x06)
	if err != nil || string(oid) != string(oidRSA) {
		return k, errShape
	}
	bitString, _, err := tlv(after, 0x03)
	if err != nil || len(bitString) == 0 || bitString[0] != 0 {
		return k, errShape
	}
	inner, _, err := tlv(bitString[1:], 0x30)
	if err != nil {
		return k, errShape
	}
	return k, k.numbers(inner)
}

// shape drops how much is missing where that is not what the record lacks: inside a whole outer structure.
func shape(error) error { return errShape }

func (k *rsaKey) numbers(b []byte) error {
	n, b, err := tlv(b, 0x02)
	if err != nil {
		return errShape
	}
	e, b, err := tlv(b, 0x02)
	if err != nil || len(b) > 0 || negative(n) || negative(e) {
		return errShape
	}
	k.n, k.e = trimZeros(n), trimZeros(e)
	if len(k.n) == 0 || len(k.e) == 0 {
		return errShape
	}
	return nil
}

func negative(b []byte) bool { return len(b) == 0 || b[0] >= 0x80 }

func trimZeros(b []byte) []byte {
	for len(b) > 0 && b[0] == 0 {
		b = b[1:]
	}
	return b
}

func bitLen(b []byte) int {
	if len(b) == 0 {
		return 0
	}
	return (len(b)-1)*8 + bits.Len8(b[0])
}

func (k *rsaKey) exponent() (e uint64, even bool) {
	even = k.e[len(k.e)-1]&1 == 0
	if len(k.e) > 8 {
		return 0, even
	}
	for _, c := range k.e {
		e = e<<8 | uint64(c)
	}
	return e, even
}

// edSPKI is the key in an Ed25519 SubjectPublicKeyInfo (RFC 8410 §4).
func edSPKI(der []byte) ([]byte, bool) {
	if len(der) == len(spkiEd25519)+32 && string(der[:len(spkiEd25519)]) == string(spkiEd25519) {
		return der[len(spkiEd25519):], true
	}
	return nil, false
}

// wrap puts a SubjectPublicKeyInfo around an RSAPublicKey.
func wrap(pkcs1 []byte) []byte {
	alg := append([]byte{0x30, 0x0d, 0x06, 0x09}, append(append([]byte{}, oidRSA...), 0x05, 0x00)...)
	bs := element(0x03, append([]byte{0}, pkcs1...))
	return element(0x30, append(alg, bs...))
}

func element(tag byte, body []byte) []byte {
	n := len(body)
	head := []byte{tag}
	switch {
	case n < 0x80:
		head = append(head, byte(n))
	case n < 0x100:
		head = append(head, 0x81, byte(n))
	default:
		head = append(head, 0x82, byte(n>>8), byte(n)) // maxSPKI keeps it below 1<<16
	}
	return append(head, body...)
}
