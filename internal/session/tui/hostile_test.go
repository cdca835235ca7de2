package tui

import (
	"strings"
	"testing"
	"testing/synctest"

	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/session"

	tea "github.com/charmbracelet/bubbletea"
)

// hostile is a request whose every text from outside is this one.
func hostile(text string) *capture.Record {
	quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(text)
	return &capture.Record{
		ReceivedAt: noon, Remote: text, Method: "POST", Path: "/" + text, Status: 500,
		Body:      []byte(`{"event_id":"` + quoted + `","event_name":"` + quoted + `","payload":{"ccid":"` + quoted + `","` + quoted + `":["` + quoted + `"]}}`),
		EventName: text, EventID: text, Badges: []string{text, "late " + text},
		Headers:  []capture.Header{{Name: text, Value: text}},
		Findings: []event.Finding{{Level: event.Level(text), Clause: text, Path: text, Message: text}},
		App:      &capture.App{URL: text, Status: 500, Error: text, Body: []byte(text), Headers: []capture.Header{{Name: text, Value: text}}},
	}
}

// tour looks at every screen.
func tour(t *testing.T, text string, width, height int) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		s := session.New(session.Config{Curl: func(*capture.Record) (string, []string) { return "curl " + text, nil }})
		s.Add(exchange(hostile("other" + text)))
		s.Add(exchange(hostile(text)))
		notices := make(chan string, 1)
		p := start(t, Config{Session: s, Title: text, Notices: notices}, width, height)
		notices <- text
		p.settle()
		for _, keys := range [][]string{nil, {"enter"}, {"pgdown"}, {"esc", "t"}, {"esc", "y"}, {"esc", " ", "k", "="}, {"esc", "m"}, {"esc", "/"}, {"paste"}, {"enter"}} {
			if len(keys) == 1 && keys[0] == "paste" {
				p.send(tea.KeyMsg{Type: tea.KeyRunes, Runes: []rune(text), Paste: true})
			} else {
				p.press(keys...)
			}
			p.fits(width, height)
			if got := strings.ReplaceAll(p.m.View(), "\n", ""); strings.ContainsFunc(got, dangerous) {
				t.Errorf("%q: %q", keys, got)
			}
		}
	})
}

// dangerous says whether a character moves the cursor, turns text around or cannot be seen.
func dangerous(r rune) bool {
	return r < 0x20 || r >= 0x7f && r < 0xa0 || strings.ContainsRune("\u200b\u200d\u200e\u200f\u202a\u202e\u2066\u2069\ufeff\u2028", r)
}

// Nothing from outside breaks out of its place, whatever it is made of.
func TestHostileTextIsShownHarmless(t *testing.T) {
	for name, text := range map[string]string{
		"escapes":     "\x1b[2J\x1b]0;title\a\x9b2J\u009b31m\x1b[1m",
		"a colour":    "\x1b[31mred\x1b[0m",
		"direction":   "abc\u202edef\u2066ghi\u200f",
		"unseen":      "a\u200bb\u200dc\ufeffd\u2028e",
		"wide":        strings.Repeat("漢字かな交じり文", 40),
		"emoji":       strings.Repeat("👨\u200d👩\u200d👧\u200d👦🇩🇪⚠\ufe0f👍🏽", 30),
		"put on top":  "a" + strings.Repeat("\u0301\u0323", 500),
		"conjuncts":   strings.Repeat("क्षत्रिय", 40),
		"line breaks": "a\nb\r\nc\td\vf\f",
		"no UTF-8":    "\xff\xfe\xc3(\x80",
		"one word":    strings.Repeat("x", 30_000),
	} {
		t.Run(name, func(t *testing.T) {
			for _, size := range [][2]int{{80, 24}, {120, 40}, {40, 12}} {
				tour(t, text, size[0], size[1])
			}
		})
	}
}

// A body whose indents alone would take up gigabytes is shown as it came.
func TestDeepBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := session.New(session.Config{})
		s.Add(exchange(&capture.Record{ReceivedAt: noon, Method: "POST", Path: "/", Body: []byte(strings.Repeat("[", 9000) + strings.Repeat("]", 9000)), Status: 200}))
		p := start(t, Config{Session: s}, 80, 24)
		p.press("enter")
		if n := len(p.m.page().lines); n > 1000 {
			t.Errorf("%d lines", n)
		}
	})
}

func FuzzView(f *testing.F) {
	f.Add("\x1b[2J漢\u202e", uint8(80), uint8(24))
	f.Add("👨\u200d👩\u200d👧", uint8(7), uint8(3))
	f.Fuzz(func(t *testing.T, text string, width, height uint8) {
		if len(text) < 4096 {
			tour(t, text, int(width)+1, int(height)+1)
		}
	})
}
