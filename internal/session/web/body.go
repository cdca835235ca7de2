package web

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"relayctl/internal/capture"

	"github.com/go-json-experiment/json/jsontext"
)

// mostShown bounds what a page shows of a body; the API has all of it.
const mostShown = 128 << 10

// bodyView is a body as a page shows it.
type bodyView struct {
	Parts []part
	Size  int
	Cut   bool // there is more
	JSON  bool
}

// part is a piece of a body with the class that colours it.
type part struct{ Class, Text string }

// pretty is JSON with a line each for its members; anything else stays as it is.
func pretty(body []byte) []byte {
	if text, ok := capture.Indent(body); ok {
		return text
	}
	return body
}

// formatted is a body laid out and coloured where it is JSON. The secrets are taken out
// before it is cut and written in hex, where nobody would find them any more.
func (w *Server) formatted(body []byte) bodyView { return formatted(w.cfg.Mask.Bytes(body)) }

func formatted(body []byte) bodyView {
	text := pretty(body)
	v := bodyView{Size: len(body), JSON: jsontext.Value(body).IsValid(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))}
	if !v.JSON {
		return asItCame(body)
	}
	if v.Cut = len(text) > mostShown; v.Cut {
		text = text[:mostShown]
	}
	v.Parts = coloured(strings.ToValidUTF8(string(text), "\uFFFD"))
	return v
}

// asItCame is a body as text, or as bytes in hex where it is not UTF-8.
func asItCame(body []byte) bodyView {
	v := bodyView{Size: len(body), Cut: len(body) > mostShown}
	body = body[:min(len(body), mostShown)]
	text := string(body)
	if !utf8.ValidString(text) && !v.Cut {
		var b strings.Builder
		for i := 0; i < len(body); i += 16 {
			fmt.Fprintf(&b, "%06x  % x\n", i, body[i:min(i+16, len(body))])
		}
		text = b.String()
	}
	v.Parts = []part{{"", shown(strings.ToValidUTF8(text, "\uFFFD"))}}
	return v
}

// coloured takes formatted JSON apart: names, texts, other values, and the rest.
func coloured(text string) []part {
	var parts []part
	add := func(class, t string) {
		if t != "" {
			parts = append(parts, part{class, shown(t)})
		}
	}
	rest := 0
	for i := 0; i < len(text); {
		c := text[i]
		end := i + 1
		class := ""
		switch {
		case c == '"':
			for end < len(text) && text[end] != '"' {
				if text[end] == '\\' {
					end++
				}
				end++
			}
			end = min(end+1, len(text))
			class = "text"
			if strings.HasPrefix(text[end:], ":") {
				class = "name"
			}
		case c == '-' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z':
			for end < len(text) && !strings.ContainsRune(",]}\n ", rune(text[end])) {
				end++
			}
			class = "value"
		default:
			i = end
			continue
		}
		add("", text[rest:i])
		add(class, text[i:end])
		i, rest = end, end
	}
	add("", text[rest:])
	return parts
}

// pair is a line of two texts side by side; nil where a side has none.
type pair struct {
	A, B *string
	Same bool
}

// mostLines bounds how many lines of each text are compared.
const mostLines = 400

// sideBySide aligns the lines of two texts. What is longer is cut.
func sideBySide(a, b []byte) (pairs []pair, cut bool) {
	x, cutA := linesOf(a)
	y, cutB := linesOf(b)
	// length[i][j] is how many lines x[i:] and y[j:] have in common, in order.
	length := make([][]int, len(x)+1)
	for i := range length {
		length[i] = make([]int, len(y)+1)
	}
	for i := len(x) - 1; i >= 0; i-- {
		for j := len(y) - 1; j >= 0; j-- {
			if x[i] == y[j] {
				length[i][j] = length[i+1][j+1] + 1
			} else {
				length[i][j] = max(length[i+1][j], length[i][j+1])
			}
		}
	}
	var left, right []*string // that differ, not yet paired
	flush := func() {
		for n := range max(len(left), len(right)) {
			var p pair
			if n < len(left) {
				p.A = left[n]
			}
			if n < len(right) {
				p.B = right[n]
			}
			pairs = append(pairs, p)
		}
		left, right = nil, nil
	}
	for i, j := 0, 0; i < len(x) || j < len(y); {
		switch {
		case i < len(x) && j < len(y) && x[i] == y[j]:
			flush()
			pairs = append(pairs, pair{&x[i], &y[j], true})
			i, j = i+1, j+1
		case j == len(y) || i < len(x) && length[i+1][j] >= length[i][j+1]:
			left = append(left, &x[i])
			i++
		default:
			right = append(right, &y[j])
			j++
		}
	}
	flush()
	return pairs, cutA || cutB
}

func linesOf(text []byte) (lines []string, cut bool) {
	text = text[:min(len(text), mostShown)]
	lines = strings.Split(shown(strings.ToValidUTF8(string(text), "\uFFFD")), "\n")
	if cut = len(lines) > mostLines; cut {
		lines = lines[:mostLines]
	}
	return lines, cut
}
