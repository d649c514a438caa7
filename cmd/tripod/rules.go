package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/tripod-dns/tripod/internal/engine"
	"github.com/tripod-dns/tripod/internal/report"
)

func (a *app) rulesCmd() *cobra.Command {
	var format string
	c := &cobra.Command{
		Use:   "rules",
		Short: "List the rules of the linter",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			switch format {
			case "json":
				return report.RulesJSON(a.stdout, engine.Rules())
			case "markdown":
				return report.RulesMarkdown(a.stdout, engine.Rules())
			}
			t := report.NewText(a.stdout, a.style(a.stdoutTTY, a.stdout))
			t.Rules(engine.Rules())
			return t.Err()
		},
	}
	formatFlag(c, &format, "text", "json", "markdown")
	return c
}

func (a *app) explainCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "explain RULE",
		Short: "Explain a rule: what it finds, why it matters, what to do",
		Args:  one("RULE"),
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			var ids []string
			for _, r := range engine.Rules() {
				ids = append(ids, r.ID+"\t"+r.Summary)
			}
			return ids, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			r, near := engine.Rule(args[0])
			if r == nil {
				hint := "tripod rules lists them"
				if near != "" {
					hint = fmt.Sprintf("did you mean %s?", near)
				}
				return fmt.Errorf("no rule %q: %s", args[0], hint)
			}
			t := report.NewText(a.stdout, a.style(a.stdoutTTY, a.stdout))
			t.Explain(r)
			return t.Err()
		},
	}
}

func (a *app) versionCmd() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			return write(a.stdout, "tripod "+version()+"\n")
		},
	}
}

// version is what version prints.
func version() string {
	v := moduleVersion()
	if v == "" {
		v = "(devel)"
	}
	return v + " " + runtime.Version()
}

// moduleVersion is the module's version as Go recorded it when it built the program; "" for a build that has none.
func moduleVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "(devel)" {
		return ""
	}
	return info.Main.Version
}
