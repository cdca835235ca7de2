package report

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"

	"relayctl/internal/report/term"
	"relayctl/internal/sim"
	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// encodeHistogram writes a histogram in the interchange form of HdrHistogram: version 2,
// compressed, in base64. A nil histogram gives "".
func encodeHistogram(h *hdrhistogram.Histogram) (string, error) {
	if h == nil || h.TotalCount() == 0 {
		return "", nil
	}
	b, err := h.Encode(hdrhistogram.V2CompressedEncodingCookieBase)
	return string(b), err
}

func decodeHistogram(text string) (*hdrhistogram.Histogram, error) {
	if text == "" {
		return nil, nil
	}
	h, err := hdrhistogram.Decode([]byte(text))
	if err != nil {
		return nil, fmt.Errorf("the histogram cannot be read: %w", err)
	}
	return h, nil
}

// sendReport is the JSON report of a run of send, as far as merging needs it.
type sendReport struct {
	Target  string `json:"target"`
	Began   string `json:"started_at"`
	Ended   string `json:"ended_at"`
	Plan    PlanID `json:"plan"`
	Shard   struct{ Index, Of int }
	Summary struct {
		Events     int `json:"events"`
		Copies     int `json:"copies"`
		Deliveries int `json:"deliveries"`
		Attempts   int `json:"attempts"`
		Requests   int `json:"requests"`
		outcomesJSON
		OfCopies    *outcomesJSON `json:"of_copies"`
		LostAcks    int           `json:"lost_acks"`
		Undoc2xx    int           `json:"undocumented_2xx"`
		Statuses    map[int]int   `json:"statuses"`
		Failures    wireCounts    `json:"failures"`
		ByAttempt   []int         `json:"attempts_histogram"`
		Behind      float64       `json:"behind_ms"`
		Resent      []resentEvent `json:"resent"`
		Interrupted bool          `json:"interrupted"`
		GaveUpAfter int           `json:"gave_up_after"`
		CutShort    bool          `json:"cut_short"`
		Tokens      int           `json:"tokens"`
		Outage      struct {
			Failed   int     `json:"failed_attempts"`
			Down     float64 `json:"down_ms"`
			DownFrom string  `json:"down_from"`
			Still    bool    `json:"still_down"`
			Late     int     `json:"delivered_late"`
			By       struct {
				Max float64 `json:"max"`
			} `json:"late_by_ms"`
			Lost int `json:"lost"`
			Peak int `json:"peak_retries_per_s"`
		} `json:"outage"`
	} `json:"summary"`
	ByEvent     map[string]*nameCount `json:"by_event"`
	NotAccepted []notAccepted         `json:"not_accepted"`
	Cut         int                   `json:"not_listed"`
	Series      struct {
		Step  float64 `json:"step_ms"`
		Steps []struct {
			From      float64  `json:"from_ms"`
			Attempts  int      `json:"attempts"`
			Accepted  int      `json:"accepted"`
			Retries   int      `json:"retries"`
			Refused   int      `json:"refused"`
			Failed    int      `json:"failed"`
			LostAcks  int      `json:"lost_acks"`
			Latencies []uint32 `json:"latencies"`
		} `json:"steps"`
	} `json:"series"`
	Latencies string `json:"latency_histogram"`
	Delays    string `json:"late_histogram"`
}

type wireCounts map[wire.Failure]int

// SendShard is what one JSON report of send says of its shard.
type SendShard struct {
	Name   string // the file
	Plan   PlanID
	result SendResult
}

// ReadSend reads a JSON report of send; name is its file's, for errors.
func ReadSend(name string, data []byte) (*SendShard, error) {
	var r sendReport
	if err := json.Unmarshal(data, &r); err != nil {
		what := "it is not JSON, or ends too early"
		if kind := new(json.UnmarshalTypeError); errors.As(err, &kind) {
			what = fmt.Sprintf("%s cannot be a JSON %s", cmp.Or(kind.Field, "it"), kind.Value)
		}
		return nil, fmt.Errorf("%s: not a JSON report of send: %s", name, what)
	}
	shard, err := plan.ParseShard(fmt.Sprintf("%d/%d", r.Shard.Index, r.Shard.Of))
	if r.Plan.Hash == "" || err != nil {
		return nil, fmt.Errorf("%s: not a JSON report of send with a plan and a shard", name)
	}
	sum, err := r.summary()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	r.Plan.Shard = shard
	details := NewSendDetails(r.Target)
	details.addAll(&SendDetails{notAccepted: r.NotAccepted, cut: r.Cut, byName: r.ByEvent})
	return &SendShard{name, r.Plan, SendResult{Details: details, Summary: *sum}}, nil
}

// summary makes the summary of a report. Its errors are of damaged values.
func (r *sendReport) summary() (*sim.Summary, error) {
	began, err1 := time.Parse(time.RFC3339, r.Began)
	ended, err2 := time.Parse(time.RFC3339, r.Ended)
	latencies, err3 := decodeHistogram(r.Latencies)
	delays, err4 := decodeHistogram(r.Delays)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		return nil, err
	}
	if took := ended.Sub(began); took < 0 || took > longestCampaign || fromMillis(r.Series.Step) > longestCampaign {
		return nil, errors.New("its times are not those of a run")
	}
	in, s := &r.Summary, sim.NewSummary(r.Plan.Seed, began)
	if in.OfCopies == nil && in.Copies > 0 {
		return nil, errors.New("it does not say what became of the copies, for it was written by a build before the first release; run that shard again")
	}
	s.Ended, s.Latencies, s.Outage.Delays = ended, latencies, delays
	s.Events, s.Copies, s.Deliveries, s.Attempts, s.Requests = in.Events, in.Copies, in.Deliveries, in.Attempts, in.Requests
	s.Outcomes = sim.Outcomes(in.outcomesJSON)
	if in.OfCopies != nil {
		s.OfCopies = sim.Outcomes(*in.OfCopies)
	}
	s.LostAcks, s.Undoc2xx, s.Statuses, s.Failures, s.ByAttempt = in.LostAcks, in.Undoc2xx, in.Statuses, in.Failures, in.ByAttempt
	s.Behind, s.Interrupted, s.GaveUpAfter, s.CutShort, s.Tokens = fromMillis(in.Behind), in.Interrupted, in.GaveUpAfter, in.CutShort, in.Tokens
	if !addsUp(s) {
		return nil, errors.New("its totals do not add up")
	}
	for _, e := range in.Resent {
		s.Resent = append(s.Resent, plan.EventRef{ID: e.EventID, Name: e.EventName})
	}
	o := &s.Outage
	o.Failed, o.DeliveredLate, o.WorstDelay, o.Lost, o.PeakRetries, o.StillDown = in.Outage.Failed, in.Outage.Late, fromMillis(in.Outage.By.Max), in.Outage.Lost, in.Outage.Peak, in.Outage.Still
	if from, err := time.Parse(time.RFC3339, in.Outage.DownFrom); err == nil {
		o.DownFrom, o.DownUntil = from, from.Add(fromMillis(in.Outage.Down))
	}
	s.Series.Width = max(fromMillis(r.Series.Step), time.Millisecond)
	for _, st := range r.Series.Steps {
		i := int(fromMillis(st.From) / s.Series.Width)
		if i < 0 || i > maxSteps {
			return nil, errors.New("the run over time has a step that lies outside of it")
		}
		for len(s.Series.Buckets) <= i {
			s.Series.Buckets = append(s.Series.Buckets, sim.Bucket{})
		}
		b := &s.Series.Buckets[i]
		b.Attempts, b.Accepted, b.Retries, b.Refused, b.Failed, b.LostAcks = st.Attempts, st.Accepted, st.Retries, st.Refused, st.Failed, st.LostAcks
		b.SetLatencies(st.Latencies)
	}
	return s, nil
}

// addsUp says whether the totals of a summary fit together.
func addsUp(s *sim.Summary) bool {
	answers, latencies := 0, int64(0)
	for _, n := range s.Statuses {
		answers += n
	}
	for _, n := range s.Failures {
		answers += n
	}
	if s.Latencies != nil {
		latencies = s.Latencies.TotalCount()
	}
	for _, n := range append([]int{s.Events, s.Copies, s.Deliveries, s.Attempts, s.Requests, s.LostAcks}, s.ByAttempt...) {
		if n < 0 || n > 1e15 {
			return false
		}
	}
	for _, c := range []sim.Outcomes{s.Outcomes, s.OfCopies} {
		for _, n := range []int{c.Accepted, c.Retried, c.GivenUp, c.Refused, c.Skipped, c.AcceptedBefore} {
			if n < 0 || n > 1e15 {
				return false
			}
		}
	}
	return s.Events+s.Copies == s.Sum() && s.Copies == s.OfCopies.Sum() && answers == s.Attempts && latencies == int64(s.Attempts) &&
		s.Retried <= s.Accepted && s.AcceptedBefore <= s.Skipped
}

// maxSteps is far more steps than a report has.
const maxSteps = 10_000

// longestCampaign bounds the time from the beginning of a campaign to its end.
const longestCampaign = 365 * 24 * time.Hour

func fromMillis(ms float64) time.Duration {
	return time.Duration(min(max(ms, 0)*float64(time.Millisecond), float64(math.MaxInt64/2)))
}

// addAll adds the details of another shard, within the bounds of those of one run.
func (r *SendDetails) addAll(o *SendDetails) {
	for _, name := range slices.Sorted(maps.Keys(o.byName)) {
		c, n := r.of(name), o.byName[name]
		if n == nil {
			continue
		}
		c.Accepted, c.Retried, c.GivenUp = c.Accepted+n.Accepted, c.Retried+n.Retried, c.GivenUp+n.GivenUp
		c.Refused, c.Skipped, c.AcceptedBefore = c.Refused+n.Refused, c.Skipped+n.Skipped, c.AcceptedBefore+n.AcceptedBefore
	}
	room := min(len(o.notAccepted), max(0, mostNotAccepted-len(r.notAccepted)))
	r.notAccepted = append(r.notAccepted, o.notAccepted[:room]...)
	for i := range r.notAccepted {
		r.notAccepted[i].took = fromMillis(r.notAccepted[i].TookMS)
	}
	r.cut += o.cut + len(o.notAccepted) - room
}

// MergeSends adds the shards of one plan. The error names a shard that is missing, is there
// twice, or belongs to another plan.
func MergeSends(shards []*SendShard) (*SendResult, error) {
	first := shards[0]
	of := first.Plan.Shard.Of
	have := map[int]string{}
	for _, p := range shards {
		if why := p.Plan.differs(&first.Plan); why != "" {
			return nil, fmt.Errorf("%s is of another plan than %s: %s", p.Name, first.Name, why)
		}
		if before, ok := have[p.Plan.Shard.Index]; ok {
			return nil, fmt.Errorf("%s and %s are both of shard %v", before, p.Name, p.Plan.Shard)
		}
		have[p.Plan.Shard.Index] = p.Name
		if apart := p.result.Summary.Began.Sub(first.result.Summary.Began).Abs(); apart > longestCampaign {
			return nil, fmt.Errorf("%s and %s began more than a year apart", p.Name, first.Name)
		}
	}
	var missing []string
	for i := 1; i <= of; i++ {
		if _, ok := have[i]; !ok && len(missing) < 10 {
			missing = append(missing, plan.Shard{Index: i, Of: of}.String())
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("%d of %d shards missing: %v", of-len(have), of, missing)
	}
	sum := sim.NewSummary(first.Plan.Seed, first.result.Summary.Began)
	details := NewSendDetails(first.result.Details.Target)
	for _, p := range shards {
		sum.Add(&p.result.Summary)
		details.addAll(p.result.Details)
	}
	for _, c := range details.byName {
		c.Accepted, c.Skipped, c.AcceptedBefore = c.Accepted+c.AcceptedBefore, c.Skipped-c.AcceptedBefore, 0
	}
	sum.Finish()
	id := first.Plan
	id.Shard = plan.Shard{}
	return &SendResult{Details: details, Summary: *sum, Plan: id}, nil
}

// differs says in what another plan differs, "" for nothing.
func (p *PlanID) differs(o *PlanID) string {
	switch {
	case p.Shard.Of != o.Shard.Of:
		return fmt.Sprintf("it is shard %v, not of %d", p.Shard, o.Shard.Of)
	case p.Seed != o.Seed:
		return fmt.Sprintf("its seed is %d, not %d", p.Seed, o.Seed)
	case p.Start != o.Start:
		return fmt.Sprintf("its start is %s, not %s", p.Start, o.Start)
	}
	both := maps.Clone(p.Arguments)
	if both == nil {
		both = map[string]string{}
	}
	maps.Copy(both, o.Arguments)
	for _, name := range sortedKeys(both) {
		if p.Arguments[name] != o.Arguments[name] {
			return fmt.Sprintf("%s is %s, not %s", name, strconv.Quote(p.Arguments[name]), strconv.Quote(o.Arguments[name]))
		}
	}
	if p.Hash != o.Hash {
		return "its hash differs"
	}
	return ""
}

// WriteJSONLine writes the merged summary as one JSON object on one line.
func (r *SendResult) WriteJSONLine(w io.Writer) error {
	o := sendSummary(&r.Summary, nil)
	o["plan_hash"], o["by_event"] = r.Plan.Hash, r.Details.byName
	return writeLines(w, o)
}

// WriteText writes what the shards came to together.
func (r *SendResult) WriteText(w io.Writer, st *term.Style, shards int) error {
	t := NewSendText(w, st)
	t.Header("%s to %s", term.Count(shards, "shard"), r.Details.Target)
	for _, name := range sortedKeys(r.Details.byName) {
		c := r.Details.byName[name]
		line := fmt.Sprintf("  %s accepted %d", st.NameColumn(name), c.Accepted)
		for _, o := range []struct {
			what string
			n    int
		}{{"after retry", c.Retried}, {"given up", c.GivenUp}, {"refused", c.Refused}, {"skipped", c.Skipped}} {
			if o.n > 0 {
				line += fmt.Sprintf(", %s %d", o.what, o.n)
			}
		}
		fmt.Fprintln(t.w, line)
	}
	return t.Finish(r.Summary, nil)
}
