package web

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
	"relayctl/internal/report/term"
	"relayctl/internal/session"
)

// timeline is a customer's journey as a drawing: time from left to right, a row for
// each notification, message, and the customer; a dot for each attempt.
type timeline struct {
	session.Journey
	Rows   []row
	Marks  []tick
	Width  int
	Height int
	Cut    int // events that are not drawn
}

type row struct {
	Name string
	Y    int
	Dots []dot
	Runs []run // from the first attempt of an event to its last
}

// dot is one arrival.
type dot struct {
	X, Y    int
	Request uint64
	Class   string // statusClass
	Finding string // error or warning, "" for none
	Label   string // the event's name beside the first of its dots, "" for none
	Tells   string
}

type run struct{ From, To, Y int }

// tick is a moment on the axis.
type tick struct {
	X    int
	Text string
}

// The measures of the drawing, and how many events it has at most.
const (
	rowHeight = 46
	rowStart  = 150
	topSpace  = 34
	leastStep = 22 // between two moments
	mostDrawn = 300
	tickEvery = 96
	labelChar = 7 // width of a character
)

// timelineOf lays a journey out. Attempts of an event stand as far after its event_ts as
// they came after the first one; long gaps are drawn shorter than they were.
func timelineOf(j session.Journey) timeline {
	t := timeline{Journey: j}
	events := j.Events
	if t.Cut = max(0, len(events)-mostDrawn); t.Cut > 0 {
		events = events[t.Cut:]
	}
	var moments []time.Time
	for i := range events {
		for a := range events[i].Arrivals {
			moments = append(moments, momentOf(&events[i], a))
		}
	}
	at, width := scale(moments)
	t.Width = width + 140
	byKey := map[string]int{}
	for i := range events {
		e := &events[i]
		key := j.Belongs[e.ID]
		n, known := byKey[key]
		if !known {
			n = len(t.Rows)
			byKey[key] = n
			t.Rows = append(t.Rows, row{Name: rowName(key, e.Name), Y: topSpace + n*rowHeight + rowHeight/2})
		}
		t.Rows[n].add(e, key == "", at)
	}
	for i := range t.Rows {
		t.Rows[i].thin()
	}
	t.Height = topSpace + len(t.Rows)*rowHeight + 8
	t.Marks = ticks(moments, at)
	return t
}

func rowName(key, event string) string {
	family := "notification "
	if strings.HasPrefix(event, "message.") {
		family = "message "
	}
	if key == "" {
		return "customer"
	}
	return family + term.ShortID(key)
}

// momentOf is where an arrival stands on the axis.
func momentOf(e *judge.JourneyEvent, arrival int) time.Time {
	first := e.Arrivals[0].ReceivedAt
	if e.TS.IsZero() {
		return e.Arrivals[arrival].ReceivedAt
	}
	return e.TS.Add(e.Arrivals[arrival].ReceivedAt.Sub(first))
}

// scale gives each moment its place: steps grow with the logarithm of the time between.
func scale(moments []time.Time) (at map[int64]int, width int) {
	sorted := slices.Clone(moments)
	slices.SortFunc(sorted, func(a, b time.Time) int { return a.Compare(b) })
	at = map[int64]int{}
	x := rowStart
	for i, m := range sorted {
		if i > 0 && !m.Equal(sorted[i-1]) {
			gap := m.Sub(sorted[i-1]).Seconds()
			x += leastStep + int(26*math.Log10(1+10*gap))
		}
		at[m.UnixNano()] = x
	}
	return at, x
}

// add draws an event; whole asks for its whole name, where the row does not tell its family.
func (r *row) add(e *judge.JourneyEvent, whole bool, at map[int64]int) {
	from, to := math.MaxInt, 0
	for i, a := range e.Arrivals {
		x := at[momentOf(e, i).UnixNano()]
		for slices.ContainsFunc(r.Dots, func(d dot) bool { return d.X == x }) {
			x += 13 // at the same moment
		}
		from, to = min(from, x), max(to, x)
		d := dot{X: x, Y: r.Y, Request: a.Seq, Class: statusClass(a.Status), Tells: tells(e, i)}
		for _, f := range a.Findings {
			if d.Finding != string(event.Error) {
				d.Finding = string(f.Level)
			}
		}
		if i == 0 {
			if _, d.Label, _ = strings.Cut(e.Name, "."); whole || d.Label == "" {
				d.Label = e.Name
			}
			d.Label = term.Cut(term.Clean(d.Label), 24)
		}
		r.Dots = append(r.Dots, d)
	}
	if to > from {
		r.Runs = append(r.Runs, run{from, to, r.Y})
	}
}

// thin takes away labels that would stand on others.
func (r *row) thin() {
	slices.SortFunc(r.Dots, func(a, b dot) int { return cmp.Compare(a.X, b.X) })
	free := 0
	for i := range r.Dots {
		d := &r.Dots[i]
		if d.X < free {
			d.Label = ""
		}
		if d.Label != "" {
			free = d.X + labelChar*term.Columns(d.Label) + 8
		}
	}
}

// tells says in words what a dot shows.
func tells(e *judge.JourneyEvent, i int) string {
	a := &e.Arrivals[i]
	words := []string{term.NameOf(e.Name), fmt.Sprintf("request %d", a.Seq)}
	if !e.TS.IsZero() {
		words = append(words, "happened "+term.Clock(e.TS.Local()))
	}
	words = append(words, "came "+term.Clock(a.ReceivedAt.Local()), "answered "+statusText(a.Status))
	for _, b := range a.Badges {
		words = append(words, b.String())
	}
	for _, f := range a.Findings {
		words = append(words, term.Clean(f.String()))
	}
	if e.Lacks != "" && i == 0 {
		words = append(words, "without "+e.Lacks)
	}
	return strings.Join(words, " · ")
}

// ticks are some moments of the axis, not too close to one another.
func ticks(moments []time.Time, at map[int64]int) []tick {
	sorted := slices.Clone(moments)
	slices.SortFunc(sorted, func(a, b time.Time) int { return a.Compare(b) })
	var out []tick
	for _, m := range sorted {
		x := at[m.UnixNano()]
		if len(out) == 0 || x-out[len(out)-1].X >= tickEvery {
			out = append(out, tick{x, term.Clock(m.Local())})
		}
	}
	return out
}
