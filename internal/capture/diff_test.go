package capture

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDiff(t *testing.T) {
	text := func(s *string) string {
		if s == nil {
			return "·"
		}
		return *s
	}
	a := &Record{Method: "POST", Path: "/", Status: 200, Headers: []Header{{"A", "1"}, {"B", "2"}}, Body: []byte(`{"x":1,"p":{"a":[1,2],"b":"c","n":null}}`)}
	for _, tc := range []struct {
		name string
		b    *Record
		want string
		body BodyRelation
	}{
		{"the same", a, "", SameBytes},
		{"other layout", &Record{Method: "POST", Path: "/", Status: 200, Headers: a.Headers, Body: []byte(`{"p": {"n":null,"b":"\u0063","a":[1,2]}, "x":1}`)}, "", SameJSON},
		{"everything", &Record{Method: "PUT", Path: "/x", Headers: []Header{{"C", "3"}, {"A", "9"}}, Body: []byte(`{"x":"1","p":{"a":[1,3,{"y":"<"}],"n":[]}}`)},
			"request method POST PUT|request path / /x|request status 200 no answer|header A 1 9|header B 2 ·|header C · 3|" +
				`body p.a[1] 2 3|body p.a[2] · {"y":"<"}|body p.b "c" ·|body p.n null []|body x 1 "1"`, OtherJSON},
		{"no JSON", &Record{Method: "POST", Path: "/", Status: 200, Headers: a.Headers, Body: []byte(`{"x":`)}, `body line 1 {"x":1,"p":{"a":[1,2],"b":"c","n":null}} {"x":`, OtherText},
		{"text", &Record{Method: "POST", Path: "/", Status: 200, Headers: a.Headers, Body: []byte("{\"x\":1,\"p\":{\"a\":[1,2],\"b\":\"c\",\"n\":null}}\n\nmore")}, "body line 2 · ", OtherText},
		{"an array", &Record{Method: "POST", Path: "/", Status: 200, Headers: a.Headers, Body: []byte(`[]`)}, `body  {"p":{"a":[1,2],"b":"c","n":null},"x":1} []`, OtherJSON},
	} {
		diffs, relation := Diff(a, tc.b)
		var got []string
		for _, d := range diffs {
			got = append(got, fmt.Sprint(d.Part, " ", d.Path, " ", text(d.A), " ", text(d.B)))
		}
		if diff := cmp.Diff(tc.want, strings.Join(got, "|")); diff != "" || relation != tc.body {
			t.Errorf("%s: %s %s", tc.name, relation, diff)
		}
	}
}

func FuzzDiff(f *testing.F) {
	f.Add([]byte(`{"a":[1,{"b":null}]}`), []byte(`{"a":[1,{"b":{}}],"c":1e5}`))
	f.Add([]byte(`[`), []byte("\xff"))
	f.Fuzz(func(t *testing.T, a, b []byte) {
		x, y := &Record{Body: a}, &Record{Body: b}
		there, relation := Diff(x, y)
		back, same := Diff(y, x)
		if relation != same || len(there) != len(back) || (len(there) == 0) != (relation == SameBytes || relation == SameJSON) {
			t.Fatalf("%v %v, %v %v", there, relation, back, same)
		}
		if d, r := Diff(x, x); d != nil || r != SameBytes {
			t.Fatal(d, r)
		}
	})
}

func TestLastReceived(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
	line := func(n int, size int) string {
		return string((&Record{ReceivedAt: at.Add(time.Duration(n) * time.Second), Body: bytes.Repeat([]byte("x"), size)}).Append(nil))
	}
	for _, tc := range []struct {
		name, text string
		want       time.Time
	}{
		{"empty", "", time.Time{}},
		{"nothing but rubbish", strings.Repeat("rubbish\n", 50000), time.Time{}},
		{"one", line(0, 1), at},
		{"the last of many", strings.Repeat(line(1, 500), 1000) + line(2, 1), at.Add(2 * time.Second)},
		{"before a torn one", line(1, 1) + line(2, 100)[:50], at.Add(time.Second)},
		{"before zeros", line(1, 1) + strings.Repeat("\x00", 5000), at.Add(time.Second)},
		{"a long one", line(1, 1) + line(2, 3<<20), at.Add(2 * time.Second)},
		{"before much rubbish", line(3, 1) + strings.Repeat("rubbish\n", 50000), at.Add(3 * time.Second)},
	} {
		got, err := LastReceived(strings.NewReader(tc.text), int64(len(tc.text)))
		if err != nil || !got.Equal(tc.want) {
			t.Errorf("%s: %v, %v; want %v", tc.name, got, err, tc.want)
		}
	}
}
