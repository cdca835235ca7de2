package report

import (
	"bytes"
	"os"
	"testing"
)

// The page is rewritten by UPDATE_DOCS=1 go test ./internal/report.
func TestEventsPageIsUpToDate(t *testing.T) {
	const page = "../../docs/events.md"
	var want bytes.Buffer
	if err := CatalogueMarkdown(&want); err != nil {
		t.Fatal(err)
	}
	if os.Getenv("UPDATE_DOCS") != "" {
		if err := os.WriteFile(page, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(page)
	if err != nil || !bytes.Equal(got, want.Bytes()) {
		t.Errorf("docs/events.md does not show the tables (%v); UPDATE_DOCS=1 go test ./internal/report rewrites it", err)
	}
}
