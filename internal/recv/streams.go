package recv

// beginStream counts a request of HTTP/2, and says whether it may go on. With hundreds
// on a connection, what they hold would have no bound. Where as many are under way as
// connections may be open, a connection has no more than its share of them: who keeps
// many waiting is refused more, and who has few is neither refused nor cut off for it.
func (r *Receiver) beginStream(c *conn) bool {
	own := c.streams.Add(1)
	if most := int64(r.lim.conns); r.streams.Add(1) > most && own > max(1, most/int64(max(1, r.conns.count()))) {
		r.endStream(c)
		return false
	}
	return true
}

// endStream notes that a request which may have gone on is over.
func (r *Receiver) endStream(c *conn) {
	c.streams.Add(-1)
	r.streams.Add(-1)
}
