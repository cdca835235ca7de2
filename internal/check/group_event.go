package check

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf16"

	"relayctl/fixtures"
	"relayctl/internal/check/state"
	"relayctl/internal/event"
	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// eventChecks is the group "event".
func eventChecks() []Check {
	return append([]Check{eventAccept(), eventSamples(), eventUnicode(), eventContentType(), eventOld(), eventIDForms()}, eventEffects()...)
}

func eventAccept() Check {
	return Check{
		ID: "event.accept", Level: Must, Clause: "R-200", Despite: []Obstacle{NotAccepted},
		Title: "every event of the catalogue is accepted",
		Why:   "an event that is answered with anything but 200 is lost, or comes four times and is then lost",
		How:   "delivers the life of a customer in its order, every event of the catalogue once, the click under both of its names",
		Fix:   "answer 200 to every event that could be read and stored; what the application cannot use it logs and still answers 200",
		Run:   runAccept,
	}
}

// lives are two customers' events, each in the order in which they happen, that
// together show every event there is.
func lives() [][]plan.Step {
	return [][]plan.Step{{
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
	fix := ""
	for _, life := range lives() {
		p := t.Customer()
		for i, st := range life {
			st.At = time.Duration(i) * 100 * time.Millisecond
			x := t.Deliver(ctx, write(p, st))
			if i == 0 && len(subs) == 0 && explainedElsewhere(t, x.Answer.Status) {
				return BlockedBy("nothing can be said of the events: " + x.Describe() + location(x.Answer.Header))
			}
			if i == 0 && len(subs) == 0 {
				fix = t.fixOfRefusal(x.Answer.Status)
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
	// Relay's example has another name for the click than its page.
	name := "notification.auth_link_used"
	click, used := step(30, "notification.auth_link_clicked", 1, 1), step(30, name, 1, 1)
	if at, ok := seen[name]; ok && subs[at].Verdict == Pass {
		subs[at] = t.variations(ctx, []variation{{name: name, usual: []plan.Step{click}, unusual: []plan.Step{used}}})[0]
	}
	r := sum("200 for each of them, and the effect of a click for both of its names", subs)
	r.Fix = fix
	return r
}

// fixOfRefusal is what to do about the status that refused the plainest event, "" where
// the event's content may be the reason.
func (r *run) fixOfRefusal(status int) string {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		if !r.authenticates() {
			return strings.TrimSuffix("configure the credentials that the endpoint expects: "+r.Advice.Credentials, ": ")
		}
		return "compare the credentials on both sides: see auth.valid"
	case http.StatusNotFound, http.StatusMethodNotAllowed:
		return "look at the path of the URL, and at whether it is this program that answers there: it takes no POST at that path"
	}
	return ""
}

// explainedElsewhere says whether another check explains that nothing is
// accepted: auth.valid or http.no-redirect.
func explainedElsewhere(t *Trial, status int) bool {
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
					sub := t.take(ctx, s.Name, wire.Call{Body: s.Body})
					if strings.Contains(sub.Actual, "status 409") {
						sub.Verdict, sub.Actual = Skip, "taken for a duplicate of an earlier run (409), which duplicate.accepted reports"
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
		How:   "delivers events with other scripts, emoji, \\u escapes, addresses, texts that a firewall takes for an attack, values of 255 letters that take two bytes each, the keys in another order, and indented; where the probe shows the texts, letters must not have become others (Ã¼, ?)",
		Fix:   "read the body with a JSON parser as UTF-8, and keep it in a column that takes all of Unicode (MySQL: utf8mb4) and whose length is in characters (Oracle: VARCHAR2(255 CHAR)); where a web application firewall refuses a text, switch off its rules about bodies for the webhook's path",
		Run:   func(ctx context.Context, t *Trial) Result { return t.take200(ctx, append(texts(), t.letters(ctx)...)) },
	}
}

// message is the usual event of most variations: the message of that number.
func message(number int) plan.Step { return step(30, "message.delivered", 1, number) }

// texts are variations of what JSON allows.
func texts() []variation {
	var list []variation
	for _, text := range []struct {
		name, value string
		letters     bool // that may not be replaced by others
	}{
		{"accents", "Überfällig-café", true},
		{"other scripts", "支付提醒-تذكير-Напоминание", true},
		{"emoji", "🚀👩‍👩‍👧", false},
		{"characters beyond the BMP", "𠮷𝒳𐍈", false},
		{"apostrophes and quotes", `O'Neill's"''""` + "`", false},
		{"backslashes", `C:\new\table\`, false},
		{"what means something to others", `%s${a}{{b}}<b>&amp;;--`, false},
		{"the address of a page", "https://bank.example.com/pay?next=https://bank.example.com/&id=7#top", false},
		{"what a firewall takes for an attack", `<script>alert(1)</script> ' OR 1=1; DROP TABLE events; -- ../../etc/passwd ${jndi:ldap://a}`, false},
		{"what ends a line for some", "one\u2028two\u0085three", false},
		{`the character \u0000`, "\x00", false},
	} {
		value := state.Marker + text.value
		action := step(30, "message.action_taken", 1, 1)
		list = append(list,
			unusual(text.name, message(2), set("payload.message_name", value), set("payload.client_message_tag", value)),
			unusual(text.name+" in an action", action, set("payload.action_label", value), set("payload.action_value", value)),
		)
		if text.letters {
			list[len(list)-2].text, list[len(list)-1].text = value, value
		}
	}
	for i := range list {
		list[i].free = []string{"client_message_tag"}
	}
	return append(list,
		rewritten(`\u escapes`, message(2), escaped),
		rewritten("keys in another order", message(2), reordered),
		rewritten("white space", message(2), spaced),
		rewritten("white space before colons and commas", message(2), wide),
	)
}

// letters are values that are as long as Relay allows, in letters and not in bytes. What
// is not taken as long without accents either is for event.id-forms to say.
func (t *Trial) letters(ctx context.Context) []variation {
	filled := func(start string) string { return start + strings.Repeat("é", longID-len(start)) }
	name := func(what string) string {
		return fmt.Sprintf("%s of %d letters, most of them with accents", what, longID)
	}
	action := func(text string) plan.Step {
		st := step(30, "message.action_taken", 1, 1)
		st.Set = []event.Override{set("payload.action_label", text), set("payload.action_value", text)}
		return st
	}
	values := variation{name: name("an action_label and an action_value"), unusual: []plan.Step{action(filled(state.Marker))}}
	plain := func(start string) string { return start + strings.Repeat("e", longID-len(start)) }
	values.usual = []plan.Step{action(plain(state.Marker))}
	list := []variation{values}
	named := variation{name: name("a ccid"), usual: []plan.Step{message(2)}, ccid: plain(t.Customer().CCID() + "-"), odd: true}
	if events := t.subjectOf(named, true).events; t.Deliver(ctx, events[len(events)-1]).Accepted() {
		named.ccid = filled(t.Customer().CCID() + "-")
		list = append(list, named)
	}
	return list
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
		panic(err) // cannot happen: it was written here
	}
	return fmt.Appendf(nil, `{"payload":%s,"event_ts":%s,"event_name":%s,"event_id":%s}`, e.Payload, e.TS, e.Name, e.ID)
}

// spaced indents an envelope and puts white space around it.
func spaced(body []byte) []byte {
	var b bytes.Buffer
	b.WriteString(" \r\n")
	if err := json.Indent(&b, body, "", "\t"); err != nil {
		panic(err) // cannot happen: it was written here
	}
	b.WriteString("\r\n ")
	return b.Bytes()
}

// wide writes an envelope with a space wherever one may stand.
func wide(body []byte) []byte {
	return rewriteTokens(body, func(token string) string { return token + " " })
}

// escaped writes every character of an envelope's texts as an escape.
func escaped(body []byte) []byte {
	return rewriteTokens(body, func(token string) string {
		var text string
		if json.Unmarshal([]byte(token), &text) != nil {
			return token // it is not a text
		}
		var b strings.Builder
		for _, unit := range utf16.Encode([]rune(text)) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
		return `"` + b.String() + `"`
	})
}

// jsonToken is a text, another value, or a sign of JSON.
var jsonToken = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`"(?:[^"\\]|\\.)*"|[^\s"{}\[\]:,]+|[{}\[\]:,]`) })

func rewriteTokens(body []byte, rewrite func(token string) string) []byte {
	return jsonToken().ReplaceAllFunc(body, func(token []byte) []byte { return []byte(rewrite(string(token))) })
}

func eventContentType() Check {
	return Check{
		ID: "event.content-type", Level: Must, Clause: "R-JSON",
		Title: "application/json is taken with a charset and in any letter case",
		Why:   "a proxy or a new version of the sender may add a charset; both writings mean the same (RFC 9110, 8.3)",
		How:   "delivers events with application/json; charset=utf-8, with a quoted charset, and in other letter cases",
		Fix:   "compare the media type alone and without regard to case, or leave it to the framework",
		Run: func(ctx context.Context, t *Trial) Result {
			var list []variation
			for _, ct := range []string{"application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON"} {
				list = append(list, variation{name: ct, usual: []plan.Step{message(2)}, call: func(k wire.Call) wire.Call {
					k.ContentType = ct
					return k
				}})
			}
			return t.take200(ctx, list)
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
			var list []variation
			for _, age := range []struct {
				name string
				days float64
			}{{"six hours ago", 0.25}, {"three days ago", 3}, {"thirty days ago", 30}, {"two hundred days ago", 200}} {
				ago := time.Duration(age.days * 24 * float64(time.Hour))
				list = append(list, variation{name: age.name, usual: []plan.Step{message(2)}, ago: ago})
			}
			return t.take200(ctx, list)
		},
	}
}

// longID is how long the longest event_id is that has to be taken: the length
// that Relay allows its clients' own ids.
const longID = 255

func eventIDForms() Check {
	return Check{
		ID: "event.id-forms", Level: Must, Clause: "R-ID",
		Title: "ids and values of every form are accepted",
		Why:   "event_id is opaque: Relay's own examples have an upper-case UUID and a text with a host's name in it; a ccid is the company's own text, a trigger_id can be a name that the company made, and a value can have 255 characters",
		How:   "delivers events with ids of the forms of the examples, UUIDs in lower case, ids of 255 characters and ids that begin alike, with ccids that are long, numbers, or have zeros in front, with a trigger_id that is not a UUID, and with texts of 255 characters; with a probe each must have the effect of a usual event",
		Fix:   "keep ids as texts of at least 255 characters, compare them whole and as they are, and read nothing into them",
		Run:   func(ctx context.Context, t *Trial) Result { return t.take200(ctx, t.idForms()) },
	}
}

// idForms are variations of ids and of long values. Their ids are fresh in every run.
func (t *Trial) idForms() []variation {
	fresh := func() string { return t.Event("message.delivered").Events[0].ID }
	filled := func(s string, n int) string { return s + strings.Repeat("m", n-len(s)) }
	var list []variation
	for _, f := range []struct{ name, id string }{
		{"a UUID in lower case", strings.ToLower(fresh())},
		{"a UUID in upper case", strings.ToUpper(fresh())},
		{"an event_id with a host's name", "ip-10-3-0-224-668176-8h-" + fresh() + "-1mha"},
		{fmt.Sprintf("an event_id of %d characters", longID), filled("ip-10-3-0-224-668176-8h-"+fresh()+"-", longID)},
	} {
		list = append(list, unusual(f.name, message(2), set("event_id", f.id)))
	}
	for _, n := range []int{36, 64, 128, longID - 1} {
		start := filled(fresh(), n)
		list = append(list, beginAlike(fmt.Sprintf("two event_ids that have their first %d characters in common", n), start))
	}
	ccid := t.Customer().CCID()
	digits := strconv.FormatUint(1+hash(ccid)%900_000_000, 10)
	for _, f := range []struct{ name, ccid string }{
		{fmt.Sprintf("a ccid of %d characters", longID), filled(ccid+"-", longID)},
		{"a ccid of digits with zeros in front", "000" + digits},
		{"a ccid of twenty digits", strings.Repeat("7", 20-len(digits)) + digits},
		{"a ccid that is an e-mail address", "Jane.Doe-" + digits + "@example.com"},
	} {
		list = append(list, variation{name: f.name, usual: []plan.Step{message(2)}, ccid: f.ccid})
	}
	long := filled(state.Marker, longID)
	action := step(30, "message.action_taken", 1, 1)
	texts := []variation{
		unusual("a trigger_id that is a name", message(2), set("payload.trigger_id", "Delivery-Reminder-2")),
		unusual(fmt.Sprintf("a message_name and a tag of %d characters", longID), message(2), set("payload.message_name", long), set("payload.client_message_tag", long)),
		unusual(fmt.Sprintf("an action_label and an action_value of %d characters", longID), action, set("payload.action_label", long), set("payload.action_value", long)),
	}
	for i := range texts {
		texts[i].free = []string{"client_message_tag", "trigger_id"}
	}
	return append(list, texts...)
}

// beginAlike are two events whose ids differ in their last character only.
func beginAlike(name, start string) variation {
	v := variation{name: name, usual: []plan.Step{message(2), message(3)}}
	for i, st := range v.usual {
		st.Set = []event.Override{set("event_id", start+strconv.Itoa(i+1))}
		v.unusual = append(v.unusual, st)
	}
	return v
}

// eventEffects are the checks of what accepted events do to the state.
func eventEffects() []Check {
	return []Check{{
		ID: "event.effect", Level: Must, Clause: "R-200",
		Title: "an accepted event shows in the state",
		Why:   "200 tells Relay to forget the event: what was not stored by then is lost",
		How:   "sends a customer's history and looks whether what the probe shows has changed, and the same history of three more customers, with others' events in between, which has to end in the same state. A single event has to show in every reading, over whatever connection",
		Fix:   "store the event before you answer 200, and answer 500 where that fails (a database that is locked); if it is stored, let the probe show it: its URL or command may look at another place",
		Needs: []Need{NeedProbe}, Run: hasEffect,
	}, {
		ID: "event.opposites", Level: Must, Clause: "R-NAME",
		Title: "events that say opposite things do not lead to one state",
		Why:   "a name that contains another one (undelivered), a value that is true because it is not empty (stop), or a handler under a name that Relay does not send turns what an event says into its opposite",
		How:   "tells two customers opposite things after the same beginning: delivered and undelivered, opted in and opted out, added and removed; where the first one shows by more than counts, the states must differ. A receipt should show also where its notification.attempted never comes: it may be one of those that Relay gave up, or that are not configured",
		Fix:   "compare the whole event_name, and current_consent with each of its values; look whether a handler exists for each name of the catalogue. A receiver that means to show both alike leaves this check out",
		Needs: []Need{NeedProbe}, Run: probed(oppositeEvents),
	}}
}

// oneState is what to do where workers do not know of each other.
const oneState = "where several processes or connections serve the endpoint, let them share one state: rows and event_ids belong into the database, and what a process has in its memory or its cache is old as soon as another one writes"

func hasEffect(ctx context.Context, t *Trial) Result {
	f := t.checkProbe(ctx)
	switch {
	case f.unseen:
		return Failed("the probe shows something else after a customer's events than before them", f.blocked, itself())
	case f.inPart:
		r := Failed("every reading shows what was accepted", f.blocked, itself())
		r.Fix = oneState
		return r
	case f.differs:
		r := Failed("the same events, once and in order, have the same effect for every customer", f.blocked, itself())
		r.Fix = "look for what is lost or stays: an error that is logged, work that is not waited for; and " + oneState
		return r
	case f.blocked != "":
		return BlockedBy(f.blocked)
	}
	r := Passed()
	if left := t.states.ignored(); len(left) > 0 {
		r.Actual = "left out of comparisons, for it changes by itself: " + strings.Join(left, ", ")
	}
	return r
}
