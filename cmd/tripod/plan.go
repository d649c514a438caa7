package main

import (
	"github.com/spf13/cobra"

	"github.com/tripod-dns/tripod/internal/report"
)

func (a *app) planCmd() *cobra.Command {
	var (
		look                  lookupFlags
		format, fail, against string
		exitCode              bool
	)
	c := &cobra.Command{
		Use:   "plan [DIR]",
		Short: "Show what a merge changes, and what that means for the mail",
		Long: `Plan lints, compares the records with a base, and says what the changes mean: which addresses gain or
lose the right to send, which names change DMARC policy, how many of the ten SPF lookups are left.

--against git:REF    the definitions at a git revision (default: the merge base with the default branch)
--against zones:DIR  zone files, DIR/<zone>.zone
--against empty      nothing: every record set is new`,
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
			plan, lint, err := repo.Plan(c.Context(), against)
			if err != nil {
				return err
			}
			switch format {
			case "json":
				err = report.PlanJSON(a.stdout, plan, lint)
			case "markdown":
				err = report.PlanMarkdown(a.stdout, files(repo), plan, lint)
			default:
				t := report.NewText(a.stdout, a.style(a.stdoutTTY, a.stdout))
				t.Plan(files(repo), plan, lint)
				err = t.Err()
			}
			switch {
			case err != nil:
				return err
			case lint.Reaches(threshold):
				return &exit{code: exitFindings}
			case exitCode && len(plan.Domains) > 0:
				return &exit{code: exitChanges}
			}
			return nil
		},
	}
	look.add(a, c)
	formatFlag(c, &format, "text", "json", "markdown")
	c.Flags().StringVar(&against, "against", "", "the `BASE` to compare with: git:REF, zones:DIR or empty")
	c.Flags().StringVar(&fail, "fail-on", "", "exit 1 when a finding has this `SEVERITY` or a worse one: error, warning, info, never (default lint { fail_on }, else error)")
	c.Flags().BoolVar(&exitCode, "exit-code", false, "exit 3 when there are changes")
	return c
}
