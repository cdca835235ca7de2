package report

import (
	"os/exec"
	"strings"
	"testing"

	"relayctl/internal/check"
	"relayctl/internal/report/term"
)

// A command that is broken for a terminal is the same one to the shell, and no word of
// it is torn.
func TestContinuedCommandsAreTheSame(t *testing.T) {
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no sh")
	}
	for _, command := range []string{
		`printf '<%s>' --to http://127.0.0.1:8080/hook 'two  words and more of them in a row' "a \" b $(printf '%s' "x y" z) and on" it\'s\ one last`,
		`printf '<%s>' 'a
b' "$(printf %s c   d)" ${NONE:+-H'a: '"b c"} --flag value --flag value --flag value --flag value`,
	} {
		broken := continued(command, 40, 10)
		if !strings.Contains(broken, " \\\n") {
			t.Errorf("not broken: %s", broken)
		}
		want, _ := exec.Command(sh, "-c", command).CombinedOutput()
		got, _ := exec.Command(sh, "-c", broken).CombinedOutput()
		if string(got) != string(want) || len(want) == 0 {
			t.Errorf("%s\n%s\nwant %s", broken, got, want)
		}
	}
	if got := continued("a b", 40, 10); got != "a b" {
		t.Error(got)
	}
	for line := range strings.Lines(continued("relayctl check"+strings.Repeat(" --flag http://127.0.0.1", 9), 60, 10)) {
		if n := term.Columns(strings.TrimRight(line, "\n")); n > 60 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}

// The command for the calls alone stands on a line of its own on a terminal.
func TestTheCallsAloneHaveALine(t *testing.T) {
	var out strings.Builder
	st := term.NewStyle(&out, term.ColorNever)
	st.Width = 80
	c := NewCheckText(&out, st, nil, nil)
	c.command("repeat", "relayctl check"+callsAlone+"relayctl send a.jsonl")
	_ = c.w.Flush()
	margin := strings.Repeat(" ", 19)
	if want := "          repeat   relayctl check\n" + margin + "# the calls alone:\n" + margin + "relayctl send a.jsonl\n"; out.String() != want {
		t.Error(out.String())
	}
}

// What an interrupted run did not do has no line of its own, unless all have.
func TestWhatWasNotDoneIsCounted(t *testing.T) {
	o := check.Checked{Check: &check.Check{ID: "load.burst", Level: check.Must}, Result: check.Unclear("the run was interrupted")}
	for _, verbose := range []bool{false, true} {
		var out strings.Builder
		c := NewCheckText(&out, term.NewStyle(&out, term.ColorNever), nil, nil)
		c.Verbose = verbose
		c.Done(&o)
		if err := c.Finish(&check.Report{Interrupted: true, Checked: []check.Checked{o}}); err != nil {
			t.Fatal(err)
		}
		if got := out.String(); strings.Contains(got, "MUST") != verbose || !strings.Contains(got, "1 inconclusive") {
			t.Errorf("verbose %v: %s", verbose, got)
		}
	}
}

// How a run ends is told of what it did: how far it came, and what it did not look at.
// Long findings are not said whole twice.
func TestEndsOfRuns(t *testing.T) {
	ends := func(r *check.Report) string {
		var out strings.Builder
		st := term.NewStyle(&out, term.ColorNever)
		if err := NewCheckText(&out, st, nil, nil).Finish(r); err != nil {
			t.Fatal(err)
		}
		return out.String()
	}
	of := func(id string, r check.Result) check.Checked {
		return check.Checked{Check: &check.Check{ID: id, Level: check.Must}, Result: r}
	}
	got := ends(&check.Report{Interrupted: true, Checked: []check.Checked{of("a.b", check.Passed()), of("a.c", check.Unclear("the run was interrupted")), of("a.d", check.Skipped("x"))}})
	if !strings.Contains(got, "the run was interrupted: 1 of 2 checks that apply were done\n") || strings.Contains(got, "to fix") {
		t.Error(got)
	}
	green := &check.Report{Checked: []check.Checked{of("a.b", check.Passed()), of("a.c", check.Lacking(check.NeedProbe))}}
	const noState = "no state was checked, only answers: give --probe or --probe-cmd\n"
	if got := ends(green); !strings.Contains(got, noState) {
		t.Error(got)
	}
	green.Checked = append(green.Checked, of("a.d", check.Failed("x", strings.Repeat("wörd ", 80), nil)))
	got = ends(green)
	if strings.Contains(got, noState) || !strings.Contains(got, "wörd…\n") || strings.Count(got, "wörd") > 60 {
		t.Error(got)
	}
}
