package session

import (
	"errors"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"relayctl/internal/capture"
)

func queries() map[string][]uint64 {
	return map[string][]uint64{
		"":                                {6, 5, 4, 3, 2, 1},
		"event=message.*":                 {6, 4, 1},
		"event=message.*&ccid=2":          {4},
		"ccid=1":                          {6, 3, 2, 1},
		"ccid=3":                          {6},
		"status=500":                      {2},
		"status=none,4xx":                 {5, 4},
		"badge=attempt":                   {3},
		"badge=late,attempt":              {4, 3},
		"finding=any&status=4xx":          {5},
		"finding=r-envelope&q=grü":        {5},
		"q=GRÜSSE":                        nil,
		"q=gRÜße":                         {5},
		"q=application/json&badge=late":   {4},
		"id=b":                            {3, 2},
		"before=4&limit=2":                {3, 2},
		"after=4":                         {6, 5},
		"after=2&before=5&unknown=anyhow": {4, 3},
	}
}

// What a query selects is the same for a live session and for a capture.
func TestQueries(t *testing.T) {
	live := New(Config{})
	var lines []byte
	for _, x := range filled() {
		live.Add(x)
		lines = x.Record.Append(lines)
	}
	for name, s := range map[string]*Session{"live": live, "capture": opened(t, lines)} {
		for query, want := range queries() {
			if got := numbers(list(t, s, query).Requests); !cmp.Equal(got, want) {
				t.Errorf("%s %q: %v, want %v", name, query, got, want)
			}
		}
		page := list(t, s, "limit=4")
		if page.Next != 3 || list(t, s, "before=3").Next != 0 {
			t.Errorf("%s: the next page begins before %d", name, page.Next)
		}
		if again, err := s.Attempts(t.Context(), "b", 2); err != nil || !cmp.Equal(numbers(again), []uint64{2, 3}) {
			t.Errorf("%s: attempts %v %v", name, numbers(again), err)
		}
		j, err := s.Journey(t.Context(), "1")
		if err != nil || len(j.Events) != 3 || j.Events[1].ID != "b" || len(j.Events[1].Arrivals) != 2 || j.Events[2].Arrivals[0].Seq != 6 {
			t.Errorf("%s: journey %+v %v", name, j, err)
		}
		if _, err := s.Journey(t.Context(), "nobody"); !errors.Is(err, ErrNobody) {
			t.Errorf("%s: %v", name, err)
		}
		d, err := s.Diff(t.Context(), 2, 3)
		if err != nil || d.Body != capture.SameBytes || len(d.Differences) != 1 {
			t.Errorf("%s: %+v %v", name, d, err)
		}
		for _, n := range []uint64{0, 7, 1 << 60} {
			if _, err := s.Get(t.Context(), n); !errors.Is(err, ErrGone) {
				t.Errorf("%s, %d: %v", name, n, err)
			}
		}
	}
}

func TestParseQueryRefuses(t *testing.T) {
	for query, want := range map[string]string{
		"event=mesage.*": `event: event pattern "mesage.*" matches no known event; did you mean "message.*"?`,
		"status=9":       `status: "9" is not a status such as 500 or 5xx, nor none, for requests that got no answer`,
		"badge=lat":      `badge: "lat" is not one of attempt, duplicate, conflict, late, early; did you mean "late"?`,
		"before=0":       `before: "0" is not a whole number from 1`,
		"after=-1":       `after: "-1" is not a whole number from 0`,
		"limit=0":        `limit: "0" is not a whole number from 1 to 1000`,
		"limit=1001":     `limit: "1001" is not a whole number from 1 to 1000`,
		"finding=eror":   `finding: "eror" is neither one of any, error, warning nor a clause such as R-TS; did you mean "error"?`,
	} {
		v, _ := url.ParseQuery(query)
		if _, err := ParseQuery(v); err == nil || err.Error() != want {
			t.Errorf("%s: %v", query, err)
		}
	}
}

func TestCheckParameters(t *testing.T) {
	known := FilterNames("count")
	for query, want := range map[string]string{
		"event=a&event=b,c&count=1&q=x": "",
		"evnt=a":                        `evnt: there is no such parameter, only event, ccid, id, status, badge, finding, q, after, count; did you mean "event"?`,
		"event=":                        "event: the value is empty",
		"ccid=1&ccid=":                  "ccid: the value is empty",
		"status=,":                      "status: the value is empty",
		"q=a&q=b":                       "q: it is given 2 times and takes one value",
	} {
		v, _ := url.ParseQuery(query)
		if err := CheckParameters(v, known); want == "" && err != nil || want != "" && (err == nil || err.Error() != want) {
			t.Errorf("%s: %v", query, err)
		}
	}
	if err := CheckParameters(url.Values{"ccid": {"1"}}, nil); err == nil {
		t.Error("a call without parameters takes one")
	}
}
