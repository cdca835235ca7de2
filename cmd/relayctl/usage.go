package main

import (
	"cmp"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"relayctl/internal/event"
	"relayctl/internal/report/term"
	"relayctl/internal/suggest"
)

// unknownCommand names the nearest command to one that does not exist; args is the whole
// command line.
func unknownCommand(root *cobra.Command, name string, args []string) error {
	var names []string
	for _, c := range root.Commands() {
		if !c.Hidden {
			names = append(names, c.Name())
		}
	}
	near := suggest.DidYouMean(name, names)
	switch word := suggest.Nearest(name, otherWords()); {
	case otherCommand(name) != "":
		near = "; " + withArgs(otherCommand(name), name, args) + " does that"
	case isAddress(name, true):
		url := cmp.Or(suggest.URL(name), shownURL(name))
		return &exitError{code: exitUsage, err: fmt.Errorf("%q is an endpoint, not a command", shownURL(name)),
			hint: fmt.Sprintf("relayctl send --to %s sends to it, relayctl check --to %s checks it, relayctl listen %s passes requests on to it", url, url, url)}
	case near == "" && word != "":
		near = fmt.Sprintf("; %s does what other tools call %s", withArgs(otherCommand(word), name, args), word)
	}
	return &exitError{code: exitUsage, err: fmt.Errorf("unknown command %q%s", name, near), hint: "relayctl --help lists the commands"}
}

// flagError words what is wrong with a flag. A flag that root does not know
// most likely belongs to a misspelt command, which is then the fault to name.
func (a *app) flagError(cmd *cobra.Command, err error) error {
	var missing *pflag.NotExistError
	if errors.As(err, &missing) {
		if word := firstWord(a.args); !cmd.HasParent() && word != "" {
			return unknownCommand(cmd, word, a.args)
		}
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
		name := missing.GetSpecifiedName()
		switch n, has := meantFlag(missing, names), commandsWith(cmd, name); {
		case has != "" && otherFlag(name, names) == "":
			err = fmt.Errorf("%w; %s", unknownFlag(missing), has)
		case n != "":
			err = fmt.Errorf("%w; did you mean --%s?", unknownFlag(missing), n)
		default:
			err = unknownFlag(missing)
		}
	}
	return &exitError{code: exitUsage, err: reword(err), hint: cmd.CommandPath() + " --help lists the flags"}
}

// unknownFlag words a flag that does not exist as it was typed.
func unknownFlag(missing *pflag.NotExistError) error {
	if short := missing.GetSpecifiedShortnames(); short != "" {
		letter := missing.GetSpecifiedName()
		if short == letter {
			return fmt.Errorf("unknown flag: -%s", letter)
		}
		return fmt.Errorf("unknown flag: -%s in -%s", letter, short)
	}
	return fmt.Errorf("unknown flag: --%s", missing.GetSpecifiedName())
}

// commandsWith names the other commands that have a flag of exactly that name, "" where
// none or too many have.
func commandsWith(cmd *cobra.Command, name string) string {
	var have []string
	for _, c := range cmd.Root().Commands() {
		if !c.Hidden && len(name) > 1 && c.LocalNonPersistentFlags().Lookup(name) != nil {
			have = append(have, c.CommandPath())
		}
	}
	switch len(have) {
	case 1:
		return have[0] + " has it"
	case 2, 3:
		return strings.Join(have[:len(have)-1], ", ") + " and " + have[len(have)-1] + " have it"
	}
	return ""
}

// meantFlag is the flag that one that does not exist most likely meant, "" where
// that cannot be told: one with a single dash, another tool's word, a slip.
func meantFlag(missing *pflag.NotExistError, names []string) string {
	name := missing.GetSpecifiedName()
	if short := missing.GetSpecifiedShortnames(); len(short) > 1 {
		name, _, _ = strings.Cut(short, "=")
	}
	if other := otherFlag(name, names); other != "" {
		return other
	}
	return suggest.Nearest(name, names)
}

// firstWord is the first argument that is not a flag. Root's own flags take a
// value, which is not a command.
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
	var lacking *pflag.ValueRequiredError
	if errors.As(err, &lacking) {
		name, _ := valueName(lacking.GetFlag())
		return fmt.Errorf("--%s needs a value: %s", lacking.GetFlag().Name, name)
	}
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	f, value := invalid.GetFlag(), invalid.GetValue()
	if tooLarge(f.Value.Type(), value) {
		return fmt.Errorf("--%s: %s is too large", f.Name, value)
	}
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
			what = "a whole number from 1"
		}
		if f.Name == "seed" {
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
	case choiceType:
		c := f.Value.(*choice)
		return fmt.Errorf("--%s takes %s, not %q%s", f.Name, c.list(), value, suggest.DidYouMean(value, c.words))
	default:
		return err
	}
	if near != "" {
		near = fmt.Sprintf("; did you mean %s?", near)
	}
	return fmt.Errorf("--%s takes %s, not %q%s", f.Name, what, value, near)
}

// tooLarge says whether a value is of the right form, and only too large.
func tooLarge(kind, value string) bool {
	switch kind {
	case "int", "uint", "uint64":
		return value != "" && strings.Trim(value, "0123456789") == ""
	case "duration":
		number, unit := strings.TrimLeft(value, "0123456789."), value[len(strings.TrimRight(value, "nuµmsh")):]
		_, err := time.ParseDuration("1" + unit)
		return number == unit && number != value && err == nil && strings.Count(value, ".") < 2
	}
	return false
}

// errNotAChoice is the error of a choice for a word that is not one of its own. reword
// adds the words.
var errNotAChoice = errors.New("not one of the words")

func isNumber(s string) bool {
	_, err := strconv.ParseUint(s, 10, 64)
	return err == nil
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
		a.warn("--%s: %s", flag, what)
	}
}

// unused warns that a value has no effect beside another one.
func (a *app) unused(flag, value, by string) {
	a.warn("--%s: %s is never used, for %s takes every event", flag, term.Clean(value), by)
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
