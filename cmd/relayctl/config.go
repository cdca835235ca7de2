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

	"relayctl/internal/report"
	"relayctl/internal/strictyaml"
	"relayctl/internal/suggest"
)

const configName = "relayctl.yaml"

// configFile is relayctl.yaml. The keys of a profile are flags without their
// dashes; a list sets a repeatable flag several times.
type configFile struct {
	Profiles map[string]map[string]strictyaml.Words `yaml:"profiles"`
}

// profile is a profile of a config file, as it was written.
type profile struct {
	name string
	keys map[string]strictyaml.Words
	doc  *strictyaml.Document
}

// errorf makes an error at a key of the profile.
func (p *profile) errorf(key, format string, args ...any) error {
	return p.doc.Errorf("$.profiles.'"+p.name+"'.'"+key+"'", format, args...)
}

// applyDefaults sets the flags that were not given from the environment, then
// from the profile.
func (a *app) applyDefaults(cmd *cobra.Command) error {
	flags, given := cmd.Flags(), map[string]bool{}
	var typed []*pflag.Flag
	var firstErr error
	fail := func(err error) {
		if firstErr == nil {
			firstErr = err
		}
	}
	flags.VisitAll(func(f *pflag.Flag) {
		given[f.Name] = f.Changed
		if f.Changed {
			typed = append(typed, f)
		}
		// A script's variable that is not set must not mean the default.
		if f.Changed && (isEmptyText(f) || isEmptyList(f)) {
			fail(fmt.Errorf("--%s is empty", f.Name))
		}
	})
	flags.VisitAll(func(f *pflag.Flag) {
		name, values := a.fromEnv(f)
		if given[f.Name] || values == nil {
			return
		}
		given[f.Name] = true
		if err := setFlag(flags, f, values); err != nil {
			fail(fmt.Errorf("environment variable %s: %w", name, err))
		}
	})
	if firstErr != nil || !configurable(cmd) {
		return firstErr
	}
	p, err := a.loadProfile(cmd.Root())
	if err != nil {
		return err
	}
	flags.VisitAll(func(f *pflag.Flag) {
		words, ok := p.keys[f.Name]
		if !ok || given[f.Name] {
			return
		}
		if err := setFlag(flags, f, words.List); err != nil {
			fail(p.errorf(f.Name, "%v", err))
		}
	})
	if firstErr != nil {
		return firstErr
	}
	if err := checkTyped(cmd, typed); err != nil {
		return err
	}
	if a.typed = typed; cmd.Name() == "send" {
		return nil // its scenario may set more flags first
	}
	return checkNeeds(cmd, typed)
}

// fromEnv returns the environment's variable for a flag and its values, nil
// where it is not set or empty. A flag that can be repeated has one value a
// line.
func (a *app) fromEnv(f *pflag.Flag) (name string, values []string) {
	name = "RELAYCTL_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
	v, _ := a.env(name)
	switch noColor, _ := a.env("NO_COLOR"); {
	case f.Name == "help" || f.Name == "version":
		return "", nil
	case v != "" && isRepeatable(f):
		return name, strings.Split(strings.TrimRight(v, "\r\n"), "\n")
	case v != "":
		return name, []string{v}
	case f.Name == "color" && noColor != "": // no-color.org
		return "NO_COLOR", []string{string(report.ColorNever)}
	}
	return name, nil
}

// setFlag sets a flag to the values, worded for people where one is wrong.
func setFlag(flags *pflag.FlagSet, f *pflag.Flag, values []string) error {
	for _, v := range values {
		if err := flags.Set(f.Name, v); err != nil {
			return reword(err)
		}
	}
	if isEmptyText(f) {
		return fmt.Errorf("--%s is empty", f.Name)
	}
	return nil
}

// isRepeatable says whether a flag can be given several times.
func isRepeatable(f *pflag.Flag) bool {
	_, ok := f.Value.(pflag.SliceValue)
	return ok
}

// isEmptyText says whether a flag that takes a text has none.
func isEmptyText(f *pflag.Flag) bool { return f.Value.Type() == "string" && f.Value.String() == "" }

// isEmptyList says whether a flag that takes a list has nothing in it.
func isEmptyList(f *pflag.Flag) bool {
	list, ok := f.Value.(pflag.SliceValue)
	return ok && strings.TrimSpace(strings.Join(list.GetSlice(), "")) == ""
}

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
	profiles, err := parseConfig(path, data, cmd.Root())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return slices.Sorted(maps.Keys(profiles)), cobra.ShellCompDirectiveNoFileComp
}

// loadProfile reads the chosen profile; it is empty where there is none.
// Without --profile the one named default is taken.
func (a *app) loadProfile(root *cobra.Command) (*profile, error) {
	path, data, err := findConfig(a.env)
	if err != nil {
		return nil, err
	}
	if data == nil {
		if a.profile != "" {
			return nil, fmt.Errorf("there is no %s with a profile %q (relayctl init writes one)", configName, a.profile)
		}
		return &profile{}, nil
	}
	profiles, err := parseConfig(path, data, root)
	if err != nil {
		return nil, err
	}
	name := a.profile
	if name == "" {
		name = "default"
	}
	p, ok := profiles[name]
	switch {
	case ok:
		return p, nil
	case a.profile != "":
		return nil, fmt.Errorf("%s has no profile %q%s", path, name, suggest.DidYouMean(name, slices.Sorted(maps.Keys(profiles))))
	}
	return &profile{}, nil
}

// parseConfig reads a config file; every key of every profile has to be a
// flag of some command.
func parseConfig(path string, data []byte, root *cobra.Command) (map[string]*profile, error) {
	doc, err := strictyaml.Parse(path, data)
	if err != nil {
		return nil, err
	}
	var file configFile
	if err := doc.Decode(&file); err != nil {
		return nil, err
	}
	flags := flagNames(root)
	out := map[string]*profile{}
	for _, name := range slices.Sorted(maps.Keys(file.Profiles)) {
		p := &profile{name, file.Profiles[name], doc}
		for _, key := range slices.Sorted(maps.Keys(p.keys)) {
			if !slices.Contains(flags, key) {
				return nil, p.errorf(key, "unknown key %q in profile %s%s", key, name, suggest.DidYouMean(key, flags))
			}
			if len(p.keys[key].List) == 0 && !p.keys[key].IsList {
				return nil, p.errorf(key, "%s has no value", key)
			}
			if p.keys[key].IsList && !isRepeatable(findFlag(root, key)) {
				return nil, p.errorf(key, "%s takes one value, not a list", key)
			}
		}
		out[name] = p
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
