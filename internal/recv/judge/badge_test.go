package judge

import (
	"os"
	"strings"
	"testing"
)

func TestEveryBadgeIsExplained(t *testing.T) {
	for _, kind := range Kinds() {
		if (Badge{Kind: BadgeKind(kind)}).Meaning() == "" {
			t.Errorf("nothing says what the badge %s means", kind)
		}
		for page, want := range map[string]string{"listen.md": "\n| `" + kind, "inspect.md": "`" + kind + "`"} {
			text, err := os.ReadFile("../../../docs/" + page)
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(string(text), want) {
				t.Errorf("docs/%s does not name the badge %s", page, kind)
			}
		}
	}
}
