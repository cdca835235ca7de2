package session

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
	"relayctl/internal/suggest"
)

// Query selects requests. The zero value selects all. Where a request is a batch, one
// event that matches is enough.
type Query struct {
	capture.Filter
	// Finding selects by a clause (R-TS), a level (error, warning), or any.
	Finding string
	Text    string // stands anywhere in the request, in any case
	After   uint64 // only numbers above it
	Before  uint64 // only numbers below it, 0 for no bound
	Limit   int    // at most so many, the newest ones; 0 is DefaultLimit
	Oldest  bool   // the oldest ones above After instead
}

// The numbers of requests that one List returns.
const (
	DefaultLimit = 100
	MostListed   = 1000
)

// AnyFinding is a Query's Finding that selects requests with findings of any kind.
const AnyFinding = "any"

// lists are the parameters that take several values.
func lists() []string { return []string{"event", "ccid", "id", "status", "badge"} }

// FilterNames are the parameters of ParseQuery that select requests, and more.
func FilterNames(more ...string) []string {
	return slices.Concat(lists(), []string{"finding", "q", "after"}, more)
}

// CheckParameters returns an error for a parameter that is not known or has no value, and
// for one that stands more than once but takes a single value.
func CheckParameters(v url.Values, known []string) error {
	for _, name := range slices.Sorted(maps.Keys(v)) {
		switch values := v[name]; {
		case len(known) == 0:
			return fmt.Errorf("%s: this call takes no parameters", name)
		case !slices.Contains(known, name):
			return fmt.Errorf("%s: there is no such parameter, only %s%s", name, strings.Join(known, ", "), suggest.DidYouMean(name, known))
		case slices.ContainsFunc(values, func(text string) bool { return strings.Trim(text, ", \t") == "" }):
			return fmt.Errorf("%s: the value is empty", name)
		case len(values) > 1 && !slices.Contains(lists(), name):
			return fmt.Errorf("%s: it is given %d times and takes one value", name, len(values))
		}
	}
	return nil
}

// ParseQuery reads a query of the API and of a page: the FilterNames, before, limit.
// Other names are left alone (see CheckParameters); a value that cannot be read is an
// error that names it.
func ParseQuery(v url.Values) (q Query, err error) {
	list := func(name string) (out []string) {
		for _, text := range v[name] {
			for part := range strings.SplitSeq(text, ",") {
				if part = strings.TrimSpace(part); part != "" {
					out = append(out, part)
				}
			}
		}
		return out
	}
	if q.Events, err = event.ParseFilter(list("event")...); err != nil {
		return q, fmt.Errorf("event: %w", err)
	}
	if statuses := list("status"); len(statuses) > 0 {
		if q.Statuses, err = capture.ParseStatuses(statuses...); err != nil {
			return q, fmt.Errorf("status: %w", err)
		}
	}
	if q.Badges = list("badge"); len(q.Badges) > 0 {
		for _, b := range q.Badges {
			if !slices.Contains(judge.Kinds(), b) {
				return q, fmt.Errorf("badge: %q is not one of %s%s", b, strings.Join(judge.Kinds(), ", "), suggest.DidYouMean(b, judge.Kinds()))
			}
		}
	}
	q.Customers, q.IDs = list("ccid"), list("id")
	q.Finding, q.Text = strings.TrimSpace(v.Get("finding")), strings.TrimSpace(v.Get("q"))
	if known := []string{AnyFinding, string(event.Error), string(event.Warning)}; q.Finding != "" && !slices.Contains(known, strings.ToLower(q.Finding)) && !strings.HasPrefix(strings.ToUpper(q.Finding), "R-") {
		return q, fmt.Errorf("finding: %q is neither one of %s nor a clause such as R-TS%s", q.Finding, strings.Join(known, ", "), suggest.DidYouMean(q.Finding, known))
	}
	var errs [2]error
	q.After, errs[0] = whole(v, "after", 0)
	q.Before, errs[1] = whole(v, "before", 1)
	if text := v.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > MostListed {
			return q, fmt.Errorf("limit: %q is not a whole number from 1 to %d", text, MostListed)
		}
		q.Limit = n
	}
	return q, errors.Join(errs[:]...)
}

// whole reads a number of at least that size, 0 where it is not given.
func whole(v url.Values, name string, least uint64) (uint64, error) {
	text := v.Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 63)
	if err != nil || n < least {
		return 0, fmt.Errorf("%s: %q is not a whole number from %d", name, text, least)
	}
	return n, nil
}

// selects says whether a request matches, its number apart.
func (q *Query) selects(r *Request) bool {
	if !q.Request(r.Number, r.Record.ReceivedAt, r.Record.Status) {
		return false
	}
	if !q.AnyEvent() && !slices.ContainsFunc(r.Receipts, q.selectsEvent) {
		return false
	}
	if q.Finding != "" && !slices.ContainsFunc(r.Findings(), func(f event.Finding) bool {
		return q.Finding == AnyFinding || strings.EqualFold(q.Finding, f.Clause) || strings.EqualFold(q.Finding, string(f.Level))
	}) {
		return false
	}
	return q.Text == "" || r.holds(strings.ToLower(q.Text))
}

func (q *Query) selectsEvent(rc *judge.Receipt) bool {
	customer, _ := judge.JourneyKey(&rc.Event)
	kinds := make([]string, len(rc.Badges))
	for i, b := range rc.Badges {
		kinds[i] = string(b.Kind)
	}
	return q.Event(customer, rc.Event.Name, rc.Event.ID, kinds)
}

// Listed is a part of a session's requests.
type Listed struct {
	Requests []*Request // the newest first
	// Next goes on with the search: it is the Before of a Query for older requests, or
	// with Oldest the After for newer ones; 0 at the end. It may be set although nothing
	// was found yet.
	Next uint64
}

// lookFor is how long a List may search a capture.
const lookFor = time.Second

// List returns the requests that a query selects, the newest first. The error is that of
// reading a capture, or ctx's. In a large capture it searches for a second at most;
// Listed.Next says where to go on.
func (s *Session) List(ctx context.Context, q Query) (Listed, error) {
	if q.Limit <= 0 {
		q.Limit = DefaultLimit
	}
	if s.file != nil {
		if err := s.file.align(ctx, &q); err != nil {
			return Listed{}, err
		}
	}
	from := q.After + 1
	if !q.Oldest {
		if from = s.top(max(q.After, q.Before)); q.Before > 0 {
			from = min(from, q.Before-1)
		}
	}
	var out Listed
	begun := time.Now()
	err := s.walk(ctx, from, q.Oldest, func(r *Request) bool {
		if r.Number <= q.After || q.Before > 0 && r.Number >= q.Before {
			return false
		}
		if len(out.Requests) == q.Limit || time.Since(begun) > lookFor {
			out.Next = next(r.Number, !q.Oldest)
			return false
		}
		if q.selects(r) {
			out.Requests = append(out.Requests, r)
		}
		return true
	})
	if q.Oldest {
		slices.Reverse(out.Requests)
	}
	return out, err
}

// top is the newest number, counted from the same end as n.
func (s *Session) top(n uint64) uint64 {
	if s.file != nil && fromEnd(n) {
		return uncounted
	}
	return s.Stats().Newest
}

// walk visits the requests from a number on, downwards or up, until visit says false.
func (s *Session) walk(ctx context.Context, from uint64, up bool, visit func(*Request) bool) error {
	if s.file != nil {
		return s.file.walk(ctx, from, up, visit)
	}
	if up {
		from = max(from, s.Stats().Oldest)
	}
	for number := from; number > 0; number = next(number, up) {
		s.mu.Lock()
		r := s.ring.get(number)
		s.mu.Unlock()
		if r == nil || !visit(r) {
			return nil
		}
		if number%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return nil
}

// ErrNobody says that no event of the customer came, or that all were given up.
var ErrNobody = errors.New("no event of this customer has come, or none is kept any more")

// ErrGone says that no request has that number, or that it was given up.
var ErrGone = errors.New("there is no such request, or not any more")

// Get returns the request of a number, or ErrGone.
func (s *Session) Get(ctx context.Context, number uint64) (*Request, error) {
	var found *Request
	if number > s.top(number) {
		return nil, ErrGone
	}
	err := s.walk(ctx, number, false, func(r *Request) bool { found = r; return false })
	if err == nil && (found == nil || found.Number != number) {
		err = ErrGone
	}
	return found, err
}

// Attempts returns the requests that carry the event of an id, the first one first; none
// for the id "". In a capture they are looked for within 5000 lines of the request near.
// The error is that of reading the capture, or ctx's.
func (s *Session) Attempts(ctx context.Context, id string, near uint64) ([]*Request, error) {
	const around = 5000
	var out []*Request
	if id == "" {
		return nil, nil
	}
	from := s.top(near)
	if s.file != nil {
		from = min(from, near+around)
	}
	err := s.walk(ctx, from, false, func(r *Request) bool {
		if s.file != nil && r.Number+around < near {
			return false
		}
		if slices.ContainsFunc(r.Receipts, func(rc *judge.Receipt) bool { return rc.Event.ID == id }) {
			out = append(out, r)
		}
		return true
	})
	slices.Reverse(out)
	return out, err
}

// Journey is what came of a customer, in true order.
type Journey struct {
	judge.Journey
	// Belongs tells by event_id what an event belongs to: the id of its notification, or
	// else of its message, "" for the customer.
	Belongs map[string]string
}

// Journey returns what came of a customer, by ccid or else by Relay's customer_id. The
// error is ErrNobody if nothing did. Of a large capture it reads the last million lines.
func (s *Session) Journey(ctx context.Context, customer string) (Journey, error) {
	const mostLines = 1_000_000
	var found []*judge.Receipt
	out := Journey{Belongs: map[string]string{}}
	from := s.Stats().Newest
	err := s.walk(ctx, from, false, func(r *Request) bool {
		for _, rc := range slices.Backward(r.Receipts) {
			if c, _ := judge.JourneyKey(&rc.Event); c == customer && c != "" {
				named := *rc
				named.Seq = r.Number
				found = append(found, &named)
				out.Belongs[rc.Event.ID] = cmp.Or(rc.Event.Payload.NotificationID, rc.Event.Payload.MessageID)
			}
		}
		return from-r.Number < mostLines && len(found) < judge.MostHeld/4
	})
	if err != nil {
		return out, err
	}
	if len(found) == 0 {
		return out, ErrNobody
	}
	journeys := judge.NewJourneys(judge.MostHeld)
	for _, rc := range slices.Backward(found) {
		journeys.Add(rc, false)
	}
	out.Journey = journeys.Last(1)[0]
	return out, nil
}

// Compared are two requests side by side.
type Compared struct {
	A, B        *Request
	Differences []capture.Difference
	Body        capture.BodyRelation
}

// Diff compares two requests by their numbers. The error is ErrGone, that of reading a
// capture, or ctx's.
func (s *Session) Diff(ctx context.Context, a, b uint64) (c Compared, err error) {
	if c.A, err = s.Get(ctx, a); err != nil {
		return c, err
	}
	if c.B, err = s.Get(ctx, b); err != nil {
		return c, err
	}
	c.Differences, c.Body = capture.Diff(c.A.Record, c.B.Record)
	return c, nil
}

// Curl is a request as a curl command and the shell variables that it needs; "" where
// the session cannot tell.
func (s *Session) Curl(r *Request) (command string, variables []string) {
	if s.cfg.Curl == nil || r.Record.Omitted {
		return "", nil
	}
	return s.cfg.Curl(r.Record)
}

// WaitFor returns the first count requests that match, the oldest first; those that are
// already there count. If ctx ends before, it returns ctx's error and the requests that
// have come. It ignores the query's Limit.
func (s *Session) WaitFor(ctx context.Context, q Query, count int) ([]*Request, error) {
	count = min(max(count, 1), MostListed)
	var found []*Request
	for at := q.After; ; {
		st := s.Stats()
		next := q
		next.After, next.Limit = at, s.cfg.MostRequests
		if st.Newest > at {
			l, err := s.List(ctx, next)
			if err != nil && ctx.Err() == nil {
				return found, err
			}
			slices.Reverse(l.Requests)
			found = append(found, l.Requests...)
			at = st.Newest
			if len(l.Requests) > 0 {
				at = max(at, l.Requests[len(l.Requests)-1].Number)
			}
		}
		if len(found) >= count {
			return found[:count], nil
		}
		if !st.Live {
			<-ctx.Done()
			return found, ctx.Err()
		}
		if err := s.Wait(ctx, at, st.Cleared); err != nil {
			return found, err
		}
	}
}
