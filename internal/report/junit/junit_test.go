package junit

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"relayctl/internal/oracle"
)

func junitText(t *testing.T, j Report) string {
	t.Helper()
	var out strings.Builder
	if err := j.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestJUnitKeepsToTheSchemas(t *testing.T) {
	began := time.Date(2026, 1, 31, 13, 0, 0, 0, time.FixedZone("", 3600))
	j := Report{Suites: []Suite{
		{Name: "send", Began: began, Took: 1500 * time.Millisecond, Properties: [][2]string{{"seed", "7"}}, Output: "a < b", Cases: []Case{
			{Class: "message.delivered", Name: "all", Took: Seconds(time.Millisecond)},
			{Class: "x", Name: "<&\"'>", Failure: &Problem{Kind: "given-up", Message: "no\x00\x1b[31m", Detail: "]]>\nline"}},
			{Class: "x", Name: "e", Error: &Problem{Kind: "token", Message: "m"}},
			{Class: "x", Name: "s", Skipped: &Skip{Message: "left out"}},
		}},
		{Name: "empty"},
	}}
	text := junitText(t, j)
	oracle.JUnit(t, text)
	for _, want := range []string{
		`timestamp="2026-01-31T12:00:00"`, `tests="4" failures="1" errors="1" skipped="1" time="1.500"`,
		`<property name="seed" value="7">`, `message="no` + "\uFFFD\uFFFD" + `[31m"`, `]]&gt;`, `<skipped message="left out">`, `hostname="localhost"`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("%s is missing in\n%s", want, text)
		}
	}
	if err := j.Write(fullDisk{}); err == nil {
		t.Error("a write error is not told")
	}
}

type fullDisk struct{}

func (fullDisk) Write([]byte) (int, error) { return 0, errors.New("no space left") }

func FuzzJUnit(f *testing.F) {
	f.Add("a\x00b", "<x>")
	f.Fuzz(func(t *testing.T, message, detail string) {
		oracle.JUnit(t, junitText(t, Report{Suites: []Suite{{Name: "s", Cases: []Case{
			{Class: "c", Name: fmt.Sprintf("n%s", message), Failure: &Problem{Message: message, Detail: detail}},
		}}}}))
	})
}
