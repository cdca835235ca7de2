package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"relayctl/internal/report"
	"relayctl/internal/suggest"
)

// app is what every command works with.
type app struct {
	kill    context.Context // done: end at once
	stdin   io.Reader
	stdout  io.Writer
	stderr  io.Writer
	env     func(string) (string, bool)
	color   string
	profile string
}

func newRootCmd(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "relayctl",
		Short: "Play both ends of Relay's push-event webhook",
		Long: `relayctl plays both ends of Relay's push-event webhook, offline.

  relayctl send      plays Relay against an endpoint (or against itself)
  relayctl listen    plays the endpoint during development
  relayctl validate  lints events

What Relay's documentation does not say is marked "assumed" wherever it shows,
and can be configured.

Every flag can also be set by an environment variable (RELAYCTL_ and the flag in
upper case, with _ for -) and in a profile of relayctl.yaml; see "relayctl init".
Exit codes: 0 all is well, 1 the endpoint or the data fell short, 2 usage or
configuration, 3 the environment failed, 130 interrupted.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0])
		},
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			if err := a.applyDefaults(cmd); err != nil {
				return usage(err)
			}
			_, err := report.ParseColor(a.color)
			return usage(err)
		},
	}
	root.PersistentFlags().StringVar(&a.color, "color", "auto", "colour the output: auto, always or never")
	root.PersistentFlags().StringVar(&a.profile, "profile", "", "profile of relayctl.yaml to use (the one named default, unless given)")
	root.SetFlagErrorFunc(flagError)
	root.AddCommand(
		newSendCmd(a), newListenCmd(a), newGenerateCmd(a), newValidateCmd(a),
		newEventsCmd(a), newScenariosCmd(a), newSchemaCmd(a), newInitCmd(a), newVersionCmd(a),
	)
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	for _, c := range root.Commands() {
		if c.Args == nil && c.Name() != "completion" {
			c.Args = cobra.NoArgs
		}
		if args := c.Args; args != nil {
			c.Args = func(cmd *cobra.Command, list []string) error { return usage(args(cmd, list)) }
		}
	}
	return root
}

func unknownCommand(root *cobra.Command, name string) error {
	var names []string
	for _, c := range root.Commands() {
		if !c.Hidden {
			names = append(names, c.Name())
		}
	}
	return &exitError{code: exitUsage, err: fmt.Errorf("unknown command %q%s", name, suggest.DidYouMean(name, names)), hint: "relayctl --help lists the commands"}
}

// flagError names the nearest flag to an unknown one.
func flagError(cmd *cobra.Command, err error) error {
	var missing *pflag.NotExistError
	if errors.As(err, &missing) {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		near := ""
		if n := suggest.Nearest(missing.GetSpecifiedName(), names); n != "" {
			near = fmt.Sprintf("; did you mean --%s?", n)
		}
		err = fmt.Errorf("%w%s", err, near)
	}
	return &exitError{code: exitUsage, err: err, hint: "relayctl " + cmd.Name() + " --help lists the flags"}
}

// style looks at stdout with the user's colour mode.
func (a *app) style(w io.Writer) *report.Style {
	mode, _ := report.ParseColor(a.color) // checked before any command runs
	return report.NewStyle(w, mode)
}

// checkOutput checks an --output flag.
func checkOutput(s string) error {
	if s == "text" || s == "json" {
		return nil
	}
	return usageError("output takes text or json, not %q%s", s, suggest.DidYouMean(s, []string{"text", "json"}))
}
