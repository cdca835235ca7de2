package report

import (
	"fmt"
	"io"
	"strings"

	"relayctl/internal/check"
	"relayctl/internal/report/term"
)

// CheckProgress shows on a terminal what is under way, in one line that comes
// and goes; elsewhere it shows nothing.
type CheckProgress struct {
	check.Observer // what it goes before
	w              io.Writer
	st             *term.Style
	total, done    int
	line           string
}

// NewCheckProgress shows the progress of so many checks on w, and tells out
// everything.
func NewCheckProgress(w io.Writer, st *term.Style, total int, out check.Observer) *CheckProgress {
	return &CheckProgress{Observer: out, w: w, st: st, total: total}
}

// Running implements check.Observer.
func (p *CheckProgress) Running(ids []string) {
	p.clear()
	if len(ids) > 0 {
		p.draw(fmt.Sprintf("%d/%d %s", p.done, p.total, strings.Join(ids, ", ")))
	}
}

// Done implements check.Observer.
func (p *CheckProgress) Done(o *check.Outcome) {
	line := p.line
	p.clear()
	p.Observer.Done(o)
	p.done++
	p.draw(line)
}

func (p *CheckProgress) draw(line string) {
	if !p.st.Terminal || line == "" {
		return
	}
	p.line = line
	fmt.Fprint(p.w, p.st.Dim(strings.TrimRight(term.Fit(line, max(p.st.Width-1, 10)), " ")))
}

func (p *CheckProgress) clear() {
	if p.line != "" {
		p.line = ""
		fmt.Fprint(p.w, "\r\x1b[K")
	}
}
