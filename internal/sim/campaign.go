package sim

import (
	"container/heap"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// recordSpacing is the time from one record's journey to the next: at about
// eight events a record it makes the several thousand calls a minute of
// R-SCALE.
const recordSpacing = 100 * time.Millisecond

// Reject is a row of a campaign's CSV file that cannot be used.
type Reject struct {
	Line   int // in the file, from 1
	Reason string
}

// plainRecords gives n records with nothing fixed.
func plainRecords(n uint64) iter.Seq2[Identity, error] {
	return func(yield func(Identity, error) bool) {
		for range n {
			if !yield(Identity{}, nil) {
				return
			}
		}
	}
}

// campaign tells one journey per record. Journeys begin one after the other
// and overlap, as after an upload; what happens comes out in the order of event
// time. Only the open journeys stand in memory, and their number is bounded by
// how long a journey lasts.
func (c PlanConfig) campaign(cl *client, records iter.Seq2[Identity, error], first uint64) Plan {
	return func(yield func(Delivery, error) bool) {
		var open journeyHeap
		var buf []byte
		refs := make([]EventRef, 1)
		emit := func() bool {
			j := open[0].journey
			h := j.events[j.next]
			buf, refs[0] = j.cust.appendEvent(buf[:0], h, c.Start)
			d := Delivery{Body: buf, Events: refs, Lane: j.cust.lane, Arrives: h.at}
			if j.next++; j.next == len(j.events) {
				heap.Pop(&open)
			} else {
				open[0].due = j.events[j.next].at
				heap.Fix(&open, 0)
			}
			return yield(d, nil)
		}
		index := uint64(0)
		for id, err := range records {
			if err != nil {
				yield(Delivery{}, err)
				return
			}
			begin := time.Duration(index) * recordSpacing
			for len(open) > 0 && open[0].due <= begin {
				if !emit() {
					return
				}
			}
			cust := newCustomer(cl, c.Seed, first+index, id)
			events := cust.story(cl, begin)
			heap.Push(&open, nextEvent{events[0].at, index, &openJourney{cust: cust, events: events}})
			index++
		}
		for len(open) > 0 {
			if !emit() {
				return
			}
		}
	}
}

type openJourney struct {
	cust   *customer
	events []happening
	next   int
}

// nextEvent is when an open journey goes on.
type nextEvent struct {
	due     time.Duration
	index   uint64 // of the record, for an order among those due at once
	journey *openJourney
}

type journeyHeap []nextEvent

func (h journeyHeap) Len() int { return len(h) }
func (h journeyHeap) Less(i, j int) bool {
	return h[i].due < h[j].due || h[i].due == h[j].due && h[i].index < h[j].index
}
func (h journeyHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *journeyHeap) Push(x any)   { *h = append(*h, x.(nextEvent)) }
func (h *journeyHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	old[len(old)-1] = nextEvent{}
	*h = old[:len(old)-1]
	return last
}

// CheckCSV reads the header of a campaign's file, so that a wrong file is
// refused before anything is sent. A file that can be read only once, such as a
// pipe, is checked when its plan is pulled.
func CheckCSV(r io.Reader) error {
	if !rewindable(r) {
		return nil
	}
	header, _, err := newCSVRows(r).next(0)
	if err != nil {
		return csvHeaderError(err)
	}
	_, err = csvColumns(header)
	return err
}

// csvRecords reads a campaign's file: a header, then a row a record. Columns
// that are not known are ignored; a row that cannot be used is told to reject.
func csvRecords(r io.Reader, reject func(Reject)) iter.Seq2[Identity, error] {
	return func(yield func(Identity, error) bool) {
		if err := rewind(r); err != nil {
			yield(Identity{}, err)
			return
		}
		rows := newCSVRows(r)
		header, _, err := rows.next(0)
		if err != nil {
			yield(Identity{}, csvHeaderError(err))
			return
		}
		columns, err := csvColumns(header)
		if err != nil {
			yield(Identity{}, err)
			return
		}
		width := len(header)
		for {
			row, line, err := rows.next(width)
			if errors.Is(err, io.EOF) {
				return
			}
			var perr *csv.ParseError
			switch {
			case errors.As(err, &perr):
				rejectRow(reject, line, perr.Err.Error())
				continue
			case err != nil:
				yield(Identity{}, fmt.Errorf("csv: %w", err))
				return
			}
			id, reason := csvIdentity(row, width, columns)
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

func csvHeaderError(err error) error {
	if errors.Is(err, io.EOF) {
		return errors.New("the file is empty; the first line is a header with at least the column ccid")
	}
	return err
}

// csvColumns finds the known columns by name; -1 stands for a missing one.
func csvColumns(header []string) ([6]int, error) {
	var columns [6]int
	for i, name := range []string{"ccid", "phone_number", "product_group_id", "consent_type", "trigger_id", "client_message_tag"} {
		named := func(h string) bool { return strings.EqualFold(strings.TrimSpace(h), name) }
		columns[i] = slices.IndexFunc(header, named)
		if at := columns[i]; at >= 0 && slices.ContainsFunc(header[at+1:], named) {
			return columns, fmt.Errorf("the header has the column %s twice", name)
		}
	}
	line := strings.Join(header, ",")
	if columns[0] >= 0 {
		return columns, nil
	}
	for _, other := range []string{";", "\t", "|"} {
		if len(header) == 1 && strings.Contains(line, other) {
			return columns, fmt.Errorf("the header %q is not separated by commas, which the file has to be", line)
		}
	}
	return columns, fmt.Errorf("the header %q has no column ccid", line)
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
	id = Identity{get(0), get(1), get(2), strings.ToLower(get(3)), get(4), get(5)}
	switch {
	case id.CCID == "":
		return id, "ccid is empty"
	case utf8.RuneCountInString(id.CCID) > 255:
		return id, "ccid is longer than 255 characters"
	case !utf8.ValidString(strings.Join(row, "")):
		return id, "the row is not UTF-8"
	case id.Consent != "" && id.Consent != "written" && id.Consent != "express" && id.Consent != "stop":
		return id, fmt.Sprintf("consent_type %q is none of written, express, stop", id.Consent)
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
			return id, fmt.Sprintf("phone_number %q is no number of 11 digits", id.PhoneNumber)
		}
		id.PhoneNumber = digits
	}
	return id, ""
}
