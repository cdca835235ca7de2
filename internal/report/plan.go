package report

import (
	"bufio"
	"fmt"
	"io"

	"relayctl/internal/sim"
)

// Plan renders the plan of a dry run.
type Plan struct {
	w     *bufio.Writer
	st    *Style
	json  *lines
	count int
}

// NewPlan makes the renderer, as text or as NDJSON.
func NewPlan(w io.Writer, st *Style, asJSON bool) *Plan {
	p := &Plan{w: bufio.NewWriter(w), st: st}
	if asJSON {
		l := newLines(w)
		p.json = &l
	}
	return p
}

// Delivery writes one delivery of the plan.
func (p *Plan) Delivery(d *sim.Delivery) {
	p.count++
	if p.json != nil {
		id, name, ids := refs(d)
		o := map[string]any{
			"type": "planned", "seq": d.Seq, "arrives_ms": millis(d.Arrives), "copy": d.Copy, "late": d.Late,
			"lost_acks": d.LostAcks, "body": string(d.Body),
		}
		if ids != nil {
			o["event_ids"] = ids
		} else {
			o["event_id"], o["event_name"] = id, name
		}
		p.json.put(o)
		return
	}
	if p.count == 1 {
		fmt.Fprintln(p.w, p.st.dim(fmt.Sprintf("%5s %12s  %s %s", "call", "arrives", fit("event", nameWidth), "id")))
	}
	name, id := deliveryName(d)
	note := ""
	if d.Copy > 0 {
		note += fmt.Sprintf(" copy %d", d.Copy)
	}
	if d.Late {
		note += " late"
	}
	if d.LostAcks > 0 {
		note += " lost ack"
	}
	fmt.Fprintf(p.w, "%5d %12s  %s %s%s\n", d.Seq, d.Arrives, p.st.name(name, fit(name, nameWidth)), p.st.id(id), p.st.warn(note))
}

// Finish ends the plan and returns the first error of all the writing.
func (p *Plan) Finish(seed uint64) error {
	if p.json != nil {
		p.json.put(map[string]any{"type": "summary", "planned": p.count, "seed": seed})
		return p.json.flush()
	}
	fmt.Fprintf(p.w, "%s planned, nothing sent, seed %d\n", plural(p.count, "call"), seed)
	return p.w.Flush()
}
