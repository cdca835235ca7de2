package sim

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"relayctl/internal/event"
)

// PlanConfig says what is to be delivered. The same configuration, seed and
// start give the same plan, byte for byte.
type PlanConfig struct {
	Sources []Source // in their order; may be empty when Records or CSV is given
	Records uint64   // a campaign of that many generated records
	// CSV is a campaign's file, read from its beginning; rows that cannot be used
	// are told to Reject and left out.
	CSV    io.Reader
	Reject func(Reject)

	Count     int // how often a named event or scenario is repeated with fresh ids; 0 is 1
	Filter    event.Filter
	Overrides []event.Override

	Reorder       float64       // the share of deliveries that arrives late (R-ORDER)
	ReorderWindow time.Duration // by how much of event time at most
	Duplicates    float64       // the share that is delivered again later (R-DUP)
	LostAcks      float64       // the share whose first answer is dropped (R-DUP)

	Batch      int         // events a call, 0 for single calls (R-BATCH)
	BatchShape event.Shape // Array or Wrapped

	Seed  uint64
	Start time.Time    // anchors event_ts
	Warn  func(string) // told of what is skipped in a capture; may be nil

	trial bool // see Check
}

// Validate says what is wrong with the configuration, in the words of the
// command line's flags.
func (c PlanConfig) Validate() error {
	for _, f := range []struct {
		flag  string
		value float64
	}{{"reorder", c.Reorder}, {"duplicates", c.Duplicates}, {"lost-acks", c.LostAcks}} {
		if !(f.value >= 0 && f.value <= 1) {
			return fmt.Errorf("--%s is a share between 0 and 1, not %v", f.flag, f.value)
		}
	}
	switch {
	case c.ReorderWindow < 0:
		return errors.New("--reorder-window must not be negative")
	case c.Count < 0:
		return errors.New("--count must be at least 1")
	case slices.ContainsFunc(c.Sources, func(s Source) bool { return s.Scenario != nil && c.Count > maxCustomers/s.Scenario.Customers }):
		return fmt.Errorf("--count makes more than %d customers of a scenario; a campaign (--records) has no such limit", maxCustomers)
	case c.Batch < 0:
		return errors.New("--batch must be at least 1")
	case c.Records > 0 && c.CSV != nil:
		return errors.New("--records and --csv exclude each other")
	}
	return nil
}

// NewPlan turns the configuration into the stream of deliveries. It does not
// read anything before the stream is pulled. The stream ends with the first
// error, such as a broken line on stdin.
func NewPlan(c PlanConfig) (Plan, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	cl := newClient(c.Seed)
	p := oneAfterTheOther(c.streams(cl))
	if c.Batch > 0 {
		p = singles(p)
	}
	if !c.Filter.All() {
		p = filtered(p, c.Filter)
	}
	if len(c.Overrides) > 0 {
		p = overridden(p, c.Overrides)
	}
	p = disordered(p, c)
	if c.Batch > 0 {
		p = batched(p, c.Batch, c.BatchShape)
	}
	return numbered(p), nil
}

// oneAfterTheOther joins streams; each begins in time where the one before it
// has ended.
func oneAfterTheOther(streams []Plan) Plan {
	return func(yield func(Delivery, error) bool) {
		var base, last time.Duration
		for _, s := range streams {
			for d, err := range s {
				d.Arrives += base
				last = max(last, d.Arrives)
				if !yield(d, err) || err != nil {
					return
				}
			}
			base = last
		}
	}
}

// streams gives the stream of each source; generated customers of different
// sources have different indices.
func (c PlanConfig) streams(cl *client) []Plan {
	var out []Plan
	next := uint64(0)
	for _, src := range c.Sources {
		switch src.Kind {
		case NamedEvent:
			out = append(out, c.named(cl, src.Name, next))
			next += uint64(max(c.Count, 1))
		case ScenarioFile:
			out = append(out, c.scripted(cl, src.Scenario, next))
			next += uint64(c.repeated(src.Scenario))
		default:
			out = append(out, c.items(src.Name, func(yield func(FileItem) error) error { return src.items(c.Warn, yield) }))
		}
	}
	if c.CSV == nil && c.Records == 0 {
		return out
	}
	records := plainRecords(c.Records)
	if c.CSV != nil {
		records = csvRecords(c.CSV, c.Reject)
	}
	if c.trial {
		records = atMost(records, trialRecords)
	}
	return append(out, c.campaign(cl, records, next))
}

// namedSpacing keeps repeated events of a name apart in event time, so that
// disorder has something to work on.
const namedSpacing = time.Second

// named repeats one event for a fresh customer each time.
func (c PlanConfig) named(cl *client, name string, first uint64) Plan {
	return func(yield func(Delivery, error) bool) {
		var buf []byte
		refs := make([]EventRef, 1)
		for i := range uint64(max(c.Count, 1)) {
			cust := newCustomer(cl, c.Seed, first+i, Identity{})
			at := time.Duration(i) * namedSpacing
			consent := "stop"
			buf, refs[0] = cust.appendEvent(buf[:0], happening{name: name, family: familyOf(name), at: at, consent: consent}, c.Start)
			if !yield(Delivery{Body: buf, Events: refs, Lane: cust.lane, Arrives: at}, nil) {
				return
			}
		}
	}
}

// items turns the events of files into deliveries. They keep the spacing of
// their receipt, or of event_ts where they were not received. Requests of a
// capture whose body was not recorded, for they were refused or no POST, are
// left out; how many is told at the end.
func (c PlanConfig) items(name string, read func(func(FileItem) error) error) Plan {
	errStop := errors.New("stop")
	return func(yield func(Delivery, error) bool) {
		var dec event.Decoder
		var begin, last time.Time
		bodiless, line := 0, 0
		err := read(func(item FileItem) error {
			if item.Record != nil && item.Record.Omitted {
				if bodiless++; bodiless == 1 {
					line = item.Line
				}
				return nil
			}
			d := Delivery{Body: item.Raw}
			at := time.Time{}
			for i, env := range DecodeItem(&dec, item.Raw) {
				d.Events = append(d.Events, EventRef{ID: env.ID, Name: env.Name, TS: env.TS, CCID: env.Payload.CCID})
				if i == 0 {
					d.Lane, at = laneOf(env), env.TS
				}
			}
			if item.Record != nil {
				at = item.Record.ReceivedAt
			}
			if begin.IsZero() {
				begin = at
			}
			if at.IsZero() {
				at = last
			}
			if last = at; !begin.IsZero() {
				d.Arrives = at.Sub(begin)
			}
			if !yield(d, nil) {
				return errStop
			}
			return nil
		})
		if err != nil && !errors.Is(err, errStop) {
			yield(Delivery{}, err)
		}
		if err == nil && bodiless > 0 {
			c.warn(fmt.Sprintf("%s: requests recorded without a body, which are left out: %d (the first on line %d)", name, bodiless, line))
		}
	}
}

func (c PlanConfig) warn(msg string) {
	if c.Warn != nil {
		c.Warn(msg)
	}
}

func numbered(p Plan) Plan {
	return func(yield func(Delivery, error) bool) {
		seq := 0
		for d, err := range p {
			d.Seq = seq
			seq++
			if !yield(d, err) {
				return
			}
		}
	}
}
