package term

import (
	"image/color"
	"io"
	"math"
	"strconv"
	"testing"

	"relayctl/internal/event"
)

// The terminal is not asked for its background, so that every tone has to be
// read on both: on white and on the usual near black.
func TestTonesAreReadOnDarkAndLight(t *testing.T) {
	for _, tone := range []string{toneGood, toneBad, toneWarn, toneDim, toneMessage, toneNotification, toneChannel, toneAccount} {
		for _, ground := range []color.RGBA{{R: 255, G: 255, B: 255}, {R: 30, G: 30, B: 30}} {
			if c := contrast(t, tone, ground); c < 3.3 {
				t.Errorf("tone %s on %v has a contrast of %.1f", tone, ground, c)
			}
		}
	}
}

// contrast is that of WCAG 2, from 1 to 21.
func contrast(t *testing.T, tone string, ground color.RGBA) float64 {
	t.Helper()
	n, err := strconv.Atoi(tone)
	if err != nil || n < 16 || n > 255 {
		t.Fatalf("%q is not one of the colours that are the same everywhere", tone)
	}
	var c color.RGBA
	if n >= 232 {
		grey := uint8(8 + 10*(n-232))
		c = color.RGBA{R: grey, G: grey, B: grey}
	} else {
		level := [6]uint8{0, 95, 135, 175, 215, 255}
		c = color.RGBA{R: level[(n-16)/36], G: level[(n-16)/6%6], B: level[(n-16)%6]}
	}
	a, b := luminance(c)+0.05, luminance(ground)+0.05
	return max(a, b) / min(a, b)
}

func luminance(c color.RGBA) float64 {
	linear := func(v uint8) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	return 0.2126*linear(c.R) + 0.7152*linear(c.G) + 0.0722*linear(c.B)
}

func TestEveryFamilyHasAColour(t *testing.T) {
	st := NewStyle(io.Discard, ColorAlways)
	for _, name := range event.Names() {
		if e, _ := event.Lookup(name); e.Default && st.Name(name, "x") == st.Dim("x") {
			t.Errorf("%s is shown like an unknown event", name)
		}
	}
}
