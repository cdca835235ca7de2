package plan

import (
	"cmp"
	"fmt"
	"iter"
	"slices"
	"time"
)

// journey is a customer with the steps that it goes through.
type journey struct {
	cust     *customer
	scenario string        // its name, "" when it is not of a scenario
	begin    time.Duration // after the start of the run
	earliest time.Duration // no step of it, or of a journey after it, arrives before
	steps    []Step        // in the order of Arrives, at least one
	next     int           // index in steps
}

func (j *journey) due() time.Duration { return j.begin + j.steps[j.next].Arrives }

// interleaved plays journeys that begin one after the other and overlap, in the
// order of arrival. Only the journeys under way stand in memory. ended is told
// of each that is over; it may be nil.
func (b *builder) interleaved(journeys iter.Seq2[*journey, error], ended func(*journey)) Stream {
	return func(yield func(Delivery, error) bool) {
		var open Timeline[*journey]
		w := stepWriter{start: b.Start}
		step := func() bool {
			j := open.First()
			ok := w.deliver(j, yield)
			if j.next++; j.next < len(j.steps) {
				open.Postpone(j.due())
				return ok
			}
			if open.Pop(); ended != nil {
				ended(j)
			}
			return ok
		}
		for j, err := range journeys {
			if err != nil {
				yield(Delivery{}, err)
				return
			}
			for open.Due(j.earliest) {
				if !step() {
					return
				}
			}
			open.Push(j.due(), j)
		}
		for open.Len() > 0 {
			if !step() {
				return
			}
		}
	}
}

// stepWriter writes the deliveries of steps, one after the other, into the same
// memory.
type stepWriter struct {
	start time.Time
	body  []byte
	refs  [1]EventRef
}

// deliver yields a journey's next step with its copies.
func (w *stepWriter) deliver(j *journey, yield func(Delivery, error) bool) bool {
	st := &j.steps[j.next]
	body, ref, err := w.write(j, st)
	if err != nil {
		yield(Delivery{}, fmt.Errorf("scenario %s: %w", j.scenario, err))
		return false
	}
	for n := range max(st.Copies, 1) {
		w.refs[0] = ref // an edit may have changed that of the copy before
		d := Delivery{Body: body, Events: w.refs[:], Lane: j.cust.lane, Arrives: j.due(), Begins: j.begin, Copy: n}
		if n == 0 {
			d.LostAcks = st.LostAcks
		}
		if !yield(d, nil) {
			return false
		}
	}
	return true
}

// write writes the event of a step. The body is valid until the next one.
func (w *stepWriter) write(j *journey, st *Step) (body []byte, ref EventRef, err error) {
	if j.cust.outline {
		return nil, EventRef{Name: st.Event, TS: w.start.Add(j.begin + st.At), CCID: j.cust.ccid}, nil
	}
	w.body, ref = j.cust.appendEvent(w.body[:0], st, w.start.Add(j.begin))
	return override(w.body, ref, st.Set, nil)
}

// scripted plays a scenario: its customers begin one after the other.
func (b *builder) scripted(sc *Scenario, first uint64) Stream {
	steps := slices.Clone(sc.Steps)
	slices.SortStableFunc(steps, func(a, b Step) int { return cmp.Compare(a.Arrives, b.Arrives) })
	b.doubtSteps(sc)
	plain := !slices.ContainsFunc(steps, func(st Step) bool { return len(st.Set) > 0 })
	return b.interleaved(func(yield func(*journey, error) bool) {
		for i := range b.customersOf(sc) {
			own := stepsOf(i%sc.Customers+1, steps)
			if len(own) == 0 {
				continue
			}
			index := first + uint64(i)
			cust := newCustomer(b.tenant, b.Seed, index, Identity{}, plain && b.outlines(index, Identity{}))
			cust.need(sc.Channels, sc.Messages)
			begin := time.Duration(i) * sc.Every
			if !yield(&journey{cust: cust, scenario: sc.Name, begin: begin, earliest: begin + steps[0].Arrives, steps: own}, nil) {
				return
			}
		}
	}, nil)
}

// doubtSteps warns of each property that a scenario adds to events whose family does
// not have it.
func (b *builder) doubtSteps(sc *Scenario) {
	told := map[string]bool{"": true}
	for i := range sc.Steps {
		st := &sc.Steps[i]
		for _, o := range st.Set {
			if doubt := o.Doubt(st.Event); b.Warn != nil && !told[doubt] {
				told[doubt] = true
				b.Warn(cmp.Or(sc.Name, "scenario") + ": set: " + doubt)
			}
		}
	}
}

// stepsOf are the steps that a scenario's customer of that number goes through.
func stepsOf(number int, steps []Step) []Step {
	notMine := func(st Step) bool { return len(st.For) > 0 && !slices.Contains(st.For, number) }
	if !slices.ContainsFunc(steps, notMine) {
		return steps
	}
	return slices.DeleteFunc(slices.Clone(steps), notMine)
}

// customersOf is how many customers play a scenario: its own, as often as asked.
func (c *Config) customersOf(sc *Scenario) int { return sc.Customers * max(c.Count, 1) }

// recordSpacing is the time from one record's journey to the next: at about
// eight events a record it makes the several thousand calls a minute of
// R-SCALE.
const recordSpacing = 100 * time.Millisecond

// outlines says whether the events of a customer have no bodies: because none are
// asked for, or because it is of another shard. Overrides read bodies, and may change
// who the customer is.
func (b *builder) outlines(index uint64, id Identity) bool {
	if len(b.Overrides) > 0 {
		return false
	}
	ccid, lane := id.of(index)
	return b.Outline || !b.Shard.has(ccid, lane)
}

// campaign tells one journey per record. Journeys begin one after the other
// and overlap, as after an upload; their number at one time is bounded by how
// long a journey lasts.
func (b *builder) campaign(records iter.Seq2[Identity, error], first uint64) Stream {
	var spare []*journey // journeys that are over, whose memory serves again
	return b.interleaved(func(yield func(*journey, error) bool) {
		begin := time.Duration(0)
		for id, err := range records {
			outline := b.outlines(first, id)
			if err != nil || !outline || b.Outline || b.disorders() {
				j := &journey{}
				if n := len(spare); n > 0 {
					j, spare = spare[n-1], spare[:n-1]
				}
				if err == nil {
					cust := newCustomer(b.tenant, b.Seed, first, id, outline)
					*j = journey{cust: cust, begin: begin, earliest: begin, steps: cust.story(j.steps[:0])}
				}
				if !yield(j, err) {
					return
				}
			}
			begin += recordSpacing
			first++
		}
	}, func(j *journey) { spare = append(spare, j) })
}

// plainRecords gives n records with nothing fixed.
func plainRecords(n uint64) iter.Seq2[Identity, error] {
	return func(yield func(Identity, error) bool) {
		for range n {
			if !yield(Identity{}, nil) {
				return
			}
		}
	}
}
