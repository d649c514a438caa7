package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/internal/report"
)

func (a *app) planCmd() *cobra.Command {
	var (
		look         lookupFlags
		format, fail string
		base         engine.BaseOptions
		exitCode     bool
	)
	c := &cobra.Command{
		Use:   "plan [DIR]",
		Short: "Show what a merge changes, and what that means for the mail",
		Long: `Plan lints, compares the records with a base, and says what the changes mean: which addresses gain or
lose the right to send, which names change DMARC policy, how many of the ten SPF lookups are left.

--against git:REF    the definitions at a git revision (default: the merge base with the default branch)
--against zones:DIR  zone files, DIR/<zone>.zone
--against dns        what the authoritative name servers answer for the names of the definitions
--against provider   what the providers have: BIND's zone files, else what dnscontrol says (needs creds.json)
--against empty      nothing: every record set is new`,
		Args: oneDir,
		RunE: func(c *cobra.Command, args []string) error {
			if base.Against == "dns" && look.offline && c.Flags().Changed("offline") {
				return errors.New("--against dns asks name servers, --offline forbids it: leave one of them out")
			}
			base.Getenv, base.Log = a.getenv, a.stderr
			repo, err := a.open(c, dirArg(args), look)
			if err != nil {
				return a.loadError(format, err)
			}
			threshold, err := failOn(fail, repo)
			if err != nil {
				return err
			}
			plan, lint, err := repo.PlanAgainst(c.Context(), base)
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
	c.Flags().StringVar(&base.Against, "against", "", "the `BASE` to compare with: git:REF, zones:DIR, dns, provider or empty")
	c.Flags().StringArrayVar(&base.Servers, "server", nil, "with --against dns, ask this name server instead of those of the zones, `HOST:PORT` (repeatable)")
	c.Flags().StringVar(&base.Creds, "creds", "", "with --against provider, credentials `FILE` of dnscontrol (default creds.json at the root of the repository)")
	c.Flags().StringVar(&fail, "fail-on", "", "exit 1 when a finding has this `SEVERITY` or a worse one: error, warning, info, never (default lint { fail_on }, else error)")
	c.Flags().BoolVar(&exitCode, "exit-code", false, "exit 3 when there are changes")
	return c
}
