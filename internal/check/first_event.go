package check

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"relayctl/internal/auth"
	"relayctl/internal/sim/wire"
)

// firstEvent is what the plain valid event at the beginning of a run came to.
type firstEvent struct {
	obstacle Obstacle // "" when it was accepted
	cause    string
}

// deliverFirst delivers one valid event as Relay would: up to four attempts.
func (r *run) deliverFirst(ctx context.Context) firstEvent {
	t, err := r.newTrial(&Check{ID: "first event"})
	if err != nil {
		return firstEvent{noEndpoint, err.Error()}
	}
	t.askOnce = true
	x := t.plain(ctx)
	for _, how := range []plainness{withoutAbsent, allTexts} {
		if x.Accepted() || !refusesContent(x) {
			break
		}
		// Another check tells what is wrong with the documented event.
		r.plainness.Store(int32(how))
		if plainer := t.plain(ctx); plainer.Accepted() {
			return firstEvent{}
		}
		r.plainness.Store(int32(asDocumented))
	}
	switch {
	case x.Accepted():
		return firstEvent{}
	case x.Answer.Failure == wire.NoFailure:
		return firstEvent{NotAccepted, "a plain valid event is not accepted: " + x.Describe() + r.likelyCause(x.Answer.Status)}
	case x.Answer.Failure == wire.TLS:
		return firstEvent{TLSFails, "the TLS handshake fails: " + x.Answer.Detail}
	case x.Answer.Failure == wire.Timeout && r.WaitReady(ctx, r.Waits.Connect, nil) == nil:
		return firstEvent{NoAnswer, fmt.Sprintf("a valid event is not answered within %s: Relay would try it four times and give it up (R-TIMEOUT)", r.Timeout)}
	case x.Answer.Failure == wire.TokenFailed:
		if _, err := t.Sign(ctx); auth.CredentialsRefused(err) {
			return firstEvent{NoToken, "there is no token to call the endpoint with: " + err.Error()}
		}
		return firstEvent{noEndpoint, "there is no token to call the endpoint with: " + x.Answer.Detail}
	}
	return firstEvent{noEndpoint, "the endpoint cannot be reached: " + x.Answer.Detail}
}

// refusesContent says whether an event may have been refused for its content.
func refusesContent(x Exchange) bool {
	switch x.Answer.Status {
	case http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusInternalServerError:
		return x.Answer.Failure == wire.NoFailure
	}
	return false
}

// likelyCause is the likeliest reason why a valid event got that status.
func (r *run) likelyCause(status int) string {
	switch {
	case status == http.StatusUnauthorized && !r.authenticates():
		return strings.TrimSuffix("; it asks for credentials, and none are configured: "+r.Advice.Credentials, ": ")
	case status == http.StatusUnauthorized, status == http.StatusForbidden:
		return "; are the credentials the ones that it expects?"
	case status == http.StatusNotFound, status == http.StatusMethodNotAllowed:
		return "; is the path of the URL right?"
	case status >= 300 && status < 400:
		return "; Relay follows no redirect: name the final URL"
	case status >= 500:
		return "; its log will say why"
	}
	return "; it was a message.delivered"
}
