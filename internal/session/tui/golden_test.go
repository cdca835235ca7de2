package tui

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"
)

// What each screen looks like, at three sizes. The files are written again by
// UPDATE_GOLDEN=1 go test ./internal/session/tui.
func TestScreens(t *testing.T) {
	for name, keys := range map[string][]string{
		"list":     nil,
		"detail":   {"enter"},
		"timeline": {"t"},
		"diff":     {"k", "k", "k", " ", "end", "="},
		"filter":   {"/", "event=notification.* evnt=x", "enter", "/"},
		"replay":   {"r"},
		"answers":  {"4"},
		"curl":     {"y"},
		"help":     {"?"},
	} {
		t.Run(name, func(t *testing.T) {
			var got strings.Builder
			for _, size := range [][2]int{{80, 24}, {120, 40}, {40, 12}} {
				synctest.Test(t, func(t *testing.T) {
					p := start(t, Config{Session: busy()}, size[0], size[1])
					p.press(keys...)
					fmt.Fprintf(&got, "--- %d x %d\n", size[0], size[1])
					for line := range strings.SplitSeq(p.m.View(), "\n") {
						got.WriteString(strings.TrimRight(line, " ") + "\n")
					}
				})
			}
			file := filepath.Join("testdata", name+".txt")
			if os.Getenv("UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(file, []byte(got.String()), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if diff := cmp.Diff(string(want), got.String()); err != nil || diff != "" {
				t.Errorf("%v, UPDATE_GOLDEN=1 writes it again:\n%s", err, diff)
			}
		})
	}
}
