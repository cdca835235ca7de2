package main

import (
	"relayctl/internal/report"
	"relayctl/internal/sim"
)

// progress is what the line of progress is fed with. To know how much there is
// costs a moment, so that it is found out only where somebody can see it.
func (a *app) progress(r *sendRun) report.Progress {
	p := report.Progress{Screen: a.stderr}
	if r.options.output != "text" || !a.stderr.Live {
		return p
	}
	r.sender.Gauge = &sim.Gauge{}
	p.Load = r.sender.Gauge.Load
	p.Total, p.Exact = r.plan.Estimate(a.interrupt)
	return p
}
