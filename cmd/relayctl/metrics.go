package main

import (
	"context"
	"fmt"
	"strings"

	"relayctl/internal/report/prom"
	"relayctl/internal/session/web"
	"relayctl/internal/sim"
)

// runMetrics serves the counts of a run of send; nil serves nothing.
type runMetrics struct {
	counts *prom.Sent
	stop   context.CancelFunc
	done   chan struct{}
}

// verifyMetrics holds --metrics to its form.
func (o *sendOptions) verifyMetrics() error {
	if o.metrics == "" {
		return nil
	}
	_, err := ownAddress("metrics", o.metrics)
	return usage(err)
}

// sendMetrics begins to serve the counts of a run, where that is asked for.
func (a *app) sendMetrics(r *sendRun) (*runMetrics, error) {
	if r.options.metrics == "" {
		return nil, nil
	}
	addr, err := ownAddress("metrics", r.options.metrics)
	if err != nil {
		return nil, usage(err)
	}
	if r.sender.Gauge == nil {
		r.sender.Gauge = &sim.Gauge{}
	}
	m := &runMetrics{counts: prom.NewSent(r.sender.Gauge), done: make(chan struct{})}
	server, err := web.NewMetrics(addr, m.counts.Tell)
	if err != nil {
		return nil, environment(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	m.stop = stop
	to := a.stderr
	if strings.HasSuffix(addr, ":0") {
		to = a.errors // with --quiet too: nobody else knows the port
	}
	fmt.Fprintln(to, "metrics", server.URL()+"metrics")
	if where := reach(addr); where != "" {
		a.notice("other machines can read the metrics, without a token: they are served on " + where + ", not on loopback")
	}
	go func() {
		defer close(m.done)
		if err := server.Serve(ctx); err != nil {
			a.notice("the metrics ended: " + err.Error())
		}
	}()
	return m, nil
}

// observe tells the counts beside another observer.
func (m *runMetrics) observe(other sim.Observer) sim.Observer {
	if m == nil {
		return other
	}
	return both{other, m.counts}
}

// end stops the server and waits for it.
func (m *runMetrics) end() {
	if m != nil {
		m.stop()
		<-m.done
	}
}
