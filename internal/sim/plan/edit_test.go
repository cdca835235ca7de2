package plan

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"relayctl/internal/event"
)

func envelope(id, name, ccid string) string {
	return fmt.Sprintf(`{"event_id":%q,"event_name":%q,"event_ts":"2026-01-31T12:00:00.000Z","payload":{"ccid":%q}}`, id, name, ccid)
}

// fromStdin plans what stands in text.
func fromStdin(t *testing.T, c Config, text string) []Delivery {
	t.Helper()
	c.Sources = []Source{{Kind: Piped, Name: "stdin", Reader: strings.NewReader(text)}}
	if err := c.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	return collect(t, c)
}

// A body that is a batch already is filtered, changed and grouped by its
// members, and otherwise keeps its bytes.
func TestBatchesAreEditedByTheirMembers(t *testing.T) {
	a, b, c := envelope("a", "message.delivered", "1"), envelope("b", "notification.attempted", "2"), envelope("c", "message.delivered", "3")
	wrapped := `{"batch": [` + a + ", " + b + `]}`
	filter, err := event.ParseFilter("message.*")
	if err != nil {
		t.Fatal(err)
	}
	set, err := event.ParseSet("payload.ccid:=9")
	if err != nil {
		t.Fatal(err)
	}
	nine := func(s string) string {
		return strings.NewReplacer(`"ccid":"1"`, `"ccid":9`, `"ccid":"2"`, `"ccid":9`, `"ccid":"3"`, `"ccid":9`).Replace(s)
	}
	for name, tc := range map[string]struct {
		config Config
		want   []string
	}{
		"as it is":       {Config{}, []string{wrapped, c}},
		"filtered":       {Config{Filter: filter}, []string{`{"batch":[` + a + `]}`, c}},
		"overridden":     {Config{Overrides: []event.Override{set}}, []string{`{"batch":[` + nine(a) + "," + nine(b) + `]}`, nine(c)}},
		"grouped anew":   {Config{Batch: 2, BatchShape: event.Array}, []string{"[" + a + "," + b + "]", "[" + c + "]"}},
		"all in a batch": {Config{Batch: 3, BatchShape: event.Wrapped}, []string{`{"batch":[` + a + "," + b + "," + c + `]}`}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, d := range fromStdin(t, tc.config, wrapped+"\n"+c) {
				got = append(got, string(d.Body))
				if members := strings.Count(string(d.Body), "event_id"); members != len(d.Events) {
					t.Errorf("%d events said, %d sent", len(d.Events), members)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Whoever is one customer shares a worker, however the events came to be: disorder
// is only what was asked for.
func TestACustomersDeliveriesShareALane(t *testing.T) {
	set, err := event.ParseSet("payload.ccid=7")
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]Config{
		"rows of a file":   {CSV: strings.NewReader("ccid\n5\n6\n5\n6\n5\n"), Seed: 1},
		"named events":     {Sources: []Source{{Kind: NamedEvent, Name: "message.delivered"}}, Count: 5, Overrides: []event.Override{set}},
		"a batch's events": {Records: 20, Batch: 4, BatchShape: event.Array},
	} {
		p, err := New(c)
		if err != nil {
			t.Fatal(err)
		}
		lanes, n := map[string][]uint64{}, 0
		for d, err := range p {
			if err != nil {
				t.Fatal(err)
			}
			n++
			for _, e := range d.Events {
				lanes[e.CCID] = append(lanes[e.CCID], d.Lane)
			}
		}
		for ccid, of := range lanes {
			if len(slices.Compact(of)) != 1 {
				t.Errorf("%s: customer %s is in lanes %v", name, ccid, of)
			}
		}
		if n < 5 {
			t.Errorf("%s: %d deliveries", name, n)
		}
	}
}

func TestAPlanIsCheckedBeforeItIsSent(t *testing.T) {
	through, err := event.ParseSet("event_id.+x=1")
	if err != nil {
		t.Fatal(err)
	}
	none, err := event.ParseFilter("account.deactivate")
	if err != nil {
		t.Fatal(err)
	}
	good, broken := envelope("a", "message.delivered", "1"), `{"event_id"`
	pipe, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pipe.Close()
	defer w.Close()
	for name, tc := range map[string]struct {
		c    Config
		want string
	}{
		"good":                    {Config{Sources: []Source{{Kind: Piped, Name: "stdin", Reader: strings.NewReader(good)}}}, ""},
		"broken after a good one": {Config{Sources: []Source{{Kind: Piped, Name: "stdin", Reader: strings.NewReader(good + "\n" + broken)}}}, "stdin:2: broken JSON: it ends too early"},
		"a path through a string": {Config{Records: 1e9, Overrides: []event.Override{through}}, "cannot set event_id.+x: a string is in the way, an object is needed"},
		"nothing left":            {Config{Sources: []Source{{Kind: NamedEvent, Name: "message.delivered"}}, Filter: none}, "nothing to send: the filter leaves none of the events"},
		"nothing read":            {Config{Sources: []Source{{Kind: Piped, Name: "stdin", Reader: strings.NewReader("\n")}}}, "nothing to send: there was no event to read"},
		"a share":                 {Config{Records: 1, Duplicates: 2}, "duplicates is a share between 0 and 1, not 2"},
		"no such column":          {Config{CSV: strings.NewReader("id\n1\n")}, `csv: the header "id" has no column ccid`},
		"read only once":          {Config{Sources: []Source{{Kind: Piped, Name: "stdin", Reader: pipe}}}, ""},
	} {
		got := ""
		if err := tc.c.Check(t.Context()); err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%s: %q", name, got)
		}
	}
	c := Config{CSV: strings.NewReader("ccid\n5\n"), Seed: 1}
	for range 2 {
		if err := c.Check(t.Context()); err != nil {
			t.Errorf("a file is not read from its beginning again: %v", err)
		}
	}
}
