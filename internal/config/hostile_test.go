//go:build unix

package config

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/metrics"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Hostile input ends soon, in little memory, with one clear message at its place.
func TestHostile(t *testing.T) {
	tests := []struct {
		name    string
		content string
		make    func(t *testing.T, path string) // instead of content
		want    string                          // the first diagnostic
		more    bool                            // others may follow
	}{
		{name: "60 KB of [", content: strings.Repeat("[", 60_000), want: "domains/a.hcl:1:17: nested more than 16 deep"},
		{name: "60 KB of [ as a value", content: "a = " + strings.Repeat("[", 60_000), want: "domains/a.hcl:1:21: nested more than 16 deep"},
		{name: "1 MiB of [", content: strings.Repeat("[", 1<<20), want: "domains/a.hcl:1:1: 1048576 punctuation characters and lines in the file, the limit is 400000"},
		{name: "2,000 of [", content: "a = " + strings.Repeat("[", 2000), want: "domains/a.hcl:", more: true},
		{name: "2,000 of (", content: "a = " + strings.Repeat("(", 2000), want: "domains/a.hcl:", more: true},
		{name: "2,000 of {", content: strings.Repeat("a {\n", 2000), want: "domains/a.hcl:", more: true},
		{name: "2,000 of !", content: "a = " + strings.Repeat("!", 2000), want: "domains/a.hcl:", more: true},
		{name: "2,000 of -", content: "a = " + strings.Repeat("-", 2000), want: "domains/a.hcl:", more: true},
		{name: "2,000 of ?", content: "a = " + strings.Repeat("b ? c : ", 2000), want: "domains/a.hcl:", more: true},
		{name: "2,000 of ${", content: "a = " + strings.Repeat(`"${`, 1990), want: "domains/a.hcl:", more: true},
		{name: "many !", content: "a = " + strings.Repeat("!", 100_000), want: `domains/a.hcl:1:5: "!": the language has no operators, functions or parentheses`},
		{name: "many -", content: "a = " + strings.Repeat("-", 100_000), want: `domains/a.hcl:1:5: "-": the language has no operators, functions or parentheses`},
		{name: "many ?", content: "a = " + strings.Repeat("b ? c : ", 60_000), want: `domains/a.hcl:1:7: "?": the language has no operators, functions or parentheses`},
		{name: "many binary operators", content: "a = 1" + strings.Repeat("+1", 140_000), want: "domains/a.hcl:", more: true},
		{name: "a long traversal", content: "a = b" + strings.Repeat(".c", 140_000), want: "domains/a.hcl:", more: true},
		{name: "many ${", content: "a = " + strings.Repeat(`"${`, 50_000), want: "domains/a.hcl:1:54: nested more than 16 deep"},
		{name: "10,000 unclosed blocks", content: strings.Repeat("domain \"a.example\" {\n", 10_000), want: "domains/a.hcl:17:20: nested more than 16 deep"},
		{name: "400 KB heredoc", content: "a = <<EOT\n" + strings.Repeat("x\n", 200_000) + "EOT\n", want: "domains/a.hcl:1:5: heredocs are not part of the language"},
		{name: "400 KB in the lines of a heredoc", content: "a = <<EOT\n" + strings.Repeat("x ${domain}\n", 33_000) + "EOT\n", want: "domains/a.hcl:1:5: heredocs are not part of the language"},
		{name: "1 MiB of attributes", content: strings.Repeat("a=1\n", 1<<18-1), want: "domains/a.hcl:", more: true},
		{name: "1 MiB of names", content: strings.Repeat("aa ", 1<<20/3), want: "domains/a.hcl:", more: true},
		{name: "1 MiB of what is no token", content: strings.Repeat("€", 1<<20/3), want: "domains/a.hcl:", more: true},
		{name: "1 MiB of quotes", content: strings.Repeat(`"`, 1<<20), want: "domains/a.hcl:", more: true},
		{name: "1 MiB comment", content: "# " + strings.Repeat("x", 1<<20-3), want: ""},
		{name: "1 MiB string", content: "domain \"a.example\" {\n  record \"TXT\" \"@\" {\n    rdata = [\"" + strings.Repeat("x", 1<<20-100) + "\"]\n  }\n}\n", want: "domains/a.hcl:3:15: TXT record of 1048476 octets, the limit is 65025"},
		{
			name: "a text that grows", want: "domains/a.hcl:3:15: ${domain} stands 20000 times in one string, the limit is 100",
			content: "domain \"" + strings.Repeat("a123456789.", 15) + "exampl\" {\n  record \"TXT\" \"@\" {\n    rdata = [\"" + strings.Repeat("${domain}", 20_000) + "\"]\n  }\n}\n",
		},
		{
			name: "senders that do not exist", want: "domains/a.hcl:", more: true,
			content: blocks("sender \"s%d\" {\n}\n", 15_000) + "domain \"a.example\" {\n  senders = [" + blocks("\"x%d\",", 60_000) + "]\n}\n",
		},
		{
			name: "blocks of a profile, and CNAMEs that may stand in their place", want: "", more: true,
			content: "profile \"p\" {\n" + blocks("dkim \"k%d\" {\np=\"\"\n}\n", 8_000) + "}\ndomain \"a.example\" {\n  profile = \"p\"\n" +
				blocks("record \"CNAME\" \"c%d\" {\nrdata=[\"x.\"]\n}\n", 8_000) + "}\n",
		},
		{
			name: "a bomb of records", want: "tripod.hcl:1:1: the definitions come to more than 192 MiB of records",
			content: "profile \"p\" {\n  record \"TXT\" \"@\" {\n    rdata = [" + strings.Repeat("\"x\", ", 50_000) + "]\n  }\n}\ndomains {\n  profile = \"p\"\n  names = [" + bombNames(10_000) + "]\n}\n",
		},
		{
			name: "a bomb of errors", want: "domains/a.hcl:3:15: ", more: true,
			content: "profile \"p\" {\n  record \"A\" \"@\" {\n    rdata = [" + strings.Repeat("\"x\", ", 50_000) + "]\n  }\n}\ndomains {\n  profile = \"p\"\n  names = [" + bombNames(10_000) + "]\n}\n",
		},
		{name: "NUL", content: "domain \"a.example\" {\n  # x\x00\n}\n", want: "domains/a.hcl:2:6: control character U+0000 in the file"},
		{name: "bidi in a comment", content: "# x\u202ey\n", want: "domains/a.hcl:1:4: bidirectional control character U+202E: what is shown would not be what is read"},
		{name: "zero width", content: "domain \"a\u200b.example\" {\n}\n", want: "domains/a.hcl:1:10: invisible character U+200B: what is shown would not be what is read"},
		{name: "byte order mark inside", content: "# x\ufeff\n", want: "domains/a.hcl:1:4: invisible character U+FEFF: what is shown would not be what is read"},
		{name: "invalid UTF-8", content: "domain \"a.example\" {\n  # \u00e9\xff\n}\n", want: "domains/a.hcl:2:6: byte 0xFF is not valid UTF-8"},
		{name: "UTF-16", content: "\xff\xfed\x00o\x00", want: "domains/a.hcl:1:1: byte 0xFF is not valid UTF-8"},
		{name: "1 MiB and an octet", content: strings.Repeat("#", 1<<20+1), want: "domains/a.hcl:1:1: cannot read the file: file of 1048577 octets, the limit is 1048576 (1 MiB)"},
		{
			name: "300 MB", want: "domains/a.hcl:1:1: cannot read the file: file of 286 MiB, the limit is 1 MiB",
			make: func(t *testing.T, path string) {
				f, err := os.Create(path)
				if err == nil {
					err = errors.Join(f.Truncate(300_000_000), f.Close())
				}
				if err != nil {
					t.Fatal(err)
				}
			},
		},
		{
			name: "FIFO", want: "domains/a.hcl:1:1: cannot read the file: not a regular file but a FIFO",
			make: func(t *testing.T, path string) {
				if err := syscall.Mkfifo(path, 0o600); err != nil {
					t.Fatal(err)
				}
			},
		},
		{
			name: "symbolic link out of the repository", want: "domains/a.hcl:1:1: cannot read the file: a symbolic link leads out of the directory of tripod.hcl",
			make: func(t *testing.T, path string) {
				outside := filepath.Join(t.TempDir(), "outside.hcl")
				err := os.WriteFile(outside, []byte("domain \"a.example\" {\n}\n"), 0o600)
				if err == nil {
					err = os.Symlink(outside, path)
				}
				if err != nil {
					t.Fatal(err)
				}
			},
		},
		{
			name: "symbolic link to a device", want: "domains/a.hcl:1:1: cannot read the file: a symbolic link leads out of the directory of tripod.hcl",
			make: func(t *testing.T, path string) {
				if err := os.Symlink("/dev/zero", path); err != nil {
					t.Fatal(err)
				}
			},
		},
		{
			name: "symbolic link to itself", want: "domains/a.hcl:1:1: cannot read the file:", more: true,
			make: func(t *testing.T, path string) {
				if err := os.Symlink("a.hcl", path); err != nil {
					t.Fatal(err)
				}
			},
		},
		{
			name: "socket", want: "domains/a.hcl:1:1: cannot read the file: not a regular file but a socket",
			make: func(t *testing.T, path string) {
				fd, err := syscall.Socket(syscall.AF_UNIX, syscall.SOCK_STREAM, 0)
				if err == nil {
					wd, _ := os.Getwd()
					err = errors.Join(os.Chdir(filepath.Dir(path)), syscall.Bind(fd, &syscall.SockaddrUnix{Name: "a.hcl"}), os.Chdir(wd), syscall.Close(fd))
				}
				if err != nil {
					t.Fatal(err)
				}
			},
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, "domains", "a.hcl")
			err := errors.Join(os.Mkdir(filepath.Join(dir, "domains"), 0o700), os.WriteFile(filepath.Join(dir, SettingsFile), []byte(defaultSettings), 0o600))
			if err == nil && tt.make == nil {
				err = os.WriteFile(path, []byte(tt.content), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			if tt.make != nil {
				tt.make(t, path)
			}
			src, err := Disk(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = src.Close() }()
			stop := heapPeak()
			start, cpu := time.Now(), cpuTime(t)
			_, diags, err := Load(context.Background(), src)
			took := min(time.Since(start), cpuTime(t)-cpu) // whichever: the machine may be busy with other things
			peak := stop() >> 20
			if err != nil {
				t.Fatal(err)
			}
			first := ""
			if len(diags) > 0 {
				first = diags[0].String()
			}
			if first != tt.want && (!tt.more || !strings.HasPrefix(first, tt.want)) {
				t.Errorf("%q, want %q", first, tt.want)
			}
			if len(diags) > 1 && !tt.more || len(diags) > maxDiagnostics {
				t.Errorf("%d diagnostics: %v", len(diags), diags)
			}
			for _, d := range diags {
				if len(d.Message)+len(d.Help) > 1000 {
					t.Errorf("message of %d bytes", len(d.Message)+len(d.Help))
				}
			}
			limit := 2 * time.Second
			if testing.Short() { // as under the race detector, which takes many times the time
				limit *= 10
			}
			if took > limit || peak > 200 {
				t.Errorf("took %s and %d MB", took, peak)
			}
		})
	}
}

// cpuTime is the processor time that the process has used.
func cpuTime(t *testing.T) time.Duration {
	t.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// heapPeak watches the heap until the function that it returns is called, which gives its greatest size.
func heapPeak() func() uint64 {
	runtime.GC()
	done, peak := make(chan struct{}), make(chan uint64)
	go func() {
		sample := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
		var highest uint64
		for {
			metrics.Read(sample)
			highest = max(highest, sample[0].Value.Uint64())
			select {
			case <-done:
				peak <- highest
				return
			case <-time.After(time.Millisecond):
			}
		}
	}()
	return func() uint64 {
		close(done)
		return <-peak
	}
}

// Links inside of the repository are followed, and directories that are links too.
func TestLinksInside(t *testing.T) {
	dir := t.TempDir()
	err := errors.Join(
		os.Mkdir(filepath.Join(dir, "real"), 0o700),
		os.WriteFile(filepath.Join(dir, SettingsFile), []byte(defaultSettings), 0o600),
		os.WriteFile(filepath.Join(dir, "real", "a.hcl"), []byte("domain \"a.example\" {\n}\n"), 0o600),
		os.Symlink("a.hcl", filepath.Join(dir, "real", "b.txt")),
		os.Symlink("real", filepath.Join(dir, "domains")),
	)
	if err != nil {
		t.Fatal(err)
	}
	r := loadDir(t, dir)
	if len(r.Domains) != 1 || r.Files.Path(r.Domains[0].At.File) != "domains/a.hcl" {
		t.Errorf("domains %v", r.Domains)
	}
}

func TestNoSettings(t *testing.T) {
	src, err := Disk(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = src.Close() }()
	if _, _, err = Load(context.Background(), src); !errors.Is(err, fs.ErrNotExist) || err.Error() != "no tripod.hcl: file does not exist" {
		t.Errorf("error %v", err)
	}
	if _, err := Disk(filepath.Join(t.TempDir(), "x")); err == nil {
		t.Error("opened a directory that is not there")
	}
}

func TestFindRoot(t *testing.T) {
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	mk := func(parts ...string) string {
		p := filepath.Join(append([]string{dir}, parts...)...)
		if err := os.MkdirAll(p, 0o700); err != nil {
			t.Fatal(err)
		}
		return p
	}
	touch := func(parts ...string) {
		if err := os.WriteFile(filepath.Join(append([]string{dir}, parts...)...), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	touch(SettingsFile) // above the git root: never found from inside
	mk("repo", ".git")
	deep := mk("repo", "mail", "domains", "x")
	other := mk("repo", "other")
	touch("repo", "mail", SettingsFile)
	outside := mk("outside", "deep")
	for _, tt := range []struct{ from, want, err string }{
		{deep, filepath.Join(dir, "repo", "mail"), ""},
		{filepath.Join(dir, "repo", "mail"), filepath.Join(dir, "repo", "mail"), ""},
		{other, "", "no tripod.hcl in " + other + " or above it, up to the root of the git repository " + filepath.Join(dir, "repo")},
		{outside, "", "no tripod.hcl in " + outside},
		{dir, dir, ""},
		{filepath.Join(dir, SettingsFile), "", "find tripod.hcl: " + filepath.Join(dir, SettingsFile) + " is not a directory"},
		{filepath.Join(dir, "nothing"), "", "find tripod.hcl: " + filepath.Join(dir, "nothing") + ": no such file or directory"},
	} {
		got, err := FindRoot(tt.from)
		text := ""
		if err != nil {
			text = err.Error()
		}
		if got != tt.want || text != tt.err {
			t.Errorf("FindRoot(%s) = %q, %q; want %q, %q", tt.from, got, text, tt.want, tt.err)
		}
	}
}

// Patterns mean the same on a disk and in a tree.
func TestGlob(t *testing.T) {
	names := []string{"a.hcl", "d/a.hcl", "d/b.hcl", "d/.hidden.hcl", "d/e/c.hcl", "d/e/f/g.hcl", ".git/x.hcl", "d/e/.x/h.hcl", "d/x.txt"}
	dir := t.TempDir()
	m := make(map[string][]byte)
	for _, n := range names {
		m[n] = nil
		p := filepath.Join(dir, filepath.FromSlash(n))
		if err := errors.Join(os.MkdirAll(filepath.Dir(p), 0o700), os.WriteFile(p, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	disk, err := Disk(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = disk.Close() }()
	for pattern, want := range map[string]string{
		"*.hcl":          "a.hcl",
		"d/*.hcl":        "d/a.hcl d/b.hcl",
		"d/a.hcl":        "d/a.hcl",
		"d/nothing.hcl":  "",
		"no/*.hcl":       "",
		"a.hcl/*":        "",
		"**/*.hcl":       "a.hcl d/a.hcl d/b.hcl d/e/c.hcl d/e/f/g.hcl",
		"d/**/*.hcl":     "d/a.hcl d/b.hcl d/e/c.hcl d/e/f/g.hcl",
		"**/e/**/*.hcl":  "d/e/c.hcl d/e/f/g.hcl",
		"*/*/*.hcl":      "d/e/c.hcl",
		"d/[ab].hcl":     "d/a.hcl d/b.hcl",
		"d/.hidden.hcl":  "d/.hidden.hcl",
		"d/?.hcl":        "d/a.hcl d/b.hcl",
		"**/**/g.hcl":    "d/e/f/g.hcl",
		"d/e/f/g.hcl/**": "",
	} {
		for name, src := range map[string]Source{"disk": disk, "tree": Map(m)} {
			got, err := src.Glob(context.Background(), pattern)
			if err != nil || strings.Join(got, " ") != want {
				t.Errorf("%s: Glob(%s) = %q, %v; want %q", name, pattern, got, err, want)
			}
		}
	}
}

func TestTree(t *testing.T) {
	big := bytes.Repeat([]byte("#"), MaxFileSize+1)
	r, diags, err := Load(context.Background(), Map(map[string][]byte{SettingsFile: []byte(defaultSettings), "domains/a.hcl": big}))
	if err != nil || len(diags) != 1 || diags[0].String() != "domains/a.hcl:1:1: cannot read the file: file of 1048577 octets, the limit is 1048576 (1 MiB)" {
		t.Errorf("%v, %v", diags, err)
	}
	if r.Files.Content(2) != nil {
		t.Error("the content of a file that is too large was kept")
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, _, err := Load(ctx, Map(map[string][]byte{SettingsFile: []byte(defaultSettings)})); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

// blocks is n times the same, but for a number.
func blocks(format string, n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, format, i)
	}
	return b.String()
}
