package sim

import "testing"

func FuzzParseDelays(f *testing.F) {
	for _, seed := range []string{"10s,30s,2m", "", "0", "1h,", "-1s", "9999999h", " 5ms "} {
		f.Add(seed, 4)
	}
	f.Fuzz(func(t *testing.T, list string, attempt int) {
		delays, err := ParseDelays(list)
		if err == nil && (len(delays) == 0 || delayAfter(delays, max(attempt, 1)) < 0) {
			t.Errorf("%q gives %v", list, delays)
		}
	})
}

func FuzzParseRate(f *testing.F) {
	for _, seed := range []string{"50/s", "5000/m", "1e3/h", "1e-300/h", "NaN/s", "Inf/s", "0x1p-2/s", "/s", "1/s/s"} {
		f.Add(seed, 1000)
	}
	f.Fuzz(func(t *testing.T, text string, n int) {
		rate, err := ParseRate(text)
		if err != nil {
			return
		}
		if again, err := ParseRate(rate.String()); err != nil || again.Per != rate.Per {
			t.Errorf("%q reads as %v, which reads as %v: %v", text, rate, again, err)
		}
		if n = n & 0xFFFFF; rate.Due(n) < 0 || rate.Due(n+1) < rate.Due(n) {
			t.Errorf("%q: call %d is due at %v, the next at %v", text, n, rate.Due(n), rate.Due(n+1))
		}
	})
}
