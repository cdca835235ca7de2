// Package forecast says what a downtime of the endpoint costs before it happens:
// the plan of a run, on virtual time, against a model of an endpoint.
//
// Begin at Run, which passes a plan once over several settings side by side. The
// rules of workers, attempts and waits are those of package sim (R-WORKERS,
// R-FOUR, R-DELAYS), which the tests hold it to event by event. The package makes
// no calls: it knows neither HTTP nor the time of day.
package forecast

import (
	"fmt"
	"slices"
	"time"

	"relayctl/internal/sim/plan"
)

// Window is a stretch of time after the start of the run.
type Window struct {
	From  time.Duration
	Until time.Duration // 0 for ever
}

// holds says whether a time lies in the window: its first moment does, its last
// one does not.
func (w Window) holds(t time.Duration) bool { return t >= w.From && (w.Until == 0 || t < w.Until) }

// Endpoint is the model of an endpoint.
type Endpoint struct {
	Outages     []Window      // in the order of their beginnings
	Latency     time.Duration // of an answer
	Concurrency int           // calls it works on at once, the others wait in their order; 0 for any number
	Outage      Refusal       // what calls get during an outage
}

// Refusal is how a call fails during an outage.
type Refusal struct {
	After   time.Duration // how long the call takes
	Retried bool          // it is tried again (R-RETRY-ONLY)
	Silent  bool          // there is no answer that could be lost on its way
}

// Relay is how Relay delivers, as far as that is known.
type Relay struct {
	Workers      int
	Spread       bool // each delivery to the next free worker
	Attempts     int
	Delays       []time.Duration // between the attempts; the last one stands for all that follow
	Timeout      time.Duration   // of one call (R-DEADLINE)
	RetryTimeout bool            // a call that timed out is tried again
}

// delayAfter is the wait after the nth attempt, from 1.
func (c *Relay) delayAfter(n int) time.Duration {
	if len(c.Delays) == 0 {
		return 0
	}
	return c.Delays[min(n, len(c.Delays))-1]
}

// Config is what a forecast is of.
type Config struct {
	Endpoint Endpoint
	Relay    Relay
	Batch    int // events a call in the plan, 0 for single calls (R-BATCH)
	// Due says when the nth call of a plan, from 0, is due after the start of the
	// run; arrives counts from the plan's first delivery where that is before the
	// start.
	Due func(n int, arrives time.Duration) time.Duration
}

// validate says what is wrong with the configuration.
func (c *Config) validate() error {
	for _, w := range c.Endpoint.Outages {
		if w.From < 0 || w.Until != 0 && w.Until <= w.From {
			return fmt.Errorf("the outage %v..%v does not end after it begins", w.From, w.Until)
		}
	}
	if c.Relay.Workers < 1 || c.Relay.Attempts < 1 || c.Relay.Timeout <= 0 || c.Endpoint.Latency < 0 || c.Endpoint.Concurrency < 0 {
		return fmt.Errorf("workers, attempts and timeout must be positive, latency and concurrency must not be negative")
	}
	return nil
}

// Variation is a setting of the table that stands beside every forecast: what
// Relay does not document has other values.
type Variation struct {
	Workers int
	Delays  int // what the waits between attempts are multiplied by
	Result  *Result
}

// Forecast is what came of a plan.
type Forecast struct {
	Config
	Deliveries int           // calls that are planned
	Last       time.Duration // when the last of them is due
	LostAcks   int           // most answers of a delivery that are lost on their way
	Unnamed    int           // deliveries without a readable event name
	// Journey is the longest time from the beginning of a customer's journey, such
	// as the upload of its record, until its last event is due.
	Journey time.Duration

	Main       *Result
	Undamaged  *Result // the same without the outages
	Table      []Variation
	Rebatched  *Result // the same with batches, or without where the plan has them
	RebatchedN int     // events a call of Rebatched, 1 for single calls
}

// batchOf is the size of the batches that a plan without any is tried with
// (R-BATCH-SIZE).
const batchOf = 50

// variations are the workers and factors of the delays in the table.
func variations(own int) []Variation {
	var out []Variation
	for _, workers := range slices.Compact(slices.Sorted(slices.Values([]int{1, 4, 16, 64, own}))) {
		out = append(out, Variation{Workers: workers, Delays: 1})
	}
	return append(out, Variation{Workers: own, Delays: 10}, Variation{Workers: own, Delays: 60})
}

// Run passes the plan once, over all settings side by side. goOn is asked now and
// then; where it says false the forecast is of the beginning of the plan. The
// error is the plan's.
func Run(c Config, stream plan.Stream, goOn func() bool) (*Forecast, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	f := &Forecast{Config: c, RebatchedN: batchOf}
	if c.Batch > 0 {
		f.RebatchedN = 1
	}
	names := &names{index: map[string]int{}}
	asPlanned := &line{names: names, due: c.Due}
	// As many events come in a second as planned, in more calls or in fewer.
	rebatched := func(n int, arrives time.Duration) time.Duration {
		return c.Due(n*f.RebatchedN/max(1, c.Batch), arrives)
	}
	other := &line{names: names, due: rebatched, size: f.RebatchedN}
	setting := func(l *line, workers, delays int, e Endpoint) *Result {
		relay := c.Relay
		relay.Workers, relay.Delays = workers, slices.Clone(relay.Delays)
		for i := range relay.Delays {
			relay.Delays[i] *= time.Duration(delays)
		}
		r := newResult(names, relay, e)
		l.models = append(l.models, newModel(relay, e, r.add, r.call))
		return r
	}
	f.Table = variations(c.Relay.Workers)
	for i := range f.Table {
		v := &f.Table[i]
		v.Result = setting(asPlanned, v.Workers, v.Delays, c.Endpoint)
		if v.Delays == 1 && v.Workers == c.Relay.Workers {
			f.Main = v.Result
		}
	}
	up := c.Endpoint
	up.Outages = nil
	f.Undamaged = setting(asPlanned, c.Relay.Workers, 1, up)
	f.Rebatched = setting(other, c.Relay.Workers, 1, c.Endpoint)
	if err := f.enqueue(stream, goOn, asPlanned, other); err != nil {
		return nil, err
	}
	for _, v := range f.Table {
		v.Result.finish()
	}
	f.Undamaged.finish()
	f.Rebatched.finish()
	if f.Undamaged.Lost > 0 { // some wait at any time: none of it is an outage's doing
		for _, v := range f.Table {
			v.Result.Recovered = 0
		}
		f.Rebatched.Recovered = 0
	}
	return f, nil
}

// named says whether each event of a delivery has a name.
func named(d *plan.Delivery) bool {
	for i := range d.Events {
		if d.Events[i].Name == "" {
			return false
		}
	}
	return len(d.Events) > 0
}

// enqueue gives the plan's deliveries to the lines in their order.
func (f *Forecast) enqueue(stream plan.Stream, goOn func() bool, lines ...*line) error {
	origin, passed := time.Duration(0), clock{}
	for d, err := range stream {
		if err != nil {
			return err
		}
		if f.Deliveries == 0 {
			origin = min(0, d.Arrives)
		}
		if f.Deliveries++; f.Deliveries%1024 == 0 && !goOn() {
			break
		}
		d.Arrives -= origin
		f.LostAcks = max(f.LostAcks, d.LostAcks)
		if !named(&d) {
			f.Unnamed++
		}
		for _, l := range lines {
			l.take(&d)
		}
		due := lines[0].put
		passed.pass(max(0, d.Arrives), due)
		f.Last = due
		f.Journey = max(f.Journey, due-passed.at(max(0, d.Begins-origin)))
	}
	for _, l := range lines {
		l.close()
	}
	return nil
}
