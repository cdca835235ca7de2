package check

import (
	"context"
	"net/http"

	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

func authMissing() Check {
	return Check{
		ID: "auth.missing", Level: Must, Clause: "R-401", Needs: []Need{NeedAuth},
		Title: "a call without credentials is answered 401",
		Why:   "whoever knows the URL could post events; and with another status Relay's operators cannot tell a wrong password from a wrong URL",
		How:   "sends a valid event without credentials, between two valid calls. Then sends, on one connection, a valid call and a call without credentials, which must be refused; and on another one, a call without credentials and a valid call, which must be accepted",
		Fix:   "check the credentials of every call before anything else, and answer 401 with WWW-Authenticate; do not remember them for a connection, because a proxy sends many clients' calls over one",
		Run: func(ctx context.Context, t *Trial) Result {
			return t.Negative(ctx, func() Result {
				first := refused(ctx, t, "no credentials", t.Event("message.delivered").Body)
				if first.Verdict != Pass {
					return withFix(sum(expect401, []Sub{first}))
				}
				if second := afterAcceptance(ctx, t); second.Verdict == Fail {
					return withFix(sum(expect401, []Sub{first, second}))
				}
				r := sum("a connection that stays usable, or is closed", []Sub{first, afterRefusal(ctx, t)})
				r.Fix = "read the body before you answer 401, or close the connection with the answer"
				return r
			})
		},
	}
}

// afterAcceptance sends an event without credentials on the connection of one that
// had them: a receiver that remembers credentials for a connection lets in every client
// whose calls a proxy sends over it.
func afterAcceptance(ctx context.Context, t *Trial) Sub {
	sub := Sub{Name: "no credentials, on the connection of a call that had them", Verdict: Skip}
	signed, err := t.Sign(ctx)
	if err != nil {
		return sub
	}
	c := t.sender.Conn()
	defer c.Close()
	if x := t.do(ctx, c, wire.Call{Body: t.Event("message.delivered").Body, Signed: signed}); !x.Accepted() {
		return sub
	}
	x := t.do(ctx, c, wire.Call{Body: t.Event("message.delivered").Body})
	if !x.Accepted() {
		return sub // the connection ended with the first answer, or is of no use: http.keepalive says so
	}
	sub = t.refusal(ctx, sub.Name, x)
	if sub.Verdict == Fail {
		sub.Repeat = itself()
	}
	return sub
}

// afterRefusal sends a valid event on the connection of a refused one: a receiver that
// leaves the refused body unread takes it for the next request.
func afterRefusal(ctx context.Context, t *Trial) Sub {
	sub := Sub{Name: "a valid event on the connection of the refused one", Verdict: Pass}
	var x Exchange
	for range 3 { // a connection can be lost on the way as well
		c := t.sender.Conn()
		t.do(ctx, c, wire.Call{Body: t.Event("message.delivered").Body})
		// What a customer begins with: some receivers accept nothing else of one they do not know.
		first := t.writePlain(t.Customer(), plan.Step{Event: "notification_channel.add"})
		x = t.valid(ctx, wire.Call{Body: first.Body}, func(ctx context.Context, k wire.Call) Exchange {
			signed, err := t.Sign(ctx)
			if err != nil {
				return Exchange{Call: k, Answer: wire.Result{Failure: wire.TokenFailed, Detail: err.Error()}}
			}
			k.Signed = signed
			return t.do(ctx, c, k)
		})
		c.Close()
		if x.Accepted() || x.Answer.Status == http.StatusTooManyRequests {
			return sub
		}
	}
	if why := t.Control(ctx); why != "" {
		return Sub{Name: sub.Name, Verdict: Blocked, Actual: why}
	}
	if !takesSeconds(ctx, t) {
		return Sub{Name: sub.Name, Verdict: Skip, Actual: "no second event on a connection is accepted either"} // http.keepalive reports it
	}
	return Sub{sub.Name, Fail, x.Describe() + "; on a connection of its own such an event is accepted", itself()}
}
