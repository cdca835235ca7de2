// Package tui is the keyboard view: a session's requests in a terminal. Begin at Run, then at model, which is what bubbletea asks for: Update
// takes keys, news and what was read, View draws. What reads the session is a job that
// runs beside the view, so that keys work meanwhile.
//
// It shows and does only what the session offers, and knows neither the receiver nor the
// inspector in the browser. Every text from outside passes term.Clean, because the view
// writes to the terminal itself and not through term.Gate.
package tui

import (
	"context"
	"errors"
	"io"
	"os"

	tea "github.com/charmbracelet/bubbletea"

	"relayctl/internal/report/term"
	"relayctl/internal/session"
)

// Config says what the keyboard view shows and where.
type Config struct {
	Session   *session.Session
	In        *os.File
	Out       *os.File
	Style     *term.Style
	Title     string              // what is looked at: the receiver's URL, or the capture
	Inspector string              // its URL, "" where it is not on
	Browse    func() error        // opens the inspector in a browser; nil where there is none
	Mask      func(string) string // takes the secrets of the run out of a text; nil for none
	// Notices are shown as they come; nil for none.
	Notices <-chan string
}

// Run shows the session until q is pressed or ctx is done, and leaves the terminal as it
// was. The error is that of the terminal.
func Run(ctx context.Context, cfg Config) error {
	ctx, done := context.WithCancel(ctx)
	defer done()
	in := watchedInput{cfg.In, done}
	p := tea.NewProgram(newModel(ctx, cfg), tea.WithInput(in), tea.WithOutput(cfg.Out), tea.WithAltScreen(), tea.WithoutSignalHandler())
	// A program that is killed, as by WithContext, closes its input while it is read.
	defer context.AfterFunc(ctx, p.Quit)()
	_, err := p.Run()
	return err
}

// watchedInput ends the view when the terminal is gone: its window was closed, or the
// connection to it broke.
type watchedInput struct {
	*os.File
	gone func()
}

// Read implements io.Reader.
func (w watchedInput) Read(p []byte) (int, error) {
	n, err := w.File.Read(p)
	if n == 0 && errors.Is(err, io.EOF) {
		w.gone()
	}
	return n, err
}
