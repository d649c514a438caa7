package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tripod-dns/tripod/internal/report"
)

func (a *app) renderCmd() *cobra.Command {
	var (
		look  lookupFlags
		check bool
		zones string
	)
	c := &cobra.Command{
		Use:   "render [DIR]",
		Short: "Write what dnscontrol reads",
		Long: `Render writes tripod.js and a JSON file for each zone into the output folder, and the policy files of mta_sts
blocks into mta-sts. Files are replaced whole or not at all. With --zones it writes zone files instead.`,
		Args: oneDir,
		RunE: func(c *cobra.Command, args []string) error {
			if zones == "" {
				look.noRest = "rendering does not need it"
			}
			repo, err := a.open(c, dirArg(args), look)
			if err != nil {
				return err
			}
			if zones != "" {
				changed, err := repo.RenderZones(c.Context(), zones)
				if err != nil {
					return a.partly(changed, err)
				}
				return a.changed(changed, "zone files")
			}
			if check {
				stale, err := repo.Stale(c.Context())
				if err != nil {
					return err
				}
				if len(stale) > 0 {
					return fmt.Errorf("not what the definitions render to: %s: run tripod render and commit what it writes", strings.Join(stale, ", "))
				}
				return write(a.stdout, "The rendered files are up to date.\n")
			}
			changed, err := repo.Render(c.Context())
			if err != nil {
				return a.partly(changed, err)
			}
			return a.changed(changed, "rendered files")
		},
	}
	look.offline = true // rendering looks nothing up but what flatten needs, which is in the lock file
	look.addRest(c)
	c.Flags().BoolVar(&check, "check", false, "write nothing; exit 2 when a committed file is not what the definitions render to")
	c.Flags().StringVar(&zones, "zones", "", "write zone files into `DIR`, which has to be there, instead")
	return c
}

// partly names what was written before err ended it.
func (a *app) partly(changed []string, err error) error {
	if len(changed) == 0 {
		return err
	}
	a.done = "the files named above were written whole, all others are as they were"
	if werr := a.changed(changed, ""); werr != nil {
		return werr
	}
	return err
}

func (a *app) changed(paths []string, what string) error {
	if len(paths) == 0 {
		return write(a.stdout, "Nothing to write: the "+what+" are up to date.\n")
	}
	var b strings.Builder
	for _, p := range paths {
		b.WriteString(report.Plain(p))
		b.WriteByte('\n')
	}
	return write(a.stdout, b.String())
}
