package state

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Event is one event of a customer's history.
type Event struct {
	ID      string
	TS      time.Time
	Payload map[string]any
}

// roles knows what the values of one customer's history stand for, so that the
// states of two customers with the same history become equal: <message_id 2> is
// the second message of either. It is not changed once it is made.
type roles struct {
	names  *strings.Replacer
	phones map[string]string
	stamps []time.Time // event_ts, in the order of the history
	now    time.Time
}

// idProperties are the properties of a payload whose values differ from
// customer to customer.
func idProperties() []string {
	return []string{"ccid", "customer_id", "channel_addr", "trigger_id", "journey_id", "job_id", "relay_tracking_id", "message_id", "notification_id"}
}

// The roles of values that are known by their form alone.
const (
	ownClock = "<the receiver's clock>"
	ownID    = "<an id>"
	noted    = "<the time, roughly>"
)

// newRoles reads a history, which is in the order of event time for every
// customer, whatever the order of arrival.
func newRoles(history []Event, now time.Time) *roles {
	r := &roles{phones: map[string]string{}, now: now}
	found := map[string]string{}
	counts := map[string]int{}
	var order []string
	add := func(property, value string) {
		if value == "" || found[value] != "" {
			return
		}
		counts[property]++
		found[value] = fmt.Sprintf("<%s %d>", property, counts[property])
		order = append(order, value)
	}
	for _, e := range history {
		add("event_id", e.ID)
		r.stamps = append(r.stamps, e.TS)
		for _, p := range idProperties() {
			if s, ok := e.Payload[p].(string); ok {
				add(p, s)
			}
		}
	}
	// The longest first: one value may be part of another.
	slices.SortStableFunc(order, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, value := range order {
		role := found[value]
		for _, form := range forms(value, role) {
			pairs = append(pairs, form, role)
		}
		if strings.HasPrefix(role, "<channel_addr") {
			r.phones[value], r.phones[value[1:]] = role, role
		}
	}
	r.names = strings.NewReplacer(pairs...)
	return r
}

// forms are the ways in which receivers write an id or a number.
func forms(value, role string) []string {
	if strings.HasPrefix(role, "<channel_addr") && len(value) == 11 {
		a, b, c := value[1:4], value[4:7], value[7:]
		return []string{
			"+" + value, value, "+1 (" + a + ") " + b + "-" + c, "+1 " + a + " " + b + " " + c, "+1-" + a + "-" + b + "-" + c, "+1 " + a + "-" + b + "-" + c,
			"(" + a + ") " + b + "-" + c, a + "-" + b + "-" + c, a + "." + b + "." + c, a + " " + b + " " + c, value[1:],
		}
	}
	all := []string{value, strings.ToLower(value), strings.ToUpper(value)}
	if bare := strings.ReplaceAll(value, "-", ""); len(value) == 36 && len(bare) == 32 {
		all = append(all, bare, strings.ToUpper(bare))
	}
	return all
}

// isRole says whether a normalised value is of the history.
func isRole(text string) bool {
	return roleForm().MatchString(text)
}

// text normalises a text.
func (r *roles) text(s string) string {
	s = r.names.Replace(s)
	if digits := strings.TrimSpace(s); digits != "" && strings.Trim(digits, "0123456789.") == "" {
		return r.number(digits)
	}
	return r.ids(r.times(s))
}

// number normalises a number: a telephone number, a time, or itself.
func (r *roles) number(s string) string {
	if role, ok := r.phones[s]; ok {
		return role
	}
	if stamp, ok := r.epoch(s); ok {
		return r.stamp(stamp)
	}
	if f, err := strconv.ParseFloat(s, 64); err == nil && strings.ContainsAny(s, ".eE") {
		return strconv.FormatFloat(f, 'g', -1, 64)
	}
	return s
}

// key normalises an object's key. A number counts or is a row's id.
func (r *roles) key(s string) string {
	t := r.text(s)
	if t != "" && strings.Trim(t, "0123456789") == "" {
		return "<n>"
	}
	return t
}

// keyPattern makes one pattern of the keys that have the same role.
func keyPattern(key string) string {
	return roleForm().ReplaceAllString(key, "<$1>")
}

// epoch reads a number as seconds, milli-, micro- or nanoseconds since 1970 if
// that is about now.
func (r *roles) epoch(s string) (time.Time, bool) {
	whole, _, _ := strings.Cut(s, ".")
	if n := len(whole); n != 10 && n != 13 && n != 16 && n != 19 {
		return time.Time{}, false
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return time.Time{}, false
	}
	seconds := f / math.Pow10(len(whole)-10)
	t := time.UnixMilli(int64(math.Round(seconds * 1000)))
	return t, t.Sub(r.now).Abs() < 36*time.Hour
}

// form is a pattern that is compiled when it is first asked for: at start-up
// nothing needs it.
func form(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}

// Values as receivers write them.
const (
	datePart = `\d{4}[-/]\d{2}[-/]\d{2}`
	timePart = `\d{1,2}:\d{2}:\d{2}(?:[.,]\d{1,9})?`
	zonePart = `(?:\s?(?:Z|UTC|GMT|[+-]\d{2}(?::?\d{2})?)\b)?`
)

var (
	roleForm  = form(`<([a-z_]+) \d+>`)
	clockForm = form(timePart)
	// A time with whatever date goes before it.
	timeForm = form(`(?:(?:` + datePart + `|(?:[A-Z][a-z]{2,8},? )?(?:\d{1,2}[ -][A-Z][a-z]{2}|[A-Z][a-z]{2} {1,2}\d{1,2})(?:[ -]\d{4})?|\d{1,2}[./]\d{1,2}[./]\d{4},?)[T ])?` +
		timePart + `(?: ?[AP]M)?` + zonePart + `(?: \d{4}\b)?`)
	minuteForm = form(datePart + `[T ]\d{2}:\d{2}\b` + zonePart)
	dateForm   = form(`\b` + datePart + `\b`)
	agoForm    = form(`\b(?:\d+|an?) (?:millisecond|second|minute|hour)s? ago\b|\bjust now\b`)
	epochForm  = form(`\b[12]\d{9}(?:\d{3}){0,3}(?:\.\d{1,9})?\b`)
	idForm     = form(`(?i)\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b|\b[0-9a-f]{24,}\b|\b[0-9A-HJKMNP-TV-Z]{26}\b`)
)

// times replaces the times in a text. The time of the day tells the events of
// a history apart as well as the whole date does; what is written without
// seconds says too little to tell an event's time from the receiver's own.
func (r *roles) times(s string) string {
	if !strings.ContainsAny(s, "0123456789") {
		return s
	}
	s = timeForm().ReplaceAllStringFunc(s, func(m string) string {
		t, err := time.Parse("15:04:05", strings.ReplaceAll(clockForm().FindString(m), ",", "."))
		if err != nil {
			return m
		}
		return r.clock(t)
	})
	s = minuteForm().ReplaceAllString(s, noted)
	s = dateForm().ReplaceAllStringFunc(s, func(m string) string {
		if t, err := time.Parse("2006-01-02", strings.ReplaceAll(m, "/", "-")); err != nil || t.Sub(r.now).Abs() > 60*time.Hour {
			return m
		}
		return noted
	})
	s = agoForm().ReplaceAllString(s, noted)
	return epochForm().ReplaceAllStringFunc(s, r.number)
}

// slack is how far from an event's time a value of it may lie: receivers round,
// and the events of a history are seconds apart.
const slack = 500 * time.Millisecond

// quarter is what time zones differ in.
const quarter = 15 * time.Minute

// clock gives the role of a time of the day, in whatever zone.
func (r *roles) clock(t time.Time) string {
	for i, s := range r.stamps {
		d := t.Sub(time.Date(0, 1, 1, s.Hour(), s.Minute(), s.Second(), s.Nanosecond(), time.UTC)) % quarter
		if d < 0 {
			d += quarter
		}
		// Without its fraction a time lies up to a second before the event's.
		if d <= slack || d >= quarter-slack || t.Nanosecond() == 0 && d >= quarter-time.Second {
			return fmt.Sprintf("<event_ts %d>", i+1)
		}
	}
	return ownClock
}

// stamp gives the role of a point in time.
func (r *roles) stamp(t time.Time) string {
	t = t.UTC()
	return r.clock(time.Date(0, 1, 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC))
}

var (
	timeRoleForm = form(`<event_ts \d+>|` + ownClock + `|` + noted)
	longAgoForm  = form(`^[12]\d{9}(?:\d{3}){0,3}(?:\.\d+)?$|^` + datePart + `$`)
)

// timeless puts one role in the place of all times.
func timeless(s string) string {
	if longAgoForm().MatchString(s) {
		return "<a time>"
	}
	return timeRoleForm().ReplaceAllString(s, "<a time>")
}

// ids replaces what has the form of an id and is not one of the history's.
func (r *roles) ids(s string) string { return idForm().ReplaceAllString(s, ownID) }
