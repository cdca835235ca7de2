package main

import (
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// What the words of other tools lead to exists.
func TestOtherWordsLeadToWhatExists(t *testing.T) {
	root := newRootCmd(&app{profile: &profile{}})
	for line, words := range otherCommands() {
		fields := strings.Fields(line)
		cmd, _, err := root.Find(fields[1:])
		if err != nil || cmd == root {
			t.Errorf("%s: %v", line, err)
			continue
		}
		for _, f := range fields {
			name, long := strings.CutPrefix(f, "--")
			if long && cmd.Flags().Lookup(name) == nil {
				t.Errorf("%s: there is no --%s", line, name)
			}
		}
		for _, w := range words {
			if slices.Contains(commandNames(root), w) {
				t.Errorf("%s is a command", w)
			}
		}
	}
	known := append(flagNames(root), "profile")
	for flag, words := range otherFlags() {
		if !slices.Contains(known, flag) {
			t.Errorf("there is no --%s", flag)
		}
		for _, c := range root.Commands() {
			for _, w := range words {
				var names []string
				c.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
				if slices.Contains(names, flag) && !slices.Contains(names, w) && otherFlag(w, names) == "" {
					t.Errorf("%s --%s leads nowhere", c.Name(), w)
				}
			}
		}
	}
}
