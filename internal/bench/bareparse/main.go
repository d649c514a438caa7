// Command bareparse parses every file named *.hcl below a directory with hclsyntax, on all processors and with tripod's setting of the
// garbage collector, and does nothing with them: the least that reading HCL costs.
package main

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

func main() {
	debug.SetGCPercent(400)
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: bareparse DIR")
		os.Exit(2)
	}
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "bareparse:", err)
		os.Exit(2)
	}
}

func run(dir string) error {
	var paths []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error { //nolint:gosec // whoever runs it names the directory
		if err == nil && !d.IsDir() && strings.HasSuffix(path, ".hcl") {
			paths = append(paths, path)
		}
		return err
	})
	if err != nil {
		return err
	}
	var next atomic.Int64
	var wg sync.WaitGroup
	errs := make([]error, len(paths))
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := next.Add(1) - 1; i < int64(len(paths)); i = next.Add(1) - 1 {
				errs[i] = parse(paths[i])
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func parse(path string) error {
	src, err := os.ReadFile(path) //nolint:gosec // the directory that the user names
	if err != nil {
		return err
	}
	if _, diags := hclsyntax.ParseConfig(src, path, hcl.InitialPos); diags.HasErrors() {
		return diags
	}
	return nil
}
