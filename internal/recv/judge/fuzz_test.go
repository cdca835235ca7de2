package judge

import "testing"

func FuzzParseFailOn(f *testing.F) {
	for _, seed := range []string{"error,warning", "never", "never,error", "", "eror", " duplicate , disorder"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		failOn, err := ParseFailOn(list)
		if err == nil && failOn.Never() != (len((&Summary{Errors: 1, Warnings: 1, Unexpected: 1, ByBadge: map[BadgeKind]uint64{Duplicate: 1, Late: 1}}).Failures(failOn)) == 0) {
			t.Errorf("%q fails on %v", list, failOn)
		}
	})
}

// A badge of a record is shown again as it was, or as what it means.
func FuzzBadges(f *testing.F) {
	for _, seed := range []string{"attempt 2/4", "late 3.2s", "duplicate", "conflict", "early", "attempt x", "late", "other 1", "late -1s", "attempt 2/9"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		once := parseBadges([]string{text})[0].String()
		if twice := parseBadges([]string{once})[0].String(); twice != once {
			t.Errorf("%q is shown as %q, and that as %q", text, once, twice)
		}
	})
}
