package capture

import (
	"errors"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"relayctl/internal/event"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func readAll(t *testing.T, path string) (recs []*Record, warnings []string) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := NewReader(f)
	r.Warn = func(_ int, reason string) { warnings = append(warnings, reason) }
	for {
		rec, err := r.Next()
		if errors.Is(err, io.EOF) {
			return recs, warnings
		}
		if err != nil {
			t.Fatal(err)
		}
		recs = append(recs, rec)
	}
}

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.String()
		want := &Record{
			ReceivedAt: time.UnixMilli(rapid.Int64Range(0, 4e12).Draw(rt, "at")).UTC(),
			Remote:     text.Draw(rt, "remote"), Method: "POST", Path: text.Draw(rt, "path"),
			Headers: []Header{{"A", text.Draw(rt, "header")}},
			Body:    rapid.SliceOf(rapid.Byte()).Draw(rt, "body"),
			Omitted: rapid.Bool().Draw(rt, "omitted"),
			Status:  rapid.SampledFrom([]int{0, 200, 500}).Draw(rt, "status"),
			EventID: text.Draw(rt, "id"), EventName: text.Draw(rt, "name"), EventTS: text.Draw(rt, "ts"),
			Attempt:  rapid.IntRange(0, 4).Draw(rt, "attempt"),
			Badges:   rapid.SliceOf(text).Draw(rt, "badges"),
			Findings: []event.Finding{{Clause: "R-TS", Level: event.Error, Path: "event_ts", Message: text.Draw(rt, "msg")}},
			Members:  []Member{{EventID: "a", EventName: "b", Attempt: 1, Badges: []string{"duplicate"}}},
		}
		if want.Omitted {
			want.Body = nil
		}
		line := want.Append(nil)
		if strings.Count(string(line), "\n") != 1 {
			rt.Fatalf("not one line: %q", line)
		}
		got, err := Parse(line)
		if err != nil {
			rt.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			rt.Fatal(diff)
		}
	})
}

func TestHeadersAreRedacted(t *testing.T) {
	h := http.Header{"Authorization": {"basic abc"}, "Apikey": {"k"}, "X-Tenant": {"t1"}, "X-Shared": {"s"}, "Content-Type": {"application/json"}}
	want := []Header{{"Apikey", Redacted}, {"Authorization", Redacted}, {"Content-Type", "application/json"}, {"X-Shared", Redacted}, {"X-Tenant", "t1"}}
	if diff := cmp.Diff(want, Headers(h, "x-shared")); diff != "" {
		t.Error(diff)
	}
}

func TestWriterKeepsEveryRecord(t *testing.T) {
	for _, mode := range []Sync{Always, Interval, None} {
		path := filepath.Join(t.TempDir(), "c.jsonl")
		w, err := Open(path, Options{Sync: mode})
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for range 16 {
			wg.Go(func() {
				for range 20 {
					if err := w.Append(&Record{EventID: "e", Body: []byte("{}")}); err != nil {
						t.Error(err)
					}
				}
			})
		}
		wg.Wait()
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if recs, warnings := readAll(t, path); len(recs) != 320 || warnings != nil {
			t.Errorf("%s: %d records, warnings %v", mode, len(recs), warnings)
		}
		if err := w.Append(&Record{}); !errors.Is(err, ErrClosed) {
			t.Errorf("append after close: %v", err)
		}
		if info, err := os.Stat(path); err != nil || runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
			t.Errorf("mode %v, %v", info.Mode(), err)
		}
	}
}

func TestTornTailIsSkippedAndEnded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.jsonl")
	whole := (&Record{EventID: "one"}).Append(nil)
	torn := (&Record{EventID: "two"}).Append(nil)[:40]
	if err := os.WriteFile(path, append(whole, torn...), 0o600); err != nil {
		t.Fatal(err)
	}
	recs, warnings := readAll(t, path)
	if len(recs) != 1 || len(warnings) != 1 || warnings[0] != "the last line is torn and was skipped" {
		t.Errorf("%d records, %v", len(recs), warnings)
	}
	w, err := Open(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Append(&Record{EventID: "three"}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	recs, warnings = readAll(t, path)
	if len(recs) != 2 || recs[1].EventID != "three" || len(warnings) != 1 {
		t.Errorf("%d records, %v; want the torn line between two whole ones", len(recs), warnings)
	}
}

func TestRotation(t *testing.T) {
	path := filepath.Join(t.TempDir(), "c.jsonl")
	w, err := Open(path, Options{Sync: None, MaxBytes: 1000})
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		if err := w.Append(&Record{EventID: "e", Body: []byte(strings.Repeat("x", 100))}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	files, _ := filepath.Glob(path + "*")
	total := 0
	for _, f := range files {
		recs, warnings := readAll(t, f)
		info, _ := os.Stat(f)
		if total += len(recs); warnings != nil || info.Size() > 1000 {
			t.Errorf("%s: %v, %d bytes", f, warnings, info.Size())
		}
	}
	if len(files) < 3 || total != 20 {
		t.Errorf("%d records in %d files, want 20 in several", total, len(files))
	}
}

func TestFullDiskIsAnErrorForEveryone(t *testing.T) {
	if _, err := os.Stat("/dev/full"); err != nil {
		t.Skip("this system has no /dev/full")
	}
	w, err := Open("/dev/full", Options{Sync: None})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			if err := w.Append(&Record{}); !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("got %v, want no space left", err)
			}
		})
	}
	wg.Wait()
}

func TestOpenSaysWhy(t *testing.T) {
	if _, err := Open(filepath.Join(t.TempDir(), "none", "c.jsonl"), Options{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := ParseSync("alway"); err == nil || !strings.Contains(err.Error(), `did you mean "always"?`) {
		t.Errorf("got %v", err)
	}
}

func FuzzReader(f *testing.F) {
	f.Add((&Record{EventID: "one", Headers: []Header{{"A", "b"}}}).Append(nil))
	f.Add([]byte(`{"v":2}` + "\n" + `{"v":1,"headers":{"a":1}}` + "\n{"))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := NewReader(strings.NewReader(string(data)))
		for {
			if _, err := r.Next(); err != nil {
				if !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
				return
			}
		}
	})
}

func BenchmarkAppend(b *testing.B) {
	w, err := Open(filepath.Join(b.TempDir(), "c.jsonl"), Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer w.Close()
	rec := &Record{Method: "POST", Path: "/", EventID: "e", Body: []byte(strings.Repeat(`{"a":"b"}`, 90))}
	b.SetParallelism(32)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := w.Append(rec); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkParse(b *testing.B) {
	line := (&Record{Method: "POST", Path: "/", EventID: "e", Body: []byte(strings.Repeat(`{"a":"b"}`, 90))}).Append(nil)
	b.SetBytes(int64(len(line)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(line); err != nil {
			b.Fatal(err)
		}
	}
}
