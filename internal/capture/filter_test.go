package capture

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"relayctl/internal/event"
)

func TestFilterRequest(t *testing.T) {
	at := time.Date(2026, 1, 31, 14, 30, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		filter Filter
		want   bool
	}{
		"everything":          {Filter{}, true},
		"its number":          {Filter{Requests: Ranges{{3, 3}, {40, 50}}}, true},
		"another number":      {Filter{Requests: Ranges{{3, 3}}}, false},
		"its status":          {Filter{Statuses: Statuses{"500"}}, true},
		"its class":           {Filter{Statuses: Statuses{"200", "5xx"}}, true},
		"another class":       {Filter{Statuses: Statuses{"4xx", NoAnswer}}, false},
		"since its time":      {Filter{Since: at}, true},
		"since later":         {Filter{Since: at.Add(time.Second)}, false},
		"until its time":      {Filter{Until: at}, false},
		"until a moment more": {Filter{Until: at.Add(time.Millisecond)}, true},
	} {
		if got := c.filter.Request(48, at, 500); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if f := (Filter{Statuses: Statuses{NoAnswer}}); !f.Request(1, at, 0) || f.Request(1, at, 500) {
		t.Error("no answer is not a status")
	}
}

func TestFilterEvent(t *testing.T) {
	messages, err := event.ParseFilter("message.*")
	if err != nil {
		t.Fatal(err)
	}
	host := "ip-10-3-0-224-668176-8h-b98185e8-8a01-406f-a9e9-a62a2e437da7-1mha"
	for name, c := range map[string]struct {
		filter Filter
		want   bool
	}{
		"everything":            {Filter{}, true},
		"its customer":          {Filter{Customers: []string{"1001", "1002"}}, true},
		"another customer":      {Filter{Customers: []string{"10020"}}, false},
		"its name":              {Filter{Events: messages}, true},
		"the id's beginning":    {Filter{IDs: []string{"ip-10-3"}}, true},
		"the id's middle":       {Filter{IDs: []string{"b98185e8"}}, false},
		"the id as it is shown": {Filter{IDs: []string{"b9818…37da7"}}, true},
		"another id":            {Filter{IDs: []string{"b9818…37da8"}}, false},
		"one of its badges":     {Filter{Badges: []string{"late", "early"}}, true},
		"another badge":         {Filter{Badges: []string{"duplicate"}}, false},
	} {
		if got := c.filter.Event("1002", "message.delivered", host, []string{"attempt", "late"}); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
	if f := (Filter{Customers: []string{""}}); f.Event("", "message.delivered", host, nil) {
		t.Error("an empty name selects events without a customer")
	}
}

func TestParseRanges(t *testing.T) {
	got, err := ParseRanges("48,#17", "3-7")
	if diff := cmp.Diff(Ranges{{48, 48}, {17, 17}, {3, 7}}, got); err != nil || diff != "" {
		t.Fatal(diff, err)
	}
	for _, bad := range []string{"", "0", "7-3", "x", "1-", "-3", "1,,2"} {
		if got, err := ParseRanges(bad); err == nil {
			t.Errorf("%q: %v", bad, got)
		}
	}
}

func TestRangesBeyondTheEnd(t *testing.T) {
	all, err := ParseRanges("1,99,5-12,20-30")
	if err != nil {
		t.Fatal(err)
	}
	if got, want := all.Beyond(7), "the capture has no request 99, 8-12, 20-30, only the requests 1 to 7"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got, want := all.Beyond(29), "the capture has no request 99, 30, only the requests 1 to 29"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := append(all[:0:0], all[0]).Beyond(1) + (Ranges{}).Beyond(0); got != "" {
		t.Errorf("nothing is missing, but %q", got)
	}
	if got, want := all[:2].Beyond(1), "the capture has no request 99, only request 1"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzParseStatuses(f *testing.F) {
	for _, s := range []string{"500", "5xx,none", "200, 4XX", "x", "6xx", "1xxx"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		list, err := ParseStatuses(text)
		if err != nil {
			return
		}
		again, err := ParseStatuses(list...)
		if diff := cmp.Diff(list, again); err != nil || diff != "" {
			t.Fatal(diff, err)
		}
	})
}
