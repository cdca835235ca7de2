package judge

import (
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"relayctl/internal/event"
)

// came is an event that came in a test: the second after the start at which it
// happened, and what it is about.
type came struct {
	id, name string
	at       float64
	payload  event.Payload
	raw      string // stands for its bytes; the id unless given
	status   int    // of the answer, 200 unless given
}

func (c came) envelope() *event.Envelope {
	start := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	raw := c.raw
	if raw == "" {
		raw = c.id
	}
	return &event.Envelope{ID: c.id, Name: c.name, Raw: []byte(raw), Payload: c.payload, TS: start.Add(time.Duration(c.at * float64(time.Second)))}
}

// judge gives the badges of each event, or -.
func judge(tr *Tracker, list []came) string {
	var out []string
	for _, c := range list {
		v := tr.Observe(c.envelope())
		var badges []string
		for _, b := range v.Badges {
			badges = append(badges, strings.ReplaceAll(b.String(), " ", ":"))
		}
		if badges == nil {
			badges = []string{"-"}
		}
		out = append(out, strings.Join(badges, "+"))
		status := c.status
		if status == 0 {
			status = 200
		}
		if event.Accepted(status) {
			tr.accept(c.envelope())
		}
	}
	return strings.Join(out, " ")
}

func TestVerdicts(t *testing.T) {
	me := event.Payload{CCID: "1", NotificationID: "n-1", MessageID: "m-1"}
	number := func(n string) event.Payload { return event.Payload{CCID: "1", ChannelAddr: n} }
	for _, c := range []struct {
		what string
		list []came
		want string
	}{
		{"attempts are counted until one is accepted", []came{
			{id: "a", status: 500}, {id: "a", status: -1}, {id: "a", status: 503}, {id: "a"}, {id: "a", status: 500}, {id: "a"},
		}, "- attempt:2/4 attempt:3/4 attempt:4/4 duplicate attempt:2/4"},
		{"ids are told apart letter by letter", []came{{id: "a"}, {id: "A"}}, "- -"},
		{"other bytes are a conflict, however often", []came{{id: "a"}, {id: "a", raw: "x"}, {id: "a", raw: "x"}, {id: "a"}}, "- conflict duplicate conflict"},
		{"white space around an event is none of it", []came{{id: "a", raw: " x\n"}, {id: "a", raw: "x"}}, "- duplicate"},
		{"without an id the bytes tell", []came{{raw: "x", status: 500}, {raw: "y"}, {raw: "x"}, {raw: "x"}}, "- - attempt:2/4 duplicate"},
		{"older than the customer's newest", []came{
			{id: "a", at: 5, payload: me}, {id: "b", at: 1.8, payload: me}, {id: "c", at: 5, payload: me}, {id: "d", at: 1, payload: event.Payload{CCID: "2"}},
		}, "- late:3.2s - -"},
		{"a duplicate is not late as well", []came{{id: "a", at: 1, payload: me}, {id: "b", at: 2, payload: me}, {id: "a", at: 1, payload: me}}, "- - duplicate"},
		{"nor is the retry of a duplicate", []came{
			{id: "a", at: 1, payload: me}, {id: "b", at: 2, payload: me}, {id: "a", at: 1, payload: me, status: 500}, {id: "a", at: 1, payload: me},
		}, "- - duplicate attempt:2/4"},
		{"a retry that was overtaken is late", []came{
			{id: "a", at: 1, payload: me, status: 500}, {id: "b", at: 2, payload: me}, {id: "a", at: 1, payload: me},
		}, "- - attempt:2/4+late:1s"},
		{"a ccid is the client's own and told apart by case", []came{{id: "a", at: 5, payload: event.Payload{CCID: "x"}}, {id: "b", at: 1, payload: event.Payload{CCID: "X"}}}, "- -"},
		{"without a ccid the customer_id tells, in either case", []came{
			{id: "a", at: 5, payload: event.Payload{CustomerID: "c"}}, {id: "b", at: 1, payload: event.Payload{CustomerID: "C"}},
			{id: "d", at: 9, payload: event.Payload{CCID: "1", CustomerID: "c"}}, {id: "e", at: 6, payload: event.Payload{CustomerID: "C"}},
		}, "- late:4s - late:3s"},
		{"without a customer the message tells, then the notification", []came{
			{id: "a", at: 5, payload: event.Payload{MessageID: "m"}}, {id: "b", at: 1, payload: event.Payload{MessageID: "M"}},
			{id: "c", at: 5, payload: event.Payload{NotificationID: "m"}}, {id: "d", at: 1, payload: event.Payload{NotificationID: "M"}}, {id: "e", at: 1},
		}, "- late:4s - late:4s -"},
		{"a receipt before the attempt is early, the attempt then late", []came{
			{id: "a", name: "notification.undelivered", at: 4, payload: me}, {id: "b", name: "notification.attempted", at: 0, payload: me},
			{id: "c", name: "notification.auth_link_used", at: 5, payload: event.Payload{CCID: "1", NotificationID: "N-1"}},
		}, "early late:4s -"},
		{"the two kinds of ids are told apart", []came{
			{id: "a", name: "message.delivered", payload: event.Payload{CCID: "1", MessageID: "n-1"}}, {id: "b", name: "notification.delivered", payload: me},
		}, "- early"},
		{"an action needs the message, not the click", []came{
			{id: "a", name: "message.action_taken", payload: me}, {id: "b", name: "message.delivered", payload: me}, {id: "c", name: "message.action_taken", payload: me},
		}, "early - -"},
		{"a notification before its message is in order", []came{
			{id: "a", name: "notification.attempted", payload: me}, {id: "b", name: "message.delivered", at: 1, payload: me},
		}, "- -"},
		{"an account ends after its numbers", []came{
			{id: "a", name: "notification_channel.add", at: 1, payload: number("10005552222")}, {id: "b", name: "notification_channel.add", at: 2, payload: number("10005553333")},
			{id: "c", name: "notification_channel.remove", at: 3, payload: number("10005552222")}, {id: "d", name: "account.deactivate", at: 5, payload: me},
			{id: "e", name: "notification_channel.remove", at: 4, payload: number("10005553333")}, {id: "f", name: "account.deactivate", at: 6, payload: me},
		}, "- - - early late:1s -"},
		{"of a number the newer event stands", []came{
			{id: "a", name: "notification_channel.remove", at: 3, payload: number("10005552222")}, {id: "b", name: "notification_channel.add", at: 1, payload: number("10005552222")},
			{id: "c", name: "account.deactivate", at: 5, payload: me},
		}, "- late:2s -"},
		{"numbers from before are not known, so nothing lacks", []came{{id: "a", name: "account.deactivate", payload: me}}, "-"},
	} {
		if got := judge(NewTracker(), c.list); got != c.want {
			t.Errorf("%s:\n got %s\nwant %s", c.what, got, c.want)
		}
	}
}

func TestAFilterMakesNothingEarly(t *testing.T) {
	tr := NewTracker()
	early := 0
	for i := range 3 * enoughAbsent {
		got := judge(tr, []came{{id: fmt.Sprint(i), name: "notification.delivered", payload: event.Payload{NotificationID: fmt.Sprint(i)}}})
		early += strings.Count(got, "early")
	}
	if left := tr.LeftOut(); early != enoughAbsent || !slices.Equal(left, []string{"notification.attempted"}) {
		t.Errorf("%d early, left out: %v", early, left)
	}
	got := judge(tr, []came{
		{id: "a", name: "notification.attempted", payload: event.Payload{NotificationID: "a"}},
		{id: "b", name: "notification.delivered", payload: event.Payload{NotificationID: "b"}},
	})
	if got != "- early" || tr.LeftOut() != nil {
		t.Errorf("once it has come: %s, left out: %v", got, tr.LeftOut())
	}
}

func TestTrackerForgetsTheOldest(t *testing.T) {
	tr := NewTracker()
	env := func(i int) *event.Envelope {
		return &event.Envelope{ID: fmt.Sprint(i), Raw: []byte("x"), TS: time.Unix(0, 0), Payload: event.Payload{CCID: fmt.Sprint(i)}}
	}
	const sure = trackerShards * eventsPerShard
	const n = 3 * sure
	for i := range n {
		tr.Observe(env(i))
		tr.accept(env(i))
	}
	for i := n - sure*9/10; i < n; i += 97 {
		if v := tr.Observe(env(i)); len(v.Badges) != 1 || v.Badges[0].Kind != Duplicate {
			t.Fatalf("event %d of %d: %+v", i, n, v)
		}
	}
	if v := tr.Observe(env(0)); len(v.Badges) != 0 {
		t.Errorf("the first event: %+v", v)
	}
	events, customers := tr.Forgotten()
	if events < n-2*sure || events > n-sure/2 || customers < events {
		t.Errorf("%d events and %d customers are forgotten", events, customers)
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > 64<<20 {
		t.Errorf("%d MiB are held", m.HeapAlloc>>20)
	}
	runtime.KeepAlive(tr)
}

// An event without an id is known by its bytes, which are not an id.
func TestABodyIsNotAnID(t *testing.T) {
	tr := NewTracker()
	named, bare := &event.Envelope{ID: "null", Raw: []byte(`{"event_id":"null"}`)}, &event.Envelope{Raw: []byte("null")}
	tr.Observe(named)
	if v := tr.Observe(bare); len(v.Badges) != 0 {
		t.Errorf("the body null after the event \"null\": %v", v.Badges)
	}
	if v := tr.Observe(bare); v.Attempt != 2 {
		t.Errorf("the same body again: %+v", v)
	}
}

// Generations know what a map with an order of use would know.
func TestGenerations(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit := rapid.IntRange(1, 200).Draw(t, "limit")
		g := newGenerations(limit)
		values := map[uint64]uint64{}
		var used []uint64 // the latest last
		for i, k := range rapid.SliceOfN(rapid.Uint64Range(0, 500), 0, 2000).Draw(t, "keys") {
			k *= 0x9e3779b97f4a7c15 // as scattered as hashes
			g.set(k, uint64(i))
			values[k] = uint64(i)
			if at := slices.Index(used, k); at >= 0 {
				used = slices.Delete(used, at, at+1)
			}
			used = append(used, k)
		}
		known := 0
		for i, k := range used {
			v, ok := g.get(k)
			if ok && v != values[k] {
				t.Fatalf("key %d has %d, want %d", k, v, values[k])
			}
			if !ok && len(used)-i < limit {
				t.Fatalf("the key used %d ago is forgotten", len(used)-i)
			}
			if ok {
				known++
			}
		}
		if known > 2*limit || known+int(g.forgotten) < len(used) {
			t.Fatalf("%d known, %d forgotten of %d", known, g.forgotten, len(used))
		}
	})
}

func BenchmarkTracker(b *testing.B) {
	tr := NewTracker()
	ids := make([]string, 1<<20)
	for i := range ids {
		ids[i] = fmt.Sprintf("b98185e8-8a01-406f-a9e9-%012x", i)
	}
	raw := make([]byte, 800)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		id := ids[i%len(ids)]
		env := event.Envelope{ID: id, Name: "message.delivered", Raw: raw, TS: time.Unix(int64(i), 0), Payload: event.Payload{CCID: id, CustomerID: id, MessageID: id}}
		tr.Observe(&env)
		tr.accept(&env)
	}
}
