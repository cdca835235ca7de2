package state

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// bookkeeping says whether a member's name says that its value is about the
// receiving and not about the customer: when a row was written, how often it
// was, where it lies. Such values differ between two customers with the same
// history when it reached them in another order, and nobody is the worse for it.
func bookkeeping(name string, value any, inArray bool) bool {
	s := squash(name)
	switch s {
	case "now":
		_, state := value.(map[string]any) // what holds now, beside a list of what happened
		return !state
	case "v":
		return isCount(value) // "v" is also a value, beside its time
	case "version", "rev", "revision", "etag", "seq", "seqno", "sequence", "sequenceno", "sequencenumber", "primaryterm",
		"rowid", "rowversion", "lockversion", "optlock", "xmin", "ctid",
		"createdat", "created", "createdon", "createdtime", "datecreated", "ctime", "updatedat", "updated", "updatedon", "updatedtime", "dateupdated", "mtime",
		"modified", "modifiedat", "modifiedon", "lastmodified", "lastmodifiedat", "lastupdated", "lastupdate", "lastupdatedat", "changedat",
		"insertedat", "insertedon", "storedat", "savedat", "writtenat", "recordedat", "loggedat", "processedat", "processedon", "handledat", "appliedat",
		"receivedat", "receivedon", "lastreceived", "lastreceivedat", "firstreceivedat", "arrivedat", "ingestedat", "syncedat", "fetchedat", "asof", "generatedat", "servertime",
		"duplicates", "duplicate", "duplicatecount", "duplicatesignored", "duplicatesdropped", "duplicatesskipped", "ignoredduplicates", "duplicateevents", "dups", "dupes", "deduplicated", "dedup", "deduped", "dedupcount",
		"late", "lateevents", "latecount", "outoforder", "outofordercount", "outoforderevents", "stale", "stalecount", "staleevents", "superseded", "ignored", "ignoredcount", "ignoredevents", "skipped", "applied",
		"hostname", "host", "pid", "workerid", "instanceid", "nodeid", "shard", "partition", "requestid", "traceid", "spanid", "correlationid", "remoteaddr", "clientip",
		"uptime", "latency", "elapsed", "duration", "age", "took", "lag":
		return true
	case "position", "pos", "index", "idx", "offset", "ordinal", "row", "rownum", "rownumber":
		return inArray
	}
	for _, unit := range []string{"ms", "millis", "us", "s", "sec", "seconds"} {
		switch base, ok := strings.CutSuffix(s, unit); {
		case ok && (base == "uptime" || base == "latency" || base == "elapsed" || base == "duration" || base == "age" || base == "took" || base == "lag"):
			return true
		}
	}
	return false
}

// numbering finds the members of a list's elements that number the elements: n, no and
// nr from 0 or from 1 on. Else a member of such a name counts something (count(*) n).
func numbering(list []any) (names []string) {
	first, _ := list[0].(map[string]any)
	for name := range first {
		if s := squash(name); (s == "n" || s == "no" || s == "nr") && numbers(list, name) {
			names = append(names, name)
		}
	}
	return names
}

// numbers says whether the members of that name are the numbers of the elements, in
// whatever order.
func numbers(list []any, name string) bool {
	values := make([]int, len(list))
	for i, e := range list {
		element, _ := e.(map[string]any)
		n, err := strconv.Atoi(fmt.Sprint(element[name]))
		if err != nil {
			return false
		}
		values[i] = n
	}
	slices.Sort(values)
	for i, n := range values {
		if n != values[0]+i {
			return false
		}
	}
	return values[0] == 0 || values[0] == 1
}

// isCount says whether a value is a whole number.
func isCount(value any) bool {
	_, err := strconv.Atoi(fmt.Sprint(value))
	return err == nil
}

// squash makes one spelling of updated_at, updatedAt, Updated-At and _updatedAt.
func squash(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r + 'a' - 'A'
		case r >= 'a' && r <= 'z', r >= '0' && r <= '9':
			return r
		}
		return -1
	}, name)
}

// Volatile finds the patterns of what differs between customers though the same
// has happened to them: row ids, tokens. states are of at least three customers
// in the order in which their history reached them; events is its length.
//
// A pattern counts only when no two customers agree. A receiver that loses an
// event of one customer makes that customer differ from the others, which still
// agree with each other, and so hides nothing.
func Volatile(states []*State, events int) Patterns {
	found := Patterns{}
	values := listScalars(states)
	for pattern := range values[0] {
		if differsEverywhere(values, pattern) && !counts(values, pattern, events) {
			found[pattern] = true
		}
	}
	return found
}

// Moving finds the patterns of what is not the same in all readings of one state:
// how long the reading took, a digest over that. Lists of another length are not
// among them: they grow because something happened.
func Moving(readings []*State) Patterns {
	found := Patterns{}
	if len(readings) == 0 {
		return found
	}
	values := listScalars(readings)
	for pattern, first := range values[0] {
		for _, v := range values[1:] {
			if len(v[pattern]) != len(first) || slices.ContainsFunc(v[pattern], isRole) {
				delete(found, pattern)
				break
			}
			if !slices.Equal(v[pattern], first) {
				found[pattern] = true
			}
		}
	}
	return found
}

// listScalars lists each state's scalars by pattern, in the order of their texts.
func listScalars(states []*State) []map[string][]string {
	values := make([]map[string][]string, len(states))
	for i, s := range states {
		values[i] = map[string][]string{}
		s.scalars("", func(pattern, text string) { values[i][pattern] = append(values[i][pattern], text) })
		for _, list := range values[i] {
			slices.Sort(list)
		}
	}
	return values
}

func differsEverywhere(values []map[string][]string, pattern string) bool {
	for i, v := range values {
		list := v[pattern]
		if len(list) != len(values[0][pattern]) || slices.ContainsFunc(list, isRole) {
			return false
		}
		for _, earlier := range values[:i] {
			if slices.Equal(list, earlier[pattern]) {
				return false
			}
		}
	}
	return true
}

// counts says whether a value looks like a count of the history's events, which
// no two customers should differ in, rather than like a row's id, which grows
// from one customer to the next.
func counts(values []map[string][]string, pattern string, events int) bool {
	last := -1
	for _, v := range values {
		if len(v[pattern]) != 1 {
			return false
		}
		n, err := strconv.Atoi(v[pattern][0])
		if err != nil || n > events {
			return false
		}
		if n <= last {
			return true
		}
		last = n
	}
	return false
}
