package main

import (
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/internal/report"
)

func (a *app) lintCmd() *cobra.Command {
	var (
		look         lookupFlags
		format, fail string
		fix, diff    bool
	)
	c := &cobra.Command{
		Use:   "lint [DIR]",
		Short: "Say what is wrong with the records that would be published",
		Long: `Lint looks at the records that the definitions produce, in the world after the merge, and points at
the words that are wrong. It exits 1 when a finding reaches --fail-on, 2 when the definitions cannot be
loaded.`,
		Args: oneDir,
		RunE: func(c *cobra.Command, args []string) error {
			repo, err := a.open(c, dirArg(args), look)
			if err != nil {
				return a.loadError(format, err)
			}
			threshold, err := failOn(fail, repo)
			if err != nil {
				return err
			}
			result, err := repo.Lint(c.Context())
			if err != nil {
				return err
			}
			if diff {
				fixes, err := repo.Fixes(result.Findings)
				if err != nil {
					return err
				}
				return write(a.stdout, report.PlainLines(fixes.Diff()))
			}
			if fix {
				if repo, result, err = a.fix(c, dirArg(args), look, repo, result); err != nil {
					return err
				}
			}
			switch format {
			case "json":
				err = report.LintJSON(a.stdout, result)
			case "markdown":
				err = report.LintMarkdown(a.stdout, files(repo), result)
			case "sarif":
				err = report.LintSARIF(a.stdout, files(repo), result, checkoutDir(repo.Root), moduleVersion())
			case "github":
				err = report.LintGitHub(a.stdout, result, checkoutDir(repo.Root))
			case "gitlab":
				err = report.LintGitLab(a.stdout, files(repo), result, checkoutDir(repo.Root))
			case "rdjson":
				err = report.LintRDJSON(a.stdout, files(repo), result, checkoutDir(repo.Root))
			default:
				t := report.NewText(a.stdout, a.style(a.stdoutTTY, a.stdout))
				t.Lint(files(repo), result)
				err = t.Err()
			}
			if err != nil {
				return err
			}
			if result.Reaches(threshold) {
				return &exit{code: exitFindings}
			}
			return nil
		},
	}
	look.add(a, c)
	formatFlag(c, &format, "text", "json", "markdown", "sarif", "github", "gitlab", "rdjson")
	c.Flags().StringVar(&fail, "fail-on", "", "exit 1 when a finding has this `SEVERITY` or a worse one: error, warning, info, never (default lint { fail_on }, else error)")
	c.Flags().BoolVar(&fix, "fix", false, "mend what has one right answer in the definitions, then lint what is left; never raises enforcement, never lets anyone new send")
	c.Flags().BoolVar(&diff, "diff", false, "show what --fix would change instead of the findings, and write nothing")
	c.MarkFlagsMutuallyExclusive("fix", "diff")
	return c
}

// fix mends what it can and lints anew.
func (a *app) fix(c *cobra.Command, dir string, look lookupFlags, repo *engine.Repo, result *engine.LintResult) (*engine.Repo, *engine.LintResult, error) {
	fixes, err := repo.Fixes(result.Findings)
	if err != nil {
		return nil, nil, err
	}
	if err := repo.WriteFixes(c.Context(), fixes); err != nil {
		return nil, nil, err
	}
	for _, f := range fixes.Files {
		if err := write(a.stderr, "fixed "+report.Plain(f.Path)+"\n"); err != nil {
			return nil, nil, err
		}
	}
	if len(fixes.Files) == 0 {
		return repo, result, nil
	}
	if repo, err = a.open(c, dir, look); err != nil {
		return nil, nil, err
	}
	result, err = repo.Lint(c.Context())
	return repo, result, err
}

// checkoutDir is a root's place in its git checkout, with forward slashes, for formats that name files from the checkout's top; "" where it is
// the top itself, or in none.
func checkoutDir(root string) string {
	for dir := root; ; dir = filepath.Dir(dir) {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			rel, err := filepath.Rel(dir, root)
			if err != nil || rel == "." {
				return ""
			}
			return filepath.ToSlash(rel)
		}
		if filepath.Dir(dir) == dir {
			return ""
		}
	}
}

// loadError writes definitions that cannot be loaded as JSON where JSON was asked for.
func (a *app) loadError(format string, err error) error {
	if format != "json" {
		return err
	}
	if werr := report.ErrorsJSON(a.stdout, err); werr != nil {
		return werr
	}
	return &exit{code: exitUnusable}
}
