package plan

import (
	"bytes"
	"fmt"
	"maps"
	"slices"
	"strings"

	"relayctl/internal/event"
)

// editor changes one envelope, or leaves it out.
type editor func(body []byte, ref EventRef) (changed []byte, newRef EventRef, keep bool, err error)

// filtered leaves out the events that the webhook is not configured to send
// (R-FILTER).
func filtered(p Stream, f event.Filter) Stream {
	return edited(p, func(body []byte, ref EventRef) ([]byte, EventRef, bool, error) {
		return body, ref, f.Match(ref.Name), nil
	})
}

// overridden changes properties of the events that each override is for. It warns once of
// each property that a family of events does not have. At the end it warns of each
// override that was for none of the events, or had nothing to remove. warn may be nil.
func overridden(p Stream, overrides []event.Override, warn func(string)) Stream {
	told := map[string]bool{}
	byName := map[string][]event.Override{}
	acted := map[string]bool{} // the removals that have found their property
	out := edited(p, func(body []byte, ref EventRef) ([]byte, EventRef, bool, error) {
		own, known := byName[ref.Name]
		if !known {
			own = meantFor(ref.Name, overrides)
			for _, o := range own {
				if doubt := o.Doubt(ref.Name); doubt != "" && warn != nil && !told[doubt] {
					told[doubt] = true
					warn("set: " + doubt)
				}
			}
			if len(byName) < mostNames {
				byName[ref.Name] = own
			}
		}
		body, ref, err := override(body, ref, own, acted)
		return body, ref, true, err
	})
	return func(yield func(Delivery, error) bool) {
		for d, err := range out {
			if !yield(d, err) || err != nil {
				return
			}
		}
		if warn != nil && len(byName) > 0 && len(byName) < mostNames {
			idle(overrides, slices.Sorted(maps.Keys(byName)), acted, warn)
		}
	}
}

// idle warns of the overrides that are for none of the events of those names, and of those
// that had nothing to remove.
func idle(overrides []event.Override, names []string, acted map[string]bool, warn func(string)) {
	for _, o := range overrides {
		switch {
		case !slices.ContainsFunc(names, o.Events().Match):
			warn(fmt.Sprintf("%s %s:%s changes nothing: the plan has only %s", o.Setting(), o.Events(), o.Path(), strings.Join(names, ", ")))
		case o.Removes() && !acted[o.Path()]:
			warn(fmt.Sprintf("unset %s removes nothing: no event that it is for has this property", o.Path()))
		}
	}
}

// mostNames bounds how many event names are remembered.
const mostNames = 1000

// meantFor gives the overrides that are for events of that name.
func meantFor(name string, overrides []event.Override) (own []event.Override) {
	for _, o := range overrides {
		if o.Events().Match(name) {
			own = append(own, o)
		}
	}
	return own
}

// override applies overrides to an envelope and reads its reference again, which
// they may have changed. It notes in acted, which may be nil, the paths of what was removed.
func override(body []byte, ref EventRef, overrides []event.Override, acted map[string]bool) ([]byte, EventRef, error) {
	if len(overrides) == 0 {
		return body, ref, nil
	}
	for i, o := range overrides {
		before := len(body)
		var err error
		if body, err = event.Apply(body, overrides[i:i+1]); err != nil {
			return nil, ref, err
		}
		if acted != nil && o.Removes() && len(body) < before {
			acted[o.Path()] = true
		}
	}
	env, _ := event.Decode(body)
	return body, EventRef{ID: env.ID, Name: env.Name, TS: env.TS, CCID: env.Payload.CCID}, nil
}

// edited edits every envelope of every delivery. A batch keeps the members that
// are left; a delivery without any left is dropped, and one without a readable
// envelope stays as it is.
func edited(p Stream, edit editor) Stream {
	return func(yield func(Delivery, error) bool) {
		for d, err := range p {
			if err == nil && len(d.Events) > 0 {
				err = d.edit(edit)
				if err == nil && len(d.Events) == 0 {
					continue
				}
			}
			if !yield(d, err) || err != nil {
				return
			}
		}
	}
}

func (d *Delivery) edit(edit editor) error {
	shape, members, _ := event.Split(d.Body)
	bodies, refs, same := members[:0:0], d.Events[:0], true
	customer := d.Events[0].CCID
	for i, member := range members {
		body, ref, keep, err := edit(member, d.Events[i])
		if err != nil {
			return err
		}
		same = same && keep && bytes.Equal(body, member)
		if keep {
			bodies, refs = append(bodies, body), append(refs, ref)
		}
	}
	if d.Events = refs; len(refs) > 0 && refs[0].CCID != customer {
		d.Lane = CustomerLane(refs[0].CCID) // whoever is one customer now stays in order
	}
	switch {
	case same || len(bodies) == 0:
	case shape == event.Single:
		d.Body = bodies[0]
	default:
		d.Body = joinBatch(bodies, shape)
	}
	return nil
}

// singles takes batches apart, so that others can be made of their events.
func singles(p Stream) Stream {
	return func(yield func(Delivery, error) bool) {
		for d, err := range p {
			shape, members, _ := event.Split(d.Body)
			if err != nil || shape == event.Single || len(members) == 0 {
				if !yield(d, err) || err != nil {
					return
				}
				continue
			}
			for i, member := range members {
				part := d
				part.Body, part.Events = member, d.Events[i:i+1]
				if i > 0 {
					part.LostAcks = 0
				}
				if !yield(part, nil) {
					return
				}
			}
		}
	}
}

// batched groups every n deliveries into one call (R-BATCH, R-BATCH-BODY). A
// batch arrives with its last member; it loses an answer if a member did. Its
// members' customers may be in the next batch too, so all share one lane.
func batched(p Stream, n int, shape event.Shape) Stream {
	open, end := batchEnds(shape)
	return func(yield func(Delivery, error) bool) {
		var batch Delivery
		members := 0
		flush := func() bool {
			if members == 0 {
				return true
			}
			batch.Body = append(batch.Body, end...)
			ok := yield(batch, nil)
			batch = Delivery{Body: batch.Body[:0], Events: batch.Events[:0]}
			members = 0
			return ok
		}
		for d, err := range p {
			if err != nil {
				yield(d, err)
				return
			}
			if members++; members == 1 {
				batch.Body = append(batch.Body, open...)
			} else {
				batch.Body = append(batch.Body, ',')
			}
			batch.Body = append(batch.Body, d.Body...)
			batch.Events = append(batch.Events, d.Events...)
			if d.Copy > 0 {
				batch.Copies += len(d.Events)
			}
			if batch.Arrives = d.Arrives; members == 1 || d.Begins < batch.Begins {
				batch.Begins = d.Begins
			}
			batch.LostAcks = max(batch.LostAcks, d.LostAcks)
			batch.Reordered = batch.Reordered || d.Reordered
			if members == n && !flush() {
				return
			}
		}
		flush()
	}
}

// batchEnds are what stands before and after the members of a batch.
func batchEnds(shape event.Shape) (open, end string) {
	if shape == event.Wrapped {
		return `{"batch":[`, "]}"
	}
	return "[", "]"
}

// joinBatch makes a batch's body of its members.
func joinBatch(members [][]byte, shape event.Shape) []byte {
	open, end := batchEnds(shape)
	body := append([]byte(open), bytes.Join(members, []byte(","))...)
	return append(body, end...)
}
