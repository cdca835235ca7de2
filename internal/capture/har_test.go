package capture

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestHARIsWhatBrowsersRead(t *testing.T) {
	var out bytes.Buffer
	h := NewHAR(&out, "v1")
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() {
			h.Add(Exchange{
				StartedAt: time.UnixMilli(1), Took: 1500 * time.Microsecond, Method: "POST", URL: "https://a/b?token=s3cret&x=a%20b",
				Headers: []Header{{"Authorization", "basic s3cret"}, {"Content-Type", "application/json"}}, Body: []byte("{\"a\":\"\xff\"}"),
				Status: 302, Answered: http.Header{"Set-Cookie": {"s3cret"}, "Location": {"/c"}, "Content-Type": {"text/plain"}}, Answer: []byte("ok"),
				Comment: "http.no-redirect",
			})
		})
	}
	all.Wait()
	h.Add(Exchange{Comment: "no answer"})
	if err := h.Close(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "s3cret") {
		t.Error("a secret shows:", out.String())
	}
	var got struct {
		Log struct {
			Version string
			Entries []harEntry
		}
	}
	if err := json.Unmarshal(out.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	e := got.Log.Entries[0]
	if got.Log.Version != "1.2" || len(got.Log.Entries) != 4 || e.Time != 1.5 || e.Started != "1970-01-01T00:00:00.001Z" {
		t.Errorf("%+v", got.Log)
	}
	if e.Request.PostData.Encoding != "base64" || e.Response.Content.Text != "ok" || e.Response.RedirectURL != "/c" || e.Request.QueryString[1].Value != "a b" {
		t.Errorf("%+v", e)
	}
}
