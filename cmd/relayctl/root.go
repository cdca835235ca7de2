package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"relayctl/internal/report"
	"relayctl/internal/suggest"
)

// app is what every command works with.
type app struct {
	args    []string
	kill    context.Context // done: end at once
	stdin   io.Reader
	stdout  io.Writer
	stderr  *report.Screen
	env     func(string) (string, bool)
	color   string
	profile string
	typed   []*pflag.Flag // the flags of the command line
}

func newRootCmd(a *app) *cobra.Command {
	root := &cobra.Command{
		Use:   "relayctl",
		Short: "Play both ends of Relay's push-event webhook",
		Long: `relayctl plays both ends of Relay's push-event webhook, offline.

  relayctl send      plays Relay against an endpoint (or against itself)
  relayctl listen    plays the endpoint during development
  relayctl check     holds an endpoint to the contract, check by check
  relayctl validate  lints events

What Relay's documentation does not say is marked "assumed" wherever it shows,
and can be configured.

Every flag can also be set by an environment variable (RELAYCTL_ and the flag in
upper case, with _ for -) and in a profile of relayctl.yaml ("relayctl init").
Exit codes: 0 all is well, 1 the endpoint or the data fell short, 2 usage or
configuration, 3 the environment failed, 130 interrupted.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       versionText(),
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
			return oneOf("color", a.color, colors()...)
		},
	}
	root.PersistentFlags().StringVar(&a.color, "color", "auto", "colour the output: auto, always or never")
	root.PersistentFlags().StringVar(&a.profile, "profile", "", "profile of relayctl.yaml to use (the one named default, unless given)")
	root.SetFlagErrorFunc(a.flagError)
	root.SetUsageFunc(printUsage)
	root.SetVersionTemplate("{{.Version}}")
	root.SetHelpTemplate(`{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}

{{end}}{{.UsageString}}`)
	root.AddCommand(
		newSendCmd(a), newListenCmd(a), newCheckCmd(a), newGenerateCmd(a), newValidateCmd(a), newInspectCmd(a),
		newEventsCmd(a), newScenariosCmd(a), newSchemaCmd(a), newInitCmd(a), newVersionCmd(a), newManCmd(a),
	)
	root.SetHelpCommand(newHelpCmd())
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	_ = root.RegisterFlagCompletionFunc("color", cobra.FixedCompletions(colors(), cobra.ShellCompDirectiveNoFileComp))
	_ = root.RegisterFlagCompletionFunc("profile", a.completeProfiles)
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			refuseUnknownShell(c)
		}
		if c.Args == nil {
			c.Args = noArgs
		}
		args := c.Args
		c.Args = func(cmd *cobra.Command, list []string) error { return usage(args(cmd, list)) }
	}
	return root
}

func colors() []string {
	return []string{string(report.ColorAuto), string(report.ColorAlways), string(report.ColorNever)}
}

// style looks at stdout with the user's colour mode.
func (a *app) style(w io.Writer) *report.Style {
	return report.NewStyle(w, report.ColorMode(a.color))
}

// refuseUnknownShell makes an error of a shell that completion does not know,
// for which cobra would print the help as if all were well.
func refuseUnknownShell(c *cobra.Command) {
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return usageError("there is no completion for %q%s", args[0], suggest.DidYouMean(args[0], commandNames(cmd)))
	}
}
