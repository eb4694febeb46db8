package vault

import "math/bits"

// cache keeps tokens by the keyed hash of their value. It has a fixed size and holds no
// plaintext. It is not safe for concurrent use.
//
// The hash has 128 bits and its key is random and never leaves the process, so that two
// values share a token with probability below 2^-80 after 2^24 values, whoever chose them.
type cache struct {
	// tags holds the low half of each slot's hash, 0 for a free slot; four in a row
	// make a set, one quarter of a cache line.
	tags  []uint64
	slots []cacheSlot
	next  uint32 // spreads evictions over the ways of a set
}

const (
	cacheWays = 4
	slotBytes = 128
	// cacheToken is the longest token kept. Longer ones are made anew: their values
	// are long, and long values seldom come again.
	cacheToken = slotBytes - 8 - 1

	// entryBytes is what an entry costs, with its tag.
	entryBytes = slotBytes + 8
)

type cacheSlot struct {
	hi  uint64
	len uint8
	tok [cacheToken]byte
}

// newCache makes a cache of at most the given size; less than one set of entries makes
// a cache that keeps nothing.
func newCache(size int) *cache {
	sets := max(0, size) / (cacheWays * entryBytes)
	return &cache{tags: make([]uint64, sets*cacheWays), slots: make([]cacheSlot, sets*cacheWays)}
}

// set returns where the set of a hash begins.
func (c *cache) set(h hash128) int {
	n, _ := bits.Mul64(h.hi, uint64(len(c.tags)/cacheWays))
	return int(n) * cacheWays
}

// append appends the token of a hash to dst and reports whether there was one.
func (c *cache) append(dst []byte, h hash128) ([]byte, bool) {
	if len(c.tags) == 0 {
		return dst, false
	}
	set := c.set(h)
	tags := (*[cacheWays]uint64)(c.tags[set:])
	for i := range tags {
		if tags[i] == h.lo|1 {
			if s := &c.slots[set+i]; s.hi == h.hi {
				return append(dst, s.tok[:s.len]...), true
			}
		}
	}
	return dst, false
}

// fetch brings what append reads of the hashes into the processor's caches. The slots of
// a large cache are far away; here their loads do not wait for one another. The result
// means nothing.
func (c *cache) fetch(hashes []hash128) (sum uint64) {
	if len(c.tags) == 0 {
		return 0
	}
	for _, h := range hashes {
		sum += c.tags[c.set(h)]
	}
	for _, h := range hashes {
		set := c.set(h)
		tags := (*[cacheWays]uint64)(c.tags[set:])
		for i := range tags {
			if tags[i] == h.lo|1 {
				s := &c.slots[set+i]
				sum += s.hi + uint64(s.tok[cacheToken/2])
			}
		}
	}
	return sum
}

// put keeps the token of a hash.
func (c *cache) put(h hash128, token []byte) {
	if len(c.tags) == 0 || len(token) > cacheToken {
		return
	}
	set := c.set(h)
	tags := (*[cacheWays]uint64)(c.tags[set:])
	way := -1
	for i := range tags {
		if tags[i] == 0 {
			way = i
			break
		}
	}
	if way < 0 {
		c.next = c.next*1664525 + 1013904223
		way = int(c.next >> 30)
	}
	tags[way] = h.lo | 1
	s := &c.slots[set+way]
	s.hi, s.len = h.hi, uint8(copy(s.tok[:], token))
}
