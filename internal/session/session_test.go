package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"relayctl/internal/capture"
	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
	"relayctl/internal/recv/script"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// envelope is an event of a customer.
func envelope(id, name, ccid string, second int) string {
	kind, sub, _ := strings.Cut(name, ".")
	return fmt.Sprintf(`{"event_id":%q,"event_name":%q,"event_ts":"2026-01-31T12:00:%02d.000Z","payload":{"ccid":%q,"event_type":%q,"event_subtype":%q}}`, id, name, second, ccid, kind, sub)
}

// record is a request with a body, as it stands in a capture.
func record(body string, status int) *capture.Record {
	rec := &capture.Record{
		ReceivedAt: noon, Remote: "127.0.0.1:1", Method: "POST", Path: "/hook", Body: []byte(body), Status: status, Attempt: 1,
		Headers: []capture.Header{{Name: "Content-Type", Value: "application/json"}, {Name: "Apikey", Value: capture.Redacted}},
	}
	env, findings := event.Decode(rec.Body)
	rec.EventID, rec.EventName, rec.Findings = env.ID, env.Name, findings
	return rec
}

func exchange(body string, status int, badges ...string) judge.Exchange {
	rec := record(body, status)
	rec.Badges = badges
	return judge.Exchange{Record: rec, Receipts: judge.Recorded(rec, 1)}
}

func numbers(list []*Request) (out []uint64) {
	for _, r := range list {
		out = append(out, r.Number)
	}
	return out
}

func list(t *testing.T, s *Session, query string) Listed {
	t.Helper()
	v, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	q, err := ParseQuery(v)
	if err != nil {
		t.Fatal(err)
	}
	l, err := s.List(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// filled are some requests that differ in what a query can ask for.
func filled() []judge.Exchange {
	return []judge.Exchange{
		exchange(envelope("a", "message.delivered", "1", 1), 200),
		exchange(envelope("b", "notification.attempted", "1", 2), 500),
		exchange(envelope("b", "notification.attempted", "1", 2), 200, "attempt 2/4"),
		exchange(envelope("c", "message.delivered", "2", 0), 0, "late 3.2s"),
		exchange(`{"event_name":"Grüße"}`, 401),
		exchange("["+envelope("d", "message.delivered", "1", 9)+","+envelope("e", "account.login", "3", 9)+"]", 200),
	}
}

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

// A capture stays as it is, and says so in its own words.
func TestCaptureIsNotChanged(t *testing.T) {
	x := exchange("{}", 200)
	s := opened(t, x.Record.Append(nil))
	_, replay := s.Replay(t.Context(), 1, Edit{})
	_, rules := s.SetRules(Change{})
	for what, err := range map[string]error{"clear": s.Clear(), "replay": replay, "rules": rules, "mode": s.SetMode(ModeOK)} {
		if !errors.Is(err, ErrCapture) || strings.Contains(err.Error(), "listen") {
			t.Errorf("%s: %v", what, err)
		}
	}
	if s.Stats().Kept != 1 {
		t.Error("the capture lost its request")
	}
}

func opened(t *testing.T, lines []byte) *Session {
	t.Helper()
	s, err := Open(t.Context(), Config{}, []File{{bytes.NewReader(lines), int64(len(lines))}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

// Memory is bounded in number and bytes; what was given up is counted, and numbers
// go on after all were cleared.
func TestBounds(t *testing.T) {
	s := New(Config{MostRequests: 5, Replay: answering(200)})
	for i := range 12 {
		s.Add(exchange(envelope(fmt.Sprint(i), "message.delivered", "1", i), 200))
	}
	if _, err := s.Replay(t.Context(), 8, Edit{}); err != nil || len(s.Replays(8)) != 1 {
		t.Fatal(err)
	}
	if st := s.Stats(); st.Kept != 5 || st.Oldest != 8 || st.Newest != 12 || st.GivenUp != 7 {
		t.Errorf("%+v", st)
	}
	s.Add(exchange("{}", 200))
	if len(s.Replays(8)) != 0 {
		t.Error("the replays of a request that is gone are kept")
	}
	if err := s.Clear(); err != nil {
		t.Error(err)
	}
	s.Add(exchange("{}", 200))
	if st := s.Stats(); st.Kept != 1 || st.Oldest != 14 || st.Cleared != 1 || st.Bytes <= 0 {
		t.Errorf("%+v", st)
	}
	small := New(Config{MostBytes: 100_000})
	for range 9 {
		small.Add(exchange(`"`+strings.Repeat("x", 30_000)+`"`, 200))
	}
	if st := small.Stats(); st.Kept == 0 || st.Kept > 3 || st.Bytes > 100_000 {
		t.Errorf("%+v", st)
	}
	small.Add(exchange(`"`+strings.Repeat("x", 200_000)+`"`, 200))
	if st := small.Stats(); st.Kept != 1 {
		t.Errorf("a request that is larger than the bound is not kept: %+v", st)
	}
}

// A slow reader that keeps its place gets each request once, while others are added.
func TestWait(t *testing.T) {
	s := New(Config{})
	const n = 3000
	var reader sync.WaitGroup
	for range 3 {
		reader.Go(func() {
			var seen uint64
			for seen < n {
				if err := s.Wait(t.Context(), seen, 0); err != nil {
					t.Error(err)
					return
				}
				l, _ := s.List(t.Context(), Query{After: seen, Limit: MostRequests})
				for i := len(l.Requests) - 1; i >= 0; i-- {
					if l.Requests[i].Number != seen+1 {
						t.Errorf("%d after %d", l.Requests[i].Number, seen)
					}
					seen = l.Requests[i].Number
				}
			}
		})
	}
	for range n {
		s.Add(exchange("{}", 200))
	}
	reader.Wait()
}

func TestWaitFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Config{})
		all := filled()
		s.Add(all[0])
		go func() {
			for _, x := range all[1:] {
				time.Sleep(time.Second)
				s.Add(x)
			}
		}()
		q := Query{}
		q.Customers = []string{"1"}
		begun := time.Now()
		got, err := s.WaitFor(t.Context(), q, 3)
		if err != nil || !cmp.Equal(numbers(got), []uint64{1, 2, 3}) || time.Since(begun) != 2*time.Second {
			t.Errorf("%v %v after %v", numbers(got), err, time.Since(begun))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		got, err = s.WaitFor(ctx, q, 5)
		if !errors.Is(err, context.DeadlineExceeded) || len(got) != 4 || time.Since(begun) != 62*time.Second {
			t.Errorf("%v %v after %v", numbers(got), err, time.Since(begun))
		}
		ctx, cancel = context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Wait(ctx, 6, 0); !errors.Is(err, context.DeadlineExceeded) {
			t.Error(err)
		}
		go func() { _ = s.Clear() }()
		if err := s.Wait(t.Context(), 6, 0); err != nil {
			t.Error(err)
		}
	})
}

func answering(status int) func(context.Context, string, string, http.Header, []byte) (capture.App, error) {
	return func(_ context.Context, method, target string, h http.Header, body []byte) (capture.App, error) {
		return capture.App{Status: status, Body: []byte(method + " " + target + " " + h.Get("Apikey") + " " + string(body))}, nil
	}
}

func TestReplay(t *testing.T) {
	s := New(Config{Replay: answering(418)})
	x := exchange(envelope("a", "message.delivered", "1", 1), 200)
	x.Header, x.Target = http.Header{"Apikey": {"hush"}}, "/hook?token=hush"
	s.Add(x)
	s.Add(exchange("[ "+envelope("a", "message.delivered", "1", 1)+" , "+envelope("a", "message.delivered", "1", 1)+" ]", 200))
	s.Add(exchange("no JSON", 200))
	omitted := exchange("", 413)
	omitted.Record.Omitted = true
	s.Add(omitted)

	done, err := s.Replay(t.Context(), 1, Edit{})
	if err != nil || done.Edited || string(done.App.Body) != "POST /hook?token=hush hush "+string(x.Record.Body) {
		t.Errorf("as it was: %+v %v", done, err)
	}
	if h := s.Stats().Health; !h.Up || h.Status != 418 {
		t.Errorf("%+v", h)
	}
	done, err = s.Replay(t.Context(), 1, Edit{Set: map[string]any{"payload.ccid": "77"}, FreshID: true})
	env, _ := event.Decode(done.Body)
	if err != nil || !done.Edited || env.Payload.CCID != "77" || env.ID == "a" || len(env.ID) != 36 || env.Name != "message.delivered" {
		t.Errorf("edited: %s %v", done.Body, err)
	}
	done, err = s.Replay(t.Context(), 2, Edit{FreshID: true})
	_, members, _ := event.Split(done.Body)
	one, _ := event.Decode(members[0])
	two, _ := event.Decode(members[1])
	if err != nil || one.ID == two.ID || one.ID == "a" || two.Name != "message.delivered" || !bytes.HasSuffix(done.Body, []byte(" ]")) {
		t.Errorf("a batch: %s %v", done.Body, err)
	}
	other := `{"event_id":"z"}`
	if done, err = s.Replay(t.Context(), 4, Edit{Body: &other}); err != nil || string(done.Body) != other {
		t.Errorf("another body: %+v %v", done, err)
	}
	for _, bad := range []struct {
		number uint64
		edit   Edit
		want   string
	}{
		{1, Edit{Set: map[string]any{"paylod.x": 1}}, `unknown path "paylod.x"; did you mean "payload.x"? (+paylod.x adds a new property)`},
		{3, Edit{FreshID: true}, "cannot set event_id: jsontext: invalid character 'o' in literal null (expecting 'u') after offset 1"},
		{4, Edit{}, ErrNoBody.Error()},
		{9, Edit{}, ErrGone.Error()},
	} {
		if _, err := s.Replay(t.Context(), bad.number, bad.edit); err == nil || !strings.HasPrefix(err.Error(), bad.want[:20]) {
			t.Errorf("%d: %v", bad.number, err)
		}
	}
	if n := len(s.Replays(1)); n != 2 {
		t.Errorf("%d replays are remembered", n)
	}
	if _, err := New(Config{}).Replay(t.Context(), 1, Edit{}); !errors.Is(err, ErrGone) {
		t.Error(err)
	}
}

func TestRules(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rules.yaml")
	const before, after = "rules: [{respond: 500}]\n", "rules: [{event: message.*, respond: 401}]\n"
	if err := os.WriteFile(path, []byte(before), 0o640); err != nil {
		t.Fatal(err)
	}
	fixed, err := script.Parse("account.*=503")
	if err != nil {
		t.Fatal(err)
	}
	rules := &script.Rules{Fixed: []script.Rule{fixed}}
	s := New(Config{Rules: rules, RulesFile: path})
	set := func(text string, save bool) error {
		_, err := s.SetRules(Change{Text: &text, Save: save})
		return err
	}
	if err := set(before, false); err != nil {
		t.Fatal(err)
	}
	answer := func(name string) int { return rules.Decide(name, "id", 1, time.Now()).Status }
	if err := set("rules: [{respnd: 1}]", false); err == nil || !strings.Contains(err.Error(), `did you mean`) || answer("message.delivered") != 500 {
		t.Errorf("broken rules: %v", err)
	}
	unknown, text := Mode("300"), "rules: []"
	if _, err := s.SetRules(Change{Text: &text, Mode: &unknown}); err == nil || answer("message.delivered") != 500 {
		t.Errorf("with an unknown mode the rules change: %v", err)
	}
	if err := set(after, false); err != nil || answer("message.delivered") != 401 || answer("account.login") != 503 || answer("x") != 200 {
		t.Errorf("%v", err)
	}
	r, err := s.Rules()
	if want := (Rules{ModeRules, []string{"account.*=503"}, after, path, false}); err != nil || !cmp.Equal(r, want) {
		t.Errorf("%+v %v", r, err)
	}
	if text, _ := os.ReadFile(path); string(text) != before {
		t.Error("the file was written unasked")
	}
	if err := set(after, true); err != nil {
		t.Fatal(err)
	}
	info, _ := os.Stat(path)
	if text, _ := os.ReadFile(path); string(text) != after || info.Mode().Perm() != 0o640 {
		t.Errorf("%q %v", text, info.Mode())
	}
	for _, m := range Modes() {
		if err := s.SetMode(m); err != nil {
			t.Error(err)
		}
		want := map[Mode]int{ModeOK: 200, ModeFailing: 500, ModeRefused: 401, ModeRules: 401}[m]
		if got := answer("message.delivered"); got != want || s.Stats().Mode != m {
			t.Errorf("%s: %d", m, got)
		}
	}
	if err := s.SetMode("300"); err == nil {
		t.Error("an unknown mode was taken")
	}
	failing := ModeFailing
	if warnings, err := s.SetRules(Change{Text: &text, Mode: &failing}); err != nil || len(warnings) != 1 || !strings.Contains(warnings[0], "the mode 500") {
		t.Errorf("rules behind a mode: %q %v", warnings, err)
	}
	if _, err := New(Config{}).SetRules(Change{}); !errors.Is(err, ErrNoRules) {
		t.Error(err)
	}
}

func TestHealth(t *testing.T) {
	s := New(Config{})
	for i, status := range []int{200, 0, 0, 503} {
		x := exchange("{}", 200)
		x.Receipts[0].By, x.Receipts[0].ReceivedAt = judge.ByApp, noon.Add(time.Duration(i)*time.Second)
		x.Record.App = &capture.App{Status: status, Error: "refused"}
		s.Add(x)
		h := s.Stats().Health
		since := map[int]int{0: 0, 1: 1, 2: 1, 3: 3}[i]
		if h.Up != (status != 0) || !h.Since.Equal(noon.Add(time.Duration(since)*time.Second)) || h.Status != status {
			t.Errorf("%d: %+v", i, h)
		}
	}
}

// A capture of many blocks, with lines that are no records and a torn end, is read from
// any place.
func TestLargeCapture(t *testing.T) {
	const n = 5000
	var lines []byte
	for i := 1; i <= n; i++ {
		if i%1000 == 0 {
			lines = append(lines, "torn by a power cut\n"...)
			continue
		}
		lines = record(envelope(fmt.Sprint(i), "message.delivered", fmt.Sprint(i%7), i%60), 200).Append(lines)
	}
	half := bytes.LastIndexByte(lines[:len(lines)/2], '\n') + 1
	parts := []File{{bytes.NewReader(lines[:half]), int64(half)}, {bytes.NewReader(lines[half : len(lines)-1]), int64(len(lines) - half - 1)}}
	s, err := Open(t.Context(), Config{}, parts)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	if st := s.Stats(); st.Newest != n || st.Counting || len(s.file.blocks) < 5 {
		t.Errorf("%+v in %d blocks", st, len(s.file.blocks))
	}
	for number := uint64(1); number <= n; number += 13 {
		r, err := s.Get(t.Context(), number)
		if number%1000 == 0 {
			if !errors.Is(err, ErrGone) {
				t.Errorf("%d: %v", number, err)
			}
		} else if err != nil || r.First().Event.ID != fmt.Sprint(number) {
			t.Errorf("%d: %+v %v", number, r, err)
		}
	}
	seen, next := 0, uint64(n+1)
	for {
		l := list(t, s, fmt.Sprintf("limit=1000&before=%d", next))
		seen += len(l.Requests)
		if next = l.Next; next == 0 {
			break
		}
	}
	if seen != n-n/1000 {
		t.Errorf("%d requests by pages", seen)
	}
	for seen, next = 0, 0; ; {
		l, err := s.List(t.Context(), Query{Oldest: true, After: next, Limit: 700})
		if err != nil || seen == 0 && l.Requests[len(l.Requests)-1].Number != 1 {
			t.Fatal(err)
		}
		seen += len(l.Requests)
		if next = l.Next; next == 0 {
			break
		}
	}
	if seen != n-n/1000 {
		t.Errorf("%d requests by pages, upwards", seen)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.List(ended, Query{}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// held is a capture whose beginning cannot be read yet.
type held struct {
	*bytes.Reader
	from int64
	free chan struct{}
}

// ReadAt implements io.ReaderAt.
func (h held) ReadAt(p []byte, at int64) (int, error) {
	if at < h.from {
		<-h.free
	}
	return h.Reader.ReadAt(p, at)
}

// The newest requests of a capture are there before its lines are counted, and the
// numbers that they have until then stay good.
func TestCaptureIsShownBeforeItIsCounted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines []byte
		n := uint64(0)
		for ; len(lines) < 64*blockSize; n++ {
			lines = record(envelope(fmt.Sprint(n+1), "message.delivered", "1", 1), 200).Append(lines)
		}
		free := make(chan struct{})
		size := int64(len(lines))
		s, err := Open(t.Context(), Config{}, []File{{held{bytes.NewReader(lines), size - 40*blockSize, free}, size}})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		l := list(t, s, "limit=10")
		newest, tenth := l.Requests[0], l.Requests[9].Number
		if newest.First().Event.ID != fmt.Sprint(n) || s.Place(newest.Number) != "#-1" || s.Place(tenth) != "#-10" {
			t.Errorf("%s is %s", newest.First().Event.ID, s.Place(newest.Number))
		}
		st := s.Stats()
		if !st.Counting || st.Kept == 0 || uint64(st.Kept) >= n {
			t.Errorf("%+v", st)
		}
		if r, err := s.Get(t.Context(), tenth); err != nil || r.First().Event.ID != fmt.Sprint(n-9) {
			t.Errorf("%+v %v", r, err)
		}
		waiting, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := s.Get(waiting, 5); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("line 5 was read uncounted: %v", err)
		}
		first := make(chan string)
		go func() { // it waits for the count
			l, _ := s.List(t.Context(), Query{Oldest: true, Limit: 1})
			first <- l.Requests[0].First().Event.ID
		}()
		synctest.Wait()
		close(free)
		if err := s.Wait(t.Context(), uncounted, st.Cleared); err != nil {
			t.Fatal(err)
		}
		if id := <-first; id != "1" {
			t.Errorf("the first one is %s", id)
		}
		if got := s.Stats(); got.Counting || got.Newest != n || s.Place(tenth) != fmt.Sprintf("#%d", n-9) {
			t.Errorf("%+v, %s", got, s.Place(tenth))
		}
		for _, number := range []uint64{tenth, n - 9} {
			if r, err := s.Get(t.Context(), number); err != nil || r.Number != number || r.First().Event.ID != fmt.Sprint(n-9) {
				t.Errorf("%d: %+v %v", number, r, err)
			}
		}
		older := list(t, s, fmt.Sprintf("limit=3&before=%d", l.Next))
		if id := older.Requests[0].First().Event.ID; id != fmt.Sprint(n-10) {
			t.Errorf("before %s is %s", s.Place(l.Next), id)
		}
		if l := list(t, s, fmt.Sprintf("after=%d", tenth)); len(l.Requests) != 9 {
			t.Errorf("%d requests after the tenth", len(l.Requests))
		}
		if l := list(t, s, fmt.Sprintf("after=%d&before=%d", n-9, newest.Number)); len(l.Requests) != 8 {
			t.Errorf("%d requests between", len(l.Requests))
		}
	})
}

// A count that is not wanted any more ends, and what waits for it.
func TestCountEnds(t *testing.T) {
	lines := record(envelope("1", "message.delivered", "1", 1), 200).Append(nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Open(ctx, Config{}, []File{{bytes.NewReader(lines), int64(len(lines))}}); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if _, err := Open(t.Context(), Config{}, []File{{bytes.NewReader(lines), int64(len(lines)) + 1}}); !errors.Is(err, io.EOF) {
		t.Error(err)
	}
}
