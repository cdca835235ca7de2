package capture

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"relayctl/internal/event"
)

// read returns the ids of all records and the problems.
func read(t testing.TB, r *Reader) (ids []string, problems []Problem) {
	t.Helper()
	r.OnProblem = func(p Problem) { problems = append(problems, p) }
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return ids, problems
		}
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, rec.EventID)
	}
}

func lineOf(id string) string { return string((&Record{EventID: id, Body: []byte("{}")}).Append(nil)) }

func TestReaderIsTolerant(t *testing.T) {
	a, b := lineOf("a"), lineOf("b")
	warning := func(line int, text string) []Problem { return []Problem{{line, event.Warning, text}} }
	fault := func(text string) []Problem { return []Problem{{2, event.Error, "skipped: " + text}} }
	const torn, cut = "the last line is cut short and was skipped", "skipped: the line is cut short, as by a power cut"
	const zeros = "zero bytes instead of a record: a crash left them behind"
	for _, tc := range []struct {
		name, text, ids string
		want            []Problem
	}{
		{"empty", "", "", nil},
		{"two", a + b, "a b", nil},
		{"blank lines, carriage returns, a byte order mark", "\xef\xbb\xbf\n" + strings.ReplaceAll(a, "\n", "\r\n") + "\n \n" + b, "a b", nil},
		{"no last line break", a + strings.TrimSpace(b), "a b", nil},
		{"torn", a + b[:40], "a", warning(2, torn)},
		{"torn in a character", a + b[:10] + "\xc3", "a", warning(2, torn)},
		{"torn, then zeros", a + b[:40] + strings.Repeat("\x00", 5000), "a", warning(2, torn)},
		{"zeros", a + strings.Repeat("\x00", 5000), "a", warning(2, zeros)},
		{"zeros before a record", a + "\x00\x00" + b, "a b", nil},
		{"torn in the middle", a + b[:40] + "\n" + b, "a b", warning(2, cut)},
		{"torn with zeros in the middle", a + b[:40] + "\x00\x00\n" + b, "a b", warning(2, cut)},
		{"unknown fields", a + `{"x":[1,{"y":null}],"v":1,"event_id":"u","more":"é\ud83d\ude00"}` + "\n" + b, "a u b", nil},
		{"nulls", a + `{"v":1,"event_id":null,"headers":null,"badges":null,"body":null}` + "\n" + b, "a  b", nil},
		{"another version", a + `{"v":2,"event_id":{}}` + "\n" + b, "a b", fault("the record has version 2; this relayctl reads version 1")},
		{"another version, late", a + `{"status":"ok","v":3}` + "\n" + b, "a b", fault("the record has version 3; this relayctl reads version 1")},
		{"no version", a + `{"event_id":"x"}` + "\n" + b, "a b", fault(`the line is not a record of a capture: it has no "v"`)},
		{"corrupt", a + `{"v":1,"event_id":"x" "y"}` + "\n" + b, "a b", fault(`broken JSON at column 23: found a double quote, expected ',' or '}' after the value of a property`)},
		{"more than a record", a + `{"v":1} {}` + "\n" + b, "a b", fault(`broken JSON at column 9: found '{', expected nothing more`)},
		{"no object", a + `[1]` + "\n" + b, "a b", fault(`the line is not a JSON object`)},
		{"wrong type", a + `{"v":1,"status":"200"}` + "\n" + b, "a b", fault(`status has a wrong type or form`)},
		{"wrong type of a header", a + `{"v":1,"headers":{"a":["b"]}}` + "\n" + b, "a b", fault("headers/a has a wrong type or form")},
		{"wrong type of the headers", a + `{"v":1,"headers":"x"}` + "\n" + b, "a b", fault("headers has a wrong type or form")},
		{"wrong type of the body", a + `{"v":1,"body":[]}` + "\n" + b, "a b", fault("body has a wrong type or form")},
		{"no time", a + `{"v":1,"received_at":"soon"}` + "\n" + b, "a b", fault(`received_at has a wrong type or form`)},
		{"no base64", a + `{"v":1,"body_base64":"?"}` + "\n" + b, "a b", fault(`body_base64 has a wrong type or form`)},
		{"no UTF-8", a + "{\"v\":1,\"event_id\":\"\xff\"}\n" + b, "a b", fault(`the line is not UTF-8`)},
		{"deep", a + `{"v":1,"x":` + strings.Repeat("[", 20000) + strings.Repeat("]", 20000) + "}\n" + b, "a b", fault(`broken JSON at column 10011: found too many brackets inside each other`)},
		{"too long", a + strings.Repeat("x", 1<<20) + "\n" + b, "a b", fault("the line is longer than 524288 bytes")},
	} {
		for kind, src := range map[string]io.Reader{"at once": strings.NewReader(tc.text), "in bits": iotest.HalfReader(strings.NewReader(tc.text))} {
			r := NewReader(src)
			r.MaxLine = 512 << 10
			ids, problems := read(t, r)
			if got := strings.Join(ids, " "); got != tc.ids {
				t.Errorf("%s, %s: records %q, want %q", tc.name, kind, got, tc.ids)
			}
			if diff := cmp.Diff(tc.want, problems); diff != "" {
				t.Errorf("%s, %s: %s", tc.name, kind, diff)
			}
		}
	}
}

func TestReaderNumbersLines(t *testing.T) {
	r := NewReader(strings.NewReader("\n" + lineOf("a") + "broken\n" + lineOf("b")))
	var problems []Problem
	r.OnProblem = func(p Problem) { problems = append(problems, p) }
	for _, want := range []int{2, 4} {
		if _, err := r.Next(); err != nil || r.Line() != want {
			t.Errorf("line %d, %v; want %d", r.Line(), err, want)
		}
	}
	want := []Problem{{3, event.Error, "skipped: broken JSON at column 1: found 'b', expected a value"}}
	if diff := cmp.Diff(want, problems); diff != "" {
		t.Error(diff)
	}
}

func TestReaderTakesLongLines(t *testing.T) {
	want := bytes.Repeat([]byte("\x01\"é"), 1<<20)
	r := NewReader(bytes.NewReader((&Record{EventID: "a", Body: want}).Append(nil)))
	rec, err := r.Next()
	if err != nil || !bytes.Equal(rec.Body, want) {
		t.Errorf("%v, %d bytes", err, len(rec.Body))
	}
}

func TestReaderTellsFaultsOfTheSource(t *testing.T) {
	fault := errors.New("disk on fire")
	r := NewReader(io.MultiReader(strings.NewReader(lineOf("a")+"{"), iotest.ErrReader(fault)))
	if rec, err := r.Next(); err != nil || rec.EventID != "a" {
		t.Fatal(err)
	}
	if _, err := r.Next(); !errors.Is(err, fault) || err.Error() != "line 2: disk on fire" {
		t.Errorf("got %v", err)
	}
}

func TestEscapes(t *testing.T) {
	for in, want := range map[string]string{
		`\"\\\/\b\f\n\r\t`:         "\"\\/\b\f\n\r\t",
		`\u00e9\u20AC\ud83d\ude00`: "é€😀",
		`\ud800\u0041`:             "\ufffdA",
		`\ud800\ud83d\ude00x`:      "\ufffd😀x",
		`\ude00\n`:                 "\ufffd\n",
		`\ud800x`:                  "\ufffdx",
	} {
		rec, err := Parse([]byte(`{"v":1,"event_id":"` + in + `","body":"` + in + `"}`))
		if err != nil || rec.EventID != want || string(rec.Body) != want {
			t.Errorf("%s: %q %q, %v; want %q", in, rec.EventID, rec.Body, err, want)
		}
	}
	for _, in := range []string{`\x`, `\u12`, `\u12g4`, `\u+123`, "a\nb", `\`} {
		if rec, err := Parse([]byte(`{"v":1,"body":"` + in + `"}`)); err == nil {
			t.Errorf("%q became %q", in, rec.Body)
		}
	}
}

func TestIsCapture(t *testing.T) {
	if !IsCapture([]byte(lineOf("a"))) || IsCapture([]byte(`{"event_id":"a"}`)) || IsCapture(nil) {
		t.Error("a capture begins with its version")
	}
}

func FuzzReader(f *testing.F) {
	f.Add(typical(1).Append(nil))
	f.Add([]byte(`{"v":2}` + "\n" + `{"v":1,"headers":{"a":1}}` + "\n{"))
	f.Add([]byte(`{"v":1,"body":"\ud83d\ude00\ud800\u00","members":[{"event_id":"a","badges":["b"]}],"findings":[{"clause":"c","x":1e5}]}`))
	f.Add([]byte("\x00\x00{\"v\":1,\"x\":[[[{}]]],\"status\":-0.5}\n\x00"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4<<10 {
			t.Skip() // making a long input shorter would take all the time
		}
		r := NewReader(bytes.NewReader(data))
		r.MaxLine = 1 << 16
		problems := 0
		r.OnProblem = func(Problem) { problems++ }
		n := 0
		for {
			rec, err := r.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			n++
			// What was read can be written and read again, the same.
			line := rec.Append(nil)
			if again, err := Parse(line); err != nil || !bytes.Equal(again.Append(nil), line) {
				t.Fatalf("%q: %v", line, err)
			}
		}
		if lines := bytes.Count(data, []byte("\n")) + 1; n+problems > lines {
			t.Fatalf("%d records and %d problems in %d lines", n, problems, lines)
		}
	})
}
