package plan

import (
	"regexp"
	"testing"
)

func TestFreshIDKeepsTheForm(t *testing.T) {
	for _, tc := range []struct{ id, form string }{
		{"ip-10-3-0-224-668176-8h-9ed675ae-0e02-57fd-81f2-d3f458110b29-1mha", `^ip-10-3-0-224-668176-8h-[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}-1mha$`},
		{"0B4E3F6A-9C1D-4E2F-8A3B-1C2D3E4F5A6B", `^[0-9A-F]{8}-[0-9A-F]{4}-4[0-9A-F]{3}-[89AB][0-9A-F]{3}-[0-9A-F]{12}$`},
		{"order 7", `^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`},
	} {
		got := freshID(7, tc.id)
		if !regexp.MustCompile(tc.form).MatchString(got) || got == tc.id || got != freshID(7, tc.id) || got == freshID(8, tc.id) {
			t.Errorf("%s became %s", tc.id, got)
		}
	}
}
