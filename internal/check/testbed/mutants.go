package testbed

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// Off names the switches that are off.
type Off map[string]bool

// Switch is a part of a rule of the good receiver.
type Switch struct {
	Name   string   // "order-seconds": the rule, and where it has several parts which one
	Found  []string // the checks that name it: one of them has to fail without it
	atRead bool     // it means nothing to who tells duplicates when the page is shown
}

// Rule is the first part of the name.
func (s Switch) Rule() string {
	rule, _, _ := strings.Cut(s.Name, "-")
	return rule
}

// Means says whether there is something to switch off in receivers of a make.
func (s Switch) Means(m Make) bool { return !s.atRead || !m.atRead }

// Switches lists them.
func Switches() []Switch {
	return []Switch{
		{Name: "dedupe", Found: []string{"duplicate.sequential", "duplicate.concurrent"}},
		{Name: "dedupe-memory", Found: []string{"duplicate.memory"}, atRead: true},
		{Name: "dedupe-eager", Found: []string{"duplicate.distinct"}},
		{Name: "order", Found: []string{"order.reversed"}},
		{Name: "order-seconds", Found: []string{"order.fine"}},
		{Name: "tolerance-properties", Found: []string{"tolerant.properties"}},
		{Name: "tolerance-names", Found: []string{"tolerant.event-name"}},
		{Name: "limits", Found: []string{"event.id-forms"}},
		{Name: "isolation-case", Found: []string{"isolation.customers"}},
		{Name: "isolation-number", Found: []string{"isolation.customers"}},
		{Name: "durability", Found: []string{"durable.restart"}},
		{Name: "durability-ids", Found: []string{"durable.restart"}, atRead: true},
		{Name: "concurrency", Found: []string{"concurrent.events"}},
		{Name: "concurrency-limit", Found: []string{"concurrent.accepted"}},
		{Name: "credentials", Found: []string{"auth.wrong"}},
		{Name: "credentials-order", Found: []string{"auth.no-effect"}},
		{Name: "acknowledgement", Found: []string{"retry.effect"}},
		{Name: "acknowledgement-id", Found: []string{"retry.effect"}, atRead: true},
		{Name: "acknowledgement-business", Found: []string{"business.never-400"}},
	}
}

// remembered is how many ids are kept without dedupe-memory, and unwritten how many
// events a restart takes without durability.
const (
	remembered = 400
	unwritten  = 20
)

// keeper is a receiver of a make, with switches off. Safe for concurrent use.
type keeper struct {
	Make
	off   Off
	fault atomic.Bool
	busy  atomic.Int64

	mu     lock
	life   int             // guarded by mu: the restarts
	seen   map[string]bool // guarded by mu
	ids    []string        // guarded by mu: those that were seen, in order
	disk   []Event         // guarded by mu: what is kept over a restart
	books  map[string]book // guarded by mu, by customer
	owners map[string][]string
	known  map[string]bool // guarded by mu: messages

	began   time.Time
	working sync.Map // of a customer to the lock of its row
}

// Without makes a good receiver of that make, and switches off what is named.
func (m Make) Without(off Off) func(*Receiver) {
	return func(r *Receiver) {
		k := &keeper{Make: m, off: off, began: time.Now()}
		k.forget()
		r.Store = func(_ *http.Request, events []Event) int { return k.take(events) }
		r.Page = k.show
		if m.cached > 0 {
			r.Page = cachedPage(m.cached, k.show)
		}
		r.Admit = k.admit
		if off["credentials"] {
			comparePassword(strings.HasPrefix)(r)
		}
		if off["credentials-order"] {
			refuse := r.Refuse
			r.Refuse = func(w http.ResponseWriter, req *http.Request) {
				if body, status := r.Read(w, req); status == 0 {
					if events, status := r.Parse(body); status == 0 {
						k.take(events)
					}
				}
				refuse(w, req)
			}
		}
		r.Controls = with(r.Controls, "fault-on", func() { k.fault.Store(true) })
		r.Controls = with(r.Controls, "fault-off", func() { k.fault.Store(false) })
		restarts(r, k.restart)
	}
}

func (k *keeper) forget() {
	k.seen, k.ids, k.books, k.owners, k.known = map[string]bool{}, nil, map[string]book{}, map[string][]string{}, map[string]bool{}
}

// keyOf is what an event is known by.
func keyOf(e *Event, off Off) string {
	if off["dedupe-eager"] {
		return e.Text("ccid") + e.Name + e.TS.String()
	}
	return e.ID
}

// customer is what a customer is kept under.
func (k *keeper) customer(ccid string) string {
	if k.off["isolation-case"] {
		return strings.ToLower(ccid)
	}
	return ccid
}

// admit refuses what a good receiver takes.
func (k *keeper) admit(e *Event) int {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e.Name == "message.delivered" {
		k.known[e.Text("message_id")] = true
	}
	switch {
	case k.off["tolerance-names"] && !known(e.Name):
		return http.StatusBadRequest
	case k.off["acknowledgement-business"] && e.Name == "message.action_taken" && !k.known[e.Text("message_id")]:
		return http.StatusConflict
	}
	return 0
}

// take keeps the events of a call and gives the answer's status, 0 for 200.
func (k *keeper) take(events []Event) int {
	time.Sleep(k.stall())
	defer k.busy.Add(-1)
	if busy := k.busy.Add(1); k.off["concurrency-limit"] {
		if busy > 3 {
			return http.StatusServiceUnavailable
		}
		time.Sleep(5 * time.Millisecond)
	}
	defer k.lockRows(events)()
	for i := range events {
		e := &events[i]
		switch {
		case k.fault.Load() && k.off["acknowledgement"]:
		case k.fault.Load() && k.off["acknowledgement-id"]:
			k.claim(e)
			return http.StatusInternalServerError
		case k.fault.Load():
			return http.StatusInternalServerError
		case k.claim(e):
			k.write(e)
		}
	}
	return 0
}

// claim notes an event and says whether it is new.
func (k *keeper) claim(e *Event) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	key := keyOf(e, k.off)
	if k.atRead || k.off["dedupe"] {
		return true
	}
	if k.seen[key] {
		return false
	}
	k.seen[key] = true
	k.ids = append(k.ids, key)
	if k.off["dedupe-memory"] && len(k.ids) > remembered {
		delete(k.seen, k.ids[0])
		k.ids = k.ids[1:]
	}
	return true
}

// write puts an event on disk, and into its book at once or later.
func (k *keeper) write(e *Event) {
	k.mu.Lock()
	k.disk = append(k.disk, *e)
	life, kept := k.life, *e
	k.mu.Unlock()
	if k.delay == 0 {
		k.apply(e, life)
		return
	}
	time.AfterFunc(k.delay+k.stall(), func() { k.apply(&kept, life) })
}

// apply puts an event into the books, unless a restart has done that with all that
// was on disk.
func (k *keeper) apply(e *Event, life int) {
	tooLong := func(name string) bool { return len(e.Text(name)) > 128 }
	switch {
	case e.Text("ccid") == "" || !known(e.Name):
		return
	case k.off["tolerance-properties"] && (len(e.Top()) > 4 || e.unknownProperty()):
		return
	case k.off["limits"] && (tooLong("message_name") || tooLong("action_value")):
		return
	}
	for _, ccid := range k.concerned(e) {
		k.mu.Lock()
		old := k.books[ccid]
		if old == nil {
			old = k.empty
		}
		if k.off["concurrency"] {
			k.mu.Unlock()
			time.Sleep(2 * time.Millisecond)
			k.mu.Lock()
		}
		if k.life == life {
			k.books[ccid] = old.with(e, k.off)
		}
		k.mu.Unlock()
	}
}

// lockRows keeps others from the rows of a call's customers, in one order for all
// calls, until unlock is called: a transaction with its way to the database.
func (k *keeper) lockRows(events []Event) (unlock func()) {
	if !k.locks || k.off["concurrency"] {
		return func() {}
	}
	var ccids []string
	for i := range events {
		ccids = append(ccids, events[i].Text("ccid"))
	}
	slices.Sort(ccids)
	var held []*lock
	for _, ccid := range slices.Compact(ccids) {
		row, _ := k.working.LoadOrStore(ccid, new(lock))
		held = append(held, row.(*lock))
		held[len(held)-1].Lock()
	}
	time.Sleep(2 * time.Millisecond)
	return func() {
		for _, l := range held {
			l.Unlock()
		}
	}
}

// concerned are the customers to whom an event is applied.
func (k *keeper) concerned(e *Event) []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	ccid, number := k.customer(e.Text("ccid")), e.Text("channel_addr")
	if !slices.Contains(k.owners[number], ccid) {
		k.owners[number] = append(k.owners[number], ccid)
	}
	if k.off["isolation-number"] && e.Name == "channel_consent.update" {
		return slices.Clone(k.owners[number])
	}
	return []string{ccid}
}

// restart brings back what is on disk.
func (k *keeper) restart() {
	k.mu.Lock()
	k.life++
	disk := k.disk
	if k.off["durability"] {
		disk = slices.Clip(disk[:max(0, len(disk)-unwritten)])
	}
	k.disk = disk
	k.forget()
	life := k.life
	k.mu.Unlock()
	for i := range disk {
		if !k.off["durability-ids"] {
			k.claim(&disk[i])
		}
		restored := disk[i]
		k.apply(&restored, life)
	}
}

func (k *keeper) show(w http.ResponseWriter, ccid string) {
	k.mu.Lock()
	kept := k.books[k.customer(ccid)]
	k.mu.Unlock()
	if kept == nil {
		http.Error(w, "not found", http.StatusNotFound)
		return
	}
	page := kept.page(k.off)
	if k.clock {
		page = timed{time.Now().Format(time.RFC3339Nano), time.Since(k.began), page}
	}
	_ = json.NewEncoder(w).Encode(page) // the reader may be gone
}
