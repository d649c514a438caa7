// Package bench makes fleets of domains to measure tripod with: definitions that are well made, each domain with 12 records, so
// that what is measured is the common case, a run that finds nothing.
package bench

import (
	"context"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tripod-dns/tripod/internal/config"
	"github.com/tripod-dns/tripod/internal/engine"
)

// Now is the clock that a fleet is made for: its lock file was taken that day.
var Now = time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC)

// Names of a fleet's surroundings.
const (
	hub     = "corp.example" // the domain that takes everybody's mail and reports
	perZone = 12             // records of each other domain
)

// Fleet writes n domains into dir, one file each, with tripod.hcl, a lock file and the rendered output, so that lint finds
// nothing. The same n and seed give the same bytes. Each domain has 12 records: SPF with a third party's include, two 2048-bit
// DKIM keys of its own, DMARC with reports to another domain, two MX, MTA-STS, TLS-RPT, three A and a CAA. One of them, the hub of the
// others, has some more.
func Fleet(ctx context.Context, dir string, n int, seed uint64) error {
	for _, sub := range []string{"", "domains"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o750); err != nil {
			return fmt.Errorf("make a fleet: %w", err)
		}
	}
	rnd := rand.New(rand.NewPCG(seed, 1)) //nolint:gosec // keys that nobody signs with
	files := map[string]string{config.SettingsFile: settings}
	for i := range n {
		name := fmt.Sprintf("d%05d.example", i)
		if i == 0 {
			name = hub
		}
		text, err := definition(rnd, name, i)
		if err != nil {
			return fmt.Errorf("make a fleet: %w", err)
		}
		files["domains/"+name+".hcl"] = text
	}
	files[engine.LockFile] = fmt.Sprintf("{\"schema\": 1, \"taken\": %q, \"answers\": {\n%s\n}}\n", Now.Format(time.DateOnly), strings.Join(thirdParties, ",\n"))
	for name, text := range files {
		if err := write(dir, name, text); err != nil {
			return err
		}
	}
	if err := render(ctx, dir); err != nil {
		return err
	}
	return write(dir, "creds.json", `{"bind": {"TYPE": "BIND"}, "none": {"TYPE": "NONE"}}`+"\n")
}

func write(dir, name, text string) error {
	if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(text), 0o600); err != nil {
		return fmt.Errorf("make a fleet: %w", err)
	}
	return nil
}

const settings = `tripod {
  files = ["domains/*.hcl"]
}

dnscontrol {
  emit          = "zone"
  output        = "dnscontrol"
  registrar     = "none"
  dns_providers = ["bind"]
}
`

// hubRecords are what the other domains need of the hub.
const hubRecords = `  # Receivers ask here before they send reports about other domains (RFC 9990 §4).
  record "TXT" "*._report._dmarc" {
    rdata = ["v=DMARC1;"]
  }

  subdomain "mx1" {
    spf {
      terms = ["a"]
      all   = "fail"
    }

    record "A" "@" {
      rdata = ["198.51.100.8"]
    }
  }

  subdomain "mx2" {
    spf {
      terms = ["a"]
      all   = "fail"
    }

    record "A" "@" {
      rdata = ["198.51.100.9"]
    }
  }
`

// thirdParties are the lines of the lock file, sorted.
var thirdParties = []string{
	`"_dmarc.example. TXT": {"rcode": "NXDOMAIN"}`,
	`"_spf.google.com. TXT": {"data": [["v=spf1 ip4:74.125.0.0/16 ip4:209.85.128.0/17 ip6:2001:4860:4864::/56 ip6:2404:6800:4864::/56 ip6:2607:f8b0:4864::/56 ip6:2800:3f0:4864::/56 ip6:2a00:1450:4864::/56 ip6:2c0f:fb50:4864::/56 ~all"]]}`,
}

// definition is the file of one domain.
func definition(rnd *rand.Rand, name string, i int) (string, error) {
	var keys [2]string
	for k := range keys {
		key, err := publicKey(rnd)
		if err != nil {
			return "", err
		}
		keys[k] = key
	}
	rest := `  record "A" "@" {
    rdata = ["198.51.100.7"]
  }

  record "A" "www" {
    rdata = ["198.51.100.7"]
  }

  record "CAA" "@" {
    rdata = ["0 issue \"letsencrypt.org\""]
  }
`
	if name == hub {
		rest = hubRecords
	}
	return fmt.Sprintf(`# Customer %[2]d.
domain %[1]q {
  spf {
    terms = ["ip4:198.51.%[3]d.%[4]d", "include:_spf.google.com"]
    all   = "softfail"
  }

  dkim "s1" {
    k = "rsa"
    p = %[5]q
  }

  dkim "s2" {
    k = "rsa"
    p = %[6]q
  }

  dmarc {
    p   = "reject"
    rua = ["mailto:dmarc@corp.example"]
  }

  tls_rpt {
    rua = ["mailto:tls@corp.example"]
  }

  record "TXT" "_mta-sts" {
    rdata = ["v=STSv1; id=20261124T%06[2]d"]
  }

  record "MX" "@" {
    rdata = ["10 mx1.corp.example.", "20 mx2.corp.example."]
  }

  record "A" "mta-sts" {
    rdata = ["203.0.113.%[4]d"]
  }

%[7]s}
`, name, i, i>>8, i&0xff, keys[0], keys[1], rest), nil
}

// publicKey is a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7) of 2048 bits that looks like a key to everybody who does not factor it: an odd
// number without small factors. To make real ones would take longer than everything that is measured.
func publicKey(rnd *rand.Rand) (string, error) {
	buf := make([]byte, 256)
	n, r := new(big.Int), new(big.Int)
	for {
		for i := range buf {
			buf[i] = byte(rnd.Uint32())
		}
		buf[0] |= 0x80
		buf[255] |= 1
		n.SetBytes(buf)
		if r.GCD(nil, nil, n, primorial); r.IsInt64() && r.Int64() == 1 {
			break
		}
	}
	bits, err := asn1.Marshal(struct {
		N *big.Int
		E int
	}{n, 65537})
	if err != nil {
		return "", err
	}
	der, err := asn1.Marshal(struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}{
		pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 1}, Parameters: asn1.NullRawValue},
		asn1.BitString{Bytes: bits, BitLength: 8 * len(bits)},
	})
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(der), nil
}

// primorial is the product of the primes below 1000.
var primorial = func() *big.Int {
	p := big.NewInt(1)
	for i := int64(2); i < 1000; i++ {
		if big.NewInt(i).ProbablyPrime(0) {
			p.Mul(p, big.NewInt(i))
		}
	}
	return p
}()

// ChangeOne changes the DMARC policy of one domain of a fleet and renders it: what a pull request usually is.
func ChangeOne(ctx context.Context, dir string) error {
	path := filepath.Join(dir, "domains", "d00001.example.hcl")
	text, err := os.ReadFile(path) //nolint:gosec // a fleet that was made here
	if err != nil {
		return fmt.Errorf("change a fleet: %w", err)
	}
	changed := strings.Replace(string(text), `"reject"`, `"quarantine"`, 1)
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil { //nolint:gosec // a fleet that was made here
		return fmt.Errorf("change a fleet: %w", err)
	}
	return render(ctx, dir)
}

func render(ctx context.Context, dir string) error {
	repo, err := engine.Open(ctx, engine.Options{Dir: dir, Now: Now, Offline: true})
	if err != nil {
		return fmt.Errorf("make a fleet: %w", err)
	}
	if _, err := repo.Render(ctx); err != nil {
		return fmt.Errorf("make a fleet: %w", err)
	}
	return nil
}
