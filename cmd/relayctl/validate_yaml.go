package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"github.com/spf13/cobra"

	"relayctl/internal/check"
	"relayctl/internal/event"
	"relayctl/internal/input"
	"relayctl/internal/recv/script"
	"relayctl/internal/sim/plan"
	"relayctl/internal/strictyaml"
)

// yamlKind is a kind of file that people write for relayctl. What has its key at the
// outermost level is of that kind.
type yamlKind struct {
	name   string // for people
	key    *regexp.Regexp
	verify func(file string, text []byte) (doubts []error, err error)
}

func (a *app) yamlKinds(root *cobra.Command) []yamlKind {
	key := func(name string) *regexp.Regexp { return regexp.MustCompile(`(?m)^["']?` + name + `["']?[ \t]*:`) }
	return []yamlKind{
		{"configuration", key("profiles"), func(file string, text []byte) ([]error, error) {
			_, err := parseConfig(file, text, root)
			return nil, err
		}},
		{"rules file", key("rules"), func(file string, text []byte) ([]error, error) {
			_, doubts, err := script.ParseFile(file, text)
			return doubts, err
		}},
		{"baseline", key("known_failures"), func(file string, text []byte) ([]error, error) {
			_, err := check.ParseBaseline(file, text, check.All())
			return nil, err
		}},
		{"scenario", key(""), a.verifyScenario}, // whatever is left
	}
}

// verifyScenario holds a scenario to all that send asks of it.
func (a *app) verifyScenario(file string, text []byte) ([]error, error) {
	sc, err := plan.ParseScenario(file, text)
	if err != nil {
		return nil, err
	}
	for i, answers := range sc.Receiver.Respond {
		if _, err := script.Parse(answers); err != nil {
			return nil, sc.Errorf(fmt.Sprintf("$.receiver.respond[%d]", i), "%v", err)
		}
	}
	_, err = resolve("send", a.declared["send"], []layer{scenarioLayer(sc)})
	return nil, err
}

// yaml validates a file that people write.
func (l *linter) yaml(ctx context.Context, name string, kinds []yamlKind) error {
	text, err := input.ReadFile(ctx, name, strictyaml.MaxSize)
	if err != nil {
		return err
	}
	kind := kinds[len(kinds)-1]
	for _, k := range kinds[:len(kinds)-1] {
		if k.key.Match(text) {
			kind = k
			break
		}
	}
	doubts, err := kind.verify(name, text)
	if fault := new(strictyaml.Error); errors.As(err, &fault) && fault.Message == strictyaml.Empty {
		return &exitError{code: exitUsage, err: err, hint: "relayctl scenarios NAME prints a scenario to start from, relayctl init writes a configuration"}
	}
	l.out.Document(kind.name)
	for _, d := range doubts {
		l.place(name, d, event.Warning)
	}
	if err != nil {
		l.place(name, err, event.Error)
	}
	return nil
}

// place adds a fault at the place that it names itself.
func (l *linter) place(name string, err error, level event.Level) {
	fault := &strictyaml.Error{Line: 1, Message: err.Error()}
	errors.As(err, &fault)
	l.out.Add(name, max(fault.Line, 1), "", event.Finding{Level: level, Message: fault.Message})
}
