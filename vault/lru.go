package vault

import "sync"

// lru keeps the tokens that Vault made, by the keyed hash of their values. It is bounded
// in bytes, holds no plaintext, and is safe for concurrent use. It stands behind the
// lanes' caches, which answer most values without it.
type lru struct {
	shards [lruShards]lruShard
}

const (
	lruShards = 16
	// lruEntryBytes is what an entry costs besides its token: the entry, its place in
	// the map, and what the allocator rounds up.
	lruEntryBytes = 160
)

type lruShard struct {
	mu      sync.Mutex
	entries map[hash128]*lruEntry
	// ring is a sentinel: its next is the entry used last, its prev the one to go.
	ring  lruEntry
	bytes int
	limit int
}

type lruEntry struct {
	hash       hash128
	token      []byte
	prev, next *lruEntry
}

func newLRU(size int) *lru {
	l := new(lru)
	for i := range l.shards {
		s := &l.shards[i]
		s.entries = make(map[hash128]*lruEntry)
		s.ring.prev, s.ring.next = &s.ring, &s.ring
		s.limit = size / lruShards
	}
	return l
}

func (l *lru) shard(h hash128) *lruShard { return &l.shards[h.hi%lruShards] }

// append appends the token of a hash to dst and reports whether there was one.
func (l *lru) append(dst []byte, h hash128) ([]byte, bool) {
	s := l.shard(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.entries[h]
	if e == nil {
		return dst, false
	}
	s.unlink(e)
	s.link(e)
	return append(dst, e.token...), true
}

// put keeps a token, which must not change afterwards.
func (l *lru) put(h hash128, token []byte) {
	s := l.shard(h)
	s.mu.Lock()
	defer s.mu.Unlock()
	if e := s.entries[h]; e != nil {
		s.remove(e)
	}
	if len(token)+lruEntryBytes > s.limit {
		return
	}
	e := &lruEntry{hash: h, token: token}
	s.entries[h] = e
	s.link(e)
	for s.bytes += len(token) + lruEntryBytes; s.bytes > s.limit; {
		s.remove(s.ring.prev)
	}
}

func (s *lruShard) remove(e *lruEntry) {
	s.unlink(e)
	delete(s.entries, e.hash)
	s.bytes -= len(e.token) + lruEntryBytes
}

func (s *lruShard) link(e *lruEntry) {
	e.prev, e.next = &s.ring, s.ring.next
	e.prev.next, e.next.prev = e, e
}

func (s *lruShard) unlink(e *lruEntry) {
	e.prev.next, e.next.prev = e.next, e.prev
}
