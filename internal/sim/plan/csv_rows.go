package plan

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"strings"

	"relayctl/internal/input"
)

// How far a quoted field may reach: a quote that is never closed would read the
// rest of the file into memory.
const (
	maxRowLines = 1000
	maxRowBytes = 1 << 20
)

// csvRows reads a CSV file as encoding/csv does, with one rule more: a broken
// row costs no other row. It ends with its first line, however far its quotes
// seem to reach.
type csvRows struct {
	in    *bufio.Reader
	again []string      // lines after a broken row, to be read again
	line  int           // the number of the last line that was read
	row   *bufio.Reader // the text of one row, for encoding/csv
}

func newCSVRows(r io.Reader) *csvRows {
	// The default size, because headShare tells by the file's position how far it came.
	return &csvRows{in: bufio.NewReader(r), row: bufio.NewReader(nil)}
}

// next gives the next row that is not blank and the line it begins on. A row
// that is broken, or that reaches over several lines without having width
// fields, has a *csv.ParseError; the one after it can be read. The end is
// io.EOF.
func (c *csvRows) next(width int) (row []string, line int, err error) {
	var lines []string
	quotes, size := 0, 0
	for (len(lines) == 0 || quotes%2 == 1) && len(lines) < maxRowLines && size < maxRowBytes {
		next, err := c.read()
		if errors.Is(err, io.EOF) && len(lines) > 0 {
			break
		}
		if err != nil {
			return nil, c.line, err
		}
		if len(lines) > 0 || strings.Trim(next, "\r\n") != "" {
			lines = append(lines, next)
			quotes, size = quotes+strings.Count(next, `"`), size+len(next)
		}
	}
	line = c.line - len(lines) + 1
	c.row.Reset(strings.NewReader(strings.Join(lines, "")))
	row, err = csv.NewReader(c.row).Read()
	if err == nil && len(lines) > 1 && len(row) != width {
		err = &csv.ParseError{StartLine: line, Line: line, Err: csv.ErrQuote}
	}
	if err != nil {
		c.again, c.line = append(lines[1:], c.again...), line
	}
	return row, line, err
}

// csvReason words an error of encoding/csv.
func csvReason(err error) string {
	switch {
	case errors.Is(err, csv.ErrBareQuote):
		return "a double quote inside a field that does not begin with one"
	case errors.Is(err, csv.ErrQuote):
		return "a field in double quotes does not end, or text follows the quote that ends it"
	}
	return err.Error()
}

// read gives the next line with its end.
func (c *csvRows) read() (string, error) {
	if len(c.again) > 0 {
		text := c.again[0]
		c.again = c.again[1:]
		c.line++
		return text, nil
	}
	if c.line == 0 {
		if err := input.SkipMark(c.in); err != nil {
			return "", err
		}
	}
	text, err := c.text()
	if text == "" || err != nil && !errors.Is(err, io.EOF) {
		return "", err
	}
	c.line++
	return text, nil
}

// text reads to the end of the line, or of the file.
func (c *csvRows) text() (string, error) {
	var b strings.Builder
	for {
		part, err := c.in.ReadSlice('\n')
		b.Write(part)
		switch {
		case !errors.Is(err, bufio.ErrBufferFull):
			return b.String(), err
		case b.Len() > maxRowBytes && c.line == 0 && strings.Contains(b.String(), "\r"):
			return "", errMacLines
		case b.Len() > maxRowBytes:
			return "", fmt.Errorf("line %d is longer than %d MiB, which is not a row", c.line+1, maxRowBytes>>20)
		}
	}
}
