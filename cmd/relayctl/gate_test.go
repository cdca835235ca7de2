package main

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"
)

// Text from outside that could control a terminal, or hides, in every place of a
// capture, of the arguments and of files.
const hostile = "\x1b]0;x\a\x1b[31m\u009b2J\u202e\u200b\r\U000e0041\x7f"

func TestNothingForATerminalPassesRaw(t *testing.T) {
	t.Chdir(t.TempDir())
	event := map[string]any{
		"event_id": "1" + hostile, "event_name": "message.delivered" + hostile, "event_ts": "2026-01-31T12:00:00.000Z" + hostile,
		"payload": map[string]string{"ccid": "customer" + hostile, "x" + hostile: hostile},
	}
	body := marshal(t, event)
	record := marshal(t, map[string]any{
		"v": 1, "received_at": "2026-01-31T12:00:00.000Z", "remote": "127.0.0.1" + hostile, "method": "POST" + hostile, "path": "/" + hostile,
		"headers": map[string]string{"X" + hostile: hostile}, "body": body, "status": 200, "event_id": "1" + hostile, "event_name": "message.delivered" + hostile,
		"attempt": 1, "badges": []string{"late" + hostile},
		"findings": []map[string]string{{"clause": "R-TS" + hostile + "\nforged", "level": "error" + hostile, "path": "p" + hostile, "message": hostile}},
	})
	for name, text := range map[string]string{"capture.jsonl": record, "event.json": body, "bad" + hostile + ".yaml": "name: " + hostile, hostile + ".csv": "ccid\na,b\n1"} {
		if err := os.WriteFile(name, []byte(text+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, args := range [][]string{
		{"inspect", "capture.jsonl"},
		{"inspect", "capture.jsonl", "--ccid", "custome" + strings.ReplaceAll(hostile, "\x1b", "")},
		{"inspect", "capture.jsonl", "--output", "json"},
		{"inspect", "capture.jsonl", "--color", "always"},
		{"inspect", "capture.jsonl", "--diff", "1", "1"},
		{"validate", "event.json"},
		{"validate", "event.json", "--output", "json"},
		{"validate", "capture.jsonl"},
		{"validate", "bad" + hostile + ".yaml"},
		{"send", "event.json", "--dry-run"},
		{"send", "capture.jsonl", "--dry-run", "--output", "json"},
		{"send", "event.json"},
		{"send", "no" + hostile},
		{"send", "--" + hostile},
		{"send", "-" + hostile},
		{"send", "--timeout", hostile},
		{"send", "--to", "https://" + hostile},
		{"send", "--set", hostile},
		{hostile},
		{"check", "--only", hostile},
		{"events", hostile},
		{"completion", hostile},
		{"config", "--profile", hostile},
		{"send", "--csv", hostile + ".csv", "--dry-run"}, // no writer cleans this name: the gate does
	} {
		var out, errs strings.Builder
		run(context.Background(), context.Background(), nil, args, strings.NewReader(""), &out, &errs, nil)
		for stream, text := range map[string]string{"stdout": out.String(), "stderr": errs.String()} {
			for _, raw := range []string{"\x1b]", "\x1b[31m", "\a", "\u009b", "\u202e", "\u200b", "\r", "\U000e0041", "\x7f"} {
				if strings.Contains(text, raw) {
					t.Errorf("%.60q: %s holds %q raw:\n%q", args, stream, raw, text)
				}
			}
			if strings.Contains(text, "\nforged") {
				t.Errorf("%.60q: %s has a line from outside", args, stream)
			}
		}
		if strings.Contains(strings.Join(args, " "), "json") && out.Len() > 0 && args[len(args)-1] == "json" {
			for line := range strings.Lines(out.String()) {
				if !json.Valid([]byte(line)) {
					t.Errorf("%q: this is not JSON: %q", args, line)
				}
			}
		}
	}
}

func marshal(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
