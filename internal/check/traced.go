package check

import (
	"hash/maphash"
	"sync"
)

// Bounds of the search of all answers for stack traces.
const (
	mostPages   = 500     // different ones that are searched; a receiver's answers are few
	searchedTop = 4 << 10 // of each: a trace is at its beginning or fills it
)

// traced remembers the first answer of a run that shows a stack trace. Safe for
// concurrent use.
type traced struct {
	mu    sync.Mutex
	seed  maphash.Seed    // guarded by mu
	seen  map[uint64]bool // guarded by mu: the pages that were searched
	check string          // guarded by mu: the check that made the call
	x     Exchange        // guarded by mu
	found string          // guarded by mu: what it shows, "" while nothing does
}

// look searches an answer's body.
func (l *traced) look(check string, x Exchange) {
	page := x.Answer.Body
	if len(page) == 0 || !l.isNew(page) {
		return
	}
	found := traceIn(plainText(string(page[:min(len(page), searchedTop)])))
	if found == "" {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.found == "" {
		l.check, l.x, l.found = check, x, found
	}
}

// isNew says whether a page is to be searched, and notes that it is.
func (l *traced) isNew(page []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.found != "" || len(l.seen) >= mostPages {
		return false
	}
	if l.seen == nil {
		l.seen, l.seed = map[uint64]bool{}, maphash.MakeSeed()
	}
	sum := maphash.Bytes(l.seed, page)
	if l.seen[sum] {
		return false
	}
	l.seen[sum] = true
	return true
}

func (l *traced) first() (check string, x Exchange, found string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.check, l.x, l.found
}
