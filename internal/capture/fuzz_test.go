package capture

import "testing"

func FuzzParseRanges(f *testing.F) {
	for _, seed := range []string{"48", "17,19", "3-7", "#3", "0", "7-3", "18446744073709551615", "1-", "-"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, list string) {
		ranges, err := ParseRanges(list)
		for _, r := range ranges {
			if err != nil || r.First == 0 || r.Last < r.First || !ranges.Has(r.First) || !ranges.Has(r.Last) || ranges.Has(0) {
				t.Errorf("%q is %v, %v", list, ranges, err)
			}
		}
	})
}
