package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"relayctl/fixtures"
	"relayctl/internal/event"
	"relayctl/internal/report"
	"relayctl/internal/sim"
	"relayctl/internal/suggest"
)

// unknownCommand names the nearest command to one that does not exist.
func unknownCommand(root *cobra.Command, name string) error {
	var names []string
	for _, c := range root.Commands() {
		if !c.Hidden {
			names = append(names, c.Name())
		}
	}
	return &exitError{code: exitUsage, err: fmt.Errorf("unknown command %q%s", name, suggest.DidYouMean(name, names)), hint: "relayctl --help lists the commands"}
}

// flagError words what is wrong with a flag. A flag that root does not know
// most likely belongs to a misspelt command, which is then the fault to name.
func (a *app) flagError(cmd *cobra.Command, err error) error {
	var missing *pflag.NotExistError
	if errors.As(err, &missing) {
		if word := firstWord(a.args); !cmd.HasParent() && word != "" {
			return unknownCommand(cmd, word)
		}
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		if n := meantFlag(missing, names); n != "" {
			err = fmt.Errorf("%w; did you mean --%s?", err, n)
		}
	}
	return &exitError{code: exitUsage, err: reword(err), hint: cmd.CommandPath() + " --help lists the flags"}
}

// meantFlag is the flag that one that does not exist most likely meant, "" where
// that cannot be told: one with a single dash, another tool's word, a slip.
func meantFlag(missing *pflag.NotExistError, names []string) string {
	name := missing.GetSpecifiedName()
	if short := missing.GetSpecifiedShortnames(); len(short) > 1 {
		name, _, _ = strings.Cut(short, "=")
	}
	others := map[string]string{"port": "addr", "host": "addr", "url": "to", "target": "to", "user": "username"}
	if other := others[name]; slices.Contains(names, other) {
		return other
	}
	return suggest.Nearest(name, names)
}

// firstWord is the first argument that is no flag. Root's own flags take a
// value, which is no command.
func firstWord(args []string) string {
	for i := 0; i < len(args); i++ {
		switch arg := args[i]; {
		case arg == "--color" || arg == "--profile":
			i++
		case arg != "" && arg[0] != '-':
			return arg
		}
	}
	return ""
}

// reword says what a flag takes where the parser only says what it could not
// parse.
func reword(err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	f, value := invalid.GetFlag(), invalid.GetValue()
	what, near := "", ""
	switch f.Value.Type() {
	case "duration":
		what = "a duration such as 10s or 2m"
		if _, err := time.ParseDuration(value + "s"); err == nil {
			near = value + "s"
		}
	case "int", "uint", "uint64":
		what = "a whole number"
		if f.Value.Type() != "int" {
			what = "a whole number from 0"
		}
		if plain := strings.NewReplacer(",", "", "_", "", " ", "").Replace(value); isNumber(plain) {
			near = plain
		}
	case "float64":
		what = "a number such as 0.1"
		if n, err := strconv.ParseFloat(strings.TrimSuffix(value, "%"), 64); err == nil && strings.HasSuffix(value, "%") && n <= 100 {
			near = strconv.FormatFloat(n/100, 'g', -1, 64)
		}
	case "bool":
		what = "true or false"
	default:
		return err
	}
	if near != "" {
		near = fmt.Sprintf("; did you mean %s?", near)
	}
	return fmt.Errorf("--%s takes %s, not %q%s", f.Name, what, value, near)
}

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 64)
	return err == nil
}

// oneOf checks a flag that takes one of a few words.
func oneOf(flag, value string, words ...string) error {
	if slices.Contains(words, value) {
		return nil
	}
	list := strings.Join(words[:len(words)-1], ", ") + " or " + words[len(words)-1]
	return usageError("--%s takes %s, not %q%s", flag, list, value, suggest.DidYouMean(value, words))
}

// checkOutput checks an --output flag.
func checkOutput(s string) error { return oneOf("output", s, outputs()...) }

func outputs() []string { return []string{"text", "json"} }

// checkNeeds refuses flags of the command line that others leave without effect:
// what was typed was meant. A profile and the environment may hold more than a
// command needs.
func checkNeeds(cmd *cobra.Command, typed []*pflag.Flag) error {
	kinds := map[string]string{
		"username": "basic", "password": "basic", "api-key": "api-key", "client-id": "oauth", "client-secret": "oauth",
		"scope": "oauth", "token-url": "oauth", "raw-token": "oauth", "token-ttl": "oauth",
	}
	needs := map[string]string{
		"wait-ready": "to", "insecure": "to", "insecure-http": "to", "cacert": "to", "token-url": "to",
		"rejects": "csv", "batch-shape": "batch", "reorder-window": "reorder", "forward-timeout": "forward", "capture-max": "capture",
		"sync": "capture",
		"to":   "curl",
	}
	flags := cmd.Flags()
	for _, f := range typed {
		if kind, auth := kinds[f.Name], flags.Lookup("auth"); kind != "" && auth != nil && auth.Value.String() != kind {
			return fmt.Errorf("--%s belongs to --auth %s, but --auth is %s", f.Name, kind, auth.Value)
		}
		if need := flags.Lookup(needs[f.Name]); need != nil && !need.Changed {
			return fmt.Errorf("--%s has no effect without --%s", f.Name, need.Name)
		}
	}
	return nil
}

// checkTyped refuses flags of the command line for what they say, or for what
// is typed beside them.
func checkTyped(cmd *cobra.Command, typed []*pflag.Flag) error {
	// What inspect shows of all requests has nothing to do with one of them.
	whole := []string{"ccid", "event", "since", "journeys", "fail-on"}
	flags := cmd.Flags()
	for _, f := range typed {
		for _, one := range []string{"curl", "diff"} {
			if pick := flags.Lookup(one); pick != nil && pick.Changed && slices.Contains(whole, f.Name) {
				return fmt.Errorf("--%s has no effect with --%s", f.Name, one)
			}
		}
		switch f.Name {
		case "capture", "journal", "rejects":
			if f.Value.String() == "-" {
				return fmt.Errorf("--%s: stdout carries the result; name a file", f.Name)
			}
		case "count":
			if !mayRepeat(flags) {
				return errors.New("--count repeats events and scenarios, but none is named")
			}
		case "expect", "for":
			if v := f.Value.String(); v == "0" || v == "0s" || v[0] == '-' {
				return fmt.Errorf("--%s must be more than nothing", f.Name)
			}
		}
	}
	return nil
}

// mayRepeat says whether --count can mean what is to be sent: an event, a
// scenario (also the one that is sent unasked), or a name that is misspelt,
// which is told later with the nearest right one.
func mayRepeat(flags *pflag.FlagSet) bool {
	if flags.NArg() == 0 {
		return !flags.Changed("records") && !flags.Changed("csv")
	}
	return slices.ContainsFunc(flags.Args(), func(arg string) bool {
		_, isEvent := event.Lookup(arg)
		_, isScenario := fixtures.Scenario(arg)
		_, err := os.Stat(arg)
		return isEvent || isScenario || sim.IsScenarioFile(arg) || arg != "-" && err != nil
	})
}

// eventFilter reads the patterns of a flag.
func (a *app) eventFilter(flag string, patterns []string) (event.Filter, error) {
	f, err := event.ParseFilter(patterns...)
	if err != nil {
		return f, fmt.Errorf("--%s: %w", flag, err)
	}
	a.doubt(flag, f)
	return f, nil
}

// doubt warns of a flag's patterns that match no known event. They are taken all
// the same, for Relay may add names at any time (R-TOLERANT).
func (a *app) doubt(flag string, f event.Filter) {
	for _, what := range f.Unknown() {
		fmt.Fprintf(a.stderr, "warning: --%s: %s\n", flag, what)
	}
}

// unused warns of a value for which another one leaves nothing.
func (a *app) unused(flag, value, by string) {
	fmt.Fprintf(a.stderr, "warning: --%s: %s is never used, for %s takes every event\n", flag, report.Clean(value), by)
}

// noArgs refuses arguments.
func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return fmt.Errorf("%s takes no argument, but %q was given", cmd.CommandPath(), args[0])
	}
	return nil
}

// atMost refuses more than n arguments, and atLeast fewer; what names them.
func atMost(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) > n {
			return fmt.Errorf("%s takes %s, but %q was given as well", cmd.CommandPath(), what, args[n])
		}
		return nil
	}
}

func atLeastOne(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == 0 {
			return fmt.Errorf("%s needs %s", cmd.CommandPath(), what)
		}
		return nil
	}
}
