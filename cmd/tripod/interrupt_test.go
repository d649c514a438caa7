package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// mute is a name server that hears everything and never answers. asked gets a value at the first question.
func mute(t *testing.T) (addr string, asked <-chan struct{}) {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() }) // ends the goroutine
	heard := make(chan struct{}, 1)
	go func() {
		buf := make([]byte, 1500)
		for {
			if _, _, err := conn.ReadFrom(buf); err != nil {
				return
			}
			select {
			case heard <- struct{}{}:
			default:
			}
		}
	}()
	return conn.LocalAddr().String(), heard
}

// Ctrl-C while DNS does not answer: the end comes at once, and the lock file is what it was.
func TestInterruptedLookups(t *testing.T) {
	for _, command := range []string{"lint", "plan", "lock", "spf tree a.example"} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, "tripod.hcl"), hostileSettings)
			writeFile(t, filepath.Join(dir, "tripod.lock.json"), hostileLock)
			writeFile(t, filepath.Join(dir, hostileFile), "domain \"a.example\" {\n  spf {\n    terms = [\"include:_spf.vendor.example\"]\n    all   = \"fail\"\n  }\n}\n")
			before := treeOf(t, dir)
			addr, asked := mute(t)
			cmd := tripodCommand(t, dir, nil, append(strings.Fields(command), "--resolver", addr)...)
			var stdout, stderr bytes.Buffer
			cmd.Stdout, cmd.Stderr = &stdout, &stderr
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			select {
			case <-asked:
			case <-time.After(slack(5 * time.Second)):
				_ = cmd.Process.Kill() // the test has failed already
				_ = cmd.Wait()
				t.Fatalf("nothing was asked\n%s", stderr.String())
			}
			start := time.Now()
			if err := cmd.Process.Signal(os.Interrupt); err != nil {
				t.Fatal(err)
			}
			_ = cmd.Wait() // the exit code is looked at below
			if took := time.Since(start); took > slack(500*time.Millisecond) {
				t.Errorf("ended %v after the signal", took)
			}
			if code := cmd.ProcessState.ExitCode(); code != exitUnusable {
				t.Errorf("exit code %d", code)
			}
			if stdout.Len() > 0 || stderr.String() != "tripod: interrupted; nothing was written\n" {
				t.Errorf("stdout:\n%s\nstderr:\n%s", stdout.String(), stderr.String())
			}
			if after := treeOf(t, dir); after != before {
				t.Errorf("before:\n%s\nafter:\n%s", before, after)
			}
		})
	}
}

// Ctrl-C at any moment of a render: every file is whole or as it was, nothing is left beside them, and running it again finishes.
func TestInterruptedRender(t *testing.T) {
	t.Parallel()
	const domains = 400
	definitions := func(all string) string {
		var b strings.Builder
		for i := range domains {
			fmt.Fprintf(&b, "domain \"d%d.example\" {\n  spf { all = %q }\n}\n\n", i, all)
		}
		return b.String()
	}
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "tripod.hcl"), hostileSettings+"dnscontrol { emit = \"zone\" }\n")
	write := func(all string) map[string]string {
		writeFile(t, filepath.Join(dir, hostileFile), definitions(all))
		tripod(t, dir, nil, "render").want(t, exitOK)
		return filesOf(t, filepath.Join(dir, "dnscontrol"))
	}
	next, old := write("fail"), write("softfail")

	interrupted := 0
	for i := range 12 {
		writeFile(t, filepath.Join(dir, hostileFile), definitions("fail"))
		cmd := tripodCommand(t, dir, nil, "render")
		var stdout, stderr bytes.Buffer
		cmd.Stdout, cmd.Stderr = &stdout, &stderr
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		// No readiness to wait for: the moments are to be different ones.
		time.Sleep(time.Duration(i+1) * 5 * time.Millisecond)
		_ = cmd.Process.Signal(os.Interrupt) // it may have ended
		_ = cmd.Wait()
		changed := 0
		got := filesOf(t, filepath.Join(dir, "dnscontrol"))
		if len(got) != len(next) {
			t.Errorf("%d files, want %d", len(got), len(next))
		}
		for name, text := range got {
			switch text {
			case next[name]:
				if next[name] != old[name] {
					changed++
				}
			case old[name]:
			default:
				t.Errorf("%s is neither old nor new", name)
			}
		}
		switch code := cmd.ProcessState.ExitCode(); code {
		case exitUnusable:
			interrupted++
			if n := strings.Count(stdout.String(), "\n"); n != changed {
				t.Errorf("names %d files, wrote %d", n, changed)
			}
			want := "tripod: interrupted; nothing was written\n"
			if changed > 0 {
				want = "tripod: interrupted; the files named above were written whole, all others are as they were\n"
			}
			if stderr.String() != want {
				t.Errorf("%d files were written: %s", changed, stderr.String())
			}
		case exitOK, -1: // too late; or so early that the program did not listen yet
		default:
			t.Errorf("exit code %d: %s", code, stderr.String())
		}
		write("softfail")
	}
	if interrupted == 0 {
		t.Log("no run was interrupted while it wrote")
	}
}

func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path) //nolint:gosec // files of this test
		rel, _ := filepath.Rel(dir, path)
		files[rel] = string(b)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// treeOf lists a folder: what is there, how large, when written.
func treeOf(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		fmt.Fprintln(&b, path, info.Size(), info.ModTime().UnixNano())
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}
