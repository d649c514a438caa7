package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/mitchellh/go-wordwrap"
	"github.com/spf13/cobra"

	"github.com/tripod-dns/tripod/internal/report"
)

// oneDir accepts the optional argument DIR.
func oneDir(c *cobra.Command, args []string) error {
	if len(args) > 1 {
		return fmt.Errorf("%s takes one DIR, not %d: %s", c.Name(), len(args), report.Plain(strings.Join(args, " ")))
	}
	return nil
}

// one accepts exactly one argument, which usage calls what.
func one(what string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		name := strings.TrimPrefix(c.CommandPath(), c.Root().Name()+" ")
		switch len(args) {
		case 0:
			return fmt.Errorf("%s needs a %s: %s", name, what, c.UseLine())
		case 1:
			return nil
		}
		return fmt.Errorf("%s takes one %s, not %d: %s", name, what, len(args), report.Plain(strings.Join(args, " ")))
	}
}

// helpWidth is how wide help is, in columns.
const helpWidth = 80

// wrapHelp lays the long help of a command, and of those below it, out anew. A line of a list ("--flag   what it does") keeps its
// second column.
func wrapHelp(c *cobra.Command) {
	var out []string
	for paragraph := range strings.SplitSeq(c.Long, "\n\n") {
		if !strings.HasPrefix(paragraph, "-") {
			out = append(out, wordwrap.WrapString(strings.ReplaceAll(paragraph, "\n", " "), helpWidth))
			continue
		}
		var list []string
		for line := range strings.SplitSeq(paragraph, "\n") {
			term, text, _ := strings.Cut(line, "  ")
			text = strings.TrimLeft(text, " ")
			indent := len(line) - len(text)
			text = wordwrap.WrapString(text, uint(max(helpWidth-indent, 20)))
			list = append(list, term+strings.Repeat(" ", indent-len(term))+strings.ReplaceAll(text, "\n", "\n"+strings.Repeat(" ", indent)))
		}
		out = append(out, strings.Join(list, "\n"))
	}
	c.Long = strings.Join(out, "\n\n")
	for _, sub := range c.Commands() {
		wrapHelp(sub)
	}
}

// parseDetail is what Go's number and flag parsers add for programmers.
var parseDetail = regexp.MustCompile(`: strconv\.\w+: parsing "[^"]*": .*$`)

// flagError says what is wrong with a flag, without the names of Go's functions.
func flagError(_ *cobra.Command, err error) error {
	return errors.New(parseDetail.ReplaceAllString(err.Error(), ""))
}
