package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// sampleConfig is what init writes.
const sampleConfig = `# relayctl's configuration. It is looked for here and upward, then in your
# configuration folder. The keys of a profile are flags without their dashes; a
# flag on the command line and RELAYCTL_… in the environment come first.
profiles:
  # The profile named default is used unless --profile names another.
  default:
    timeout: 10s                        # the deadline of a call (R-DEADLINE, assumed)
    # workers: 4                        # serial workers (R-WORKERS, assumed)

  # relayctl send --profile staging
  staging:
    to: https://staging.example.com/relay
    auth: basic                         # none, basic, api-key or oauth
    username: relay
    password: env:RELAY_PASSWORD        # or file:PATH; never write a secret here
    # header: ["X-Tenant: acme"]        # a list repeats the flag, up to ten (R-HEADERS)
    # retry-delays: 10s,30s,2m          # waits between the four attempts (R-DELAYS, assumed)
`

func newInitCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "init",
		Short: "Write a commented relayctl.yaml to start from",
		Long: `Write a commented relayctl.yaml into the working directory, never over an
existing one. The keys of a profile are flags without their dashes; "relayctl
schema config" gives editors their completion.`,
		Example: `  relayctl init
  relayctl send --profile staging`,
		RunE: func(*cobra.Command, []string) error {
			f, err := os.OpenFile(configName, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
			if errors.Is(err, fs.ErrExist) {
				return usageError("%s is already here and was not touched", configName)
			}
			if err != nil {
				return environment(err)
			}
			_, err = f.WriteString(sampleConfig)
			if err := errors.Join(err, f.Close()); err != nil {
				return environment(err)
			}
			_, err = fmt.Fprintf(a.stdout, "wrote %s; relayctl send --profile staging uses it\n", configName)
			return environment(err)
		},
	}
}

func newVersionCmd(a *app) *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print version, commit and Go version",
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprint(a.stdout, versionText())
			return environment(err)
		},
	}
}

// versionText tells what the binary was built from.
func versionText() string {
	version, commit := "(devel)", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			version = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				commit = s.Value
			}
		}
	}
	return fmt.Sprintf("relayctl %s\ncommit %s\n%s %s/%s\n", version, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// configSchema is the JSON Schema of relayctl.yaml, made of the flags.
func configSchema(root *cobra.Command) map[string]any {
	props := map[string]any{}
	for _, name := range flagNames(root) {
		props[name] = flagSchema(findFlag(root, name))
	}
	return map[string]any{
		"$schema": "https://json-schema.org/draft/2020-12/schema",
		"title":   configName,
		"type":    "object",
		"properties": map[string]any{
			"profiles": map[string]any{
				"type":                 "object",
				"additionalProperties": map[string]any{"type": "object", "properties": props, "additionalProperties": false},
			},
		},
		"additionalProperties": false,
	}
}

func findFlag(root *cobra.Command, name string) *pflag.Flag {
	if f := root.PersistentFlags().Lookup(name); f != nil {
		return f
	}
	for _, c := range root.Commands() {
		if f := c.Flags().Lookup(name); f != nil {
			return f
		}
	}
	return nil
}

func flagSchema(f *pflag.Flag) map[string]any {
	one := []any{"string", "number", "boolean"}
	s := map[string]any{"description": f.Usage, "type": one}
	if isRepeatable(f) {
		s["type"] = append(one, "array")
		s["items"] = map[string]any{"type": one}
	}
	return s
}
