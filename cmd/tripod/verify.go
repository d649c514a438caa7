package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/internal/report"
	"github.com/tripod-dns/tripod/internal/zone"
)

func (a *app) verifyCmd() *cobra.Command {
	var (
		look    lookupFlags
		format  string
		domains []string
		o       engine.VerifyOptions
	)
	c := &cobra.Command{
		Use:   "verify [DIR]",
		Short: "Ask every name server whether it serves what is declared",
		Long: `Verify asks every authoritative name server of each zone, at each address that this machine has a route to,
for every declared record, and the web for MTA-STS policies. It says what is wrong, missing, different from
server to server, or published without being declared: SPF, DMARC, MTA-STS and TLS reporting of the names that
mail is for, and DKIM selectors that the key ledger has let go. TTLs and the SOA are not compared.

A server that is lame, silent or fails is named as such; none of its records is called wrong.

Exit code: 0 all is as declared; 1 something differs; 2 nothing differs, but not everything could be asked.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			for _, s := range domains {
				n, err := zone.ParseName(s)
				if err != nil {
					return fmt.Errorf("--domain %s: %w", s, err)
				}
				o.Domains = append(o.Domains, n)
			}
			repo, err := a.open(c, dirArg(args), look)
			if err != nil {
				return a.loadError(format, err)
			}
			result, err := repo.Verify(c.Context(), o)
			if err != nil {
				return err
			}
			switch format {
			case "json":
				err = report.VerifyJSON(a.stdout, result)
			case "markdown":
				err = report.VerifyMarkdown(a.stdout, result)
			default:
				t := report.NewText(a.stdout, a.style(a.stdoutTTY, a.stdout))
				t.Verify(result)
				err = t.Err()
			}
			if err != nil {
				return err
			}
			switch counts := result.Counts(); {
			case counts.Differ():
				return &exit{code: exitFindings}
			case counts.Incomplete():
				return &exit{code: exitUnusable, err: errors.New("verify: not everything could be asked")}
			}
			return nil
		},
	}
	look.addRest(c)
	formatFlag(c, &format, "text", "json", "markdown")
	fl := c.Flags()
	fl.StringArrayVar(&look.resolvers, "resolver", nil, "recursive name server that finds delegations and addresses, `HOST:PORT` (repeatable; default the system's)")
	fl.StringArrayVar(&o.Servers, "server", nil, "ask this name server instead of those of the zones, `HOST:PORT` (repeatable), as behind a split horizon")
	fl.StringVar(&o.Tag, "tag", "", "verify the definitions with this `TAG`: the view that --server serves (default those without one)")
	fl.StringArrayVar(&domains, "domain", nil, "verify only the definition of this `NAME` (repeatable)")
	fl.StringArrayVar(&o.Selectors, "selector", nil, "a DKIM `SELECTOR` that must not be published where it is not declared (repeatable)")
	return c
}
