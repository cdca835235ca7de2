package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"

	"relayctl/fixtures"
	"relayctl/internal/report/term"
)

// Catalogue lists the events, as text or as NDJSON.
func Catalogue(w io.Writer, st *term.Style, events []fixtures.Event, asJSON bool) error {
	if asJSON {
		values := make([]map[string]any, len(events))
		for i, e := range events {
			values[i] = eventJSON(e)
		}
		return writeLines(w, values...)
	}
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%s\n", st.Bold(term.Fit("EVENT", term.NameWidth)+" "+term.Fit("CONTROL", 9)+"MEANING"))
	for _, e := range events {
		st.Hanging(b, st.NameColumn(e.Name)+" "+st.Dim(term.Fit(e.Area, 9)), term.NameWidth+10, e.Meaning)
	}
	return b.Flush()
}

// Named is a name and what it stands for.
type Named struct{ Name, Meaning string }

// Names lists names with what they stand for, wrapped to the terminal.
func Names(w io.Writer, st *term.Style, list []Named) error {
	width := 0
	for _, n := range list {
		width = max(width, len(n.Name))
	}
	b := bufio.NewWriter(w)
	for _, n := range list {
		st.Hanging(b, st.Bold(term.Fit(n.Name, width+1)), width+1, n.Meaning)
	}
	return b.Flush()
}

func eventJSON(e fixtures.Event) map[string]any {
	return map[string]any{
		"event_name": e.Name, "area_of_control": e.Area, "family": e.Family, "meaning": e.Meaning,
		"order": e.Order, "order_mark": e.Mark, "payload_mark": e.Family.PayloadMark(), "generated_by_default": e.Default,
	}
}

// Event explains one event with its properties and a sample.
func Event(w io.Writer, st *term.Style, e fixtures.Event, props []fixtures.Property, sample []byte, asJSON bool) error {
	if asJSON {
		o := eventJSON(e)
		o["sample"] = json.RawMessage(sample)
		return writeLines(w, o)
	}
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%s\n", st.Name(e.Name, e.Name))
	st.Hanging(b, "", 0, e.Meaning)
	fmt.Fprintln(b)
	fmt.Fprintf(b, "%s  %s\n", st.Dim("control"), e.Area)
	st.Hanging(b, st.Dim("order")+"    ", 9, fmt.Sprintf("%s (%s)", e.Order, e.Mark))
	if !e.Default {
		fmt.Fprintf(b, "%s     generated only when it is asked for by name\n", st.Dim("note"))
	}
	head, note := st.Bold("payload"), ""
	if e.Family.PayloadMark() == fixtures.Assumed {
		note = "(assumed: Relay's documentation shows no payload of " + string(e.Family) + " events)"
		head += " "
	}
	fmt.Fprintln(b)
	st.Hanging(b, head, 8, note)
	for _, p := range props {
		mark := ""
		if p.Mark != fixtures.Documented && note == "" {
			mark = fmt.Sprintf(" (%s)", p.Mark)
		}
		st.Hanging(b, "  "+term.Fit(p.Name, 20)+" ", 23, p.Meaning+mark)
	}
	fmt.Fprintf(b, "\n%s\n%s", st.Bold("sample"), sample)
	return b.Flush()
}
