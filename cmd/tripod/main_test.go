package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/rivo/uniseg"
	"github.com/rogpeppe/go-internal/testscript"
)

var update = flag.Bool("update", false, "rewrite the golden output in testdata/script")

// clock is the time of all stories.
const clock = "2026-11-24T12:00:00Z"

// The test binary is the program too: scripts and tests start it under that name, with all that main does.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"tripod": main})
}

// Each file in testdata/script is one story, told in commands.
func TestStories(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup: func(env *testscript.Env) error {
			for _, v := range storyEnv(env.WorkDir) {
				name, value, _ := strings.Cut(v, "=")
				env.Setenv(name, value)
			}
			env.Setenv("ESC", "\x1b[31m")
			env.Setenv("PATH", pathWithout(env.Getenv("PATH"), "dnscontrol"))
			env.Values["snapshots"] = map[string]string{}
			return nil
		},
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    cmdExits,
			"width":    cmdWidth,
			"json":     cmdJSON,
			"snapshot": cmdSnapshot,
			"same":     cmdSame,
			"example":  cmdExample,
			"nobody":   cmdNobody,
		},
		Condition: func(cond string) (bool, error) {
			return false, fmt.Errorf("unknown condition %q", cond)
		},
	})
}

// storyEnv is the environment of every run: a fixed clock, a git that knows nobody's settings, no colour wishes.
func storyEnv(home string) []string {
	return []string{
		"TRIPOD_NOW=" + clock, "HOME=" + home, "CI=", "NO_COLOR=", "TERM=xterm",
		"GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull,
		"GIT_AUTHOR_NAME=Ada", "GIT_AUTHOR_EMAIL=ada@example.org", "GIT_AUTHOR_DATE=" + clock,
		"GIT_COMMITTER_NAME=Ada", "GIT_COMMITTER_EMAIL=ada@example.org", "GIT_COMMITTER_DATE=" + clock,
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=init.defaultBranch", "GIT_CONFIG_VALUE_0=main",
		"GIT_CEILING_DIRECTORIES=" + filepath.Dir(home),
	}
}

// pathWithout leaves out of a search path the directories that hold a program.
func pathWithout(path, program string) string {
	dirs := slices.DeleteFunc(filepath.SplitList(path), func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, program))
		return err == nil
	})
	return strings.Join(dirs, string(filepath.ListSeparator))
}

// exits CODE PROGRAM ARG… runs a program that has to end with that code.
func cmdExits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits CODE PROGRAM [ARG…]")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var exit *exec.ExitError
		if !errors.As(err, &exit) {
			ts.Fatalf("%v", err)
		}
		got = exit.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// width FILE asserts that no line is wider than 80 columns, but for one whose widest word would not fit any line.
func cmdWidth(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 1 {
		ts.Fatalf("usage: width FILE")
	}
	for i, line := range strings.Split(ts.ReadFile(args[0]), "\n") {
		if uniseg.StringWidth(line) <= 80 {
			continue
		}
		text := strings.TrimLeft(line, " |=-+~*─├└│")
		lead := uniseg.StringWidth(line) - uniseg.StringWidth(text)
		if strings.Contains(strings.TrimSpace(text), " ") || lead > 30 {
			ts.Fatalf("%s:%d: %d columns: %s", args[0], i+1, uniseg.StringWidth(line), line)
		}
	}
}

// snapshot NAME PATH… remembers files, their content and which files they are; same NAME PATH… asserts that nothing was written since.
func cmdSnapshot(ts *testscript.TestScript, _ bool, args []string) {
	ts.Value("snapshots").(map[string]string)[args[0]] = snapshotOf(ts, args[1:])
}

func cmdSame(ts *testscript.TestScript, neg bool, args []string) {
	was, ok := ts.Value("snapshots").(map[string]string)[args[0]]
	if !ok {
		ts.Fatalf("no snapshot %s", args[0])
	}
	if is := snapshotOf(ts, args[1:]); (is == was) == neg {
		ts.Fatalf("before:\n%s\nafter:\n%s", was, is)
	}
}

func snapshotOf(ts *testscript.TestScript, paths []string) string {
	var b strings.Builder
	for _, p := range paths {
		ts.Check(filepath.WalkDir(ts.MkAbs(p), func(path string, e fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			info, err := e.Info()
			if err != nil {
				return err
			}
			fmt.Fprintf(&b, "%s %v %d", path, info.ModTime().UnixNano(), info.Size())
			if st, ok := info.Sys().(*syscall.Stat_t); ok {
				fmt.Fprintf(&b, " %d", st.Ino)
			}
			b.WriteByte('\n')
			return nil
		}))
	}
	return b.String()
}

// example NAME DIR copies an example of the repository.
func cmdExample(ts *testscript.TestScript, _ bool, args []string) {
	if len(args) != 2 {
		ts.Fatalf("usage: example NAME DIR")
	}
	ts.Check(os.CopyFS(ts.MkAbs(args[1]), os.DirFS(filepath.Join(examples, args[0]))))
}

// nobody CODE PROGRAM ARG… is exits for somebody without rights: root may read and write everything.
func cmdNobody(ts *testscript.TestScript, neg bool, args []string) {
	if os.Getuid() != 0 {
		cmdExits(ts, neg, args)
		return
	}
	// All that leads to the program and to the files has to be passable.
	program, err := exec.LookPath(args[1])
	ts.Check(err)
	work := ts.Getenv("WORK")
	for _, p := range []string{program, ts.MkAbs("."), work} {
		for dir := filepath.Dir(p); len(dir) > len(os.TempDir()); dir = filepath.Dir(dir) {
			info, err := os.Stat(dir)
			ts.Check(err)
			ts.Check(os.Chmod(dir, info.Mode()|0o055))
		}
	}
	ts.Check(os.Chmod(work, 0o755)) //nolint:gosec // a folder of this test
	setpriv, err := exec.LookPath("setpriv")
	if err != nil {
		ts.Fatalf("setpriv is missing: apt-get install util-linux")
	}
	cmdExits(ts, neg, append([]string{args[0], setpriv, "--reuid=65534", "--regid=65534", "--clear-groups", program}, args[2:]...))
}
