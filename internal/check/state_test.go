package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"relayctl/internal/sim"
)

// teller is a trial that only writes events.
func teller(t testing.TB) *Trial {
	t.Helper()
	p, err := NewProbe(ProbeConfig{URL: "http://127.0.0.1:1/{ccid}"})
	if err != nil {
		t.Fatal(err)
	}
	e := &Env{URL: "http://127.0.0.1:1/", RunID: "unit", Start: time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC), Probe: p}
	return &Trial{Env: e, Check: &Check{ID: "unit"}}
}

func treeOf(s *subject, text string, ignore ...string) *node {
	n := normaliser{roles: s.roles, dropped: map[string]bool{}}
	for _, pointer := range ignore {
		parts, err := parsePointer(pointer)
		if err != nil {
			panic(err)
		}
		n.ignore = append(n.ignore, parts)
	}
	return n.tree(parseState([]byte(text)), nil, "")
}

// written is what a receiver could show of a subject in one of many ways.
func written(s *subject, received time.Time, write func(ccid, number, message, event string, ts, received time.Time) string) string {
	payload := payloadOf(s.events[2])
	first := payloadOf(s.events[0])
	return write(payload["ccid"].(string), first["channel_addr"].(string), payload["message_id"].(string), s.events[2].Events[0].ID, s.events[2].Events[0].TS, received)
}

// However a receiver writes ids, numbers and times, two customers with the same
// history are the same.
func TestSameForAllCustomers(t *testing.T) {
	tr := teller(t)
	a, b := tr.subject(life()), tr.subject(life())
	now := time.Now()
	for name, write := range map[string]func(ccid, number, message, event string, ts, received time.Time) string{
		"plain": func(ccid, number, message, event string, ts, received time.Time) string {
			return fmt.Sprintf(`{"ccid":%q,"numbers":{%q:"stop"},"messages":[{"id":%q,"event":%q,"at":%q}]}`, ccid, number, message, event, ts.Format(time.RFC3339Nano))
		},
		"other spellings": func(ccid, number, message, event string, ts, received time.Time) string {
			return fmt.Sprintf(`{"key":"customer:%s","phone":"+1 (%s) %s-%s","number":%s,"id":%q,"bare":%q,"at":%d,"ms":%d,"s":%d.5,"sql":%q}`, strings.ToUpper(ccid), number[1:4], number[4:7], number[7:], number,
				strings.ToUpper(message), strings.ReplaceAll(message, "-", ""), ts.Unix(), ts.UnixMilli(), ts.Unix(), ts.In(time.FixedZone("", 19800)).Format("2006-01-02 15:04:05.000-07:00"))
		},
		"the receiver's own": func(ccid, number, message, event string, ts, received time.Time) string {
			return fmt.Sprintf(`{"stored":%q,"http":%q,"unix":%d,"day":%q,"when":"3 seconds ago","uuid":"%08x-1111-4222-8333-444455556666","updated_at":17,"_v":%d,"createdAt":"x%d"}`,
				received.Format(time.RFC3339), received.Format(time.RFC1123), received.Unix(), received.Format(time.DateOnly), received.Nanosecond(), received.Second(), received.Nanosecond())
		},
		"text": func(ccid, number, message, event string, ts, received time.Time) string {
			return fmt.Sprintf("%s|%s|%s|stored %s\nstate: %s", ccid, message, ts.Format(time.DateTime), received.Format(time.DateTime), number)
		},
	} {
		one, other := treeOf(a, written(a, now, write)), treeOf(b, written(b, now.Add(77*time.Second+13*time.Millisecond), write))
		if d := differences(one, other); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// What differs in the history differs in the state.
func TestDifferenceIsSeen(t *testing.T) {
	tr := teller(t)
	s := tr.subject(life())
	ts := func(i int) string { return s.events[i].Events[0].TS.Format(time.RFC3339) }
	for name, states := range map[string][3]string{
		"a value":         {`{"consent":"stop"}`, `{"consent":"express"}`, "/consent is express instead of stop"},
		"a count":         {`{"clicks":2}`, `{"clicks":3}`, "/clicks is 3 instead of 2"},
		"another time":    {`{"at":"` + ts(1) + `"}`, `{"at":"` + ts(4) + `"}`, "/at is <event_ts 5> instead of <event_ts 2>"},
		"an element more": {`["a","b"]`, `["b","a","a"]`, " has a too much"},
		"one less":        {`{"l":["a","b","b"]}`, `{"l":["b","a"]}`, "/l lacks b"},
		"an element":      {`[{"id":1,"s":"x"},{"id":2,"s":"y"}]`, `[{"id":2,"s":"z"},{"id":1,"s":"x"}]`, "/*/s is z instead of y"},
		"a member":        {`{"a":1}`, `{"b":1}`, "/a is missing; /b is there, with 1"},
		"absent":          {``, `{"a":1}`, `the state is {"a":"1"} instead of (absent)`},
		"a row":           {"a|1\nb|2", "b|3\na|1", "/*/column 2 is 3 instead of 2"},
		"a row of JSON":   {`[["a",1],["b",2]]`, `[["b",3],["a",1]]`, "/*/column 2 is 3 instead of 2"},
		"a named line":    {"clicks: 1", "clicks: 2", "/clicks/* is 2 instead of 1"},
	} {
		if d := differences(treeOf(s, states[0]), treeOf(s, states[1])); d != states[2] {
			t.Errorf("%s: %q, want %q", name, d, states[2])
		}
	}
	for name, states := range map[string][2]string{
		"order of an array": {`[1,{"a":[2,3]}]`, `[{"a":[3,2]},1]`},
		"order of keys":     {`{"a":1,"b":2}`, `{"b":2,"a":1}`},
		"kinds of nothing":  {`null`, `""`},
		"ignored":           {`{"stats":1,"l":[{"n":{"x":1}}]}`, `{"stats":2,"l":[{"n":{"x":7}}]}`},
	} {
		if d := differences(treeOf(s, states[0], "/stats", "/l/*/n/x"), treeOf(s, states[1], "/stats", "/l/*/n/x")); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestVolatile(t *testing.T) {
	s := teller(t).subject(life())
	for name, c := range map[string]struct {
		states [3]string
		want   string
	}{
		"a row's id":             {[3]string{`{"id":7}`, `{"id":8}`, `{"id":9}`}, "/id"},
		"rows' ids":              {[3]string{`{"e":[{"id":1},{"id":2}]}`, `{"e":[{"id":3},{"id":4}]}`, `{"e":[{"id":5},{"id":6}]}`}, "/e/*/id"},
		"a token":                {[3]string{`{"t":"x1"}`, `{"t":"y2"}`, `{"t":"z3"}`}, "/t"},
		"one that lost an event": {[3]string{`{"clicks":2}`, `{"clicks":1}`, `{"clicks":2}`}, ""},
		"all lost events":        {[3]string{`{"events":24}`, `{"events":22}`, `{"events":23}`}, ""},
		"other lists":            {[3]string{`{"l":[1,2]}`, `{"l":[1]}`, `{"l":[2,3,4]}`}, ""},
		"a role":                 {[3]string{`{"m":"` + s.events[0].Events[0].ID + `"}`, `{"m":"` + s.events[1].Events[0].ID + `"}`, `{"m":"` + s.events[2].Events[0].ID + `"}`}, ""},
	} {
		var states []*node
		for _, text := range c.states {
			states = append(states, treeOf(s, text))
		}
		var got []string
		for pattern := range volatile(states, len(s.events)) {
			got = append(got, pattern)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %q", name, got, c.want)
		}
	}
}

// Nothing that a probe prints makes the reading fail, and it is the same twice.
func FuzzState(f *testing.F) {
	s := teller(f).subject(life())
	for _, seed := range []string{`{"a":[1,2.5e3,null,true]}`, "a: b\n1|2", `{"a"`, "\xff\xfe", `1 2 "x"`, "12:13:14 AM", "1795551092", `{"1":{"2":3}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if one, two := treeOf(s, text), treeOf(s, text); !same(one, two) || differences(one, two) != "" {
			t.Errorf("%q differs from itself", text)
		}
	})
}

// watchScript watches states that a script gives, on virtual time.
func watchScript(t *testing.T, need stays, script func(since time.Duration) (*node, error)) (seen sight, took time.Duration) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		seen = watch(context.Background(), func() (*node, error) { return script(time.Since(began)) }, need)
		took = time.Since(began)
	})
	return seen, took
}

func TestWatch(t *testing.T) {
	text := func(s string) (*node, error) { return &node{text: s}, nil }
	rightAt := func(right string) stays {
		return func(n *node, _ time.Duration) time.Duration {
			if n.text == right {
				return 0
			}
			return leastPatience
		}
	}
	seen, took := watchScript(t, rightAt("b"), func(time.Duration) (*node, error) { return text("b") })
	if seen.state.text != "b" || seen.moving || seen.after != 0 || took > time.Second {
		t.Errorf("a right state is believed at once: %+v after %s", seen, took)
	}
	seen, _ = watchScript(t, rightAt("b"), func(since time.Duration) (*node, error) {
		if since < time.Second {
			return text("a")
		}
		return text("b")
	})
	if seen.state.text != "b" || seen.after < time.Second {
		t.Errorf("one that becomes right is waited for: %+v", seen)
	}
	seen, took = watchScript(t, rightAt("b"), func(time.Duration) (*node, error) { return text("a") })
	if seen.state.text != "a" || seen.moving || took < leastPatience || took > 3*leastPatience {
		t.Errorf("one that stays wrong is wrong: %+v after %s", seen, took)
	}
	n := 0
	seen, took = watchScript(t, rightAt("b"), func(time.Duration) (*node, error) { n++; return text(fmt.Sprint(n)) })
	if seen.unclear() == "" || took < settleDeadline {
		t.Errorf("one that moves is unclear: %+v after %s", seen, took)
	}
	seen, _ = watchScript(t, rightAt("b"), func(since time.Duration) (*node, error) {
		if since < 3*time.Second {
			return nil, errors.New("status 503")
		}
		return text("b")
	})
	if seen.unclear() != "" || seen.state.text != "b" {
		t.Errorf("what cannot be read now may be later: %+v", seen)
	}
	seen, _ = watchScript(t, rightAt("b"), func(time.Duration) (*node, error) { return nil, errors.New("status 503") })
	if seen.unclear() != "status 503" {
		t.Errorf("no state: %+v", seen)
	}
}

// Delta debugging ends with exactly the elements that a failure takes.
func TestShrink(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		list := rapid.SliceOfNDistinct(rapid.IntRange(0, 100), 1, 30, rapid.ID[int]).Draw(t, "list")
		guilty := rapid.SliceOfNDistinct(rapid.SampledFrom(list), 1, min(4, len(list)), rapid.ID[int]).Draw(t, "guilty")
		fails := func(part []int) bool {
			return !slices.ContainsFunc(guilty, func(g int) bool { return !slices.Contains(part, g) })
		}
		got := shrink(list, fails)
		if len(got) != len(guilty) || !fails(got) {
			t.Fatalf("%v of %v, want %v", got, list, guilty)
		}
	})
}

// A saved scenario is one that send reads, and arrives in its order.
func TestScenarioIsRead(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := life()
		order := rapid.Permutation(backwards(len(s.steps))).Draw(t, "order")
		order = order[:rapid.IntRange(1, len(order)).Draw(t, "n")]
		part, short := s.part(order)
		sc, err := sim.ParseScenario("s.yaml", (&scenario{name: "x", story: part, order: short}).yaml())
		if err != nil {
			t.Fatal(err)
		}
		steps := slices.Clone(sc.Steps)
		slices.SortStableFunc(steps, func(a, b sim.Step) int { return int(a.Arrives - b.Arrives) })
		for at, i := range order {
			if st := steps[at]; st.Event != s.steps[i].Event || st.At != s.steps[i].At || st.Channel != s.steps[i].Channel || st.Message != s.steps[i].Message {
				t.Fatalf("step %d is %+v, want %+v", at, st, s.steps[i])
			}
		}
	})
}

// No two customers have an event of the same time, and none is of the future.
func TestEventTimesAreUnique(t *testing.T) {
	tr := teller(t)
	tr.Start = time.Now()
	seen := map[time.Time]bool{}
	for range 700 {
		for _, d := range tr.written(life()) {
			ts := d.Events[0].TS
			if seen[ts] || ts.After(time.Now()) {
				t.Fatalf("%s is there twice, or of the future", ts)
			}
			seen[ts] = true
		}
	}
}

// A probe that looks at the wrong place gets 404, and does not know that it did.
func TestUnseenSaysWhatAbsentIs(t *testing.T) {
	if got := unseen(24, absentState()); !strings.HasSuffix(got, ": (absent), as 404, null and an empty answer are read") {
		t.Error(got)
	}
	if got := unseen(24, &node{text: "none"}); !strings.HasSuffix(got, " shows: none") {
		t.Error(got)
	}
}
