package main

import (
	"os"

	"github.com/goccy/go-yaml"
	"github.com/rogpeppe/go-internal/testscript"
)

// writeStep writes the script of a step of the repository's GitHub Action into
// a file: "step NAME FILE".
func writeStep(ts *testscript.TestScript, _ bool, args []string) {
	data, err := os.ReadFile("../../action.yml")
	ts.Check(err)
	var action struct {
		Runs struct {
			Steps []struct{ Name, Run string }
		}
	}
	ts.Check(yaml.Unmarshal(data, &action))
	for _, s := range action.Runs.Steps {
		if s.Name == args[0] {
			ts.Check(os.WriteFile(ts.MkAbs(args[1]), []byte(s.Run), 0o600))
			return
		}
	}
	ts.Fatalf("action.yml has no step %q", args[0])
}
