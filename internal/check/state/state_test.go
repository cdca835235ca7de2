package state

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// customer is somebody with a history, as a receiver could show it.
type customer struct {
	history []Event
}

// someone is the customer of that number, whose ids, numbers and times are
// those of nobody else.
func someone(n int) customer {
	begin := time.Now().Add(-2 * time.Minute).Truncate(time.Second).Add(time.Duration(n) * time.Millisecond)
	var c customer
	for i := range 24 {
		c.history = append(c.history, Event{
			ID: uuid(n, i), TS: begin.Add(time.Duration(i) * 2500 * time.Millisecond),
			Payload: map[string]any{
				"ccid": fmt.Sprintf("check-unit-%d", n), "channel_addr": fmt.Sprintf("1555%03d%04d", n, i%2), "message_id": uuid(n, 100+i/8), "clicks": i,
			},
		})
	}
	return c
}

func uuid(n, i int) string { return fmt.Sprintf("%08x-1111-4abc-8333-%012x", n+0xa0, i+0xb00) }

// shown is the state that a text shows of the customer.
func (c customer) shown(text string, ignore ...string) *State {
	var pointers []Pointer
	for _, s := range ignore {
		p, ok := ParsePointer(s)
		if !ok {
			panic(s)
		}
		pointers = append(pointers, p)
	}
	s, _ := NewView(c.history, pointers, time.Now()).Read([]byte(text))
	return s
}

// written is what a receiver could show of a customer in one of many ways.
func written(c customer, received time.Time, write func(ccid, number, message, event string, ts, received time.Time) string) string {
	e := c.history[2]
	return write(e.Payload["ccid"].(string), c.history[0].Payload["channel_addr"].(string), e.Payload["message_id"].(string), e.ID, e.TS, received)
}

// However a receiver writes ids, numbers and times, two customers with the same
// history are the same.
func TestSameForAllCustomers(t *testing.T) {
	a, b := someone(1), someone(2)
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
		one, other := a.shown(written(a, now, write)), b.shown(written(b, now.Add(77*time.Second+13*time.Millisecond), write))
		if d := Differences(one, other); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

// What differs in the history differs in the state.
func TestDifferenceIsSeen(t *testing.T) {
	s := someone(1)
	ts := func(i int) string { return s.history[i].TS.Format(time.RFC3339) }
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
		"count(*) n":      {`[{"event":"a","n":1}]`, `[{"event":"a","n":2}]`, "/*/n is there, with 2"},
		"rows' counts":    {`[{"event":"a","n":1},{"event":"b","n":1}]`, `[{"event":"a","n":1},{"event":"b","n":3}]`, "/*/n is 3 instead of 1"},
		"a named line":    {"clicks: 1", "clicks: 2", "/clicks/* is 2 instead of 1"},
	} {
		if d := Differences(s.shown(states[0]), s.shown(states[1])); d != states[2] {
			t.Errorf("%s: %q, want %q", name, d, states[2])
		}
	}
	for name, states := range map[string][2]string{
		"order of an array": {`[1,{"a":[2,3]}]`, `[{"a":[3,2]},1]`},
		"numbered elements": {`[{"no":1,"a":"x"},{"no":2,"a":"y"}]`, `[{"no":1,"a":"y"},{"no":2,"a":"x"}]`},
		"order of keys":     {`{"a":1,"b":2}`, `{"b":2,"a":1}`},
		"kinds of nothing":  {`null`, `""`},
		"ignored":           {`{"stats":1,"l":[{"n":{"x":1}}]}`, `{"stats":2,"l":[{"n":{"x":7}}]}`},
	} {
		if d := Differences(s.shown(states[0], "/stats", "/l/*/n/x"), s.shown(states[1], "/stats", "/l/*/n/x")); d != "" {
			t.Errorf("%s: %s", name, d)
		}
	}
}

func TestVolatile(t *testing.T) {
	s := someone(1)
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
		"a role":                 {[3]string{`{"m":"` + s.history[0].ID + `"}`, `{"m":"` + s.history[1].ID + `"}`, `{"m":"` + s.history[2].ID + `"}`}, ""},
	} {
		var states []*State
		for _, text := range c.states {
			states = append(states, s.shown(text))
		}
		var got []string
		for pattern := range Volatile(states, len(s.history)) {
			got = append(got, pattern)
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: %v, want %q", name, got, c.want)
		}
	}
}

// Nothing that a probe prints makes the reading fail, and it is the same twice.
func FuzzState(f *testing.F) {
	s := someone(1)
	for _, seed := range []string{`{"a":[1,2.5e3,null,true]}`, "a: b\n1|2", `{"a"`, "\xff\xfe", `1 2 "x"`, "12:13:14 AM", "1795551092", `{"1":{"2":3}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if one, two := s.shown(text), s.shown(text); !Same(one, two) || Differences(one, two) != "" {
			t.Errorf("%q differs from itself", text)
		}
	})
}

// Where an event made something grow, another one of its kind about another thing has
// to make it grow as well.
func TestGrowth(t *testing.T) {
	c := someone(1)
	message := func(i int) string { return c.history[i].Payload["message_id"].(string) }
	one, two := fmt.Sprintf(`{"message %s":{"status":"delivered"}}`, message(0)), fmt.Sprintf(`{"message %s":{"status":"delivered"},"message %s":{"status":"delivered"}}`, message(0), message(9))
	for name, row := range map[string]struct {
		before, after string
		sameThing     bool
		want          string
	}{
		"a number":                 {`{"n":{"sent":1}}`, `{"n":{"sent":2}}`, false, "/n/sent"},
		"a list":                   {`{"l":["a"]}`, `{"l":["a","b"]}`, false, "/l"},
		"a list of one thing":      {`{"l":["a"]}`, `{"l":["a","b"]}`, true, ""},
		"a flag":                   {`{"l":false}`, `{"l":true}`, false, ""},
		"a message":                {one, two, false, "/message <message_id 2>"},
		"a message of one thing":   {one, two, true, ""},
		"a member of another name": {`{"a":"x"}`, `{"a":"x","b":"y"}`, false, ""},
	} {
		if got := Growth(c.shown(row.before), c.shown(row.after), row.sameThing); got != row.want {
			t.Errorf("%s: %q, want %q", name, got, row.want)
		}
	}
}

// A clock is not compared; what holds now is.
func TestNowIsAClockOrAState(t *testing.T) {
	c := someone(1)
	if d := Differences(c.shown(`{"now":"a"}`), c.shown(`{"now":"b"}`)); d != "" {
		t.Error("a clock counts:", d)
	}
	if d := Differences(c.shown(`{"now":{"consent":"stop"}}`), c.shown(`{"now":{"consent":"express"}}`)); d == "" {
		t.Error("a state does not count")
	}
}
