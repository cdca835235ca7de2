//go:build heavy

package main

import "testing"

// Secrets of several kinds, so that all encodings differ from the plain text.
func TestNoSecretIsShownWhateverItIs(t *testing.T) {
	for name, s := range map[string]secretSet{
		"mixed": mixedSecrets(),
		"plain": {"Pa55word-pw01", "k3y-0123456789", "cl1ent-secret-ab", "X7Gf2-header-q", "us3rinfo-zz-9", "qu3ry-token-77", "pr0be-header-5", "t0ken-of-the-run-1"},
		"signs": {`p&w"1<>x'%/`, `k+/=y 12&3`, `c%41 l+i=ent`, `h"ead\er&1`, "u$s~er!info", "q*u(er)y-1", "p:r,o;be-1", "t.o~k_en/+12"},
		"other": {"pässwörd-ünï", "schlüssel-42", "gehéim-ñ-77x", "kopf-ö-zeile", "nutzer-info9", "frage-token8", "probe-kopf-7", "marke-12345678"},
		"long":  {long("a"), long("b"), long("c"), long("d"), long("e"), long("f"), long("g"), long("h")},
	} {
		t.Run(name, func(t *testing.T) {
			runs, outputs := noSecretIsShown(t, s)
			t.Logf("%d runs, %d outputs searched", runs, outputs)
		})
	}
}

func long(c string) string {
	s := ""
	for i := range 40 {
		s += string(rune('0'+i%10)) + c + "Z"
	}
	return s
}
