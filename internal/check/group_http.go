package check

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"relayctl/internal/check/state"
	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// httpChecks is the group "http".
func httpChecks() []Check {
	return []Check{httpNoRedirect(), httpPostOnly(), httpKeepalive(), httpPieces(), httpStatus200()}
}

func httpNoRedirect() Check {
	return Check{
		ID: "http.no-redirect", Level: Must, Clause: "R-200", Despite: []Obstacle{NotAccepted},
		Title: "a call is not redirected",
		Why:   "Relay asks for 200; it is not known to follow a redirect, and most clients would turn the POST into a GET",
		How:   "delivers a plain valid event and looks for a 3xx; the redirect is never followed",
		Fix:   "configure the final URL (host, scheme, trailing slash), or let the route answer in its own place",
		Run: func(ctx context.Context, t *Trial) Result {
			x := t.plain(ctx)
			if s := x.Answer.Status; s >= 300 && s < 400 {
				return Failed("200 in this very place", x.Describe()+location(x.Answer.Header), t.repeatCall(x.Call))
			}
			if !x.Accepted() {
				return BlockedBy("a plain valid event was not accepted: " + x.Describe())
			}
			return Passed()
		},
	}
}

// location words where a redirect leads, without what may be secret in it.
func location(h http.Header) string {
	u, err := url.Parse(h.Get("Location"))
	if err != nil || u.String() == "" {
		return ""
	}
	u.User, u.RawQuery, u.Fragment = nil, "", ""
	return " to " + u.String()
}

func httpPostOnly() Check {
	return Check{
		ID: "http.post-only", Level: Should, Clause: "R-HTTPS",
		Title: "a GET is not taken for an event",
		Why:   "crawlers, link checkers and browsers make GET requests; a route that acts on any method does so on theirs",
		How:   "sends a valid event with GET, then a GET without a body, both with valid credentials; 405 is best, any 4xx will do, and a page that says that all is well is worth a warning",
		Fix:   "bind the route to POST, and answer other methods with 405 and Allow: POST",
		Run: func(ctx context.Context, t *Trial) Result {
			return t.Negative(ctx, func() Result { return judgeGet(ctx, t) })
		},
	}
}

func judgeGet(ctx context.Context, t *Trial) Result {
	const expected = "405 with Allow: POST, or another 4xx"
	d := write(t.introduced(ctx), plan.Step{Event: "message.delivered"})
	with := t.Post(ctx, wire.Call{Method: http.MethodGet, Body: d.Body})
	s := with.Answer.Status
	switch {
	case with.Answer.Failure != wire.NoFailure || s == http.StatusTooManyRequests:
		return Unclear("a GET: " + with.Describe())
	case s >= 400 && s < 500, s == http.StatusNotImplemented:
		return Passed()
	case s >= 300:
		return Warned(expected, with.Describe(), t.repeatCall(with.Call))
	}
	without := t.Post(ctx, wire.Call{Method: http.MethodGet})
	if without.Accepted() {
		return Warned(expected, fmt.Sprintf("status %d, with and without an event in the body: a page that says that all is well?", s), t.repeatCall(without.Call))
	}
	return Failed(expected, fmt.Sprintf("a GET with an event in its body is accepted with %d, one without is not (%s)", s, without.Describe()), t.repeatCall(with.Call))
}

func httpKeepalive() Check {
	return Check{
		ID: "http.keepalive", Level: Must, Clause: "R-SCALE",
		Title: "a second event on the same connection is accepted",
		Why:   "a large file brings thousands of calls a minute; a new TCP and TLS handshake for each costs more than the events themselves",
		How:   "delivers two events over one connection. A second event that is refused is lost, and fails the check; a connection that is closed costs time, and is a warning; an endpoint that speaks HTTP/1.0, which keeps no connection, is skipped",
		Fix:   "leave keep-alive on in the server and in the proxy before it, and read the whole body of a request before answering",
		Run:   runKeepalive,
	}
}

func runKeepalive(ctx context.Context, t *Trial) Result {
	if why := t.Control(ctx); why != "" {
		return BlockedBy(why)
	}
	const expected = "the connection stays open, and the second event on it is answered 200"
	p := t.introduced(ctx)
	var r Result
	// A connection can be lost on the way as well, or the rate be limited for a
	// moment; not so many times in a row.
	for i := range 4 {
		first, second := twoOnOne(ctx, t, p, 2*i)
		limited := first.Answer.Status == http.StatusTooManyRequests || second.Answer.Status == http.StatusTooManyRequests
		switch {
		case limited:
			r = Unclear("the endpoint limits the rate (status 429)")
			if !wait(ctx, time.Second) {
				return r
			}
		case first.Answer.Failure != wire.NoFailure:
			r = Unclear("the first event on the connection: " + first.Describe())
		case !first.Accepted():
			return Unclear("the first event on the connection: " + first.Describe())
		case second.Answer.Reused && second.Accepted():
			return Passed()
		case second.Answer.Failure != wire.NoFailure:
			r = lesser(Failed(expected, "the second event on the connection: "+second.Describe(), itself()))
		case second.Answer.Reused:
			return Failed(expected, "the second event on the connection: "+second.Describe(), itself())
		case first.Answer.HTTP10:
			return Skipped("the endpoint answers with HTTP/1.0, which keeps no connection")
		default:
			r = lesser(Failed(expected, "the endpoint closes the connection after its first answer", itself()))
		}
	}
	return r
}

// takesSeconds says whether the endpoint accepts a second event on a connection,
// or closes it: what comes on a connection that is kept is otherwise for
// http.keepalive.
func takesSeconds(ctx context.Context, t *Trial) bool {
	first, second := twoOnOne(ctx, t, t.Customer(), 0)
	return !first.Accepted() || second.Accepted() || second.Answer.Failure != wire.NoFailure
}

// lesser is a failure of a MUST by which nothing is lost: it weighs like a SHOULD.
func lesser(r Result) Result {
	r.Level = Should
	return r
}

// twoOnOne delivers two events over one connection, if that is kept.
func twoOnOne(ctx context.Context, t *Trial, p *plan.Persona, sent int) (first, second Exchange) {
	c := t.sender.Conn()
	defer c.Close()
	var x [2]Exchange
	for i := range x {
		signed, err := t.Sign(ctx)
		if err != nil {
			x[i] = Exchange{Answer: wire.Result{Failure: wire.TokenFailed, Detail: err.Error()}}
			break
		}
		d := write(p, plan.Step{Event: "message.delivered", Message: sent + i + 1})
		k := wire.Call{Body: d.Body, Signed: signed, Details: true}
		x[i] = t.valid(ctx, k, func(ctx context.Context, k wire.Call) Exchange { return t.do(ctx, c, k) })
		if !x[i].Accepted() {
			break
		}
	}
	return x[0], x[1]
}

func httpPieces() Check {
	return Check{
		ID: "http.pieces", Level: Must, Clause: "R-JSON",
		Title: "a body that comes in pieces is read whole",
		Why:   "the network cuts a body wherever it likes, also within a letter of two bytes: a receiver that takes the first piece for the whole refuses the event, and one that makes a text of each piece spoils the letter",
		How:   "delivers events with accents in pieces, cut within each accented letter and some time apart; where the probe shows the texts, the letters must be right",
		Fix:   "read the body to its end as bytes, and make one text of them (in Node: Buffer.concat, or req.setEncoding('utf8'))",
		Run: func(ctx context.Context, t *Trial) Result {
			return t.after(ctx, func() Result {
				whole, pieces := textsInPieces()
				switch control := sum("", t.variations(ctx, whole)); control.Verdict {
				case Pass:
				case Fail, Warn:
					return BlockedBy("it is not right in one piece either: " + control.Actual) // event.unicode reports it
				default:
					return control
				}
				return sum("200 for each of them, and the effect of a usual event", t.variations(ctx, pieces))
			})
		},
	}
}

// textsInPieces are events with accents, as they usually come and in pieces.
func textsInPieces() (whole, pieces []variation) {
	text := state.Marker + "Überfällig-café"
	for _, v := range []variation{
		unusual("a message", message(2), set("payload.message_name", text)),
		unusual("an action", step(30, "message.action_taken", 1, 1), set("payload.action_label", text)),
	} {
		v.text = text
		whole = append(whole, v)
		v.name += " in pieces"
		v.call = func(k wire.Call) wire.Call {
			for i, b := range k.Body {
				if b >= 0xc0 { // the first byte of a letter
					k.Cuts = append(k.Cuts, i+1)
				}
			}
			return k
		}
		pieces = append(pieces, v)
	}
	return whole, pieces
}

func httpStatus200() Check {
	return Check{
		ID: "http.status-200", Level: Should, Clause: "R-2XX",
		Title: "an accepted event is answered 200, not with another 2xx",
		Why:   "only 200 is documented; that 201, 202 and 204 count as accepted is an assumption, and an event that does not count comes four times",
		How:   "delivers an event of each family and looks for a 2xx that is not 200",
		Fix:   "answer 200 with an empty body (Relay ignores it), also when the work is done later",
		Run: func(ctx context.Context, t *Trial) Result {
			return t.after(ctx, func() Result {
				p := t.introduced(ctx)
				var subs []Sub
				for _, name := range []string{"channel_consent.update", "message.delivered", "notification.attempted"} {
					x := t.Deliver(ctx, write(p, plan.Step{Event: name, Consent: "express"}))
					sub := t.judge(ctx, name, x)
					switch {
					case x.Accepted() && x.Answer.Status != http.StatusOK:
						sub = Sub{name, Fail, x.Describe(), t.repeatCall(x.Call)}
					case sub.Verdict == Fail:
						sub.Verdict = Skip // event.accept reports it
					}
					subs = append(subs, sub)
				}
				return sum("status 200", subs)
			})
		},
	}
}
