package standin

import (
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// longestAddress is the length of 255.255.255.255.
const longestAddress = 15

// addressLength is the length of the IPv4 address that a text begins with, 0 for
// none.
func addressLength(u []unit) int {
	var b [longestAddress]byte
	n := 0
	for n < len(u) && n < len(b) && (u[n].r == '.' || u[n].r >= '0' && u[n].r <= '9') && !u[n].escaped {
		b[n] = byte(u[n].r)
		n++
	}
	for n > 0 && b[n-1] == '.' {
		n-- // the end of a sentence
	}
	if n < len("0.0.0.0") || n < len(u) && inToken(u[n].r) {
		return 0
	}
	if _, err := netip.ParseAddr(string(b[:n])); err != nil {
		return 0
	}
	return n
}

// relays lists the addresses that Relay calls from (R-IP).
func relays() []string { return []string{"50.112.172.205", "52.73.72.6"} }

// public says whether an address tells nothing: one of this machine or of Relay.
func public(a netip.Addr) bool {
	for _, r := range relays() {
		if a == netip.MustParseAddr(r) {
			return true
		}
	}
	return a.IsLoopback() || a.IsUnspecified()
}

func (m *Maker) address(dst, text []byte, u []unit) []byte {
	a, _ := netip.ParseAddr(string(text[u[0].from:u[len(u)-1].to])) // addressLength has parsed it
	return append(dst, m.ip(a).String()...)
}

// ip is the stand-in of an address.
func (m *Maker) ip(a netip.Addr) netip.Addr {
	if public(a) {
		return a.WithZone(m.String(a.Zone()))
	}
	octets := a.AsSlice()
	m.places = m.places[:0]
	for _, o := range octets {
		low, radix := octetsLike(o)
		m.places = append(m.places, place{o - low, radix})
	}
	m.permute(m.places)
	for i, o := range octets {
		low, _ := octetsLike(o)
		octets[i] = low + m.places[i].value
	}
	out, _ := netip.AddrFromSlice(octets)
	return out.WithZone(m.String(a.Zone()))
}

// octetsLike gives the first of the octets that have as many digits as one, and how many
// they are: an address keeps its length.
func octetsLike(o byte) (low, radix uint8) {
	switch {
	case o < 10:
		return 0, 10
	case o < 100:
		return 10, 90
	}
	return 100, 156
}

const dayForm = "dddd-dd-dd"

// dateLength is the length of the day, such as 1985-03-02, that a text begins with,
// and of the time of the day behind it; 0 for none.
func dateLength(u []unit) int {
	if !hasForm(u, dayForm) || u[0].r == '0' {
		return 0
	}
	if month, day := number(u[5:7]), number(u[8:10]); month < 1 || month > 12 || day < 1 || day > 31 {
		return 0
	}
	n := len(dayForm) + timeLength(u[len(dayForm):])
	if n < len(u) && inToken(u[n].r) {
		return 0
	}
	return n
}

// longestFraction is how many digits of a second stay, at most.
const longestFraction = 3

// timeLength is the length of the time of the day, such as T10:11:12.5Z, that a text
// begins with; 0 for none.
func timeLength(u []unit) int {
	if !hasForm(u, "Tdd:dd") || number(u[1:]) > 23 || number(u[4:]) > 59 {
		return 0
	}
	n := len("Tdd:dd")
	if hasForm(u[n:], ":dd") && number(u[n+1:]) <= 59 {
		n += len(":dd")
		if hasForm(u[n:], ".d") {
			for k := 0; k <= longestFraction && n < len(u) && (k == 0 || u[n].r >= '0' && u[n].r <= '9'); k++ {
				n++
			}
		}
	}
	if n < len(u) && u[n].r == 'Z' {
		n++
	}
	return n
}

// hasForm says whether a text begins with a form in which d stands for a digit.
func hasForm(u []unit, form string) bool {
	if len(u) < len(form) {
		return false
	}
	for i, c := range u[:len(form)] {
		if digit := c.r >= '0' && c.r <= '9'; c.escaped || form[i] == 'd' && !digit || form[i] != 'd' && c.r != rune(form[i]) {
			return false
		}
	}
	return true
}

func number(u []unit) int { return int(u[0].r-'0')*10 + int(u[1].r-'0') }

// mostDays is how many days every month has; later ones stay.
const mostDays = 28

// date replaces the day; the time of the day stays.
func (m *Maker) date(dst, text []byte, u []unit) []byte {
	month, day := number(u[5:7]), number(u[8:10])
	m.places = append(m.places[:0], place{uint8(u[0].r - '1'), 9}, place{uint8(month - 1), 12})
	for _, c := range u[1:4] {
		m.places = append(m.places, place{uint8(c.r - '0'), 10})
	}
	if day <= mostDays {
		m.places = append(m.places, place{uint8(day - 1), mostDays})
	} else {
		m.places[1] = place{0, 1} // not every month has such a day
	}
	p := m.places
	m.permute(p)
	if day <= mostDays {
		month, day = int(p[1].value)+1, int(p[5].value)+1
	}
	dst = append(dst, p[0].value+'1', p[2].value+'0', p[3].value+'0', p[4].value+'0', '-')
	dst = append(dst, byte('0'+month/10), byte('0'+month%10), '-', byte('0'+day/10), byte('0'+day%10))
	return append(dst, text[u[len(dayForm)-1].to:u[len(u)-1].to]...)
}

// hostPort is the stand-in of an address with a port, which stays.
func (m *Maker) hostPort(s string) string {
	host, port, err := net.SplitHostPort(s)
	if err != nil {
		return m.host(s)
	}
	if _, err := strconv.ParseUint(port, 10, 16); err != nil {
		port = m.String(port)
	}
	return net.JoinHostPort(m.host(host), port)
}

// host is the stand-in of a name or an address of a machine.
func (m *Maker) host(s string) string {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return strings.Replace(s, strings.Trim(s, "[]"), m.ip(a).String(), 1)
	}
	if strings.EqualFold(s, "localhost") {
		return s
	}
	return m.String(s)
}
