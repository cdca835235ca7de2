package plan

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestColumnsByTheirNames(t *testing.T) {
	for _, tc := range []struct{ header, mapped, want string }{
		{"ccid,phone_number", "", "0,1,-1,-1,-1,-1"},
		{" CCID ,Client_Message_Tag,email", "", "0,-1,-1,-1,-1,1 ignored email"},
		{"ccid,Phone Number", "", `the column "Phone Number" is not known; did you mean "phone_number"?`},
		{"ccid,phone", "", `the column "phone" is not known; did you mean "phone_number"?`},
		{"ccid,PhoneNumber", "", `the column "PhoneNumber" is not known; did you mean "phone_number"?`},
		{"ccid,customer_phone_number", "", `the column "customer_phone_number" is not known; did you mean "phone_number"?`},
		{"ccid,consent", "", `the column "consent" is not known; did you mean "consent_type"?`},
		{"ccid,tag", "", `the column "tag" is not known; did you mean "client_message_tag"?`},
		{"ccid,triger_id", "", `the column "triger_id" is not known; did you mean "trigger_id"?`},
		{"cc-id", "", `the column "cc-id" is not known; did you mean "ccid"?`},
		{"ccid,id,type,name,number,group", "", "0,-1,-1,-1,-1,-1 ignored id, type, name, number, group"},
		{"ccid,phone_number,phone", "", "0,1,-1,-1,-1,-1 ignored phone"},
		{"ccid,phone", "phone=phone_number", "0,1,-1,-1,-1,-1"},
		{"ccid,Phone Number", "phone number=phone_number", "0,1,-1,-1,-1,-1"},
		{"ccid,phone", "phone=", "0,-1,-1,-1,-1,-1"},
		{"id,phone_number", "id=ccid", "0,1,-1,-1,-1,-1"},
		{"ccid,phone,phone_number", "phone=phone_number", "the header has the column phone_number twice"},
		{"ccid,phone", "phon=phone_number", `there is no column "phon" to map; did you mean "phone"?`},
		{"ccid", "phone=phone_numer", `there is no column "phone_numer"; did you mean "phone_number"? (columns: `},
		{"ccid", "phone", `"phone" is not of the form COLUMN=NAME`},
		{"a;ccid", "", `the header "a;ccid" is not separated by commas`},
	} {
		var entries []string
		if tc.mapped != "" {
			entries = []string{tc.mapped}
		}
		m, err := ParseColumnMap(entries)
		var h csvHeader
		if err == nil {
			h, err = columnsOf(strings.Split(tc.header, ","), m)
		}
		got := strings.ReplaceAll(strings.Trim(fmt.Sprint(h.columns), "[]"), " ", ",")
		if len(h.ignored) > 0 {
			got += " ignored " + strings.Join(h.ignored, ", ")
		}
		if err != nil {
			got = err.Error()
		}
		if got != tc.want && (err == nil || !strings.HasPrefix(got, tc.want)) {
			t.Errorf("%s, %s:\n got %s\nwant %s", tc.header, tc.mapped, got, tc.want)
		}
	}
}

func TestIgnoredColumnsAreToldOnce(t *testing.T) {
	var told []string
	c := Config{CSV: strings.NewReader("ccid,email,city\n1,a,b\n2,c,d\n"), Start: testStart, Warn: func(s string) { told = append(told, s) }}
	if err := c.Check(t.Context()); err != nil {
		t.Fatal(err)
	}
	collect(t, c)
	if want := []string{"columns that are not used: email, city"}; !slices.Equal(told, want) {
		t.Errorf("told %q", told)
	}
}

func TestLinesOfTheOldMacintosh(t *testing.T) {
	for _, file := range []string{"ccid,phone_number\r1,18005550100\r2,18005550101\r", "ccid\r" + strings.Repeat("1001\r", 400_000)} {
		if err := CheckCSV(strings.NewReader(file), nil); err == nil || !strings.Contains(err.Error(), "the lines end with CR alone") {
			t.Errorf("%d bytes: %v", len(file), err)
		}
	}
	endless := strings.NewReader("ccid\n" + strings.Repeat("x", 2*maxRowBytes))
	for _, err := range csvRecords(endless, nil, nil, nil) {
		if err == nil || err.Error() != "csv: line 2 is longer than 1 MiB, which is not a row" {
			t.Error(err)
		}
	}
}

// event_ts has a year of four digits, so that a plan cannot go beyond 9999.
func TestTheYear10000IsRefused(t *testing.T) {
	last := time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	for start, ok := range map[time.Time]bool{last: false, last.AddDate(0, 0, -3): true} {
		err := Config{Records: 1, Start: start}.Check(t.Context())
		if (err == nil) != ok {
			t.Errorf("from %v: %v", start, err)
		}
		if err != nil && !strings.Contains(err.Error(), "in the year 10000, which event_ts cannot name") {
			t.Error(err)
		}
	}
}
