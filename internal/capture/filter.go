package capture

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"relayctl/internal/event"
)

// Filter selects recorded requests, and events in them. The zero value selects
// everything. It is safe for concurrent use.
type Filter struct {
	Customers []string     // the ccid, or Relay's customer_id where there is none
	Events    event.Filter // by name
	IDs       []string     // what an event id begins with, or an id as it is shown shortened: ff2ce…c5ff3
	Badges    []string     // kinds of badges, such as late: one of them is enough
	Statuses  Statuses
	Since     time.Time // of receipt, inclusive; zero for no bound
	Until     time.Time // of receipt, exclusive; zero for no bound
	Requests  Ranges
}

// AnyEvent says whether nothing is asked of a request's events, so that a request
// without one is selected too.
func (f *Filter) AnyEvent() bool {
	return len(f.Customers) == 0 && f.Events.String() == "*" && len(f.IDs) == 0 && len(f.Badges) == 0
}

// Request says whether the request of that number, counted from 1, is selected by
// what concerns all of it. Status is that of the answer, 0 for none.
func (f *Filter) Request(number uint64, at time.Time, status int) bool {
	return f.Requests.Has(number) && f.Statuses.Has(status) &&
		!at.Before(f.Since) && (f.Until.IsZero() || at.Before(f.Until))
}

// Event says whether an event of a request is selected; kinds are those of its
// badges.
func (f *Filter) Event(customer, name, id string, kinds []string) bool {
	return (len(f.Customers) == 0 || customer != "" && slices.Contains(f.Customers, customer)) &&
		f.Events.Match(name) &&
		(len(f.IDs) == 0 || slices.ContainsFunc(f.IDs, func(want string) bool { return beginsWith(id, want) })) &&
		(len(f.Badges) == 0 || slices.ContainsFunc(kinds, func(k string) bool { return slices.Contains(f.Badges, k) }))
}

// beginsWith says whether an id begins with what was asked for, or is the one whose
// shortened form, both ends around an ellipsis, was asked for.
func beginsWith(id, want string) bool {
	head, tail, short := strings.Cut(want, "…")
	if !short {
		return strings.HasPrefix(id, want)
	}
	at := strings.Index(id, head) // the host before an id may be left out
	return at >= 0 && strings.Contains(id[at+len(head):], tail)
}

// KindOf is the kind of a badge as a record has it: late of "late 3.2s".
func KindOf(badge string) string {
	kind, _, _ := strings.Cut(badge, " ")
	return kind
}

// Ranges are numbers of requests; none selects all.
type Ranges []Range

// Range is the numbers from First to Last.
type Range struct{ First, Last uint64 }

// ParseRanges reads "48", "17,19" or "3-7": numbers from 1.
func ParseRanges(list ...string) (Ranges, error) {
	var out Ranges
	for _, item := range list {
		for part := range strings.SplitSeq(item, ",") {
			first, last, both := strings.Cut(strings.TrimSpace(part), "-")
			if !both {
				last = first
			}
			a, errA := strconv.ParseUint(strings.TrimPrefix(strings.TrimSpace(first), "#"), 10, 64)
			b, errB := strconv.ParseUint(strings.TrimPrefix(strings.TrimSpace(last), "#"), 10, 64)
			if errA != nil || errB != nil || a == 0 || b < a {
				return nil, fmt.Errorf("%q is not the number of a request, counted from 1, such as 48, 17,19 or 3-7", part)
			}
			out = append(out, Range{a, b})
		}
	}
	return out, nil
}

// Has says whether a number is selected.
func (r Ranges) Has(number uint64) bool {
	return len(r) == 0 || slices.ContainsFunc(r, func(one Range) bool { return one.First <= number && number <= one.Last })
}

// First is the smallest number that is selected, 0 where all are selected.
func (r Ranges) First() uint64 {
	first := uint64(0)
	for i, one := range r {
		if i == 0 || one.First < first {
			first = one.First
		}
	}
	return first
}

// Beyond says which numbers lie after the last request of a capture, worded as an error
// ("the capture has no request 99, only the requests 1 to 7"); "" where none does.
func (r Ranges) Beyond(requests uint64) string {
	var missing []string
	for _, one := range r {
		switch first := max(one.First, requests+1); {
		case one.Last < first:
		case one.Last == first:
			missing = append(missing, strconv.FormatUint(first, 10))
		default:
			missing = append(missing, fmt.Sprintf("%d-%d", first, one.Last))
		}
	}
	if len(missing) == 0 {
		return ""
	}
	have := fmt.Sprintf("the requests 1 to %d", requests)
	if requests == 1 {
		have = "request 1"
	}
	return fmt.Sprintf("the capture has no request %s, only %s", strings.Join(missing, ", "), have)
}

// Statuses are statuses of answers and classes of them; none selects all.
type Statuses []string

// NoAnswer in place of a status selects requests that got no answer.
const NoAnswer = "none"

// ParseStatuses reads "500", "5xx", "none", or several with commas between them.
func ParseStatuses(list ...string) (Statuses, error) {
	var out Statuses
	for _, item := range list {
		for part := range strings.SplitSeq(item, ",") {
			part = strings.ToLower(strings.TrimSpace(part))
			class := len(part) == 3 && part[0] >= '1' && part[0] <= '5' && part[1:] == "xx"
			if n, err := strconv.Atoi(part); part != NoAnswer && !class && (err != nil || n < 100 || n > 999) {
				return nil, fmt.Errorf("%q is not a status such as 500 or 5xx, nor none, for requests that got no answer", part)
			}
			out = append(out, part)
		}
	}
	return out, nil
}

// Has says whether a status is selected; 0 is that of a request without an answer.
func (s Statuses) Has(status int) bool {
	text := strconv.Itoa(status)
	return len(s) == 0 || slices.ContainsFunc(s, func(want string) bool {
		if want == NoAnswer {
			return status == 0
		}
		return want == text || strings.HasSuffix(want, "xx") && status >= 100 && want[0] == text[0]
	})
}
