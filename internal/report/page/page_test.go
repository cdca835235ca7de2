package page

import (
	"strings"
	"testing"

	"relayctl/internal/oracle"
	"relayctl/internal/report/term"
)

func TestSteps(t *testing.T) {
	for in, want := range map[float64]float64{0.0001: 0.0001, 0.03: 0.05, 1: 1, 1.1: 2, 7: 10, 12: 15, 16: 30, 700: 900, 80000: 86400} {
		if got := timeStep(in); got < want*0.999 || got > want*1.001 {
			t.Errorf("timeStep(%v) = %v, want %v", in, got, want)
		}
	}
	for in, want := range map[float64]string{0: "0", 999: "999", 1500: "1500", 12345: "12.3k", 2e6: "2M"} {
		if got := compact(in); got != want {
			t.Errorf("compact(%v) = %s", in, got)
		}
	}
}

func TestItemsUnfold(t *testing.T) {
	var out strings.Builder
	p := Page{Title: "t", Sections: []Section{{Title: "s", Items: []Item{
		{Badge: "FAIL", Tone: term.Bad, Title: "auth.wrong", Aside: "MUST", Facts: []Fact{{Label: "expected", Value: "401"}}, Code: "curl -d '<x>'", Open: true},
	}}}}
	if err := p.Write(&out); err != nil {
		t.Fatal(err)
	}
	page := out.String()
	oracle.HTML(t, page)
	if !strings.Contains(page, "<details open>") || !strings.Contains(page, `<span class="badge bad">FAIL</span>`) || !strings.Contains(page, "curl -d &#39;&lt;x&gt;&#39;") {
		t.Error(page)
	}
}
