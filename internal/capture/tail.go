package capture

import (
	"bytes"
	"io"
	"time"
)

// LastReceived is when the last record of a capture of that size was received;
// zero where the end of it has none. It reads backwards and only as much as it
// needs.
func LastReceived(r io.ReaderAt, size int64) (time.Time, error) {
	for chunk := int64(64 << 10); ; chunk *= 16 {
		from := max(0, size-chunk)
		text := make([]byte, size-from)
		if _, err := io.ReadFull(io.NewSectionReader(r, from, size-from), text); err != nil {
			return time.Time{}, err
		}
		if from > 0 {
			// The first line may have begun before.
			text = text[bytes.IndexByte(text, '\n')+1:]
		}
		for len(text) > 0 {
			text = bytes.TrimRight(text, "\x00 \t\r\n")
			i := bytes.LastIndexByte(text, '\n') + 1
			if rec, err := Parse(bytes.Trim(text[i:], "\x00")); err == nil {
				return rec.ReceivedAt, nil
			}
			text = text[:i]
		}
		if from == 0 || chunk > 2*defaultMaxLine {
			return time.Time{}, nil
		}
	}
}
