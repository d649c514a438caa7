package rules_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tripod-dns/tripod/internal/rulecase"
)

// TestActiveKeyRevoked: an empty p= on a key that the ledger calls active is an error. Ledgers are not written by hand, so
// this is no case that others would write differently.
func TestActiveKeyRevoked(t *testing.T) {
	res, err := rulecase.Run(t.Context(), map[string][]byte{
		"tripod.hcl":              []byte("tripod {\n  files = [\"domains/*.hcl\"]\n}\n"),
		"domains/example.com.hcl": []byte("domain \"example.com\" {\n  dkim_rotation {\n    k = [\"rsa\"]\n  }\n}\n"),
		"keys/example.com.hcl": []byte(`dkim_keys "example.com" {
  serial = 1

  key "t20260602r-acf58e" {
    state     = "active"
    k         = "rsa"
    p         = ""
    created   = "2026-06-02T06:00:00Z"
    activated = "2026-08-31T06:00:00Z"
  }
}
`),
	}, "dkim-revoked", t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const want = `keys/example.com.hcl:7:5-7:6: error: dkim-revoked: t20260602r-acf58e._domainkey.example.com: p= is empty: the key is revoked, no signature with this selector verifies
  | p
  help: the ledger calls this key active, so mail is signed with it: publish its public half again
`
	if diff := cmp.Diff(want, res.Text()); diff != "" {
		t.Error(diff)
	}
}
