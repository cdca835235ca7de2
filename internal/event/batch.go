package event

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"
)

// Shape is the form of a request body.
type Shape string

// The shapes: one envelope, or a batch in either form that a receiver has to
// take (R-SINGLE, R-BATCH-BODY).
const (
	Single  Shape = "single"
	Array   Shape = "array"
	Wrapped Shape = "wrapped"
)

// Split returns the shape of a request body and the bytes of its envelopes,
// which alias body. A single envelope is returned as it is, undecoded and
// unchecked; only a batch whose JSON is broken gives a finding, and no members.
// Safe for concurrent use.
func Split(body []byte) (Shape, [][]byte, []Finding) {
	trimmed := trimLeft(body)
	switch {
	case len(trimmed) > 0 && trimmed[0] == '[':
		members, findings := elements(body, 0)
		return Array, members, findings
	case beginsEnvelope(trimmed): // it saves looking through the whole body
	case bytes.Contains(body, []byte(`"batch"`)):
		if start, ok := wrappedBatch(body); ok {
			members, findings := elements(body, start)
			return Wrapped, members, findings
		}
	}
	return Single, [][]byte{body}, nil
}

// TrimSpace takes JSON's white space off both ends. It is quicker than bytes.Trim,
// which prepares a table of what it takes off each time.
func TrimSpace(text []byte) []byte {
	text = trimLeft(text)
	for len(text) > 0 && isSpace(text[len(text)-1]) {
		text = text[:len(text)-1]
	}
	return text
}

func trimLeft(text []byte) []byte {
	for len(text) > 0 && isSpace(text[0]) {
		text = text[1:]
	}
	return text
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\r' || c == '\n' }

// beginsEnvelope says whether an object's first property is one that makes it
// an envelope, whatever else it has.
func beginsEnvelope(object []byte) bool {
	if len(object) == 0 || object[0] != '{' {
		return false
	}
	first := trimLeft(object[1:])
	return bytes.HasPrefix(first, []byte(`"event_id"`)) || bytes.HasPrefix(first, []byte(`"event_name"`))
}

// newSplitter reads a batch without judging its texts, which is Decode's part.
func newSplitter(body []byte) *jsontext.Decoder {
	return jsontext.NewDecoder(bytes.NewBuffer(body), jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))
}

// elements returns the elements of the JSON array that starts at or after
// start in body.
func elements(body []byte, start int) ([][]byte, []Finding) {
	dec := newSplitter(body[start:])
	if _, err := dec.ReadToken(); err != nil {
		return nil, []Finding{syntaxFinding(body, err, start)}
	}
	var members [][]byte
	for dec.PeekKind() != ']' {
		v, err := dec.ReadValue()
		if err != nil {
			return nil, []Finding{syntaxFinding(body, err, start)}
		}
		end := start + int(dec.InputOffset())
		members = append(members, body[end-len(v):end:end])
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, []Finding{syntaxFinding(body, err, start)}
	}
	if rest := body[start+int(dec.InputOffset()):]; start == 0 && len(trimLeft(rest)) > 0 {
		return nil, []Finding{{"R-BATCH-BODY", Error, "", "more text after the batch's array", len(body) - len(rest)}}
	}
	if len(members) == 0 {
		return nil, []Finding{{"R-BATCH-BODY", Warning, "", "the batch is empty", start}}
	}
	return members, nil
}

// wrappedBatch finds the array of a {"batch":[…]} body: an object that is not an
// envelope itself. It says false also where the JSON is broken, so that the
// body is then judged as a single envelope.
func wrappedBatch(body []byte) (start int, ok bool) {
	dec := newSplitter(body)
	if tok, err := dec.ReadToken(); err != nil || tok.Kind() != '{' {
		return 0, false
	}
	start = -1
	for dec.PeekKind() == '"' {
		tok, err := dec.ReadToken()
		if err != nil {
			return 0, false
		}
		name := tok.String()
		if name == "event_id" || name == "event_name" {
			return 0, false
		}
		isArray := dec.PeekKind() == '['
		v, err := dec.ReadValue()
		if err != nil {
			return 0, false
		}
		if name == "batch" && isArray {
			start = int(dec.InputOffset()) - len(v)
		}
	}
	if _, err := dec.ReadToken(); err != nil || start < 0 {
		return 0, false
	}
	return start, true
}

// syntaxFinding words a JSON syntax error with its line and column; reading
// began at start in body.
func syntaxFinding(body []byte, err error, start int) Finding {
	// Read at a stretch, JSON gets a better reason than piece by piece.
	if _, whole := newSplitter(body[start:]).ReadValue(); whole != nil && !isOfText(err) {
		err = whole
	}
	var syntactic *jsontext.SyntacticError
	reason, offset := SyntaxReason(err), start
	if errors.As(err, &syntactic) {
		offset = start + int(syntactic.ByteOffset)
	}
	if reason == endsEarly {
		offset = len(body)
	}
	offset = min(max(offset, 0), len(body))
	line, col := Position(body, offset)
	return Finding{"R-JSON", Error, "", fmt.Sprintf("broken JSON at line %d, column %d: %s", line, col, reason), offset}
}

// Position turns a byte offset into a line and a column, both from 1.
func Position(text []byte, offset int) (line, col int) {
	before := text[:min(offset, len(text))]
	return 1 + bytes.Count(before, []byte("\n")), len(before) - bytes.LastIndexByte(before, '\n')
}
