package standin

import (
	"crypto/aes"
	"encoding/binary"
)

// place is one character of a text as a number below its radix: 10 for a digit, 26
// for a letter.
type place struct{ value, radix uint8 }

// rounds of the Feistel network; with ten, known pairs do not help to find others.
const rounds = 10

// permute turns the places into others of the same radices: a permutation, so that two
// texts of one form never get the same stand-in.
func (m *Maker) permute(p []place) {
	if len(p) == 1 {
		if r := p[0].radix; r > 1 { // never itself
			m.seed(0, nil)
			p[0].value = uint8((int(p[0].value) + 1 + int(m.at(0))%(int(r)-1)) % int(r))
		}
		return
	}
	left, right := p[:len(p)/2], p[len(p)/2:]
	for round := range rounds {
		m.seed(round+1, left)
		for i := range right {
			right[i].value = uint8((int(right[i].value) + int(m.at(i))) % int(right[i].radix))
		}
		left, right = right, left
	}
}

// seed begins the pseudo-random bytes that a round derives from one half: a CBC-MAC
// of it.
func (m *Maker) seed(round int, half []place) {
	m.mac = [aes.BlockSize]byte{byte(round)}
	binary.BigEndian.PutUint32(m.mac[1:], uint32(len(half)))
	at := 5
	for _, p := range half {
		if at == len(m.mac) {
			m.block.Encrypt(m.mac[:], m.mac[:])
			at = 0
		}
		m.mac[at] ^= p.value
		at++
	}
	m.block.Encrypt(m.mac[:], m.mac[:])
}

// at gives byte i of the pseudo-random bytes; i has to rise from 0.
func (m *Maker) at(i int) byte {
	if i%aes.BlockSize == 0 {
		m.stream = m.mac
		for k := range 8 {
			m.stream[k] ^= byte(uint64(i/aes.BlockSize+1) >> (8 * k))
		}
		m.block.Encrypt(m.stream[:], m.stream[:])
	}
	return m.stream[i%aes.BlockSize]
}
