package report

import (
	"bufio"
	"fmt"
	"io"
	"time"

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

type plannedJSON struct {
	Type string `json:"type"`
	carriedJSON
	Seq       int     `json:"seq"`
	ArrivesMS float64 `json:"arrives_ms"`
	Copy      int     `json:"copy"`
	Late      bool    `json:"late"`
	LostAcks  int     `json:"lost_acks"`
	Body      string  `json:"body"`
}

// Delivery writes one delivery of the plan.
func (p *Plan) Delivery(d *sim.Delivery) {
	p.count++
	if p.json != nil {
		p.json.put(plannedJSON{
			Type: "planned", carriedJSON: carried(d), Seq: d.Seq, ArrivesMS: millis(d.Arrives), Copy: d.Copy, Late: d.Late,
			LostAcks: d.LostAcks, Body: string(d.Body),
		})
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
	fmt.Fprintf(p.w, "%5d %12s  %s %s%s\n", d.Seq, d.Arrives.Round(time.Millisecond), p.st.name(name, fit(name, nameWidth)), p.st.id(id), p.st.warn(note))
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
