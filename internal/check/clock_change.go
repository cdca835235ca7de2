package check

import (
	"context"
	"fmt"
	"time"
)

// clockChanges are when the clocks of Europe and America were changed in the last year.
// In autumn a local time comes twice; in spring one that is read as if it were local
// does not exist.
func clockChanges(now time.Time) (list []closeTime) {
	sunday := func(year int, month time.Month, day int) time.Time { // the first one from that day on
		t := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
		return t.AddDate(0, 0, (7-int(t.Weekday()))%7)
	}
	for _, year := range []int{now.Year(), now.Year() - 1} {
		add := func(name string, day time.Time, hours ...int) {
			for _, h := range hours {
				t := day.Add(time.Duration(h) * time.Hour)
				if age := now.Sub(t); age > time.Hour && age <= 366*24*time.Hour {
					name := fmt.Sprintf("across the change of the clocks in %s, %s UTC", name, t.Format("2006-01-02 15:04"))
					list = append(list, closeTime{name, t.Add(5 * time.Millisecond), 10 * time.Millisecond, true})
				}
			}
		}
		add("Europe", sunday(year, time.October, 25), 1)
		add("America", sunday(year, time.November, 1), 6, 7, 8, 9)
		add("Europe", sunday(year, time.March, 25), 2, 3)
		add("America", sunday(year, time.March, 8), 3)
	}
	return list
}

// acrossClockChanges returns where the older of two states stands because the clocks
// were changed between them. What is as wrong on another day, or is refused, is too old
// for the receiver, which event.old reports.
func (t *Trial) acrossClockChanges(ctx context.Context, wanted map[string]*orders) []*closely {
	var all []*closely
	o := fineOverwrites()[0]
	for _, m := range clockChanges(t.Start) {
		all = append(all, &closely{overwrite: o, closeTime: m, reversed: true})
	}
	left := all
	for range 2 { // what is wrong among others has to be wrong alone
		var why string
		if left, why = t.notAsWanted(ctx, left, wanted); why != "" || len(left) == 0 {
			return nil
		}
	}
	for _, c := range left {
		before := *c
		before.at = before.at.AddDate(0, 0, -2)
		if wrong, why := t.notAsWanted(ctx, []*closely{&before}, wanted); why != "" || len(wrong) > 0 {
			continue
		}
		// What came later is done, and so this has to be.
		if n, err := t.states.look(ctx, c.subject); err == nil && !wanted[c.key()].allow(t.states.plain(n).Timeless(), true) {
			return []*closely{c}
		}
	}
	return nil
}
