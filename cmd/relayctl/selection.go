package main

import (
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
	"relayctl/internal/suggest"
)

// selectionOptions are the flags that select requests of a capture.
type selectionOptions struct {
	ccid     []string
	events   []string
	ids      []string
	statuses []string
	badges   []string
	since    string
	until    string
	requests []string
}

// selectionFlags are the names of the flags.
func selectionFlags() []string {
	return []string{"ccid", "event", "id", "status", "badge", "since", "until", "request"}
}

func (o *selectionOptions) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringArrayVar(&o.ccid, "ccid", nil, "only this customer, whole (repeatable)")
	f.StringSliceVar(&o.events, "event", nil, "only these events, as patterns: notification.*")
	f.StringArrayVar(&o.ids, "id", nil, "only events whose id begins so, or is shown shortened so (repeatable)")
	f.StringSliceVar(&o.statuses, "status", nil, "only requests that were answered so: 500, 5xx, or none for no answer")
	f.StringSliceVar(&o.badges, "badge", nil, "only events with one of these badges: "+strings.Join(judge.Kinds(), ", "))
	f.StringVar(&o.since, "since", "", "only what was received since: a time of the day (14:00), a `time` (2026-01-31 14:00), both local, or a duration before the capture's end (10m)")
	f.StringVar(&o.until, "until", "", "only what was received before: a `time` or a duration as for --since")
	f.StringSliceVar(&o.requests, "request", nil, "only the requests of these `numbers`: 48 or 3-7")
	wordsOf(cmd, "event", event.Names)
	wordsOf(cmd, "badge", judge.Kinds)
}

// given says whether any of the flags was given.
func (o *selectionOptions) given() bool {
	return len(o.ccid)+len(o.events)+len(o.ids)+len(o.statuses)+len(o.badges)+len(o.requests) > 0 || o.since != "" || o.until != ""
}

// filter makes the filter of the flags. end tells when the last request of the
// capture was received, or returns an error with its exit code; it is only called
// where a time counts from there.
func (o *selectionOptions) filter(a *app, end func() (time.Time, error)) (f capture.Filter, err error) {
	f = capture.Filter{Customers: o.ccid, IDs: o.ids, Badges: o.badges}
	if f.Events, err = a.eventFilter("event", o.events); err != nil {
		return f, usage(err)
	}
	if f.Statuses, err = capture.ParseStatuses(o.statuses...); err != nil {
		return f, usageError("--status: %w", err)
	}
	if f.Requests, err = capture.ParseRanges(o.requests...); err != nil {
		return f, usageError("--request: %w", err)
	}
	for _, kind := range o.badges {
		if !slices.Contains(judge.Kinds(), kind) {
			return f, usageError("--badge: there is no badge %q%s", kind, suggest.DidYouMean(kind, judge.Kinds()))
		}
	}
	if f.Since, err = captureTime("since", o.since, end, lastClock); err != nil {
		return f, err
	}
	until := func(end, clock time.Time) time.Time {
		if f.Since.IsZero() {
			return onDayOf(end, clock)
		}
		return clockAfter(f.Since.Local(), clock)
	}
	if f.Until, err = captureTime("until", o.until, end, until); err != nil {
		return f, err
	}
	if !f.Until.IsZero() && !f.Since.Before(f.Until) {
		return f, usageError("--until %s is not after --since %s", o.until, o.since)
	}
	return f, nil
}

// captureTime reads --since and --until. A duration counts back from the capture's
// end; day says which day a time of the day is on. A time without a zone is local,
// as --list shows it.
func captureTime(flag, text string, end func() (time.Time, error), day func(end, clock time.Time) time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil {
		if d < 0 {
			return time.Time{}, usageError("--%s: %s lies after the capture's end", flag, text)
		}
		last, err := end()
		return last.Add(-d), err
	}
	for _, layout := range []string{"15:04", "15:04:05"} { // with a fraction too
		if clock, err := time.Parse(layout, text); err == nil {
			last, err := end()
			return day(last.Local(), clock), err
		}
	}
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02T15:04", "2006-01-02 15:04:05", "2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, text, time.Local); err == nil {
			return at, nil
		}
	}
	return time.Time{}, usageError("--%s: %q is neither a time of the day such as 14:00, a time such as 2026-01-31T12:00:00Z, nor a duration such as 10m", flag, text)
}

// onDayOf is the time of the day on the day of the other time.
func onDayOf(day, clock time.Time) time.Time {
	return time.Date(day.Year(), day.Month(), day.Day(), clock.Hour(), clock.Minute(), clock.Second(), clock.Nanosecond(), day.Location())
}

// lastClock is the last such time of the day that is not after the end.
func lastClock(end, clock time.Time) time.Time {
	at := onDayOf(end, clock)
	if at.After(end) {
		at = onDayOf(end.AddDate(0, 0, -1), clock)
	}
	return at
}

// clockAfter is the first such time of the day after the other time.
func clockAfter(since, clock time.Time) time.Time {
	at := onDayOf(since, clock)
	if !at.After(since) {
		at = onDayOf(since.AddDate(0, 0, 1), clock)
	}
	return at
}
