package plan

import (
	"context"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"relayctl/internal/event"
)

// Config says what is to be delivered. The same configuration, seed and
// start give the same plan, byte for byte.
type Config struct {
	Sources []Source // in their order; may be empty when Records or CSV is given
	Records uint64   // a campaign of that many generated records
	// CSV is a campaign's file, read from its beginning; rows that cannot be used
	// are told to Reject and left out.
	CSV     io.Reader
	Columns ColumnMap // what its columns mean, beside those that are known
	Reject  func(Reject)

	Replay Replay // of what captures and other files hold

	Count     int // how often a named event or scenario is repeated with fresh ids; 0 is 1
	Filter    event.Filter
	Overrides []event.Override

	Reorder       float64       // the share of deliveries that arrives late (R-ORDER)
	ReorderWindow time.Duration // by how much of event time at most
	Duplicates    float64       // the share that is delivered again later (R-DUP)
	LostAcks      float64       // the share whose first answer is dropped (R-DUP)

	Batch      int         // events a call, 0 for single calls (R-BATCH)
	BatchShape event.Shape // Array or Wrapped

	// Shard is this process's part of the plan: the deliveries of its customers, with
	// the bytes and times that they have in the whole. Batches are made within a shard.
	Shard Shard
	// Outline leaves out what only the endpoint would read: generated events have
	// no Body and no ID, which makes them at a fraction of the cost.
	Outline bool

	Seed uint64
	// FirstCCID is the ccid of the first generated customer, the others count on
	// from it; 0 is 1001. DrawFirstCCID draws one.
	FirstCCID uint64
	Start     time.Time    // anchors event_ts; see Ahead
	Warn      func(string) // told of what is skipped in a capture or a campaign's file; may be nil
}

// SettingError is a setting of a Config that is wrong.
type SettingError struct {
	Setting string // such as reorder-window
	Problem string
}

// Error implements error.
func (e *SettingError) Error() string { return e.Setting + " " + e.Problem }

// Validate says what is wrong with the configuration: the error is a
// *SettingError.
func (c Config) Validate() error {
	for _, f := range []struct {
		setting string
		value   float64
	}{{"reorder", c.Reorder}, {"duplicates", c.Duplicates}, {"lost-acks", c.LostAcks}} {
		if !(f.value >= 0 && f.value <= 1) {
			return &SettingError{f.setting, fmt.Sprintf("is a share between 0 and 1, not %v", f.value)}
		}
	}
	switch {
	case c.ReorderWindow < 0:
		return &SettingError{"reorder-window", "must not be negative"}
	case c.Count < 0:
		return &SettingError{"count", "must be at least 1"}
	case slices.ContainsFunc(c.Sources, func(s Source) bool { return s.Scenario != nil && c.Count > maxCustomers/s.Scenario.Customers }):
		return &SettingError{"count", fmt.Sprintf("makes more than %d customers of a scenario; a campaign has no such limit", maxCustomers)}
	case c.Batch < 0:
		return &SettingError{"batch", "must be at least 1"}
	case c.Records > 0 && c.CSV != nil:
		return &SettingError{"records", "and a file of records exclude each other"}
	}
	return nil
}

// New turns the configuration into the stream of deliveries. It does not
// read anything before the stream is pulled. The stream ends with the first
// error, such as a broken line on stdin.
func New(c Config) (Stream, error) { return build(context.Background(), c, false) }

// builder makes the streams of one plan.
type builder struct {
	Config
	replay *replayed
	tenant *tenant
	ctx    context.Context // ends what is read
	head   bool            // only the beginning of what is large; see Config.Check
}

func build(ctx context.Context, c Config, head bool) (Stream, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	b := &builder{c, newReplayed(c.Replay), newTenant(c.Seed), ctx, head}
	s := b.replay.counted(until(ctx, oneAfterTheOther(b.streams())), c.Warn)
	if year := c.Start.UTC().Year(); year < 1 || year > 9000 {
		s = dated(s)
	}
	if c.Batch > 0 {
		s = singles(s)
	}
	if !c.Filter.All() {
		s = filtered(s, c.Filter)
	}
	if len(c.Overrides) > 0 {
		s = overridden(s, c.Overrides, c.Warn)
	}
	s = disordered(s, c)
	if !c.Shard.Whole() {
		s = sharded(s, c.Shard)
	}
	if c.Batch > 0 {
		s = batched(s, c.Batch, c.BatchShape)
	}
	return numbered(s), nil
}

// until ends a stream with the error of a context that has ended.
func until[T any](ctx context.Context, s iter.Seq2[T, error]) iter.Seq2[T, error] {
	if ctx.Done() == nil { // it never ends
		return s
	}
	return func(yield func(T, error) bool) {
		for v, err := range s {
			if end := ctx.Err(); end != nil {
				yield(v, end)
				return
			}
			if !yield(v, err) {
				return
			}
		}
	}
}

// dated ends a stream at an event that is dated before or after the years that
// event_ts can name (R-TS).
func dated(p Stream) Stream {
	return func(yield func(Delivery, error) bool) {
		for d, err := range p {
			for _, e := range d.Events {
				if year := e.TS.Year(); err == nil && (year < 0 || year > 9999) {
					err = fmt.Errorf("an event is dated in the year %d, which event_ts cannot name (R-TS)", year)
				}
			}
			if !yield(d, err) || err != nil {
				return
			}
		}
	}
}

// oneAfterTheOther joins streams; each begins in time where the one before it
// has ended.
func oneAfterTheOther(streams []Stream) Stream {
	return func(yield func(Delivery, error) bool) {
		var base, last time.Duration
		for _, s := range streams {
			for d, err := range s {
				d.Arrives += base
				d.Begins += base
				last = max(last, d.Arrives)
				if !yield(d, err) || err != nil {
					return
				}
			}
			base = last
		}
	}
}

// namedSpacing keeps repeated events of a name apart in event time, so that
// disorder has something to work on.
const namedSpacing = time.Second

// scenario is what a source is played by, nil for the events of a file.
func (s Source) scenario() *Scenario {
	if s.Kind == NamedEvent { // a fresh customer each time
		return &Scenario{Name: s.Name, Customers: 1, Every: namedSpacing, Steps: []Step{{Event: s.Name}}}
	}
	return s.Scenario
}

// streams gives the stream of each source; generated customers of different
// sources have different indices.
func (b *builder) streams() []Stream {
	var out []Stream
	next := b.firstIndex()
	for _, src := range b.Sources {
		sc := src.scenario()
		if sc == nil {
			items := b.items(src)
			if b.Replay.FreshIDs {
				items = freshIDs(items, b.Seed)
			}
			out = append(out, items)
			continue
		}
		out = append(out, b.scripted(sc, next))
		next += uint64(b.customersOf(sc))
	}
	if b.CSV == nil && b.Records == 0 {
		return out
	}
	records := plainRecords(b.Records)
	if b.CSV != nil {
		records = csvRecords(b.CSV, b.Columns, b.Warn, b.Reject)
	}
	if b.head {
		records = atMost(records, headRecords)
	}
	return append(out, b.campaign(records, next))
}

// items turns the events of a file into deliveries. They keep the spacing of
// their receipt, or of event_ts where they were not received. Requests of a
// capture whose body was not recorded, because they were refused or not a POST,
// are left out, and their number is told at the end.
func (b *builder) items(src Source) Stream {
	return func(yield func(Delivery, error) bool) {
		var dec event.Decoder
		var begin, last time.Time
		bodiless, line := 0, 0
		for item, err := range until(b.ctx, src.items(b.Warn)) {
			if err != nil {
				yield(Delivery{}, err)
				return
			}
			d, at := item.delivery(&dec)
			if item.Record != nil {
				if !b.replay.selects(item.Record, &d) {
					continue
				}
				if item.Record.Omitted {
					if bodiless++; bodiless == 1 {
						line = item.Line
					}
					continue
				}
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
			d.Begins = d.Arrives
			if !yield(d, nil) {
				return
			}
		}
		if bodiless > 0 && b.Warn != nil {
			b.Warn(fmt.Sprintf("%s: requests recorded without a body, which are left out: %d (the first on line %d)", src.Name, bodiless, line))
		}
	}
}

// delivery makes an item's delivery, and says when it was received, or else
// dated.
func (i *Item) delivery(dec *event.Decoder) (d Delivery, at time.Time) {
	d.Body = i.Raw
	for n, env := range DecodeItem(dec, i.Raw) {
		d.Events = append(d.Events, EventRef{ID: env.ID, Name: env.Name, TS: env.TS, CCID: env.Payload.CCID})
		if n == 0 {
			d.Lane, at = laneOf(env), env.TS
		}
	}
	if i.Record != nil {
		at = i.Record.ReceivedAt
	}
	return d, at
}

// numbered gives the deliveries their place in the plan.
func numbered(p Stream) Stream {
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
