package tui

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/charmbracelet/bubbles/textinput"
	tea "github.com/charmbracelet/bubbletea"

	"relayctl/internal/report/term"
	"relayctl/internal/session"
)

// asking is what a line of input is for.
type asking int

const (
	nothing asking = iota
	filter
	edit
)

// model is the state of the view.
type model struct {
	ctx context.Context
	cfg Config

	width, height int
	rows          window
	pages         []*page // over the list, the last one is shown
	paused        bool
	stats         session.Stats
	seen, cleared uint64 // what Wait was told

	query    session.Query
	filter   string // as it was typed
	findings bool   // only requests with findings
	marked   uint64 // number of the marked request, 0 for none

	asks     asking
	input    textinput.Model
	notice   string // what was last done, or why it could not be
	messages []string

	jobs             uint64 // begun so far
	listing, reading job    // of rows, and of a page
	behind           bool   // something came while rows were read
}

// job is what is read beside the view. A newer one takes the place of an older one.
type job struct {
	id   uint64
	stop context.CancelFunc // nil while there is none
	slow bool               // it takes so long that the view says so
	what fetch              // rows of the list
	page *page
}

const (
	// patience is how long a job may take until the view says so.
	patience = 200 * time.Millisecond
	// refresh bounds how often a busy receiver is looked at.
	refresh = 100 * time.Millisecond
	// mostMessages is how many notices are kept.
	mostMessages = 50
	// mostNotice bounds a notice, in bytes.
	mostNotice = 16 << 10
)

// What Update is told beside keys.
type (
	news struct{ session.Stats }
	look struct{}
	slow struct{ id uint64 }
	told struct{ text string }
	done struct {
		id  uint64
		got any
	}
	replayed struct {
		number uint64
		done   session.Replayed
		err    error
	}
)

func newModel(ctx context.Context, cfg Config) *model {
	m := &model{ctx: ctx, cfg: cfg, width: 80, height: 24, input: textinput.New(), rows: window{follows: true}}
	m.stats = cfg.Session.Stats()
	m.seen, m.cleared = m.stats.Newest, m.stats.Cleared
	m.input.Placeholder = "payload.message_name=Hi"
	return m
}

// Init implements tea.Model.
func (m *model) Init() tea.Cmd { return tea.Batch(m.fetch(fresh, 0), m.await(), m.hear()) }

// await waits for news of the session; of a capture these are how far it is counted.
func (m *model) await() tea.Cmd {
	switch {
	case m.stats.Counting:
		return tea.Tick(refresh, func(time.Time) tea.Msg { return news{m.cfg.Session.Stats()} })
	case !m.stats.Live:
		return nil
	}
	seen, cleared := m.seen, m.cleared
	return func() tea.Msg {
		if m.cfg.Session.Wait(m.ctx, seen, cleared) != nil {
			return nil
		}
		return news{m.cfg.Session.Stats()}
	}
}

// hear waits for a notice.
func (m *model) hear() tea.Cmd {
	if m.cfg.Notices == nil {
		return nil
	}
	return func() tea.Msg {
		select {
		case text := <-m.cfg.Notices:
			return told{text}
		case <-m.ctx.Done():
			return nil
		}
	}
}

// begin starts a job and ends the one before it.
func (m *model) begin(j *job, next job, read func(context.Context) any) tea.Cmd {
	j.end()
	m.jobs++
	*j = next
	ctx, stop := context.WithCancel(m.ctx)
	j.id, j.stop = m.jobs, stop
	id := j.id
	return tea.Batch(
		func() tea.Msg { return done{id, read(ctx)} },
		tea.Tick(patience, func(time.Time) tea.Msg { return slow{id} }))
}

func (j *job) runs() bool { return j.stop != nil }

func (j *job) end() {
	if j.runs() {
		j.stop()
	}
	*j = job{}
}

// Update implements tea.Model.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = cmp.Or(msg.Width, m.width), cmp.Or(msg.Height, m.height) // a serial line knows none
		m.fitInput()
		m.rows.scroll(m.pageHeight())
		return m, m.rebuild()
	case news:
		return m, tea.Batch(m.take(msg.Stats), tea.Tick(refresh, func(time.Time) tea.Msg { return look{} }))
	case look:
		return m, m.await()
	case slow:
		for _, j := range []*job{&m.listing, &m.reading} {
			j.slow = j.slow || j.id == msg.id
		}
	case told:
		m.say(msg.text)
		return m, m.hear()
	case done:
		return m, m.finish(msg)
	case browsed:
		m.say(msg.where(m.cfg.Inspector))
		return m, nil
	case replayed:
		m.stats = m.cfg.Session.Stats()
		m.say(m.outcome(msg))
		return m, m.rebuild()
	case tea.KeyMsg:
		return m, m.typed(msg)
	}
	return m, nil
}

// typed takes keys; those that came faster than they were read come as one.
func (m *model) typed(k tea.KeyMsg) tea.Cmd {
	switch {
	case m.asks != nothing:
		return m.answer(k)
	case k.Paste:
		return nil // pasted text is not a command
	case len(k.Runes) < 2:
		return m.key(k)
	}
	var cmds []tea.Cmd
	for _, r := range k.Runes {
		cmds = append(cmds, m.typed(tea.KeyMsg{Type: k.Type, Runes: []rune{r}, Alt: k.Alt}))
	}
	return tea.Batch(cmds...)
}

// take looks at how the session is now.
func (m *model) take(st session.Stats) tea.Cmd {
	cleared := st.Live && st.Cleared != m.cleared
	m.stats, m.seen, m.cleared = st, st.Newest, st.Cleared
	switch {
	case cleared:
		return m.fetch(fresh, 0)
	case m.paused || !st.Live:
		return nil
	}
	return m.fetch(latest, 0)
}

// finish takes what a job has read, unless a newer one has taken its place.
func (m *model) finish(d done) tea.Cmd {
	switch got := d.got.(type) {
	case fetched:
		if d.id == m.listing.id {
			return m.takeRows(got)
		}
	case built:
		if d.id == m.reading.id {
			m.takePage(got)
		}
	}
	return nil
}

// say shows a notice, and keeps it for those who want to read it again.
func (m *model) say(text string) {
	text = term.Clean(clip(text, mostNotice))
	m.notice = text
	m.messages = append(m.messages, term.Seconds(time.Now())+"  "+text)
	m.messages = slices.Delete(m.messages, 0, max(0, len(m.messages)-mostMessages))
}

// chosen is the request that keys act on, nil for none: the one that is shown, or that
// of the list.
func (m *model) chosen() *session.Request {
	if p := m.page(); p != nil {
		return p.about
	}
	return m.rows.chosen()
}
