package main

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"relayctl/internal/capture"
	"relayctl/internal/check"
	"relayctl/internal/event"
	"relayctl/internal/recv"
	"relayctl/internal/sim"
	"relayctl/internal/suggest"
)

// schemaRow is one of the schemas that relayctl schema prints.
type schemaRow struct {
	name string
	of   func(root *cobra.Command) map[string]any
}

// schemaRows is the table of all schemas but that of an event, which alone
// takes a name and --strict. A new schema is a row here and nothing else.
func schemaRows() []schemaRow {
	fixed := func(schema func() map[string]any) func(*cobra.Command) map[string]any {
		return func(*cobra.Command) map[string]any { return schema() }
	}
	return []schemaRow{
		{"scenario", fixed(sim.ScenarioSchema)},
		{"rules", fixed(recv.RulesSchema)},
		{"config", configSchema},
		{"capture", fixed(capture.Schema)},
		{"baseline", fixed(check.BaselineSchema)},
	}
}

// schemaNames lists what relayctl schema takes.
func schemaNames() []string {
	names := []string{"event"}
	for _, row := range schemaRows() {
		names = append(names, row.name)
	}
	return names
}

func newSchemaCmd(a *app) *cobra.Command {
	strict := false
	cmd := &cobra.Command{
		Use:   "schema event [NAME]|" + strings.Join(schemaNames()[1:], "|"),
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

func schemaArgs(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return usageError("%s needs one of %s", cmd.CommandPath(), strings.Join(schemaNames(), ", "))
	}
	return atMost(2, "one schema and one name")(cmd, args)
}

func completeSchemas(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	switch {
	case len(args) == 0:
		return schemaNames(), cobra.ShellCompDirectiveNoFileComp
	case len(args) == 1 && args[0] == "event":
		return event.Names(), cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// schemaOf finds the schema that the arguments ask for.
func schemaOf(root *cobra.Command, args []string, strict bool) (map[string]any, error) {
	if args[0] == "event" {
		name := ""
		if len(args) == 2 {
			name = args[1]
			if !isEvent(name) {
				return nil, usageError("unknown event %q%s", name, suggest.DidYouMean(name, event.Names()))
			}
		}
		return event.Schema(name, strict), nil
	}
	rows := schemaRows()
	i := slices.IndexFunc(rows, func(r schemaRow) bool { return r.name == args[0] })
	switch {
	case i < 0 && len(args) == 1 && isEvent(args[0]):
		return nil, usageError("%q is an event: relayctl schema event %s prints its schema", args[0], args[0])
	case i < 0:
		return nil, usageError("unknown schema %q (one of %s)%s", args[0], strings.Join(schemaNames(), ", "), suggest.DidYouMean(args[0], schemaNames()))
	case len(args) == 2:
		return nil, usageError("schema %s takes no name, but %q was given", args[0], args[1])
	case strict:
		return nil, usageError("--strict is for the schema of an event, not for %s", args[0])
	}
	return rows[i].of(root), nil
}

func isEvent(name string) bool {
	_, ok := event.Lookup(name)
	return ok
}
