package plan

import "time"

// Timeline holds items until their time and gives them in its order; of items
// due at the same time the first one pushed comes first. The zero value is empty.
type Timeline[T any] struct {
	entries []entry[T] // a heap: no entry comes before its parent, at (i-1)/2
	pushed  int
}

type entry[T any] struct {
	due   time.Duration
	order int
	item  T
}

func (e *entry[T]) before(o *entry[T]) bool {
	return e.due < o.due || e.due == o.due && e.order < o.order
}

// Len is how many items there are.
func (l *Timeline[T]) Len() int { return len(l.entries) }

// Next is when the first item is due; there must be one.
func (l *Timeline[T]) Next() time.Duration { return l.entries[0].due }

// Due says whether there is an item due at t or before.
func (l *Timeline[T]) Due(t time.Duration) bool {
	return len(l.entries) > 0 && l.entries[0].due <= t
}

// Push adds an item.
func (l *Timeline[T]) Push(due time.Duration, item T) {
	l.entries = append(l.entries, entry[T]{due, l.pushed, item})
	l.pushed++
	for i := len(l.entries) - 1; i > 0; {
		parent := (i - 1) / 2
		if !l.entries[i].before(&l.entries[parent]) {
			return
		}
		l.entries[i], l.entries[parent] = l.entries[parent], l.entries[i]
		i = parent
	}
}

// First is the item that comes first; there must be one.
func (l *Timeline[T]) First() T { return l.entries[0].item }

// Pop takes the first item out.
func (l *Timeline[T]) Pop() T {
	item, last := l.entries[0].item, len(l.entries)-1
	l.entries[0] = l.entries[last]
	l.entries[last] = entry[T]{} // nothing must be kept in memory
	l.entries = l.entries[:last]
	l.sink()
	return item
}

// Postpone gives the first item a later time.
func (l *Timeline[T]) Postpone(due time.Duration) {
	l.entries[0].due = due
	l.sink()
}

// sink moves the first entry behind those that come before it.
func (l *Timeline[T]) sink() {
	for i := 0; ; {
		child := 2*i + 1
		if child >= len(l.entries) {
			return
		}
		if right := child + 1; right < len(l.entries) && l.entries[right].before(&l.entries[child]) {
			child = right
		}
		if !l.entries[child].before(&l.entries[i]) {
			return
		}
		l.entries[i], l.entries[child] = l.entries[child], l.entries[i]
		i = child
	}
}
