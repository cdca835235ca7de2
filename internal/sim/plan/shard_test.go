package plan

import (
	"bytes"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"relayctl/internal/event"
)

// The shards of a plan are the plan: every delivery is in one of them, byte for
// byte and at its time, and every customer in one shard only.
func TestThePartsAreThePlan(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := Config{
			Seed: rapid.Uint64().Draw(rt, "seed"), Start: testStart, ReorderWindow: time.Minute,
			Reorder: rapid.Float64Range(0, 1).Draw(rt, "reorder"), Duplicates: rapid.Float64Range(0, 1).Draw(rt, "duplicates"), LostAcks: rapid.Float64Range(0, 1).Draw(rt, "lost acks"),
		}
		batch := rapid.SampledFrom([]int{0, 0, 3}).Draw(rt, "batch")
		switch rapid.SampledFrom([]string{"records", "csv", "file", "scenario"}).Draw(rt, "kind") {
		case "records":
			c.Records = rapid.Uint64Range(1, 40).Draw(rt, "records")
		case "csv":
			c.CSV = strings.NewReader("ccid\n" + strings.Repeat("a\nb\nc\nd\n\"e,1\"\na\nf\n", rapid.IntRange(1, 4).Draw(rt, "rows")))
		case "scenario":
			c.Sources = []Source{{Kind: NamedEvent, Name: "message.delivered"}}
			c.Count = rapid.IntRange(1, 30).Draw(rt, "count")
		case "file":
			c.Sources = []Source{fileOf(rt, batch > 0)}
		}
		if rapid.Bool().Draw(rt, "filtered") {
			c.Filter, _ = event.ParseFilter("notification.*,message.*")
		}
		if rapid.Bool().Draw(rt, "overridden") {
			o, err := event.ParseSet("payload.message_name=Hi")
			if err != nil {
				rt.Fatal(err)
			}
			c.Overrides = []event.Override{o}
		}
		of := rapid.IntRange(2, 6).Draw(rt, "of")
		c.Batch, c.BatchShape = batch, event.Array
		whole := envelopesOf(rt, c)
		var union []string
		home := map[string]int{}
		for i := range of {
			c.Shard = Shard{i + 1, of}
			for _, e := range envelopesOf(rt, c) {
				ccid, _, _ := strings.Cut(e, "|")
				if at, ok := home[ccid]; ok && at != i && ccid != "" {
					rt.Fatalf("customer %s is in shards %d and %d", ccid, at+1, i+1)
				}
				home[ccid] = i
				union = append(union, e)
			}
		}
		slices.Sort(whole)
		slices.Sort(union)
		if !slices.Equal(whole, union) {
			rt.Fatalf("the whole has %d envelopes, the shards %d", len(whole), len(union))
		}
	})
}

// fileOf is a file of events, batches among them, which may mix customers.
func fileOf(rt *rapid.T, mixed bool) Source {
	var b bytes.Buffer
	second := 5 // the same customer
	if mixed {
		second = 1
	}
	for i := range rapid.IntRange(1, 30).Draw(rt, "events") {
		one := func(n int) string {
			return fmt.Sprintf(`{"event_id":"e%d-%d","event_name":"message.delivered","event_ts":"2026-01-31T12:00:%02d.000Z","payload":{"ccid":"%d"}}`, i, n, i, (i*7+n)%5)
		}
		if i%4 == 3 {
			fmt.Fprintf(&b, "{\"batch\":[%s,%s]}\n", one(0), one(second))
		} else {
			fmt.Fprintln(&b, one(0))
		}
	}
	return Source{Kind: EventFile, Name: "file", Reader: bytes.NewReader(b.Bytes())}
}

// envelopesOf gives each envelope of a plan with its customer and how it travels;
// that of a batch is of the batch, which a shard makes anew.
func envelopesOf(rt *rapid.T, c Config) []string {
	var out []string
	p, err := New(c)
	if err != nil {
		rt.Fatal(err)
	}
	for d, err := range singles(p) {
		if err != nil {
			rt.Fatal(err)
		}
		how := fmt.Sprint(d.Arrives, d.Copy, d.Reordered, d.LostAcks)
		if c.Batch > 0 {
			how = ""
		}
		out = append(out, fmt.Sprintf("%s|%s|%s", d.Events[0].CCID, d.Body, how))
	}
	return out
}

func TestParsePart(t *testing.T) {
	for text, want := range map[string]Shard{"1/1": {1, 1}, "2/4": {2, 4}, "0/4": {}, "5/4": {}, "4": {}, "a/b": {}, "1/": {}, "-1/4": {}, "1/1000000": {}} {
		if got, err := ParseShard(text); got != want || (err == nil) != (want != Shard{}) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
}

// BenchmarkPassedOver measures what a record of another shard costs; with disorder, for
// which its journey is drawn all the same, what a delivery does.
func BenchmarkPassedOver(b *testing.B) {
	run := func(b *testing.B, c Config) {
		b.ReportAllocs()
		c.Seed, c.Start, c.Shard = 1, testStart, Shard{100_000, 100_000}
		stream, err := New(c)
		if err != nil {
			b.Fatal(err)
		}
		for range stream {
		}
	}
	b.Run("in order", func(b *testing.B) { run(b, Config{Records: uint64(b.N)}) })
	b.Run("disorder", func(b *testing.B) {
		records := uint64(b.N)/5 + 1 // of about five deliveries each
		run(b, Config{Records: records, Reorder: 0.05, ReorderWindow: time.Minute, Duplicates: 0.02, LostAcks: 0.01})
	})
}
