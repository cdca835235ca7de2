// Package report shows the same facts as text, NDJSON, JSON, JUnit and HTML.
package report

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/lipgloss"
	"github.com/mattn/go-runewidth"
	"github.com/muesli/termenv"
	"golang.org/x/term"

	"relayctl/internal/event"
)

// ColorMode says when output is coloured.
type ColorMode string

// The modes. Auto colours a terminal.
const (
	ColorAuto   ColorMode = "auto"
	ColorAlways ColorMode = "always"
	ColorNever  ColorMode = "never"
)

// Style is how text looks on one writer. It is safe for concurrent use, but for
// its width.
type Style struct {
	Width    int        // columns of the terminal, 0 when there is none
	Terminal bool       // the writer is a terminal
	plain    bool       // without colours
	columns  func() int // asks the terminal, and gives 0 where that fails
	r        *lipgloss.Renderer
}

// NewStyle looks at the writer: only a terminal has a width and, in ColorAuto,
// colours.
func NewStyle(w io.Writer, mode ColorMode) *Style {
	if screen, ok := w.(*Screen); ok {
		w = screen.w
	}
	s := &Style{r: lipgloss.NewRenderer(w)}
	if f, ok := w.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		s.Terminal = true
		s.Width = 80
		s.columns = func() int {
			width, _, err := term.GetSize(int(f.Fd()))
			if err != nil {
				return 0
			}
			return width
		}
		s.refit()
	}
	switch {
	case mode == ColorAlways:
		s.r.SetColorProfile(termenv.ANSI256)
	case mode == ColorNever, !s.Terminal, os.Getenv("TERM") == "dumb":
		s.plain = true
		s.r.SetColorProfile(termenv.Ascii)
	default:
		s.r.SetColorProfile(termenv.ANSI256)
	}
	// Asking the terminal for its background would write to it; the colours
	// below read on both.
	s.r.SetHasDarkBackground(true)
	return s
}

// refit takes the terminal's width anew: a window is resized while something
// runs in it.
func (s *Style) refit() {
	if s.columns == nil {
		return
	}
	if width := s.columns(); width > 0 {
		s.Width = width
	}
}

func (s *Style) color(c string) lipgloss.Style { return s.r.NewStyle().Foreground(lipgloss.Color(c)) }

// paint shows a line as the look has it. Without colours there is nothing to do,
// which Render takes its time to find out for every line of a busy receiver.
func (s *Style) paint(look lipgloss.Style, t string) string {
	if s.plain {
		return t
	}
	return look.Render(t)
}

// The tones: middle ones of the 256 colours, whose contrast is enough on dark and
// on light.
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

func (s *Style) good(t string) string { return s.paint(s.color(toneGood), t) }
func (s *Style) bad(t string) string  { return s.paint(s.color(toneBad).Bold(true), t) }
func (s *Style) warn(t string) string { return s.paint(s.color(toneWarn), t) }
func (s *Style) dim(t string) string  { return s.paint(s.color(toneDim), t) }
func (s *Style) bold(t string) string { return s.paint(s.r.NewStyle().Bold(true), t) }

// toned shows a text in a tone.
func (s *Style) toned(tone Tone, t string) string {
	switch tone {
	case Good:
		return s.good(t)
	case Warn:
		return s.warn(t)
	case Bad:
		return s.bad(t)
	case Muted:
		return s.dim(t)
	}
	return t
}

// wrapped breaks a text at spaces so that it fits the terminal beside an
// indent; where there is no terminal it stays one line.
func (s *Style) wrapped(text string, indent int) []string {
	room := s.Width - indent
	if s.Width == 0 || room < 20 || runewidth.StringWidth(text) <= room {
		return []string{text}
	}
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && runewidth.StringWidth(line)+1+runewidth.StringWidth(word) > room {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return append(lines, line)
}

// within is wrapped for texts from outside: what has no space to break it at is
// cut.
func (s *Style) within(text string, indent int) []string {
	lines := s.wrapped(text, indent)
	if s.Width > 0 {
		for i := range lines {
			lines[i] = runewidth.Truncate(lines[i], max(s.Width-indent, 20), "…")
		}
	}
	return lines
}

// name colours an event name by its family.
func (s *Style) name(name, padded string) string {
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
	return s.paint(s.color(c), padded)
}

// Clean makes a string from outside safe to print: control characters, escape
// sequences, line breaks and characters that turn the direction of the text are
// shown as what they are.
func Clean(t string) string {
	if strings.IndexFunc(t, unsafeRune) < 0 && utf8.ValidString(t) {
		return t
	}
	var b strings.Builder
	for i, r := range t {
		switch {
		case r == utf8.RuneError && !strings.HasPrefix(t[i:], "\uFFFD"):
			fmt.Fprintf(&b, `\x%02x`, t[i])
		case r == '\n':
			b.WriteString(`\n`)
		case r == '\t':
			b.WriteString(`\t`)
		case unsafeRune(r) && r < 0x100:
			fmt.Fprintf(&b, `\x%02x`, r)
		case unsafeRune(r):
			fmt.Fprintf(&b, `\u%04x`, r)
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}

func unsafeRune(r rune) bool {
	if r < utf8.RuneSelf {
		return r < ' ' || r == 0x7f
	}
	return unicode.IsControl(r) || unicode.In(r, unicode.Bidi_Control, unicode.Zl, unicode.Zp) || r == '\uFEFF'
}

// nameOf is an event name as it is shown.
func nameOf(name string) string { return orText(Clean(name), "(no event_name)") }

// fit brings clean text to a width in columns: cut with an ellipsis, or padded.
func fit(t string, width int) string {
	return runewidth.FillRight(runewidth.Truncate(t, width, "…"), width)
}

// shortID keeps both ends of an id, for hosts and counters tell little.
func shortID(id string, width int) string {
	id = Clean(id)
	if runewidth.StringWidth(id) <= width {
		return id
	}
	if u := uuidIn(id); u != "" {
		id = u
	}
	head := (width - 1) / 2
	runes := []rune(id)
	if len(runes) <= width {
		return id
	}
	return runewidth.Truncate(string(runes[:head])+"…"+string(runes[len(runes)-(width-1-head):]), width, "…")
}

// id is the id column: both ends of the id, or a whole UUID on a wide terminal.
func (s *Style) id(id string) string {
	width := idWidth
	if s.Width >= wideFrom {
		width = wideID
	}
	return s.dim(fit(shortID(id, width), width))
}

// uuidIn finds the UUID in a host-style id (R-ID).
func uuidIn(id string) string {
	for i := 0; i+36 <= len(id); i++ {
		u := id[i : i+36]
		if u[8] == '-' && u[13] == '-' && u[18] == '-' && u[23] == '-' && strings.Trim(u, "0123456789abcdefABCDEF-") == "" {
			return u
		}
	}
	return ""
}

func clock(t time.Time) string { return t.Local().Format("15:04:05.000") }

// millis gives a duration in milliseconds, as the JSON outputs have it.
func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// human gives a duration with the digits that matter.
func human(d time.Duration) string {
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%dµs", d.Microseconds())
	case d < 10*time.Millisecond:
		return fmt.Sprintf("%.1fms", millis(d))
	case d < time.Second:
		return fmt.Sprintf("%dms", d.Milliseconds())
	case d < time.Minute:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", d.Seconds()), ".0") + "s"
	}
	return d.Round(time.Second).String()
}

// rfc3339 is how the JSON outputs write times.
func rfc3339(t time.Time) string { return t.UTC().Format(event.TimeLayout) }

// plural gives "1 event", "2 events".
func plural[N int | uint64](n N, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if base, ok := strings.CutSuffix(what, "y"); ok { // deliveries, retries
		what = base + "ie"
	}
	return fmt.Sprintf("%d %ss", n, what)
}
