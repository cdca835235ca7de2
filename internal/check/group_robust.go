package check

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"relayctl/internal/sim"
)

// robustChecks is the group "robust".
func robustChecks() []Check {
	return []Check{robustMalformed(), robustSlowClient()}
}

func robustMalformed() Check {
	return Check{
		ID: "robust.malformed", Level: Should, Clause: "R-500", Alone: true, Limit: 90 * time.Second,
		Title: "a body that is no event gets an answer, and not a 5xx",
		Why:   "a 500 makes the same body come four times, a hang holds a worker back until the deadline; and whatever a broken body does, the next event must be taken",
		How:   "sends, with valid credentials, bodies that are cut off, empty, of the wrong types, deeply nested, with double keys, with broken UTF-8, and of 1 MiB; 4xx and 2xx are both fine; between them plain events must be accepted",
		Fix:   "catch what the parser and the first look at the event throw, and answer 400 (or 200, with a line in the log)",
		Run:   runMalformed,
	}
}

// nesting is how deep the deepest body goes; parsers with a bound of their own
// refuse it, those that recurse must not fall over it.
const nesting = 500

// recovery is how long a receiver that a body has ended is given to come back.
const recovery = 2 * time.Second

// brokenBody is a body that is no event, or an odd one.
type brokenBody struct {
	name string
	body []byte
}

func (t *Trial) brokenBodies(ctx context.Context) []brokenBody {
	p := t.introduced(ctx)
	n := 0
	message := func() []byte {
		n++
		return write(p, sim.Step{Event: "message.delivered", Message: n}).Body
	}
	whole := message()
	replaced := func(old, new string) []byte { return bytes.Replace(message(), []byte(old), []byte(new), 1) }
	return []brokenBody{
		{"cut off", whole[:len(whole)/2]},
		{"empty", nil},
		{"no JSON", []byte("event_name=message.delivered&event_id=1")},
		{"null", []byte("null")},
		{"a number", []byte("42")},
		{"a text", []byte(`"event"`)},
		{"an empty object", []byte("{}")},
		{"a payload that is a text", []byte(`{"event_id":"1","event_name":"message.delivered","event_ts":"2022-04-12T14:53:11.958Z","payload":"none"}`)},
		{"a payload that is null", []byte(`{"event_id":"1","event_name":"message.delivered","event_ts":"2022-04-12T14:53:11.958Z","payload":null}`)},
		{"numbers for texts", []byte(`{"event_id":1,"event_name":2,"event_ts":3,"payload":{"ccid":4}}`)},
		{"an event_ts that is no time", replaced(`"event_ts":"2`, `"event_ts":"yesterday, 2`)},
		{"deep", []byte(strings.Repeat("[", nesting) + strings.Repeat("]", nesting))},
		{"a deep payload", replaced(`"action_type":null`, `"action_type":`+strings.Repeat("[", nesting)+strings.Repeat("]", nesting))},
		{"double keys", replaced(`{"event_id"`, `{"event_id":"first","event_id"`)},
		{"broken UTF-8", replaced(`"client_message_tag":"`, "\"client_message_tag\":\"\xff\xfe\xc3")},
		{"a NUL", replaced(`"client_message_tag":"`, `"client_message_tag":"\u0000`)},
		{"1 MiB", replaced(`"client_message_tag":"`, `"client_message_tag":"`+strings.Repeat("x", 1<<20))},
	}
}

func runMalformed(ctx context.Context, t *Trial) Result {
	if why := t.Control(ctx); why != "" {
		return BlockedBy(why)
	}
	var subs []Sub
	for _, b := range t.brokenBodies(ctx) {
		x := t.Post(ctx, sim.Call{Body: b.body})
		if x.Answer.Status == http.StatusInternalServerError {
			x = t.Post(ctx, sim.Call{Body: b.body}) // one that heals does no harm
		}
		sub := Sub{Name: b.name, Verdict: Pass}
		switch s := x.Answer.Status; {
		case x.Answer.Failure == sim.Cut && len(b.body) >= 1<<20:
			sub = Sub{b.name, Inconclusive, "the connection was closed while the body went out", ""}
		case x.Answer.Failure != sim.NoFailure:
			if why := t.Control(ctx); why != "" {
				// It was well before this body, and is not any more; unless it soon is.
				wait(ctx, recovery)
			}
			sub = t.unanswered(ctx, b.name, x)
		case s >= 500:
			sub = Sub{b.name, Fail, x.Describe(), t.Curl(x.Call)}
		case s == http.StatusTooManyRequests:
			sub = Sub{b.name, Inconclusive, "the endpoint limits the rate (status 429)", ""}
		}
		why := t.Control(ctx)
		if why != "" && sub.Verdict != Fail {
			sub = Sub{b.name, Fail, x.Describe() + ", and afterwards " + why, t.Curl(x.Call)}
		}
		subs = append(subs, sub)
		if why != "" || ctx.Err() != nil || sub.Verdict == Fail && x.Answer.Failure == sim.Timeout {
			break // one hang shows it; each takes the deadline twice
		}
	}
	r := sum("an answer below 500 (400, or 200), and the next event accepted", subs)
	if r.Verdict == Inconclusive && len(subs) > 1 {
		r.Verdict = Pass // what was answered was answered well
	}
	return r
}

func robustSlowClient() Check {
	return Check{
		ID: "robust.slow-client", Level: Should, Clause: "R-WORKERS", Alone: true, Limit: time.Minute,
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
	stalled, err := t.stall(ctx, t.Event("message.delivered").Body)
	if err != nil {
		return Unclear("the slow client could not connect: " + tlsText(err))
	}
	defer stalled.Close()
	// So that the endpoint has surely taken up the slow request first.
	wait(ctx, 200*time.Millisecond)
	x := t.Deliver(ctx, d)
	if x.Accepted() {
		return Passed()
	}
	stalled.Close()
	if x.Answer.Failure == sim.NoFailure && x.Answer.Status < 500 {
		return Unclear("a valid event beside the slow client: " + x.Describe())
	}
	if why := t.Control(ctx); why != "" {
		return BlockedBy(why + ", after the slow client was gone")
	}
	return Failed(fmt.Sprintf("a valid event on another connection is accepted within %s", t.Timeout), x.Describe()+" while one client stalls; accepted once it is gone", t.stallCommand(x.Call))
}

// stall sends a request up to the middle of its body.
func (t *Trial) stall(ctx context.Context, body []byte) (net.Conn, error) {
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

// stallCommand stalls with one curl and calls with another.
func (t *Trial) stallCommand(k sim.Call) string {
	return "(printf '{'; sleep 30) | curl -sS -X POST -T - -H 'Content-Type: application/json' " + t.shellURL() + " & sleep 1; " + t.Curl(k)
}
