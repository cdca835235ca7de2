package sim

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"relayctl/internal/event"
	"relayctl/internal/sim/wire"
	"relayctl/internal/suggest"
)

// RetryOn says which results of an attempt are tried again. The zero value
// retries nothing.
type RetryOn struct {
	statuses []int
	classes  []int // 5 for 5xx
	failures []wire.Failure
}

// DefaultRetryOn is what Relay retries: 500 and a timeout as documented
// (R-500, R-TIMEOUT), and a failed connection as assumed (R-CONNECT).
const DefaultRetryOn = "500,timeout,connect"

// ParseRetryOn reads a list such as "500,timeout,connect": statuses, classes
// of them (5xx), timeout, connect, cut, tls and token. connect stands for a
// connection that was cut before the answer and for a token endpoint that could
// not be asked as well: in all three the endpoint could not be reached
// (R-CONNECT, assumed). An empty list and none retry nothing.
func ParseRetryOn(list string) (RetryOn, error) {
	var r RetryOn
	if strings.Contains(list, ",") && slices.Contains(strings.Split(strings.ToLower(strings.ReplaceAll(list, " ", "")), ","), "none") {
		return r, errors.New("retry-on none stands alone: it contradicts the others")
	}
	for item := range strings.SplitSeq(list, ",") {
		item = strings.ToLower(strings.TrimSpace(item))
		status, err := strconv.Atoi(item)
		switch {
		case item == "" || item == "none":
		case item == "timeout":
			r.failures = append(r.failures, wire.Timeout)
		case item == "connect":
			r.failures = append(r.failures, wire.Connect, wire.Cut, wire.TokenFailed)
		case item == "cut":
			r.failures = append(r.failures, wire.Cut)
		case item == "tls":
			r.failures = append(r.failures, wire.TLS)
		case item == "token":
			r.failures = append(r.failures, wire.TokenFailed)
		case len(item) == 3 && item[1:] == "xx" && item[0] >= '1' && item[0] <= '5':
			r.classes = append(r.classes, int(item[0]-'0'))
		case err == nil && status >= 100 && status <= 599:
			r.statuses = append(r.statuses, status)
		default:
			return RetryOn{}, fmt.Errorf("retry-on takes statuses, classes such as 5xx, timeout, connect, cut, tls and token, or none, not %q%s",
				item, suggest.DidYouMean(item, []string{"timeout", "connect", "cut", "tls", "token", "5xx", "4xx", "none"}))
		}
	}
	return r, nil
}

// Retries says whether an attempt that ended so is tried again. An accepted
// one never is.
func (r RetryOn) Retries(status int, failure wire.Failure) bool {
	if failure != wire.NoFailure {
		return slices.Contains(r.failures, failure)
	}
	return !event.Accepted(status) && (slices.Contains(r.statuses, status) || slices.Contains(r.classes, status/100))
}

// maxDelay is the longest wait between two attempts.
const maxDelay = 7 * 24 * time.Hour

// ParseDelays reads a list of durations such as "10s,30s,2m". Negative ones and those over
// a week are errors.
func ParseDelays(list string) ([]time.Duration, error) {
	var out []time.Duration
	for item := range strings.SplitSeq(list, ",") {
		d, err := time.ParseDuration(strings.TrimSpace(item))
		if err != nil || d < 0 || d > maxDelay {
			return nil, fmt.Errorf("retry-delays takes durations such as 10s,30s,2m, up to 168h, not %q", item)
		}
		out = append(out, d)
	}
	return out, nil
}

// delayAfter is the wait after the nth attempt, from 1; the last delay stands
// for all that follow it.
func delayAfter(delays []time.Duration, n int) time.Duration {
	if len(delays) == 0 {
		return 0
	}
	return delays[min(n, len(delays))-1]
}

// Rate is an open-loop pace in calls; the zero value is unlimited.
type Rate struct {
	Calls float64
	Per   time.Duration
}

// ParseRate reads a pace such as 50/s, 5000/m or 100000/h. Zero and negative numbers are
// errors, and so is more than a billion.
func ParseRate(s string) (Rate, error) {
	n, unit, ok := strings.Cut(s, "/")
	calls, err := strconv.ParseFloat(n, 64)
	per := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}[unit]
	if !ok || err != nil || per == 0 || !(calls > 0) || calls > 1e9 {
		return Rate{}, fmt.Errorf("%q is not a rate such as 50/s, 5000/m or 100000/h", s)
	}
	return Rate{calls, per}, nil
}

// Due is when the nth call goes out, from 0, after the start of the run. It is
// computed from the start each time, so that it cannot drift.
func (r Rate) Due(n int) time.Duration {
	if r.Calls == 0 {
		return 0
	}
	return time.Duration(min(float64(n)*float64(r.Per)/r.Calls, 1<<62)) // such as of 1e-300/h
}

// String gives the rate as ParseRate reads it.
func (r Rate) String() string {
	switch r.Per {
	case time.Second:
		return fmt.Sprintf("%g/s", r.Calls)
	case time.Minute:
		return fmt.Sprintf("%g/m", r.Calls)
	case time.Hour:
		return fmt.Sprintf("%g/h", r.Calls)
	}
	return "unlimited"
}
