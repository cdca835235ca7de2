package tui

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/report/term"
	"relayctl/internal/session"
)

func TestKeys(t *testing.T) {
	for name, tc := range map[string]struct {
		keys []string
		want string
		not  []string
	}{
		"the newest is chosen":       {nil, "▸ 12:00:00 notification.delivered", nil},
		"k goes up":                  {[]string{"k", "k"}, "▸ 12:00:00 message.delivered", nil},
		"enter opens":                {[]string{"enter"}, "attempts of this event", nil},
		"the body is formatted":      {[]string{"home", "enter"}, `  "event_id": "id-1",`, nil},
		"esc goes back":              {[]string{"enter", "esc"}, "3 requests", []string{"attempts of"}},
		"filter by status":           {[]string{"/", "status=500", "enter"}, "500", []string{"message.delivered"}},
		"filter by a word":           {[]string{"/", "1001", "enter"}, "message.delivered", []string{"notification."}},
		"a filter that is wrong":     {[]string{"/", "status=x", "enter"}, "status", nil},
		"esc ends the filter":        {[]string{"/", "status=500", "enter", "esc"}, "message.delivered", nil},
		"nothing matches":            {[]string{"/", "nonsense", "enter"}, "no request matches", nil},
		"the journey":                {[]string{"t"}, "customer 1002 in true order", nil},
		"two compared":               {[]string{" ", "home", "="}, "#3 and #1", nil},
		"what is needed to compare":  {[]string{"="}, "mark a request", nil},
		"help":                       {[]string{"?"}, "as a curl command", nil},
		"pause":                      {[]string{"p"}, "paused", nil},
		"the inspector is off":       {[]string{"o"}, "start with --ui", nil},
		"replay without an app":      {[]string{"1"}, "no receiver", nil},
		"an edit without an app":     {[]string{"e"}, "started without --forward", []string{"set "}},
		"an event that is none":      {[]string{"/", "event=foo", "enter"}, `event pattern "foo" matches no known event`, nil},
		"findings only, none here":   {[]string{"f"}, "no request matches", nil},
		"a mark":                     {[]string{" "}, "▸•", nil},
		"curl without a target":      {[]string{"y"}, "no curl command", nil},
		"an open question is closed": {[]string{"/", "esc"}, "3 requests", nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := view(t, 80, 24)
				p.press(tc.keys...)
				p.shows(tc.want, tc.not...)
			})
		})
	}
}

func TestReplaySaysWhyItCannotBe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := view(t, 80, 24)
		p.press("r")
		p.shows("started without --forward")
	})
}

// o opens the inspector in a browser, and says where it is where that does not work.
func TestOpensTheInspector(t *testing.T) {
	for want, failed := range map[string]error{
		"opened in the browser: http://127.0.0.1:8444/":     nil,
		"the inspector: http://127.0.0.1:8444/ (no screen)": errors.New("no screen"),
	} {
		synctest.Test(t, func(t *testing.T) {
			opened := 0
			p := start(t, Config{Session: session.New(session.Config{}), Inspector: "http://127.0.0.1:8444/", Browse: func() error { opened++; return failed }}, 80, 24)
			p.press("o")
			p.shows(want)
			if opened != 1 {
				t.Errorf("opened %d times", opened)
			}
		})
	}
}

func TestEditsThatAreNone(t *testing.T) {
	for text, want := range map[string]string{"nonsense": "not of the form PATH=VALUE", "payload.x:=007": "is not JSON, which := takes"} {
		if _, err := edits(text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// Keys that come faster than they are read are all taken; a pasted text is not keys.
func TestKeysAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := view(t, 80, 24)
		p.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("kk")})
		p.shows("▸ 12:00:00 message.delivered")
		p.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("q"), Paste: true})
		if p.quitted {
			t.Error("a pasted q ends")
		}
		p.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune("/1002")})
		p.press("enter")
		p.shows("  /1002", "message.delivered")
	})
}

// The run's secrets stand on no screen, also where a line is broken.
func TestSecrets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const secret = "hunter2-a-secret-of-the-run"
		p := view(t, 40, 24)
		p.m.cfg.Mask = func(text string) string {
			return strings.NewReplacer(secret, "[redacted]", "hunter2-…", "[redacted]…").Replace(text)
		}
		p.add("id-9", "message.delivered", "a-customer-"+secret, 200)
		for _, keys := range [][]string{nil, {"enter"}, {"esc", "t"}, {"esc", "y"}} {
			p.press(keys...)
			p.shows("", "hunter2")
		}
	})
}

func TestQEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := view(t, 80, 24)
		p.press("q")
		if !p.quitted {
			t.Error("q does not end")
		}
	})
}

// What comes shows at once, unless the view is paused or an older one is looked at.
func TestNews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := view(t, 80, 24)
		p.add("id-4", "account.deactivate", "1003", 200)
		p.shows("▸ 12:00:00 account.deactivate")
		p.press("up")
		p.add("id-5", "message.action_taken", "1003", 200)
		p.shows("▸ 12:00:00 notification.delivered")
		p.shows("message.action_taken")
		p.press("p")
		p.add("id-6", "message.undelivered", "1003", 200)
		p.shows("6 requests", "message.undelivered")
		p.press("p")
		p.shows("message.undelivered")
		p.s.Clear()
		p.pass(2 * refresh)
		p.shows("waiting for requests")
	})
}

// What is shown stays what keys act on, whatever comes meanwhile.
func TestTheOpenedRequestStays(t *testing.T) {
	for _, open := range []string{"enter", "t", "?"} {
		synctest.Test(t, func(t *testing.T) {
			p := view(t, 80, 24)
			p.press(open)
			p.add("id-4", "account.deactivate", "1003", 200)
			p.send(tea.WindowSizeMsg{Width: 90, Height: 24})
			if got := p.m.chosen().Number; got != 3 {
				t.Errorf("%s: keys act on #%d", open, got)
			}
			p.shows("", "account.deactivate")
		})
	}
}

// A long line is wrapped, in colours too.
func TestLongFindingsAreShownWhole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := three()
		finding := event.Finding{Clause: "R-TS", Level: event.Error, Path: "event_ts", Message: strings.Repeat("word ", 30) + "end"}
		s.Add(exchange(&capture.Record{ReceivedAt: noon, Method: "POST", Path: "/", Body: []byte("{}"), Status: 200, Findings: []event.Finding{finding}}))
		p := start(t, Config{Session: s, Style: term.NewStyle(io.Discard, term.ColorAlways)}, 60, 24)
		p.press("enter")
		p.shows("end")
	})
}

// A long notice takes more lines; one that is longer still is read with m.
func TestLongNotices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		notices := make(chan string, 1)
		p := start(t, Config{Session: three(), Notices: notices}, 40, 12)
		notices <- strings.Repeat("word ", 20) + "end"
		p.settle()
		p.shows("end")
		p.shows("▸")
		notices <- strings.Repeat("word ", 100) + "the last of it"
		p.settle()
		p.shows("… m: whole", "the last of it")
		p.press("m", "G")
		p.shows("word end")
		p.press("k", "k", "k")
		p.shows("the last of it", "word end")
	})
}

// slowly is a session with an app that does not answer before it may.
func slowly(free chan struct{}) *session.Session {
	s := session.New(session.Config{
		Curl: func(*capture.Record) (string, []string) { <-free; return "curl it", nil },
		Replay: func(ctx context.Context, _, _ string, _ http.Header, _ []byte) (capture.App, error) {
			<-free
			return capture.App{Status: 200}, nil
		},
	})
	s.Add(exchange(record("id-1", "message.delivered", "1001", 200)))
	s.Add(exchange(record("id-2", "notification.delivered", "1002", 500)))
	return s
}

// What takes long is said so, and keys work meanwhile; what was asked for last is shown.
func TestReadingHoldsNoKeysUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		p := start(t, Config{Session: slowly(free)}, 80, 24)
		p.press("y")
		p.shows("▸", "reading")
		p.pass(2 * patience)
		p.shows("reading… esc stops")
		p.press("k")
		p.shows("▸ 12:00:00 message.delivered")
		p.press("enter")
		p.shows("#1  message.delivered", "reading")
		close(free)
		p.settle()
		p.shows("#1  message.delivered", "curl it")
		p.press("y")
		p.shows("curl it")
	})
}

func TestEscStopsReading(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		free := make(chan struct{})
		p := start(t, Config{Session: slowly(free)}, 80, 24)
		p.press("y")
		p.pass(2 * patience)
		p.press("esc")
		close(free)
		p.settle()
		p.shows("▸ 12:00:00 notification.delivered", "reading", "curl it")
	})
}

// capture of so many requests as a session.
func captured(t *testing.T, n int) *session.Session {
	t.Helper()
	var lines []byte
	for i := 1; i <= n; i++ {
		name := "message.delivered"
		if i%1000 == 1 {
			name = "account.deactivate"
		}
		lines = record(fmt.Sprintf("id-%d", i), name, fmt.Sprint(i), 200).Append(lines)
	}
	s, err := session.Open(t.Context(), session.Config{}, []session.File{{R: strings.NewReader(string(lines)), Size: int64(len(lines))}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// A long list is walked to both ends, and holds a bounded part of it.
func TestLongList(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 7001
		p := start(t, Config{Session: captured(t, n)}, 80, 24)
		at := func(want uint64) {
			t.Helper()
			if got := p.m.rows.chosen(); got == nil || got.Number != want {
				t.Errorf("%+v is chosen, not %d", got, want)
			}
			if len(p.m.rows.rows) > mostRows {
				t.Errorf("%d rows", len(p.m.rows.rows))
			}
			p.shows("▸")
		}
		at(n)
		for range 200 {
			p.press("pgup")
		}
		at(n - 200*21)
		for range 100 {
			p.press("pgdown")
		}
		at(n - 100*21)
		for range 200 {
			p.press("pgdown")
		}
		at(n)
		p.press("g")
		at(1)
		p.press("j")
		at(2)
		for range 100 {
			p.press("pgdown")
		}
		at(2 + 100*21)
		p.press("G")
		at(n)
		p.press("/", "event=account.*", "enter", "k")
		at(n - 1000)
		p.press("home")
		at(1)
		p.shows("  /event=account.*")
	})
}

// More than the list holds is neither lost from sight nor kept.
func TestManyRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := view(t, 80, 24)
		more := func(n int) {
			for range n {
				p.s.Add(exchange(record("x", "message.delivered", "1", 200)))
			}
			p.pass(2 * refresh)
		}
		more(400)
		more(3000)
		p.shows("3403 requests")
		if c := p.m.rows.chosen(); c.Number != 3403 {
			t.Errorf("#%d is chosen", c.Number)
		}
		p.press("pgup")
		looked := p.m.rows.chosen().Number
		more(3000)
		if c := p.m.rows.chosen(); c.Number != looked {
			t.Errorf("#%d is chosen, not #%d", c.Number, looked)
		}
		for p.m.rows.chosen().Number < 6000 {
			p.press("pgdown")
		}
		p.press("G")
		more(10)
		if c := p.m.rows.chosen(); c.Number != 6413 {
			t.Errorf("#%d is chosen", c.Number)
		}
		p.press("g")
		if c := p.m.rows.chosen(); c.Number != 1 {
			t.Errorf("#%d is chosen", c.Number)
		}
	})
}

// A word that was to be a filter is looked for as text, and the view says so.
func TestFilterWords(t *testing.T) {
	for word, want := range map[string]string{
		"event:message.*":  "event=message.*",
		"evnt=message.*":   "event=message.*",
		"Status=500":       "status=500",
		"sttaus:5xx":       "status=5xx",
		"http://localhost": "",
		"a=b":              "",
		"word":             "",
	} {
		if got := meant(word); got != want {
			t.Errorf("%s: %q", word, got)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		p := view(t, 80, 24)
		p.press("/", "event:x", "enter")
		p.shows(`"event:x" is looked for as text; did you mean event=x?`)
		p.shows("no request matches")
	})
}

// Every screen fills the terminal exactly, and no line is too long.
func TestScreensFit(t *testing.T) {
	for _, size := range [][2]int{{80, 24}, {120, 40}, {40, 12}, {20, 5}, {1, 1}} {
		for _, keys := range [][]string{nil, {"enter"}, {"?"}, {"t"}, {"/", "status=200"}, {"e"}, {"="}} {
			synctest.Test(t, func(t *testing.T) {
				p := view(t, 100, 30)
				p.press(keys...)
				p.send(tea.WindowSizeMsg{Width: size[0], Height: size[1]})
				p.fits(size[0], size[1])
			})
		}
	}
}

// A terminal that knows no size is taken for the usual one.
func TestNoSize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := view(t, 0, 0)
		p.fits(80, 24)
		p.shows("3 requests")
	})
}

// fits says whether the screen fills the terminal, whichever way it counts columns.
func (p *program) fits(width, height int) {
	p.Helper()
	lines := strings.Split(p.m.View(), "\n")
	if len(lines) != height {
		p.Errorf("%d lines on %dx%d", len(lines), width, height)
	}
	for _, l := range lines {
		if ansi.StringWidth(l) > width || ansi.StringWidthWc(l) > width {
			p.Errorf("too wide for %dx%d: %q", width, height, l)
		}
	}
}

// Esc leaves a page also while it is read again, as after another attempt or a new size.
func TestEscLeavesAPageThatIsReadAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := view(t, 80, 24)
		p.press("enter")
		if _, again := p.m.Update(tea.WindowSizeMsg{Width: 70, Height: 16}); again == nil || !p.m.reading.runs() {
			t.Fatal("the page is not read again")
		}
		p.press("esc")
		if p.m.page() != nil {
			t.Error("the page is still there")
		}
	})
}
