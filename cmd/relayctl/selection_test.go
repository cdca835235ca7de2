package main

import (
	"errors"
	"testing"
	"time"
)

func TestCaptureTimes(t *testing.T) {
	end := time.Date(2026, 1, 31, 14, 30, 0, 0, time.Local)
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 1, day, hour, minute, 0, 0, time.Local) }
	for _, c := range []struct {
		since, until         string
		wantSince, wantUntil time.Time
	}{
		{"14:00", "15:00", at(31, 14, 0), at(31, 15, 0)},
		{"23:30", "00:15", at(30, 23, 30), at(31, 0, 15)},
		{"23:30", "23:30", at(30, 23, 30), at(31, 23, 30)},
		{"", "15:00", time.Time{}, at(31, 15, 0)},
		{"10m", "", at(31, 14, 20), time.Time{}},
		{"1h", "30m", at(31, 13, 30), at(31, 14, 0)},
		{"2026-01-30 09:05", "2026-01-31", at(30, 9, 5), at(31, 0, 0)},
	} {
		o := selectionOptions{since: c.since, until: c.until}
		f, err := o.filter(&app{}, func() (time.Time, error) { return end, nil })
		if err != nil || !f.Since.Equal(c.wantSince) || !f.Until.Equal(c.wantUntil) {
			t.Errorf("%s to %s: %v to %v, %v", c.since, c.until, f.Since, f.Until, err)
		}
	}
}

func TestCaptureEndCannotBeRead(t *testing.T) {
	broken := errors.New("broken")
	for _, since := range []string{"10m", "14:00"} {
		o := selectionOptions{since: since}
		if _, err := o.filter(&app{}, func() (time.Time, error) { return time.Time{}, environment(broken) }); exitCode(exitOK, err) != exitEnvironment {
			t.Errorf("%s: %v", since, err)
		}
	}
}
