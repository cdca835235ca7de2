package capture

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"testing"
	"time"

	"relayctl/fixtures"
)

// typical is the record of the documentation's sample as listen makes it.
func typical(n int) *Record {
	return &Record{
		ReceivedAt: time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC), Remote: "127.0.0.1:54321", Method: "POST", Path: "/",
		Headers: []Header{{"Accept-Encoding", "gzip"}, {"Authorization", Redacted}, {"Content-Length", "1003"},
			{"Content-Type", "application/json"}, {"User-Agent", "relayctl"}},
		Body: fixtures.DocSamples()[0].Body, Status: 200,
		EventID: fmt.Sprintf("ip-10-3-0-224-668176-8h-b98185e8-8a01-406f-a9e9-%012d-1mha", n), EventName: "message.delivered",
		EventTS: "2022-04-12T14:53:11.958Z", Attempt: 1, Badges: []string{},
	}
}

func BenchmarkEncode(b *testing.B) {
	rec := typical(1)
	var line []byte
	b.ReportAllocs()
	for b.Loop() {
		line = rec.Append(line[:0])
	}
	b.SetBytes(int64(len(line)))
}

func BenchmarkAppend(b *testing.B) {
	for _, mode := range []Sync{Always, None} {
		for _, goroutines := range []int{64, 256} {
			b.Run(fmt.Sprintf("%s-%d", mode, goroutines), func(b *testing.B) {
				w, err := Open(filepath.Join(b.TempDir(), "c.jsonl"), Options{Sync: mode})
				if err != nil {
					b.Fatal(err)
				}
				defer w.Close()
				rec := typical(1)
				b.SetParallelism(goroutines / 2)
				b.ReportAllocs()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						if err := w.Append(rec); err != nil {
							b.Error(err)
							return
						}
					}
				})
			})
		}
	}
}

func BenchmarkRead(b *testing.B) {
	var text []byte
	const lines = 1000
	for i := range lines {
		text = typical(i).Append(text)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		r := NewReader(bytes.NewReader(text))
		n := 0
		for {
			if _, err := r.Next(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				b.Fatal(err)
			}
			n++
		}
		if n != lines {
			b.Fatalf("%d records", n)
		}
	}
}
