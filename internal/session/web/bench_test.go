package web

import (
	"net/http/httptest"
	"testing"

	"relayctl/internal/session"
)

// BenchmarkRows renders what a page asks for when there is something new.
func BenchmarkRows(b *testing.B) {
	s := &bench{Session: session.New(session.Config{})}
	for range 1000 {
		s.add(delivered("ip-10-3-0-224-668176-8h-b98185e8-8a01-406f-a9e9-0001-1mha", "relay_pushAPI_1"), 200)
	}
	w, err := New(s.Session, Config{Addr: "127.0.0.1:0", Token: token})
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	r := httptest.NewRequest("GET", "/ui/rows", nil)
	for b.Loop() {
		w.rows(httptest.NewRecorder(), r)
	}
}
