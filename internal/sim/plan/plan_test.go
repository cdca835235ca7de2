package plan

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"relayctl/fixtures"
	"relayctl/internal/event"
)

var testStart = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func collect(t testing.TB, c Config) []Delivery {
	t.Helper()
	p, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	var out []Delivery
	for d, err := range p {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, d.Clone())
	}
	return out
}

func bodies(ds []Delivery) string {
	var b strings.Builder
	for _, d := range ds {
		fmt.Fprintf(&b, "%d %v %d %v %d %s\n", d.Seq, d.Arrives, d.Copy, d.Reordered, d.LostAcks, d.Body)
	}
	return b.String()
}

func TestEveryEventIsImpeccable(t *testing.T) {
	for _, name := range event.Names() {
		for _, d := range collect(t, Config{Sources: []Source{{Kind: NamedEvent, Name: name}}, Count: 3, Start: testStart}) {
			env, findings := event.Decode(d.Body)
			if findings != nil || env.Name != name || env.ID != d.Events[0].ID || !env.TS.Equal(d.Events[0].TS) {
				t.Errorf("%s: %v", d.Body, findings)
			}
		}
	}
}

// law is what the contract's state machine says of one customer's events.
func law(t interface{ Errorf(string, ...any) }, events []event.Envelope) {
	seen := map[string]bool{}
	var last time.Time
	constant := map[string]string{}
	for _, e := range events {
		if e.TS.Before(last) {
			t.Errorf("%s at %s comes after %s", e.Name, e.TS, last)
		}
		last = e.TS
		n := e.Payload.NotificationID
		need := map[string]string{
			"notification.delivered": "notification.attempted", "notification.undelivered": "notification.attempted",
			"notification.auth_link_clicked": "notification.attempted",
		}[e.Name]
		switch {
		case need != "" && !seen[need+n]:
			t.Errorf("%s without %s", e.Name, need)
		case e.Name == "notification.not_attempted" && seen["notification.attempted"+n]:
			t.Errorf("not attempted after attempted")
		case e.Name == "message.action_taken" && !seen["message.delivered"]:
			t.Errorf("an action on a message that is not there")
		case e.Name == "account.deactivate" && !seen["notification_channel.remove"]:
			t.Errorf("deactivated before a channel was removed")
		case seen["account.deactivate"] || seen["message.undelivered"]:
			t.Errorf("%s after the end", e.Name)
		}
		seen[e.Name+n], seen[e.Name] = true, true
		for k, v := range map[string]string{"trigger": e.Payload.TriggerID, "journey": e.Payload.JourneyID, "message": e.Payload.MessageID, "customer": e.Payload.CustomerID} {
			if v == "" {
				continue
			}
			if constant[k] != "" && constant[k] != v {
				t.Errorf("%s changed from %s to %s", k, constant[k], v)
			}
			constant[k] = v
		}
	}
}

func TestJourneysObeyTheContract(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := Config{Records: 40, Seed: rapid.Uint64().Draw(rt, "seed"), Start: testStart}
		byCustomer := map[string][]event.Envelope{}
		ids := map[string]bool{}
		last := time.Duration(0)
		for _, d := range collect(t, c) {
			env, findings := event.Decode(d.Body)
			if findings != nil || ids[env.ID] || d.Arrives < last {
				rt.Fatalf("%s: findings %v, id seen %v", d.Body, findings, ids[env.ID])
			}
			last, ids[env.ID] = d.Arrives, true
			byCustomer[env.Payload.CCID] = append(byCustomer[env.Payload.CCID], env)
		}
		if len(byCustomer) != 40 {
			rt.Fatalf("%d customers", len(byCustomer))
		}
		for _, events := range byCustomer {
			law(rt, events)
		}
	})
}

// The catalogue and the journeys say alike what is sent without being asked for.
func TestJourneysHaveEveryEventThatIsGeneratedByDefault(t *testing.T) {
	told := map[string]bool{}
	for _, d := range collect(t, Config{Records: 2000, Seed: 1, Start: testStart}) {
		told[d.Events[0].Name] = true
	}
	for _, e := range fixtures.Catalogue() {
		if told[e.Name] != e.Default {
			t.Errorf("%s: Default is %v, in the journeys of 2000 customers: %v", e.Name, e.Default, told[e.Name])
		}
	}
}

func TestNoPropertyIsInvented(t *testing.T) {
	want := map[fixtures.Family]int{fixtures.Message: 19, fixtures.Notification: 14}
	for _, e := range fixtures.Catalogue() {
		d := collect(t, Config{Sources: []Source{{Kind: NamedEvent, Name: e.Name}}, Start: testStart})[0]
		payload := d.Body[bytes.Index(d.Body, []byte(`"payload":`)):]
		n := 0
		for _, p := range event.PropertiesOf(e.Family) {
			n += bytes.Count(payload, []byte(`"`+p.Name+`":`))
		}
		if n != bytes.Count(payload, []byte(`":`))-2 || want[e.Family] != 0 && n != want[e.Family] {
			t.Errorf("%s has %d properties: %s", e.Name, n, payload)
		}
	}
}

func TestSameSeedSamePlan(t *testing.T) {
	c := Config{Records: 200, Seed: 7, Start: testStart, Reorder: .2, ReorderWindow: 30 * time.Second, Duplicates: .1, LostAcks: .1}
	a, b := bodies(collect(t, c)), bodies(collect(t, c))
	if a != b {
		t.Error("two plans of one seed differ")
	}
	if c.Seed = 8; bodies(collect(t, c)) == a {
		t.Error("two seeds give one plan")
	}
}

func TestDisorderKeepsEveryEvent(t *testing.T) {
	plain := Config{Records: 2000, Seed: 1, Start: testStart}
	c := plain
	c.Reorder, c.ReorderWindow, c.Duplicates, c.LostAcks = .1, 30*time.Second, .05, .02
	count := map[string]int{}
	late, dups, lost := 0, 0, 0
	last := time.Duration(0)
	for _, d := range collect(t, c) {
		if d.Arrives < last {
			t.Fatal("the plan is not in the order of arrival")
		}
		last = d.Arrives
		if d.Copy > 0 {
			dups++
			if count[string(d.Body)] == 0 {
				t.Fatal("a duplicate came before its original, or with other bytes")
			}
		}
		count[string(d.Body)]++
		if d.Reordered && d.Copy == 0 {
			late++
		}
		lost += d.LostAcks
	}
	all := collect(t, plain)
	for _, d := range all {
		if count[string(d.Body)] == 0 {
			t.Fatalf("lost %s", d.Body)
		}
	}
	n := float64(len(all))
	for name, share := range map[string][2]float64{"late": {float64(late) / n, .1}, "duplicates": {float64(dups) / n, .05}, "lost acks": {float64(lost) / n, .02}} {
		if share[0] < share[1]*.85 || share[0] > share[1]*1.15 {
			t.Errorf("%s: %v of the deliveries, asked for %v", name, share[0], share[1])
		}
	}
}

func TestBatches(t *testing.T) {
	for shape, want := range map[event.Shape]event.Shape{event.Array: event.Array, event.Wrapped: event.Wrapped} {
		ds := collect(t, Config{Sources: []Source{{Kind: NamedEvent, Name: "message.delivered"}}, Count: 5, Batch: 2, BatchShape: shape, Start: testStart})
		if len(ds) != 3 || len(ds[0].Events) != 2 || len(ds[2].Events) != 1 {
			t.Fatalf("%s: %d batches", shape, len(ds))
		}
		for _, d := range ds {
			got, members, findings := event.Split(d.Body)
			if got != want || len(members) != len(d.Events) || findings != nil {
				t.Errorf("%s: %s %v", d.Body, got, findings)
			}
		}
	}
}

func TestFilterAndOverrides(t *testing.T) {
	filter, err := event.ParseFilter("message.*")
	if err != nil {
		t.Fatal(err)
	}
	set, err := event.ParseSet(`payload.ccid=abc`)
	if err != nil {
		t.Fatal(err)
	}
	ds := collect(t, Config{Records: 20, Filter: filter, Overrides: []event.Override{set}, Start: testStart})
	if len(ds) == 0 {
		t.Fatal("nothing left")
	}
	for _, d := range ds {
		env, _ := event.Decode(d.Body)
		if event.FamilyOf(env.Name) != "message" || env.Payload.CCID != "abc" || d.Events[0].CCID != "abc" {
			t.Errorf("%s", d.Body)
		}
	}
}

func TestCSV(t *testing.T) {
	const file = "name,ccid,phone_number,consent_type\nx,c1,(800) 555-0100,stop\ny,,1,\nz,c3,12,\nv,c4,18005550101,Maybe\nw,c5\n\"q\nq\",c6,18005550102,written\n"
	var rejects []string
	ds := collect(t, Config{CSV: strings.NewReader(file), Start: testStart, Reject: func(r Reject) {
		rejects = append(rejects, fmt.Sprintf("%d: %s", r.Line, r.Reason))
	}})
	want := []string{
		"3: ccid is empty", `4: phone_number "12" is not a number of 11 digits`,
		`5: consent_type "Maybe" is not one of written, express, stop`, "6: 2 fields where the header has 4",
	}
	if strings.Join(rejects, "\n") != strings.Join(want, "\n") {
		t.Errorf("rejects:\n%s", strings.Join(rejects, "\n"))
	}
	seen := map[string]bool{}
	for _, d := range ds {
		seen[d.Events[0].CCID] = true
		if d.Events[0].CCID == "c1" && d.Events[0].Name == "notification.attempted" {
			t.Error("an SMS to a number whose consent is stop")
		}
	}
	if len(seen) != 2 || !seen["c1"] || !seen["c6"] {
		t.Errorf("customers %v", seen)
	}
	for file, want := range map[string]string{"": "the file is empty", "a,b\n1,2\n": "no column ccid"} {
		if err := CheckCSV(strings.NewReader(file), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", file, err)
		}
	}
}

func TestConfigIsChecked(t *testing.T) {
	for _, c := range []Config{{Reorder: 1.1}, {Duplicates: -1}, {LostAcks: 2}, {Count: -1}, {Batch: -1}, {ReorderWindow: -1}, {Records: 1, CSV: strings.NewReader("")}} {
		if _, err := New(c); err == nil {
			t.Errorf("%+v was taken", c)
		}
	}
}

func TestReadItems(t *testing.T) {
	for _, tc := range []struct{ text, want string }{
		{"{\"a\":1}\n{\"b\":2}\n", `1 {"a":1}|2 {"b":2}`},
		{"\n{\n\"a\": 1\n}\n", "2 {\n\"a\": 1\n}"},
		{"[{\"a\":1},\n {\"b\":2}]", `1 {"a":1}|2 {"b":2}`},
		{"\uFEFF{\"a\":1}\n", `1 {"a":1}`},
		{"\uFEFF{\"a\":", `f:1: broken JSON: it ends too early`},
		{"\xff\xfe{\x00}\x00", `f:1: the text is UTF-16; save it as UTF-8`},
		{"{\"a\":1}\n{\"b\":", `1 {"a":1}|f:2: broken JSON: it ends too early`},
		{"{\"a\":1}\n{\"b\" 2}\n", `1 {"a":1}|f:2: broken JSON at column 6: found '2', expected ':' after the name of a property`},
		{"{\"a\":1}\n\n  {\"b\":\"\u00e9\xff\"}\n", `1 {"a":1}|f:3: broken JSON at column 11: found a byte that is not UTF-8`},
		{"\x1f\x8b\x08", `f:1: it is compressed; gzip -dc makes it readable, and - reads stdin`},
		{`{"ca":"","type":"listening","url":"http://127.0.0.1:1/"}` + "\n{}\n", `f:1: it is the output of listen; what came stands in its capture`},
		{"7\n", `f:1: an event is a JSON object`},
		{"", ""},
	} {
		var got []string
		for i, err := range ReadItems("f", strings.NewReader(tc.text), nil) {
			if err != nil {
				got = append(got, err.Error())
				break
			}
			got = append(got, fmt.Sprintf("%d %s", i.Line, i.Raw))
		}
		if s := strings.Join(got, "|"); s != tc.want {
			t.Errorf("%q: got %s, want %s", tc.text, s, tc.want)
		}
	}
}

func TestResolveSuggests(t *testing.T) {
	_, err := Resolve(t.Context(), []string{"jurney"}, nil)
	if err == nil || !strings.Contains(err.Error(), `did you mean the scenario "journey"?`) {
		t.Error(err)
	}
	if _, err := Resolve(t.Context(), []string{t.TempDir()}, nil); err == nil || !strings.Contains(err.Error(), "is a folder") {
		t.Error(err)
	}
}

func FuzzReadItems(f *testing.F) {
	f.Add([]byte("[{\"a\":1}]\n{}\n"))
	f.Add([]byte(`{"v":1,"body":"{}"}` + "\n{"))
	f.Fuzz(func(t *testing.T, data []byte) {
		var dec event.Decoder
		for i, err := range ReadItems("f", bytes.NewReader(data), nil) {
			var syntax *SyntaxError
			if err != nil && !errors.As(err, &syntax) {
				t.Error(err)
			}
			DecodeItem(&dec, i.Raw)
		}
	})
}

func BenchmarkCampaign(b *testing.B) {
	p, err := New(Config{Records: 1 << 40, Start: testStart})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	n := 0
	for range p {
		if n++; n >= b.N {
			break
		}
	}
}

func TestEstimate(t *testing.T) {
	count := func(c Config) int { return len(collect(t, c)) }
	small := Config{Records: 50, Seed: 1, Start: testStart, Duplicates: 0.5, Batch: 3}
	if n, exact := small.Estimate(t.Context()); n != count(small) || !exact {
		t.Errorf("%d, exact %v", n, exact)
	}
	large := Config{Records: 10_000, Seed: 1, Start: testStart}
	if n, exact := large.Estimate(t.Context()); exact || n < count(large)*95/100 || n > count(large)*105/100 {
		t.Errorf("%d of %d, exact %v", n, count(large), exact)
	}
	var csv bytes.Buffer
	csv.WriteString("ccid\n")
	for i := range 6000 {
		csv.WriteString(strings.Repeat("x", 40+i%3) + "\n")
	}
	rows := Config{CSV: bytes.NewReader(csv.Bytes()), Start: testStart}
	if n, exact := rows.Estimate(t.Context()); exact || n < 25_000 || n > 35_000 {
		t.Errorf("%d of some 30000, exact %v", n, exact)
	}
	once := Config{CSV: &csv, Start: testStart}
	if n, _ := once.Estimate(t.Context()); n != 0 {
		t.Errorf("%d of what can be read only once", n)
	}
	if csv.Len() == 0 {
		t.Error("the stream was read")
	}
}
