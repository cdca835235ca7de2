package check

import (
	"context"
	"encoding/base64"
	"fmt"
	"html"
	"net/http"
	"regexp"
	"strings"
	"sync"

	"relayctl/internal/auth"
	"relayctl/internal/event"
	"relayctl/internal/sim/plan"
	"relayctl/internal/sim/wire"
)

// securityChecks is the group "security".
func securityChecks() []Check {
	return []Check{securityNoLeak()}
}

func securityNoLeak() Check {
	return Check{
		ID: "security.no-leak", Level: Must, Clause: "R-200", Alone: true,
		Title: "no answer shows a stack trace, credentials, or what was sent",
		Why:   "answers end up in logs of both sides; a stack trace tells an attacker what runs where, and a body that is echoed is a customer's data in the wrong place",
		How:   "looks through the answers (headers too) to a valid event, to missing and wrong credentials, to broken JSON and to a GET, for the credentials, for marks that were put into what was sent, and for stack traces of Node, Python, Java, Go, PHP, Ruby and .NET; and through the answers to all the unusual events of the run for such traces",
		Fix:   "switch debugging pages off in production (NODE_ENV=production, DEBUG=False, display_errors=Off), answer with a status and an empty body, and log the rest on your side",
		Run: func(ctx context.Context, t *Trial) Result {
			return t.Negative(ctx, func() Result {
				return sum("a status and nothing of the kind", append(leaks(ctx, t), leakedBefore(t)...))
			})
		},
	}
}

func leaks(ctx context.Context, t *Trial) []Sub {
	mark := "canary-" + unlike(t, "")
	p := t.introduced(ctx)
	tagged := func(n int) []byte {
		return write(p, plan.Step{Event: "message.delivered", Message: n, Set: []event.Override{set("payload.client_message_tag", mark)}}).Body
	}
	broken := tagged(2)
	broken = broken[:strings.Index(string(broken), mark)+len(mark)]
	secrets := wireSecrets(ctx, t)
	look := func(name string, x Exchange, hidden ...string) Sub {
		if found := leak(x.Answer, append(hidden, secrets...), mark); found != "" {
			return Sub{name, Fail, fmt.Sprintf("the answer (%s) shows %s", x.Describe(), found), t.repeatCall(x.Call)}
		}
		return Sub{Name: name, Verdict: Pass}
	}
	subs := []Sub{
		look("a valid event", t.Post(ctx, wire.Call{Body: tagged(1)})),
		look("broken JSON", t.Post(ctx, wire.Call{Body: broken})),
		look("no event", t.Post(ctx, wire.Call{Body: []byte(`["` + mark + `"]`)})),
		look("an empty body", t.Post(ctx, wire.Call{})),
		look("another content type", t.Post(ctx, wire.Call{Body: []byte(mark), ContentType: "text/plain"})),
		look("a GET", t.Post(ctx, wire.Call{Method: http.MethodGet})),
	}
	if t.AuthConfig.Kind == "" || t.AuthConfig.Kind == auth.KindNone {
		return subs
	}
	subs = append(subs, look("no credentials", t.exchange(ctx, wire.Call{Body: tagged(3)}, as())))
	if list, err := wrong(ctx, t); err == nil {
		wrong := list[0].headers
		subs = append(subs, look("wrong credentials", t.exchange(ctx, wire.Call{Body: tagged(4)}, as(wrong...)), spelledOut(wrong)...))
	}
	return subs
}

// leakedBefore is the first answer of the run so far that shows a stack trace: what
// only an unusual event brings out.
func leakedBefore(t *Trial) []Sub {
	check, x, found := t.traced.first()
	if found == "" {
		return nil
	}
	return []Sub{{"an answer during " + check, Fail, fmt.Sprintf("the answer (%s) shows %s", x.Describe(), found), t.repeatCall(x.Call)}}
}

// wireSecrets lists what the configured credentials look like in an answer.
func wireSecrets(ctx context.Context, t *Trial) []string {
	signed, err := t.Sign(ctx)
	if err != nil {
		return nil
	}
	return spelledOut(signed)
}

// spelledOut lists the secrets that headers carry, in their forms.
func spelledOut(headers []auth.Header) []string {
	var list []string
	for _, h := range headers {
		_, value, ok := strings.Cut(h.Value, " ")
		if !ok {
			value = h.Value
		}
		list = append(list, value)
		if text, err := base64.StdEncoding.DecodeString(value); err == nil && strings.HasPrefix(strings.ToLower(h.Value), "basic ") {
			_, password, _ := strings.Cut(string(text), ":")
			list = append(list, password)
		}
	}
	return list
}

// leastSecret is how long a secret has to be for its appearance to mean
// anything.
const leastSecret = 6

// leak says what an answer shows that it should not, "" when nothing.
func leak(a wire.Result, secrets []string, mark string) string {
	var b strings.Builder
	for name, values := range a.Header {
		fmt.Fprintf(&b, "%s: %s\n", name, strings.Join(values, "\n"))
	}
	b.Write(a.Body)
	text := b.String()
	plain := plainText(text)
	for _, s := range secrets {
		if len(s) >= leastSecret && (strings.Contains(text, s) || strings.Contains(plain, s)) {
			return "credentials"
		}
	}
	if found := traceIn(plain); found != "" {
		return found
	}
	if strings.Contains(text, mark) {
		return "what was sent"
	}
	return ""
}

// plainText is a page's text, of which no tag but the line breaks is taken off.
func plainText(page string) string {
	return strings.ReplaceAll(html.UnescapeString(strings.ReplaceAll(page, "<br>", "\n")), "\u00a0", " ")
}

// traceIn finds a stack trace, "" where there is none.
func traceIn(plain string) string {
	for _, trace := range traces() {
		if m := trace.pattern.FindString(plain); m != "" {
			return fmt.Sprintf("a stack trace of %s: %q", trace.of, shorten(m))
		}
	}
	return ""
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return s
}

// trace is what a stack trace looks like.
type trace struct {
	of      string
	pattern *regexp.Regexp
}

var traces = sync.OnceValue(func() []trace {
	return []trace{
		{"Python", regexp.MustCompile(`Traceback \(most recent call last\)|File "[^"\n]+\.py", line \d+`)},
		{"Java", regexp.MustCompile(`\bat [\w.$<>/]+\([\w$]+\.(?:java|kt|scala|groovy):\d+\)|\b(?:java|javax|jakarta|org\.springframework)(?:\.\w+)+Exception\b`)},
		{"Node", regexp.MustCompile(`\bat [^\n]{0,200}\.(?:[mc]?js|tsx?):\d+:\d+|\bat [\w.$<> ]+ \((?:node:[^)\n]+:\d+:\d+|<anonymous>)\)`)},
		{"Go", regexp.MustCompile(`goroutine \d+ \[|\.go:\d+ \+0x[0-9a-f]+|panic: runtime error`)},
		{"PHP", regexp.MustCompile(`\.php(?:</b>)?(?:\(\d+\)|:\d+| on line (?:<b>)?\d+)|Stack trace:\s*#0`)},
		{"Ruby", regexp.MustCompile("\\.rb:\\d+:in [`']")},
		{".NET", regexp.MustCompile(`\bat [\w.<>` + "`" + `\[\],]+\([^)\n]*\) in [^\n]+:line \d+|\bSystem\.(?:\w+\.)*\w+Exception\b`)},
	}
})
