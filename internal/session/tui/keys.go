package tui

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"github.com/go-json-experiment/json"

	"relayctl/internal/duration"
	"relayctl/internal/event"
	"relayctl/internal/session"
	"relayctl/internal/suggest"
)

// key does what a key asks for.
func (m *model) key(k tea.KeyMsg) tea.Cmd {
	m.notice = ""
	if cmd, done := m.common(k.String()); done {
		return cmd
	}
	if p := m.page(); p != nil {
		return m.pageKey(p, k.String())
	}
	return m.listKey(k.String())
}

// common are the keys that mean the same everywhere.
func (m *model) common(key string) (tea.Cmd, bool) {
	switch key {
	case "q", "ctrl+c":
		return tea.Quit, true
	case "?":
		return m.help(), true
	case "m":
		return m.readMessages(), true
	case "p":
		if m.paused = !m.paused; !m.paused {
			return m.fetch(latest, 0), true
		}
	case "o":
		return m.browse(), true
	case "1", "2", "3", "4", "5":
		m.setMode(session.Modes()[key[0]-'1'])
	case "r":
		return m.replay(session.Edit{}), true
	case "R":
		return m.replay(session.Edit{FreshID: true}), true
	case "e":
		return m.ask(edit), true
	case "/":
		return m.ask(filter), true
	case "y":
		return m.curl(), true
	case "t":
		return m.journey(), true
	case "=":
		return m.compare(), true
	default:
		return nil, false
	}
	return nil, true
}

// browse opens the inspector in a browser; where there is none, it says its address.
func (m *model) browse() tea.Cmd {
	switch {
	case m.cfg.Inspector == "":
		m.say("the inspector is not on: start with --ui")
		return nil
	case m.cfg.Browse == nil:
		m.say("the inspector: " + m.cfg.Inspector)
		return nil
	}
	return func() tea.Msg { return browsed{m.cfg.Browse()} }
}

// browsed is what came of opening a browser.
type browsed struct{ err error }

// where says where the inspector is.
func (b browsed) where(inspector string) string {
	if b.err != nil {
		return "the inspector: " + inspector + " (" + b.err.Error() + ")"
	}
	return "opened in the browser: " + inspector
}

// scrolls says how far a key scrolls; ok is false for other keys.
func scrolls(key string, screen int) (by int, ok bool) {
	const far = 1 << 30
	by, ok = map[string]int{
		"up": -1, "k": -1, "down": 1, "j": 1, "pgup": -screen, "ctrl+b": -screen, "pgdown": screen, "ctrl+f": screen,
		"home": -far, "g": -far, "end": far, "G": far,
	}[key]
	return by, ok
}

func (m *model) pageKey(p *page, key string) tea.Cmd {
	if by, ok := scrolls(key, m.pageHeight()); ok {
		p.scroll(by, m.pageHeight())
		return nil
	}
	switch key {
	case " ":
		if p.whole {
			m.mark()
		} else {
			p.scroll(m.pageHeight(), m.pageHeight())
		}
	case "esc", "left", "backspace":
		opening := m.reading.runs() && m.reading.page != p
		m.reading.end()
		if opening { // what is not shown yet is not wanted any more
			return nil
		}
		m.pages = m.pages[:len(m.pages)-1]
		if back := m.page(); back != nil && back.width != m.width {
			return m.rebuild()
		}
	}
	return nil
}

func (m *model) listKey(key string) tea.Cmd {
	by, ok := scrolls(key, m.pageHeight())
	switch w := &m.rows; {
	case (key == "home" || key == "g") && w.older != 0:
		return m.fetch(oldest, 0)
	case (key == "end" || key == "G") && w.newer != 0:
		return m.fetch(fresh, 0)
	case ok:
		return m.move(by)
	}
	switch key {
	case "enter", "right":
		return m.open(m.chosen())
	case "f":
		m.findings = !m.findings
		return m.narrow(m.filter)
	case " ":
		m.mark()
	case "esc":
		switch {
		case m.reading.runs():
			m.reading.end()
		case m.listing.slow:
			m.listing.end()
		case m.filter != "" || m.findings:
			m.findings = false
			return m.narrow("")
		}
	}
	return nil
}

// mark marks the chosen request, or takes the mark away.
func (m *model) mark() {
	r := m.chosen()
	if r == nil || m.isMarked(r) {
		m.marked = 0
		return
	}
	m.marked = r.Number
	m.say(m.place(r) + " is marked: choose another one, then =")
}

func (m *model) isMarked(r *session.Request) bool {
	s := m.cfg.Session
	return m.marked != 0 && s.Number(m.marked) == s.Number(r.Number)
}

// readMessages shows the notices so far, the latest first.
func (m *model) readMessages() tea.Cmd {
	if len(m.messages) == 0 {
		return m.show(&page{title: "messages", about: m.chosen(), text: func(context.Context, int) (string, error) { return "none yet", nil }})
	}
	texts := slices.Clone(m.messages)
	slices.Reverse(texts)
	text := strings.Join(texts, "\n")
	return m.show(&page{title: "messages", about: m.chosen(), text: func(context.Context, int) (string, error) { return text, nil }})
}

// ask begins a line of input.
func (m *model) ask(what asking) tea.Cmd {
	if what == edit {
		if m.chosen() == nil {
			return nil
		}
		if m.cfg.Session.Replayable() != nil {
			return m.replay(session.Edit{}) // says why, before somebody has typed for nothing
		}
	}
	m.input.Reset()
	m.input.Prompt, m.input.Placeholder = "/", "status=500 badge=late ccid=1001 words"
	if what == edit {
		m.input.Prompt, m.input.Placeholder = "set ", "payload.message_name=Hi"
	} else {
		m.input.SetValue(m.filter)
		m.input.CursorEnd()
	}
	m.asks = what
	m.fitInput()
	return m.input.Focus()
}

func (m *model) fitInput() { m.input.Width = max(1, m.width-ansi.StringWidth(m.input.Prompt)-2) }

// answer takes a key of a line of input.
func (m *model) answer(k tea.KeyMsg) tea.Cmd {
	switch k.String() {
	case "esc", "ctrl+c":
		m.asks = nothing
		return nil
	case "enter":
		what, text := m.asks, strings.TrimSpace(m.input.Value())
		m.asks = nothing
		if what == filter {
			return m.narrow(text)
		}
		set, err := edits(text)
		if err != nil {
			m.say(err.Error())
			return nil
		}
		return m.replay(session.Edit{Set: set})
	}
	var cmd tea.Cmd
	m.input, cmd = m.input.Update(k)
	return cmd
}

// edits reads PATH=VALUE, a text, or PATH:=JSON.
func edits(text string) (map[string]any, error) {
	path, value, ok := strings.Cut(text, "=")
	if !ok {
		return nil, fmt.Errorf("%q is not of the form PATH=VALUE", text)
	}
	path, raw := strings.CutSuffix(strings.TrimSpace(path), ":")
	if !raw {
		return map[string]any{path: value}, nil
	}
	var v any
	if err := json.Unmarshal([]byte(value), &v); err != nil {
		return nil, fmt.Errorf("the value of %s is not JSON, which := takes", path)
	}
	return map[string]any{path: v}, nil
}

// filters are the names of a filter's words.
func filters() []string { return []string{"event", "ccid", "id", "status", "badge", "finding"} }

// narrow lists only what a filter selects, "" for all.
func (m *model) narrow(text string) tea.Cmd {
	values := url.Values{}
	var words []string
	for _, word := range strings.Fields(text) {
		name, value, ok := strings.Cut(word, "=")
		if ok && slices.Contains(filters(), name) {
			values.Add(name, value)
			m.doubtEvent(name, value)
			continue
		}
		if right := meant(word); right != "" {
			m.say(fmt.Sprintf("%q is looked for as text; did you mean %s?", word, right))
		}
		words = append(words, word)
	}
	if len(words) > 0 {
		values.Set("q", strings.Join(words, " "))
	}
	if m.findings {
		values.Set("finding", session.AnyFinding)
	}
	q, err := session.ParseQuery(values)
	if err != nil {
		m.say(err.Error())
		return nil
	}
	m.query, m.filter, m.pages = q, text, nil
	return m.fetch(fresh, 0)
}

// doubtEvent tells of a pattern that matches no known event.
func (m *model) doubtEvent(name, value string) {
	if name != "event" {
		return
	}
	if f, err := event.ParseFilter(value); err == nil {
		for _, what := range f.Unknown() {
			m.say(what)
		}
	}
}

// meant is the filter that a word was to be, such as event=x for event:x or evnt=x, and
// "" where it may well be a text.
func meant(word string) string {
	at := strings.IndexAny(word, ":=")
	if at <= 0 {
		return ""
	}
	if name := suggest.Nearest(word[:at], filters()); name != "" {
		return name + "=" + word[at+1:]
	}
	return ""
}

func (m *model) setMode(mode session.Mode) {
	if err := m.cfg.Session.SetMode(mode); err != nil {
		m.say(err.Error())
		return
	}
	m.stats = m.cfg.Session.Stats()
	m.say("answers: " + string(mode))
}

// replay makes the chosen request again, beside the view.
func (m *model) replay(e session.Edit) tea.Cmd {
	r := m.chosen()
	if r == nil {
		return nil
	}
	m.notice = "replaying " + m.place(r) + " …"
	return func() tea.Msg {
		done, err := m.cfg.Session.Replay(m.ctx, r.Number, e)
		return replayed{r.Number, done, err}
	}
}

// outcome words what became of a replay.
func (m *model) outcome(r replayed) string {
	place := m.cfg.Session.Place(r.number)
	switch app := &r.done.App; {
	case r.err != nil:
		return r.err.Error()
	case app.Status == 0:
		return fmt.Sprintf("%s replayed: no answer (%s)", place, app.Error)
	default:
		return strings.TrimSpace(fmt.Sprintf("%s replayed: %d app %s  %s", place, app.Status, duration.Text(app.Latency), app.Said()))
	}
}
