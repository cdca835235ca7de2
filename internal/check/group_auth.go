package check

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/check/state"
	"relayctl/internal/sim/wire"
)

// authChecks is the group "auth".
func authChecks() []Check {
	return append([]Check{
		authValid(), authMissing(), authWrong(), authMalformed(), authSchemeCase(), authChallenge(), authBeforeParse(),
		authOAuthToken(), authOAuthExpired(),
	}, authEffects()...)
}

func authValid() Check {
	return Check{
		ID: "auth.valid", Level: Must, Clause: "R-401", Needs: []Need{NeedAuth}, Despite: []Obstacle{NotAccepted},
		Title: "the configured credentials are accepted",
		Why:   "an event with refused credentials is not tried again: it is lost",
		How:   "delivers a plain valid event with the configured credentials; the other checks of the group rest on it",
		Fix:   "compare the credentials on both sides (an unset variable, another environment, a trailing line break), and look at which header the endpoint reads: Authorization for basic and OAuth, ApiKey for a key; or another program answers on this port",
		Run: func(ctx context.Context, t *Trial) Result {
			x := t.plain(ctx)
			switch s := x.Answer.Status; {
			case x.Accepted():
				return Passed()
			case s == http.StatusUnauthorized, s == http.StatusForbidden, s == http.StatusProxyAuthRequired:
				r := Failed("200", x.Describe()+signature(x.Answer.Header), t.repeatCall(x.Call))
				if t.healing.everAccepted() {
					r.Actual += ", though another event was accepted with them"
					r.Fix = "look for what changes between two calls: a token that serves once only (see auth.oauth-token), a limit of refused calls, an instance with other credentials"
				}
				return r
			}
			return BlockedBy("nothing can be said of the credentials: " + x.Describe())
		},
	}
}

// longestName is how much is shown of what a server says of itself.
const longestName = 40

// signature is what an answer's headers tell of who gave it, "" where it is nothing.
func signature(h http.Header) string {
	said := ""
	scheme, _, _ := strings.Cut(h.Get("WWW-Authenticate"), " ")
	for _, f := range []auth.Header{
		{Name: "WWW-Authenticate", Value: scheme}, {Name: "Server", Value: h.Get("Server")}, {Name: "X-Powered-By", Value: h.Get("X-Powered-By")},
	} {
		text := []rune(strings.ToValidUTF8(f.Value, ""))
		if len(text) > longestName {
			text = append(text[:longestName-1], '…')
		}
		if len(text) > 0 {
			said += ", " + f.Name + ": " + string(text)
		}
	}
	return said
}

// refused makes a call that has to be answered 401, with those headers as its
// credentials, and judges the answer.
func refused(ctx context.Context, t *Trial, name string, body []byte, headers ...auth.Header) Sub {
	return t.refusal(ctx, name, t.exchange(ctx, wire.Call{Body: body}, as(headers...)))
}

// refusal judges the answer to a call that is to be answered 401.
func (t *Trial) refusal(ctx context.Context, name string, x Exchange) Sub {
	sub := Sub{Name: name, Verdict: Fail, Repeat: t.repeatCall(x.Call)}
	switch s := x.Answer.Status; {
	case s == http.StatusUnauthorized:
		return Sub{Name: name, Verdict: Pass}
	case x.Answer.Failure != wire.NoFailure:
		return t.unanswered(ctx, name, x)
	case s == http.StatusTooManyRequests:
		return Sub{Name: name, Verdict: Inconclusive, Actual: "the endpoint limits the rate (status 429)"}
	case x.Accepted():
		sub.Actual = fmt.Sprintf("the event is accepted with %d", s)
	case s >= 300 && s < 400:
		sub.Actual = x.Describe() + location(x.Answer.Header)
	default:
		sub.Actual = x.Describe()
	}
	return sub
}

const expect401 = "401 with WWW-Authenticate"

// withFix adds the fix for the most common wrong answers.
func withFix(r Result) Result {
	switch {
	case r.Verdict != Fail:
	case strings.Contains(r.Actual, "is accepted"):
		r.Fix = "check the credentials of every call before anything else, and compare them whole and exactly, in constant time"
	case strings.Contains(r.Actual, "status 403"):
		r.Fix = "answer 401: 403 says that the credentials are right and not enough"
	case strings.Contains(r.Actual, "status 30"):
		r.Fix = "take the route out of the login redirect of the web session, and answer 401 yourself"
	case strings.Contains(r.Actual, "status 404"):
		r.Fix = "answer 401: hiding the route hides the mistake from those who have to mend it"
	case strings.Contains(r.Actual, "status 5"):
		r.Fix = "catch what the check of the credentials throws, and answer 401: Relay tries a 500 four times"
	}
	return r
}

// forged is a set of credentials that must not be accepted.
type forged struct {
	name    string
	headers []auth.Header
}

func authWrong() Check {
	return Check{
		ID: "auth.wrong", Level: Must, Clause: "R-401", Needs: []Need{NeedAuth},
		Title: "wrong credentials are answered 401",
		Why:   "credentials that are only nearly right, or only there, would open the endpoint to anybody",
		How:   "sends a valid event with wrong secrets: another one, a longer, a shorter and an empty one, and the right one in another letter case. For basic it does the same with the user name, and tries spaces, a colon, letters that are not ASCII, and the base64 in another case. Each is tried once, with a valid call in between so that nobody is locked out",
		Fix:   "compare user and secret whole and exactly, in constant time, and answer 401",
		Run: func(ctx context.Context, t *Trial) Result {
			return t.Negative(ctx, func() Result {
				list, err := wrong(ctx, t)
				if err != nil {
					return Unclear(err.Error())
				}
				return withFix(eachRefused(ctx, t, expect401, list))
			})
		},
	}
}

// eachRefused tries forged credentials one by one, with a valid call between
// any two of them.
func eachRefused(ctx context.Context, t *Trial, expected string, list []forged) Result {
	var subs []Sub
	silences := 0
	for i, f := range list {
		if i > 0 {
			if why := t.Control(ctx); why != "" {
				subs = append(subs, Sub{Name: f.name, Verdict: Blocked, Actual: why})
				break
			}
		}
		sub := refused(ctx, t, f.name, t.Event("message.delivered").Body, f.headers...)
		subs = append(subs, sub)
		if strings.HasPrefix(sub.Actual, "no answer") {
			silences++
		}
		if silences >= silentCalls {
			break // each takes its time and says the same
		}
	}
	return sum(expected, subs)
}

func authMalformed() Check {
	return Check{
		ID: "auth.malformed", Level: Must, Clause: "R-401", Needs: []Need{NeedAuth},
		Title: "a broken or foreign authentication header is answered 401",
		Why:   "a header that nobody expected must neither open the endpoint nor make it fail with 500, which Relay would try four times",
		How:   "sends a valid event with a header that is cut off, that is not base64 or has no colon, with another scheme than the expected one, and with two headers, one wrong and one right, in both orders, of which at most one may be accepted; 401 is right, a 400 as a proxy gives it is a warning",
		Fix:   "treat every header that cannot be read like a wrong one: 401",
		Run: func(ctx context.Context, t *Trial) Result {
			return t.Negative(ctx, func() Result {
				list, err := malformed(ctx, t)
				if err != nil {
					return Unclear(err.Error())
				}
				r := eachRefused(ctx, t, expect401, list)
				r.Subs = append(r.Subs, eitherOfTwo(ctx, t))
				for i := range r.Subs {
					if s := &r.Subs[i]; s.Verdict == Fail && strings.Contains(s.Actual, "status 400") {
						s.Verdict = Warn
					}
				}
				return withFix(sum(expect401, r.Subs))
			})
		},
	}
}

// eitherOfTwo sends the header twice, wrong and right. Servers that keep the
// first of them, or the last, accept one order; only who looks for any that is
// right accepts both.
func eitherOfTwo(ctx context.Context, t *Trial) Sub {
	sub := Sub{Name: "two headers, of which one is right", Verdict: Pass}
	list, err := wrong(ctx, t)
	if err != nil {
		return Sub{Name: sub.Name, Verdict: Inconclusive, Actual: err.Error()}
	}
	right, err := t.Sign(ctx)
	if err != nil {
		return Sub{Name: sub.Name, Verdict: Inconclusive, Actual: err.Error()}
	}
	bad := list[0].headers
	if refused(ctx, t, sub.Name, t.Event("message.delivered").Body, bad...).Verdict != Pass {
		return sub // which auth.wrong reports
	}
	for _, both := range [][]auth.Header{slices.Concat(bad, right), slices.Concat(right, bad)} {
		x := t.exchange(ctx, wire.Call{Body: t.Event("message.delivered").Body}, as(both...))
		switch {
		case x.Answer.Status >= 500:
			return Sub{sub.Name, Fail, x.Describe(), t.repeatCall(x.Call)}
		case !x.Accepted():
			return sub
		}
		sub.Repeat = t.repeatCall(x.Call)
	}
	sub.Verdict, sub.Actual = Fail, "the event is accepted, whichever comes first"
	return sub
}

func authSchemeCase() Check {
	return Check{
		ID: "auth.scheme-case", Level: Must, Clause: "R-AUTH-BASIC", Needs: []Need{NeedAuth}, Despite: []Obstacle{NotAccepted},
		Title: "the scheme is taken in any letter case: basic, Basic, BASIC",
		Why:   "Relay sends basic in lower case; an endpoint that looks for Basic refuses every event",
		How:   "delivers a valid event with the scheme in each spelling; with OAuth a refusal is only a warning, because how Relay spells Bearer is configured",
		Fix:   "compare the scheme without regard to case (RFC 9110, 11.1), or leave it to the framework's parser",
		Run:   runSchemeCase,
	}
}

func runSchemeCase(ctx context.Context, t *Trial) Result {
	var spellings []string
	switch t.AuthConfig.Kind {
	case auth.KindBasic:
		spellings = []string{"basic", "Basic", "BASIC"}
	case auth.KindOAuth:
		spellings = []string{"Bearer", "bearer", "BEARER"}
	default:
		return Skipped("not applicable: a key has no scheme")
	}
	signed, err := t.Sign(ctx)
	if err != nil {
		return Unclear(err.Error())
	}
	_, rest, ok := strings.Cut(signed[0].Value, " ")
	if !ok {
		return Skipped("not applicable: the token is sent without a scheme")
	}
	var subs []Sub
	accepted := 0
	for _, s := range spellings {
		header := auth.Header{Name: signed[0].Name, Value: s + " " + rest}
		x := t.valid(ctx, wire.Call{Body: t.Event("notification_channel.add").Body}, func(ctx context.Context, k wire.Call) Exchange {
			return t.exchange(ctx, k, as(header))
		})
		if x.Accepted() {
			accepted++
		}
		sub := t.judge(ctx, s, x)
		if sub.Verdict == Fail && t.AuthConfig.Kind == auth.KindOAuth {
			sub.Verdict = Warn
		}
		subs = append(subs, sub)
	}
	if accepted == 0 {
		said, _ := gather(subs, Fail)
		return BlockedBy("no spelling is accepted, so that it is not the case: " + said)
	}
	return sum("200 for each spelling", subs)
}

func authChallenge() Check {
	return Check{
		ID: "auth.challenge", Level: Should, Clause: "R-401", Needs: []Need{NeedAuth},
		Title: "a 401 carries WWW-Authenticate",
		Why:   "HTTP demands it (RFC 9110, 15.5.2), and it tells who looks for a mistake which scheme is expected",
		How:   "sends a valid event without credentials and looks at the 401's headers",
		Fix:   `send WWW-Authenticate: Basic realm="relay" (or Bearer) with every 401`,
		Run: func(ctx context.Context, t *Trial) Result {
			return t.Negative(ctx, func() Result {
				x := t.exchange(ctx, wire.Call{Body: t.Event("message.delivered").Body}, as())
				switch {
				case x.Answer.Failure != wire.NoFailure:
					return Unclear(x.Describe())
				case x.Answer.Status != http.StatusUnauthorized:
					return Skipped("there is no 401 to look at: " + x.Describe())
				case x.Answer.Header.Get("WWW-Authenticate") == "":
					return Failed("a WWW-Authenticate header", "status 401 without one", t.repeatCall(x.Call))
				}
				return Passed()
			})
		},
	}
}

func authBeforeParse() Check {
	return Check{
		ID: "auth.before-parse", Level: Should, Clause: "R-401", Needs: []Need{NeedAuth},
		Title: "credentials are checked before the body is parsed",
		Why:   "a parser that strangers can reach is one that they can attack, and its errors tell them how the endpoint works",
		How:   "sends broken JSON with wrong credentials, which must be answered 401; skipped where a valid event with them is not answered 401 either, which auth.wrong reports",
		Fix:   "put the check of the credentials before the parser of the body in the chain of middleware",
		Run: func(ctx context.Context, t *Trial) Result {
			return t.Negative(ctx, func() Result {
				list, err := wrong(ctx, t)
				if err != nil {
					return Unclear(err.Error())
				}
				wrong := list[0].headers
				if sub := refused(ctx, t, "wrong credentials", t.Event("message.delivered").Body, wrong...); sub.Verdict != Pass {
					return Skipped("wrong credentials are not answered 401 with a valid event either")
				}
				if why := t.Control(ctx); why != "" {
					return BlockedBy(why)
				}
				return sum("401", []Sub{refused(ctx, t, "broken JSON with wrong credentials", []byte(`{"event_id":"`), wrong...)})
			})
		},
	}
}

func authOAuthToken() Check {
	return Check{
		ID: "auth.oauth-token", Level: Must, Clause: "R-AUTH-OAUTH", Needs: []Need{NeedOAuth}, Despite: []Obstacle{NotAccepted, NoToken}, Alone: true,
		Title: "the client-credentials grant gives a token that is accepted",
		Why:   "a token for another audience, scope or issuer opens nothing, and every event is lost",
		How:   "asks the token endpoint for a token and delivers valid events with it, one after the other: a token serves until its end",
		Fix:   "compare issuer, audience and scope of the token with what the endpoint verifies, and the clocks of both",
		Run: func(ctx context.Context, t *Trial) Result {
			if _, err := t.Sign(ctx); err != nil {
				if auth.CredentialsRefused(err) {
					return Failed("a token", err.Error(), itself())
				}
				return Unclear(err.Error())
			}
			x := t.plain(ctx)
			if r := servesOnce(ctx, t); r != nil {
				return *r
			}
			switch {
			case x.Accepted():
				return Passed()
			case x.Answer.Status == http.StatusUnauthorized, x.Answer.Status == http.StatusForbidden:
				return Failed("200 with a fresh token", x.Describe(), t.repeatCall(x.Call))
			}
			return BlockedBy("nothing can be said of the token: " + x.Describe())
		},
	}
}

// servesOnce fails where a token that was just accepted is refused with the next event.
// One token may end in between, but not several in a row.
func servesOnce(ctx context.Context, t *Trial) *Result {
	var again Exchange
	for range 3 {
		signed, err := t.credentials.afresh(ctx)
		if err != nil {
			return nil // the first event says so
		}
		post := func() Exchange {
			return t.exchange(ctx, wire.Call{Body: t.Event("message.delivered").Body}, as(signed...))
		}
		if !post().Accepted() {
			return nil
		}
		if again = post(); again.Answer.Status != http.StatusUnauthorized {
			return nil
		}
	}
	r := Failed("the token is accepted until its end", "a token that was just accepted is refused with the next event: "+again.Describe(), itself())
	r.Fix = "accept a token as often as it comes, until it expires; do not refuse a jti because it came before"
	return &r
}

func authOAuthExpired() Check {
	return Check{
		ID: "auth.oauth-expired", Level: Must, Clause: "R-AUTH-OAUTH", Needs: []Need{NeedOAuth}, Tags: []string{"slow"}, Limit: time.Minute,
		Title: "an expired token is answered 401",
		Why:   "a token that never ends opens the endpoint for ever to whoever finds it in a log; and Relay renews its token when it is told 401",
		How:   "waits until a token has ended and sends a valid event with it; needs tokens that live for 15 seconds or less, and lets 5 seconds pass for clocks that differ",
		Fix:   "verify the token's end (exp) with every call, and answer 401",
		Run:   runOAuthExpired,
	}
}

func runOAuthExpired(ctx context.Context, t *Trial) Result {
	expirer, ok := t.Auth.(auth.Expirer)
	if !ok {
		return Skipped("not applicable: the credentials do not expire")
	}
	signed, err := t.Sign(ctx)
	if err != nil {
		return Unclear(err.Error())
	}
	end, known := expirer.Expires(signed)
	for range 3 {
		// Another check may have had the token renewed in between.
		if known {
			break
		}
		if signed, err = t.Sign(ctx); err != nil {
			return Unclear(err.Error())
		}
		end, known = expirer.Expires(signed)
	}
	if !known {
		return Skipped("the token endpoint does not say how long its tokens live")
	}
	if left := time.Until(end); left > t.Waits.Token {
		return Skipped(fmt.Sprintf("needs tokens that live for %s or less; this one lives for %s", t.Waits.Token, left.Round(time.Second)))
	}
	if why := t.Control(ctx); why != "" {
		return BlockedBy(why)
	}
	body := t.Event("message.delivered").Body
	var sub Sub
	for after := 100 * time.Millisecond; ; after = t.Waits.Leeway {
		if !wait(ctx, time.Until(end.Add(after))) {
			return Unclear("the run ended before the token did")
		}
		sub = refused(ctx, t, "an expired token", body, signed...)
		if sub.Verdict == Pass || after == t.Waits.Leeway {
			break
		}
	}
	if why := t.Control(ctx); why != "" && sub.Verdict != Fail {
		return BlockedBy(why + ", after the check's call")
	}
	return withFix(sum(expect401, []Sub{sub}))
}

// authEffects are the checks of what refused events do to the state.
func authEffects() []Check {
	return []Check{{
		ID: "auth.no-effect", Level: Must, Clause: "R-401",
		Title: "a refused event leaves no trace",
		Why:   "a receiver that stores first and looks at the credentials afterwards lets anyone write into its customers' data",
		How:   "sends a history without credentials and with wrong ones, and compares the state with that of a customer who was never heard of",
		Fix:   "check the credentials before anything else is done with the request",
		Needs: []Need{NeedProbe, NeedAuth}, Run: probed(refusedHasNoEffect),
	}}
}

// refusedHasNoEffect makes one call without credentials and one with wrong
// ones: more could lock the account. What is accepted all the same is the
// business of auth.missing and auth.wrong.
func refusedHasNoEffect(ctx context.Context, t *Trial) Result {
	s, why := visibleAlone(ctx, t)
	if why != "" {
		return BlockedBy(why)
	}
	list, err := wrong(ctx, t)
	if err != nil {
		return Unclear(err.Error())
	}
	type refusal struct {
		what    string
		call    wire.Call
		subject *subject
	}
	var refused []refusal
	for _, r := range []refusal{{what: "no credentials"}, {what: "wrong credentials", call: wire.Call{Signed: list[0].headers}}} {
		r.subject = t.subject(s)
		r.call.Body = r.subject.events[0].Body
		if x := t.Call(ctx, r.call); x.Answer.Failure == wire.NoFailure && !x.Accepted() {
			refused = append(refused, r)
		}
	}
	if len(refused) == 0 {
		return BlockedBy("events without credentials and with wrong ones are not refused")
	}
	// A customer whose events are accepted comes after them: once these show,
	// the others would.
	if _, why := visibleAlone(ctx, t); why != "" {
		return Unclear(why)
	}
	for _, r := range refused {
		never, err := t.states.look(ctx, t.subject(s))
		if err != nil {
			return Unclear(err.Error())
		}
		want := t.states.plain(never)
		seen := t.states.becomes(ctx, r.subject, func(n *state.State) bool { return state.Same(t.states.plain(n), want) })
		if why := seen.unclear(); why != "" {
			return Unclear(why)
		}
		if have := t.states.plain(seen.state); !state.Same(have, want) {
			return Failed("a customer whose only event was refused is unknown", "after an event with "+r.what+": "+state.Differences(want, have), t.repeatCall(r.call))
		}
	}
	return Passed()
}
