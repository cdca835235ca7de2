package sim

import (
	"bufio"
	"encoding/csv"
	"errors"
	"io"
	"strings"
)

// How far a quoted field may reach: a quote that nobody closes would take the
// rest of the file into memory.
const (
	maxRowLines = 1000
	maxRowBytes = 1 << 20
)

// csvRows reads a CSV file row by row. A broken row ends with its line, however
// far its quotes seem to reach, so that it costs no other row.
type csvRows struct {
	in     *bufio.Reader
	again  []string      // lines that were taken for a broken row, to be read anew
	line   int           // the number of the last line that was read
	quoted *bufio.Reader // the row that encoding/csv reads
}

func newCSVRows(r io.Reader) *csvRows {
	// The default size, for a trial tells by the file's position how far it came.
	return &csvRows{in: bufio.NewReader(r), quoted: bufio.NewReader(nil)}
}

// next gives the next row that is not blank and the line it begins on. A row
// that is broken, or that reaches over several lines without having width
// fields, has a *csv.ParseError; the one after it can be read. The end is
// io.EOF.
func (c *csvRows) next(width int) (row []string, line int, err error) {
	text := ""
	for strings.TrimRight(text, "\r\n") == "" {
		if text, err = c.read(); err != nil {
			return nil, c.line, err
		}
	}
	line = c.line
	if !strings.Contains(text, `"`) {
		return strings.Split(strings.TrimRight(text, "\r\n"), ","), line, nil
	}
	rest, whole, err := c.quotedLines(text)
	if err != nil {
		return nil, line, err
	}
	c.quoted.Reset(strings.NewReader(whole))
	row, err = csv.NewReader(c.quoted).Read()
	if err == nil && len(rest) > 0 && len(row) != width {
		err = csv.ErrQuote
	}
	if err == nil {
		return row, line, nil
	}
	c.again = append(rest, c.again...)
	c.line = line
	var perr *csv.ParseError
	if errors.As(err, &perr) {
		err = perr.Err
	}
	return nil, line, &csv.ParseError{StartLine: line, Line: line, Err: err}
}

// quotedLines goes on from a row's first line until its quotes are closed, and
// gives the further lines and the whole. In a whole row their number is even.
func (c *csvRows) quotedLines(first string) (rest []string, whole string, err error) {
	open, size := strings.Count(first, `"`)%2 == 1, len(first)
	for open && len(rest) < maxRowLines && size < maxRowBytes {
		text, err := c.read()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, "", err
		}
		rest, size = append(rest, text), size+len(text)
		open = open != (strings.Count(text, `"`)%2 == 1)
	}
	return rest, first + strings.Join(rest, ""), nil
}

// read gives the next line with its end.
func (c *csvRows) read() (text string, err error) {
	if len(c.again) > 0 {
		text, c.again = c.again[0], c.again[1:]
		c.line++
		return text, nil
	}
	if c.line == 0 {
		if err := skipMark(c.in); err != nil {
			return "", err
		}
	}
	text, err = c.in.ReadString('\n')
	if text == "" && err != nil {
		return "", err
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	c.line++
	return text, nil
}
