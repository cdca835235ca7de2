package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"relayctl/fixtures"
	"relayctl/internal/event"
	"relayctl/internal/report"
	"relayctl/internal/sim/plan"
	"relayctl/internal/suggest"
)

// listOptions are the flags of the commands that list what there is.
type listOptions struct{ output string }

func (o *listOptions) flags(cmd *cobra.Command) { outputFlag(cmd, &o.output, "one object a line") }

func newEventsCmd(a *app) *cobra.Command {
	return action(a, &cobra.Command{
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
	}, func(_ context.Context, o *listOptions, _ *settings, args []string) error {
		if len(args) == 0 {
			return environment(report.Catalogue(a.stdout, a.style(a.stdout), fixtures.Catalogue(), o.output == "json"))
		}
		e, ok := event.Lookup(args[0])
		if !ok {
			return unknownName("event", args[0], event.Names())
		}
		sample, _ := fixtures.Sample(e.Name)
		return environment(report.Event(a.stdout, a.style(a.stdout), e, event.PropertiesOf(e.Family), sample, o.output == "json"))
	})
}

func newScenariosCmd(a *app) *cobra.Command {
	return action(a, &cobra.Command{
		Use:   "scenarios [NAME]",
		Short: "List the built-in scenarios, or print one to start from",
		Long: `List the built-in scenarios, or print one as YAML: it explains itself, "send"
takes it by its name, and a changed copy by its path. Its first line names the
file with which editors complete and check what you write.`,
		Example: `  relayctl scenarios
  relayctl scenarios lost-ack > mine.yaml && relayctl send mine.yaml
  relayctl schema scenario > scenario.schema.json
  relayctl scenarios --output json`,
		Args:              atMost(1, "one scenario name"),
		ValidArgsFunction: oneArg(fixtures.ScenarioNames),
	}, func(_ context.Context, o *listOptions, s *settings, args []string) error {
		if len(args) == 0 {
			return a.listScenarios(o.output == "json")
		}
		text, ok := fixtures.Scenario(args[0])
		switch {
		case !ok:
			return unknownName("scenario", args[0], fixtures.ScenarioNames())
		case s.typed("output"):
			return usageError("--output is for the list; a scenario is printed as YAML")
		}
		_, err := a.data().Write(append([]byte(schemaLine), text...))
		return environment(err)
	})
}

// schemaLine gives editors that know the YAML language server the schema of a scenario.
// The schema has no URL, so the line names a file beside the scenario.
const schemaLine = "# yaml-language-server: $schema=scenario.schema.json\n" +
	"# For your editor; this writes the file:\n" +
	"#   relayctl schema scenario > scenario.schema.json\n"

// unknownName is the error of a name that is not one of a list, which it names.
func unknownName(what, name string, known []string) error {
	return &exitError{
		code: exitUsage, err: fmt.Errorf("unknown %s %q%s", what, name, suggest.DidYouMean(name, known)),
		hint: what + "s are " + strings.Join(known, ", "),
	}
}

func (a *app) listScenarios(asJSON bool) error {
	var list []report.Named
	enc := json.NewEncoder(a.stdout)
	for _, name := range fixtures.ScenarioNames() {
		text, _ := fixtures.Scenario(name)
		sc, err := plan.ParseScenario(name+".yaml", text)
		if err != nil {
			return err
		}
		list = append(list, report.Named{Name: name, Meaning: sc.Summary})
		if asJSON {
			if err := enc.Encode(map[string]string{"name": name, "summary": sc.Summary}); err != nil {
				return environment(err)
			}
		}
	}
	if asJSON {
		return nil
	}
	return environment(report.Names(a.stdout, a.style(a.stdout), list))
}
