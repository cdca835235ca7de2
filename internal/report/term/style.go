// Package term writes text for people: styles, the widths of columns, how ids,
// times and counts are written, and the line of a terminal that changes. Begin at
// Style, which is how text looks on one writer, and at Clean, which every text
// from outside has to pass on its way to a terminal.
//
// It knows events and findings, but neither sending, receiving nor checking.
package term

import (
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/charmbracelet/lipgloss"
	"github.com/muesli/termenv"
	xterm "golang.org/x/term"

	"relayctl/internal/event"
)

// ColorMode says when output is coloured.
type ColorMode string

// The modes. ColorAuto colours only terminals.
const (
	ColorAuto   ColorMode = "auto"
	ColorAlways ColorMode = "always"
	ColorNever  ColorMode = "never"
)

// Style is how text looks on one writer. Except for Refit it is safe for concurrent
// use.
type Style struct {
	Width    int        // columns of the terminal, 0 if there is none
	Terminal bool       // the writer is a terminal
	Columns  func() int // asks the terminal for its width, 0 if that fails; nil if there is none
	looks    map[string]look
}

// look is what a style puts around a text; the zero value changes nothing.
type look struct{ before, after string }

// NewStyle looks at the writer: only a terminal has a width and, in ColorAuto,
// colours.
func NewStyle(w io.Writer, mode ColorMode) *Style {
	end, key := behind(w)
	s := &Style{}
	if f := File(w); f != nil && xterm.IsTerminal(int(f.Fd())) {
		s.Terminal = true
		s.Width = 80
		s.Columns = func() int {
			width, _, err := xterm.GetSize(int(f.Fd()))
			if err != nil {
				return 0
			}
			return width
		}
		s.Refit()
	}
	if mode == ColorAlways || mode == ColorAuto && s.Terminal && os.Getenv("TERM") != "dumb" {
		s.looks = looks(lipgloss.NewRenderer(end), key)
	}
	return s
}

// bold is the look of headings.
const bold = "bold"

// looks makes all looks once, with the key that lets them pass a gate.
func looks(r *lipgloss.Renderer, key string) map[string]look {
	r.SetColorProfile(termenv.ANSI256)
	// Asking the terminal for its background would write to it; the colours
	// below read on both.
	r.SetHasDarkBackground(true)
	all := map[string]look{}
	add := func(name string, style lipgloss.Style) {
		before, after, _ := strings.Cut(style.Render("x"), "x")
		all[name] = look{strings.ReplaceAll(before, "\x1b", "\x1b"+key), strings.ReplaceAll(after, "\x1b", "\x1b"+key)}
	}
	for _, tone := range []string{toneGood, toneBad, toneWarn, toneDim, toneMessage, toneNotification, toneChannel, toneAccount} {
		style := r.NewStyle().Foreground(lipgloss.Color(tone))
		add(tone, style.Bold(tone == toneBad))
	}
	add(bold, r.NewStyle().Bold(true))
	return all
}

// Refit reads the width of the terminal again, because the user may have resized
// the window.
func (s *Style) Refit() {
	if s.Columns == nil {
		return
	}
	if width := s.Columns(); width > 0 {
		s.Width = width
	}
}

// paint gives a text a look.
func (s *Style) paint(name, t string) string {
	l := s.looks[name]
	return l.before + t + l.after
}

// The colours: of the 256, those with enough contrast on dark and on light.
const (
	toneGood         = "28"
	toneBad          = "167"
	toneWarn         = "136"
	toneDim          = "244"
	toneMessage      = "68"
	toneNotification = "30"
	toneChannel      = "133"
	toneAccount      = "130"
)

// Good shows what is well.
func (s *Style) Good(t string) string { return s.paint(toneGood, t) }

// Bad shows what failed.
func (s *Style) Bad(t string) string { return s.paint(toneBad, t) }

// Warn shows what to look at.
func (s *Style) Warn(t string) string { return s.paint(toneWarn, t) }

// Dim shows what matters less.
func (s *Style) Dim(t string) string { return s.paint(toneDim, t) }

// Bold shows a heading.
func (s *Style) Bold(t string) string { return s.paint(bold, t) }

// Tone is what a colour means. The words beside it always say the same.
type Tone string

// The tones.
const (
	Plain Tone = ""
	Good  Tone = "good"
	Warn  Tone = "warn"
	Bad   Tone = "bad"
	Muted Tone = "muted"
)

// Tone is the function that shows a text in a tone.
func (s *Style) Tone(t Tone) func(string) string {
	switch t {
	case Good:
		return s.Good
	case Bad:
		return s.Bad
	case Warn:
		return s.Warn
	case Muted:
		return s.Dim
	}
	return func(t string) string { return t }
}

// FindingTone is how findings of a level look.
func (s *Style) FindingTone(level event.Level) func(string) string {
	if level == event.Error {
		return s.Bad
	}
	return s.Warn
}

// Wrapped breaks a text at spaces so that its lines fit the terminal beside an
// indent. If there is no terminal, it stays one line.
func (s *Style) Wrapped(text string, indent int) []string {
	room := s.Width - indent
	if s.Width == 0 || room < 20 || Columns(text) <= room {
		return []string{text}
	}
	return Wrap(text, room)
}

// Within is Wrapped for texts from outside: words that are too long are cut.
func (s *Style) Within(text string, indent int) []string {
	lines := s.Wrapped(text, indent)
	if s.Width > 0 {
		for i := range lines {
			lines[i] = Cut(lines[i], max(s.Width-indent, 20))
		}
	}
	return lines
}

// Name shows a text in the colour of an event name's family. The inspector has colours of
// its own, in inspector.css.
func (s *Style) Name(name, padded string) string {
	c := toneDim
	switch event.FamilyOf(name) {
	case "message":
		c = toneMessage
	case "notification":
		c = toneNotification
	case "notification_channel", "channel_consent":
		c = toneChannel
	case "account":
		c = toneAccount
	}
	return s.paint(c, padded)
}

// NameColumn is the column of event names.
func (s *Style) NameColumn(name string) string { return s.Name(name, Fit(NameOf(name), NameWidth)) }

// ShowsIDs says whether a line about an attempt or a request has room for the event
// id: on a narrow terminal it gives way to the customer.
func (s *Style) ShowsIDs() bool { return s.Width == 0 || s.Width >= idsFrom }

// IDColumn is a column of ids, shortened as everywhere.
func (s *Style) IDColumn(id string) string { return s.Dim(Fit(ShortID(id), IDWidth)) }

// CustomerWidth is the width of a column of customers, the least where there is no
// terminal.
func (s *Style) CustomerWidth() int {
	switch {
	case s.Width == 0:
		return pipedCustomer
	case s.Width >= wideFrom:
		return wideCustomer
	}
	return slimCustomer
}

// CustomerColumn is a column of customers: "-" stands for none. One that is too long
// keeps both ends. Where there is no terminal, it is whole.
func (s *Style) CustomerColumn(customer string) string {
	width := s.CustomerWidth()
	if customer == "" {
		customer = "-"
	}
	if s.Width == 0 {
		return fmt.Sprintf("%-*s", width, shorten(Clean(customer), mostCustomer))
	}
	return Fit(shorten(Clean(customer), width), width)
}

// Status is the column of an answer's status, three columns wide: "---" stands for
// no answer.
func (s *Style) Status(code int) string {
	switch {
	case code == 0:
		return s.Warn("---")
	case !event.Accepted(code):
		return s.Bad(strconv.Itoa(code))
	case code != 200:
		return s.Warn(strconv.Itoa(code))
	}
	return s.Good("200")
}

// Badges shows as many badges as fit into room columns and counts the others:
// "late 3.2s +2". It returns how many columns they take.
func (s *Style) Badges(badges []string, room int) (shown string, columns int) {
	add := func(tone func(string) string, text string) bool {
		gap := min(columns, 1)
		if columns+gap+Columns(text) > room {
			return false
		}
		shown += strings.Repeat(" ", gap) + tone(text)
		columns += gap + Columns(text)
		return true
	}
	for i, text := range badges {
		if !add(s.BadgeTone(text), Clean(text)) {
			add(s.Warn, fmt.Sprintf("+%d", len(badges)-i))
			break
		}
	}
	return shown, columns
}

// BadgeTone is how a badge looks.
func (s *Style) BadgeTone(badge string) func(string) string {
	if badge == "conflict" {
		return s.Bad
	}
	return s.Warn
}

// Hanging writes a text after a head that is indent columns wide. Further lines of
// the text are indented by as much.
func (s *Style) Hanging(w io.Writer, head string, indent int, text string) {
	for _, line := range s.Wrapped(text, indent) {
		fmt.Fprintln(w, head+line)
		head = strings.Repeat(" ", indent)
	}
}
