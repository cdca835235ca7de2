package report

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"relayctl/internal/event"
	"relayctl/internal/report/term"
)

// lines writes JSON objects, one a line, and keeps the first error. Every JSON
// output of this package goes through it or through writeObject.
type lines struct {
	w   *bufio.Writer
	err error
}

func newLines(w io.Writer) lines { return lines{w: bufio.NewWriter(w)} }

func (l *lines) put(v any) {
	b, err := json.Marshal(v)
	if err == nil {
		_, err = l.w.Write(append(tame(b), '\n'))
	}
	if l.err == nil {
		l.err = err
	}
}

// writeLines writes values as JSON objects, one a line.
func writeLines[T any](w io.Writer, values ...T) error {
	l := newLines(w)
	for _, v := range values {
		l.put(v)
	}
	return l.flush()
}

// writeObject writes a report that is one JSON object, indented.
func writeObject(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}

// tame escapes in a line of JSON the characters that term.Clean escapes in text,
// because a terminal may show the line. JSON itself escapes them only below U+0020.
func tame(line []byte) []byte {
	if bytes.IndexFunc(line, term.Unsafe) < 0 {
		return line
	}
	var b bytes.Buffer
	for _, r := range string(line) {
		if term.Unsafe(r) {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.Bytes()
}

func (l *lines) flush() error {
	if err := l.w.Flush(); l.err == nil {
		l.err = err
	}
	return l.err
}

func orEmpty[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

// sortedKeys gives a map's keys in order, so that the output is always the same.
func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }

// timeOrNull writes a time like event.FormatTS, and the zero time as null.
func timeOrNull(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	text := event.FormatTS(t)
	return &text
}
