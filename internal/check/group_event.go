package check

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"relayctl/fixtures"
	"relayctl/internal/event"
	"relayctl/internal/sim"
)

// eventChecks is the group "event".
func eventChecks() []Check {
	return append([]Check{eventAccept(), eventSamples(), eventUnicode(), eventContentType(), eventOld(), eventIDForms()}, eventEffects()...)
}

func eventAccept() Check {
	return Check{
		ID: "event.accept", Level: Must, Clause: "R-200", Despite: []Trouble{Refused},
		Title: "every event of the catalogue is accepted",
		Why:   "an event that is answered with anything but 200 is lost, or comes four times and is then lost",
		How:   "delivers the life of a customer in its order, every event of the catalogue once, the click under both of its names",
		Fix:   "answer 200 to every event that could be read and stored; what the application cannot use it logs and still answers 200",
		Run:   runAccept,
	}
}

// lives are two customers' events, each in the order in which they happen, that
// together show every event there is.
func lives() [][]sim.Step {
	return [][]sim.Step{{
		{Event: "notification_channel.add"},
		{Event: "channel_consent.update", Consent: "express"},
		{Event: "message.delivered"},
		{Event: "notification.attempted"},
		{Event: "notification.delivered"},
		{Event: "notification.auth_link_clicked"},
		{Event: "notification.auth_link_used"},
		{Event: "message.action_taken"},
		{Event: "message.delivered", Message: 2},
		{Event: "notification.attempted", Message: 2},
		{Event: "notification.undelivered", Message: 2},
		{Event: "channel_consent.update", Consent: "stop"},
		{Event: "message.delivered", Message: 3},
		{Event: "notification.not_attempted", Message: 3},
		{Event: "notification_channel.remove"},
		{Event: "account.deactivate"},
	}, {
		{Event: "notification_channel.add"},
		{Event: "message.undelivered"},
	}}
}

func runAccept(ctx context.Context, t *Trial) Result {
	var subs []Sub
	seen := map[string]int{}
	for _, life := range lives() {
		p := t.Customer()
		for i, st := range life {
			st.At = time.Duration(i) * 100 * time.Millisecond
			x := t.Deliver(ctx, write(p, st))
			if i == 0 && len(subs) == 0 && t.othersMatter(x.Answer.Status) {
				return BlockedBy("nothing can be said of the events: " + x.Describe() + location(x.Answer.Header))
			}
			sub := t.judge(ctx, st.Event, x)
			if at, again := seen[st.Event]; !again {
				seen[st.Event] = len(subs)
				subs = append(subs, sub)
			} else if subs[at].Verdict == Pass {
				subs[at] = sub
			}
		}
	}
	r := sum("200 for each of them", subs)
	return r
}

// othersMatter says whether it is for another check to tell that nothing is
// accepted: auth.valid or http.no-redirect.
func (t *Trial) othersMatter(status int) bool {
	refused := status == http.StatusUnauthorized || status == http.StatusForbidden
	return refused && t.authenticates() || status >= 300 && status < 400
}

func eventSamples() Check {
	return Check{
		ID: "event.samples", Level: Must, Clause: "R-ENVELOPE",
		Title: "the documentation's own examples are accepted",
		Why:   "they are the only events that are known for certain: null and empty properties, ids of other forms, dates of years ago",
		How:   "delivers the bodies of Relay's page, byte for byte, each once",
		Fix:   "feed the examples to your tests; what refuses them is stricter than Relay",
		Run: func(ctx context.Context, t *Trial) Result {
			return t.after(ctx, func() Result {
				var subs []Sub
				sent := map[string]bool{}
				for _, s := range fixtures.DocSamples() {
					if sent[string(s.Body)] {
						continue // three of them differ in their credentials only
					}
					sent[string(s.Body)] = true
					sub := t.take(ctx, s.Name, sim.Call{Body: s.Body})
					if strings.Contains(sub.Actual, "status 409") {
						sub.Verdict, sub.Actual = Skip, "taken for a duplicate of an earlier run (409), which is duplicate.accepted's matter"
					}
					subs = append(subs, sub)
				}
				return sum("200 for each of them", subs)
			})
		},
	}
}

func eventUnicode() Check {
	return Check{
		ID: "event.unicode", Level: Must, Clause: "R-JSON",
		Title: "any text, key order and white space of JSON is accepted",
		Why:   "names and labels are written by people, with accents and emoji; and nothing promises the order of keys or the absence of spaces",
		How:   "delivers events with other scripts, emoji, \\u escapes, the keys in another order, and indented",
		Fix:   "read the body with a JSON parser as UTF-8, and keep it in a column that takes all of Unicode (MySQL: utf8mb4)",
		Run: func(ctx context.Context, t *Trial) Result {
			return t.after(ctx, func() Result { return sum("200 for each of them", t.unicode(ctx)) })
		},
	}
}

func (t *Trial) unicode(ctx context.Context) []Sub {
	p := t.introduced(ctx)
	n := 0
	message := func(set ...event.Override) sim.Delivery {
		n++
		return write(p, sim.Step{Event: "message.delivered", Message: n, At: time.Duration(n) * 10 * time.Millisecond, Set: set})
	}
	const name = "payload.message_name"
	escaped, err := event.ParseSet(name + `="caf\u00e9 \ud83d\ude80 \u20ac \u005c"`)
	if err != nil {
		panic(err) // cannot be: it is JSON
	}
	return []Sub{
		t.takeEvent(ctx, "accents", message(set(name, "Überfällig: café"))),
		t.takeEvent(ctx, "other scripts", message(set(name, "支付提醒 تذكير Напоминание"))),
		t.takeEvent(ctx, "emoji", message(set(name, "Payment due 🚀👩‍👩‍👧"))),
		t.takeEvent(ctx, `\u escapes`, message(escaped)),
		t.takeCall(ctx, "keys in another order", "message.delivered", sim.Call{Body: reordered(message().Body)}),
		t.takeCall(ctx, "white space", "message.delivered", sim.Call{Body: spaced(message().Body)}),
	}
}

// reordered writes an envelope with its keys the other way round.
func reordered(body []byte) []byte {
	var e struct {
		ID      json.RawMessage `json:"event_id"`
		Name    json.RawMessage `json:"event_name"`
		TS      json.RawMessage `json:"event_ts"`
		Payload json.RawMessage `json:"payload"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		panic(err) // cannot be: it was written here
	}
	return fmt.Appendf(nil, `{"payload":%s,"event_ts":%s,"event_name":%s,"event_id":%s}`, e.Payload, e.TS, e.Name, e.ID)
}

// spaced indents an envelope and puts white space around it.
func spaced(body []byte) []byte {
	var b bytes.Buffer
	b.WriteString(" \r\n")
	if err := json.Indent(&b, body, "", "\t"); err != nil {
		panic(err) // cannot be: it was written here
	}
	b.WriteString("\r\n ")
	return b.Bytes()
}

func eventContentType() Check {
	return Check{
		ID: "event.content-type", Level: Should, Clause: "R-JSON",
		Title: "application/json is taken with a charset and in any letter case",
		Why:   "a proxy or a new version of the sender may add a charset; both writings mean the same (RFC 9110, 8.3)",
		How:   "delivers events with application/json; charset=utf-8, with a quoted charset, and in other letter cases",
		Fix:   "compare the media type alone and without regard to case, or leave it to the framework",
		Run: func(ctx context.Context, t *Trial) Result {
			return t.after(ctx, func() Result {
				p := t.introduced(ctx)
				var subs []Sub
				for i, ct := range []string{"application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"} {
					d := write(p, sim.Step{Event: "message.delivered", Message: i + 1})
					subs = append(subs, t.take(ctx, ct, sim.Call{Body: d.Body, ContentType: ct}))
				}
				return sum("200 for each of them", subs)
			})
		},
	}
}

func eventOld() Check {
	return Check{
		ID: "event.old", Level: Must, Clause: "R-ORDER",
		Title: "events of days ago are accepted",
		Why:   "retries, outages and delayed carriers' receipts make old events; a window against replays, as other webhooks have it, would lose them",
		How:   "delivers events whose event_ts is six hours, three days and thirty days ago",
		Fix:   "take event_ts for the order of events only, and tell duplicates by event_id, never by age",
		Run: func(ctx context.Context, t *Trial) Result {
			return t.after(ctx, func() Result {
				var subs []Sub
				for _, age := range []struct {
					name string
					d    time.Duration
				}{{"six hours ago", 6 * time.Hour}, {"three days ago", 72 * time.Hour}, {"thirty days ago", 720 * time.Hour}} {
					p := t.customerAt(t.Start.Add(-age.d))
					t.Deliver(ctx, write(p, sim.Step{Event: "notification_channel.add"}))
					subs = append(subs, t.takeEvent(ctx, age.name, write(p, sim.Step{Event: "message.delivered", At: time.Second})))
				}
				return sum("200 for each of them", subs)
			})
		},
	}
}

// longID is how long the longest event_id is that has to be taken: the length
// that Relay allows its clients' own ids.
const longID = 255

func eventIDForms() Check {
	return Check{
		ID: "event.id-forms", Level: Must, Clause: "R-ID",
		Title: "ids of every form are accepted",
		Why:   "event_id is opaque: Relay's own examples have an upper-case UUID and a text with a host's name in it; and a trigger_id can be a name that the client made",
		How:   "delivers events with ids of the forms of the examples, a lower-case UUID, one of 255 characters, a ccid of that length, and a trigger_id that is no UUID",
		Fix:   "keep ids as texts of at least 255 characters, compare them as they are, and read nothing into them",
		Run: func(ctx context.Context, t *Trial) Result {
			return t.after(ctx, func() Result {
				p := t.introduced(ctx)
				plain := write(p, sim.Step{Event: "message.delivered"}).Events[0].ID
				long := "ip-10-3-0-224-668176-8h-" + plain + "-"
				long += strings.Repeat("m", longID-len(long))
				forms := []struct{ name, event, path, value string }{
					{"a UUID in lower case", "message.delivered", "event_id", plain},
					{"a UUID in upper case", "message.delivered", "event_id", strings.ToUpper(p.NotificationID(1, 1))},
					{"with a host's name", "message.delivered", "event_id", "ip-10-3-0-224-668176-8h-" + plain + "-1mha"},
					{fmt.Sprintf("of %d characters", longID), "message.delivered", "event_id", long},
					{fmt.Sprintf("a ccid of %d characters", longID), "notification_channel.add", "payload.ccid", p.CCID() + strings.Repeat("c", longID-len(p.CCID()))},
					{"a trigger_id that is a name", "message.delivered", "payload.trigger_id", "Delivery-Reminder-2"},
				}
				var subs []Sub
				for i, f := range forms {
					st := sim.Step{Event: f.event, Message: i + 2, At: time.Duration(i+1) * 10 * time.Millisecond, Set: []event.Override{set(f.path, f.value)}}
					subs = append(subs, t.takeEvent(ctx, f.name, write(p, st)))
				}
				return sum("200 for each of them", subs)
			})
		},
	}
}
