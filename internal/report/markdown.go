package report

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"relayctl/fixtures"
)

// CatalogueMarkdown writes the reference page of events and payload properties
// from the tables that the validator and the schemas are made of.
func CatalogueMarkdown(w io.Writer) error {
	b := bufio.NewWriter(w)
	fmt.Fprint(b, "# Events\n\nMade of the tables in `fixtures/catalogue.go`; a test keeps it up to date.\n\n")
	fmt.Fprint(b, "| event | control | meaning | what comes before or after | |\n|---|---|---|---|---|\n")
	for _, e := range fixtures.Catalogue() {
		mark := string(e.Mark)
		if !e.Default {
			mark += "; generated only by name"
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", e.Name, e.Area, e.Meaning, e.Order, mark)
	}
	fmt.Fprint(b, "\n## Payload properties\n\nThat connection events carry the properties below is assumed: Relay's documentation\nshows no payload of theirs.\n\n| property | events | meaning | values | |\n|---|---|---|---|---|\n")
	for _, p := range fixtures.Properties() {
		var families []string
		for _, f := range p.Families {
			families = append(families, string(f))
		}
		values := strings.Join(p.Values, ", ")
		if p.MaxLen > 0 {
			values = fmt.Sprintf("up to %d characters", p.MaxLen)
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s | %s |\n", p.Name, strings.Join(families, ", "), p.Meaning, values, p.Mark)
	}
	return b.Flush()
}
