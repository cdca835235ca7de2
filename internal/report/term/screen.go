package term

import (
	"io"
	"os"
	"sync"

	xterm "golang.org/x/term"
)

// Screen is a writer, usually stderr, whose last line can change, such as a line of
// progress. What is written to it, or to the same terminal within Above, goes
// before that line. It is safe for concurrent use.
type Screen struct {
	Out   io.Writer
	Live  bool // Out is a terminal that can erase a line
	mu    sync.Mutex
	shown bool // the line is visible
}

// NewScreen looks at the writer: only a terminal can have a changing line.
func NewScreen(w io.Writer) *Screen {
	f := File(w)
	return &Screen{Out: w, Live: f != nil && xterm.IsTerminal(int(f.Fd())) && os.Getenv("TERM") != "dumb"}
}

// Write implements io.Writer.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	return s.Out.Write(p)
}

// Above takes the line away and runs f, which writes to the same terminal.
func (s *Screen) Above(f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.erase()
	return f()
}

// Width is how many columns the line may have. The last column stays free, because
// some terminals break the line there.
func (s *Screen) Width() int {
	if f := File(s.Out); f != nil {
		if width, _, err := xterm.GetSize(int(f.Fd())); err == nil && width > 1 {
			return width - 1
		}
	}
	return 79
}

// Show replaces the line; "" takes it away. It ignores errors: progress is not a
// result.
func (s *Screen) Show(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.Live {
		return
	}
	s.erase()
	if line != "" {
		_, _ = io.WriteString(s.Out, line)
		if g, ok := s.Out.(*Gate); ok {
			_ = g.Flush() // a line that is not ended must not wait for more
		}
		s.shown = true
	}
}

func (s *Screen) erase() {
	if s.shown {
		end, _ := behind(s.Out)
		_, _ = io.WriteString(end, "\r\x1b[K")
		s.shown = false
	}
}
