package main

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/spf13/cobra"

	"relayctl/internal/mask"
	"relayctl/internal/report/term"
	"relayctl/internal/suggest"
)

// app is what every command works with.
type app struct {
	args      []string
	environ   []string        // NAME=value
	interrupt context.Context // done: end in good order
	stop      context.CancelFunc
	hangups   <-chan os.Signal
	kill      context.Context // done: end at once
	stdin     io.Reader
	secrets   *mask.Mask // taken out of everything that is written
	stdout    *term.Gate
	plain     io.Writer    // stdout without the gate
	errors    *term.Screen // stderr, for errors
	stderr    *term.Screen // stderr, for everything else: nowhere with --quiet
	view      atomic.Pointer[keyboard]
	global    globalOptions
	profile   *profile                           // the one in reach, never nil
	layers    []layer                            // of the command's settings
	declared  map[string]func(on *cobra.Command) // what declares the flags of each command
}

func newRootCmd(a *app) *cobra.Command {
	a.declared = map[string]func(*cobra.Command){}
	root := &cobra.Command{
		Use:   "relayctl",
		Short: "Play both ends of Relay's push-event webhook",
		Long: `relayctl plays both ends of Relay's push-event webhook, offline.

  relayctl send      plays Relay against an endpoint (or against itself)
  relayctl listen    plays the endpoint during development
  relayctl check     holds an endpoint to the contract, check by check
  relayctl forecast  says what a downtime of the endpoint costs
  relayctl validate  checks events offline
  relayctl inspect   reads back what listen captured; send sends it again
  relayctl redact    copies a capture without the data of customers

Where Relay's documentation is silent, the default is marked "assumed" and can
be changed.

Every flag can also be set by an environment variable (RELAYCTL_ and the flag in
upper case, with _ for -) and in a profile of relayctl.yaml ("relayctl init").
Exit codes: 0 all is well, 1 the endpoint or the data fell short, 2 usage or
configuration, 3 the environment failed, 130 interrupted.`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       thisBuild().String(),
		Args:          cobra.ArbitraryArgs,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return cmd.Help()
			}
			return unknownCommand(cmd, args[0], a.args)
		},
		PersistentPreRunE: func(cmd *cobra.Command, args []string) error { return usage(a.begin(cmd, args)) },
	}
	new(globalOptions).flags(root.PersistentFlags())
	root.SetFlagErrorFunc(a.flagError)
	root.SetUsageFunc(printUsage)
	root.SetVersionTemplate("{{.Version}}")
	root.SetHelpTemplate(`{{with (or .Long .Short)}}{{. | trimTrailingWhitespaces}}

{{end}}{{.UsageString}}`)
	root.AddCommand(
		newSendCmd(a), newListenCmd(a), newCheckCmd(a), newForecastCmd(a), newMergeCmd(a), newGenerateCmd(a), newValidateCmd(a), newInspectCmd(a), newRedactCmd(a),
		newEventsCmd(a), newScenariosCmd(a), newSchemaCmd(a), newConfigCmd(a), newInitCmd(a), newVersionCmd(a), newManCmd(a),
	)
	root.SetHelpCommand(newHelpCmd())
	root.InitDefaultCompletionCmd()
	root.InitDefaultHelpCmd()
	_ = root.RegisterFlagCompletionFunc("profile", a.completeProfiles)
	completeChoices(root)
	finishCommands(root)
	if len(a.args) > 0 && a.args[0] == cobra.ShellCompRequestCmd {
		plainUsages(root)
	}
	return root
}

// finishCommands gives all commands what each has: the values of its flags for the
// completion, and a look at its arguments.
func finishCommands(root *cobra.Command) {
	for _, c := range root.Commands() {
		completeChoices(c)
		if c.Name() == "completion" {
			c.Long = strings.TrimSpace(c.Long) + "\n\nPackages bring the scripts of bash, zsh and fish: there is nothing to do, but\nfor bash the package bash-completion has to be there."
			refuseUnknownShell(c)
		}
		if c.Args == nil {
			c.Args = noArgs
		}
		c.Args = verifyArgs(c.Args)
	}
}

// verifyArgs refuses an argument that is empty, as a variable of the shell that is not
// set, and an address where a command takes none, then what verify refuses.
func verifyArgs(verify cobra.PositionalArgs) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if slices.Contains(args, "") {
			return usageError("%s was given an empty argument; is a variable of the shell not set?", cmd.CommandPath())
		}
		if err := noURL(cmd, args); err != nil {
			return usage(err)
		}
		return usage(verify(cmd, args))
	}
}

// data is stdout for output that programs read byte for byte. The gate stands before it
// only on a terminal.
func (a *app) data() io.Writer {
	if term.IsTerminal(a.stdout) {
		return a.stdout
	}
	return a.plain
}

// style looks at stdout with the user's colour mode.
func (a *app) style(w io.Writer) *term.Style {
	return term.NewStyle(w, term.ColorMode(a.global.color))
}

// refuseUnknownShell makes an error of a shell that completion does not know,
// for which cobra would print the help as if all were well.
func refuseUnknownShell(c *cobra.Command) {
	for _, shell := range c.Commands() {
		if print := shell.RunE; print != nil { // it fails only where it cannot write
			shell.RunE = func(cmd *cobra.Command, args []string) error { return environment(print(cmd, args)) }
		}
	}
	c.Args = cobra.ArbitraryArgs
	c.RunE = func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return cmd.Help()
		}
		return usageError("there is no completion for %q%s", args[0], suggest.DidYouMean(args[0], commandNames(cmd)))
	}
}
