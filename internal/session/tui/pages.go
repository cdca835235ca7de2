package tui

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"

	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
	"relayctl/internal/report/term"
	"relayctl/internal/session"
)

// page is a text that fills the terminal over the list.
type page struct {
	title string
	about *session.Request // what keys act on, nil for none
	whole bool             // it is a request: other pages lie over it
	text  func(ctx context.Context, width int) (string, error)
	lines []string // as they fit the width
	width int
	top   int // index of the first line shown
}

// built is a page's text as it was read.
type built struct {
	page  *page
	lines []string
	width int
	err   error
}

// page is the one that is shown, nil for the list.
func (m *model) page() *page {
	if len(m.pages) == 0 {
		return nil
	}
	return m.pages[len(m.pages)-1]
}

// show reads a page beside the view, and shows it then.
func (m *model) show(p *page) tea.Cmd {
	width := m.width
	return m.begin(&m.reading, job{page: p}, func(ctx context.Context) any {
		text, err := p.text(ctx, width)
		return built{p, wrapped(m.masked(text), width), width, err}
	})
}

// rebuild reads again what is shown, or what is to be shown: for another width, or
// because it has changed.
func (m *model) rebuild() tea.Cmd {
	switch p := m.page(); {
	case m.reading.runs():
		return m.show(m.reading.page)
	case p != nil:
		return m.show(p)
	}
	return nil
}

// takePage shows a page that was read. A page about a request lies over the request,
// and takes the place of another such page.
func (m *model) takePage(b built) {
	m.reading.end()
	if b.err != nil {
		if !errors.Is(b.err, context.Canceled) {
			m.say(b.err.Error())
		}
		return
	}
	p := b.page
	p.lines, p.width = b.lines, b.width
	if !slices.Contains(m.pages, p) {
		if top := m.page(); top != nil && !top.whole {
			m.pages = m.pages[:len(m.pages)-1]
		}
		m.pages = append(m.pages, p)
	}
	p.scroll(0, m.pageHeight())
}

// scroll moves the text, within its bounds.
func (p *page) scroll(by, height int) {
	p.top = max(0, min(p.top+by, len(p.lines)-height))
}

// wrapped breaks a text into lines of a width, with what does not fit indented.
func wrapped(text string, width int) []string {
	var lines []string
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		if ansi.StringWidth(line) <= width {
			lines = append(lines, line)
			continue
		}
		indent := line[:len(line)-len(strings.TrimLeft(line, " "))] + "  "
		indent = indent[:min(len(indent), width/2)]
		for i, part := range strings.Split(ansi.Wrap(line, max(1, width-len(indent)), ""), "\n") {
			if i > 0 {
				part = indent + part
			}
			lines = append(lines, part)
		}
	}
	return lines
}

// open shows a request whole.
func (m *model) open(r *session.Request) tea.Cmd {
	if r == nil {
		return nil
	}
	return m.show(&page{title: m.place(r) + "  " + term.NameOf(clip(r.First().Event.Name, mostCell)), about: r, whole: true, text: func(ctx context.Context, _ int) (string, error) {
		var b strings.Builder
		m.writeAnswer(&b, r)
		m.writeAttempts(ctx, &b, r)
		m.writeBody(&b, "body", r.Record.Body)
		m.writeHeaders(&b, "headers", r.Record.Headers)
		if app := r.Record.App; app != nil {
			m.writeHeaders(&b, "what the app answered", app.Headers)
			m.writeBody(&b, "its body", app.Body)
		}
		return b.String(), ctx.Err()
	}})
}

// place is a request's number as it is shown.
func (m *model) place(r *session.Request) string { return m.cfg.Session.Place(r.Number) }

func (m *model) writeAnswer(b *strings.Builder, r *session.Request) {
	st, rc := m.cfg.Style, r.First()
	fmt.Fprintf(b, "received   %s from %s\n", when(rc.ReceivedAt), term.Clean(r.Record.Remote))
	fmt.Fprintf(b, "answer     %s  %s\n", m.answered(rc), st.Dim(term.Clean(rc.Answer)))
	if r.Record.App != nil && r.Record.App.Error != "" {
		fmt.Fprintf(b, "           %s\n", st.Bad(term.Clean(r.Record.App.Error)))
	}
	if customer := r.Customer(); customer != "" {
		fmt.Fprintf(b, "customer   %s\n", term.Clean(customer))
	}
	for _, one := range r.Receipts {
		badges := ""
		for _, badge := range one.Badges {
			text := badge.String()
			badges += "  " + st.BadgeTone(text)(term.Clean(text))
		}
		fmt.Fprintf(b, "event      %s  %s%s\n", term.Clean(one.Event.Name), st.Dim(term.Clean(one.Event.ID)), badges)
	}
	for _, f := range r.Findings() {
		fmt.Fprintf(b, "%s    %s  %s %s\n", st.FindingTone(f.Level)(term.Clean(string(f.Level))), st.Bold(term.Clean(f.Clause)), term.Clean(f.Path), term.Clean(f.Message))
	}
}

// writeAttempts lists every attempt of the event, where there were several, and the
// replays made from here.
func (m *model) writeAttempts(ctx context.Context, b *strings.Builder, r *session.Request) {
	attempts, err := m.cfg.Session.Attempts(ctx, r.First().Event.ID, r.Number)
	if err == nil && len(attempts) > 1 {
		b.WriteString("\n" + m.cfg.Style.Bold("attempts of this event") + "\n")
		for _, one := range attempts {
			fmt.Fprintf(b, "  %-7s %s  %s\n", m.place(one), when(one.First().ReceivedAt), m.answered(one.First()))
		}
	}
	for i, done := range m.cfg.Session.Replays(r.Number) {
		if i == 0 {
			b.WriteString("\n" + m.cfg.Style.Bold("replays") + "\n")
		}
		edited := ""
		if done.Edited {
			edited = "  edited"
		}
		fmt.Fprintf(b, "  %s  %s %s%s\n", when(done.At), m.cfg.Style.Status(done.App.Status), term.Clean(cmp.Or(done.App.Said(), done.App.Error)), edited)
	}
}

// writeBody writes JSON formatted, and any other text as it came.
func (m *model) writeBody(b *strings.Builder, head string, body []byte) {
	if len(body) == 0 {
		return
	}
	b.WriteString("\n" + m.cfg.Style.Bold(head) + "\n")
	text := string(body)
	defer func() {
		if came := strings.TrimRight(string(body), "\n"); came != strings.TrimRight(text, "\n") {
			b.WriteString("\n" + m.cfg.Style.Bold(head+" as it came") + "\n  " + term.Clean(came) + "\n")
		}
	}()
	if indented, ok := capture.Indent(body); ok {
		text = string(indented)
	}
	for line := range strings.SplitSeq(strings.TrimRight(text, "\n"), "\n") {
		b.WriteString("  " + term.Clean(line) + "\n")
	}
}

func (m *model) writeHeaders(b *strings.Builder, head string, headers []capture.Header) {
	if len(headers) == 0 {
		return
	}
	b.WriteString("\n" + m.cfg.Style.Bold(head) + "\n")
	for _, h := range headers {
		fmt.Fprintf(b, "  %s: %s\n", term.Clean(h.Name), term.Clean(h.Value))
	}
}

// curl shows the chosen request as a command.
func (m *model) curl() tea.Cmd {
	r := m.chosen()
	if r == nil {
		return nil
	}
	return m.show(&page{title: m.place(r) + " as a curl command", about: r, text: func(context.Context, int) (string, error) {
		command, variables := m.cfg.Session.Curl(r)
		if command == "" {
			return "", errors.New("no curl command: the request was recorded without its body, or its target is not known")
		}
		lines := strings.Split(command, "\n")
		for i := range lines {
			lines[i] = term.Clean(lines[i])
		}
		text := strings.Join(lines, "\n")
		if len(variables) > 0 {
			text += "\n\nset first: " + strings.Join(variables, ", ")
		}
		return text, nil
	}})
}

// compare shows where the marked request and the chosen one differ.
func (m *model) compare() tea.Cmd {
	r := m.chosen()
	marked := m.cfg.Session.Number(m.marked)
	if r == nil || marked == 0 || marked == m.cfg.Session.Number(r.Number) {
		m.say("mark a request with the space bar, choose another one, then =")
		return nil
	}
	return m.show(&page{title: m.cfg.Session.Place(marked) + " and " + m.place(r), about: r, text: func(ctx context.Context, _ int) (string, error) {
		c, err := m.cfg.Session.Diff(ctx, marked, r.Number)
		if err != nil {
			return "", err
		}
		var b strings.Builder
		for _, d := range c.Differences {
			fmt.Fprintf(&b, "%s %s\n  %s\n  %s\n", d.Part, term.Clean(d.Path), m.cfg.Style.Bad("- "+side(d.A)), m.cfg.Style.Good("+ "+side(d.B)))
		}
		if len(c.Differences) == 0 {
			b.WriteString("the requests do not differ")
		}
		return b.String(), nil
	}})
}

func side(text *string) string {
	if text == nil {
		return "(not there)"
	}
	return term.Clean(*text)
}

// journey shows what came of the chosen request's customer, in true order.
func (m *model) journey() tea.Cmd {
	r := m.chosen()
	if r == nil {
		return nil
	}
	customer := r.Customer()
	if customer == "" {
		m.say("the request names no customer")
		return nil
	}
	return m.show(&page{title: "customer " + term.Clean(clip(customer, mostCell)) + " in true order", about: r, text: func(ctx context.Context, width int) (string, error) {
		j, err := m.cfg.Session.Journey(ctx, customer)
		if err != nil {
			return "", err
		}
		var b strings.Builder
		day := ""
		for i := range j.Events {
			e := &j.Events[i]
			if d := term.Day(e.TS.Local()); d != day && !e.TS.IsZero() {
				day = d
				b.WriteString(m.cfg.Style.Dim(d) + "\n")
			}
			m.writeEvent(&b, e, width)
		}
		return b.String(), nil
	}})
}

// writeEvent writes an event of a journey and how it arrived.
func (m *model) writeEvent(b *strings.Builder, e *judge.JourneyEvent, width int) {
	st := m.cfg.Style
	clock := func(t time.Time) string {
		if t.IsZero() || term.Day(t) != term.Day(e.TS) {
			return when(t)
		}
		return term.Clock(t.Local())
	}
	if width < narrow {
		fmt.Fprintf(b, "%s %s\n", clock(e.TS), st.Name(e.Name, term.NameOf(e.Name)))
	} else {
		fmt.Fprintf(b, "%s  %s  %s\n", clock(e.TS), st.NameColumn(e.Name), st.IDColumn(e.ID))
	}
	for _, a := range e.Arrivals {
		tone := st.Bad
		if event.Accepted(a.Status) {
			tone = st.Good
		}
		badges := ""
		for _, badge := range a.Badges {
			badges += "  " + st.BadgeTone(badge.String())(term.Clean(badge.String()))
		}
		fmt.Fprintf(b, "  %s %-5s came %s  %s%s\n", tone("●"), m.cfg.Session.Place(a.Seq), clock(a.ReceivedAt), st.Status(a.Status), badges)
	}
	if e.Lacks != "" {
		fmt.Fprintf(b, "  %s\n", st.Warn("its "+term.Clean(e.Lacks)+" is missing"))
	}
}
