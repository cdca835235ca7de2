package judge

import (
	"fmt"

	"relayctl/internal/event"
)

// MaxMembers bounds how many events of a batch are judged: a body of a million
// empty members must not become a million receipts.
const MaxMembers = 1000

// Judging judges the events of one request. It may be used again for another one,
// together with its memory, after Reset. The zero value is ready. It is not safe
// for concurrent use.
type Judging struct {
	// Receipts has one receipt, or one for each event of a batch, after Judge or
	// Empty. They are valid until Reset.
	Receipts []*Receipt

	dec   event.Decoder
	ids   map[string]*Receipt // of a batch
	spare Receipt             // the first of Receipts
}

// Reset forgets the request.
func (r *Judging) Reset() {
	clear(r.Receipts)
	r.Receipts, r.spare = r.Receipts[:0], Receipt{}
	clear(r.ids)
}

// Empty adds the one receipt of a request whose body is not judged, unless there
// is one.
func (r *Judging) Empty() {
	if len(r.Receipts) == 0 {
		r.receipt()
	}
}

// Judge decodes, validates and tracks the events of a body. The receipts refer to
// the body.
func (r *Judging) Judge(t *Tracker, body []byte) {
	shape, members, findings := event.Split(body)
	if len(members) == 0 {
		r.receipt().Findings = findings
	}
	for i, m := range members[:min(len(members), MaxMembers)] {
		rc := r.receipt()
		rc.Event, rc.Findings = r.dec.Decode(m)
		if shape == event.Single {
			rc.verdicts(t.Observe(&rc.Event))
			break
		}
		rc.Member, rc.Members = i, len(members)
		if twin := r.twin(rc); twin != nil {
			rc.verdicts(twin.again(rc))
		} else {
			rc.verdicts(t.Observe(&rc.Event))
		}
	}
	if len(members) > MaxMembers {
		first := r.Receipts[0]
		first.Findings = append(first.Findings, event.Finding{
			Clause: "R-BATCH-SIZE", Level: event.Warning,
			Message: fmt.Sprintf("the batch has %d events; only the first %d are judged", len(members), MaxMembers),
		})
	}
}

// twin returns the member of the same batch that has the event's id and came
// before it, nil for none.
func (r *Judging) twin(rc *Receipt) *Receipt {
	if rc.Event.ID == "" {
		return nil
	}
	if r.ids == nil {
		r.ids = make(map[string]*Receipt)
	}
	if twin, ok := r.ids[rc.Event.ID]; ok {
		return twin
	}
	r.ids[rc.Event.ID] = rc
	return nil
}

// receipt adds a receipt.
func (r *Judging) receipt() *Receipt {
	rc := &r.spare
	if len(r.Receipts) > 0 {
		rc = &Receipt{}
	}
	*rc = Receipt{Attempt: 1}
	r.Receipts = append(r.Receipts, rc)
	return rc
}
