package tui

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"go.uber.org/goleak"

	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
	"relayctl/internal/recv/script"
	"relayctl/internal/report/term"
	"relayctl/internal/session"
)

func TestMain(m *testing.M) {
	time.Local = time.UTC // what is shown must not depend on the machine
	goleak.VerifyTestMain(m)
}

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// program runs a model as bubbletea does, but on the time of the test.
type program struct {
	*testing.T
	m       *model
	s       *session.Session
	msgs    chan tea.Msg
	quitted bool
}

// start shows a session; what the configuration lacks is filled in.
func start(t *testing.T, cfg Config, width, height int) *program {
	t.Helper()
	if cfg.Style == nil {
		cfg.Style = term.NewStyle(io.Discard, term.ColorNever)
	}
	cfg.Title = cmp.Or(cfg.Title, "https://127.0.0.1:8443/")
	p := &program{T: t, m: newModel(t.Context(), cfg), s: cfg.Session, msgs: make(chan tea.Msg, 1000)}
	t.Cleanup(func() { time.Sleep(time.Second) }) // what ticks comes to its end
	p.run(p.m.Init())
	p.send(tea.WindowSizeMsg{Width: width, Height: height})
	return p
}

// run begins a command.
func (p *program) run(cmd tea.Cmd) {
	if cmd == nil {
		return
	}
	go func() {
		switch msg := cmd().(type) {
		case nil:
		case tea.BatchMsg:
			for _, one := range msg {
				p.run(one)
			}
		default:
			p.msgs <- msg
		}
	}()
}

// send lets the model take a message, and then everything that comes of it.
func (p *program) send(msg tea.Msg) {
	p.update(msg)
	p.settle()
}

func (p *program) update(msg tea.Msg) {
	if _, ok := msg.(tea.QuitMsg); ok {
		p.quitted = true
		return
	}
	_, cmd := p.m.Update(msg)
	p.run(cmd)
	p.m.View()
}

// settle waits until nothing more comes, in no time of the test.
func (p *program) settle() {
	for {
		synctest.Wait()
		select {
		case msg := <-p.msgs:
			p.update(msg)
		default:
			return
		}
	}
}

// pass lets so much time go by.
func (p *program) pass(d time.Duration) {
	for end := time.Now().Add(d); time.Now().Before(end); {
		time.Sleep(min(10*time.Millisecond, time.Until(end)))
		p.settle()
	}
}

// press sends keys; a word is typed.
func (p *program) press(keys ...string) {
	named := map[string]tea.KeyType{
		"enter": tea.KeyEnter, "esc": tea.KeyEsc, "up": tea.KeyUp, "down": tea.KeyDown, "home": tea.KeyHome, "end": tea.KeyEnd,
		"pgup": tea.KeyPgUp, "pgdown": tea.KeyPgDown,
	}
	for _, k := range keys {
		if kind, ok := named[k]; ok {
			p.send(tea.KeyMsg{Type: kind})
			continue
		}
		for _, r := range k {
			p.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune{r}})
		}
	}
}

// shows says what the screen must and must not have.
func (p *program) shows(want string, not ...string) {
	p.Helper()
	got := p.m.View()
	if !strings.Contains(got, want) {
		p.Errorf("%q is missing in\n%s", want, got)
	}
	for _, n := range not {
		if strings.Contains(got, n) {
			p.Errorf("%q is in\n%s", n, got)
		}
	}
}

// add gives the session a request.
func (p *program) add(id, name, ccid string, status int, badges ...string) {
	p.s.Add(exchange(record(id, name, ccid, status, badges...)))
	p.pass(2 * refresh)
}

func record(id, name, ccid string, status int, badges ...string) *capture.Record {
	kind, sub, _ := strings.Cut(name, ".")
	body := fmt.Sprintf(`{"event_id":%q,"event_name":%q,"event_ts":"2026-01-31T12:00:00.000Z","payload":{"ccid":%q,"event_type":%q,"event_subtype":%q}}`, id, name, ccid, kind, sub)
	rec := &capture.Record{ReceivedAt: noon, Remote: "127.0.0.1:1", Method: "POST", Path: "/", Body: []byte(body), Status: status, Attempt: 1, Badges: badges}
	env, findings := event.Decode(rec.Body)
	rec.EventID, rec.EventName, rec.Findings = env.ID, env.Name, findings
	return rec
}

func exchange(rec *capture.Record) judge.Exchange {
	return judge.Exchange{Record: rec, Receipts: judge.Recorded(rec, 1)}
}

// view is a program that shows three requests on a terminal of the size.
func view(t *testing.T, width, height int) *program {
	t.Helper()
	return start(t, Config{Session: three()}, width, height)
}

func three() *session.Session {
	s := session.New(session.Config{})
	s.Add(exchange(record("id-1", "message.delivered", "1001", 200)))
	s.Add(exchange(record("id-2", "notification.delivered", "1002", 500)))
	s.Add(exchange(record("id-2", "notification.delivered", "1002", 200, "attempt 2/4")))
	return s
}

// busy is a session with everything that there is to be seen: an app that answers, a
// journey with a retry, findings, rules.
func busy() *session.Session {
	s := session.New(session.Config{
		Rules: &script.Rules{}, Apps: []string{"http://127.0.0.1:3000"},
		Replay: func(_ context.Context, _, _ string, _ http.Header, _ []byte) (capture.App, error) {
			return capture.App{URL: "http://127.0.0.1:3000", Status: 503, Latency: 12 * time.Millisecond, Body: []byte("database is locked")}, nil
		},
		Curl: func(rec *capture.Record) (string, []string) {
			return "curl -sS -H 'Content-Type: application/json' --data-binary '" + string(rec.Body) + "' http://127.0.0.1:3000/hook", []string{"APIKEY"}
		},
	})
	add := func(second int, rec *capture.Record, app *capture.App) {
		rec.ReceivedAt = noon.Add(time.Duration(second) * time.Second)
		rec.App = app
		rec.Headers = []capture.Header{{Name: "Content-Type", Value: "application/json"}, {Name: "Apikey", Value: capture.Redacted}}
		s.Add(exchange(rec))
	}
	ok := &capture.App{Status: 200, Latency: 1300 * time.Microsecond, Body: []byte(`{"stored":true}`), Headers: []capture.Header{{Name: "Content-Type", Value: "application/json"}}}
	failed := &capture.App{Status: 500, Latency: 4 * time.Millisecond, Body: []byte("no connection to the database")}
	add(0, record("5f0c1e9a-0000-4000-8000-000000000001", "notification.attempted", "1001", 200), ok)
	add(1, record("5f0c1e9a-0000-4000-8000-000000000002", "notification.delivered", "1001", 500), failed)
	add(2, record("5f0c1e9a-0000-4000-8000-000000000003", "message.delivered", "1001", 200, "early"), ok)
	add(3, record("5f0c1e9a-0000-4000-8000-000000000004", "account.deactivate", "2002", 200), ok)
	add(4, record("5f0c1e9a-0000-4000-8000-000000000002", "notification.delivered", "1001", 200, "attempt 2/4", "late 2s"), ok)
	return s
}
