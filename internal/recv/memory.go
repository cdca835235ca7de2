package recv

// generations is a map from hashes to small values that forgets the least
// recently set half of what it holds when it is full: the latest limit keys are
// always known, and never more than twice as many. It holds no pointers, so that
// it costs the garbage collector nothing. Not safe for concurrent use.
type generations struct {
	young, old slots
	limit      int
	kept       int    // keys of old that were set again since, and so are in young
	forgotten  uint64 // keys
}

// slots is a hash table with linear probing.
type slots struct {
	cells []cell
	used  int
}

type cell struct{ key, value uint64 } // key 0 is an empty cell

// newGenerations makes a map of hashes for which the latest limit keys are known.
func newGenerations(limit int) generations { return generations{limit: limit} }

func (g *generations) get(key uint64) (value uint64, ok bool) {
	key = nonZero(key)
	if c := g.young.find(key); c != nil && c.key == key {
		return c.value, true
	}
	if c := g.old.find(key); c != nil && c.key == key {
		return c.value, true
	}
	return 0, false
}

func (g *generations) set(key, value uint64) {
	key = nonZero(key)
	c := g.young.find(key)
	if c != nil && c.key == key {
		c.value = value
		return
	}
	if o := g.old.find(key); o != nil && o.key == key {
		g.kept++
	}
	if c == nil || g.young.used >= len(g.young.cells)/4*3 {
		g.young.grow()
		c = g.young.find(key)
	}
	*c = cell{key, value}
	g.young.used++
	if g.young.used >= g.limit {
		g.forgotten += uint64(g.old.used - g.kept)
		g.old, g.young, g.kept = g.young, g.old, 0
		clear(g.young.cells)
		g.young.used = 0
	}
}

func nonZero(key uint64) uint64 { return max(key, 1) }

// find returns the key's cell, or the empty one where it belongs; nil in a
// table without cells.
func (s *slots) find(key uint64) *cell {
	if len(s.cells) == 0 {
		return nil
	}
	// The low bits have chosen the shard.
	mask := uint64(len(s.cells) - 1)
	for i := (key >> 8) & mask; ; i = (i + 1) & mask {
		if c := &s.cells[i]; c.key == key || c.key == 0 {
			return c
		}
	}
}

func (s *slots) grow() {
	bigger := slots{cells: make([]cell, max(64, 2*len(s.cells))), used: s.used}
	for _, c := range s.cells {
		if c.key != 0 {
			*bigger.find(c.key) = c
		}
	}
	*s = bigger
}
