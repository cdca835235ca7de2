package main

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/HdrHistogram/hdrhistogram-go"
	"github.com/google/go-cmp/cmp"
)

// totals are what a report has of a run that does not depend on time.
type totals struct {
	Summary struct {
		Events   int            `json:"events"`
		Copies   int            `json:"copies"`
		Attempts int            `json:"attempts"`
		Requests int            `json:"requests"`
		Accepted int            `json:"accepted"`
		Retried  int            `json:"retried"`
		GivenUp  int            `json:"given_up"`
		Refused  int            `json:"refused"`
		Skipped  int            `json:"skipped"`
		LostAcks int            `json:"lost_acks"`
		Statuses map[string]int `json:"statuses"`
		Failures map[string]int `json:"failures"`
		ByTry    []int          `json:"attempts_histogram"`
	} `json:"summary"`
	ByEvent map[string]map[string]int `json:"by_event"`
	Exit    int                       `json:"exit"`
	latency string
	max     int64
}

func readTotals(t *testing.T, path string) (out totals) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var h struct {
		Latencies string `json:"latency_histogram"`
	}
	if err := json.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, &h); err != nil {
		t.Fatal(err)
	}
	hist, err := hdrhistogram.Decode([]byte(h.Latencies))
	if err != nil {
		t.Fatal(err)
	}
	out.latency, out.max = fmt.Sprint(hist.TotalCount()), hist.Max()
	return out
}

// What the parts of a plan came to is what the whole came to, and the slowest call
// of all is the slowest of the parts.
func TestMergedPartsAreTheWhole(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	command := func(args ...string) int {
		out, errs := newOutput(), newOutput()
		code := run(t.Context(), t.Context(), nil, args, strings.NewReader(""), out, errs, nil)
		if code > exitFellShort {
			t.Fatalf("%v: %s", args, errs.text.String())
		}
		return code
	}
	file := func(name string) string { return filepath.Join(dir, name) }
	send := func(name string, more ...string) {
		command(append([]string{"send", "--records", "80", "--seed", "5", "--start", "2026-01-31T12:00:00Z", "--reorder", "0.2", "--duplicates", "0.1", "--lost-acks", "0.1",
			"--time-scale", "0.0001", "--report", "json=" + file(name)}, more...)...)
	}
	send("whole.json")
	args := []string{"merge", "--report", "json=" + file("merged.json")}
	slowest := int64(0)
	for i := range 3 {
		name := fmt.Sprintf("%d.json", i+1)
		send(name, "--shard", fmt.Sprintf("%d/3", i+1))
		args = append(args, file(name))
		slowest = max(slowest, readTotals(t, file(name)).max)
	}
	command(args...)
	whole, merged := readTotals(t, file("whole.json")), readTotals(t, file("merged.json"))
	if merged.max != slowest {
		t.Errorf("the slowest call took %dµs, of the parts %dµs", merged.max, slowest)
	}
	whole.max, merged.max = 0, 0
	if diff := cmp.Diff(whole, merged, cmp.AllowUnexported(totals{})); diff != "" {
		t.Errorf("the whole (-) and the parts (+):\n%s", diff)
	}
}
