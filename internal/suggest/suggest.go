// Package suggest finds the known name that a misspelt one most likely meant.
// Nearest finds it, DidYouMean words it for the end of an error.
package suggest

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Nearest returns the known name closest to name by edit distance, ignoring
// case, or "" when none is close enough: about a third of the letters may differ,
// one of up to four, two of five to eight. Of equally near names the first one
// wins. Safe for concurrent use.
func Nearest(name string, known []string) string {
	letters := utf8.RuneCountInString(name)
	best, bestDist := "", min(max(2, letters/3), (letters+1)/3)+1
	for _, k := range known {
		if d := distance(strings.ToLower(name), strings.ToLower(k), bestDist); d < bestDist {
			best, bestDist = k, d
		}
	}
	return best
}

// DidYouMean returns `; did you mean "x"?` for the nearest known name, or ""
// when none is near, ready to be put at the end of an error.
func DidYouMean(name string, known []string) string {
	if n := Nearest(name, known); n != "" {
		return "; did you mean " + Quote(n) + "?" // what is known may come from outside
	}
	return ""
}

// Quote puts a name in quotes as it is typed: what cannot be shown becomes an escape,
// but a backslash stays one.
func Quote(name string) string { return strings.ReplaceAll(strconv.Quote(name), `\\`, `\`) }

// distance is the Damerau-Levenshtein distance (optimal string alignment) of a
// and b; a result of limit or more only says that it is at least limit.
func distance(a, b string, limit int) int {
	ra, rb := []rune(a), []rune(b)
	if diff := len(ra) - len(rb); diff >= limit || -diff >= limit {
		return limit
	}
	before, prev, row := make([]int, len(rb)+1), make([]int, len(rb)+1), make([]int, len(rb)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(ra); i++ {
		row[0] = i
		for j := 1; j <= len(rb); j++ {
			cost := 1
			if ra[i-1] == rb[j-1] {
				cost = 0
			}
			row[j] = min(prev[j]+1, row[j-1]+1, prev[j-1]+cost)
			if i > 1 && j > 1 && ra[i-1] == rb[j-2] && ra[i-2] == rb[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, prev, row = prev, row, before
	}
	return prev[len(rb)]
}
