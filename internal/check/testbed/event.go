package testbed

import (
	"encoding/json"
	"errors"
	"time"
)

// Event is a received event, read tolerantly.
type Event struct {
	ID, Name string
	TS       time.Time
	Payload  map[string]any
	Raw      json.RawMessage
}

// Text gives a property of the payload, "" where it is absent in any way.
func (e *Event) Text(name string) string {
	s, _ := e.Payload[name].(string)
	return s
}

func decode(raw json.RawMessage) (Event, error) {
	var wire struct {
		ID      string         `json:"event_id"`
		Name    string         `json:"event_name"`
		TS      string         `json:"event_ts"`
		Payload map[string]any `json:"payload"`
	}
	if err := json.Unmarshal(raw, &wire); err != nil {
		return Event{}, err
	}
	if wire.ID == "" || wire.Name == "" {
		return Event{}, errors.New("no event")
	}
	ts, err := time.Parse(time.RFC3339, wire.TS)
	return Event{wire.ID, wire.Name, ts, wire.Payload, raw}, err
}
