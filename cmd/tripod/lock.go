package main

import (
	"github.com/spf13/cobra"

	"github.com/tripod-dns/tripod/internal/report"
)

func (a *app) lockCmd() *cobra.Command {
	var (
		look   lookupFlags
		format string
	)
	c := &cobra.Command{
		Use:   "lock [DIR]",
		Short: "Refresh tripod.lock.json from live DNS",
		Long: `Lock asks what lint and plan need of third parties, drops the rest, and says what changed. An answer that fails
keeps its old entry and is listed.`,
		Args: oneDir,
		RunE: func(c *cobra.Command, args []string) error {
			look.lock = true
			repo, err := a.open(c, dirArg(args), look)
			if err != nil {
				return err
			}
			changes, err := repo.RefreshLock(c.Context())
			if err != nil {
				return err
			}
			switch format {
			case "json":
				err = report.LockJSON(a.stdout, changes)
			case "markdown":
				err = report.LockMarkdown(a.stdout, changes)
			default:
				t := report.NewText(a.stdout, a.style(a.stdoutTTY, a.stdout))
				t.Lock(changes)
				err = t.Err()
			}
			if err != nil {
				return err
			}
			if len(changes.Failed) > 0 {
				return &exit{code: exitUnusable}
			}
			return nil
		},
	}
	c.Flags().StringArrayVar(&look.resolvers, "resolver", nil, "recursive name server to ask, `HOST:PORT` (repeatable; default the system's)")
	look.addRest(c)
	formatFlag(c, &format, "text", "json", "markdown")
	return c
}
