package main

import (
	"errors"
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"github.com/tripod-dns/tripod/internal/report"
	"github.com/tripod-dns/tripod/internal/zone"
)

func (a *app) spfCmd() *cobra.Command {
	c := &cobra.Command{
		Use:   "spf",
		Short: "Look at SPF as receivers do",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.spfTreeCmd(), a.spfCheckCmd())
	return c
}

func (a *app) spfTreeCmd() *cobra.Command {
	var (
		look   lookupFlags
		format string
	)
	c := &cobra.Command{
		Use:   "tree NAME",
		Short: "Show a name's include tree, and what each term costs",
		Long: `Tree shows the worst case, which RFC 7208 §4.6.4 limits to ten lookups: every term evaluated, nothing
matching. NAME need not be in the repository.`,
		Args: one("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			name, err := zone.ParseName(args[0])
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			repo, err := a.open(c, ".", look)
			if err != nil {
				return a.loadError(format, err)
			}
			tree, err := repo.SPFTree(c.Context(), name)
			if err != nil {
				return err
			}
			switch format {
			case "json":
				return report.TreeJSON(a.stdout, tree)
			case "markdown":
				return report.TreeMarkdown(a.stdout, tree)
			case "mermaid":
				return report.TreeMermaid(a.stdout, tree)
			case "svg":
				return report.TreeSVG(a.stdout, tree)
			}
			t := report.NewText(a.stdout, a.style(a.stdoutTTY, a.stdout))
			t.Tree(tree)
			return t.Err()
		},
	}
	look.add(a, c)
	formatFlag(c, &format, "text", "json", "markdown", "mermaid", "svg")
	return c
}

func (a *app) spfCheckCmd() *cobra.Command {
	var (
		look               lookupFlags
		format             string
		ip, mailFrom, helo string
	)
	c := &cobra.Command{
		Use:   "check NAME --ip IP",
		Short: "Evaluate a name's SPF record for one client address",
		Long: `Check evaluates check_host() of RFC 7208 for NAME. It exits 0 whatever the result, and 2 when a name that it
needs is not at hand.`,
		Args: one("NAME"),
		RunE: func(c *cobra.Command, args []string) error {
			if ip == "" {
				return errors.New("spf check needs --ip ADDRESS: the client that sends")
			}
			addr, err := netip.ParseAddr(ip)
			if err != nil || addr.Zone() != "" {
				return fmt.Errorf("--ip %q is no IP address", ip)
			}
			repo, err := a.open(c, ".", look)
			if err != nil {
				return a.loadError(format, err)
			}
			domain := args[0] // whatever it is: of a name that no query can be made for, RFC 7208 §4.3 says none
			if name, err := zone.ParseName(domain); err == nil {
				domain = name.String()
			}
			result, err := repo.SPFCheck(c.Context(), domain, addr, mailFrom, helo)
			if err != nil {
				return err
			}
			switch format {
			case "json":
				return report.CheckJSON(a.stdout, result)
			case "markdown":
				return report.CheckMarkdown(a.stdout, domain, addr, result)
			}
			t := report.NewText(a.stdout, a.style(a.stdoutTTY, a.stdout))
			t.Check(domain, addr, result)
			return t.Err()
		},
	}
	look.add(a, c)
	formatFlag(c, &format, "text", "json", "markdown")
	c.Flags().StringVar(&ip, "ip", "", "client `ADDRESS`, IPv4 or IPv6 (required)")
	c.Flags().StringVar(&mailFrom, "mail-from", "", "`SENDER` of the envelope (default postmaster@NAME)")
	c.Flags().StringVar(&helo, "helo", "", "`NAME` that the client gives in HELO (default NAME)")
	return c
}
