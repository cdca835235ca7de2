package main

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// versionOptions are the flags of version.
type versionOptions struct{ output string }

func (o *versionOptions) flags(cmd *cobra.Command) { outputFlag(cmd, &o.output, "one object") }

func newVersionCmd(a *app) *cobra.Command {
	return action(a, &cobra.Command{
		Use:   "version",
		Short: "Print version, commit and Go version",
		Example: `  relayctl version
  relayctl version --output json`,
	}, func(_ context.Context, o *versionOptions, _ *settings, _ []string) error {
		b := thisBuild()
		if o.output == "json" {
			return environment(json.NewEncoder(a.stdout).Encode(b))
		}
		_, err := fmt.Fprint(a.stdout, b)
		return environment(err)
	})
}

// build is what the binary was built from.
type build struct {
	Version  string `json:"version"`
	Commit   string `json:"commit"`
	Go       string `json:"go"`
	Platform string `json:"platform"`
}

func (b build) String() string {
	return fmt.Sprintf("relayctl %s\ncommit %s\n%s %s\n", b.Version, b.Commit, b.Go, b.Platform)
}

func thisBuild() build {
	b := build{Version: "(devel)", Commit: "unknown", Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH}
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "" {
			b.Version = info.Main.Version
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				b.Commit = s.Value
			}
		}
	}
	return b
}
