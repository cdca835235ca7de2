package main

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"relayctl/internal/recv/forward"
	"relayctl/internal/report"
	"relayctl/internal/suggest"
)

// otherCommand is the command that does what other tools call by that word, "" for
// none.
func otherCommand(word string) string {
	for does, words := range otherCommands() {
		if slices.Contains(words, strings.ToLower(word)) {
			return does
		}
	}
	return ""
}

// otherWords lists the words that otherCommand knows.
func otherWords() (words []string) {
	for _, more := range otherCommands() {
		words = append(words, more...)
	}
	slices.Sort(words) // the order of a map is not the same each time
	return words
}

// otherCommands lists the words of other tools by the command that does it here.
func otherCommands() map[string][]string {
	return map[string][]string{
		"relayctl send message.delivered --to URL":         {"trigger", "emit", "publish", "fire", "post", "push", "event"},
		"relayctl send events.jsonl --to URL":              {"replay", "resend", "redeliver", "retry"},
		"relayctl send --to URL":                           {"simulate", "run", "start", "call", "request"},
		"relayctl send --records 100000 --rate 5000/m":     {"load", "bench", "benchmark", "attack", "stress"},
		"relayctl listen 3000":                             {"forward", "tunnel", "proxy", "relay", "expose"},
		"relayctl listen":                                  {"mock", "serve", "server", "receive", "receiver", "stub", "endpoint", "webhook"},
		"relayctl listen --capture events.jsonl":           {"record", "capture"},
		"relayctl check --to URL":                          {"test", "verify", "conformance", "doctor", "probe", "tests"},
		"relayctl validate FILE":                           {"lint", "validation"},
		"relayctl inspect events.jsonl":                    {"show", "logs", "log", "tail", "history", "view", "analyze", "analyse", "requests", "journey", "journeys"},
		"relayctl inspect --diff before.jsonl after.jsonl": {"diff", "compare"},
		"relayctl inspect events.jsonl --curl 17":          {"curl"},
		"relayctl redact events.jsonl -o shared.jsonl":     {"anonymize", "anonymise", "mask", "scrub", "sanitize", "pseudonymize"},
		"relayctl generate --records 100":                  {"fake", "sample", "samples", "fixtures", "seed", "gen"},
		"relayctl events":                                  {"catalog", "catalogue", "types", "list"},
		"relayctl schema openapi":                          {"openapi", "swagger"},
		"relayctl schema asyncapi":                         {"asyncapi"},
		"relayctl init":                                    {"setup", "configure"},
	}
}

// exampleFile stands in otherCommands for the user's capture.
const exampleFile = "events.jsonl"

// withArgs puts the user's own arguments, which follow the word, into the command that
// does it here: the file, and of send the flags as well.
func withArgs(command, word string, args []string) string {
	at := slices.Index(args, word)
	if at < 0 || at+1 == len(args) || !strings.Contains(command, exampleFile) {
		return command
	}
	if _, err := os.Stat(args[at+1]); err != nil {
		return command
	}
	own := []string{report.ShellQuote(args[at+1])}
	if strings.HasPrefix(command, "relayctl send") {
		for _, arg := range args[at+2:] {
			own = append(own, report.ShellQuote(arg))
		}
		if slices.ContainsFunc(args, func(arg string) bool { return arg == "--to" || strings.HasPrefix(arg, "--to=") }) {
			command = strings.TrimSuffix(command, " --to URL")
		}
	}
	return strings.Replace(command, exampleFile, strings.Join(own, " "), 1)
}

// otherFlag is the flag of a command that other tools call by that word, "" for none.
func otherFlag(word string, known []string) string {
	others := otherFlags()
	for _, flag := range known {
		if slices.Contains(others[flag], word) {
			return flag
		}
	}
	return ""
}

// otherFlags lists the words of other tools by the flag that does it here.
func otherFlags() map[string][]string {
	return map[string][]string{
		"addr":       {"port", "host", "listen", "bind", "address", "p", "l"},
		"to":         {"url", "target", "endpoint", "webhook", "webhook-url", "destination", "dest", "forward-to", "u"},
		"forward":    {"url", "target", "app", "forward-to", "upstream", "backend", "proxy-to", "to"},
		"capture":    {"record", "save", "log", "file", "out", "output-file"},
		"filter":     {"events", "event", "only"},
		"events":     {"event", "filter", "type", "types"},
		"event":      {"events", "filter", "type"},
		"username":   {"user"},
		"password":   {"pass"},
		"api-key":    {"key", "apikey", "token"},
		"header":     {"headers"},
		"cacert":     {"ca", "ca-cert", "ca-bundle"},
		"insecure":   {"skip-verify", "insecure-skip-verify", "no-verify", "k"},
		"workers":    {"concurrency", "threads", "parallelism", "connections", "c"},
		"rate":       {"qps", "rps", "throughput"},
		"attempts":   {"retries", "max-retries", "max-attempts", "retry"},
		"records":    {"customers", "number", "n"},
		"request":    {"number", "requests"},
		"respond":    {"response", "status", "answer", "reply"},
		"output":     {"format", "json"},
		"dry-run":    {"plan", "simulate", "noop"},
		"max-body":   {"body-limit"},
		"for":        {"duration", "timeout"},
		"tls":        {"no-tls", "http", "plain"},
		"salt":       {"seed", "key"},
		"list":       {"ls", "table"},
		"only":       {"check", "checks", "filter"},
		"report":     {"junit", "html"},
		"set":        {"data", "payload", "override", "d"},
		"strict":     {"werror"},
		"ui":         {"web", "inspector"},
		"diff":       {"compare"},
		"profile":    {"env", "environment"},
		"count":      {"n", "repeat", "times"},
		"wait-ready": {"wait"},
	}
}

// noURL refuses an address where a command takes none as an argument, and names the flag
// that takes it.
func noURL(cmd *cobra.Command, args []string) error {
	flag := cmd.Flags().Lookup("to")
	if cmd.Name() == "listen" {
		return nil // it takes one
	}
	for _, arg := range args {
		if _, err := os.Stat(arg); err == nil || !isAddress(arg, cmd.Name() == "send" || cmd.Name() == "check") {
			continue
		}
		if given := cmd.Flags().Lookup("to"); given != nil && given.Changed {
			return fmt.Errorf("%q is a second endpoint beside --to %s, and a run has one", shownURL(arg), shownURL(given.Value.String()))
		}
		takes := strings.TrimPrefix(cmd.UseLine(), cmd.CommandPath())
		takes = strings.TrimSuffix(strings.TrimSpace(takes), " [flags]")
		switch near := suggest.URL(arg); {
		case cmd.Name() == "inspect":
			return fmt.Errorf("%q is an endpoint, and inspect takes a capture: relayctl listen --forward %s --capture events.jsonl makes one of what it gets", shownURL(arg), shownURL(arg))
		case flag == nil:
			return fmt.Errorf("%s takes no URL, but %q was given%s", cmd.CommandPath(), shownURL(arg), usedWith(takes))
		case near != "":
			return fmt.Errorf("%q is taken for an endpoint, which --to names: %s --to %s", shownURL(arg), cmd.CommandPath(), near)
		default:
			return fmt.Errorf("%q is an endpoint, which --to names: %s --to %s", shownURL(arg), cmd.CommandPath(), shownURL(arg))
		}
	}
	return nil
}

func usedWith(takes string) string {
	if takes == "" || takes == "[flags]" {
		return ""
	}
	return "; it takes " + takes
}

// isAddress says whether an argument is a URL, or for a command that calls an endpoint
// a port, or a host with one.
func isAddress(arg string, calls bool) bool {
	if scheme, _, ok := strings.Cut(arg, "://"); ok && (strings.EqualFold(scheme, "http") || strings.EqualFold(scheme, "https")) {
		return true
	}
	host, port, ok := strings.Cut(arg, ":")
	if !ok {
		host, port = "", arg
	}
	port, _, _ = strings.Cut(port, "/")
	_, err := strconv.ParseUint(port, 10, 16)
	return calls && err == nil && !strings.ContainsAny(host, "/ ") && suggest.URL(arg) != ""
}

// appArg refuses what is neither the port nor the URL of an app.
func appArg(cmd *cobra.Command, args []string) error {
	if err := atMost(1, "one PORT or URL, which is short for --forward")(cmd, args); err != nil || len(args) == 0 {
		return err
	}
	arg := args[0]
	_, missing := os.Stat(arg)
	switch port := strings.TrimPrefix(arg, ":"); {
	case port != "" && strings.Trim(port, "0123456789") == "":
		if !isPort(port) {
			return fmt.Errorf("%s is not a port; ports go from 1 to 65535", port)
		}
	case missing == nil:
		return fmt.Errorf("%s takes the PORT or URL of your app, but %q is a file: relayctl inspect reads a capture, relayctl send sends it", cmd.CommandPath(), arg)
	}
	if _, err := forward.ParseRoute(forwardURL(arg)); err != nil {
		return fmt.Errorf("%s takes the PORT or URL of your app, such as 3000 or http://127.0.0.1:3000/relay: %w", cmd.CommandPath(), err)
	}
	return nil
}

// forwardURL is the URL of listen's argument: a port stands for one of this machine, and
// so does localhost:3000.
func forwardURL(arg string) string {
	if near := suggest.URL(arg); strings.HasPrefix(near, "http://") {
		return near
	}
	return arg
}
