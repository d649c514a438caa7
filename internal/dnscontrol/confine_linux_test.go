package dnscontrol

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Files of the repository can be read, wherever in it; others cannot.
func TestChildReadsTheRepositoryOnly(t *testing.T) {
	secret := filepath.Join(t.TempDir(), "secret.json")
	if err := os.WriteFile(secret, []byte(`{"token": "secret"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	root := t.TempDir()
	read := `D("example.net", "none", TXT("@", require(%q).token));`
	writeFiles(t, root, map[string][]byte{
		"tripod.hcl":       nil,
		"shared/data.json": []byte(`{"token": "shared"}`),
		"dns/good.js":      fmt.Appendf(nil, read, "../shared/data.json"),
		"dns/bad.js":       fmt.Appendf(nil, read, secret),
		"dns/files.js":     fmt.Appendf(nil, `D("example.net", "none", TXT("@", glob("../../..", true, "*").join(" ")));`),
	})
	halves, err := OtherHalf(t.Context(), HalfOptions{Config: filepath.Join(root, "dns", "good.js")})
	if err != nil || halves["example.net"].Records[0].RData() != "shared" {
		t.Errorf("%v, %v", halves, err)
	}
	if _, _, errno := syscall.Syscall(landlockCreate, 0, 0, 1); errno != 0 { // asks for the version
		t.Skipf("this kernel has no Landlock: %v", errno)
	}
	if _, err = OtherHalf(t.Context(), HalfOptions{Config: filepath.Join(root, "dns", "bad.js")}); err == nil || !strings.Contains(err.Error(), "permission denied") {
		t.Errorf("read what is outside: %v", err)
	}
	if halves, err = OtherHalf(t.Context(), HalfOptions{Config: filepath.Join(root, "dns", "files.js")}); err == nil && strings.Contains(halves["example.net"].Records[0].RData(), "secret") {
		t.Error("listed what is outside")
	}
}
