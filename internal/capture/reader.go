package capture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"relayctl/internal/event"
)

// defaultMaxLine is far above what a body of the usual cap takes up when every
// byte of it is escaped.
const defaultMaxLine = 64 << 20

// Problem is a line that a Reader skipped.
type Problem struct {
	Line int // from 1
	// Level is a warning for a line that was cut short, as a power cut leaves the
	// last one behind, and an error for one that is corrupt, too long or of
	// another version.
	Level   event.Level
	Message string // what, without a full stop
}

// Reader reads a capture's records one after the other, in one pass and with
// memory for one line. It is not safe for concurrent use.
type Reader struct {
	// OnProblem is called for every line that is skipped. Nil ignores them.
	OnProblem func(Problem)
	// MaxLine bounds a line, in bytes; a longer one is skipped without being
	// held. 0 is 64 MiB.
	MaxLine int

	src    *bufio.Reader
	parser *parser
	line   int
	long   []byte
}

// NewReader reads records from r.
func NewReader(r io.Reader) *Reader {
	return &Reader{src: bufio.NewReaderSize(r, 256<<10), parser: newParser()}
}

// Next returns the next record, or io.EOF. It is valid until the next call:
// Clone what is kept. Lines that cannot be read are skipped and told to
// OnProblem; other errors are those of the underlying reader.
func (r *Reader) Next() (*Record, error) {
	for {
		text, whole, err := r.readLine()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("line %d: %w", r.line, err)
		}
		if r.decode(text, whole) {
			// An end or a fault met by the way comes again with the next read.
			return r.parser.line.Record, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// Line is the number of the line that the last record stood on, from 1.
func (r *Reader) Line() int { return r.line }

// decode reads a line into the record, or tells what is wrong with it.
func (r *Reader) decode(text []byte, whole bool) bool {
	if text == nil {
		return false
	}
	// A file system may leave zeros where a crash cut a write off.
	trimmed := bytes.TrimRight(text, "\x00 \t\r\n")
	zeros := bytes.IndexByte(text[len(trimmed):], 0) >= 0
	trimmed = bytes.TrimPrefix(bytes.TrimLeft(trimmed, "\x00"), []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(trimmed)) == 0 {
		if zeros {
			r.tell(event.Warning, "zero bytes instead of a record: a crash left them behind")
		}
		return false
	}
	err := r.parser.parse(trimmed)
	switch {
	case err == nil:
		return true
	case !whole:
		r.tell(event.Warning, "the last line is cut short and was skipped")
	case errors.Is(err, errCut) || zeros:
		r.tell(event.Warning, "skipped: the line is cut short, as by a power cut")
	default:
		r.tell(event.Error, "skipped: "+err.Error())
	}
	return false
}

func (r *Reader) tell(level event.Level, message string) {
	if r.OnProblem != nil {
		r.OnProblem(Problem{r.line, level, message})
	}
}

// readLine returns the next line, valid until the next call, and whether it
// ended in a line break. It is nil where there is none or it was too long.
func (r *Reader) readLine() (text []byte, whole bool, err error) {
	text, err = r.src.ReadSlice('\n')
	if len(text) == 0 {
		return nil, false, err
	}
	r.line++
	if !errors.Is(err, bufio.ErrBufferFull) {
		return text, err == nil, err
	}
	limit := r.MaxLine
	if limit <= 0 {
		limit = defaultMaxLine
	}
	r.long = append(r.long[:0], text...)
	size := len(text)
	for errors.Is(err, bufio.ErrBufferFull) {
		text, err = r.src.ReadSlice('\n')
		if size += len(text); size <= limit {
			r.long = append(r.long, text...)
		}
	}
	if size > limit {
		r.long = nil
		r.tell(event.Error, fmt.Sprintf("skipped: the line is longer than %d bytes", limit))
		return nil, err == nil, err
	}
	return r.long, err == nil, err
}
