package plan

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"relayctl/internal/suggest"
)

// csvColumnNames are the columns of a campaign's file, in the order of Identity.
func csvColumnNames() []string {
	return []string{"ccid", "phone_number", "product_group_id", "consent_type", "trigger_id", "client_message_tag"}
}

// ColumnMap says what the columns of a campaign's file mean: from a column of the
// file, in lower case, to one that is known, or to "" for one to be ignored.
type ColumnMap map[string]string

// ParseColumnMap reads entries such as "Phone Number=phone_number"; nothing after the last
// = ignores the column. An unknown name and a column that is mapped twice are errors.
func ParseColumnMap(entries []string) (ColumnMap, error) {
	m := ColumnMap{}
	for _, entry := range entries {
		at := strings.LastIndexByte(entry, '=')
		if at <= 0 {
			return nil, fmt.Errorf("%q is not of the form COLUMN=NAME, such as phone=phone_number", entry)
		}
		from, to := foldColumn(entry[:at]), strings.TrimSpace(entry[at+1:])
		if to != "" && !slices.Contains(csvColumnNames(), to) {
			return nil, fmt.Errorf("there is no column %q%s (columns: %s)", to, suggest.DidYouMean(to, csvColumnNames()), strings.Join(csvColumnNames(), ", "))
		}
		if _, twice := m[from]; twice {
			return nil, fmt.Errorf("the column %q is mapped twice", entry[:at])
		}
		m[from] = to
	}
	return m, nil
}

func foldColumn(s string) string { return strings.ToLower(strings.TrimSpace(s)) }

// csvHeader is what a file's header comes to.
type csvHeader struct {
	columns [6]int   // where the known columns are; -1 for one that is missing
	ignored []string // the names of those that are not used
}

// columnsOf finds the known columns by their names. A column that nearly has the
// name of a known one that is missing is an error: what it holds would be
// invented instead.
func columnsOf(header []string, mapped ColumnMap) (csvHeader, error) {
	h := csvHeader{columns: [6]int{-1, -1, -1, -1, -1, -1}}
	known := csvColumnNames()
	var unknown []string
	seen := map[string]bool{}
	for i, column := range header {
		name, isMapped := mapped[foldColumn(column)]
		if !isMapped {
			name = foldColumn(column)
		}
		seen[foldColumn(column)] = true
		switch at := slices.Index(known, name); {
		case at >= 0 && h.columns[at] >= 0:
			return h, fmt.Errorf("the header has the column %s twice", name)
		case at >= 0:
			h.columns[at] = i
		case name != "" && !isMapped:
			unknown = append(unknown, strings.TrimSpace(column))
		}
	}
	for from := range mapped {
		if !seen[from] {
			return h, fmt.Errorf("there is no column %q to map%s", from, suggest.DidYouMean(from, header))
		}
	}
	nearCCID := func(s string) bool { return nearColumn(s) == "ccid" }
	if h.columns[0] < 0 && (otherSeparator(header) || !slices.ContainsFunc(unknown, nearCCID)) {
		return h, noCCID(header)
	}
	for _, column := range unknown {
		if near := nearColumn(column); near != "" && h.columns[slices.Index(known, near)] < 0 {
			return h, &NearColumn{column, near}
		}
		h.ignored = append(h.ignored, column)
	}
	return h, nil
}

// NearColumn is the error of a column whose name is nearly that of a known one.
type NearColumn struct{ Column, Near string }

// Error implements error.
func (e *NearColumn) Error() string {
	return fmt.Sprintf("the column %q is not known; did you mean %q?", e.Column, e.Near)
}

// nearColumn gives the known column that a name most likely means: one that
// differs in signs and letters only, or has a part of its words or some more.
func nearColumn(column string) string {
	words := wordsOf(column)
	for _, known := range csvColumnNames() {
		parts := strings.Split(known, "_")
		if strings.Join(words, "") == strings.Join(parts, "") || within(words, parts) || within(parts, words) {
			return known
		}
	}
	return suggest.Nearest(strings.Join(words, "_"), csvColumnNames())
}

// wordsOf takes a name apart where a sign stands or a capital begins, in lower case.
func wordsOf(name string) []string {
	var b strings.Builder
	lower := false
	for _, r := range name {
		if unicode.IsUpper(r) && lower {
			b.WriteByte(' ')
		}
		if lower = unicode.IsLower(r); !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			r = ' '
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return strings.Fields(b.String())
}

// within says whether all words are among the others; words that many columns
// have say nothing.
func within(words, others []string) bool {
	telling := false
	for _, w := range words {
		if !slices.Contains(others, w) {
			return false
		}
		telling = telling || w != "id" && w != "type" && w != "client" && w != "group" && w != "number"
	}
	return telling
}

// errMacLines refuses lines that end as on a Mac before 2001, and in some
// spreadsheets' "CSV (Macintosh)".
var errMacLines = errors.New("the lines end with CR alone, as in a CSV for the old Macintosh; save it with LF or CR LF")

// otherSeparator says whether something else than commas separates the columns.
func otherSeparator(header []string) bool {
	return len(header) == 1 && strings.ContainsAny(header[0], ";\t|")
}

func noCCID(header []string) error {
	line := strings.Join(header, ",")
	if otherSeparator(header) {
		return fmt.Errorf("the header %q is not separated by commas, which the file has to be", line)
	}
	return fmt.Errorf("the header %q has no column ccid", line)
}
