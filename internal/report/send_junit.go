package report

import (
	"fmt"
	"io"
	"slices"
	"strconv"

	"relayctl/internal/duration"
	"relayctl/internal/report/junit"
	"relayctl/internal/report/term"
)

// WriteJUnit writes the run as a JUnit report: a case for the events of each name, and
// one for the plan as a whole. Their names are the same in every run.
func (r SendResult) WriteJUnit(w io.Writer) error {
	sum := &r.Summary
	s := junit.Suite{
		Name: "relayctl send", Began: sum.Began, Took: sum.Ended.Sub(sum.Began),
		Properties: [][2]string{
			{"target", term.Clean(r.Details.Target)}, {"seed", strconv.FormatUint(sum.Seed, 10)},
			{"events", strconv.Itoa(sum.Events)}, {"copies", strconv.Itoa(sum.Copies)}, {"attempts", strconv.Itoa(sum.Attempts)}, {"requests", strconv.Itoa(sum.Requests)},
			{"accepted", strconv.Itoa(sum.Accepted)}, {"accepted after a retry", strconv.Itoa(sum.Retried)},
			{"given up", strconv.Itoa(sum.GivenUp)}, {"refused", strconv.Itoa(sum.Refused)}, {"skipped", strconv.Itoa(sum.Skipped)},
			{"latency p50", duration.Text(sum.P50)}, {"latency p99", duration.Text(sum.P99)}, {"latency max", duration.Text(sum.Max)},
		},
	}
	for _, name := range sortedKeys(r.Details.byName) {
		s.Cases = append(s.Cases, r.Details.junitCase(name))
	}
	whole := junit.Case{Class: "relayctl.send", Name: "whole plan"}
	if text := cutShortText(sum); text != "" {
		whole.Skipped = &junit.Skip{Message: text}
	}
	if sum.Deliveries == 0 {
		whole.Error = &junit.Problem{Kind: "nothing-sent", Message: "nothing was sent"}
	}
	s.Cases = append(s.Cases, whole)
	s.Output = r.Details.cutNote()
	return junit.Report{Suites: []junit.Suite{s}}.Write(w)
}

// junitCase is the case of the events of a name: it fails where one of them was given
// up or refused, and is skipped where none was accepted because the run ended.
func (r *SendDetails) junitCase(name string) junit.Case {
	n := r.byName[name]
	c := junit.Case{Class: junitClass(name), Name: "accepted"}
	groups := r.failuresOf(func(m *notAccepted) bool { return slices.Contains(m.names, name) || name == "" && len(m.names) == 0 })
	detail, message := "", "not listed"
	for i, f := range groups {
		c.Took = max(c.Took, junit.Seconds(f.notAccepted[0].took))
		if i == 0 {
			message = f.title()
		}
		detail += fmt.Sprintf("%s, %s\n%s\n", term.Count(len(f.notAccepted), "delivery"), f.title(), f.lines(term.Clean))
	}
	all := n.Accepted + n.GivenUp + n.Refused + n.Skipped
	switch failed := n.GivenUp + n.Refused; {
	case failed > 0:
		c.Failure = &junit.Problem{Kind: "not-accepted", Message: fmt.Sprintf("%d of %d not accepted: %s", failed, all, message), Detail: detail}
	case n.Skipped > n.AcceptedBefore:
		c.Skipped = &junit.Skip{Message: fmt.Sprintf("%d of %d not sent: %s", n.Skipped-n.AcceptedBefore, all, message)}
	}
	return c
}

func junitClass(name string) string { return "relayctl.send." + term.NameOf(name) }
