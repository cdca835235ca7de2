package term

import (
	"bytes"
	"encoding/json"
	"io"
	"strings"
	"testing"
)

func gated(t *testing.T, size int, text string) string {
	t.Helper()
	var b bytes.Buffer
	g, _ := NewGates(&b, io.Discard)
	for i := 0; i < len(text); i += size {
		if _, err := g.Write([]byte(text[i:min(i+size, len(text))])); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Flush(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestGateShowsWhatCouldControlATerminal(t *testing.T) {
	for in, want := range map[string]string{
		"plain\tü 漢 😀\n":            "plain\tü 漢 😀\n",
		"\x1b[31mred\x1b]0;t\a\r\n": `\x1b[31mred\x1b]0;t\x07\x0d` + "\n",
		"\u009b31m \u202e \u200b":   `\u009b31m \u202e \u200b`,
		"tag\U000e0041 bad\xff\xe2": `tag\udb40\udc41 bad\xff\xe2`,
		"\x1b":                      `\x1b`,
	} {
		for size := range 5 {
			if got := gated(t, size+1, in); got != want {
				t.Errorf("%q in writes of %d: %q, want %q", in, size+1, got, want)
			}
		}
	}
}

func TestGateLetsOnlyItsOwnStylesPass(t *testing.T) {
	var b bytes.Buffer
	out, _ := NewGates(&b, io.Discard)
	s := NewStyle(out, ColorAlways)
	_, _ = io.WriteString(out, s.Bad("bad")+"\x1b[38;5;28mforged\x1b[0m"+s.Good("good"))
	want := "\x1b[1;38;5;167mbad\x1b[0m" + `\x1b[38;5;28mforged\x1b[0m` + "\x1b[38;5;28mgood\x1b[0m"
	if b.String() != want {
		t.Errorf("got  %q\nwant %q", b.String(), want)
	}
}

func TestGateKeepsJSON(t *testing.T) {
	text := "\x7f \u009b \u202e \u200d \U000e0041 \u2028"
	line, err := json.Marshal(map[string]string{"text": text})
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]string
	if err := json.Unmarshal([]byte(gated(t, 7, string(line))), &got); err != nil || got["text"] != text {
		t.Errorf("%v: %q", err, got)
	}
}

func TestScreenErasesItsLineThroughAGate(t *testing.T) {
	var b bytes.Buffer
	_, gate := NewGates(io.Discard, &b)
	s := NewScreen(gate)
	s.Live = true
	s.Show("progress")
	_, _ = io.WriteString(s, "a line\n")
	if got, want := b.String(), "progress\r\x1b[Ka line\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func FuzzGate(f *testing.F) {
	f.Add("a\x1b]0;title\x07 \u202e", 3)
	f.Fuzz(func(t *testing.T, s string, size int) {
		got := gated(t, max(size%9, 1), s)
		if strings.ContainsFunc(got, func(r rune) bool { return Unsafe(r) && r != '\n' && r != '\t' }) {
			t.Errorf("%q became %q", s, got)
		}
	})
}

func BenchmarkGate(b *testing.B) {
	g, _ := NewGates(io.Discard, io.Discard)
	line := []byte(strings.Repeat("2026-01-31T12:00:00.000Z message.delivered 200 accepted ", 20) + "\n")
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		_, _ = g.Write(line)
	}
}
