//go:build heavy

package main

import "testing"

// Secrets of several kinds, so that all encodings differ from the plain text.
func TestNoSecretIsShownWhateverItIs(t *testing.T) {
	for name, s := range map[string]secretSet{
		"mixed": mixedSecrets(),
		"plain": {"Pa55word-pw01", "k3y-0123456789", "cl1ent-secret-ab", "X7Gf2-header-q", "us3rinfo-zz-9", "qu3ry-token-77", "pr0be-header-5", "t0ken-of-the-run-1"},
		"signs": {`p&w"1<>x'%/`, `k+/=y 12&3`, `c%41 l+i=ent`, `h"ead\er&1`, "u$s~er!info", "q*u(er)y-1", "p:r,o;be-1", "t.o~k_en/+12"},
		"other": {"pässwörd-ünï", "schlüssel-42", "gehéim-ñ-77x", "kopf-ö-zeile", "nutzer-info9", "frage-token8", "probe-kopf-7", "marke-12345678"},
		"long":  {long("a"), long("b"), long("c"), long("d"), long("e"), long("f"), long("g"), long("h")},
	} {
		t.Run(name, func(t *testing.T) {
			runs, outputs := noSecretIsShown(t, s, otherSecretRuns(s))
			t.Logf("%d runs, %d outputs searched", runs, outputs)
		})
	}
}

// otherSecretRuns are runs of which others show the like already, but each with an output of
// its own. What they read comes from the runs before them.
func otherSecretRuns(s secretSet) [][]string {
	basic := []string{"--auth", "basic", "--username", "relay", "--password", s.password}
	custom := []string{"--header", "X-Custom: " + s.header}
	reports := []string{"--report", "json=r.json", "--report", "junit=r.xml", "--report", "html=r.html"}
	full := []string{"--profile", "full"}
	list := [][]string{
		join([]string{"send", "message.delivered", "--attempts", "1"}, full, reports),
		join([]string{"send", "message.delivered", "--attempts", "1", "--output", "json", "--journal", "j.jsonl"}, full),
		join([]string{"send", "message.delivered", "--attempts", "2", "--time-scale", "0", "--quiet"}, full),
		join([]string{"send", "--records", "3", "--reorder", "0.5", "--duplicates", "0.5", "--lost-acks", "0.5", "--attempts", "1"}, full, reports),
		join([]string{"send", "--records", "3", "--batch", "2", "--attempts", "1", "--output", "json"}, full, reports),
		join([]string{"check", "--only", "http.keepalive,event.accept", "--output", "json"}, full),
		join([]string{"check", "--only", "robust.*,tolerant.*", "--verbose"}, full, reports),
		join([]string{"check", "--only", "security.*,retry.*", "--to", "$/200?token=" + s.query, "--strict", "--har", "r.har"}, basic, custom, reports),
		join([]string{"check", "--only", "batch.*,isolation.*,event.accept", "--to", "$/200", "--output", "json"}, basic, custom),
		join([]string{"check", "--list"}, full), join([]string{"check", "--explain", "event.accept"}, full),
		join([]string{"config"}, full), join([]string{"config", "--output", "json"}, full), join([]string{"config", "check"}, full),
		join([]string{"config", "listen", "--output", "json"}, full), join([]string{"config", "redact"}, full),
		join([]string{"listen", "--addr", "127.0.0.1:0", "--for", "1ms"}, full),
		join([]string{"listen", "--addr", "127.0.0.1:0", "--for", "1ms", "--output", "json", "--tls", "off"}, full),
		join([]string{"listen", "--addr", "127.0.0.1:0", "--for", "1ms", "--rules", "@/rules.yaml"}, full),
		join([]string{refusedRun, "listen", "--addr", "127.0.0.1:0", "--for", "1ms", "--rules", "@/broken.yaml"}, full),
		join([]string{refusedRun, "send", "@/broken.yaml"}, full), join([]string{refusedRun, "check", "--baseline", "@/broken.yaml"}, full),
		join([]string{"forecast", "--records", "10", "--outage", "1m"}, full), join([]string{"forecast", "--records", "10", "--output", "json", "--report", "html=f.html"}, full),
		join([]string{"generate", "message.delivered"}, full), join([]string{"generate", "--records", "2"}, full),
		join([]string{"validate", "c.jsonl"}, full), join([]string{"validate", "c.jsonl", "--output", "json"}, full),
		join([]string{"redact", "c.jsonl", "-o", "red.jsonl"}, full), join([]string{"redact", "c.jsonl", "-o", "-"}, full),
		{"inspect", "c.jsonl", "--list"}, {"inspect", "c.jsonl", "--output", "json"}, {"inspect", "c.jsonl", "--request", "1"},
		{"inspect", "--diff", "c.jsonl", "c.jsonl"}, {"inspect", "--diff", "c.jsonl", "c.jsonl", "--output", "json"}, {"inspect", "c.jsonl", "--status", "5xx", "--list"},
		{"inspect", "c.jsonl", "--curl", "2"},
		join([]string{"send", "c.jsonl", "--to", "$/500", "--attempts", "1", "--fresh-ids"}, basic, custom, reports),
		join([]string{"send", "c.jsonl", "--dry-run"}, basic), join([]string{"send", "c.jsonl", "--output", "json", "--request", "1"}, basic, reports),
		join([]string{"send", "--watch", "@/events.jsonl", "--to", "$/500", "--attempts", "1"}, basic, custom, reports),
		join([]string{"send", "--watch", "@/events.jsonl", "--to", "$/200", "--output", "json"}, basic, custom, reports),
		join([]string{"events"}, full), join([]string{"scenarios"}, full), join([]string{"schema", "config"}, full),
		{refusedRun, "merge", "@/events.jsonl"},
	}
	for _, path := range []string{"/200?token=", "/500?token="} {
		shard := func(part string) []string {
			return join([]string{"send", "--records", "4", "--seed", "7", "--start", "2026-01-31T12:00:00Z", "--attempts", "1", "--to", "$" + path + s.query, "--shard", part + "/2", "--report", "json=part" + part + ".json"}, basic, custom)
		}
		list = append(list, shard("1"), shard("2"), []string{"merge", "part1.json", "part2.json", "--report", "html=m.html"}, []string{"merge", "part1.json", "part2.json", "--output", "json", "--report", "json=m.json"})
	}
	key := []string{"--auth", "api-key", "--api-key", s.key}
	oauth := []string{"--auth", "oauth", "--token-url", "$/token", "--client-id", "relay", "--client-secret", s.client}
	for _, auth := range [][]string{basic, key, oauth} {
		for _, status := range []string{"200", "301", "401", "500"} {
			list = append(list,
				join([]string{"send", "journey", "--color", "always", "--attempts", "2", "--time-scale", "0", "--to", "$/" + status}, auth, custom),
				join([]string{"check", "--color", "always", "--only", "http.*,event.accept,tls.*", "--to", "$/" + status, "--verbose", "--report", "github=r.md"}, auth, custom, reports))
		}
		list = append(list,
			join([]string{"send", "message.delivered", "--to", "$/200", "--dry-run", "--output", "json"}, auth, custom),
			join([]string{"check", "--only", "auth.*", "--to", "$/200", "--output", "json"}, auth, custom, reports),
			join([]string{"send", "message.delivered", "--to", "http://127.0.0.1:1/?token=" + s.query, "--no-preflight", "--attempts", "1", "--output", "json"}, auth, custom, reports))
	}
	for _, scenario := range []string{"lost-ack", "journey"} {
		for _, output := range []string{"text", "json"} {
			list = append(list, join([]string{"send", scenario, "--to", "$/200", "--time-scale", "0", "--output", output}, basic, custom, reports))
		}
	}
	return list
}

func long(c string) string {
	s := ""
	for i := range 40 {
		s += string(rune('0'+i%10)) + c + "Z"
	}
	return s
}
