package main

import (
	"encoding/json"
	"fmt"
	"slices"

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
		Use:       "events [NAME]",
		Short:     "List the events that Relay sends, or explain one",
		Args:      cobra.MaximumNArgs(1),
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
	return cmd
}

func newScenariosCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:       "scenarios [NAME]",
		Short:     "List the built-in scenarios, or print one to start from",
		Args:      cobra.MaximumNArgs(1),
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

// schemas lists what relayctl schema can print.
func schemas() []string { return []string{"event", "scenario", "config", "capture"} }

func newSchemaCmd(a *app) *cobra.Command {
	strict := false
	cmd := &cobra.Command{
		Use:   "schema event [NAME]|scenario|config|capture",
		Short: "Print a JSON Schema (2020-12)",
		Long: `Print a JSON Schema (2020-12), for other languages' code and for editors. The
schema of an event accepts what "validate" finds no error in; with --strict, what
it finds neither error nor warning in.`,
		Args:      cobra.RangeArgs(1, 2),
		ValidArgs: schemas(),
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
