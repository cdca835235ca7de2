package main

import (
	"fmt"
	"html"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// updateDocs says whether the test writes the pages again: UPDATE_DOCS=1 go test ./cmd/relayctl.
func updateDocs() bool { return os.Getenv("UPDATE_DOCS") != "" }

// Each command has a page of its own in docs/commands, made from the same
// definitions as its help.
func TestCommandPagesAreCurrent(t *testing.T) {
	const dir = "../../docs/commands"
	root := newRootCmd(&app{})
	want := map[string]string{}
	index := "# Commands\n\n" + "| command | what it does |\n|---|---|\n"
	for _, c := range manPages(root)[1:] {
		want[c.Name()+".md"] = commandPage(c)
		index += fmt.Sprintf("| [relayctl %s](%s.md) | %s |\n", c.Name(), c.Name(), cell(c.Short))
	}
	want["README.md"] = index
	if updateDocs() {
		if err := os.RemoveAll(dir); err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
		for name, text := range want {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil { //nolint:gosec // a page is for everybody
				t.Fatal(err)
			}
		}
	}
	got := map[string]string{}
	files, err := filepath.Glob(dir + "/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		got[filepath.Base(f)] = string(text)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("UPDATE_DOCS=1 go test ./cmd/relayctl writes docs/commands again:\n%s", diff)
	}
}

// commandPage is a command's page in Markdown.
func commandPage(c *cobra.Command) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n", c.CommandPath())
	long := c.Long
	if long == "" {
		long = c.Short + "."
	}
	fmt.Fprintf(&b, "```\n%s\n```\n\n%s\n", c.UseLine(), prose(long))
	if c.Example != "" {
		fmt.Fprintf(&b, "\n## Examples\n\n```\n%s\n```\n", strings.TrimRight(dedent(c.Example), "\n"))
	}
	for _, g := range flagGroups(c) {
		fmt.Fprintf(&b, "\n## %s\n\n| flag | default | meaning |\n|---|---|---|\n", g.heading)
		g.flags.VisitAll(func(f *pflag.Flag) {
			value, usage := valueName(f)
			head := "--" + f.Name
			if f.Shorthand != "" {
				head = "-" + f.Shorthand + ", " + head
			}
			fmt.Fprintf(&b, "| `%s` | %s | %s |\n", cell(strings.TrimSpace(head+" "+value)), cell(shownDefault(f)), cell(usage))
		})
	}
	return b.String()
}

// prose gives the text of a help as Markdown: indented lines are kept as they are.
func prose(text string) string {
	var b strings.Builder
	code := false
	for line := range strings.SplitSeq(strings.TrimSpace(text), "\n") {
		indented := strings.HasPrefix(line, "  ")
		if indented != code && line != "" {
			b.WriteString(map[bool]string{true: "\n```\n", false: "```\n\n"}[indented])
			code = indented
		}
		if code {
			b.WriteString(strings.TrimPrefix(line, "  ") + "\n")
		} else {
			b.WriteString(markdown(line) + "\n")
		}
	}
	if code {
		b.WriteString("```\n")
	}
	return strings.TrimRight(b.String(), "\n")
}

// markdown escapes what Markdown would read as a tag or as emphasis.
func markdown(text string) string {
	return strings.NewReplacer("<", "&lt;", "*", `\*`, "_", `\_`).Replace(text)
}

// cell escapes text for a table.
func cell(text string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(text)
}

func dedent(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], "  ")
	}
	return strings.Join(lines, "\n")
}

// The picture of the front page shows a real run. Its times differ each time, so
// only its words are held against today's output.
func TestPictureOfARunIsCurrent(t *testing.T) {
	const file = "../../docs/assets/send.svg"
	cmd := exec.CommandContext(t.Context(), "relayctl", "send", "--seed", "7", "--color", "always")
	cmd.Env = append(os.Environ(), "HOME="+t.TempDir(), "TERM=xterm-256color")
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	picture, err := os.ReadFile(file)
	if err != nil && !updateDocs() {
		t.Fatal(err)
	}
	words := regexp.MustCompile(`[a-z_]{4,}\.?[a-z_]*`)
	shown := regexp.MustCompile(`<[^>]*>`).ReplaceAllString(string(picture), " ")
	lacks := slices.DeleteFunc(words.FindAllString(escapes.ReplaceAllString(string(out), ""), -1), func(word string) bool { return strings.Contains(shown, word) })
	switch {
	case len(lacks) == 0:
	case !updateDocs():
		t.Errorf("%s lacks %q; UPDATE_DOCS=1 go test ./cmd/relayctl makes it again", file, lacks)
	default:
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(terminalSVG("relayctl send", string(out))), 0o644); err != nil { //nolint:gosec // a page is for everybody
			t.Fatal(err)
		}
	}
}

var escapes = regexp.MustCompile("\x1b\\[([0-9;]*)m")

// terminalSVG draws a terminal in which a command was run.
func terminalSVG(command, output string) string {
	const advance, height, margin = 8.4, 19, 18
	lines := append([]string{"\x1b[1m$ " + command + "\x1b[0m"}, strings.Split(strings.TrimRight(output, "\n"), "\n")...)
	width := 0
	for _, l := range lines {
		width = max(width, len([]rune(escapes.ReplaceAllString(l, ""))))
	}
	var b strings.Builder
	w, h := float64(width)*advance+2*margin, len(lines)*height+2*margin
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %.0f %d" role="img" aria-label="%s in a terminal">`+"\n", w, h, html.EscapeString(command))
	fmt.Fprintf(&b, `<rect width="100%%" height="100%%" rx="8" fill="#16181d"/><g font-family="ui-monospace,Menlo,Consolas,monospace" font-size="14" fill="#d7dae0" xml:space="preserve">`+"\n")
	for i, l := range lines {
		fmt.Fprintf(&b, `<text x="%d" y="%d">%s</text>`+"\n", margin, margin+(i+1)*height-5, spans(l))
	}
	b.WriteString("</g></svg>\n")
	return b.String()
}

// spans turns the colours of a line into parts of a text element.
func spans(line string) string {
	var b strings.Builder
	style := ""
	write := func(text string) {
		switch text = html.EscapeString(text); {
		case text == "":
		case style == "":
			b.WriteString(text)
		default:
			b.WriteString("<tspan" + style + ">" + text + "</tspan>")
		}
	}
	for {
		at := escapes.FindStringSubmatchIndex(line)
		if at == nil {
			write(line)
			return b.String()
		}
		write(line[:at[0]])
		style = attributes(style, line[at[2]:at[3]])
		line = line[at[1]:]
	}
}

// attributes gives the attributes of SVG after a sequence of SGR parameters.
func attributes(before, params string) string {
	switch colour, ok := strings.CutPrefix(params, "38;5;"); {
	case ok:
		n, _ := strconv.Atoi(colour)
		return before + ` fill="` + xtermColour(n) + `"`
	case params == "" || params == "0":
		return ""
	case params == "1":
		return before + ` font-weight="bold"`
	}
	return before
}

// xtermColour is a colour of the 256 from 16 on: a cube of six steps, then greys.
func xtermColour(n int) string {
	if n >= 232 {
		grey := 8 + 10*(n-232)
		return fmt.Sprintf("#%02x%02x%02x", grey, grey, grey)
	}
	steps := []int{0, 95, 135, 175, 215, 255}
	n -= 16
	return fmt.Sprintf("#%02x%02x%02x", steps[n/36%6], steps[n/6%6], steps[n%6])
}
