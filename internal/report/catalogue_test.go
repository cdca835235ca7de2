package report

import (
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"relayctl/fixtures"
	"relayctl/internal/report/term"
)

// What does not fit the terminal goes on below its own beginning, and nothing
// of it is lost; without a terminal each has one line.
func TestListsFitTheTerminal(t *testing.T) {
	list := []Named{{"lost-ack", "An accepted event comes again, because the answer was lost."}, {"give-up", "Four answers."}}
	events := fixtures.Catalogue()
	for _, width := range []int{0, 60, 80, 120} {
		st := term.NewStyle(io.Discard, term.ColorNever)
		st.Width = width
		var names, catalogue strings.Builder
		if err := Names(&names, st, list); err != nil {
			t.Fatal(err)
		}
		if err := Catalogue(&catalogue, st, events, false); err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if err := Event(&catalogue, st, e, fixtures.Properties(), nil, false); err != nil {
				t.Fatal(err)
			}
		}
		words := strings.Join(strings.Fields(catalogue.String()), " ")
		for _, e := range events {
			if !strings.Contains(words, e.Meaning) {
				t.Errorf("at %d columns the meaning of %s is not whole", width, e.Name)
			}
		}
		for line := range strings.Lines(names.String() + catalogue.String()) {
			if w := term.Columns(strings.TrimRight(line, "\n")); width > 0 && w > width {
				t.Errorf("%d columns at a width of %d: %q", w, width, line)
			}
		}
	}
	st := term.NewStyle(io.Discard, term.ColorNever)
	st.Width = 40
	var b strings.Builder
	if err := Names(&b, st, list); err != nil {
		t.Fatal(err)
	}
	want := "lost-ack An accepted event comes again,\n         because the answer was lost.\ngive-up  Four answers.\n"
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Error(diff)
	}
}
