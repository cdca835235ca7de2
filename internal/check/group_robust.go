package check

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// robustChecks is the group "robust".
func robustChecks() []Check {
	return []Check{robustMalformed(), robustSlowClient()}
}

func robustMalformed() Check {
	return Check{
		ID: "robust.malformed", Level: Must, Clause: "R-500", Alone: true, Limit: 90 * time.Second,
		Title: "a body that is not an event gets an answer, and not a 5xx",
		Why:   "a 500 makes the same body come four times, a hang holds a worker back until the deadline; and whatever a broken body does, the next event must be taken",
		How:   "sends, with valid credentials, bodies that are cut off, empty, of the wrong types, with double keys, with broken UTF-8, of 1 MiB, and nested 100 to 100,000 deep; 4xx and 2xx are both fine, a 5xx warns; between them plain events must be accepted. An idle connection that breaks shows that the process ended, even if it was started again at once; with a probe, a state that is gone shows it too. Events of a new customer that have no effect afterwards show that a queue has stopped",
		Fix:   "catch what the parser and the first look at the event throw, and answer 400 (or 200, with a line in the log); catch it in the loop that takes events from a queue as well, and go on with the next one",
		Run:   runMalformed,
	}
}

// nestings are how deep bodies go: parsers with a bound of their own refuse them,
// those that recurse must not fall over them, nor what walks through the event
// after the answer.
func nestings() []int { return []int{100, 500, 1000, 10_000, 100_000} }

// deepBodies are events and arrays that are nested deeply.
func deepBodies(event func() []byte) []brokenBody {
	var list []brokenBody
	for _, n := range nestings() {
		arrays := strings.Repeat("[", n) + strings.Repeat("]", n)
		objects := strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n)
		with := func(value string) []byte {
			return bytes.Replace(event(), []byte(`"action_type":null`), []byte(`"action_type":`+value), 1)
		}
		list = append(list,
			brokenBody{fmt.Sprintf("arrays %d deep", n), []byte(arrays)},
			brokenBody{fmt.Sprintf("a property of arrays %d deep", n), with(arrays)},
			brokenBody{fmt.Sprintf("a property of objects %d deep", n), with(objects)},
		)
	}
	return list
}

// brokenBody is a body that is not an event, or an odd one.
type brokenBody struct {
	name string
	body []byte
}

func brokenBodies(ctx context.Context, t *Trial) []brokenBody {
	p := t.introduced(ctx)
	n := 0
	message := func() []byte {
		n++
		return write(p, plan.Step{Event: "message.delivered", Message: n}).Body
	}
	whole := message()
	replaced := func(old, new string) []byte { return bytes.Replace(message(), []byte(old), []byte(new), 1) }
	return append([]brokenBody{
		{"cut off", whole[:len(whole)/2]},
		{"empty", nil},
		{"no JSON", []byte("event_name=message.delivered&event_id=1")},
		{"null", []byte("null")},
		{"a number", []byte("42")},
		{"a text", []byte(`"event"`)},
		{"an empty object", []byte("{}")},
		{"an empty batch", []byte("[]")},
		{"an empty batch in an object", []byte(`{"batch":[]}`)},
		{"a payload that is a text", []byte(`{"event_id":"1","event_name":"message.delivered","event_ts":"2022-04-12T14:53:11.958Z","payload":"none"}`)},
		{"a payload that is null", []byte(`{"event_id":"1","event_name":"message.delivered","event_ts":"2022-04-12T14:53:11.958Z","payload":null}`)},
		{"numbers for texts", []byte(`{"event_id":1,"event_name":2,"event_ts":3,"payload":{"ccid":4}}`)},
		{"an event_ts that is not a time", replaced(`"event_ts":"2`, `"event_ts":"yesterday, 2`)},
		{"double keys", replaced(`{"event_id"`, `{"event_id":"first","event_id"`)},
		{"broken UTF-8", replaced(`"client_message_tag":"`, "\"client_message_tag\":\"\xff\xfe\xc3")},
		{"a NUL", replaced(`"client_message_tag":"`, `"client_message_tag":"\u0000`)},
		{"1 MiB", replaced(`"client_message_tag":"`, `"client_message_tag":"`+strings.Repeat("x", 1<<20))},
	}, deepBodies(message)...)
}

func runMalformed(ctx context.Context, t *Trial) Result {
	line := newLifeline(ctx, t)
	defer line.close()
	known := knownCustomer(ctx, t)
	if why := t.Control(ctx); why != "" {
		return BlockedBy(why)
	}
	var subs []Sub
	for _, b := range brokenBodies(ctx, t) {
		sub, end := tryBroken(ctx, t, line, b)
		subs = append(subs, sub)
		if end || ctx.Err() != nil {
			break
		}
	}
	if why := cmp.Or(known.forgotten(ctx, t), known.idle(ctx, t)); why != "" {
		subs = append(subs, Sub{"all of them", Fail, why, itself()})
	}
	r := sum("an answer below 500 (400, or 200), and the next event accepted", subs)
	switch {
	case r.Verdict == Warn:
		r.Verdict, r.Reason = Fail, ""
		return lesser(r) // a 5xx comes again and is then given up: nothing that could be used is lost
	case r.Verdict == Inconclusive && len(subs) > 1:
		r.Verdict = Pass // what was answered was answered well
	}
	return r
}

// tryBroken sends a body and then a plain event, and says whether that was the
// end: one hang shows it, for each takes the deadline twice.
func tryBroken(ctx context.Context, t *Trial, line *lifeline, b brokenBody) (sub Sub, end bool) {
	x := t.Post(ctx, wire.Call{Body: b.body})
	if x.Answer.Status == http.StatusInternalServerError {
		x = t.Post(ctx, wire.Call{Body: b.body}) // one that heals does no harm
	}
	sub = Sub{Name: b.name, Verdict: Pass}
	switch s := x.Answer.Status; {
	case x.Answer.Failure == wire.Cut && len(b.body) >= 1<<20:
		sub = Sub{b.name, Inconclusive, "the connection was closed while the body went out", nil}
	case x.Answer.Failure != wire.NoFailure:
		if why := t.Control(ctx); why != "" {
			// It was well before this body, and is not any more; unless it soon is.
			wait(ctx, t.Waits.Revive)
		}
		sub = t.unanswered(ctx, b.name, x)
	case s >= 500:
		sub = Sub{b.name, Warn, x.Describe(), t.repeatCall(x.Call)}
	case s == http.StatusTooManyRequests:
		sub = Sub{b.name, Inconclusive, "the endpoint limits the rate (status 429)", nil}
	}
	if x.Answer.Failure != wire.Timeout && line.broken() && line.brokenBy(ctx, x.Call) {
		return Sub{b.name, Fail, x.Describe() + ", and the process ends: all of its connections break", t.repeatCall(x.Call)}, true
	}
	why := t.Control(ctx)
	if why != "" && sub.Verdict != Fail {
		sub = Sub{b.name, Fail, x.Describe() + ", and afterwards " + why, t.repeatCall(x.Call)}
	}
	return sub, why != "" || sub.Verdict == Fail && x.Answer.Failure == wire.Timeout
}

func robustSlowClient() Check {
	return Check{
		ID: "robust.slow-client", Level: Must, Clause: "R-WORKERS", Alone: true, Limit: time.Minute,
		Title: "a client that stalls does not keep others from being served",
		Why:   "one caller on a bad line, or a stranger who means harm, would hold back all of Relay's events until they time out",
		How:   "sends half of a request on one connection and stops; a valid event on another must be accepted within the deadline",
		Fix:   "serve more than one connection at a time (threads, workers, an event loop), put a buffering proxy in front, and set a deadline for reading a request",
		Run:   runSlowClient,
	}
}

func runSlowClient(ctx context.Context, t *Trial) Result {
	if why := t.Control(ctx); why != "" {
		return BlockedBy(why)
	}
	d := t.Event("notification_channel.add")
	stalled, err := stall(ctx, t, t.Event("message.delivered").Body)
	if err != nil {
		return Unclear("the slow client could not connect: " + tlsText(err))
	}
	defer stalled.Close()
	// So that the endpoint has surely taken up the slow request first.
	wait(ctx, t.Waits.Stall)
	x := t.Deliver(ctx, d)
	if x.Accepted() {
		return Passed()
	}
	stalled.Close()
	if x.Answer.Failure == wire.NoFailure && x.Answer.Status < 500 {
		return Unclear("a valid event beside the slow client: " + x.Describe())
	}
	if why := t.Control(ctx); why != "" {
		return BlockedBy(why + ", after the slow client was gone")
	}
	again := t.repeatCall(x.Call)
	again.Stalled = true
	return Failed(fmt.Sprintf("a valid event on another connection is accepted within %s", t.Timeout), x.Describe()+" while one client stalls; accepted once it is gone", again)
}

// stall sends a request up to the middle of its body.
func stall(ctx context.Context, t *Trial, body []byte) (net.Conn, error) {
	signed, err := t.Sign(ctx)
	if err != nil {
		return nil, err
	}
	conn, err := t.dial(ctx)
	if err != nil {
		return nil, err
	}
	u, err := url.Parse(t.URL)
	if err != nil {
		return nil, err
	}
	if strings.EqualFold(u.Scheme, "https") {
		conf := &tls.Config{MinVersion: tls.VersionTLS12}
		if t.TLS != nil {
			conf = t.TLS.Clone()
		}
		conf.ServerName, conf.NextProtos = t.serverName(), []string{"http/1.1"}
		conn = tls.Client(conn, conf)
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: relayctl\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", u.RequestURI(), u.Host, len(body))
	for _, h := range append(t.Headers, signed...) {
		fmt.Fprintf(&b, "%s: %s\r\n", h.Name, h.Value)
	}
	b.WriteString("\r\n")
	b.Write(body[:len(body)/2])
	if _, err := conn.Write(b.Bytes()); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}
