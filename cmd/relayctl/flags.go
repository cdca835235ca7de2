package main

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"relayctl/internal/recv/judge"
)

// Annotations of a flag. They are written where the flag is declared, so that
// everything about a flag stands in the file of its command.
const (
	groupKey = "relayctl_group" // the heading of the flag in the help
	needsKey = "relayctl_needs" // the flag without which it has no effect
	authKey  = "relayctl_auth"  // the value of --auth without which it has no effect
	maskKey  = "relayctl_mask"  // how its value is hidden: maskSecret, maskHeader or maskURL
	rangeKey = "relayctl_range" // the numbers or durations that it takes, as LEAST..MOST
	fileKey  = "relayctl_file"  // fileWritten where it names a file that is written
)

const fileWritten = "written"

const (
	maskSecret = "secret" // all of it, unless it is a reference
	maskHeader = "header" // what stands after the colon, unless it is a reference
	maskURL    = "url"    // user name and password, unless it is a reference
)

// annotate notes a word under a key of a flag.
func annotate(f *pflag.Flag, key, word string) {
	if f.Annotations == nil {
		f.Annotations = map[string][]string{}
	}
	f.Annotations[key] = []string{word}
}

// annotation returns the word under a key of a flag, "" where there is none.
func annotation(f *pflag.Flag, key string) string {
	if words := f.Annotations[key]; len(words) > 0 {
		return words[0]
	}
	return ""
}

// group puts the flags that are defined between its call and the call of what
// it returns under a heading of the help.
func group(cmd *cobra.Command, heading string) (end func()) {
	cmd.Flags().SortFlags = false
	before := 0
	cmd.Flags().VisitAll(func(*pflag.Flag) { before++ })
	return func() {
		i := 0
		cmd.Flags().VisitAll(func(f *pflag.Flag) {
			if i++; i > before {
				annotate(f, groupKey, heading)
			}
		})
	}
}

// needs says that the flags have no effect without another one.
func needs(cmd *cobra.Command, other string, flags ...string) {
	for _, name := range flags {
		annotate(cmd.Flags().Lookup(name), needsKey, other)
	}
}

// needsAuth says that the flags have no effect without that kind of credentials.
func needsAuth(cmd *cobra.Command, kind string, flags ...string) {
	for _, name := range flags {
		annotate(cmd.Flags().Lookup(name), authKey, kind)
	}
}

// writes says that the flags name files that are written. Other flags that take a file
// name one that is read.
func writes(cmd *cobra.Command, flags ...string) {
	for _, name := range flags {
		annotate(cmd.Flags().Lookup(name), fileKey, fileWritten)
	}
}

// within sets the least and the greatest value of flags that take a number or a
// duration; an empty most means no upper bound. Only a value that is given is checked,
// so that a default may lie outside, such as 0 for "not set".
func within(cmd *cobra.Command, least, most string, flags ...string) {
	for _, name := range flags {
		annotate(cmd.Flags().Lookup(name), rangeKey, least+".."+most)
	}
}

// outOfRange says that a flag's value is not one that within names.
func outOfRange(f *pflag.Flag) error {
	least, most, ranged := strings.Cut(annotation(f, rangeKey), "..")
	if !ranged {
		return nil
	}
	v := size(f.Value.String())
	low, high := v < size(least), most != "" && v > size(most)
	switch {
	case low && least == "0":
		return fmt.Errorf("--%s must not be negative", f.Name)
	case low && least == "1ns":
		return fmt.Errorf("--%s must be positive", f.Name)
	case (low || math.IsNaN(v)) && most == "":
		return fmt.Errorf("--%s must be at least %s", f.Name, least)
	case high && least == "1ns":
		return fmt.Errorf("--%s must be positive and at most %s, not %s", f.Name, most, f.Value)
	case low || high || math.IsNaN(v):
		return fmt.Errorf("--%s must be between %s and %s, not %s", f.Name, least, most, f.Value)
	}
	return nil
}

// size is a number, or the nanoseconds of a duration.
func size(text string) float64 {
	if d, err := time.ParseDuration(text); err == nil {
		return float64(d)
	}
	n, _ := strconv.ParseFloat(text, 64) // flags hold numbers, and so does the code
	return n
}

// secretFlag declares a flag that takes a secret: "relayctl config" hides it.
func secretFlag(cmd *cobra.Command, into *string, name, usage string) {
	cmd.Flags().StringVar(into, name, "", usage+" (env:NAME, file:PATH, or the value itself, which then shows in the process list)")
	annotate(cmd.Flags().Lookup(name), maskKey, maskSecret)
}

// headerFlag declares a repeatable flag that takes headers: "relayctl config"
// hides their values.
func headerFlag(cmd *cobra.Command, into *[]string, name, short, usage string) {
	cmd.Flags().StringArrayVarP(into, name, short, nil, usage)
	annotate(cmd.Flags().Lookup(name), maskKey, maskHeader)
}

// outputFlag declares --output. lines says what a line of the JSON is.
func outputFlag(cmd *cobra.Command, into *string, lines string) {
	choiceFlag(cmd, into, "output", "o", "text or json ("+lines+")", "text", "json")
}

// failOnFlag declares --fail-on; note explains the last word but never.
func failOnFlag(cmd *cobra.Command, into *string, byDefault, note string) {
	kinds := judge.FailOnKinds()
	list := strings.Join(kinds[:len(kinds)-1], ", ")
	cmd.Flags().StringVar(into, "fail-on", byDefault, "a `list` of what makes the exit code 1: "+list+note+"; or never")
	words(cmd, "fail-on", kinds...)
}

// choiceFlag declares a flag that takes one of a few words; the first is the
// default.
func choiceFlag(cmd *cobra.Command, into *string, name, short, usage string, words ...string) {
	*into = words[0]
	cmd.Flags().VarP(&choice{into, words}, name, short, usage)
}

// choice is the value of a flag that takes one of a few words.
type choice struct {
	value *string
	words []string
}

const choiceType = "choice"

func (c *choice) String() string { return *c.value }
func (c *choice) Type() string   { return choiceType }

// Set implements pflag.Value. reword words the error.
func (c *choice) Set(s string) error {
	if !slices.Contains(c.words, s) {
		return errNotAChoice
	}
	*c.value = s
	return nil
}

// list names the words for people.
func (c *choice) list() string {
	last := len(c.words) - 1
	return strings.Join(c.words[:last], ", ") + " or " + c.words[last]
}

// completeChoices offers the words of every flag that takes one of a few.
func completeChoices(cmd *cobra.Command) {
	for _, set := range []*pflag.FlagSet{cmd.PersistentFlags(), cmd.Flags()} {
		set.VisitAll(func(f *pflag.Flag) {
			if c, ok := f.Value.(*choice); ok {
				words(cmd, f.Name, c.words...)
			}
		})
	}
}

// plainUsages takes the quotes, which mark the name of a value for the help, from the
// meanings of all flags: the shell's completion shows these as they are.
func plainUsages(cmd *cobra.Command) {
	for _, set := range []*pflag.FlagSet{cmd.PersistentFlags(), cmd.Flags()} {
		set.VisitAll(func(f *pflag.Flag) { f.Usage = strings.ReplaceAll(f.Usage, "`", "") })
	}
	for _, c := range cmd.Commands() {
		plainUsages(c)
	}
}

// words registers the words that a flag takes, for the shell's completion.
func words(cmd *cobra.Command, flag string, list ...string) {
	wordsOf(cmd, flag, func() []string { return list })
}

// wordsOf is words for a list that takes a moment to make.
func wordsOf(cmd *cobra.Command, flag string, list func() []string) {
	if cmd.Use == "" {
		return // declared to read settings, never completed
	}
	// It fails only for a flag that does not exist or has its words already.
	_ = cmd.RegisterFlagCompletionFunc(flag, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return list(), cobra.ShellCompDirectiveNoFileComp
	})
}

// oneArg completes a command's only argument.
func oneArg(list func() []string) cobra.CompletionFunc {
	return func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
		if len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return list(), cobra.ShellCompDirectiveNoFileComp
	}
}
