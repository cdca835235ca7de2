package testbed

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"
)

// Faulty gives the receiver the controls fault-on and fault-off, and says
// whether the fault is on. The good receiver answers 500 while it is.
func Faulty(r *Receiver) *atomic.Bool {
	on := new(atomic.Bool)
	r.Controls = with(r.Controls, "fault-on", func() { on.Store(true) })
	r.Controls = with(r.Controls, "fault-off", func() { on.Store(false) })
	store := r.Store
	r.Store = func(req *http.Request, events []Event) int {
		if on.Load() {
			return http.StatusInternalServerError
		}
		return store(req, events)
	}
	return on
}

func with(controls map[string]func(), name string, run func()) map[string]func() {
	if controls == nil {
		controls = map[string]func(){}
	}
	controls[name] = run
	return controls
}

// Restartable gives the receiver the control restart. What is in memory only is
// gone afterwards: the newest events, as many as unwritten says, and the ids
// that duplicates are told by unless ids is set.
func Restartable(r *Receiver, unwritten int, ids bool) {
	restartable(r, unwritten, ids, func(*Event) bool { return true })
}

// restartable is Restartable of a receiver that can read only some events again.
func restartable(r *Receiver, unwritten int, ids bool, readable func(*Event) bool) {
	var written lock
	var disk []Event // guarded by written, in the order of their commits
	r.Store = func(_ *http.Request, events []Event) int {
		written.Lock()
		defer written.Unlock()
		for _, e := range events {
			if r.State.Claim(r.Key(&e)) {
				r.State.Apply(&e)
				disk = append(disk, e)
			}
		}
		return 0
	}
	restarts(r, func() {
		written.Lock()
		defer written.Unlock()
		disk = slices.Clip(disk[:max(0, len(disk)-unwritten)])
		fresh := NewState()
		for i := range disk {
			if !readable(&disk[i]) {
				continue
			}
			fresh.Apply(&disk[i])
			if ids {
				fresh.Claim(r.Key(&disk[i]))
			}
		}
		r.State.Replace(fresh)
	})
}

// mostCalls is more than are ever under way at once.
const mostCalls = 1 << 20

// restarts gives the receiver the control restart, in which bring is called. While
// it restarts, and for the calls that are under way then, connections end without
// an answer.
func restarts(r *Receiver, bring func()) {
	calls := semaphore.NewWeighted(mostCalls) // a restart holds all of them
	var life atomic.Int64
	r.Outer = append(r.Outer, func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			born := life.Load()
			if !calls.TryAcquire(1) {
				panic(http.ErrAbortHandler)
			}
			func() {
				defer calls.Release(1)
				next.ServeHTTP(w, req)
			}()
			if life.Load() != born {
				panic(http.ErrAbortHandler)
			}
		})
	})
	r.Controls = with(r.Controls, "restart", func() {
		life.Add(1)
		_ = calls.Acquire(context.Background(), mostCalls) // cannot fail
		defer calls.Release(mostCalls)
		bring()
	})
}

// kept is a receiver that writes what it is given into a file, as lines, and reads it
// when it starts.
func kept(line func(e *Event, fault bool) []byte) func(*Receiver) {
	return func(r *Receiver) {
		var mu lock
		var file []byte // guarded by mu
		fault := Faulty(r)
		r.Store = func(_ *http.Request, events []Event) int {
			mu.Lock()
			defer mu.Unlock()
			for i := range events {
				if e := &events[i]; r.State.Claim(r.Key(e)) {
					r.State.Apply(e)
					file = append(file, line(e, fault.Load())...)
				}
			}
			return 0
		}
		restarts(r, func() {
			mu.Lock()
			defer mu.Unlock()
			fresh := NewState()
			for line := range bytes.Lines(file) {
				if e, err := decode(line); err == nil && fresh.Claim(r.Key(&e)) {
					fresh.Apply(&e)
				}
			}
			r.State.Replace(fresh)
		})
	}
}

// fileFlaws lose in a restart what their file, or their database, does not say.
func fileFlaws() []Flaw {
	return []Flaw{
		{
			Name: "two-commits", Story: "the id is committed, then the effect, and not every kill falls between them", Only: []string{"event.effect", "durable"},
			Break: func(r *Receiver) {
				var kills atomic.Int64
				between := make(chan struct{}) // takes a call that is between the two
				storing(func(r *Receiver, e *Event) {
					if !r.State.Claim(r.Key(e)) {
						return
					}
					select {
					case between <- struct{}{}:
						panic(http.ErrAbortHandler)
					default:
						r.State.Apply(e)
					}
				})(r)
				restarts(r, func() {})
				restart := r.Controls["restart"]
				r.Controls["restart"] = func() {
					if kills.Add(1) == 2 {
						select {
						case <-between:
						case <-time.After(time.Second): // nothing is under way
						}
					}
					restart()
				}
			},
			Fails: []string{"durable.restart"},
		},
		{
			Name: "not-written-while-down", Story: "the write to the file fails, which is logged, and the work goes on in memory",
			Break: kept(func(e *Event, fault bool) []byte {
				var line bytes.Buffer
				if !fault && json.Compact(&line, e.Raw) == nil {
					line.WriteByte('\n')
				}
				return line.Bytes()
			}),
			Only: []string{"event.effect", "retry", "durable"}, Fails: []string{"retry.effect"},
		},
		{
			Name: "bodies-as-lines", Story: "each body is appended as it came, with a line break behind it",
			Break: kept(func(e *Event, _ bool) []byte { return append(slices.Clone(e.Raw), '\n') }),
			Only:  []string{"event.effect", "durable"}, Fails: []string{"durable.restart"},
		},
	}
}
