package report

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"relayctl/fixtures"
)

// Catalogue lists the events, as text or as NDJSON.
func Catalogue(w io.Writer, st *Style, events []fixtures.Event, asJSON bool) error {
	if asJSON {
		l := newLines(w)
		for _, e := range events {
			l.put(eventJSON(e))
		}
		return l.flush()
	}
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%s\n", st.bold(fit("EVENT", nameWidth)+" "+fit("CONTROL", 9)+"MEANING"))
	for _, e := range events {
		st.hanging(b, st.name(e.Name, fit(e.Name, nameWidth))+" "+st.dim(fit(e.Area, 9)), nameWidth+10, e.Meaning)
	}
	return b.Flush()
}

// Named is a name and what it stands for.
type Named struct{ Name, Meaning string }

// Names lists names with what they stand for, wrapped to the terminal.
func Names(w io.Writer, st *Style, list []Named) error {
	width := 0
	for _, n := range list {
		width = max(width, len(n.Name))
	}
	b := bufio.NewWriter(w)
	for _, n := range list {
		st.hanging(b, st.bold(fit(n.Name, width+1)), width+1, n.Meaning)
	}
	return b.Flush()
}

// hanging writes a text after a head that is indent columns wide, and what does
// not fit the terminal below its own beginning.
func (s *Style) hanging(w io.Writer, head string, indent int, text string) {
	for _, line := range s.wrapped(text, indent) {
		fmt.Fprintln(w, head+line)
		head = strings.Repeat(" ", indent)
	}
}

func eventJSON(e fixtures.Event) map[string]any {
	return map[string]any{
		"event_name": e.Name, "area_of_control": e.Area, "family": e.Family, "meaning": e.Meaning,
		"order": e.Order, "order_mark": e.Mark, "payload_mark": e.Family.PayloadMark(), "generated_by_default": e.Default,
	}
}

// Event explains one event with its properties and a sample.
func Event(w io.Writer, st *Style, e fixtures.Event, props []fixtures.Property, sample []byte, asJSON bool) error {
	if asJSON {
		l := newLines(w)
		o := eventJSON(e)
		o["sample"] = json.RawMessage(sample)
		l.put(o)
		return l.flush()
	}
	b := bufio.NewWriter(w)
	fmt.Fprintf(b, "%s\n", st.name(e.Name, e.Name))
	st.hanging(b, "", 0, e.Meaning)
	fmt.Fprintln(b)
	fmt.Fprintf(b, "%s  %s\n", st.dim("control"), e.Area)
	st.hanging(b, st.dim("order")+"    ", 9, fmt.Sprintf("%s (%s)", e.Order, e.Mark))
	if !e.Default {
		fmt.Fprintf(b, "%s     generated only when it is asked for by name\n", st.dim("note"))
	}
	head, note := st.bold("payload"), ""
	if e.Family.PayloadMark() == fixtures.Assumed {
		note = "(assumed: Relay's documentation shows no payload of " + string(e.Family) + " events)"
		head += " "
	}
	fmt.Fprintln(b)
	st.hanging(b, head, 8, note)
	for _, p := range props {
		mark := ""
		if p.Mark != fixtures.Documented && note == "" {
			mark = fmt.Sprintf(" (%s)", p.Mark)
		}
		st.hanging(b, "  "+fit(p.Name, 20)+" ", 23, p.Meaning+mark)
	}
	fmt.Fprintf(b, "\n%s\n%s", st.bold("sample"), sample)
	return b.Flush()
}
