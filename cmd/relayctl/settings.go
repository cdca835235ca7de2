package main

import (
	"context"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"relayctl/internal/report/term"
	"relayctl/internal/suggest"
)

// layer is one place that values of flags come from. Where several have a value
// for a flag, the first one decides.
type layer struct {
	values map[string]given
	typed  bool // the command line, whose lists the parser has taken apart
	// mistake says where a value that a flag does not take stands.
	mistake func(flag string, err error) error
}

// given is what a layer has for a flag.
type given struct {
	texts  []string // as it was written; several for a flag that can be repeated
	source string   // for people: "profile staging of ./relayctl.yaml"
}

const fromFlag = "flag"

// settings are the values of a command's flags, and where each comes from.
type settings struct {
	command string
	layers  []layer
	flags   *pflag.FlagSet // the values; one is Changed where a layer has it
	sources map[string]string
}

// resolve sets the options that declare binds to flags, each from the first
// layer that has a value for it. Every call begins with the defaults: nothing is
// left of an earlier one.
func resolve(command string, declare func(*cobra.Command), layers []layer) (*settings, error) {
	scratch := &cobra.Command{}
	declare(scratch)
	s := &settings{command: command, layers: layers, flags: scratch.Flags(), sources: map[string]string{}}
	var firstErr error
	s.flags.VisitAll(func(f *pflag.Flag) {
		i := slices.IndexFunc(layers, func(l layer) bool { return l.values[f.Name].source != "" })
		if i < 0 || firstErr != nil {
			return
		}
		l, value := layers[i], layers[i].values[f.Name]
		s.sources[f.Name] = value.source
		if err := setFlag(s.flags, f, value.texts, l.typed); err != nil {
			firstErr = l.mistake(f.Name, err)
		}
	})
	return s, firstErr
}

// setFlag sets a flag to the values, worded for people where one is wrong.
func setFlag(flags *pflag.FlagSet, f *pflag.Flag, values []string, typed bool) error {
	if list, ok := f.Value.(pflag.SliceValue); ok && typed {
		f.Changed = true
		// A script's variable that is not set must not mean the default.
		if strings.TrimSpace(strings.Join(values, "")) == "" {
			return fmt.Errorf("--%s is empty", f.Name)
		}
		return list.Replace(values)
	}
	for _, v := range values {
		if err := flags.Set(f.Name, v); err != nil {
			return reword(err)
		}
	}
	if f.Value.Type() == "string" && f.Value.String() == "" {
		return fmt.Errorf("--%s is empty", f.Name)
	}
	return outOfRange(f)
}

// given says whether a layer has a value for the flag.
func (s *settings) given(name string) bool { return s.flags.Changed(name) }

// typed says whether the flag was given on the command line.
func (s *settings) typed(name string) bool { return s.sources[name] == fromFlag }

// source says where the value of a flag comes from.
func (s *settings) source(name string) string { return orText(s.sources[name], "default") }

// on says whether a flag that is true or false is true; it is false for one that the
// command does not have.
func (s *settings) on(name string) bool {
	f := s.flags.Lookup(name)
	return f != nil && f.Value.String() == "true"
}

// refuseIneffective refuses flags of the command line that others leave without
// effect: what was typed was meant. A profile and the environment may hold more
// than a command needs.
func (s *settings) refuseIneffective() error {
	var firstErr error
	s.flags.VisitAll(func(f *pflag.Flag) {
		if !s.typed(f.Name) || firstErr != nil {
			return
		}
		if kind, auth := annotation(f, authKey), s.flags.Lookup("auth"); kind != "" && auth.Value.String() != kind {
			firstErr = fmt.Errorf("--%s belongs to --auth %s, but --auth is %s", f.Name, kind, auth.Value)
		}
		if other := annotation(f, needsKey); other != "" && !s.given(other) {
			firstErr = fmt.Errorf("--%s has no effect without --%s", f.Name, other)
		}
	})
	return firstErr
}

// options are the flags of a command, declared by pointers to where their values
// go.
type options[T any] interface {
	*T
	flags(cmd *cobra.Command)
}

// action declares the flags of a command and lets it run with their values.
func action[T any, O options[T]](a *app, cmd *cobra.Command, run func(ctx context.Context, o O, s *settings, args []string) error) *cobra.Command {
	declare := func(on *cobra.Command) O {
		o := O(new(T))
		o.flags(on)
		return o
	}
	declare(cmd)
	a.declared[cmd.Name()] = func(on *cobra.Command) { declare(on) }
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		var o O
		s, err := resolve(cmd.Name(), func(on *cobra.Command) { o = declare(on) }, a.layers)
		a.learnSettings(s)
		if err != nil {
			return usage(err)
		}
		if cmd.Name() != "send" { // its scenario may set more first
			err = s.refuseIneffective()
			a.tellIdle(s)
		}
		if err == nil {
			err = a.beginWith(s)
		}
		if err == nil {
			err = a.refuseOverwriting(s, args)
		}
		if err != nil {
			return usage(err)
		}
		return run(cmd.Context(), o, s, args)
	}
	return cmd
}

// noOptions are those of a command without flags.
type noOptions struct{}

func (*noOptions) flags(*cobra.Command) {}

// globalOptions are the flags that every command has.
type globalOptions struct {
	color, profile string
	quiet          bool
}

func (o *globalOptions) flags(f *pflag.FlagSet) {
	o.color = string(term.ColorAuto)
	f.Var(&choice{&o.color, []string{string(term.ColorAuto), string(term.ColorAlways), string(term.ColorNever)}}, "color", "colour the output")
	f.StringVar(&o.profile, "profile", "", "profile of relayctl.yaml to use (the one named default, unless given)")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print only the result and errors: no warnings, hints or progress")
}

// begin collects the layers of a command's settings, and resolves what all
// commands share.
func (a *app) begin(cmd *cobra.Command, args []string) error {
	typed := commandLine(cmd)
	if cmd.Name() != "listen" {
		go a.endOnHangup()
	} else if len(args) > 0 { // its argument is short for the flag
		typed.values["forward"] = given{append(typed.values["forward"].texts, forwardURL(args[0])), fromFlag}
	}
	a.layers = []layer{typed, a.environment(cmd.Flags())}
	shared := func(on *cobra.Command) { a.global.flags(on.Flags()) }
	_, err := resolve(cmd.Name(), shared, a.layers)
	if err != nil || !configurable(cmd) {
		return err
	}
	var warnings []string
	if a.profile, warnings, err = a.loadProfile(cmd.Root(), a.global.profile); err != nil {
		return err
	}
	a.layers = append(a.layers, a.profile.layer())
	if _, err := resolve(cmd.Name(), shared, a.layers); err != nil {
		return err
	}
	if a.global.quiet {
		a.stderr = term.NewScreen(io.Discard)
	}
	for _, text := range append(warnings, a.unknownVariables(cmd.Root())...) {
		a.warn("%s", text)
	}
	return nil
}

// endOnHangup ends the run as SIGTERM does when its terminal is closed.
func (a *app) endOnHangup() {
	select {
	case <-a.hangups:
		a.stop()
	case <-a.interrupt.Done():
	}
}

// beginWith names the profile that is in use, and holds a production profile
// back until the command line says that it is meant.
func (a *app) beginWith(s *settings) error {
	inUse := a.global.profile != ""
	for _, source := range s.sources {
		inUse = inUse || source == a.profile.source()
	}
	if a.profile.name == "" || !inUse && !a.profile.production {
		return nil
	}
	fmt.Fprintln(a.stderr, a.profile.source())
	sends := s.flags.Lookup(yesProduction) != nil && !s.on("dry-run") && !s.on("list") && !s.given("explain")
	if sends && a.profile.production && !s.on(yesProduction) {
		return fmt.Errorf("%s is marked as production, so nothing was sent; --%s sends", a.profile.source(), yesProduction)
	}
	return nil
}

// commandLine is the layer of the flags that were typed.
func commandLine(cmd *cobra.Command) layer {
	l := layer{values: map[string]given{}, typed: true, mistake: func(_ string, err error) error { return err }}
	cmd.Flags().Visit(func(f *pflag.Flag) {
		texts := []string{f.Value.String()}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			texts = list.GetSlice()
		}
		l.values[f.Name] = given{texts, fromFlag}
	})
	return l
}

// environment is the layer of the variables of the flags. One that is empty
// counts as not set; a flag that can be repeated has one value a line.
func (a *app) environment(flags *pflag.FlagSet) layer {
	l := layer{values: map[string]given{}}
	l.mistake = func(flag string, err error) error { return fmt.Errorf("%s: %w", l.values[flag].source, err) }
	flags.VisitAll(func(f *pflag.Flag) {
		name := variable(f.Name)
		text, _ := a.env(name)
		noColor, _ := a.env("NO_COLOR")
		switch {
		case name == "":
		case text != "" && isRepeatable(f):
			l.values[f.Name] = given{strings.Split(strings.TrimRight(text, "\r\n"), "\n"), "environment variable " + name}
		case text != "":
			l.values[f.Name] = given{[]string{text}, "environment variable " + name}
		case f.Name == "color" && noColor != "": // no-color.org
			l.values[f.Name] = given{[]string{string(term.ColorNever)}, "environment variable NO_COLOR"}
		}
	})
	return l
}

const prefix = "RELAYCTL_"

// variable names the environment variable of a flag, "" for one that counts on
// the command line only.
func variable(flag string) string {
	if flag == "help" || flag == "version" || flag == yesProduction {
		return ""
	}
	return prefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// unknownVariables lists the variables that begin like a flag's and have no flag.
func (a *app) unknownVariables(root *cobra.Command) []string {
	known := []string{variable("profile")}
	for _, flag := range flagNames(root) {
		known = append(known, variable(flag))
	}
	var out []string
	for _, pair := range a.environ {
		name, _, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, prefix) && !slices.Contains(known, name) {
			out = append(out, fmt.Sprintf("unknown environment variable %s%s", name, suggest.DidYouMean(name, known)))
		}
	}
	slices.Sort(out)
	return out
}

// env looks up an environment variable.
func (a *app) env(name string) (string, bool) {
	for _, pair := range a.environ {
		key, value, _ := strings.Cut(pair, "=")
		if key == name || runtime.GOOS == "windows" && strings.EqualFold(key, name) {
			return value, true
		}
	}
	return "", false
}

// isRepeatable says whether a flag can be given several times.
func isRepeatable(f *pflag.Flag) bool {
	_, ok := f.Value.(pflag.SliceValue)
	return ok
}
