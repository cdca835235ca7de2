package recv

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"relayctl/internal/recv/judge"
)

// Whoever watches is told of each request as a whole, secrets apart, also where the
// observer of receipts is stuck.
func TestWatch(t *testing.T) {
	seen := make(chan judge.Exchange, 4)
	stuck := make(chan struct{})
	r, err := New(Config{
		Addr: "127.0.0.1:0", TLS: TLSOff,
		Observe: func(*judge.Receipt) { <-stuck }, Watch: func(x judge.Exchange) { seen <- x },
	})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	defer close(stuck)
	r.cfg.Script.Begin(time.Now())
	go func() { _ = r.server.Serve(r.conns) }()
	body := "[" + envelope("a", "message.delivered", "02.000", `{"ccid":"1"}`) + "," + envelope("b", "message.delivered", "03.000", `{"ccid":"1"}`) + "]"
	for range 2 {
		req, _ := http.NewRequest(http.MethodPost, r.URL()+"hook?token=hush", strings.NewReader(body))
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("ApiKey", "hush")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
	}
	for i := range 2 {
		x := <-seen
		if len(x.Receipts) != 2 || string(x.Record.Body) != body || x.Record.Status != 200 || x.Record.Path != "/hook?token=[redacted]" || x.Target != "/hook?token=hush" {
			t.Errorf("%d: %+v %+v", i, x, x.Record)
		}
		for _, h := range x.Record.Headers {
			if h.Name == "Apikey" && h.Value != "[redacted]" {
				t.Errorf("a secret was recorded: %v", h)
			}
		}
		if x.Header["Apikey"][0] != "hush" {
			t.Errorf("the header to make it again from: %v", x.Header)
		}
	}
	if n := r.Unwatched(); n != 0 {
		t.Errorf("%d were missed", n)
	}
}
