package dkim

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/bits"
	"strings"

	"github.com/tripod-dns/tripod/internal/taglist"
)

// Weakness says why anyone can sign with this key, or "" where nothing of the sort is known: an RSA exponent that
// undoes nothing, a modulus with small factors (it was damaged, or badly made), an Ed25519 point of small order, a
// key whose private half was published. It costs some microseconds.
func (k *Key) Weakness() string {
	switch k.Algorithm {
	case RSA:
		if w := k.rsaWeakness(); w != "" {
			return w
		}
	case Ed25519:
		if smallOrder(k.Material) {
			return "a point of small order is no key: anyone can make signatures that verify with it"
		}
	case NoAlgorithm:
		return ""
	}
	if where, ok := published[k.Fingerprint()]; ok {
		return fmt.Sprintf("the private half of this key is published in %s: anyone can sign with it", where)
	}
	return ""
}

func (k *Key) rsaWeakness() string {
	switch {
	case k.Exponent == 1:
		return "the public exponent is 1: anyone can sign with this key"
	case k.evenExponent:
		return "the public exponent is even: this is no RSA key, and no signature verifies with it"
	case k.Exponent == 3:
		return "the public exponent is 3: verifiers that are lax about padding accept forged signatures (CVE-2006-4339)"
	}
	if p := smallFactor(k.Material); p != 0 {
		return fmt.Sprintf("the modulus is divisible by %d: the key is damaged or badly made, and its private half may be found", p)
	}
	return ""
}

// A chunk is a run of primes whose product fits 64 bits.
type chunk struct {
	product uint64
	primes  []uint16
}

// chunks hold the primes below 550, the first hundred: 9 of 10 damaged moduli have one of them as a factor.
var chunks = func() []chunk {
	out := []chunk{{product: 1}}
	for p := uint16(2); p < 550; p++ {
		prime := true
		for d := uint16(2); d*d <= p; d++ {
			prime = prime && p%d != 0
		}
		if !prime {
			continue
		}
		last := &out[len(out)-1]
		if hi, _ := bits.Mul64(last.product, uint64(p)); hi != 0 {
			out = append(out, chunk{product: 1})
			last = &out[len(out)-1]
		}
		last.product *= uint64(p)
		last.primes = append(last.primes, p)
	}
	return out
}()

// smallFactor is a prime below 550 that divides the big-endian number n, or 0.
func smallFactor(n []byte) int {
	for _, c := range chunks {
		var rem uint64
		b := n
		if r := len(b) % 8; r > 0 {
			for _, x := range b[:r] {
				rem = rem<<8 | uint64(x)
			}
			rem %= c.product
			b = b[r:]
		}
		for ; len(b) >= 8; b = b[8:] {
			_, rem = bits.Div64(rem, binary.BigEndian.Uint64(b), c.product)
		}
		for _, p := range c.primes {
			if rem%uint64(p) == 0 {
				return int(p)
			}
		}
	}
	return 0
}

// smallOrder: the canonical encodings of the eight points of small order on edwards25519, and of the two that
// differ in the sign of x = 0.
func smallOrder(p []byte) bool {
	const one = "0100000000000000000000000000000000000000000000000000000000000000"
	const minusOne = "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"
	const zero = "0000000000000000000000000000000000000000000000000000000000000000"
	const eight1 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
	const eight2 = "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"
	if len(p) != 32 {
		return false
	}
	q := [32]byte(p)
	q[31] &= 0x7f // the sign of x
	switch hex.EncodeToString(q[:]) {
	case one, minusOne, zero, eight1, eight2:
		return true
	}
	return false
}

// published are keys whose private halves stand in documents and test suites, by Fingerprint. People copy them.
var published = func() map[[32]byte]string {
	out := make(map[[32]byte]string, len(publishedHex))
	for _, p := range publishedHex {
		var f [32]byte
		if _, err := hex.Decode(f[:], []byte(p[0])); err == nil {
			out[f] = p[1]
		}
	}
	return out
}()

var publishedHex = [...][2]string{
	{"1be2c2e898b8cb93583845439eb7b8df9d47527f9b77751cfcd96d91851f4efd", "RFC 6376 appendix C"},
	{"faa7f1558c0345a1166a022f3c50feabe8105966d5d8010d3c8d29a462986a42", "RFC 8463 appendix A"},
	{"21fe31dfa154a261626bf854046fd2271b7bed4b6abe45aa58877ef47f9721b9", "RFC 8463 appendix A"},
	{"e791c1b2f337f8edf7b12ff0e03e9f2d9bda05e6559a035ebec68c87a24f5158", "OpenDKIM's test suite"},
	{"39f713d0a644253f04529421b9f51b9b08979d08295959c4f3990ee617f5139f", "RFC 8032 §7.1"},
	{"dac073e0123bdea59dd9b3bda9cf6037f63aca82627d7abcd5c4ac29dd74003e", "RFC 8032 §7.1"},
	{"e744c0791320c3285460eddb523f14c88d857ada46b97a5690d88cf978b9191f", "RFC 8410 §10"},
}

// FindPrivate finds private key material in any text: the PEM of a private key, an age identity, or base64 of a
// PKCS#1 or PKCS#8 private key behind p=. It gives the bytes that show it.
func FindPrivate(text string) (start, end int, ok bool) {
	if i := strings.Index(text, "PRIVATE KEY-----"); i >= 0 {
		from := strings.LastIndex(text[:i], "-----")
		if from < 0 {
			from = i
		}
		return from, i + len("PRIVATE KEY-----"), true
	}
	const age = "AGE-SECRET-KEY-"
	if i := strings.Index(text, age); i >= 0 {
		to := i + len(age)
		for to < len(text) && (text[to] >= 'A' && text[to] <= 'Z' || text[to] >= '0' && text[to] <= '9' || text[to] == '-') {
			to++
		}
		return i, to, true
	}
	return 0, 0, false
}

// PrivateValue finds a tag whose value is a whole private key in base64.
func PrivateValue(l *taglist.List) (taglist.Tag, bool) {
	for _, t := range l.Tags {
		if len(t.Value) < 60 || t.Value[0] != 'M' || !strings.Contains(t.Value[:12], "IBA") && !strings.Contains(t.Value[:12], "CAQ") {
			continue // these would be the version's octets
		}
		k := &Key{List: l}
		der, ok := k.base64("", t.Value, 0, len(t.Value))
		if ok && isPrivate(der) {
			return t, true
		}
	}
	return taglist.Tag{}, false
}

// isPrivate: a PKCS#1 RSAPrivateKey (RFC 8017 §A.1.2) or a PKCS#8 PrivateKeyInfo (RFC 5208 §5), whole or cut. Both
// begin with a version, a short INTEGER, where a public key has its modulus or a SEQUENCE.
func isPrivate(der []byte) bool {
	if len(der) < 8 || der[0] != 0x30 {
		return false
	}
	head := 2
	if der[1] >= 0x80 {
		head += int(der[1] & 0x7f)
	}
	if len(der) < head+5 || string(der[head:head+2]) != "\x02\x01" || der[head+2] > 1 {
		return false
	}
	// What follows is the modulus (PKCS#1) or the algorithm (PKCS#8).
	return der[head+3] == 0x02 || der[head+3] == 0x30
}
