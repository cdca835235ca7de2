package recv

// beginStream counts a request of HTTP/2 and says whether it may go on. A connection may
// carry hundreds of requests, so without a bound the memory that they hold would have
// none. When as many requests are under way as connections may be open, each connection may
// have no more than its share; a request beyond that is refused.
func (r *Receiver) beginStream(c *conn) bool {
	own := c.streams.Add(1)
	if most := int64(r.lim.conns); r.streams.Add(1) > most && own > max(1, most/int64(max(1, r.conns.count()))) {
		r.endStream(c)
		return false
	}
	return true
}

// endStream notes that a request is over that beginStream let go on.
func (r *Receiver) endStream(c *conn) {
	c.streams.Add(-1)
	r.streams.Add(-1)
}
