package main

import (
	"context"
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

	"relayctl/internal/input"
	"relayctl/internal/strictyaml"
	"relayctl/internal/suggest"
)

const configName = "relayctl.yaml"

// configFile is relayctl.yaml. The keys of a profile are flags without their
// dashes, and production; a list sets a repeatable flag several times.
type configFile struct {
	Profiles map[string]map[string]strictyaml.Words `yaml:"profiles"`
}

// profile is a profile of a config file; the zero value has no settings.
type profile struct {
	name, path string
	keys       map[string]strictyaml.Words
	doc        *strictyaml.Document
	production bool // nothing is sent with it unless the command line says so
}

const (
	productionKey = "production"
	yesProduction = "yes-production"
)

// source names the profile for people.
func (p *profile) source() string { return fmt.Sprintf("profile %s of %s", p.name, p.path) }

// errorf makes an error at a key of the profile.
func (p *profile) errorf(key, format string, args ...any) error {
	return p.doc.Errorf("$.profiles.'"+p.name+"'.'"+key+"'", format, args...)
}

// layer is the profile as a layer of settings.
func (p *profile) layer() layer {
	l := layer{values: map[string]given{}, mistake: func(flag string, err error) error { return p.errorf(flag, "%v", err) }}
	for key, words := range p.keys {
		l.values[key] = given{words.List, p.source()}
	}
	return l
}

// configurable says whether a profile applies to a command. A command that helps
// to write the file, or only shows facts about the program, works beside a broken
// file.
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
	_, profiles, _, _ := a.profiles(cmd.Root()) // whoever runs the command is told what is wrong
	return slices.Sorted(maps.Keys(profiles)), cobra.ShellCompDirectiveNoFileComp
}

// profiles reads the config file in reach; path is empty where there is none.
func (a *app) profiles(root *cobra.Command) (path string, profiles map[string]*profile, warnings []string, err error) {
	path, data, warnings, err := findConfig(a.interrupt, a.env)
	if err != nil || path == "" {
		return "", nil, warnings, err
	}
	profiles, err = parseConfig(path, data, root)
	return path, profiles, warnings, err
}

// loadProfile reads the profile of that name, and without a name the one named
// default, if there is one.
func (a *app) loadProfile(root *cobra.Command, name string) (*profile, []string, error) {
	path, profiles, warnings, err := a.profiles(root)
	if err != nil {
		return nil, warnings, err
	}
	p, ok := profiles[orText(name, "default")]
	names := slices.Sorted(maps.Keys(profiles))
	switch {
	case ok:
		return p, warnings, nil
	case name == "":
		return &profile{}, warnings, nil
	case path == "":
		return nil, warnings, fmt.Errorf("there is no %s with a profile %q (relayctl init writes one)", configName, name)
	}
	return nil, warnings, fmt.Errorf("%s has no profile %q%s (profiles: %s)", path, name, suggest.DidYouMean(name, names), strings.Join(names, ", "))
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
		p := &profile{name: name, path: path, keys: file.Profiles[name], doc: doc}
		if err := p.takeProduction(); err != nil {
			return nil, err
		}
		for _, key := range slices.Sorted(maps.Keys(p.keys)) {
			words := p.keys[key]
			switch {
			case !slices.Contains(flags, key):
				return nil, p.errorf(key, "unknown key %q in profile %s%s", key, name, suggest.DidYouMean(key, append(flags, productionKey)))
			case len(words.List) == 0 && !words.IsList:
				return nil, p.errorf(key, "%s has no value", key)
			case words.IsList && !isRepeatable(findFlag(root, key)):
				return nil, p.errorf(key, "%s takes one value, not a list", key)
			}
		}
		out[name] = p
	}
	return out, nil
}

// takeProduction reads the one key of a profile that is not a flag.
func (p *profile) takeProduction() error {
	words, ok := p.keys[productionKey]
	if !ok {
		return nil
	}
	value := strings.Join(words.List, " ")
	if words.IsList || value != "true" && value != "false" {
		return p.errorf(productionKey, "%s takes true or false", productionKey)
	}
	p.production = value == "true"
	delete(p.keys, productionKey)
	return nil
}

// findConfig looks for the config file upward from the working directory, then
// in the user's config folder. path is as people would write it, and empty where
// there is no file. A folder that cannot be read is a warning.
func findConfig(ctx context.Context, env func(string) (string, bool)) (path string, data []byte, warnings []string, err error) {
	here, err := os.Getwd()
	if err != nil {
		return "", nil, nil, err
	}
	var folders []string
	up := "."
	for dir := here; ; dir = filepath.Dir(dir) {
		folders = append(folders, up)
		if dir == filepath.Dir(dir) {
			break
		}
		up = filepath.Join(up, "..")
	}
	if dir, err := configDir(env); err == nil {
		folders = append(folders, dir)
	}
	for _, dir := range folders {
		path := filepath.Join(dir, configName)
		if dir == "." {
			path = "." + string(filepath.Separator) + configName
		}
		switch _, err := os.Stat(path); {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			warnings = append(warnings, fmt.Sprintf("no configuration is read from %s: %v", dir, errors.Unwrap(err)))
		default:
			data, err := input.ReadFile(ctx, path, strictyaml.MaxSize)
			return path, data, warnings, err
		}
	}
	return "", nil, warnings, nil
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

// flagNames lists the flags of all commands that a profile can set.
func flagNames(root *cobra.Command) []string {
	seen := map[string]bool{"help": true, "profile": true, "version": true, yesProduction: true}
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

// configSchema is the JSON Schema of relayctl.yaml, made of the flags.
func configSchema(root *cobra.Command) map[string]any {
	props := map[string]any{}
	props[productionKey] = map[string]any{"description": "nothing is sent with this profile without --" + yesProduction, "type": "boolean"}
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

func flagSchema(f *pflag.Flag) map[string]any {
	one := []any{"string", "number", "boolean"}
	s := map[string]any{"description": f.Usage, "type": one}
	if isRepeatable(f) {
		s["type"] = append(one, "array")
		s["items"] = map[string]any{"type": one}
	}
	return s
}
