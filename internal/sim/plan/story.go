package plan

import (
	"slices"
	"time"
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

// story draws the journey of one record into the memory of steps: what happens
// to the customer, in causal order of event_ts, as the contract's state machine
// has it.
func (c *customer) story(steps []Step) []Step {
	s := storyTeller{c: c, steps: slices.Grow(steps, usualStory)}
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
		return s.steps
	}
	s.tell("message.delivered", 0, time.Second, 5*time.Second)
	delivered := s.at
	for ch := range channels {
		s.at = delivered
		s.notify(ch)
	}
	s.sort()
	if s.chance(chanceOptOut) {
		s.tell("channel_consent.update", 0, time.Second, time.Minute)
	}
	if s.chance(chanceDeactivation) {
		for ch := range channels {
			s.tell("notification_channel.remove", ch, time.Second, 10*time.Second)
		}
		s.tell("account.deactivate", 0, 100*time.Millisecond, time.Second)
	}
	return s.steps
}

// storyTeller collects steps one after the other in time.
type storyTeller struct {
	c     *customer
	at    time.Duration // of the last one
	steps []Step
}

func (s *storyTeller) chance(percent int) bool { return s.c.rng.IntN(100) < percent }

// tell lets an event happen between least and most after the one before.
func (s *storyTeller) tell(name string, channel int, least, most time.Duration) {
	s.at += least + time.Duration(s.c.rng.Int64N(int64(most-least)))
	s.at = s.at.Truncate(time.Millisecond)
	s.steps = append(s.steps, Step{Event: name, At: s.at, Arrives: s.at, Channel: channel + 1})
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
	slices.SortStableFunc(s.steps, func(a, b Step) int { return int(a.At - b.At) })
	s.at = s.steps[len(s.steps)-1].At
}
