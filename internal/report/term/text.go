package term

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"
)

// NameWidth is the width of the column of event names.
const NameWidth = 30

// IDWidth is the width of an id as it is shown.
const IDWidth = 11

// Widths of the column of customers, and from how many columns of the terminal on
// there is room for more.
const (
	slimCustomer  = 9
	wideCustomer  = 20
	pipedCustomer = 12
	mostCustomer  = 64
	idsFrom       = 96
	wideFrom      = 110
)

// NameOf is an event name as it is shown.
func NameOf(name string) string { return cmp.Or(Clean(name), "(no event_name)") }

// Columns is how many columns of a terminal a text takes.
func Columns(t string) int { return runewidth.StringWidth(t) }

// Cut shortens a text to a width in columns; an ellipsis shows that it did.
func Cut(t string, width int) string { return runewidth.Truncate(t, width, "…") }

// Fit brings a text to a width in columns: it is cut or padded.
func Fit(t string, width int) string { return runewidth.FillRight(Cut(t, width), width) }

// Wrap breaks a text at spaces into lines of at most width columns; a longer word
// has a line to itself.
func Wrap(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && Columns(line)+1+Columns(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// ShortID is an id as every screen shows it, cleaned and shortened: both ends of it.
// If the id has a UUID between host and counter (R-ID), both ends of the UUID, which
// differs more from id to id. --id finds it in this form.
func ShortID(id string) string {
	id = Clean(id)
	if Columns(id) <= IDWidth {
		return id
	}
	return shorten(cmp.Or(uuidIn(id), id), IDWidth)
}

// shorten brings a text to a width and keeps both ends.
func shorten(text string, width int) string {
	if Columns(text) <= width {
		return text
	}
	runes := []rune(text)
	if len(runes) <= width { // they are wide ones
		return Cut(text, width)
	}
	head := (width - 1) / 2
	return Cut(string(runes[:head])+"…"+string(runes[len(runes)-(width-1-head):]), width)
}

// uuidIn finds the UUID in a host-style id (R-ID).
func uuidIn(id string) string {
	for i := 0; i+36 <= len(id); i++ {
		u := id[i : i+36]
		if u[8] == '-' && u[13] == '-' && u[18] == '-' && u[23] == '-' && strings.Trim(u, "0123456789abcdefABCDEF-") == "" {
			return u
		}
	}
	return ""
}

// Clock is a time of day with milliseconds, in the time's own zone.
func Clock(t time.Time) string { return t.Format("15:04:05.000") }

// ClockWidth is how many columns Clock takes.
const ClockWidth = len("15:04:05.000")

// Seconds is a time of day to the second, in the time's own zone.
func Seconds(t time.Time) string { return t.Format(time.TimeOnly) }

// Day is a date, in the time's own zone.
func Day(t time.Time) string { return t.Format(time.DateOnly) }

// Count is a number with its unit: "1 event", "2 events", "3 deliveries".
func Count[N int | uint64](n N, unit string) string {
	if n == 1 {
		return "1 " + unit
	}
	if base, ok := strings.CutSuffix(unit, "y"); ok {
		unit = base + "ie"
	}
	return fmt.Sprintf("%d %ss", n, unit)
}
