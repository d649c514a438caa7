package main

import (
	"errors"

	"github.com/spf13/cobra"

	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/internal/report"
)

type pushFlags struct {
	look   lookupFlags
	creds  string
	format string
}

func (f *pushFlags) add(c *cobra.Command) {
	f.look.offline = true
	f.look.addRest(c)
	formatFlag(c, &f.format, "text", "json", "markdown")
	c.Flags().StringVar(&f.creds, "creds", "", "credentials `FILE` of dnscontrol (default creds.json at the root of the repository)")
}

func (a *app) pushResult(format string, r *engine.PushResult) error {
	switch format {
	case "json":
		return report.PushJSON(a.stdout, r)
	case "markdown":
		return report.PushMarkdown(a.stdout, r)
	}
	t := report.NewText(a.stdout, a.style(a.stdoutTTY, a.stdout))
	t.Push(r)
	return t.Err()
}

func (a *app) previewCmd() *cobra.Command {
	var f pushFlags
	c := &cobra.Command{
		Use:   "preview [DIR]",
		Short: "Show what push would change at the providers",
		Args:  oneDir,
		RunE: func(c *cobra.Command, args []string) error {
			repo, err := a.open(c, dirArg(args), f.look)
			if err != nil {
				return err
			}
			result, err := repo.Preview(c.Context(), engine.PushOptions{Creds: f.creds, Getenv: a.getenv, Log: a.stderr})
			if err != nil {
				return err
			}
			return a.pushResult(f.format, result)
		},
	}
	f.add(c)
	return c
}

func (a *app) pushCmd() *cobra.Command {
	var (
		f           pushFlags
		expect      string
		allowDelete bool
	)
	c := &cobra.Command{
		Use:   "push [DIR]",
		Short: "Apply the records through dnscontrol",
		Long: `Push applies what the definitions say: BIND zone files by itself, every other provider through the dnscontrol
executable, and only zones that change. With --expect it applies only what was reviewed: the digest that plan
printed. It refuses a zone in which it would delete much (more than 5 records; more than 30 % of 10 or more; an
A, AAAA or NS record at the apex) unless --allow-delete is given. A refusal exits 2 and applies nothing.`,
		Args: oneDir,
		RunE: func(c *cobra.Command, args []string) error {
			if a.getenv("TRIPOD_NOW") != "" {
				return errors.New("TRIPOD_NOW is for rehearsals: push refuses it")
			}
			repo, err := a.open(c, dirArg(args), f.look)
			if err != nil {
				return err
			}
			a.done = "all that was applied stands above: push again to go on"
			result, err := repo.Push(c.Context(), engine.PushOptions{Creds: f.creds, Expect: expect, AllowDelete: allowDelete, Getenv: a.getenv, Log: a.stderr})
			if err != nil {
				return err
			}
			return a.pushResult(f.format, result)
		},
	}
	f.add(c)
	c.Flags().StringVar(&expect, "expect", "", "apply only the changes with this `DIGEST` (plan prints it)")
	c.Flags().BoolVar(&allowDelete, "allow-delete", false, "delete as much as the definitions say")
	return c
}
