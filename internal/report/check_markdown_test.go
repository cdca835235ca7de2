package report

import (
	"bytes"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The page is rewritten by UPDATE_DOCS=1 go test ./internal/report.
func TestChecksPageIsUpToDate(t *testing.T) {
	const page = "../../docs/checks.md"
	var want bytes.Buffer
	if err := ChecksMarkdown(&want); err != nil {
		t.Fatal(err)
	}
	if os.Getenv("UPDATE_DOCS") != "" {
		if err := os.WriteFile(page, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want.String(), string(have)); diff != "" {
		t.Errorf("docs/checks.md does not show the checks; UPDATE_DOCS=1 go test ./internal/report rewrites it:\n%s", diff)
	}
}
