package report

import (
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// Screen is a writer, stderr as a rule, that can have a line at its end which
// changes. Whatever is written to it, or on the same terminal within above,
// comes before that line and never into it. Safe for concurrent use.
type Screen struct {
	mu    sync.Mutex
	w     io.Writer
	live  bool // the writer is a terminal that can erase a line
	shown bool // the line is there
}

// NewScreen looks at the writer: only a terminal can have a changing line.
func NewScreen(w io.Writer) *Screen {
	f, ok := w.(*os.File)
	return &Screen{w: w, live: ok && term.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"}
}

// Write implements io.Writer.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	return s.w.Write(p)
}

// above runs f, which writes to the same terminal, where the line was.
func (s *Screen) above(f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	return f()
}

// width is how many columns the line may have; the last one stays free, for
// some terminals break the line there.
func (s *Screen) width() int {
	if f, ok := s.w.(*os.File); ok {
		if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 1 {
			return width - 1
		}
	}
	return 79
}

// show replaces the line; "" takes it away. A line that cannot be written is
// no fault of the run's.
func (s *Screen) show(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.live {
		return
	}
	s.erase()
	if line != "" {
		_, _ = io.WriteString(s.w, line)
		s.shown = true
	}
}

func (s *Screen) erase() {
	if s.shown {
		_, _ = io.WriteString(s.w, "\r\x1b[K")
		s.shown = false
	}
}

// Live says whether somebody can see the line.
func (s *Screen) Live() bool { return s.live }
