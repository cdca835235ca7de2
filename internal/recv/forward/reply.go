package forward

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/input"
)

// Reply is what became of a request to an app.
type Reply struct {
	Status int // 0 when the app gave none
	Header http.Header
	Body   []byte // what is passed back; nil when it was larger than maxBody, or cut short
	Took   time.Duration
	// Record is the answer as a capture keeps it, nil where nothing is to be kept.
	Record *capture.App
}

// Reason says that the app gave an answer, and what Relay makes of one that it
// does not document.
func Reason(status int) string {
	const by = "by the app"
	switch {
	case status == http.StatusOK || status == http.StatusInternalServerError:
		return by
	case event.Accepted(status):
		return fmt.Sprintf("%s: taken for accepted, but only 200 is documented (R-2XX, assumed)", by)
	case status == http.StatusUnauthorized:
		return by + ": it means invalid access and is not retried (R-401)"
	case status == http.StatusBadRequest:
		return by + ": it is never to be answered, and not documented as retried (R-NO-400)"
	}
	return by + ": not documented as retried (R-RETRY-ONLY, assumed)"
}

// appError words why the app gave no answer.
func appError(ctx context.Context, err error) error {
	var op *net.OpError
	switch {
	case ctx.Err() != nil:
		return errors.New("no answer in time")
	case errors.As(err, &op) && op.Op == "proxyconnect":
		return fmt.Errorf("the proxy: %w", op.Err)
	case errors.As(err, &op):
		return op.Err
	case errors.Is(err, io.EOF):
		return errors.New("it closed the connection without an answer")
	}
	return err
}

// read reads the body of an answer, as far as it is passed back or kept. Only the status
// decides, so a body that is cut short, or that takes longer than patience, is
// left out; why then says so.
func (f *Apps) read(resp *http.Response, patience time.Duration, stop func()) (a Reply, kept []byte, why string) {
	timer := time.AfterFunc(patience, stop)
	defer timer.Stop()
	body, _, err := input.AtMost(resp.Body, max(maxBody, f.opt.Keep)+1)
	// One without a type gets none: the server would guess it.
	a = Reply{Status: resp.StatusCode, Header: http.Header{"Content-Type": nil}, Body: body}
	names := []string{"Location", "Retry-After", "Www-Authenticate"}
	switch {
	case err != nil:
		a.Body, why = nil, "its body was cut short"
	case len(body) > maxBody:
		a.Body = nil
	default:
		names = append(names, "Content-Type", "Content-Encoding", "Content-Language")
	}
	for _, n := range names {
		if v := resp.Header.Values(n); len(v) > 0 {
			a.Header[n] = v
		}
	}
	return a, body, why
}

// record is what is kept of an answer, or of a failure.
func (f *Apps) record(req *http.Request, resp *http.Response, took time.Duration, body []byte, why string) *capture.App {
	if f.opt.Keep <= 0 {
		return nil
	}
	redact := capture.Redactor{Names: f.opt.Sensitive}
	rec := &capture.App{URL: redact.Target(req.URL.String()), Latency: took, Error: why}
	if resp == nil {
		return rec
	}
	mask := redact.Mask(req.Header)
	rec.Status, rec.Headers = resp.StatusCode, redact.Headers(resp.Header)
	for i := range rec.Headers {
		rec.Headers[i].Value = string(mask([]byte(rec.Headers[i].Value)))
	}
	cut := int64(len(body)) > f.opt.Keep || why != ""
	if body = mask(body); f.opt.Mask != nil {
		body = f.opt.Mask(body)
	}
	rec.Truncated = cut || int64(len(body)) > f.opt.Keep // what hides a secret may be longer
	rec.Body = body[:min(int64(len(body)), f.opt.Keep)]  // without a half of a secret at its end
	return rec
}

// bodyPatience is how long an answer's body may take: until a tenth of the timeout
// is left, so that the status reaches a caller that waits as long as Relay does.
func bodyPatience(timeout, took time.Duration) time.Duration {
	return max(timeout*9/10-took, timeout/20)
}
