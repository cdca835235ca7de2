package sim

import (
	"slices"
	"time"

	"relayctl/fixtures"
	"relayctl/internal/event"
)

// The chances of a record's journey, in per cent. Relay documents none of
// them; they only have to show an endpoint every kind of event.
const (
	chanceSecondChannel = 12
	chanceUndelivered   = 3 // of the message in the feed
	chanceNotAttempted  = 3
	chanceReceipt       = 95
	chanceBadReceipt    = 7
	chanceClick         = 45
	chanceSecondClick   = 20
	chanceAction        = 60
	chanceOptOut        = 4
	chanceDeactivation  = 2
)

// usualStory is how many events most journeys have room in.
const usualStory = 10

// story draws the journey of one record: what happens to the customer, in
// causal order of event_ts, as the contract's state machine has it.
func (c *customer) story(cl *client, at time.Duration) []happening {
	s := storyTeller{c: c, at: at, events: make([]happening, 0, usualStory)}
	channels := 1
	if s.chance(chanceSecondChannel) {
		c.addChannel()
		channels = 2
	}
	for ch := range channels {
		s.tell("notification_channel.add", ch, 200*time.Millisecond, 2*time.Second)
	}
	if s.chance(chanceUndelivered) {
		s.tell("message.undelivered", 0, time.Second, 5*time.Second)
		return s.events
	}
	s.tell("message.delivered", 0, time.Second, 5*time.Second)
	delivered := s.at
	for ch := range channels {
		s.at = delivered
		s.notify(ch)
	}
	s.sort()
	if s.chance(chanceOptOut) {
		s.consent = "stop"
		s.tell("channel_consent.update", 0, time.Second, time.Minute)
	}
	if s.chance(chanceDeactivation) {
		for ch := range channels {
			s.tell("notification_channel.remove", ch, time.Second, 10*time.Second)
		}
		s.tell("account.deactivate", 0, 100*time.Millisecond, time.Second)
	}
	return s.events
}

// storyTeller collects happenings along one line of time.
type storyTeller struct {
	c       *customer
	at      time.Duration
	consent string
	events  []happening
}

func (s *storyTeller) chance(percent int) bool { return s.c.rng.IntN(100) < percent }

// tell lets an event happen between least and most after the one before.
func (s *storyTeller) tell(name string, channel int, least, most time.Duration) {
	s.at += least + time.Duration(s.c.rng.Int64N(int64(most-least)))
	s.at = s.at.Truncate(time.Millisecond)
	s.events = append(s.events, happening{name: name, family: familyOf(name), at: s.at, channel: channel, consent: s.consent})
}

// notify tells what becomes of the message's notification on a channel.
func (s *storyTeller) notify(ch int) {
	if s.c.consent == "stop" || s.chance(chanceNotAttempted) {
		s.tell("notification.not_attempted", ch, 100*time.Millisecond, time.Second)
		return
	}
	s.tell("notification.attempted", ch, 100*time.Millisecond, time.Second)
	switch {
	case !s.chance(chanceReceipt):
	case s.chance(chanceBadReceipt):
		s.tell("notification.undelivered", ch, time.Second, 30*time.Second)
		return
	default:
		s.tell("notification.delivered", ch, 500*time.Millisecond, 10*time.Second)
	}
	if !s.chance(chanceClick) {
		return
	}
	s.tell("notification.auth_link_clicked", ch, 5*time.Second, 4*time.Minute)
	if s.chance(chanceSecondClick) {
		s.tell("notification.auth_link_clicked", ch, 2*time.Second, time.Minute)
	}
	if s.chance(chanceAction) {
		s.tell("message.action_taken", ch, 2*time.Second, 2*time.Minute)
	}
}

// sort brings the channels' lines together and continues after the last event.
func (s *storyTeller) sort() {
	slices.SortStableFunc(s.events, func(a, b happening) int { return int(a.at - b.at) })
	s.at = s.events[len(s.events)-1].at
}

// familyOf gives the payload family of a known event name. An unknown name,
// which only a user can ask for, is given a notification's payload.
func familyOf(name string) fixtures.Family {
	if e, ok := event.Lookup(name); ok {
		return e.Family
	}
	return fixtures.Notification
}
