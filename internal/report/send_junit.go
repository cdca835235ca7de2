package report

import (
	"fmt"
	"io"
	"strconv"

	"relayctl/internal/sim"
)

// WriteJUnit writes the run as a JUnit report: a case for what was accepted of
// each event name, and one for each delivery that fell short.
func (r SendResult) WriteJUnit(w io.Writer) error {
	sum := &r.Summary
	s := JUnitSuite{
		Name: "relayctl send", Began: sum.Began, Took: sum.Ended.Sub(sum.Began),
		Properties: []JUnitProperty{
			{"target", Clean(r.Record.Target)}, {"seed", strconv.FormatUint(sum.Seed, 10)},
			{"events", strconv.Itoa(sum.Events)}, {"attempts", strconv.Itoa(sum.Attempts)},
			{"accepted", strconv.Itoa(sum.Accepted)}, {"accepted after a retry", strconv.Itoa(sum.Retried)},
			{"given up", strconv.Itoa(sum.GivenUp)}, {"refused", strconv.Itoa(sum.Refused)}, {"skipped", strconv.Itoa(sum.Skipped)},
			{"latency p50", human(sum.P50)}, {"latency p99", human(sum.P99)}, {"latency max", human(sum.Max)},
		},
	}
	for _, name := range r.Record.names {
		if c := r.Record.byName[name]; c.Accepted > 0 {
			s.Cases = append(s.Cases, JUnitCase{Class: junitClass(name), Name: fmt.Sprintf("%d accepted", c.Accepted)})
		}
	}
	for _, t := range r.Record.troubles {
		c := JUnitCase{Class: junitClass(t.name), Name: orText(Clean(t.id), "(no event_id)"), Took: t.took, Kind: string(t.kind), Message: Clean(t.reason)}
		c.Detail = fmt.Sprintf("%s after %s", t.kind, plural(t.attempts, "attempt"))
		if c.Result = JUnitFailed; t.kind == sim.Skipped {
			c.Result = JUnitSkipped
		}
		s.Cases = append(s.Cases, c)
	}
	if note := r.Record.cutNote(); note != "" {
		s.Cases = append(s.Cases, JUnitCase{Class: "relayctl.send", Name: "not listed", Result: JUnitFailed, Kind: "not-listed", Message: note})
	}
	if text := cutShortText(sum); text != "" {
		s.Cases = append(s.Cases, JUnitCase{Class: "relayctl.send", Name: "whole plan", Result: JUnitSkipped, Kind: "cut-short", Message: text})
	}
	if sum.Deliveries == 0 {
		s.Cases = append(s.Cases, JUnitCase{Class: "relayctl.send", Name: "run", Result: JUnitError, Kind: "nothing-sent", Message: "nothing was sent"})
	}
	return JUnit{Suites: []JUnitSuite{s}}.Write(w)
}

func junitClass(name string) string { return "relayctl.send." + nameOf(name) }

func orText(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
