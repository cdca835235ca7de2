package capture

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// maxLine bounds a line: a body of the largest size that listen takes, escaped.
const maxLine = 256 << 20

// Reader reads a capture's records one after the other. It is not safe for
// concurrent use.
type Reader struct {
	// Warn is told of lines that are skipped: a torn last line (a power cut), a
	// line that is no record. Nil drops the warnings.
	Warn func(line int, reason string)
	r    *bufio.Reader
	line int
	long []byte
}

// NewReader reads records from r in a streaming way.
func NewReader(r io.Reader) *Reader { return &Reader{r: bufio.NewReaderSize(r, 256<<10)} }

// Next returns the next record, or io.EOF. Lines that cannot be read are
// skipped with a warning; other errors are those of the underlying reader.
func (r *Reader) Next() (*Record, error) {
	for {
		text, ended, err := r.readLine()
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, err
		}
		// A preallocated file that lost its length in a crash ends in zeros.
		text = bytes.TrimSpace(bytes.Trim(text, "\x00"))
		if len(text) > 0 {
			rec, perr := Parse(text)
			if perr == nil {
				return rec, nil
			}
			reason := "skipped: " + perr.Error()
			if !ended {
				reason = "the last line is torn and was skipped"
			}
			r.warn(reason)
		}
		if err != nil {
			return nil, err
		}
	}
}

// Line is the number of the line that the last record stood on, from 1.
func (r *Reader) Line() int { return r.line }

func (r *Reader) warn(reason string) {
	if r.Warn != nil {
		r.Warn(r.line, reason)
	}
}

// readLine returns the next line, valid until the next call, and whether it
// ended in a line break.
func (r *Reader) readLine() (text []byte, ended bool, err error) {
	r.line++
	text, err = r.r.ReadSlice('\n')
	if !errors.Is(err, bufio.ErrBufferFull) {
		return text, err == nil, err
	}
	r.long = append(r.long[:0], text...)
	for errors.Is(err, bufio.ErrBufferFull) {
		text, err = r.r.ReadSlice('\n')
		if len(r.long)+len(text) > maxLine {
			return nil, false, fmt.Errorf("line %d is longer than %d MiB", r.line, maxLine>>20)
		}
		r.long = append(r.long, text...)
	}
	return r.long, err == nil, err
}

// IsCapture says whether a file that begins with these bytes is a capture.
func IsCapture(head []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(head, " \t\r\n\x00"), []byte(`{"v":`))
}

func unmarshal(text []byte, l *line) error {
	err := json.Unmarshal(text, l, jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	var syntactic *jsontext.SyntacticError
	if errors.As(err, &syntactic) {
		return fmt.Errorf("broken JSON: %w", syntactic.Err)
	}
	var semantic *json.SemanticError
	if errors.As(err, &semantic) {
		return fmt.Errorf("the record's %s has the wrong type", semantic.JSONPointer)
	}
	return err
}

func (r *Record) readHeaders(v jsontext.Value) error {
	if len(v) == 0 || v.Kind() != '{' {
		return nil
	}
	dec := jsontext.NewDecoder(bytes.NewBuffer(v), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
	_, err := dec.ReadToken()
	for err == nil && dec.PeekKind() == '"' {
		var name, value jsontext.Token
		if name, err = dec.ReadToken(); err != nil {
			break
		}
		h := Header{Name: name.String()}
		if dec.PeekKind() != '"' {
			return errors.New("the record's headers are not all strings")
		}
		if value, err = dec.ReadToken(); err == nil {
			h.Value = value.String()
			r.Headers = append(r.Headers, h)
		}
	}
	return err
}
