package forward

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"

	"relayctl/internal/event"
	"relayctl/internal/recv/judge"
)

func TestParseRoute(t *testing.T) {
	for _, tt := range []struct{ text, pattern, url, err string }{
		{text: "http://127.0.0.1:3000", pattern: "*", url: "http://127.0.0.1:3000"},
		{text: "https://localhost/a?b=c", pattern: "*", url: "https://localhost/a?b=c"},
		{text: "notification.*=http://127.0.0.1:3000/sms?x=1", pattern: "notification.*", url: "http://127.0.0.1:3000/sms?x=1"},
		{text: "localhost:3000", err: "http://localhost:3000"},
		{text: "3000", err: "did you mean http://127.0.0.1:3000?"},
		{text: "nowhere", err: "is not a URL"},
		{text: "ftp://localhost", err: "not an http"},
		{text: "http://", err: "not an http"},
		{text: "http://user:hush@localhost", err: "credentials"},
		{text: "http://localhost/#x", err: "fragment"},
		{text: "notifcation.*=http://localhost", err: "notification.*"},
		{text: "notification.*=localhost", err: "did you mean http://localhost?"},
		{text: "notification.*=", err: "the URL is missing"},
		{text: "", err: "the URL is missing"},
		{text: " =http://localhost", err: "pattern before = is missing"},
		{text: "http://localhost:65536", err: "not a port"},
		{text: "http://localhost:0", err: "not a port"},
		{text: "http://local host", err: "not a URL"},
		{text: "http://user:hush@local host", err: "not a URL"},
		{text: "user:hush@localhost", err: "not a URL"},
		{text: "http://localhost/?token=hush#x", err: "token=[redacted]"},
		{text: "ftp://localhost/?token=hush", err: "token=[redacted]"},
		{text: "localhost:3000/?token=hush", err: "did you mean http://localhost:3000/?token=[redacted]?"},
		{text: "http://local host/?token=hush", err: "token=[redacted]"},
	} {
		r, err := ParseRoute(tt.text)
		switch {
		case tt.err == "" && err != nil:
			t.Errorf("%s: %v", tt.text, err)
		case tt.err == "" && (r.URL.String() != tt.url || r.Filter.String() != tt.pattern):
			t.Errorf("%s: %s to %s", tt.text, r.Filter, r.URL)
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("%s: error %v", tt.text, err)
		case err != nil && strings.Contains(err.Error(), "hush"):
			t.Errorf("%s: the error shows the password: %v", tt.text, err)
		}
	}
}

// What Relay makes of an answer stands beside it.
func TestForwardSaysWhatAnAnswerMeans(t *testing.T) {
	for status, clause := range map[int]string{200: "", 202: "R-2XX", 302: "R-RETRY-ONLY", 400: "R-NO-400", 401: "R-401", 404: "R-RETRY-ONLY", 500: "", 503: "R-RETRY-ONLY"} {
		got := Reason(status)
		if !strings.HasPrefix(got, "by the app") || strings.Contains(got, "R-") != (clause != "") || !strings.Contains(got, clause) {
			t.Errorf("%d: %q", status, got)
		}
	}
}

// of is the receipt of a customer's event.
func of(ccid string) []*judge.Receipt {
	return []*judge.Receipt{{Event: event.Envelope{Payload: event.Payload{CCID: ccid}}}}
}

// Requests of a customer reach the app one after the other in the order in
// which they came; other customers do not wait.
func TestOrderPerCustomer(t *testing.T) {
	var mu sync.Mutex
	inside := map[string]int{}
	gate, begun := make(chan struct{}), make(chan string, 100)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		who := r.Header.Get("X-Who")
		mu.Lock()
		inside[who]++
		if inside[who] > 1 {
			t.Errorf("two requests of %s at once", who)
		}
		mu.Unlock()
		begun <- r.Header.Get("X-N")
		if who == "slow" {
			<-gate
		}
		mu.Lock()
		inside[who]--
		mu.Unlock()
	}))
	t.Cleanup(srv.Close)
	to, err := ParseRoute(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	apps := New([]Route{to}, Options{Notice: t.Logf})
	t.Cleanup(apps.Close)
	pass := func(ccid, n string) {
		req := httptest.NewRequest(http.MethodPost, "/", nil)
		req.Header.Set("X-Who", ccid)
		req.Header.Set("X-N", n)
		if got, err := apps.Pass(apps.Route("message.delivered"), req, nil, of(ccid)); err != nil || got.Status != 200 {
			t.Errorf("%+v, %v", got, err)
		}
	}
	slow := apps.locksOf(of("slow"))[0]
	const n = 8
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { pass("slow", fmt.Sprint(i)) })
		if i == 0 {
			if got := <-begun; got != "0" {
				t.Errorf("first came %s", got)
			}
			continue
		}
		for int(apps.locks[slow].waiting.Load()) < i { // the next one is sent when this one stands in the line
			runtime.Gosched()
		}
	}
	// One lock in 256 is the slow customer's; of these four at most one may share it.
	free := 0
	for _, ccid := range []string{"a", "b", "c", "d"} {
		if apps.locksOf(of(ccid))[0] != slow {
			free++
			pass(ccid, ccid)
			<-begun
		}
	}
	if free == 0 {
		t.Error("every customer shares the lock")
	}
	close(gate)
	wg.Wait()
	close(begun)
	want := 1
	for got := range begun {
		if got != fmt.Sprint(want) {
			t.Errorf("%s came instead of %d", got, want)
		}
		want++
	}
}
