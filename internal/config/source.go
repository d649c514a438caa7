package config

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"sort"
	"strings"
)

// Limits on what is read, so that no repository can exhaust memory.
const (
	MaxFileSize  = 1 << 20   // octets in a file
	maxTotalSize = 256 << 20 // octets in all files of a load
	maxFiles     = 100_000   // files of a load
)

// SettingsFile is the name of the file that makes a directory a root.
const SettingsFile = "tripod.hcl"

// A Source is where definitions are read from: a directory, or a tree of git. Paths are relative to the root,
// with forward slashes.
type Source interface {
	// Glob lists the files that a pattern matches, sorted. Each part of the pattern is as in path.Match; the part
	// "**" stands for any number of directories, none included.
	Glob(ctx context.Context, pattern string) ([]string, error)
	// Read gives a file's bytes, which nobody changes afterwards. The error for a file that is not there wraps
	// fs.ErrNotExist. A file of more than MaxFileSize octets is an error, and is not read.
	Read(ctx context.Context, path string) ([]byte, error)
}

// FindRoot is the nearest directory at or above dir that holds tripod.hcl. It looks no higher than the root of
// the git repository that dir is in; outside of one it looks in dir alone.
func FindRoot(dir string) (string, error) {
	abs, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("find %s: %w", SettingsFile, err)
	}
	if info, err := os.Stat(abs); err != nil {
		if e := (*fs.PathError)(nil); errors.As(err, &e) {
			err = e.Err // the path as it was given says more than the whole one
		}
		return "", fmt.Errorf("find %s: %s: %w", SettingsFile, dir, err)
	} else if !info.IsDir() {
		return "", fmt.Errorf("find %s: %s is not a directory", SettingsFile, dir)
	}
	top := ""
	for d := abs; ; d = filepath.Dir(d) {
		if _, err := os.Lstat(filepath.Join(d, ".git")); err == nil {
			top = d
			break
		}
		if filepath.Dir(d) == d {
			break
		}
	}
	for d := abs; ; d = filepath.Dir(d) {
		if _, err := os.Lstat(filepath.Join(d, SettingsFile)); err == nil {
			return d, nil
		}
		if top == "" || d == top || filepath.Dir(d) == d {
			break
		}
	}
	if top == "" || top == abs {
		return "", fmt.Errorf("no %s in %s", SettingsFile, shown(dir))
	}
	return "", fmt.Errorf("no %s in %s or above it, up to the root of the git repository %s", SettingsFile, shown(dir), top)
}

// shown is a directory in a message.
func shown(dir string) string {
	if filepath.Clean(dir) == "." {
		return "the current directory"
	}
	return dir
}

// A DiskSource reads definitions from a directory. It opens regular files only, and never one outside of the
// directory, whatever symbolic links say.
type DiskSource struct {
	dir  string
	root *os.Root
}

// Disk opens a directory as a source. The caller closes it.
func Disk(dir string) (*DiskSource, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", dir, err)
	}
	return &DiskSource{dir: dir, root: root}, nil
}

// Close gives the directory back.
func (d *DiskSource) Close() error {
	if err := d.root.Close(); err != nil {
		return fmt.Errorf("close %s: %w", d.dir, err)
	}
	return nil
}

// A rereader is a source of which files can be had again at any time, so that nobody has to keep their bytes.
type rereader interface {
	Reread(path string) ([]byte, error)
}

// Reread is Read for places that are shown, long after the source was closed.
func (d *DiskSource) Reread(path string) (b []byte, err error) {
	again, err := Disk(d.dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, again.Close()) }()
	return again.Read(context.Background(), path)
}

// Read implements Source. A file is looked at before it is opened, so that a FIFO cannot block and a large file
// is refused from its size.
func (d *DiskSource) Read(_ context.Context, name string) ([]byte, error) {
	local := filepath.FromSlash(name)
	info, err := d.root.Stat(local)
	if err != nil {
		return nil, d.explain(err)
	}
	if err := checkFile(info); err != nil {
		return nil, err
	}
	f, err := d.root.OpenFile(local, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, d.explain(err)
	}
	defer func() { _ = f.Close() }() // nothing was written
	// It may have been exchanged in between.
	if info, err = f.Stat(); err != nil {
		return nil, d.explain(err)
	}
	if err := checkFile(info); err != nil {
		return nil, err
	}
	buf := make([]byte, 0, info.Size()+1)
	for {
		n, err := f.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if len(buf) > MaxFileSize {
			return nil, tooLarge(int64(len(buf)))
		}
		if errors.Is(err, io.EOF) {
			return buf, nil
		}
		if err != nil {
			return nil, d.explain(err)
		}
		if len(buf) == cap(buf) {
			buf = append(buf, 0)[:len(buf)]
		}
	}
}

func (d *DiskSource) explain(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, fs.ErrPermission) {
		return err
	}
	if strings.Contains(err.Error(), "escapes from parent") { // os.Root has no error value for it
		return errors.New("a symbolic link leads out of the directory of " + SettingsFile)
	}
	return err
}

func checkFile(info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("not a regular file but a %s", kindOf(info.Mode()))
	}
	if info.Size() > MaxFileSize {
		return tooLarge(info.Size())
	}
	return nil
}

func tooLarge(size int64) error {
	if size >= 10<<20 {
		return fmt.Errorf("file of %d MiB, the limit is 1 MiB", size>>20)
	}
	return fmt.Errorf("file of %d octets, the limit is %d (1 MiB)", size, MaxFileSize)
}

func kindOf(m fs.FileMode) string {
	switch {
	case m.IsDir():
		return "directory"
	case m&fs.ModeNamedPipe != 0:
		return "FIFO"
	case m&fs.ModeSocket != 0:
		return "socket"
	case m&fs.ModeDevice != 0:
		return "device"
	}
	return "special file"
}

// Glob implements Source.
func (d *DiskSource) Glob(ctx context.Context, pattern string) ([]string, error) {
	var out []string
	seen := 0
	var walk func(dir string, parts []string) error
	walk = func(dir string, parts []string) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if len(parts) > 1 && !isMagic(parts[0]) {
			return walk(path.Join(dir, parts[0]), parts[1:])
		}
		if len(parts) == 1 && !isMagic(parts[0]) {
			name := path.Join(dir, parts[0])
			if _, err := d.root.Lstat(filepath.FromSlash(name)); err == nil {
				out = append(out, name)
			}
			return nil
		}
		entries, err := d.entries(dir)
		if err != nil {
			return err
		}
		if seen += len(entries); seen > 10*maxFiles {
			return fmt.Errorf("pattern %q looks at more than %d files", pattern, 10*maxFiles)
		}
		if parts[0] == "**" {
			if len(parts) > 1 {
				if err := walk(dir, parts[1:]); err != nil {
					return err
				}
			}
			for _, e := range entries {
				// Hidden directories (.git) and links to directories are not gone into.
				if e.IsDir() && !strings.HasPrefix(e.Name(), ".") {
					if err := walk(path.Join(dir, e.Name()), parts); err != nil {
						return err
					}
				}
			}
			return nil
		}
		for _, e := range entries {
			if ok, err := path.Match(parts[0], e.Name()); err != nil || !ok || hidden(parts[0], e.Name()) {
				continue
			}
			name := path.Join(dir, e.Name())
			if len(parts) == 1 {
				if !e.IsDir() {
					out = append(out, name)
				}
				continue
			}
			if e.IsDir() || e.Type()&fs.ModeSymlink != 0 {
				if err := walk(name, parts[1:]); err != nil {
					return err
				}
			}
		}
		return nil
	}
	if err := walk(".", strings.Split(pattern, "/")); err != nil {
		return nil, err
	}
	return sortUnique(out), nil
}

// entries lists a directory; one that is not there, or no directory, has none.
func (d *DiskSource) entries(dir string) ([]fs.DirEntry, error) {
	info, err := d.root.Stat(filepath.FromSlash(dir))
	if errors.Is(err, fs.ErrNotExist) || (err == nil && !info.IsDir()) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, d.explain(err))
	}
	f, err := d.root.Open(filepath.FromSlash(dir))
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, d.explain(err))
	}
	defer func() { _ = f.Close() }() // nothing was written
	entries, err := f.ReadDir(-1)
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", dir, err)
	}
	return entries, nil
}

func isMagic(part string) bool { return strings.ContainsAny(part, `*?[\`) }

// hidden: a pattern must say the dot to match a file that begins with one.
func hidden(pattern, name string) bool {
	return strings.HasPrefix(name, ".") && !strings.HasPrefix(pattern, ".")
}

func sortUnique(s []string) []string {
	sort.Strings(s)
	out := s[:0]
	for i, v := range s {
		if i == 0 || v != s[i-1] {
			out = append(out, v)
		}
	}
	return out
}

type treeSource struct {
	paths []string
	read  func(ctx context.Context, path string) ([]byte, error)
}

// Tree is a source over a list of files, such as the blobs of a git tree (leave symbolic links out of paths).
// read is called for files that are needed only, from several goroutines at once; it keeps to Read's contract
// about fs.ErrNotExist, the limit on size is seen to here.
func Tree(paths []string, read func(ctx context.Context, path string) ([]byte, error)) Source {
	return &treeSource{paths: sortUnique(append([]string(nil), paths...)), read: read}
}

// Map is a source over files in memory, by their path.
func Map(files map[string][]byte) Source {
	paths := make([]string, 0, len(files))
	for p := range files {
		paths = append(paths, p)
	}
	return Tree(paths, func(_ context.Context, p string) ([]byte, error) { return files[p], nil })
}

func (t *treeSource) Glob(_ context.Context, pattern string) ([]string, error) {
	parts := strings.Split(pattern, "/")
	var out []string
	for _, p := range t.paths {
		if matchParts(parts, strings.Split(p, "/")) {
			out = append(out, p)
		}
	}
	return out, nil
}

func (t *treeSource) Read(ctx context.Context, name string) ([]byte, error) {
	i := sort.SearchStrings(t.paths, name)
	if i == len(t.paths) || t.paths[i] != name {
		return nil, &fs.PathError{Op: "read", Path: name, Err: fs.ErrNotExist}
	}
	b, err := t.read(ctx, name)
	if err != nil {
		return nil, err
	}
	if len(b) > MaxFileSize {
		return nil, tooLarge(int64(len(b)))
	}
	return b, nil
}

func matchParts(pattern, name []string) bool {
	for len(pattern) > 0 && pattern[0] != "**" {
		if len(name) == 0 || hidden(pattern[0], name[0]) {
			return false
		}
		if ok, err := path.Match(pattern[0], name[0]); err != nil || !ok {
			return false
		}
		pattern, name = pattern[1:], name[1:]
	}
	if len(pattern) == 0 {
		return len(name) == 0
	}
	for len(pattern) > 1 && pattern[1] == "**" {
		pattern = pattern[1:]
	}
	for i := 0; i < len(name); i++ {
		if len(pattern) > 1 && matchParts(pattern[1:], name[i:]) {
			return true
		}
		if strings.HasPrefix(name[i], ".") {
			return false
		}
	}
	return false
}

// checkPattern says what is wrong with a pattern of files, if anything is.
func checkPattern(pattern string) error {
	switch {
	case pattern == "":
		return errors.New("empty pattern")
	case strings.HasPrefix(pattern, "/"), filepath.IsAbs(pattern), strings.Contains(pattern, `\`):
		return errors.New("files are named relative to the directory of " + SettingsFile + ", with forward slashes")
	case len(pattern) > 1000 || strings.Count(pattern, "**") > 4:
		return errors.New("pattern too long, or with too many **")
	}
	for _, part := range strings.Split(pattern, "/") {
		switch {
		case part == "..":
			return errors.New("files must lie in the directory of " + SettingsFile + " or below it")
		case part == "" || part == ".":
			return errors.New("empty path element")
		case part != "**" && strings.Contains(part, "**"):
			return errors.New("** must stand alone between slashes")
		}
		if _, err := path.Match(part, ""); err != nil {
			return errors.New("malformed pattern")
		}
	}
	if strings.HasSuffix(pattern, "**") {
		return errors.New("write **/*.hcl")
	}
	return nil
}
