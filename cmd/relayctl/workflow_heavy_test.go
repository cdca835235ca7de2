//go:build heavy && unix

package main

import "testing"

// The documented workflow tells of an app that does wrong.
func TestWorkflowOfTheDocsTellsOfFaults(t *testing.T) {
	tryWorkflow(t, []workflowRun{
		{"the-app-takes-what-relay-sends", "--respond account.*=500,200", verdictStep},
		{"the-app-takes-what-relay-sends", "--respond account.*=404", "A campaign with disorder, duplicates and lost answers"},
	})
}

// The action builds itself from source for a branch, which has no release.
func TestActionOfABranchStepByStep(t *testing.T) { tryAction(t, "main", true) }

func TestAllEndlessStreamsAreRefused(t *testing.T) { refuseStreams(t, true) }

func TestAllNumbersAreHeldToTheirRange(t *testing.T) { tryNumbers(t, 1) }

// The example in Go is compiled, which takes longer than all others together.
func TestGoExampleOfWaiting(t *testing.T) {
	tryExamples(t, map[string][]string{"go": {"go", "run", "x.go"}})
}

func TestKilledAndResumedOften(t *testing.T) { killAndResume(t, 4, 400) }
