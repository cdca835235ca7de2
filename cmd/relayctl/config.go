package main

import (
	"context"
	"encoding/json"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"relayctl/internal/capture"
	"relayctl/internal/duration"
	"relayctl/internal/report"
	"relayctl/internal/suggest"
)

func newConfigCmd(a *app) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "config [COMMAND]",
		Short: "Print every effective setting and where it comes from",
		Long: `Print the value of every flag of a command, or of all commands, and where it
comes from: an environment variable, the profile in use, or the default. A flag
on the command line comes before all of them. Secrets are hidden: references
such as env:NAME and file:PATH are shown, other values are not.`,
		Example: `  relayctl config
  relayctl config send --profile staging
  relayctl config check --output json`,
		Args: atMost(1, "one command"),
	}
	names := func() []string {
		return slices.DeleteFunc(commandNames(cmd.Root()), func(name string) bool { return a.declared[name] == nil })
	}
	cmd.ValidArgsFunction = oneArg(names)
	return action(a, cmd, func(_ context.Context, o *listOptions, _ *settings, args []string) error {
		commands := names()
		if len(args) > 0 {
			if !slices.Contains(commands, args[0]) {
				return usageError("there is no command %q with settings%s", args[0], suggest.DidYouMean(args[0], commands))
			}
			commands = args
		}
		list, err := a.effective(cmd.Root(), commands)
		if err != nil {
			return usage(err)
		}
		return environment(report.Settings(a.stdout, a.style(a.stdout), list, o.output == "json"))
	})
}

// effective lists the settings of commands by name. Commands for which a setting
// has the same value from the same place share one.
func (a *app) effective(root *cobra.Command, commands []string) ([]report.Setting, error) {
	var list []report.Setting
	if a.profile.production {
		list = append(list, report.Setting{Name: productionKey, Value: true, Source: a.profile.source(), Commands: []string{"send", "check"}})
	}
	shared, err := resolve("", func(on *cobra.Command) { new(globalOptions).flags(on.Flags()) }, a.layers)
	if err != nil {
		return nil, err
	}
	shared.flags.VisitAll(func(f *pflag.Flag) {
		list = append(list, report.Setting{Name: f.Name, Value: shownValue(f), Source: shared.source(f.Name), Commands: commands})
	})
	for _, name := range commands {
		c, _, err := root.Find([]string{name})
		if err != nil {
			return nil, err
		}
		layers := []layer{a.environment(c.Flags())}
		if configurable(c) {
			layers = append(layers, a.profile.layer())
		}
		s, err := resolve(name, a.declared[name], layers)
		if err != nil {
			return nil, err
		}
		s.flags.VisitAll(func(f *pflag.Flag) {
			if variable(f.Name) != "" {
				list = addSetting(list, report.Setting{Name: f.Name, Value: shownValue(f), Source: s.source(f.Name), Commands: []string{name}})
			}
		})
	}
	slices.SortStableFunc(list, func(a, b report.Setting) int { return strings.Compare(a.Name, b.Name) })
	for i := range list {
		same := func(j int) bool { return j >= 0 && j < len(list) && list[j].Name == list[i].Name }
		list[i].Shared = !same(i-1) && !same(i+1)
	}
	return list, nil
}

func addSetting(list []report.Setting, s report.Setting) []report.Setting {
	for i := range list {
		if list[i].Name == s.Name && list[i].Source == s.Source && reflect.DeepEqual(list[i].Value, s.Value) {
			list[i].Commands = append(list[i].Commands, s.Commands...)
			return list
		}
	}
	return append(list, s)
}

// shownValue is a flag's value as anybody may see it.
func shownValue(f *pflag.Flag) any {
	switch text := f.Value.String(); f.Value.Type() {
	case "bool", "int", "uint64", "float64":
		return json.RawMessage(text)
	case "duration":
		return durationText(text)
	default:
		list, ok := f.Value.(pflag.SliceValue)
		if !ok {
			return hidden(annotation(f, maskKey), text)
		}
		texts := slices.Clone(list.GetSlice())
		for i := range texts {
			texts[i] = hidden(annotation(f, maskKey), texts[i])
		}
		return texts
	}
}

// durationText writes the text of a duration as people do: 1h, not 1h0m0s.
func durationText(text string) string {
	if d, err := time.ParseDuration(text); err == nil && d >= time.Minute && d%time.Second == 0 {
		return duration.Text(d)
	}
	return text
}

// hidden returns a text without the secrets in it. A flag without an annotation may still
// hold a URL or a command with credentials.
func hidden(mask, text string) string {
	switch {
	case text == "" || isReference(text) && (mask == maskSecret || mask == maskURL):
		return text
	case mask == maskURL:
		at := strings.LastIndexByte(text, '@')
		if at < 0 {
			return text
		}
		scheme, _, ok := strings.Cut(text, "://")
		if !ok {
			scheme = "http"
		}
		return scheme + "://" + capture.Redacted + text[at:]
	case mask == maskSecret:
		return capture.Redacted
	case mask == maskHeader:
		name, value, ok := strings.Cut(text, ":")
		switch {
		case !ok:
			return capture.Redacted
		case isReference(strings.TrimSpace(value)):
			return text
		}
		return name + ": " + capture.Redacted
	}
	for _, p := range secretPatterns() {
		text = p.ReplaceAllString(text, "${1}"+capture.Redacted+"${2}")
	}
	return shownURL(text)
}

// secretPatterns find secrets in URLs and in commands, between what stays.
func secretPatterns() []*regexp.Regexp {
	return []*regexp.Regexp{
		regexp.MustCompile(`(://)\S*(@)`),
		regexp.MustCompile(`()\b[^\s/@:=]+:[^\s/]\S*(@)`),
		regexp.MustCompile(`(?i)((?:authorization|api-?key|token|password|secret)\s*[:=]\s*)[^'"]+()`),
	}
}

// isReference says whether a secret is named instead of written.
func isReference(text string) bool {
	return strings.HasPrefix(text, "env:") || strings.HasPrefix(text, "file:")
}
