package plan

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"unicode/utf8"
)

// Reject is a row of a campaign's CSV file that cannot be used.
type Reject struct {
	Line   int // in the file, from 1
	Reason string
}

// CheckCSV reads the header of a campaign's file, so that a wrong file is refused before
// anything is sent. The error says what is wrong with the header; it is *NearColumn for a
// name that nearly fits. A file that can be read only once, such as a pipe, is checked
// when its plan is pulled.
func CheckCSV(r io.Reader, mapped ColumnMap) error {
	if !rewindable(r) {
		return nil
	}
	_, _, err := newCSVRows(r).header(mapped)
	return err
}

// csvRecords reads a campaign's file: a header, then a row a record. Columns
// that are not known are ignored and told to warn; a row that cannot be used is
// told to reject. Both may be nil.
func csvRecords(r io.Reader, mapped ColumnMap, warn func(string), reject func(Reject)) iter.Seq2[Identity, error] {
	return func(yield func(Identity, error) bool) {
		if err := rewind(r); err != nil {
			yield(Identity{}, err)
			return
		}
		rows := newCSVRows(r)
		header, width, err := rows.header(mapped)
		if err != nil {
			yield(Identity{}, fmt.Errorf("csv: %w", err))
			return
		}
		if len(header.ignored) > 0 && warn != nil {
			warn("columns that are not used: " + strings.Join(header.ignored, ", "))
		}
		for {
			row, line, err := rows.next(width)
			if errors.Is(err, io.EOF) {
				return
			}
			var perr *csv.ParseError
			switch {
			case errors.As(err, &perr):
				rejectRow(reject, line, csvReason(perr.Err))
				continue
			case err != nil:
				yield(Identity{}, fmt.Errorf("csv: %w", err))
				return
			}
			id, reason := csvIdentity(row, width, header.columns)
			if reason != "" {
				rejectRow(reject, line, reason)
				continue
			}
			if !yield(id, nil) {
				return
			}
		}
	}
}

func rejectRow(reject func(Reject), line int, reason string) {
	if reject != nil {
		reject(Reject{line, reason})
	}
}

// header reads the first row, and says how many columns it has.
func (c *csvRows) header(mapped ColumnMap) (h csvHeader, width int, err error) {
	row, line, err := c.next(0)
	var perr *csv.ParseError
	switch {
	case errors.As(err, &perr):
		return h, 0, fmt.Errorf("line %d: %s", line, csvReason(perr.Err))
	case errors.Is(err, io.EOF):
		return h, 0, errors.New("the file is empty; the first line is a header with at least the column ccid")
	case err != nil:
		return h, 0, err
	case slices.ContainsFunc(row, func(s string) bool { return strings.Contains(s, "\r") }):
		return h, 0, errMacLines
	}
	h, err = columnsOf(row, mapped)
	return h, len(row), err
}

func csvIdentity(row []string, width int, columns [6]int) (id Identity, reason string) {
	if len(row) != width {
		return id, fmt.Sprintf("%d fields where the header has %d", len(row), width)
	}
	get := func(i int) string {
		if columns[i] < 0 {
			return ""
		}
		return strings.Clone(strings.TrimSpace(row[columns[i]]))
	}
	consent := get(3)
	id = Identity{get(0), get(1), get(2), strings.ToLower(consent), get(4), get(5)}
	switch {
	case id.CCID == "":
		return id, "ccid is empty"
	case utf8.RuneCountInString(id.CCID) > 255:
		return id, "ccid is longer than 255 characters"
	case !utf8.ValidString(strings.Join(row, "")):
		return id, "the row is not UTF-8"
	case id.Consent != "" && id.Consent != "written" && id.Consent != "express" && id.Consent != "stop":
		return id, fmt.Sprintf("consent_type %q is not one of written, express, stop", consent)
	}
	if id.PhoneNumber != "" {
		digits := strings.Map(func(r rune) rune {
			if strings.ContainsRune(" +-().", r) {
				return -1
			}
			return r
		}, id.PhoneNumber)
		if len(digits) == 10 {
			digits = "1" + digits
		}
		if len(digits) != 11 || strings.Trim(digits, "0123456789") != "" {
			return id, fmt.Sprintf("phone_number %q is not a number of 11 digits", id.PhoneNumber)
		}
		id.PhoneNumber = digits
	}
	return id, ""
}
