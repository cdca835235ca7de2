package main

import (
	"context"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"relayctl/fixtures"
	"relayctl/internal/report/term"
)

// What is printed as it is written, in place of being wrapped, fits a terminal of 80
// columns.
func TestTextsFit80Columns(t *testing.T) {
	texts := map[string]string{"the file of init": sampleConfig}
	for _, name := range fixtures.ScenarioNames() {
		text, _ := fixtures.Scenario(name)
		texts["scenario "+name] = schemaLine + string(text)
	}
	var add func(*cobra.Command)
	add = func(c *cobra.Command) {
		texts[c.CommandPath()+" --help"] = c.Short + "\n" + c.Long + "\n" + c.Example
		for _, sub := range c.Commands() {
			if c.Name() != "completion" { // they are the library's
				add(sub)
			}
		}
	}
	add(newRootCmd(&app{kill: context.Background()}))
	for where, text := range texts {
		for line := range strings.Lines(text) {
			if n := term.Columns(strings.TrimRight(line, "\n")); n > 80 {
				t.Errorf("%s: %d columns: %s", where, n, line)
			}
		}
	}
}
