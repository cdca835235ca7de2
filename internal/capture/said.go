package capture

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"
)

const (
	mostSaid = 200      // bytes that FirstText gives at most
	mostRead = 16 << 10 // bytes that it looks at
)

// FirstText is the first text of an answer's body that tells something, at most 200
// bytes on one line; "" where there is none. Of a page it is the title, or what stands
// after a title such as "Error"; of JSON the beginning of all of it; of a traceback of
// Python the line that names the error. body may be cut short.
func FirstText(body []byte) string {
	body = whole(bytes.TrimSpace(body[:min(len(body), mostRead)]))
	switch {
	case len(body) == 0:
		return ""
	case isPage(body):
		for _, text := range pageTexts(body) {
			if tells(text) {
				return bounded(text)
			}
		}
		return ""
	case body[0] == '{' || body[0] == '[':
		if !utf8.Valid(whole(body[:min(len(body), mostSaid)])) {
			return ""
		}
		return bounded(string(body))
	}
	lines := slices.DeleteFunc(strings.Split(string(body), "\n"), func(line string) bool {
		return strings.TrimSpace(line) == "" || !utf8.ValidString(line)
	})
	if len(lines) == 0 {
		return ""
	}
	if last := lines[len(lines)-1]; strings.HasPrefix(lines[0], "Traceback (") && last[0] != ' ' {
		return bounded(last)
	}
	return bounded(lines[0])
}

// whole takes off a character that was cut at the end.
func whole(text []byte) []byte {
	for n := 1; n <= min(len(text), utf8.UTFMax); n++ {
		if last := text[len(text)-n:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				return text[:len(text)-n]
			}
			break
		}
	}
	return text
}

// bounded puts a text on one line and cuts it.
func bounded(text string) string {
	text = strings.Join(strings.Fields(text), " ")
	return strings.ToValidUTF8(text[:min(len(text), mostSaid)], "")
}

func isPage(body []byte) bool {
	head := bytes.ToLower(body[:min(len(body), 32)])
	return slices.ContainsFunc([]string{"<!doctype", "<html", "<head", "<title", "<body", "<h1", "<pre", "<!--"}, func(s string) bool {
		return bytes.HasPrefix(head, []byte(s))
	})
}

// tells says whether a text of a page says more than that there was an error.
func tells(text string) bool {
	word := strings.ToLower(strings.Trim(strings.TrimPrefix(text, "Error code:"), " .:!0123456789"))
	return word != "" && word != "error" && word != "error response" && word != "oops"
}

// pageTexts gives the texts of a page in their order: the title, headings, paragraphs.
func pageTexts(page []byte) (texts []string) {
	var text strings.Builder
	end := func() {
		if words := strings.Join(strings.Fields(strings.ToValidUTF8(text.String(), "")), " "); words != "" {
			texts = append(texts, words)
		}
		text.Reset()
	}
	hidden := false // within a script or a style sheet
	for z := html.NewTokenizer(bytes.NewReader(page)); ; {
		kind := z.Next()
		switch kind {
		case html.ErrorToken: // the end
			end()
			return texts
		case html.TextToken:
			if !hidden {
				text.Write(z.Text())
			}
		case html.StartTagToken, html.EndTagToken, html.SelfClosingTagToken:
			name, _ := z.TagName()
			switch string(name) {
			case "b", "i", "em", "code", "span", "a", "strong":
			case "style", "script":
				end()
				hidden = kind == html.StartTagToken
			default:
				end()
			}
		}
	}
}
