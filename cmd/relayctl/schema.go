package main

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"relayctl/internal/capture"
	"relayctl/internal/check"
	"relayctl/internal/event"
	"relayctl/internal/recv/script"
	"relayctl/internal/report/term"
	"relayctl/internal/session/web"
	"relayctl/internal/sim/plan"
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
		{"scenario", fixed(plan.ScenarioSchema)},
		{"rules", fixed(script.Schema)},
		{"config", configSchema},
		{"capture", fixed(capture.Schema)},
		{"baseline", fixed(check.BaselineSchema)},
		{"openapi", fixed(func() map[string]any { return event.OpenAPI(thisBuild().Version) })},
		{"asyncapi", fixed(func() map[string]any { return event.AsyncAPI(thisBuild().Version) })},
		{"api", fixed(web.Schema)},
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

// schemaOptions are the flags of schema.
type schemaOptions struct{ strict bool }

func (o *schemaOptions) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&o.strict, "strict", false, "of an event: refuse also what \"validate\" warns of")
}

func newSchemaCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "schema KIND [EVENT]",
		Short: "Print a JSON Schema (2020-12), or OpenAPI",
		Long: strings.Join(term.Wrap("KIND is "+strings.Join(schemaNames(), ", ")+".", 79), "\n") + `

Prints a JSON Schema (2020-12), for other languages' code and for editors. The
schema of an event accepts what "validate" accepts; with --strict, what it
accepts without a warning. openapi is OpenAPI 3.1 with a webhook for each event,
and asyncapi is AsyncAPI 3.0, for generators of code and documentation. api is
the inspector's, of "listen --ui", as OpenAPI 3.1.`,
		Example: `  relayctl schema event > event.schema.json
  relayctl schema event message.delivered --strict
  relayctl schema config > relayctl.schema.json
  relayctl schema openapi > relay-openapi.json`,
		Args:              schemaArgs,
		ValidArgsFunction: completeSchemas,
	}
	return action(a, cmd, func(_ context.Context, o *schemaOptions, _ *settings, args []string) error {
		schema, err := schemaOf(cmd.Root(), args, o.strict)
		if err != nil {
			return err
		}
		enc := json.NewEncoder(a.stdout)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return environment(enc.Encode(schema))
	})
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
				return nil, unknownName("event", name, event.Names())
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
