// Package peers is for tests: it makes the real programs that tripod works with.
package peers

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// Dnscontrol is the path of dnscontrol v4.20.0 itself, built from its module (tools/dnscontrol) below root, the root of this module.
// The binary is kept in the user's cache under the hash of go.sum. Tests of several packages run at once: one of them compiles, which takes
// minutes the first time, and the others wait for it.
func Dnscontrol(ctx context.Context, root string) (path string, err error) {
	module := filepath.Join(root, "tools", "dnscontrol")
	sums, err := os.ReadFile(filepath.Join(module, "go.sum"))
	if err != nil {
		return "", fmt.Errorf("build dnscontrol: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("build dnscontrol: %w", err)
	}
	hash := sha256.Sum256(sums)
	dir := filepath.Join(cache, "tripod-test", hex.EncodeToString(hash[:8]))
	path = filepath.Join(dir, "dnscontrol")
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", fmt.Errorf("build dnscontrol: %w", err)
	}
	lock, err := os.OpenFile(path+".lock", os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return "", fmt.Errorf("build dnscontrol: %w", err)
	}
	// Closing it gives the lock back.
	defer func() { err = errors.Join(err, lock.Close()) }()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return "", fmt.Errorf("build dnscontrol: %w", err)
	}
	if _, err := os.Stat(path); err == nil {
		return path, nil // somebody else has built it meanwhile
	}
	tmp := path + ".new"
	cmd := exec.CommandContext(ctx, "go", "build", "-o", tmp, "github.com/StackExchange/dnscontrol/v4")
	cmd.Dir = module
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("build dnscontrol: %w: %.2000s", err, out)
	}
	return path, os.Rename(tmp, path)
}
