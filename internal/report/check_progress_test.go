package report

import (
	"bytes"
	"fmt"
	"io"
	"testing"

	"relayctl/internal/check"
	"relayctl/internal/report/term"
)

type doneOnly struct {
	check.Observer
	out io.Writer
}

func (d doneOnly) Done(o *check.Checked) { fmt.Fprintln(d.out, "done", o.Check.ID) }

// The line of progress comes and goes on a terminal: what erases it passes the gate, and
// what is told stands on lines of its own.
func TestCheckProgressErasesItsLine(t *testing.T) {
	var sent bytes.Buffer
	stdout, stderr := term.NewGates(&sent, &sent)
	p := NewCheckProgress(&term.Screen{Out: stderr, Live: true}, &term.Style{}, 2, doneOnly{out: stdout})
	p.Running([]string{"event.accept", "event.old"})
	if _, last := onScreen(sent.String()); last != "0/2 event.accept, event.old" {
		t.Errorf("%q", last)
	}
	p.Done(&check.Checked{Check: &check.Check{ID: "event.old"}})
	p.Running([]string{"event.accept"})
	lines, last := onScreen(sent.String())
	if len(lines) != 1 || lines[0] != "done event.old" || last != "1/2 event.accept" {
		t.Errorf("%q, %q", lines, last)
	}
	p.Running(nil)
	if _, last := onScreen(sent.String()); last != "" {
		t.Errorf("%q stays", last)
	}
}
