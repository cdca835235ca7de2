package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"relayctl/fixtures"
	"relayctl/internal/capture"
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
		Args:      atMost(1, "one event name"),
		ValidArgs: event.Names(),
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
		Args:      atMost(1, "one scenario name"),
		ValidArgs: fixtures.ScenarioNames(),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 {
				text, ok := fixtures.Scenario(args[0])
				if !ok {
					return usageError("unknown scenario %q%s", args[0], suggest.DidYouMean(args[0], fixtures.ScenarioNames()))
				}
				_, err := a.stdout.Write(text)
				return environment(err)
			}
			for _, name := range fixtures.ScenarioNames() {
				text, _ := fixtures.Scenario(name)
				sc, err := sim.ParseScenario(name+".yaml", text)
				if err != nil {
					return err
				}
				if _, err := fmt.Fprintf(a.stdout, "%-30s %s\n", name, sc.Summary); err != nil {
					return environment(err)
				}
			}
			return nil
		},
	}
}

func schemaArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return fmt.Errorf("%s needs one of %s", cmd.CommandPath(), strings.Join(schemas(), ", "))
	}
	return atMost(2, "one schema and one name")(cmd, args)
}

func completeSchemas(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	switch {
	case len(args) == 0:
		return schemas(), cobra.ShellCompDirectiveNoFileComp
	case len(args) == 1 && args[0] == "event":
		return event.Names(), cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// schemas lists what relayctl schema can print.
func schemas() []string { return []string{"event", "scenario", "config", "capture"} }

func newSchemaCmd(a *app) *cobra.Command {
	strict := false
	cmd := &cobra.Command{
		Use:   "schema event [NAME]|scenario|config|capture",
		Short: "Print a JSON Schema (2020-12)",
		Long: `Print a JSON Schema (2020-12), for other languages' code and for editors. The
schema of an event accepts what "validate" finds no error in; with --strict,
what it finds neither error nor warning in.`,
		Example: `  relayctl schema event > event.schema.json
  relayctl schema event message.delivered --strict
  relayctl schema config > relayctl.schema.json`,
		Args:              schemaArgs,
		ValidArgsFunction: completeSchemas,
		RunE: func(cmd *cobra.Command, args []string) error {
			s, err := schemaOf(cmd.Root(), args, strict)
			if err != nil {
				return err
			}
			enc := json.NewEncoder(a.stdout)
			enc.SetIndent("", "  ")
			enc.SetEscapeHTML(false)
			return environment(enc.Encode(s))
		},
	}
	cmd.Flags().BoolVar(&strict, "strict", false, "of an event: refuse what only earns a warning, too")
	return cmd
}

func schemaOf(root *cobra.Command, args []string, strict bool) (map[string]any, error) {
	switch {
	case args[0] == "event" && len(args) == 2:
		if !slices.Contains(event.Names(), args[1]) {
			return nil, usageError("unknown event %q%s", args[1], suggest.DidYouMean(args[1], event.Names()))
		}
		return event.Schema(args[1], strict), nil
	case args[0] == "event":
		return event.Schema("", strict), nil
	case len(args) == 2:
		return nil, usageError("schema %s takes no name", args[0])
	case args[0] == "scenario":
		return sim.ScenarioSchema(), nil
	case args[0] == "config":
		return configSchema(root), nil
	case args[0] == "capture":
		return capture.Schema(), nil
	}
	return nil, usageError("unknown schema %q (one of event, scenario, config, capture)%s", args[0], suggest.DidYouMean(args[0], schemas()))
}
