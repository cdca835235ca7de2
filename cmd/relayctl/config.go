package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"relayctl/internal/strictyaml"
	"relayctl/internal/suggest"
)

const configName = "relayctl.yaml"

// configFile is relayctl.yaml. The keys of a profile are flags without their
// dashes; a list sets a repeatable flag several times.
type configFile struct {
	Profiles map[string]map[string]any `yaml:"profiles"`
}

// applyDefaults sets the flags that were not given from the environment, then
// from the profile.
func (a *app) applyDefaults(cmd *cobra.Command) error {
	var firstErr error
	fail := func(err error) {
		if firstErr == nil {
			firstErr = err
		}
	}
	set := func(f *pflag.Flag, source string, values ...string) {
		for _, v := range values {
			if err := cmd.Flags().Set(f.Name, v); err != nil {
				fail(fmt.Errorf("%s: %w", source, reword(err)))
			}
		}
		if isEmptyText(f) {
			fail(fmt.Errorf("%s is empty", source))
		}
	}
	given, typed := map[string]bool{}, []*pflag.Flag{}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		given[f.Name] = f.Changed
		if f.Changed {
			typed = append(typed, f)
		}
		// A script's variable that is not set must not mean the default.
		if f.Changed && isEmptyText(f) {
			fail(fmt.Errorf("--%s is empty", f.Name))
		}
	})
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		name := "RELAYCTL_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		if v, ok := a.env(name); ok && v != "" && !given[f.Name] && f.Name != "help" {
			set(f, "environment variable "+name, v)
			given[f.Name] = true
		}
	})
	if firstErr != nil || !configurable(cmd) {
		return firstErr
	}
	profile, path, err := a.loadProfile(cmd.Root())
	if err != nil {
		return err
	}
	cmd.Flags().VisitAll(func(f *pflag.Flag) {
		if v, ok := profile[f.Name]; ok && !given[f.Name] {
			set(f, path+": "+f.Name, v...)
		}
	})
	if firstErr != nil {
		return firstErr
	}
	return checkTogether(cmd, typed)
}

// isEmptyText says whether a flag that takes a text has none.
func isEmptyText(f *pflag.Flag) bool { return f.Value.Type() == "string" && f.Value.String() == "" }

// configurable says whether a profile applies to a command. What helps to write
// the file, or only tells of the program, works beside a broken one.
func configurable(cmd *cobra.Command) bool {
	for cmd.HasParent() && cmd.Parent().HasParent() {
		cmd = cmd.Parent()
	}
	switch cmd.Name() {
	case "init", "schema", "version", "help", "completion", "man":
		return false
	}
	return true
}

// completeProfiles lists the profiles of the config file in reach.
func (a *app) completeProfiles(cmd *cobra.Command, _ []string, _ string) ([]string, cobra.ShellCompDirective) {
	path, data, err := findConfig(a.env)
	if err != nil || data == nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	profiles, err := parseConfig(path, data, flagNames(cmd.Root()))
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return slices.Sorted(maps.Keys(profiles)), cobra.ShellCompDirectiveNoFileComp
}

// loadProfile reads the chosen profile as flag values. Without --profile the
// one named default is taken where there is one.
func (a *app) loadProfile(root *cobra.Command) (values map[string][]string, path string, err error) {
	path, data, err := findConfig(a.env)
	if err != nil {
		return nil, "", err
	}
	if data == nil {
		if a.profile != "" {
			return nil, "", fmt.Errorf("there is no %s with a profile %q (relayctl init writes one)", configName, a.profile)
		}
		return nil, "", nil
	}
	profiles, err := parseConfig(path, data, flagNames(root))
	if err != nil {
		return nil, "", err
	}
	name := a.profile
	if name == "" {
		name = "default"
	}
	values, ok := profiles[name]
	if !ok && a.profile != "" {
		return nil, "", fmt.Errorf("%s has no profile %q%s", path, name, suggest.DidYouMean(name, slices.Sorted(maps.Keys(profiles))))
	}
	return values, path, nil
}

// parseConfig reads a config file; every key of every profile has to be a
// flag of some command.
func parseConfig(path string, data []byte, flags []string) (map[string]map[string][]string, error) {
	doc, err := strictyaml.Parse(path, data)
	if err != nil {
		return nil, err
	}
	var file configFile
	if err := doc.Decode(&file); err != nil {
		return nil, err
	}
	out := map[string]map[string][]string{}
	for name, keys := range file.Profiles {
		out[name] = map[string][]string{}
		for key, value := range keys {
			at := "$.profiles." + name + "." + key
			if !slices.Contains(flags, key) {
				return nil, doc.Errorf(at, "unknown key %q in profile %s%s", key, name, suggest.DidYouMean(key, flags))
			}
			list, ok := value.([]any)
			if !ok {
				list = []any{value}
			}
			for _, v := range list {
				switch v.(type) {
				case map[string]any, []any, nil:
					return nil, doc.Errorf(at, "%s takes a text, a number, true or false, or a list of these", key)
				}
				out[name][key] = append(out[name][key], fmt.Sprint(v))
			}
		}
	}
	return out, nil
}

// flagNames lists the flags of all commands that a profile can set.
func flagNames(root *cobra.Command) []string {
	seen := map[string]bool{"help": true, "profile": true, "version": true}
	var names []string
	add := func(f *pflag.Flag) {
		if !seen[f.Name] {
			seen[f.Name] = true
			names = append(names, f.Name)
		}
	}
	root.PersistentFlags().VisitAll(add)
	for _, c := range root.Commands() {
		if c.Name() != "completion" && c.Name() != "help" {
			c.LocalFlags().VisitAll(add)
		}
	}
	slices.Sort(names)
	return names
}

// findConfig looks for the config file upward from the working directory, then
// in the user's config folder. No file is no error.
func findConfig(env func(string) (string, bool)) (path string, data []byte, err error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", nil, err
	}
	var places []string
	for {
		places = append(places, filepath.Join(dir, configName))
		parent := filepath.Dir(dir)
		if parent == dir {
			break
		}
		dir = parent
	}
	if dir, err := configDir(env); err == nil {
		places = append(places, filepath.Join(dir, configName))
	}
	for _, p := range places {
		data, err := os.ReadFile(p)
		if err == nil {
			return p, data, nil
		}
		if !errors.Is(err, fs.ErrNotExist) {
			return "", nil, err
		}
	}
	return "", nil, nil
}

// configDir is relayctl's folder among the user's configuration.
func configDir(env func(string) (string, bool)) (string, error) {
	if dir, ok := env("XDG_CONFIG_HOME"); ok && filepath.IsAbs(dir) {
		return filepath.Join(dir, "relayctl"), nil
	}
	dir, err := os.UserConfigDir()
	if err != nil {
		return "", err
	}
	return filepath.Join(dir, "relayctl"), nil
}
