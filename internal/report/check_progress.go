package report

import (
	"fmt"
	"strings"

	"relayctl/internal/check"
	"relayctl/internal/report/term"
)

// CheckProgress shows on a terminal what is under way, in one line that comes
// and goes; elsewhere it shows nothing.
type CheckProgress struct {
	check.Observer // what it goes before
	screen         *term.Screen
	st             *term.Style
	total, done    int
	ids            []string // of the checks under way
}

// NewCheckProgress shows the progress of so many checks on the screen, and tells out
// everything.
func NewCheckProgress(screen *term.Screen, st *term.Style, total int, out check.Observer) *CheckProgress {
	return &CheckProgress{Observer: out, screen: screen, st: st, total: total}
}

// Running implements check.Observer.
func (p *CheckProgress) Running(ids []string) {
	p.ids = ids
	p.show()
}

// Done implements check.Observer. What is told goes to the same terminal, and so before
// the line.
func (p *CheckProgress) Done(o *check.Checked) {
	p.screen.Show("")
	p.Observer.Done(o)
	p.done++
	p.show()
}

func (p *CheckProgress) show() {
	if len(p.ids) == 0 {
		p.screen.Show("")
		return
	}
	line := fmt.Sprintf("%d/%d %s", p.done, p.total, strings.Join(p.ids, ", "))
	p.screen.Show(p.st.Dim(strings.TrimRight(term.Fit(line, max(p.screen.Width(), 10)), " ")))
}
