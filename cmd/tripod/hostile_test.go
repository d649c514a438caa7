package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

const (
	hostileSettings = "tripod { files = [\"domains/*.hcl\"] }\n"
	hostileLock     = `{"schema": 1, "taken": "2026-11-24", "answers": {
"_dmarc.example. TXT": {"rcode": "NXDOMAIN"}}}
`
	hostileFile = "domains/a.hcl"
)

// Whatever stands in the repository, a run ends soon, in little memory, with one message that says where and what.
func TestHostileInput(t *testing.T) {
	definition := func(text string) func(*testing.T, string) {
		return func(t *testing.T, dir string) { writeFile(t, filepath.Join(dir, hostileFile), text) }
	}
	lock := func(text string) func(*testing.T, string) {
		return func(t *testing.T, dir string) {
			writeFile(t, filepath.Join(dir, hostileFile), "domain \"a.example\" {\n  spf { all = \"fail\" }\n}\n")
			writeFile(t, filepath.Join(dir, "tripod.lock.json"), text)
		}
	}
	for _, tc := range []struct {
		name  string
		make  func(*testing.T, string)
		place string // file:line:column
		want  string // the message, a regular expression
	}{
		{
			name: "60 KB of brackets", make: definition("domain \"a.example\" {\n  ttl = " + strings.Repeat("[", 60<<10) + "\n}\n"),
			place: "domains/a.hcl:2:24", want: `nest`,
		},
		{
			name: "a heredoc of 400 KB", make: definition("domain \"a.example\" {\n  spf { raw = <<END\n" + strings.Repeat("v=spf1 -all\n", 400<<10/12) + "END\n  }\n}\n"),
			place: "domains/a.hcl:2:15", want: `heredoc`,
		},
		{
			name: "a file of 300 MB",
			make: func(t *testing.T, dir string) {
				definition("")(t, dir)
				if err := os.Truncate(filepath.Join(dir, hostileFile), 300<<20); err != nil {
					t.Fatal(err)
				}
			},
			place: "domains/a.hcl:1:1", want: `300 MiB.*1 MiB`,
		},
		{
			name: "a FIFO",
			make: func(t *testing.T, dir string) {
				if err := os.MkdirAll(filepath.Join(dir, "domains"), 0o750); err != nil {
					t.Fatal(err)
				}
				if err := syscall.Mkfifo(filepath.Join(dir, hostileFile), 0o600); err != nil {
					t.Fatal(err)
				}
			},
			place: "domains/a.hcl:1:1", want: `not a regular file`,
		},
		{
			name: "a symbolic link out of the repository",
			make: func(t *testing.T, dir string) {
				if err := os.MkdirAll(filepath.Join(dir, "domains"), 0o750); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink("/etc/passwd", filepath.Join(dir, hostileFile)); err != nil {
					t.Fatal(err)
				}
			},
			place: "domains/a.hcl:1:1", want: `(?i)link|outside|escapes`,
		},
		{
			name: "a NUL", make: definition("domain \"a.example\" {\n  # nothing\x00 here\n}\n"),
			place: "domains/a.hcl:2:12", want: `NUL|U\+0000`,
		},
		{
			name: "bidi characters", make: definition("domain \"a.example\" {\n  # \u202eera sdrow\n}\n"),
			place: "domains/a.hcl:2:5", want: `U\+202E`,
		},
		{
			name: "zero-width characters", make: definition("domain \"a.ex\u200bample\" {}\n"),
			place: "domains/a.hcl:1:13", want: `U\+200B`,
		},
		{
			name: "10,000 blocks that are not closed", make: definition(strings.Repeat("domain \"a.example\" {\n", 10000)),
			place: "domains/a.hcl:", want: `nest|closed|brace`,
		},
		{
			name: "invalid UTF-8", make: definition("domain \"a.example\" {\n  # \xc3\x28\n}\n"),
			place: "domains/a.hcl:2:5", want: `UTF-8`,
		},
		{
			name: "a lock file that is a FIFO",
			make: func(t *testing.T, dir string) {
				lock("")(t, dir)
				if err := os.Remove(filepath.Join(dir, "tripod.lock.json")); err != nil {
					t.Fatal(err)
				}
				if err := syscall.Mkfifo(filepath.Join(dir, "tripod.lock.json"), 0o600); err != nil {
					t.Fatal(err)
				}
			},
			place: "tripod.lock.json", want: `not a regular file`,
		},
		{
			name: "a lock file that is a link out of the repository",
			make: func(t *testing.T, dir string) {
				lock("")(t, dir)
				if err := os.Remove(filepath.Join(dir, "tripod.lock.json")); err != nil {
					t.Fatal(err)
				}
				if err := os.Symlink("/etc/passwd", filepath.Join(dir, "tripod.lock.json")); err != nil {
					t.Fatal(err)
				}
			},
			place: "tripod.lock.json", want: `symbolic link leads out of the repository`,
		},
		{
			name: "settings that are a FIFO",
			make: func(t *testing.T, dir string) {
				if err := os.Remove(filepath.Join(dir, "tripod.hcl")); err != nil {
					t.Fatal(err)
				}
				if err := syscall.Mkfifo(filepath.Join(dir, "tripod.hcl"), 0o600); err != nil {
					t.Fatal(err)
				}
			},
			place: "tripod.hcl:1:1", want: `not a regular file but a FIFO`,
		},
		{
			name: "a lock file of 100 MB",
			make: func(t *testing.T, dir string) {
				lock("")(t, dir)
				if err := os.Truncate(filepath.Join(dir, "tripod.lock.json"), 100<<20); err != nil {
					t.Fatal(err)
				}
			},
			place: "tripod.lock.json", want: `limit|not a lock file`,
		},
		{name: "a lock file of rubbish", make: lock("\x7fELF\x02\x01\x01\x00 rubbish"), place: "tripod.lock.json:1:1", want: `not a lock file`},
		{name: "a lock file of brackets", make: lock(strings.Repeat("[", 1<<20)), place: "tripod.lock.json:1:1", want: `not a lock file`},
		{name: "a lock file cut off", make: lock(hostileLock[:len(hostileLock)-20]), place: "tripod.lock.json:2:", want: `not a lock file`},
		{name: "a lock file of another kind", make: lock(`{"schema": 1, "taken": "2026-11-24", "answers": {"a. TXT": {"data": {"x": [1e999]}}}}`), place: "tripod.lock.json:1:", want: `not a lock file`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, "tripod.hcl"), hostileSettings)
			writeFile(t, filepath.Join(dir, "tripod.lock.json"), hostileLock)
			tc.make(t, dir)
			r := tripod(t, dir, nil, "lint", "--offline").want(t, exitUnusable)
			r.modest(t, 2*time.Second)
			if r.stdout != "" {
				t.Errorf("standard output:\n%s", r.stdout)
			}
			if n := len(regexp.MustCompile(`(?m)^(error: |tripod: )`).FindAllString(r.stderr, -1)); n != 1 {
				t.Errorf("%d messages:\n%s", n, clipped(r.stderr))
			}
			if strings.Contains(r.stderr, dir) {
				t.Errorf("the message shows where the repository lies:\n%s", clipped(r.stderr))
			}
			if !strings.Contains(r.stderr, tc.place) || !regexp.MustCompile(tc.want).MatchString(r.stderr) {
				t.Errorf("want %s at %s:\n%s", tc.want, tc.place, clipped(r.stderr))
			}
			if len(r.stderr) > 2000 {
				t.Errorf("a message of %d octets", len(r.stderr))
			}
			for _, c := range r.stderr {
				if c < ' ' && c != '\n' || c == 0x202e || c == 0x200b {
					t.Errorf("the message has %U", c)
				}
			}
		})
	}
}

// A tree of 10^6 includes, out of 60 records. Receivers give up at the 11th; so does lint, with one finding for it.
func TestHostileIncludeBomb(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "tripod.hcl"), hostileSettings)
	writeFile(t, filepath.Join(dir, "tripod.lock.json"), hostileLock)
	var b strings.Builder
	b.WriteString("domain \"a.example\" {\n  dmarc {\n    p   = \"reject\"\n    rua = [\"mailto:d@a.example\"]\n  }\n")
	terms := func(level int) string {
		var t strings.Builder
		for i := range 10 {
			fmt.Fprintf(&t, " include:l%dn%d.a.example", level, i)
		}
		return t.String()
	}
	fmt.Fprintf(&b, "  record \"TXT\" \"@\" { rdata = [\"v=spf1%s -all\"] }\n", terms(1))
	for level := 1; level <= 6; level++ {
		for i := range 10 {
			record := "v=spf1" + terms(level+1) + " -all"
			if level == 6 {
				record = fmt.Sprintf("v=spf1 ip4:192.0.2.%d -all", i)
			}
			fmt.Fprintf(&b, "  record \"TXT\" \"l%dn%d\" { rdata = [%q] }\n", level, i, record)
		}
	}
	b.WriteString("}\n")
	writeFile(t, filepath.Join(dir, hostileFile), b.String())

	r := tripod(t, dir, nil, "lint", "--offline").want(t, exitFindings)
	r.modest(t, 2*time.Second)
	// Each record whose own tree goes past the limit is named, not all that lead to it.
	at := regexp.MustCompile(`(?m)^error: at least \d+ DNS lookups, the limit is 10: .*\n(?: .*\n)* *--> domains/a\.hcl:\d+:42  \[spf-lookup-limit\]$`)
	if n := len(at.FindAllString(r.stdout, -1)); n == 0 || n > 61 {
		t.Errorf("%d findings of spf-lookup-limit:\n%s", n, clipped(r.stdout))
	}
	if len(r.stdout) > 1<<20 {
		t.Errorf("lint prints %d octets", len(r.stdout))
	}
	for _, args := range [][]string{
		{"plan", "--offline", "--against", "empty", "--fail-on", "never"},
		{"spf", "tree", "a.example", "--offline"},
		{"spf", "check", "a.example", "--ip", "203.0.113.1", "--offline"},
	} {
		r := tripod(t, dir, nil, args...).want(t, exitOK)
		r.modest(t, 2*time.Second)
		if len(r.stdout) > 1<<20 {
			t.Errorf("%v prints %d octets", args, len(r.stdout))
		}
	}
}

// dnsconfig.js that never ends is stopped after 10 s: what it would have told is not known, and lint says why.
func TestHostileDnsconfig(t *testing.T) {
	for _, tc := range []struct{ name, script, want string }{
		{"a loop without end", "while(1){}\n", `10 s`},
		{"memory without end", "var a = []; while(1) { a.push(new Array(1000).join('x') + a.length); }\n", `memory|10 s|MiB`},
		{"recursion without end", "function f(x) { return f(x + 1) + 1; } f(1);\n", `.`},
		{"no JavaScript", "D(\"a.example\"\n", `dnsconfig\.js`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if testing.Short() {
				t.Skip("takes 10 s")
			}
			t.Parallel()
			dir := t.TempDir()
			writeFile(t, filepath.Join(dir, "tripod.hcl"), hostileSettings+"dnscontrol { emit = \"extend\" }\n")
			writeFile(t, filepath.Join(dir, "tripod.lock.json"), hostileLock)
			writeFile(t, filepath.Join(dir, hostileFile), "domain \"a.example\" {\n  spf { all = \"fail\" }\n}\n")
			writeFile(t, filepath.Join(dir, "dnsconfig.js"), tc.script)
			tripod(t, dir, nil, "render").want(t, exitOK)
			r := tripod(t, dir, nil, "lint", "--offline").want(t, exitOK)
			if r.took > 10*time.Second+slack(3*time.Second) {
				t.Errorf("took %v", r.took)
			}
			if n := len(regexp.MustCompile(`(?m)^not checked: a\.example: .*dnsconfig\.js`).FindAllString(r.stdout, -1)); n != 1 || !regexp.MustCompile(tc.want).MatchString(r.stdout) {
				t.Errorf("want %q, said once:\n%s%s", tc.want, clipped(r.stdout), clipped(r.stderr))
			}
			if strings.Contains(r.stdout+r.stderr, dir) {
				t.Errorf("it shows where the repository lies:\n%s%s", clipped(r.stdout), clipped(r.stderr))
			}
		})
	}
}

// modest asserts that a run took little time and memory. Under the race detector memory says nothing.
func (r result) modest(t *testing.T, limit time.Duration) {
	t.Helper()
	if r.took > slack(limit) {
		t.Errorf("took %v", r.took)
	}
	if r.peak > 200<<20 && !raceDetector {
		t.Errorf("needed %d MiB", r.peak>>20)
	}
}

// slack is what a limit is on a machine that does other things too.
func slack(d time.Duration) time.Duration {
	if raceDetector {
		return 10 * d
	}
	return 4 * d
}

func clipped(s string) string {
	if len(s) > 3000 {
		return s[:3000] + "…"
	}
	return s
}
