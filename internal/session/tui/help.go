package tui

import (
	"context"
	"strings"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
)

// keysHelp lists the keys and what they do.
var keysHelp = [][2]string{
	{"↑ ↓ j k", "move, or scroll"},
	{"pgup pgdn", "by a screen; also ctrl-b, ctrl-f"},
	{"home end g G", "oldest and newest, or first and last line"},
	{"enter", "the whole request (+2 behind a name: two events more, a batch)"},
	{"esc", "back; in the list: stop reading, or show all again"},
	{"", ""},
	{"/", "filter: event=notification.* status=500 badge=late ccid=1001 finding=any, and words that stand anywhere"},
	{"f", "only requests with findings"},
	{"t", "timeline: the customer's journey in true order"},
	{"space", "mark a request"},
	{"=", "compare the marked request with the chosen one"},
	{"y", "the request as a curl command"},
	{"", ""},
	{"r R", "replay to the app, R with a fresh id"},
	{"e", "edit a property, then replay"},
	{"1 2 3 4 5", "answer 200, 500, 401, nothing, or by the rules"},
	{"p", "pause, and go on"},
	{"m", "messages, whole"},
	{"o", "open the inspector in the browser"},
	{"? q", "these keys; end, with the summary"},
}

// helpKeys is the width of the column of keys.
const helpKeys = 14

// help shows the keys.
func (m *model) help() tea.Cmd {
	return m.show(&page{title: "keys", about: m.chosen(), text: func(_ context.Context, width int) (string, error) {
		var b strings.Builder
		for _, k := range keysHelp {
			what := ansi.Wrap(k[1], max(1, width-helpKeys), "")
			head := k[0] + strings.Repeat(" ", helpKeys-ansi.StringWidth(k[0]))
			b.WriteString(strings.TrimRight(head+strings.ReplaceAll(what, "\n", "\n"+strings.Repeat(" ", helpKeys)), " ") + "\n")
		}
		return b.String(), nil
	}})
}
