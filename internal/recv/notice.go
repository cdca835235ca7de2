package recv

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	noticeEvery = time.Minute // how often the same trouble is told
	maxTroubles = 32          // how many kinds of trouble are told apart
)

// troubles tells the user about what callers do wrong where no receipt shows it,
// each kind once in a while: a port scan must not fill the terminal, and a sender
// that does not trust the certificate must not go unseen. It is the writer of the
// server's error log. Safe for concurrent use.
type troubles struct {
	tell func(string)
	now  func() time.Time

	mu   sync.Mutex
	last map[string]time.Time
}

func newTroubles(tell func(string), now func() time.Time) *troubles {
	return &troubles{tell: tell, now: now, last: make(map[string]time.Time)}
}

// Write takes one line of the server's error log.
func (t *troubles) Write(line []byte) (int, error) {
	t.report(trouble(strings.TrimSpace(string(line))))
	return len(line), nil
}

// report tells of a trouble unless that was done a short while ago; it leaves out "".
func (t *troubles) report(msg string) {
	if msg == "" {
		return
	}
	t.mu.Lock()
	now := t.now()
	if len(t.last) >= maxTroubles {
		// What callers say stands in some of them: it must not silence the others.
		maps.DeleteFunc(t.last, func(_ string, told time.Time) bool { return now.Sub(told) >= noticeEvery })
	}
	last, known := t.last[msg]
	fresh := known && now.Sub(last) < noticeEvery || !known && len(t.last) >= maxTroubles
	if !fresh {
		t.last[msg] = now
	}
	t.mu.Unlock()
	if !fresh {
		t.tell(msg)
	}
}

// trouble words a line of the server's error log for the user; "" where it is not
// worth it.
func trouble(line string) string {
	switch {
	case strings.HasPrefix(line, "http: panic serving"):
		return "a request was dropped by a fault of relayctl: " + line
	case strings.HasPrefix(line, "http: Accept error:"):
		return line
	}
	return ""
}

// handshakeTrouble words why a TLS handshake failed, "" where that is not worth it.
func handshakeTrouble(err error) string {
	cause := err.Error()
	has := func(texts ...string) bool {
		return slices.ContainsFunc(texts, func(t string) bool { return strings.Contains(cause, t) })
	}
	switch {
	case has("EOF", "reset by peer", "i/o timeout", "deadline exceeded", "closed network"):
		return "" // somebody looked whether the port is open
	case has("unknown certificate authority", "bad certificate", "unknown certificate"):
		return fmt.Sprintf("a caller does not trust the certificate (%s): it has to trust the CA that is named above", cause)
	case has("bad record MAC"):
		// OpenSSL, and so curl, Node and Python, sends this alert in the clear where
		// the handshake is encrypted already.
		return fmt.Sprintf("a caller broke off the TLS handshake (%s), as one does that does not trust the certificate: it has to trust the CA that is named above", cause)
	}
	return "a TLS handshake failed: " + cause
}
