package prom

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"relayctl/internal/recv/judge"
	"relayctl/internal/sim"
	"relayctl/internal/sim/wire"
)

// read takes what a source tells through the parser of Prometheus.
func read(t *testing.T, of Source) map[string]*dto.MetricFamily {
	t.Helper()
	var p page
	of(&p)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(p.b.Bytes()))
	if err != nil {
		t.Fatalf("%v in\n%s", err, p.b.String())
	}
	for name, f := range families {
		for _, m := range f.Metric {
			for _, l := range m.Label {
				if l.GetName() != "event" && l.GetName() != "status" {
					t.Errorf("%s has the label %s", name, l.GetName())
				}
			}
		}
	}
	return families
}

func counts(f *dto.MetricFamily) map[string]float64 {
	out := map[string]float64{}
	for _, m := range f.GetMetric() {
		out[m.Label[0].GetValue()] = m.Counter.GetValue()
	}
	return out
}

func TestReceived(t *testing.T) {
	s := judge.NewSummary()
	s.ByStatus, s.ByName = map[int]uint64{200: 7, 0: 2}, map[string]uint64{"message.delivered": 8, "a\"\\\n\x00\xff": 1}
	s.ByBadge[judge.Late], s.Accepted, s.Errors = 3, 6, 1<<60
	f := read(t, Received(s, Live{Kept: 5, HasApp: true, AppUp: true}))
	if got := counts(f["relayctl_requests_total"]); !cmp.Equal(got, map[string]float64{"200": 7, "none": 2}) {
		t.Error(got)
	}
	if got := counts(f["relayctl_events_total"]); !cmp.Equal(got, map[string]float64{"message.delivered": 8, "a\"\\\n\x00\uFFFD": 1}) {
		t.Error(got)
	}
	if f["relayctl_badge_late_total"].Metric[0].Counter.GetValue() != 3 || f["relayctl_app_up"].Metric[0].Gauge.GetValue() != 1 {
		t.Error(f)
	}
}

func TestCountsAreWholeNumbers(t *testing.T) {
	var p page
	p.counter("x_total", "x", 5_083_556)
	if !strings.HasSuffix(p.b.String(), "\nrelayctl_x_total 5083556\n") {
		t.Error(p.b.String())
	}
}

func TestSent(t *testing.T) {
	sent := NewSent(&sim.Gauge{})
	begun := time.Now()
	for i, took := range []time.Duration{time.Microsecond, time.Millisecond, 3 * time.Millisecond, time.Minute} {
		a := sim.Attempt{Number: i + 1, Intended: begun, SentAt: begun.Add(time.Second), Latency: took, Status: 200}
		if i == 3 {
			a.Status, a.Failure = 0, wire.Timeout
		}
		sent.Attempt(&a)
	}
	sent.Outcome(&sim.Outcome{Kind: sim.GivenUp})
	f := read(t, sent.Tell)
	if got := counts(f["relayctl_attempts_total"]); !cmp.Equal(got, map[string]float64{"200": 3, "timeout": 1}) {
		t.Error(got)
	}
	h := f["relayctl_attempt_seconds"].Metric[0].Histogram
	if h.GetSampleCount() != 4 || h.Bucket[1].GetCumulativeCount() != 2 || h.Bucket[3].GetCumulativeCount() != 3 || h.Bucket[13].GetCumulativeCount() != 3 {
		t.Error(h)
	}
	if f["relayctl_lag_seconds"].Metric[0].Gauge.GetValue() != 1 || counts(f["relayctl_deliveries_total"])["given-up"] != 1 {
		t.Error(f)
	}
}
