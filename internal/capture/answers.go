package capture

import (
	"crypto/sha256"
	"strings"

	"relayctl/internal/event"
)

// Answers holds what was answered to the requests of a capture, to compare with it what
// was answered to the same requests in another one. Add takes the first capture, Match
// the second, Left tells what had no match. It is not safe for concurrent use.
type Answers struct {
	// MaxBytes bounds the memory of what is held; 0 is 256 MiB.
	MaxBytes int
	// Dropped counts requests that were not held because of MaxBytes.
	Dropped uint64

	held map[string][]Answered // by what was sent, in the order of the capture
	used map[string]int        // how many of them had a match
	size int
}

// Answered is a request and what was answered to it.
type Answered struct {
	Number uint64 // of the request, from 1
	Record *Record
}

const maxAnswers = 256 << 20

// Add holds a request of the first capture; number counts from 1.
func (a *Answers) Add(number uint64, rec *Record) {
	limit := a.MaxBytes
	if limit == 0 {
		limit = maxAnswers
	}
	if a.held == nil {
		a.held, a.used = map[string][]Answered{}, map[string]int{}
	}
	own := rec.Clone()
	own.Headers, own.Findings, own.Badges = nil, nil, nil
	key := sentKey(own)
	if a.size += len(own.Body) + len(key) + 512; own.App != nil {
		a.size += len(own.App.Body)
	}
	if a.size > limit {
		a.Dropped++
		return
	}
	a.held[key] = append(a.held[key], Answered{number, own})
}

// Pairing says what Match found.
type Pairing int

// The pairings.
const (
	Alone   Pairing = iota // the first capture does not have these events
	Further                // it has them, but fewer attempts
	Paired                 // it has this attempt
)

// Match returns the request of the first capture that carried the same events as this
// one of the second: the first attempt for the first, the second for the second.
func (a *Answers) Match(rec *Record) (Answered, Pairing) {
	key := sentKey(rec)
	list, known := a.held[key]
	switch {
	case !known:
		return Answered{}, Alone
	case len(list) == a.used[key]:
		return Answered{}, Further
	}
	first := list[a.used[key]]
	list[a.used[key]] = Answered{} // it is not needed again
	a.used[key]++
	return first, Paired
}

// Left counts the requests of the first capture that had no match: those whose events
// the second one does not have, and further attempts.
func (a *Answers) Left() (alone, further int) {
	for key, list := range a.held {
		switch used := a.used[key]; used {
		case 0:
			alone += len(list)
		default:
			further += len(list) - used
		}
	}
	return alone, further
}

// sentKey tells requests apart by their events: by ids, by bytes where there is none.
func sentKey(rec *Record) string {
	ids := []string{rec.EventID}
	if len(rec.Members) > 0 {
		ids = ids[:0]
		for _, m := range rec.Members {
			ids = append(ids, m.EventID)
		}
	} else if rec.EventID == "" {
		ids = idsOf(rec.Body)
	}
	if key := strings.Join(ids, "\x00"); strings.Trim(key, "\x00") != "" {
		return key
	}
	sum := sha256.Sum256(rec.Body)
	return string(sum[:])
}

// idsOf reads the ids of a body that nobody judged when it came.
func idsOf(body []byte) []string {
	var ids []string
	_, members, _ := event.Split(body)
	for _, m := range members {
		env, _ := event.Decode(m)
		ids = append(ids, env.ID)
	}
	return ids
}

// DiffAnswers compares what was answered to two requests: the app's answer where one was
// kept, otherwise the status. Of the headers those count that do not change by
// themselves.
func DiffAnswers(a, b *Record) []Difference {
	x, y := answerOf(a), answerOf(b)
	var out []Difference
	add := func(path, x, y string) {
		if x != y {
			out = append(out, Difference{"answer", path, &x, &y})
		}
	}
	add("status", StatusText(x.Status), StatusText(y.Status))
	add("error", x.Error, y.Error)
	out = append(out, diffHeaders(lasting(x.Headers), lasting(y.Headers))...)
	body, _ := diffBodies(x.Body, y.Body)
	return append(out, body...)
}

func answerOf(rec *Record) App {
	if rec.App != nil {
		return *rec.App
	}
	return App{Status: rec.Status}
}

// lasting leaves out headers that differ from answer to answer, or say what the body
// says.
func lasting(headers []Header) []Header {
	var out []Header
	for _, h := range headers {
		name := strings.ToLower(h.Name)
		switch name {
		case "age", "connection", "content-length", "date", "etag", "expires", "keep-alive", "last-modified", "set-cookie", "server-timing", "transfer-encoding":
			continue
		}
		if !strings.Contains(name, "request-id") && !strings.Contains(name, "trace") && !strings.Contains(name, "runtime") && !strings.Contains(name, "correlation") {
			out = append(out, h)
		}
	}
	return out
}
