package plan

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"relayctl/internal/event"
)

// itemReader cuts a stream of JSON into events. A top-level array is opened,
// whatever its layout; everything else is one value after another, which makes
// JSON Lines and a pretty-printed envelope the same thing.
type itemReader struct {
	name    string
	lines   *lineCounter
	dec     *jsontext.Decoder
	inArray bool
}

func newItemReader(name string, r *bufio.Reader) *itemReader {
	lc := &lineCounter{r: r}
	return &itemReader{name: name, lines: lc, dec: jsontext.NewDecoder(lc, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
}

func (d *itemReader) next() (Item, error) {
	for {
		kind := d.dec.PeekKind()
		if kind == '[' && !d.inArray {
			if _, err := d.dec.ReadToken(); err != nil {
				return Item{}, d.fault(err)
			}
			d.inArray = true
			continue
		}
		if kind == ']' && d.inArray {
			if _, err := d.dec.ReadToken(); err != nil {
				return Item{}, d.fault(err)
			}
			d.inArray = false
			continue
		}
		d.lines.begin = d.dec.InputOffset()
		val, err := d.dec.ReadValue()
		if errors.Is(err, io.EOF) && !d.inArray {
			return Item{}, io.EOF
		}
		if err != nil {
			return Item{}, d.fault(err)
		}
		line := d.lines.lineAt(d.dec.InputOffset() - int64(len(val)))
		if !utf8.Valid(val) {
			at := d.dec.InputOffset() - int64(len(val)) + int64(validUTF8(val))
			line, column := d.lines.placeOf(at)
			return Item{}, &SyntaxError{d.name, line, fmt.Sprintf("broken JSON at column %d: %s", column, "found a byte that is not UTF-8")}
		}
		if val.Kind() != '{' {
			return Item{}, &SyntaxError{d.name, line, "an event is a JSON object"}
		}
		return Item{Raw: val, Line: line}, nil
	}
}

// validUTF8 says how many bytes at the beginning are UTF-8.
func validUTF8(text []byte) (n int) {
	for n < len(text) {
		r, size := utf8.DecodeRune(text[n:])
		if r == utf8.RuneError && size <= 1 {
			break
		}
		n += size
	}
	return n
}

func (d *itemReader) fault(err error) error {
	if errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF) {
		return &SyntaxError{d.name, d.lines.lineAt(d.lines.lastText), "broken JSON: it ends too early"}
	}
	if errors.Is(err, errTooLarge) {
		return &SyntaxError{d.name, d.lines.lineAt(d.lines.begin), errTooLarge.Error()}
	}
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		line, column := d.lines.placeOf(syntactic.ByteOffset)
		return &SyntaxError{d.name, line, fmt.Sprintf("broken JSON at column %d: %s", column, event.SyntaxReason(err))}
	}
	return fmt.Errorf("%s: %w", d.name, err)
}

// SyntaxError says where a file of events is not valid JSON.
type SyntaxError struct {
	File    string
	Line    int // from 1
	Message string
}

// Error implements error.
func (e *SyntaxError) Error() string { return fmt.Sprintf("%s:%d: %s", e.File, e.Line, e.Message) }

// mostEvent bounds one event, so that a stream that is something else does not end up
// in memory.
const mostEvent = 64 << 20

var errTooLarge = fmt.Errorf("what begins here is larger than %d MiB, which is not an event", mostEvent>>20)

// lineCounter remembers where the lines of the part still in question begin.
// Offsets are asked for in growing order, so what lies before is forgotten.
type lineCounter struct {
	r     io.Reader
	read  int64
	begin int64 // the offset at which the event begins that is read
	// lastText is the offset of the last byte that is not white space.
	lastText int64
	line     int     // lines that begin before breaks[0]
	start    int64   // the offset at which the line in question begins
	breaks   []int64 // offsets of the line breaks not passed yet
}

func (c *lineCounter) Read(p []byte) (int, error) {
	if c.read-c.begin > mostEvent {
		return 0, errTooLarge
	}
	n, err := c.r.Read(p)
	for rest, off := p[:n], c.read; ; {
		i := bytes.IndexByte(rest, '\n')
		if i < 0 {
			break
		}
		c.breaks = append(c.breaks, off+int64(i))
		rest, off = rest[i+1:], off+int64(i)+1
	}
	if text := bytes.TrimRight(p[:n], " \t\r\n"); len(text) > 0 {
		c.lastText = c.read + int64(len(text)) - 1
	}
	c.read += int64(n)
	return n, err
}

// lineAt gives the line of a byte offset, from 1.
func (c *lineCounter) lineAt(offset int64) int {
	line, _ := c.placeOf(offset)
	return line
}

// placeOf gives the line and the column of a byte offset, both from 1. What is before
// an offset that was asked for is forgotten.
func (c *lineCounter) placeOf(offset int64) (line int, column int64) {
	passed := 0
	for passed < len(c.breaks) && c.breaks[passed] < offset {
		c.start = c.breaks[passed] + 1
		passed++
	}
	c.line += passed
	c.breaks = c.breaks[:copy(c.breaks, c.breaks[passed:])]
	return c.line + 1, offset - c.start + 1
}

// DecodeItem decodes an item's envelopes: one, or the members of a batch.
func DecodeItem(d *event.Decoder, raw []byte) []event.Envelope {
	shape, members, _ := event.Split(raw)
	if shape == event.Single {
		env, _ := d.Decode(raw)
		return []event.Envelope{env}
	}
	envs := make([]event.Envelope, 0, len(members))
	for _, m := range members {
		env, _ := d.Decode(m)
		envs = append(envs, env)
	}
	return envs
}
