package judge

// generations is a map from hashes to small values that forgets the least
// recently set half of what it holds when it is full: the latest limit keys are
// always known, and never more than twice as many. It holds no pointers, so that
// it costs the garbage collector little. It is not safe for concurrent use.
type generations struct {
	young, old map[uint64]uint64
	limit      int
	kept       int    // keys of old that were set again since, and so are in young
	forgotten  uint64 // keys
}

// newGenerations makes a map of hashes for which the latest limit keys are known.
func newGenerations(limit int) generations {
	return generations{young: map[uint64]uint64{}, old: map[uint64]uint64{}, limit: limit}
}

func (g *generations) get(key uint64) (value uint64, ok bool) {
	if value, ok = g.young[key]; !ok {
		value, ok = g.old[key]
	}
	return value, ok
}

func (g *generations) set(key, value uint64) {
	before := len(g.young)
	if g.young[key] = value; len(g.young) == before {
		return
	}
	if _, again := g.old[key]; again {
		g.kept++
	}
	if len(g.young) >= g.limit {
		g.forgotten += uint64(len(g.old) - g.kept)
		g.old, g.young, g.kept = g.young, g.old, 0
		clear(g.young)
	}
}
