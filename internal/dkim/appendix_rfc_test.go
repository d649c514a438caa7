package dkim

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"testing"

	msgauth "github.com/emersion/go-msgauth/dkim"

	"github.com/tripod-dns/tripod/internal/zone"
)

// The messages that RFC 6376 A.2 and RFC 8463 A.3 sign are the same but for a space.
const (
	rfc6376Message = `DKIM-Signature: v=1; a=rsa-sha256; s=brisbane; d=example.com;
      c=simple/simple; q=dns/txt; i=joe@football.example.com;
      h=Received : From : To : Subject : Date : Message-ID;
      bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
      b=AuUoFEfDxTDkHlLXSZEpZj79LICEps6eda7W3deTVFOk4yAUoqOB
      4nujc7YopdG5dWLSdNg6xNAZpOPr+kHxt1IrE+NahM6L/LbvaHut
      KVdkLLkpVaVVQPzeRDI009SO2Il5Lu7rDNH6mZckBdrIx0orEtZV
      4bmp/YzhwvcubU4=;
Received: from client1.football.example.com  [192.0.2.1]
      by submitserver.example.com with SUBMISSION;
      Fri, 11 Jul 2003 21:01:54 -0700 (PDT)
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game. Are you hungry yet?

Joe.
`
	rfc8463Message = `DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=brisbane; t=1528637909; h=from : to :
 subject : date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
 Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
 d=football.example.com; i=@football.example.com;
 q=dns/txt; s=test; t=1528637909; h=from : to : subject :
 date : message-id : from : subject : date;
 bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
 b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
 DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
 dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
From: Joe SixPack <joe@football.example.com>
To: Suzie Q <suzie@shopping.example.net>
Subject: Is dinner ready?
Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
Message-ID: <20030712040037.46341.5F8J@football.example.com>

Hi.

We lost the game.  Are you hungry yet?

Joe.`
)

// TestAppendices: the key records of RFC 6376 C.2 and RFC 8463 A.2 are read as the keys with which another verifier verifies the
// messages of RFC 6376 A.2 (as A.3 shows) and RFC 8463 A.3.
func TestAppendices(t *testing.T) {
	for _, tt := range []struct {
		section, message string
		records          map[string]string
		want             map[string]Algorithm
		signatures       int
	}{
		{
			section: "RFC 6376 A.2, A.3, C.2", message: rfc6376Message, signatures: 1,
			records: map[string]string{"brisbane._domainkey.example.com": "v=DKIM1; p=" + rfc6376},
			want:    map[string]Algorithm{"brisbane._domainkey.example.com": RSA},
		},
		{
			section: "RFC 8463 A.2, A.3", message: rfc8463Message, signatures: 2,
			records: map[string]string{
				"brisbane._domainkey.football.example.com": "v=DKIM1; k=ed25519; p=" + rfc8463ed,
				"test._domainkey.football.example.com":     "v=DKIM1; k=rsa; p=" + rfc8463rsa,
			},
			want: map[string]Algorithm{"brisbane._domainkey.football.example.com": Ed25519, "test._domainkey.football.example.com": RSA},
		},
	} {
		t.Run(tt.section, func(t *testing.T) {
			var mu sync.Mutex // signatures are verified in parallel
			asked := map[string]bool{}
			opts := &msgauth.VerifyOptions{LookupTXT: func(name string) ([]string, error) {
				name = strings.TrimSuffix(name, ".")
				mu.Lock()
				asked[name] = true
				mu.Unlock()
				text, ok := tt.records[name]
				if !ok {
					return nil, fmt.Errorf("%s is not there", name)
				}
				return []string{text}, nil
			}}
			got, err := msgauth.VerifyWithOptions(strings.NewReader(strings.ReplaceAll(tt.message, "\n", "\r\n")), opts)
			if err != nil || len(got) != tt.signatures {
				t.Fatalf("%d signatures, %v", len(got), err)
			}
			for _, v := range got {
				if v.Err != nil {
					t.Errorf("%s: %v", v.Domain, v.Err)
				}
			}
			for name, text := range tt.records {
				k := Parse(text)
				if !k.Usable() || k.Algorithm != tt.want[name] || k.Algorithm == RSA && k.Bits != 1024 || len(k.Problems) > 0 {
					t.Errorf("%s: usable %v, %s, %d bits, %v", name, k.Usable(), k.Algorithm, k.Bits, k.Problems)
				}
				if k.Weakness() == "" {
					t.Errorf("%s: nothing says that the private half is printed beside it", name)
				}
				if !asked[name] {
					t.Errorf("%s was not asked for", name)
				}
				if _, domain, ok := SplitName(zone.Name(name)); !ok || domain.Count() < 2 {
					t.Errorf("%s is no name of a key", name)
				}
			}
		})
	}
}

// TestRFC6376Section31: selectors of §3.1, with the periods of its examples.
func TestRFC6376Section31(t *testing.T) {
	for name, want := range map[zone.Name]string{
		"foo.bar._domainkey.example.com":             "foo.bar",
		"march2005.reykjavik._domainkey.example.com": "march2005.reykjavik",
		"february2006._domainkey.example.com":        "february2006",
	} {
		selector, domain, ok := SplitName(name)
		if !ok || selector != want || domain != "example.com" {
			t.Errorf("%s: %q of %s", name, selector, domain)
		}
		if bad, underscore := CheckSelector(selector); bad != "" || underscore {
			t.Errorf("%s: %q", selector, bad)
		}
	}
}

// TestRFC8301Section32: the sizes of §3.2 as they are read: 1024 is the least, 2048 is advised, 4096 has to work.
func TestRFC8301Section32(t *testing.T) {
	if testing.Short() {
		t.Skip("makes keys")
	}
	for _, bits := range []int{1024, 1536, 2048} {
		k, err := rsa.GenerateKey(rand.Reader, bits)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.MarshalPKIXPublicKey(&k.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		got := Parse("v=DKIM1; p=" + base64.StdEncoding.EncodeToString(der))
		if got.Bits != bits || !got.Usable() || len(got.Problems) > 0 {
			t.Errorf("%d bits are read as %d, usable %v, %v", bits, got.Bits, got.Usable(), got.Problems)
		}
	}
}

// TestRFC8463Section32: an Ed25519 key is its 32 octets in base64, without a wrapping (§3.2), and k=ed25519.
func TestRFC8463Section32(t *testing.T) {
	raw, err := base64.StdEncoding.DecodeString(rfc8463ed)
	if err != nil || len(raw) != 32 {
		t.Fatalf("%d octets, %v", len(raw), err)
	}
	if k := Parse("k=ed25519; p=" + rfc8463ed); !k.Usable() || k.Algorithm != Ed25519 {
		t.Errorf("%+v", k.Problems)
	}
	if k := Parse("k=ed25519; p=" + base64.StdEncoding.EncodeToString(raw[:31])); k.Usable() || len(k.Problems) == 0 {
		t.Error("31 octets are a key")
	}
}
