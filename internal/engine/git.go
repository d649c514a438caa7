package engine

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
)

// A gitTree is the files below the repository's root in a commit.
type gitTree struct {
	root   string
	commit string
	prefix string            // of root below the top of the git repository, "" or with a final slash
	blobs  map[string]string // object names by path below root

	mu  sync.Mutex
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

// maxGitOutput bounds what is read of a listing, in bytes.
const maxGitOutput = 256 << 20

// git runs git in dir and gives its output.
func git(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", dir, "--no-optional-locks"}, args...)...) //nolint:gosec // arguments are ours; references follow --end-of-options
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return "", errors.New("git is not installed")
		}
		if text := strings.TrimSpace(stderr.String()); text != "" {
			first, _, _ := strings.Cut(text, "\n")
			return "", fmt.Errorf("git %s: %s", args[0], strings.TrimPrefix(first, "fatal: "))
		}
		return "", fmt.Errorf("git %s: %w", args[0], err)
	}
	if stdout.Len() > maxGitOutput {
		return "", fmt.Errorf("git %s: more than %d MiB of output", args[0], maxGitOutput>>20)
	}
	return stdout.String(), nil
}

// inGit tells whether dir is in a git checkout that has a commit.
func inGit(ctx context.Context, dir string) bool {
	_, err := git(ctx, dir, "rev-parse", "--verify", "--quiet", "HEAD^{commit}")
	return err == nil
}

// defaultBase is the merge base of HEAD with the default branch, else HEAD; ref is how a person would name it.
func defaultBase(ctx context.Context, dir string) (ref, commit string, err error) {
	for _, branch := range []string{"refs/remotes/origin/HEAD", "refs/remotes/origin/main", "refs/remotes/origin/master", "refs/heads/main", "refs/heads/master"} {
		out, err := git(ctx, dir, "merge-base", "HEAD", branch)
		if err != nil {
			continue
		}
		name := strings.TrimPrefix(strings.TrimPrefix(branch, "refs/remotes/"), "refs/heads/")
		if target, err := git(ctx, dir, "symbolic-ref", "--quiet", "--short", branch); err == nil {
			name = strings.TrimSpace(target)
		}
		return name, strings.TrimSpace(out), nil
	}
	commit, err = revision(ctx, dir, "HEAD")
	return "HEAD", commit, err
}

// revision is the commit that a reference names.
func revision(ctx context.Context, dir, ref string) (string, error) {
	out, err := git(ctx, dir, "rev-parse", "--verify", "--quiet", "--end-of-options", ref+"^{commit}")
	if err != nil {
		return "", fmt.Errorf("git knows no revision %q", ref)
	}
	return strings.TrimSpace(out), nil
}

// openGit lists a commit's files below dir. Symbolic links and submodules are left out.
func openGit(ctx context.Context, dir, commit string) (*gitTree, error) {
	prefix, err := git(ctx, dir, "rev-parse", "--show-prefix")
	if err != nil {
		return nil, err
	}
	t := &gitTree{root: dir, commit: commit, prefix: strings.TrimSuffix(prefix, "\n"), blobs: map[string]string{}}
	list, err := git(ctx, dir, "ls-tree", "-r", "-z", "--end-of-options", commit, "--", ".")
	if err != nil {
		return nil, err
	}
	for entry := range strings.SplitSeq(list, "\x00") {
		// "100644 blob 0123… \tpath", relative to the directory
		meta, path, ok := strings.Cut(entry, "\t")
		fields := strings.Fields(meta)
		if !ok || len(fields) != 3 || fields[1] != "blob" || fields[0] == "120000" {
			continue
		}
		t.blobs[path] = fields[2]
	}
	return t, nil
}

func (t *gitTree) paths() []string {
	out := make([]string, 0, len(t.blobs))
	for p := range t.blobs {
		out = append(out, p)
	}
	return out
}

// read gives a file's bytes, at most limit of them. One git process serves all of them, one after the other.
func (t *gitTree) read(ctx context.Context, path string, limit int64) (_ []byte, err error) {
	oid, ok := t.blobs[path]
	if !ok {
		return nil, &fs.PathError{Op: "read", Path: path, Err: fs.ErrNotExist}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if err := t.start(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if _, err := io.WriteString(t.in, oid+"\n"); err != nil {
		return nil, fmt.Errorf("read %s of commit %s: %w", path, t.commit, err)
	}
	head, err := t.out.ReadString('\n')
	if err != nil {
		return nil, fmt.Errorf("read %s of commit %s: %w", path, t.commit, err)
	}
	fields := strings.Fields(head) // "<oid> blob <size>", or "<oid> missing"
	if len(fields) != 3 {
		return nil, fmt.Errorf("read %s of commit %s: the object is not here (a partial clone?)", path, t.commit)
	}
	size, err := strconv.ParseInt(fields[2], 10, 64)
	if err != nil {
		return nil, fmt.Errorf("read %s of commit %s: %w", path, t.commit, err)
	}
	if size > limit {
		_, err = io.CopyN(io.Discard, t.out, size+1)
		return nil, errors.Join(fmt.Errorf("%s of commit %s has %d octets, the limit is %d", path, t.commit, size, limit), err)
	}
	buf := make([]byte, size+1) // and the line feed behind it
	if _, err := io.ReadFull(t.out, buf); err != nil {
		return nil, fmt.Errorf("read %s of commit %s: %w", path, t.commit, err)
	}
	return buf[:size], nil
}

func (t *gitTree) start() error {
	if t.cmd != nil {
		return nil
	}
	cmd := exec.Command("git", "-C", t.root, "--no-optional-locks", "cat-file", "--batch") //nolint:gosec // the directory is the repository's root
	cmd.Stderr = io.Discard
	in, err := cmd.StdinPipe()
	if err != nil {
		return err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("git cat-file: %w", err)
	}
	t.cmd, t.in, t.out = cmd, in, bufio.NewReaderSize(out, 64<<10)
	return nil
}

// close ends the git process.
func (t *gitTree) close() {
	if t.cmd == nil {
		return
	}
	// It was only read from, so how it ends does not matter.
	_ = t.in.Close()
	_ = t.cmd.Wait()
	t.cmd = nil
}

// export writes those files of the commit for which keep is true below dir: what dnsconfig.js may require.
func (t *gitTree) export(ctx context.Context, dir string, keep func(path string) bool) error {
	const limit = 64 << 20
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	total := 0
	for path := range t.blobs {
		if !keep(path) {
			continue
		}
		b, err := t.read(ctx, path, limit)
		if err != nil {
			return err
		}
		if total += len(b); total > limit {
			return fmt.Errorf("the scripts of commit %s have more than %d MiB", t.commit, limit>>20)
		}
		if i := strings.LastIndexByte(path, '/'); i > 0 {
			if err := root.MkdirAll(path[:i], 0o700); err != nil {
				return err
			}
		}
		if err := root.WriteFile(path, b, 0o600); err != nil {
			return err
		}
	}
	return nil
}
