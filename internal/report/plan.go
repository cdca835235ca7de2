package report

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"relayctl/internal/duration"
	"relayctl/internal/event"
	"relayctl/internal/report/term"
	"relayctl/internal/sim/plan"
)

// Plan renders the plan of a dry run.
type Plan struct {
	Overrides []event.Override // of the plan, shown below the events that they change

	w     *bufio.Writer
	st    *term.Style
	json  *lines
	count int
}

// NewPlan makes the renderer, as text or as NDJSON.
func NewPlan(w io.Writer, st *term.Style, asJSON bool) *Plan {
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
func (p *Plan) Delivery(d *plan.Delivery) {
	p.count++
	if p.json != nil {
		p.json.put(plannedJSON{
			Type: "planned", carriedJSON: carried(d), Seq: d.Seq, ArrivesMS: duration.Millis(d.Arrives), Copy: d.Copy, Late: d.Reordered,
			LostAcks: d.LostAcks, Body: string(d.Body),
		})
		return
	}
	if p.count == 1 {
		fmt.Fprintln(p.w, p.st.Dim(fmt.Sprintf("%5s %12s  %s %s %s", "call", "arrives", term.Fit("event", term.NameWidth), term.Fit("customer", p.st.CustomerWidth()), "id")))
	}
	name, id := deliveryName(d)
	note := ""
	if d.Copy > 0 {
		note += " copy"
	}
	if d.Reordered {
		note += " late"
	}
	if d.LostAcks > 0 {
		note += " lost ack"
	}
	line := fmt.Sprintf("%5d %12s  %s %s %s%s", d.Seq+1, d.Arrives.Round(time.Millisecond), p.st.NameColumn(name), p.st.CustomerColumn(customerText(d)), p.st.IDColumn(id), p.st.Warn(note))
	fmt.Fprintln(p.w, strings.TrimRight(line, " "))
	for _, o := range p.Overrides {
		if slices.ContainsFunc(d.Events, func(e plan.EventRef) bool { return o.Events().Match(e.Name) }) {
			fmt.Fprintf(p.w, "%*s%s\n", planIndent, "", p.st.Dim(term.Clean(o.Text())))
		}
	}
}

// planIndent is where the column of the events begins.
const planIndent = 5 + 1 + 12 + 2

// Finish ends the plan and returns the first error of all the writing.
func (p *Plan) Finish(seed uint64) error {
	if p.json != nil {
		p.json.put(map[string]any{"type": "summary", "planned": p.count, "seed": seed})
		return p.json.flush()
	}
	fmt.Fprintf(p.w, "%s planned, nothing sent, seed %d\n", term.Count(p.count, "delivery"), seed)
	return p.w.Flush()
}
