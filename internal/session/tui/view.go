package tui

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/charmbracelet/x/ansi"

	"relayctl/internal/duration"
	"relayctl/internal/recv/judge"
	"relayctl/internal/report/term"
	"relayctl/internal/session"
)

// narrow is the width below which less is shown of each request.
const narrow = 64

// mostCell bounds a text from outside, in bytes, before it is brought to its columns.
const mostCell = 1 << 10

// clip cuts a text to most bytes.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + "…"
}

// pageHeight is how many rows of the list, or lines of a page, fit.
func (m *model) pageHeight() int { return max(1, m.height-3) }

// View implements tea.Model. It draws exactly as many lines as the terminal has.
func (m *model) View() string {
	bottom := m.bottom()
	room := max(1, m.height-2-len(bottom))
	lines := make([]string, 1, m.height)
	lines[0] = m.header()
	if p := m.page(); p != nil {
		lines = append(lines, p.lines[min(p.top, len(p.lines)):min(p.top+room, len(p.lines))]...)
	} else {
		lines = append(lines, m.list(room)...)
	}
	for len(lines) < 1+room {
		lines = append(lines, "")
	}
	lines = append(append(lines, bottom...), m.footer())
	for i, l := range lines {
		lines[i] = cut(m.masked(harmless(l)), m.width)
	}
	return strings.Join(lines[:max(1, m.height)], "\n")
}

// masked is a text without the run's secrets.
func (m *model) masked(text string) string {
	if m.cfg.Mask == nil {
		return text
	}
	return m.cfg.Mask(text)
}

// cut brings a line to a width at most, whichever way the terminal counts: they do not
// agree on the width of characters that are put together.
func cut(line string, width int) string {
	for w := width; w >= 0 && max(ansi.StringWidth(line), ansi.StringWidthWc(line)) > width; w-- {
		line = ansi.TruncateWc(ansi.Truncate(line, w, "…"), w, "…")
	}
	return line
}

// colours are the only sequences that a line may have.
var colours = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile("\x1b\\[[0-9;]*m") })

// harmless cleans what stands between the colours of a line. Whoever makes a text cleans it
// too; this is for texts that were missed.
func harmless(line string) string {
	var b strings.Builder
	at := 0
	for _, c := range colours().FindAllStringIndex(line, -1) {
		b.WriteString(term.Clean(line[at:c[0]]) + line[c[0]:c[1]])
		at = c[1]
	}
	return b.String() + term.Clean(line[at:])
}

func (m *model) header() string {
	st := m.cfg.Style
	if p := m.page(); p != nil {
		where := ""
		if height := m.pageHeight(); len(p.lines) > height {
			where = fmt.Sprintf("   %d–%d of %d", p.top+1, min(p.top+height, len(p.lines)), len(p.lines))
		}
		room := m.width - len("   esc back") - ansi.StringWidth(where)
		return st.Bold(ansi.Truncate(p.title, max(room, 10), "…")) + st.Dim(where+"   esc back")
	}
	head := ""
	if m.paused {
		head += st.Warn("  paused")
	}
	if m.findings {
		head += st.Warn("  only findings")
	}
	if m.filter != "" {
		head += st.Warn("  /" + term.Clean(m.filter))
	}
	title := term.Clean(m.cfg.Title)
	if m.width >= 60 || head == "" {
		title = "relayctl " + title
	}
	return st.Bold(ansi.Truncate(title, max(10, m.width-ansi.StringWidth(head)), "…")) + head
}

// list draws the rows in sight.
func (m *model) list(room int) []string {
	w := &m.rows
	if len(w.rows) == 0 {
		empty := "waiting for requests"
		switch {
		case m.listing.runs():
			empty = "" // it is not known yet
		case w.older != 0:
			empty = "none of those read so far matches, and older ones were not read; esc shows all"
		case m.filter != "" || m.findings:
			empty = "no request matches; esc shows all"
		case !m.stats.Live:
			empty = "the capture holds no requests"
		}
		return []string{"", m.cfg.Style.Dim("  " + empty)}
	}
	var out []string
	for i := max(w.top, w.at-room+1); i < len(w.rows) && len(out) < room; i++ {
		out = append(out, m.row(w.rows[i], i == w.at))
	}
	return out
}

// row draws a request; on a narrow terminal the id gives way first, then the
// customer and the time.
func (m *model) row(r *session.Request, chosen bool) string {
	st, rc := m.cfg.Style, r.First()
	mark := "  "
	switch {
	case chosen && m.isMarked(r):
		mark = st.Bold("▸•")
	case chosen:
		mark = st.Bold("▸ ")
	case m.isMarked(r):
		mark = st.Bold(" •")
	}
	name := clip(rc.Event.Name, mostCell)
	if r.Record.EventName == "" && name == "" {
		name = clip(r.Record.Method+" "+r.Record.Path, mostCell)
	}
	var parts []string
	if m.width >= 48 {
		parts = append(parts, st.Dim(term.Seconds(rc.ReceivedAt.Local())))
	}
	parts = append(parts, m.name(rc, name))
	if m.width >= narrow {
		parts = append(parts, term.Fit(term.Clean(clip(r.Customer(), mostCell)), 12))
	}
	if m.width >= 100 {
		parts = append(parts, st.IDColumn(clip(rc.Event.ID, mostCell)))
	}
	parts = append(parts, m.answered(rc))
	if n := len(r.Findings()); n > 0 {
		parts = append(parts, st.Bad(term.Count(n, "finding")))
	}
	line := strings.Join(parts, " ")
	if shown, _ := st.Badges(badgeTexts(r), m.width-3-ansi.StringWidth(line)); shown != "" {
		line += " " + shown
	}
	if chosen {
		line = st.Bold(ansi.Strip(line))
	}
	return mark + line
}

func badgeTexts(r *session.Request) []string {
	var texts []string
	for _, b := range r.Badges() {
		texts = append(texts, clip(b.String(), mostCell))
	}
	return texts
}

func (m *model) name(rc *judge.Receipt, name string) string {
	text := term.NameOf(name)
	if rc.Members > 1 {
		text = fmt.Sprintf("%s +%d", text, rc.Members-1)
	}
	return m.cfg.Style.Name(rc.Event.Name, term.Fit(text, min(31, max(12, m.width-20))))
}

// answered is the status and who gave it: "500 app 1.3ms", or "500 app" on a narrow
// terminal.
func (m *model) answered(rc *judge.Receipt) string {
	st := m.cfg.Style
	text := st.Status(rc.Status)
	switch rc.By {
	case judge.ByApp:
		text += st.Dim(" app")
		if m.width >= narrow {
			text += st.Dim(" " + duration.Text(rc.AppTook))
		}
	case judge.ByScript:
		text += st.Dim(" script")
	}
	return text
}

// bottom are the lines above the footer: what is asked for, what is read, or what was
// done, of which so much is shown as leaves half of the screen.
func (m *model) bottom() []string {
	st := m.cfg.Style
	switch {
	case m.asks != nothing:
		return []string{m.input.View()}
	case m.notice != "":
		lines := wrapped(m.notice, m.width)
		if most := max(1, m.height/2-1); len(lines) > most {
			lines = append(lines[:most-1], ansi.Truncate(lines[most-1], max(1, m.width-len("… m: whole")), "")+"… m: whole")
		}
		for i, l := range lines {
			lines[i] = st.Warn(l)
		}
		return lines
	case m.listing.slow || m.reading.slow:
		return []string{st.Warn("reading… " + m.progress())}
	}
	return []string{""}
}

// progress says how far a search has come.
func (m *model) progress() string {
	if m.listing.slow && m.listing.what == older && m.rows.older != 0 {
		return "back to " + m.cfg.Session.Place(m.rows.older) + "; esc stops"
	}
	return "esc stops"
}

// footer counts, and tells of the app.
func (m *model) footer() string {
	st, s := m.cfg.Style, m.stats
	parts := []string{term.Count(s.Newest, "request")}
	switch {
	case s.Counting:
		parts = []string{fmt.Sprintf("counting… %d requests", s.Kept)}
	case s.Newest != uint64(s.Kept):
		parts = append(parts, fmt.Sprintf("%d kept", s.Kept))
	}
	if s.Dropped > 0 {
		parts = append(parts, fmt.Sprintf("%d not shown", s.Dropped))
	}
	if s.CanRules && s.Mode != session.ModeRules {
		parts = append(parts, st.Warn("answers "+string(s.Mode)))
	}
	text := st.Dim(strings.Join(parts, ", "))
	if h := s.Health; h.Known {
		text += "  " + m.health(h)
	}
	const keys = "  ? keys  q end"
	return ansi.Truncate(text, max(1, m.width-len(keys)), "…") + st.Dim(keys)
}

func (m *model) health(h session.Health) string {
	st := m.cfg.Style
	if !h.Up {
		return st.Bad("app down since "+term.Seconds(h.Since.Local())) + st.Dim(" "+term.Clean(clip(h.LastSaid, mostCell)))
	}
	tone := st.Good
	if h.Status >= 500 {
		tone = st.Bad
	}
	if m.width < narrow {
		return tone(fmt.Sprintf("app %d", h.Status))
	}
	return tone(fmt.Sprintf("app %d", h.Status)) + st.Dim(fmt.Sprintf(" %s at %s", duration.Text(h.Latency), term.Seconds(h.Last.Local())))
}

// when writes a time with its day where that is not today.
func when(t time.Time) string {
	if t.IsZero() {
		return "unknown"
	}
	if local := t.Local(); local.Format(time.DateOnly) != time.Now().Format(time.DateOnly) {
		return local.Format(time.DateOnly) + " " + term.Clock(local)
	}
	return term.Clock(t.Local())
}
