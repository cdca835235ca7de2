package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"relayctl/internal/sim"
	"relayctl/internal/sim/plan"
)

// shardReport is the JSON report of a shard.
func shardReport(t testing.TB, shard plan.Shard) []byte {
	t.Helper()
	began := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	sum := sim.NewSummary(1, began)
	sum.Events, sum.Deliveries, sum.Accepted, sum.Attempts = 2, 2, 2, 2
	sum.Statuses[200] = 2
	sum.Ended = began.Add(time.Minute)
	if err := sum.Latencies.RecordValues(1500, 2); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	r := SendResult{Details: NewSendDetails("https://relay.test/"), Summary: *sum, Plan: NewPlanID(1, began, map[string]string{"--records": "2"}, shard)}
	if err := r.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestDamagedReportsAreRefused(t *testing.T) {
	good := string(shardReport(t, plan.Shard{Index: 1, Of: 2}))
	for from, to := range map[string]string{
		`"index": 1`:                        `"index": 3`,
		`"of": 2`:                           `"of": 2000000000`,
		`"ended_at": "2026`:                 `"ended_at": "1026`,
		`"started_at": "2026`:               `"started_at": "1026`,
		`"step_ms": 1`:                      `"step_ms": 1e300`,
		`"latency_histogram": "HISTFAAAA`:   `"latency_histogram": "HISTFBBBB`,
		`"accepted": 2`:                     `"accepted": 3`,
		`"hash": "sha256:`:                  `"hash": "", "x": "`,
		`"target": "https://relay.test/"`:   `"target": 7`,
		`"summary": {`:                      `"summary": [{`,
		`"started_at": "2026-01-31T12:00:0`: `"started_at": "soon`,
	} {
		bad := strings.Replace(good, from, to, 1)
		if bad == good {
			t.Errorf("the report has no %s:\n%s", from, good)
		}
		if _, err := ReadSend("x.json", []byte(bad)); err == nil || !strings.HasPrefix(err.Error(), "x.json: ") {
			t.Errorf("%s: %v", to, err)
		}
	}
}

// A report without the outcomes of its copies says so, instead of being called damaged.
func TestReportsWithoutTheOutcomesOfCopies(t *testing.T) {
	text := string(shardReport(t, plan.Shard{Index: 1, Of: 2}))
	text = strings.Replace(strings.Replace(text, `"of_copies"`, `"others"`, 1), `"copies": 0`, `"copies": 1`, 1)
	if _, err := ReadSend("x.json", []byte(text)); err == nil || !strings.Contains(err.Error(), "it does not say what became of the copies") {
		t.Errorf("%v", err)
	}
}

func FuzzReadSend(f *testing.F) {
	f.Add(shardReport(f, plan.Shard{Index: 1, Of: 1}))
	f.Add([]byte(`{"plan":{"hash":"x"},"shard":{"index":1,"of":1},"by_event":{"a":null}}`))
	f.Fuzz(func(_ *testing.T, data []byte) {
		shard, err := ReadSend("x.json", data)
		if err != nil {
			return
		}
		merged, err := MergeSends([]*SendShard{shard})
		if err != nil {
			return
		}
		_ = merged.WriteJSON(&bytes.Buffer{})
		_ = merged.WriteHTML(&bytes.Buffer{})
	})
}
