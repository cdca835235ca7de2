package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/pflag"
)

// A flag for a number, a duration, a size or a rate refuses other texts and values that are
// too large, and the error names the flag. Here every flag gets a third of the values,
// the next one the next third; the heavy tests try all.
func TestNumbersAreHeldToTheirRange(t *testing.T) { tryNumbers(t, 3) }

// tryNumbers tries one in so many of the values.
func tryNumbers(t *testing.T, oneIn int) {
	t.Helper()
	t.Parallel()
	before := map[string][]string{ // what a command needs to come as far as its flags
		"listen": {"3000", "--addr", ":0", "--for", "1ms", "--tls", "off", "--capture", t.TempDir() + "/c.jsonl"}, "inspect": {"none.jsonl"}, "validate": {"none.jsonl"},
		"check": {"--to", "http://127.0.0.1:9/"}, "send": {"--to", "http://127.0.0.1:9/"},
	}
	texts := []string{"rate", "capacity", "retry-delays", "max-body", "keep-answers", "capture-max", "outage"}
	// Those that may be as large as they are told to be.
	endless := []string{"seed", "give-up-after", "max-lost", "journeys", "max-findings", "expect", "curl"}
	turn, tried := 0, 0
	for _, c := range newRootCmd(&app{profile: &profile{}}).Commands() {
		c.Flags().VisitAll(func(f *pflag.Flag) {
			number := slices.Contains([]string{"int", "uint64", "float64", "duration"}, f.Value.Type())
			if !number && !slices.Contains(texts, f.Name) {
				return
			}
			bad := []string{"nan", "inf", "-1", "99999999999999999999", "", "1x", "0x1g"}
			if number && !slices.Contains(endless, f.Name) {
				bad = append(bad, map[string]string{"duration": "2562047h", "float64": "1e300"}[f.Value.Type()])
				bad = append(bad, "9223372036854775807")
			}
			for _, value := range bad {
				if turn++; turn%oneIn != 0 {
					continue
				}
				args := slices.Concat([]string{c.Name()}, before[c.Name()], []string{"--" + f.Name + "=" + value})
				var stdout, stderr bytes.Buffer
				code := run(t.Context(), t.Context(), nil, args, strings.NewReader(""), &stdout, &stderr, []string{"XDG_CONFIG_HOME=" + t.TempDir()})
				if tried++; code != exitUsage || !strings.Contains(stderr.String(), "--"+f.Name) {
					t.Errorf("%q: exit %d, %s", args, code, stderr.String())
				}
			}
		})
	}
	if tried < 300/oneIn {
		t.Errorf("only %d values were tried", tried)
	}
}
