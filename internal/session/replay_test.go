package session

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"relayctl/internal/capture"
	"relayctl/internal/event"
)

func answering(status int) func(context.Context, string, string, http.Header, []byte) (capture.App, error) {
	return func(_ context.Context, method, target string, h http.Header, body []byte) (capture.App, error) {
		return capture.App{Status: status, Body: []byte(method + " " + target + " " + h.Get("Apikey") + " " + string(body))}, nil
	}
}

func TestReplay(t *testing.T) {
	s := New(Config{Replay: answering(418)})
	x := exchange(envelope("a", "message.delivered", "1", 1), 200)
	x.Header, x.Target = http.Header{"Apikey": {"hush"}}, "/hook?token=hush"
	s.Add(x)
	s.Add(exchange("[ "+envelope("a", "message.delivered", "1", 1)+" , "+envelope("a", "message.delivered", "1", 1)+" ]", 200))
	s.Add(exchange("no JSON", 200))
	omitted := exchange("", 413)
	omitted.Record.Omitted = true
	s.Add(omitted)

	done, err := s.Replay(t.Context(), 1, Edit{})
	if err != nil || done.Edited || string(done.App.Body) != "POST /hook?token=hush hush "+string(x.Record.Body) {
		t.Errorf("as it was: %+v %v", done, err)
	}
	if h := s.Stats().Health; !h.Up || h.Status != 418 {
		t.Errorf("%+v", h)
	}
	done, err = s.Replay(t.Context(), 1, Edit{Set: map[string]any{"payload.ccid": "77"}, FreshID: true})
	env, _ := event.Decode(done.Body)
	if err != nil || !done.Edited || env.Payload.CCID != "77" || env.ID == "a" || len(env.ID) != 36 || env.Name != "message.delivered" {
		t.Errorf("edited: %s %v", done.Body, err)
	}
	done, err = s.Replay(t.Context(), 2, Edit{FreshID: true})
	_, members, _ := event.Split(done.Body)
	one, _ := event.Decode(members[0])
	two, _ := event.Decode(members[1])
	if err != nil || one.ID == two.ID || one.ID == "a" || two.Name != "message.delivered" || !bytes.HasSuffix(done.Body, []byte(" ]")) {
		t.Errorf("a batch: %s %v", done.Body, err)
	}
	other := `{"event_id":"z"}`
	if done, err = s.Replay(t.Context(), 4, Edit{Body: &other}); err != nil || string(done.Body) != other {
		t.Errorf("another body: %+v %v", done, err)
	}
	for _, bad := range []struct {
		number uint64
		edit   Edit
		want   string
	}{
		{1, Edit{Set: map[string]any{"paylod.x": 1}}, `unknown path "paylod.x"; did you mean "payload.x"? (+paylod.x adds a new property)`},
		{3, Edit{FreshID: true}, "cannot set event_id: broken JSON: found 'o', expected 'u' as in null"},
		{4, Edit{}, ErrNoBody.Error()},
		{9, Edit{}, ErrGone.Error()},
	} {
		if _, err := s.Replay(t.Context(), bad.number, bad.edit); err == nil || !strings.HasPrefix(err.Error(), bad.want[:20]) {
			t.Errorf("%d: %v", bad.number, err)
		}
	}
	if n := len(s.Replays(1)); n != 2 {
		t.Errorf("%d replays are remembered", n)
	}
	if _, err := New(Config{}).Replay(t.Context(), 1, Edit{}); !errors.Is(err, ErrGone) {
		t.Error(err)
	}
}
