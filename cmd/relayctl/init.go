package main

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// sampleConfig is what init writes.
const sampleConfig = `# relayctl's configuration. It is looked for here and upward, then in your
# configuration folder. The keys of a profile are flags without their dashes; a
# flag on the command line and RELAYCTL_… in the environment come first.
profiles:
  # The profile named default is used unless --profile names another.
  default:
    timeout: 10s                  # the deadline of a call (R-DEADLINE, assumed)
    # workers: 4                  # serial workers (R-WORKERS, assumed)

  # relayctl send --profile staging; "relayctl config send --profile staging"
  # prints every value and where it comes from.
  staging:
    to: https://staging.example.com/relay
    auth: basic                   # none, basic, api-key or oauth
    username: relay
    password: env:RELAY_PASSWORD  # export RELAY_PASSWORD=…; or file:PATH
    # header: ["X-Tenant: acme"]  # a list repeats the flag (R-HEADERS)
    # retry-delays: 10s,30s,2m    # between attempts (R-DELAYS, assumed)

  # A production profile sends nothing without --yes-production.
  # production:
  #   production: true
  #   to: https://www.example.com/relay
`

func newInitCmd(a *app) *cobra.Command {
	return action(a, &cobra.Command{
		Use:   "init",
		Short: "Write a commented relayctl.yaml to start from",
		Long: `Write a commented relayctl.yaml into the working directory, never over an
existing one. The keys of a profile are flags without their dashes; "relayctl
schema config" gives editors their completion. Secrets stay outside of it: it
names an environment variable, RELAY_PASSWORD, or a file.`,
		Example: `  relayctl init
  export RELAY_PASSWORD=…
  relayctl send --profile staging`,
	}, func(context.Context, *noOptions, *settings, []string) error {
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
		text := "wrote " + configName + ": put your URL and user name into its profile staging, and the password into the environment variable RELAY_PASSWORD; then relayctl send --profile staging uses them"
		_, err = io.WriteString(a.stdout, strings.Join(a.style(a.stdout).Wrapped(text, 0), "\n")+"\n")
		return environment(err)
	})
}
