package recv

import (
	"errors"
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
		tr.report(fmt.Sprint("made up ", i))
	}
	if told != maxTroubles {
		t.Errorf("%d troubles were told", told)
	}
	now, told = now.Add(noticeEvery), 0
	for range 2 {
		tr.report("something that matters")
	}
	if told != 1 {
		t.Errorf("a minute later %d were told", told)
	}
}

// Every caller on OpenSSL that does not trust the certificate looks like a
// broken record.
func TestTroubleOfCallersOnOpenSSL(t *testing.T) {
	if got := handshakeTrouble(errors.New("local error: tls: bad record MAC")); !strings.Contains(got, "does not trust the certificate") {
		t.Error(got)
	}
}
