package main

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"relayctl/internal/duration"
	"relayctl/internal/recv/script"
	"relayctl/internal/report"
	"relayctl/internal/sim/plan"
)

// onlyScenario is the scenario that is sent by itself, nil without one. Several
// scenarios may set different values, so that only a single one sets any.
func onlyScenario(sources []plan.Source) *plan.Scenario {
	if len(sources) != 1 {
		return nil
	}
	return sources[0].Scenario
}

const fromScenario = "scenario"

// scenarioLayer is the layer of the flags that a scenario sets, which may be nil.
func scenarioLayer(sc *plan.Scenario) layer {
	l := layer{values: map[string]given{}}
	if sc == nil {
		return l
	}
	l.mistake = func(flag string, err error) error {
		return sc.Errorf("$.send."+strings.ReplaceAll(flag, "-", "_"), "%v", err)
	}
	for _, p := range sc.Presets {
		l.values[p.Flag] = given{[]string{p.Value}, fromScenario}
	}
	return l
}

// remarks say what the scenario that is sent by itself sets, and what of it does not
// apply.
func (r *sendRun) remarks() []string {
	var out []string
	if r.scenario == nil {
		return nil
	}
	var set strings.Builder
	for _, p := range r.scenario.Presets {
		if r.settings.sources[p.Flag] == fromScenario {
			fmt.Fprintf(&set, " --%s %s", p.Flag, p.Value)
		}
	}
	if set.Len() > 0 {
		out = append(out, "the scenario sets"+set.String())
	}
	switch {
	case behaves(r.scenario) && r.embedded == nil:
		out = append(out, needsEndpoint(r.scenario))
	case len(r.scenario.Receiver.Respond) > 0:
		out = append(out, "the receiver answers "+strings.Join(r.scenario.Receiver.Respond, "; "))
	}
	return out
}

// refuseSettings refuses what a scenario that is sent with others sets for a run of
// its own. What the command line or a profile sets in its place is well.
func (r *sendRun) refuseSettings(sources []plan.Source) error {
	if r.scenario != nil {
		return nil
	}
	for _, src := range sources {
		if src.Scenario == nil {
			continue
		}
		for _, p := range src.Scenario.Presets {
			if !r.settings.given(p.Flag) {
				return usageError("%s sets --%s %s, which holds for a whole run: send it by itself, or give --%s", src.Name, p.Flag, p.Value, p.Flag)
			}
		}
		if behaves(src.Scenario) && r.options.endpoint.to == "" && !r.options.dryRun {
			return usageError("%s sets how the embedded receiver answers, which holds for a whole run: send it by itself, or to another endpoint (--to)", src.Name)
		}
	}
	return nil
}

// needsEndpoint says what a scenario needs of an endpoint that is not the embedded one.
func needsEndpoint(sc *plan.Scenario) string {
	if len(sc.Receiver.Respond) == 0 {
		return "the scenario's receiver section is for the embedded receiver; it does not change the answers of this endpoint"
	}
	var flags string
	for _, script := range sc.Receiver.Respond {
		flags += " --respond " + report.ShellQuote(script)
	}
	return "the scenario needs an endpoint that answers " + strings.Join(sc.Receiver.Respond, "; ") +
		", and cannot make yours do so: relayctl listen PORT" + flags + " puts these answers before your app, or leave --to out"
}

// behaves says whether a scenario sets how the embedded receiver answers.
func behaves(sc *plan.Scenario) bool {
	return len(sc.Receiver.Respond) > 0 || sc.Receiver.TokenTTL > 0
}

// callsASecond is what a fast run makes at least, to say how long it can last.
const callsASecond = 200

// warnOfIdleWindows says before the run which window of the scenario's receiver never
// meets a call, because the plan is over before it opens.
func (r *sendRun) warnOfIdleWindows(a *app) {
	if r.embedded == nil || r.scenario == nil {
		return
	}
	scale := max(r.sender.TimeScale, 0)
	lasts := func(e plan.Extent) (end time.Duration, why string) {
		switch {
		case r.sender.Original && r.sender.Rate.Calls == 0:
			return scaledBy(e.Last, scale), "the last call of the plan is due after " + duration.Text(e.Last)
		case r.sender.Rate.Calls > 0:
			return max(scaledBy(e.Last, scale), r.sender.Rate.Due(e.Deliveries)), "the plan is over before"
		case e.Last > 0:
			why = "; --pace original keeps the times of the plan"
		}
		return time.Duration(e.Deliveries) * time.Second / callsASecond, "with --pace fast the plan is over before" + why
	}
	a.idleWindows(r.scenario, &r.plan, scale, lasts)
	if r.sender.Original && r.sender.Rate.Calls == 0 {
		a.unmetWindows(r.scenario, r.plan, scale)
	}
}

// mostLookedAt bounds how many deliveries are looked at to find those within a window, and
// windowSlack is how far from its due time a call may be made.
const (
	mostLookedAt = 100_000
	windowSlack  = 100 * time.Millisecond
)

// unmetWindows warns of the windows that open and close between two calls of a plan that
// keeps its times. Of a window after one that acts nothing is known: retries move the calls.
func (a *app) unmetWindows(sc *plan.Scenario, p plan.Config, scale float64) {
	windows := windowsOf(sc, &p)
	slices.SortStableFunc(windows, func(x, y window) int { return cmp.Compare(x.From, y.From) })
	p.Warn, p.Reject = nil, nil
	stream, err := plan.New(p)
	if err != nil || len(windows) == 0 || p.CSV != nil {
		return // the run itself reports the error
	}
	var due []time.Duration
	for d, err := range stream {
		if err != nil || len(due) == mostLookedAt || a.interrupt.Err() != nil {
			return
		}
		due = append(due, scaledBy(d.Arrives, scale))
	}
	for _, w := range windows {
		from, until := scaledBy(w.From, scale)-windowSlack, scaledBy(w.Until, scale)+windowSlack
		switch {
		case w.Until == 0, slices.ContainsFunc(due, func(at time.Duration) bool { return at >= from && at < until }):
			return
		case len(due) > 0 && slices.Max(due) >= until:
			a.warn("the receiver's %q never acts: no call of the plan is due then", w.text)
		}
	}
}

// window is one of a scenario's receiver.
type window struct {
	script.Window
	text string
}

// windowsOf are the windows of a scenario whose calls keep to the plan until one of them
// acts, none where anything else can fail.
func windowsOf(sc *plan.Scenario, p *plan.Config) (out []window) {
	if p.LostAcks > 0 || slices.ContainsFunc(sc.Steps, func(st plan.Step) bool { return st.LostAcks > 0 }) {
		return nil
	}
	for _, text := range sc.Receiver.Respond {
		rule, err := script.Parse(text)
		if err != nil || rule.Window == (script.Window{}) {
			return nil
		}
		out = append(out, window{rule.Window, text})
	}
	return out
}

// idleWindows warns of the windows that open after the end of the plan, and lasts says
// when that is and why. Retries move the end: where anything else can fail, nothing is
// known.
func (a *app) idleWindows(sc *plan.Scenario, p *plan.Config, scale float64, lasts func(plan.Extent) (time.Duration, string)) {
	windows := windowsOf(sc, p)
	if len(windows) == 0 {
		return
	}
	extent, ok := p.Extent(a.interrupt)
	if !ok {
		return
	}
	end, why := lasts(extent)
	for _, w := range windows {
		if scaledBy(w.From, scale) > end {
			a.warn("the receiver's %q never acts: %s", w.text, why)
		}
	}
}

func scaledBy(d time.Duration, scale float64) time.Duration {
	return time.Duration(float64(d) * scale)
}
