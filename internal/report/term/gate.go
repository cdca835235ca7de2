package term

import (
	"bytes"
	"crypto/rand"
	"io"
	"os"
	"sync"
	"unicode/utf8"

	xterm "golang.org/x/term"
)

// Gate is a writer that everything for a terminal has to pass. It shows what could
// control a terminal, or hides in a text, as an escape (see Clean); line breaks,
// tabs and the styles of a Style that was made for it pass. So text from outside
// that a writer forgot to clean does no harm, and a style cannot be forged. What
// it escapes in JSON stays the same JSON. It is safe for concurrent use.
type Gate struct {
	out io.Writer
	key string // stands in the styles that may pass, after their escape character

	mu   sync.Mutex
	held []byte // the beginning of a character or of a style
	buf  []byte
}

// NewGates returns gates to stdout and stderr, through which styles that were made
// for one of them pass.
func NewGates(stdout, stderr io.Writer) (out, err *Gate) {
	key := rand.Text()[:8]
	return &Gate{out: stdout, key: key}, &Gate{out: stderr, key: key}
}

// Unwrap returns the writer behind.
func (g *Gate) Unwrap() io.Writer { return g.out }

// Write implements io.Writer. It holds back a character, or a style, that has not
// come whole.
func (g *Gate) Write(p []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(g.held) == 0 && harmless(p) {
		return g.out.Write(p)
	}
	b := append(g.held, p...)
	g.buf = g.buf[:0]
	done := g.clean(b, false)
	g.held = append(g.held[:0], b[done:]...)
	return len(p), g.pass()
}

// Flush writes what was held back, and what the writer behind holds.
func (g *Gate) Flush() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.buf = g.buf[:0]
	g.clean(g.held, true)
	g.held = g.held[:0]
	if err := g.pass(); err != nil {
		return err
	}
	if f, ok := g.out.(interface{ Flush() error }); ok {
		return f.Flush()
	}
	return nil
}

func (g *Gate) pass() error {
	if len(g.buf) == 0 {
		return nil
	}
	_, err := g.out.Write(g.buf)
	return err
}

// harmless says whether bytes are plain ASCII, as nearly all are.
func harmless(p []byte) bool {
	for _, c := range p {
		if c >= utf8.RuneSelf || c < ' ' && c != '\n' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}

// clean adds b to the buffer as it may be shown, and returns how much of it is
// done: unless b is the end, what has not come whole is left.
func (g *Gate) clean(b []byte, end bool) (done int) {
	for i := 0; i < len(b); {
		c := b[i]
		switch {
		case c == '\n' || c == '\t' || c >= ' ' && c < 0x7f:
			g.buf = append(g.buf, c)
			i++
			continue
		case c == '\x1b':
			n, whole := g.style(b[i:])
			if n > 0 && whole {
				g.buf = append(append(g.buf, '\x1b'), b[i+1+len(g.key):i+n]...)
				i += n
				continue
			}
			if n > 0 && !end {
				return i
			}
		case !utf8.FullRune(b[i:]) && !end:
			return i
		}
		r, n := utf8.DecodeRune(b[i:])
		if Unsafe(r) || r == utf8.RuneError && n == 1 {
			g.buf = appendEscape(g.buf, r, b[i])
		} else {
			g.buf = append(g.buf, b[i:i+n]...)
		}
		i += n
	}
	return len(b)
}

// style gives the length of the style with the gate's key at the beginning of b,
// such as \x1bKEY[1;38;5;28m, and whether it is whole; 0 where there is none.
func (g *Gate) style(b []byte) (n int, whole bool) {
	head := "\x1b" + g.key + "["
	if len(b) < len(head) {
		if bytes.HasPrefix([]byte(head), b) {
			return len(b), false
		}
		return 0, false
	}
	if !bytes.HasPrefix(b, []byte(head)) {
		return 0, false
	}
	for n = len(head); n < len(b); n++ {
		switch c := b[n]; {
		case c == 'm':
			return n + 1, true
		case c != ';' && (c < '0' || c > '9'):
			return 0, false
		}
	}
	return n, false
}

// behind is the writer at the end of screens and gates, and the key with which
// styles pass the gate among them.
func behind(w io.Writer) (end io.Writer, key string) {
	for {
		switch outer := w.(type) {
		case *Screen:
			w = outer.Out
			continue
		case *Gate:
			key = outer.key
		}
		wrapped, ok := w.(interface{ Unwrap() io.Writer })
		if !ok {
			return w, key
		}
		w = wrapped.Unwrap()
	}
}

// IsTerminal says whether what is written ends on a terminal.
func IsTerminal(w io.Writer) bool {
	f := File(w)
	return f != nil && xterm.IsTerminal(int(f.Fd()))
}

// File is the file at the end of screens and gates, nil where there is none.
func File(w io.Writer) *os.File {
	end, _ := behind(w)
	f, _ := end.(*os.File)
	return f
}
