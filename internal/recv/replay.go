package recv

import (
	"bytes"
	"context"
	"errors"
	"net/http"

	"relayctl/internal/capture"
	"relayctl/internal/recv/judge"
)

var errNoApp = errors.New("no app takes this event")

// Replay passes a request on to the app that its first event goes to, and returns what
// the app answered; where it gave no answer, its Error says why. The request counts
// nowhere and is not stored. Header may be nil. Safe for concurrent use.
func (r *Receiver) Replay(ctx context.Context, method, target string, header http.Header, body []byte) (capture.App, error) {
	if r.apps == nil {
		return capture.App{}, errNoApp
	}
	var judging judge.Judging
	judging.Judge(nil, body)
	app := r.apps.Route(judging.Receipts[0].Event.Name)
	if app == nil {
		return capture.App{}, errNoApp
	}
	req, err := http.NewRequestWithContext(ctx, method, target, bytes.NewReader(body))
	if err != nil {
		return capture.App{}, err
	}
	if header != nil {
		req.Header = header.Clone()
	}
	answer, err := r.apps.Pass(app, req, body, judging.Receipts)
	switch {
	case answer.Record != nil:
		return *answer.Record, nil
	case err != nil:
		return capture.App{Latency: answer.Took, Error: err.Error()}, nil
	}
	return capture.App{Status: answer.Status, Latency: answer.Took, Truncated: true}, nil
}
