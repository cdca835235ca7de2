package check

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"relayctl/internal/auth"
	"relayctl/internal/capture"
	"relayctl/internal/sim"
	"relayctl/internal/sim/wire"
)

// do makes a call over a connection, and keeps the exchange where the run keeps
// them.
func (c *caller) do(ctx context.Context, conn *wire.Conn, k wire.Call) Exchange {
	if c.Exchanges == nil {
		x := Exchange{Call: k, Answer: withEnd(conn.Do(ctx, k))}
		c.traced.look(c.check, x)
		return x
	}
	asked := k
	k.Details, k.KeepBody = true, max(k.KeepBody, keepAnswer)
	began := time.Now()
	a := withEnd(conn.Do(ctx, k))
	c.Exchanges(c.exchanged(k, a, began, time.Since(began)))
	x := Exchange{Call: asked, Answer: a}
	c.traced.look(c.check, x)
	return x
}

// withEnd takes an answer that does not end for none: most clients wait for its end, and
// time out.
func withEnd(a wire.Result) wire.Result {
	if a.Endless {
		a.Failure, a.Detail = wire.Timeout, fmt.Sprintf("no answer within the deadline that ends: status %d came, but neither a Content-Length nor a close says where the body ends", a.Status)
		a.Status = 0
	}
	return a
}

// exchanged is a call and its answer for an archive, free of the run's secrets.
func (c *caller) exchanged(k wire.Call, a wire.Result, began time.Time, took time.Duration) capture.Exchange {
	var headers []capture.Header
	if k.ContentType != "-" {
		headers = append(headers, capture.Header{Name: "Content-Type", Value: cmp.Or(k.ContentType, "application/json")})
	}
	for _, list := range [][]auth.Header{c.Headers, k.Headers, k.Signed} {
		for _, h := range list {
			headers = append(headers, capture.Header{Name: h.Name, Value: h.Value})
		}
	}
	for _, h := range k.Signed { // whatever its name, it carries credentials
		headers = redactHeader(headers, h.Name)
	}
	comment := c.check
	if a.Failure != wire.NoFailure {
		comment += ": " + a.Detail
	}
	answer, cut := string(a.Body), k.KeepBody > 0 && len(a.Body) >= k.KeepBody
	if cut {
		answer = c.wholeWords(answer)
	}
	for _, s := range c.credentials.secrets() {
		if len(s.Text) >= capture.ShortestMasked {
			answer = strings.ReplaceAll(answer, s.Text, capture.Redacted)
			comment = strings.ReplaceAll(comment, s.Text, capture.Redacted)
		}
	}
	return capture.Exchange{
		StartedAt: began, Took: took, Method: cmp.Or(k.Method, http.MethodPost), URL: c.URL, Headers: headers, Body: k.Body,
		Status: a.Status, Answered: a.Header, Answer: []byte(answer), Cut: cut, Comment: comment,
	}
}

// wholeWords takes the last word off a text that was cut, and what begins a secret there:
// nothing would find half a secret.
func (c *caller) wholeWords(text string) string {
	const longest = 4 << 10 // of a word
	least := max(0, len(text)-longest)
	text = text[:max(least, strings.LastIndexAny(text, " \t\r\n\"'<>,;&"))]
	for _, s := range c.credentials.secrets() {
		for n := min(len(s.Text), len(text)); n >= capture.ShortestMasked; n-- {
			if strings.HasSuffix(text, s.Text[:n]) {
				text = text[:len(text)-n]
				break
			}
		}
	}
	return text
}

func redactHeader(headers []capture.Header, name string) []capture.Header {
	for i := range headers {
		if strings.EqualFold(headers[i].Name, name) {
			headers[i].Value = capture.Redacted
		}
	}
	return headers
}

// attempted is an attempt of the burst for an archive: what it was answered beside
// the status is not kept.
func (c *caller) attempted(a *sim.Attempt) capture.Exchange {
	return c.exchanged(wire.Call{Body: a.Delivery.Body}, wire.Result{Status: a.Status, Failure: a.Failure, Detail: a.Detail}, a.SentAt, a.Took)
}
