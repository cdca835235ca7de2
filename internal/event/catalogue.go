package event

import (
	"slices"
	"strings"
	"sync"

	"relayctl/fixtures"
	"relayctl/internal/suggest"
)

// table is the catalogue prepared for look-ups. It is built once and never
// changed, so it is safe for concurrent use.
type table struct {
	events     []fixtures.Event
	byName     map[string]int
	names      []string
	properties []fixtures.Property
	propIndex  map[string]int
	propNames  []string
}

var catalogue = sync.OnceValue(func() *table {
	t := &table{
		events: fixtures.Catalogue(), properties: fixtures.Properties(),
		byName: map[string]int{}, propIndex: map[string]int{},
	}
	for i, e := range t.events {
		t.byName[e.Name] = i
		t.names = append(t.names, e.Name)
	}
	for i, p := range t.properties {
		t.propIndex[p.Name] = i
		t.propNames = append(t.propNames, p.Name)
	}
	return t
})

// envelopeNames are the envelope's properties (R-ENVELOPE).
func envelopeNames() []string { return []string{"event_id", "event_name", "event_ts", "payload"} }

// Names returns the known event names in catalogue order. The caller owns the
// slice. Safe for concurrent use.
func Names() []string { return slices.Clone(catalogue().names) }

// Lookup returns the catalogue's row of an event name, and whether it has one.
// Safe for concurrent use.
func Lookup(name string) (fixtures.Event, bool) {
	t := catalogue()
	i, ok := t.byName[name]
	if !ok {
		return fixtures.Event{}, false
	}
	return t.events[i], true
}

// Suggest returns the known event name nearest to name, or "".
func Suggest(name string) string { return suggest.Nearest(name, catalogue().names) }

// FamilyOf returns what stands before the dot of an event name: the key by
// which output is coloured. An unknown name has a family too. It is not the
// fixtures.Family of the event, which says what properties its payload has.
func FamilyOf(name string) string {
	family, _, _ := strings.Cut(name, ".")
	return family
}

// PropertiesOf returns the payload properties that events of the family carry,
// in catalogue order (R-ENVELOPE and the samples).
func PropertiesOf(family fixtures.Family) []fixtures.Property {
	var out []fixtures.Property
	for _, p := range catalogue().properties {
		if slices.Contains(p.Families, family) {
			out = append(out, p)
		}
	}
	return out
}

// splitName cuts an event name at its only dot into event_type and
// event_subtype (R-NAME).
func splitName(name string) (eventType, subtype string) {
	eventType, subtype, _ = strings.Cut(name, ".")
	return eventType, subtype
}
