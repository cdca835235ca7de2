// Package standin makes a copy of a capture that can be given away: it replaces
// what tells whose data it is by stand-ins.
//
// A Maker takes one record after the other (record.go). A stand-in has the form of
// what it stands for: letters stay letters, digits digits, a UUID a UUID, and the
// length stays. The same text always gets the same stand-in, and two texts never
// the same one (token.go, permute.go), so that a copy shows the same duplicates,
// retries and disorder. A body is read as JSON as far as it goes, and written back
// byte for byte but for the values (body.go).
//
// This package knows the form of records and the names of the catalogue. It does not
// know files.
package standin

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
	"slices"
	"strings"

	"relayctl/fixtures"
)

// Maker makes stand-ins. It is not safe for concurrent use.
type Maker struct {
	block   cipher.Block
	mac     [aes.BlockSize]byte // of permute, which would allocate them
	stream  [aes.BlockSize]byte
	units   []unit
	places  []place
	letters map[alphabetKey][]rune
	words   vocabulary
	byName  map[string]*Count
	special Left
}

// New returns a Maker whose stand-ins depend only on the salt. Anyone who knows the salt
// can find out by trial what a short text, such as a telephone number, stands for.
func New(salt []byte) *Maker {
	key := sha256.Sum256(append([]byte("relayctl stand-ins\n"), salt...))
	block, _ := aes.NewCipher(key[:]) // it fails only for a key of another length
	return &Maker{block: block, letters: map[alphabetKey][]rune{}, words: newVocabulary(), byName: map[string]*Count{}}
}

// Count says what became of the values of one property, or of one part of the
// requests.
type Count struct {
	Name     string // a property of bodies; or Remote, Path, …
	Part     bool   // it is a part of the requests, and not a property
	Replaced int
	Left     int      // values that stay
	Why      []Reason // they stay, in alphabetical order
}

// Reason is why a value stays, in words for people.
type Reason string

// The reasons.
const (
	Absent     Reason = "empty or null"
	Documented Reason = "documented by Relay"
	Time       Reason = "a time"
	Truth      Reason = "true or false"
	Blank      Reason = "zero or punctuation"
	Usual      Reason = "a usual word or value"
	Local      Reason = "loopback or Relay's"
	Gone       Reason = "taken out before"
	Chance     Reason = "its own stand-in, by chance"
)

// Left counts what a reader of the copy should know of.
type Left struct {
	NotJSON int // bodies that are not JSON, whose words and digits are replaced all the same
	Binary  int // those of them that are not text
}

// Special tells of bodies that are not usual.
func (m *Maker) Special() Left { return m.special }

// Counts lists what was replaced and left, the properties of the bodies in the order of
// the catalogue, then other properties, then the parts of the requests.
func (m *Maker) Counts() []Count {
	order := map[string]int{"event_id": -1}
	for i, p := range fixtures.Properties() {
		order[p.Name] = i
	}
	place := func(c Count) int {
		at, known := order[c.Name]
		switch {
		case c.Part:
			return len(order) + 1
		case !known:
			return len(order)
		}
		return at
	}
	var out []Count
	for _, c := range m.byName {
		out = append(out, *c)
	}
	slices.SortFunc(out, func(a, b Count) int {
		if d := place(a) - place(b); d != 0 {
			return d
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out
}

// mostNames bounds how many properties are counted by name.
const mostNames = 200

// Others is the name under which is counted what belongs to no property, or to one of
// too many.
const Others = "other text"

// count counts a value that is replaced, or stays for a reason.
func (m *Maker) count(name string, part bool, stays Reason) {
	key := name
	if part {
		key = "\x00" + name
	}
	c := m.byName[key]
	if c == nil && len(m.byName) >= mostNames && !part {
		name, key = Others, Others
		c = m.byName[key]
	}
	if c == nil {
		c = &Count{Name: strings.Clone(name), Part: part}
		m.byName[strings.Clone(key)] = c
	}
	if stays == "" {
		c.Replaced++
		return
	}
	c.Left++
	if at, known := slices.BinarySearch(c.Why, stays); !known {
		c.Why = slices.Insert(c.Why, at, stays)
	}
}

// same is the reason why the stand-in of a text is the text itself.
func same(text string) Reason {
	if strings.IndexFunc(text, func(r rune) bool { return r != '0' && inToken(r) }) < 0 {
		return Blank
	}
	return Chance
}
