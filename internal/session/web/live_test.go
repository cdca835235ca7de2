package web

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// reader reads server-sent events.
type reader struct {
	*bufio.Scanner
	body io.Closer
}

func (b *bench) stream(query, last string) *reader {
	b.t.Helper()
	req, _ := http.NewRequest("GET", b.URL()+"api/stream?"+query, nil)
	req.Header.Set("Authorization", "Bearer "+token)
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := b.client.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { resp.Body.Close() })
	return &reader{bufio.NewScanner(resp.Body), resp.Body}
}

// next returns the next event.
func (r *reader) next() (id, name, data string) {
	for r.Scan() {
		field, value, _ := strings.Cut(r.Text(), ": ")
		switch field {
		case "id":
			id = value
		case "event":
			name = value
		case "data":
			return id, name, value
		}
	}
	return id, name, data
}

// A reader that comes back gets what it has not seen, once; one that was with another
// run learns of the restart and gets all.
func TestStreamResumes(t *testing.T) {
	b := start(t, Config{})
	b.add(delivered("old", "1"), 200)
	s := b.stream("ccid=1", b.boot+":0")
	last := ""
	want := func(s *reader, number int) {
		t.Helper()
		id, name, data := s.next()
		last = id
		if name != "request" || !strings.HasPrefix(data, fmt.Sprintf(`{"number":%d,`, number)) || id != fmt.Sprintf("%s:%d", b.boot, number) {
			t.Errorf("%s %s %s, want request %d", id, name, data, number)
		}
	}
	want(s, 1)
	b.add(delivered("a", "1"), 200)
	want(s, 2)
	s.body.Close()
	b.add(delivered("b", "2"), 200)
	b.add(delivered("c", "1"), 200)
	s = b.stream("ccid=1", last)
	want(s, 4)
	_ = b.Clear() // it is live
	if _, name, _ := s.next(); name != "cleared" {
		t.Error(name)
	}
	b.add(delivered("d", "1"), 200)
	want(s, 5)
	s = b.stream("", "otherboot:99")
	if _, name, _ := s.next(); name != "restart" {
		t.Error(name)
	}
	if _, name, data := s.next(); name != "missed" || data != `{"requests":4}` {
		t.Errorf("%s %s", name, data)
	}
	want(s, 5)
}

// What a caller has wrong is told in plain words, as JSON, and not by a redirect.
func TestErrorsInPlainWords(t *testing.T) {
	b := start(t, Config{})
	b.add(delivered("a", "1"), 200)
	for _, c := range []struct {
		method, path, body string
		status             int
		want               string
	}{
		{"GET", "/api/journeys", "", 404, "which customer's journey? GET /api/journeys/CCID has the one of a customer"},
		{"GET", "/api/journeys/nope", "", 404, "no event of this customer has come, or none is kept any more"},
		{"GET", "/api//requests", "", 404, errNoPage.Error()},
		{"POST", "/api/requests/1/replay", `{"fresh":true}`, 422, `the object has no property \"fresh\"; the body looks like {\"set\":`},
		{"POST", "/api/requests/1/replay", `{"set":7}`, 422, "set cannot be a JSON number; the body looks like"},
		{"POST", "/api/requests/1/replay", `{"set":`, 422, "the JSON of the body ends too early; the body looks like"},
		{"PUT", "/api/rules", "rules: []", 422, `the body is not JSON, from byte 1 on; the body looks like {\"text\":`},
		{"PUT", "/api/rules", "[]", 422, "the body is not a JSON object; the body looks like"},
	} {
		status, h, text := b.do(c.method, c.path, c.body, nil)
		if status != c.status || h.Get("Location") != "" || h.Get("Content-Type") != "application/json" || !strings.HasPrefix(text, `{"error":"`+c.want) {
			t.Errorf("%s %s %s: %d %s, want %s", c.method, c.path, c.body, status, text, c.want)
		}
	}
}
