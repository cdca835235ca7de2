package plan

import (
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
)

func TestABrokenRowCostsNoOtherRow(t *testing.T) {
	file := "\uFEFFccid,client_message_tag\r\n" + // 1
		"1,a\r\n" + // 2
		"\r\n" + // 3
		"\"2,never closed\n" + // 4
		"3,c\n" + // 5
		"5\"x,bare\n" + // 6
		"6,\"two\nlines, \"\"quoted\"\"\"\n" + // 7, 8
		"\"7\",g\n" + // 9
		"8,\"closed\n" + // 10
		"9,by\n" + // 11
		"10,another\"\n" + // 12
		"11,\"to the end\n" + // 13
		"12,last" // 14
	var ids, rejects []string
	records := csvRecords(strings.NewReader(file), nil, nil, func(r Reject) { rejects = append(rejects, strings.Split(file, "\n")[r.Line-1]) })
	for id, err := range records {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id.CCID+"="+id.ClientMessageTag)
	}
	if want := []string{"1=a", "3=c", "6=two\nlines, \"quoted\"", "7=g", "8=closed\n9,by\n10,another", "12=last"}; !slices.Equal(ids, want) {
		t.Errorf("rows %q, want %q", ids, want)
	}
	if want := []string{"\"2,never closed", "5\"x,bare", "11,\"to the end"}; !slices.Equal(rejects, want) {
		t.Errorf("rejects %q, want %q", rejects, want)
	}
}

// What encoding/csv takes for whole is read as it reads it.
func FuzzCSVRows(f *testing.F) {
	for _, s := range []string{"a,b\n1,2\n", "\"a\"\"b\",\"c\nd\"\r\n\n1,\"\"", "a\"b\n\"c", "\"a\" ,b\n", "\n\r\n,\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, file string) {
		marked := strings.HasPrefix(file, "\uFEFF") || strings.HasPrefix(file, "\xfe\xff") || strings.HasPrefix(file, "\xff\xfe") || strings.Contains(file, "\x00") // UTF-16 is refused
		if marked || strings.Contains(strings.ReplaceAll(file, "\r\n", ""), "\r") || len(file) > 1<<12 {
			return
		}
		cr := csv.NewReader(strings.NewReader(file))
		want, whole := cr.ReadAll()
		rows := newCSVRows(strings.NewReader(file))
		for i := 0; ; i++ {
			width := 0
			if i < len(want) {
				width = len(want[i])
			}
			row, _, err := rows.next(width)
			var perr *csv.ParseError
			switch {
			case errors.Is(err, io.EOF) && (whole != nil || i == len(want)):
				return
			case err != nil && (!errors.As(err, &perr) || whole == nil):
				t.Fatalf("row %d of %q: %v", i, file, err)
			case whole == nil && !slices.Equal(row, want[i]):
				t.Fatalf("row %d of %q: %q, want %q", i, file, row, want[i])
			}
		}
	})
}

func TestAWrongCSVSaysWhatIsWrong(t *testing.T) {
	for file, want := range map[string]string{
		"":                             "the file is empty",
		"1,2\n":                        `the header "1,2" has no column ccid`,
		"ccid;phone_number\n1;2\n":     `the header "ccid;phone_number" is not separated by commas`,
		"ccid\tphone_number\n":         `is not separated by commas`,
		"ccid,CCID \n":                 "the header has the column ccid twice",
		"\n{\"ccid\"}\n":               "line 2: a double quote inside a field that does not begin with one",
		"\"ccid\"x,a\n":                "line 1: a field in double quotes does not end, or text follows the quote that ends it",
		"\xff\xfec\x00c\x00i\x00d\x00": "the text is UTF-16; save it as UTF-8",
	} {
		if err := CheckCSV(strings.NewReader(file), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", file, err, want)
		}
	}
	if err := CheckCSV(strings.NewReader("\uFEFFccid\n"), nil); err != nil {
		t.Error(err)
	}
}
