package recv

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// However many kinds of trouble callers make up, what comes later is told.
func TestTroublesAreToldAgain(t *testing.T) {
	now, told := time.Unix(0, 0), 0
	tr := newTroubles(func(string) { told++ }, func() time.Time { return now })
	for i := range 10 * maxTroubles {
		fmt.Fprintf(tr, "http: TLS handshake error from 127.0.0.1:1: made up %d\n", i)
	}
	if told != maxTroubles {
		t.Errorf("%d troubles were told", told)
	}
	now, told = now.Add(noticeEvery), 0
	for range 2 {
		fmt.Fprintln(tr, "http: TLS handshake error from 127.0.0.1:1: remote error: tls: bad certificate")
	}
	if told != 1 {
		t.Errorf("a minute later %d were told", told)
	}
}

// Every caller on OpenSSL that does not trust the certificate looks like a
// broken record.
func TestTroubleOfCallersOnOpenSSL(t *testing.T) {
	if got := trouble("http: TLS handshake error from 127.0.0.1:1: local error: tls: bad record MAC"); !strings.Contains(got, "does not trust the certificate") {
		t.Error(got)
	}
}
