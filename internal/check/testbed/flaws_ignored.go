package testbed

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"
)

// ignoredFlaws answer 200 to what is unusual, and do not do what they do for
// usual events.
func ignoredFlaws() []Flaw {
	text := func(is func(rune) bool) func(*Event) bool { return func(e *Event) bool { return e.any(is) } }
	among := func(chars string) func(*Event) bool {
		return text(func(c rune) bool { return strings.ContainsRune(chars, c) })
	}
	longer := func(n int, names ...string) func(*Event) bool {
		return func(e *Event) bool {
			for _, name := range names {
				if len(e.Text(name)) > n {
					return true
				}
			}
			return false
		}
	}
	rows := []struct {
		name, story string
		is          func(*Event) bool
		fails       string
	}{
		{"other-name-of-the-click", "the page's name of the click is known, that of its example is not", func(e *Event) bool { return e.Name == "notification.auth_link_used" }, "event.accept"},
		{"uuids-only", "an id that is not a UUID is logged and passed over", func(e *Event) bool { return len(e.ID) != 36 }, "event.id-forms"},
		{"no-upper-case-ids", "the column's check takes lower case", func(e *Event) bool { return len(e.ID) == 36 && e.ID == strings.ToUpper(e.ID) }, "event.id-forms"},
		{"short-values", "VARCHAR(128), and the error of the insert is logged", longer(128, "message_name", "action_value"), "event.id-forms"},
		{"bytes-for-letters", "VARCHAR2(255 BYTE), and the error of the insert is logged", longer(255, "action_value"), "event.unicode"},
		{"no-quotes", "texts are pasted into the SQL", among(`'"`), "event.unicode"},
		{"no-backslashes", "texts are pasted into a line of JSON", among(`\`), "event.unicode"},
		{"utf8mb3", "MySQL's old utf8", text(func(c rune) bool { return c > 0xFFFF }), "event.unicode"},
		{"no-nul", "PostgreSQL refuses the text, the error is logged", among("\x00"), "event.unicode"},
		{"scanned-for-its-name", "a regular expression looks for the name of the event", func(e *Event) bool { return !strings.Contains(string(e.Raw), `"event_name":`) }, "event.unicode"},
		{"escapes-passed-over", "the text is looked for as it is written", func(e *Event) bool { return !strings.Contains(string(e.Raw), e.Name) }, "event.unicode"},
		{"old-is-stale", "events of last week are not applied", func(e *Event) bool { return time.Since(e.TS) > 7*24*time.Hour }, "event.old"},
		{"months-are-stale", "the partition of that quarter is gone", func(e *Event) bool { return time.Since(e.TS) > 90*24*time.Hour }, "event.old"},
		{"unknown-properties-passed-over", "a strict schema, and its error is logged", func(e *Event) bool { return len(e.Top()) > 4 || e.unknownProperty() }, "tolerant.properties"},
		{"null-passed-over", "a strict schema, and its error is logged", func(e *Event) bool { return e.hasNull("client_message_tag", "trigger_id") }, "tolerant.absent"},
		{"empty-passed-over", "minLength: 1, and its error is logged", func(e *Event) bool { v, ok := e.Payload["message_name"]; return ok && v == "" }, "tolerant.absent"},
		{"missing-passed-over", "required, and its error is logged", func(e *Event) bool {
			_, ok := e.Payload["trigger_id"]
			return !ok && strings.HasPrefix(e.Name, "message.")
		}, "tolerant.absent"},
		{"name-from-the-payload", "a switch on event_type and event_subtype, and its default case is silent", lacksItsName, "tolerant.absent"},
		{"label-without-value", "an action whose value and label are not both there or both absent is odd, and passed over", func(e *Event) bool {
			return e.Name == "message.action_taken" && (e.Text("action_label") == "") != (e.Text("action_value") == "")
		}, "tolerant.absent"},
		{"unknown-group-passed-over", "the product group is looked up", func(e *Event) bool { return e.Text("product_group_id") == "no-such-group" }, "business.never-400"},
		{"tomorrow-passed-over", "an event of the future is a mistake", func(e *Event) bool { return time.Until(e.TS) > time.Hour }, "business.never-400"},
	}
	var out []Flaw
	for _, row := range rows {
		out = append(out, Flaw{Name: "ignores: " + row.name, Story: row.story, Break: ignoring(row.is), Fails: []string{row.fails}})
	}
	out = append(out,
		Flaw{
			Name: "ignores: charset", Story: "a body of another content type is not parsed, and 200 is said",
			Break: func(r *Receiver) {
				r.Store = func(req *http.Request, events []Event) int {
					if req.Header.Get("Content-Type") == "application/json" {
						r.State.Commit(events, r.Key)
					}
					return 0
				}
			},
			Fails: []string{"event.content-type"},
		},
		Flaw{
			Name: "one-id-for-all-that-are-not-uuids", Story: "what cannot be parsed is the UUID of zeros, which is known after the first one",
			Break: keyed(func(e *Event) string {
				if len(e.ID) != 36 {
					return "00000000-0000-0000-0000-000000000000"
				}
				return e.ID
			}),
			Only: []string{"event.effect", "event.id-forms"}, Fails: []string{"event.id-forms"},
		},
		Flaw{
			Name: "read-as-latin-1", Story: "the body is decoded with the framework's default character set",
			Break: func(r *Receiver) {
				Bodies(r)
				r.Parse = func(body []byte) ([]Event, int) {
					var text strings.Builder
					for _, b := range body {
						text.WriteRune(rune(b))
					}
					return parse([]byte(text.String()))
				}
			},
			Fails: []string{"event.unicode"},
		},
		Flaw{
			Name: "reused-struct", Story: "one variable for all events: what JSON lacks, or has as null, stays as it was", Only: []string{"event.effect", "tolerant.absent"},
			Break: func(r *Receiver) {
				Bodies(r)
				var mu lock
				last := map[string]any{}
				r.Parse = func(body []byte) ([]Event, int) {
					events, status := parse(body)
					mu.Lock()
					defer mu.Unlock()
					for i := range events {
						for _, p := range []string{"action_label", "message_name"} {
							if events[i].Payload[p] == nil && last[p] != nil {
								events[i].Payload[p] = last[p]
							}
							last[p] = events[i].Payload[p]
						}
					}
					return events, status
				}
			},
			Fails: []string{"tolerant.absent"},
		},
		Flaw{
			Name: "kept-as-ascii", Story: "what the column cannot keep becomes a question mark",
			Break: func(r *Receiver) {
				Bodies(r)
				r.Parse = func(body []byte) ([]Event, int) {
					return parse(bytes.Map(func(c rune) rune {
						if c > unicode.MaxASCII {
							return '?'
						}
						return c
					}, body))
				}
			},
			Fails: []string{"event.unicode"},
		},
		Flaw{
			Name: "36 characters of the id", Story: "VARCHAR(36), and the database cuts",
			Break: keyed(func(e *Event) string { return e.ID[:min(36, len(e.ID))] }),
			Fails: []string{"event.id-forms", "duplicate.distinct"},
		},
		Flaw{
			Name: "numbers for ccids", Story: "a ccid of digits is read as a number",
			Break: storing(func(r *Receiver, e *Event) {
				if n, err := strconv.ParseFloat(e.Text("ccid"), 64); err == nil {
					e.Payload["ccid"] = fmt.Sprintf("%.0f", n)
				}
				r.State.Commit([]Event{*e}, r.Key)
			}),
			Fails: []string{"event.id-forms"},
		},
	)
	for i := range out {
		if out[i].Only == nil {
			out[i].Only = []string{"event", "tolerant", "business", "duplicate.distinct"}
		}
	}
	return out
}

// ignoring accepts the events of a kind and does not apply them.
func ignoring(is func(*Event) bool) func(*Receiver) {
	return storing(func(r *Receiver, e *Event) {
		if !is(e) || isSample(e) {
			r.State.Commit([]Event{*e}, r.Key)
		}
	})
}

// fineFlaws compare times that they have made coarse, or read in another way.
func fineFlaws() []Flaw {
	by := func(coarse func(time.Time) time.Time) func(*Receiver) {
		return storing(func(r *Receiver, e *Event) {
			e.TS, e.ID = coarse(e.TS), ""
			r.State.Commit([]Event{*e}, func(*Event) string { return idOf(e) })
		})
	}
	ofDay := func(t time.Time) time.Time {
		return time.Date(2000, 1, 1, t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
	}
	out := []Flaw{
		{Name: "seconds", Story: "a column of type DATETIME", Break: by(func(t time.Time) time.Time { return t.Truncate(time.Second) }), Fails: []string{"order.fine"}},
		{Name: "hundredths", Story: "a clock of another century", Break: by(func(t time.Time) time.Time { return t.Truncate(10 * time.Millisecond) }), Fails: []string{"order.fine"}},
		{Name: "time-of-day", Story: "a column of type TIME", Break: by(ofDay), Fails: []string{"order.fine"}},
		{
			Name: "twelve-hours", Story: "hh where HH was meant",
			Break: by(func(t time.Time) time.Time {
				h := t.Hour() % 12
				return time.Date(t.Year(), t.Month(), t.Day(), h, t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
			}),
			Fails: []string{"order.fine"},
		},
		{
			Name: "hours-as-text", Story: "a locale's writing is compared as text",
			Break: by(func(t time.Time) time.Time {
				// 9 is after 10, as texts are.
				order := map[bool]int{true: 0, false: 12}[t.Hour() >= 10 && t.Hour() < 20]
				return t.Truncate(24 * time.Hour).Add(time.Duration(order)*time.Hour + time.Duration(t.UnixMilli()%(36e5))*time.Millisecond)
			}),
			Fails: []string{"order.fine"},
		},
		{
			Name: "year-last", Story: "m/d/Y is compared as text",
			Break: by(func(t time.Time) time.Time {
				return time.Date(2000, t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), time.UTC)
			}),
			Fails: []string{"order.fine"},
		},
	}
	out = append(out,
		Flaw{Name: "int-milliseconds", Story: "Date.parse(event_ts) | 0", Break: by(func(t time.Time) time.Time { return time.UnixMilli(int64(int32(t.UnixMilli()))) }), Fails: []string{"order.fine"}},
		Flaw{Name: "unsigned-milliseconds", Story: "an unsigned number of 32 bits", Break: by(func(t time.Time) time.Time { return time.UnixMilli(int64(uint32(t.UnixMilli()))) }), Fails: []string{"order.fine"}},
		Flaw{Name: "int-difference", Story: "the milliseconds since the customer's first event, in an int", Break: sinceFirst, Fails: []string{"order.fine"}},
	)
	local := func(t time.Time) time.Time {
		// The first Sunday of November, at two o'clock in the morning in New York.
		change := time.Date(t.Year(), time.November, 1, 6, 0, 0, 0, time.UTC)
		change = change.AddDate(0, 0, (7-int(change.Weekday()))%7)
		if t.Before(change) {
			return t.Add(-4 * time.Hour)
		}
		return t.Add(-5 * time.Hour)
	}
	out = append(out, Flaw{Name: "local-time", Story: "a column of type DATETIME, in the server's zone", Break: by(local), Fails: []string{"order.fine"}})
	for i := range out {
		out[i].Only = []string{"order"}
	}
	return out
}

// sinceFirst keeps times as the milliseconds since the customer's first event, in 32 bits.
func sinceFirst(r *Receiver) {
	var first sync.Map
	storing(func(r *Receiver, e *Event) {
		began, _ := first.LoadOrStore(e.Text("ccid"), e.TS)
		base := began.(time.Time)
		e.TS = base.Add(time.Duration(int32(e.TS.Sub(base).Milliseconds())) * time.Millisecond)
		r.State.Commit([]Event{*e}, r.Key)
	})(r)
}

// idOf is the event_id as it was sent.
func idOf(e *Event) string {
	var id string
	_ = json.Unmarshal(e.Top()["event_id"], &id) // it was read before
	return id
}

// keptBody and bodyPage are what the page of Bodies shows.
type keptBody struct {
	Name    string         `json:"name"`
	Body    string         `json:"body"`
	Payload map[string]any `json:"payload"`
}

type bodyPage struct {
	Kept   []keptBody     `json:"kept"`
	Labels map[string]int `json:"actions"`
}

// Bodies makes a good receiver that shows its events as they came, and counts
// actions by label; it keeps no character that PostgreSQL does not take.
func Bodies(r *Receiver) {
	var mu lock
	pages, seen := map[string]*bodyPage{}, map[string]bool{}
	store := r.Store
	r.Store = func(req *http.Request, events []Event) int {
		mu.Lock()
		defer mu.Unlock()
		for i := range events {
			e := &events[i]
			if !known(e.Name) || seen[e.ID] {
				continue
			}
			seen[e.ID] = true
			p := pages[e.Text("ccid")]
			if p == nil {
				p = &bodyPage{Labels: map[string]int{}}
				pages[e.Text("ccid")] = p
			}
			if e.Name == "message.action_taken" {
				p.Labels[strings.ReplaceAll(e.Text("action_label"), "\x00", "\uFFFD")]++
			}
			p.Kept = append(p.Kept, keptBody{e.Name, strings.ReplaceAll(string(e.Raw), `\u0000`, ""), e.Payload})
		}
		return store(req, events)
	}
	r.Page = func(w http.ResponseWriter, ccid string) {
		mu.Lock()
		defer mu.Unlock()
		_ = json.NewEncoder(w).Encode(pages[ccid]) // the reader may be gone
	}
}
