package main

import (
	"github.com/spf13/cobra"

	"relayctl/fixtures"
	"relayctl/internal/event"
	"relayctl/internal/report"
	"relayctl/internal/sim"
	"relayctl/internal/suggest"
)

func newEventsCmd(a *app) *cobra.Command {
	output := "text"
	cmd := &cobra.Command{
		Use:   "events [NAME]",
		Short: "List the events that Relay sends, or explain one",
		Long: `List the events that Relay sends, in the order of a customer's life, with who is
in control of each; or explain one: what it means, what comes before and after
it, its payload's properties, and a sample. What Relay's documentation does not
say is marked.`,
		Example: `  relayctl events
  relayctl events notification.undelivered
  relayctl events --output json`,
		Args:              atMost(1, "one event name"),
		ValidArgsFunction: oneArg(event.Names),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := checkOutput(output); err != nil {
				return err
			}
			if len(args) == 0 {
				return environment(report.Catalogue(a.stdout, a.style(a.stdout), fixtures.Catalogue(), output == "json"))
			}
			e, ok := event.Lookup(args[0])
			if !ok {
				return usageError("unknown event %q%s", args[0], suggest.DidYouMean(args[0], event.Names()))
			}
			sample, _ := fixtures.Sample(e.Name)
			return environment(report.Event(a.stdout, a.style(a.stdout), e, event.PropertiesOf(e.Family), sample, output == "json"))
		},
	}
	cmd.Flags().StringVar(&output, "output", "text", "text or json")
	words(cmd, "output", outputs()...)
	return cmd
}

func newScenariosCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "scenarios [NAME]",
		Short: "List the built-in scenarios, or print one to start from",
		Long: `List the built-in scenarios, or print one as YAML: it explains itself, "send"
takes it by its name, and a changed copy by its path.`,
		Example: `  relayctl scenarios
  relayctl scenarios lost-ack > mine.yaml && relayctl send mine.yaml`,
		Args:              atMost(1, "one scenario name"),
		ValidArgsFunction: oneArg(fixtures.ScenarioNames),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				text, ok := fixtures.Scenario(args[0])
				if !ok {
					return usageError("unknown scenario %q%s", args[0], suggest.DidYouMean(args[0], fixtures.ScenarioNames()))
				}
				_, err := a.stdout.Write(text)
				return environment(err)
			}
			var list []report.Named
			for _, name := range fixtures.ScenarioNames() {
				text, _ := fixtures.Scenario(name)
				sc, err := sim.ParseScenario(name+".yaml", text)
				if err != nil {
					return err
				}
				list = append(list, report.Named{Name: name, Meaning: sc.Summary})
			}
			return environment(report.Names(a.stdout, a.style(a.stdout), list))
		},
	}
}
