package main

import (
	"github.com/spf13/cobra"

	"github.com/tripod-dns/tripod/internal/report"
)

func (a *app) lintCmd() *cobra.Command {
	var (
		look         lookupFlags
		format, fail string
	)
	c := &cobra.Command{
		Use:   "lint [DIR]",
		Short: "Say what is wrong with the records that would be published",
		Long: `Lint looks at the records that the definitions produce, in the world after the merge, and points at
the words that are wrong. It exits 1 when a finding reaches --fail-on, 2 when the definitions cannot be
loaded.`,
		Args: cobra.MaximumNArgs(1),
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
			switch format {
			case "json":
				err = report.LintJSON(a.stdout, result)
			case "markdown":
				err = report.LintMarkdown(a.stdout, files(repo), result)
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
	formatFlag(c, &format, "text", "json", "markdown")
	c.Flags().StringVar(&fail, "fail-on", "", "exit 1 when a finding has this `SEVERITY` or a worse one: error, warning, info, never (default lint { fail_on }, else error)")
	return c
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
