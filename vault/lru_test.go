package vault

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// Against a list that is plainly in the order of use.
func TestLRU(t *testing.T) {
	const size = lruShards * 2000
	l := newLRU(size)
	order := make(map[uint64][]hash128) // by shard, used last at the end
	token := func(h hash128) string { return fmt.Sprintf("token-%d-%d-%0*d", h.lo, h.hi, int(h.lo*20), 0) }
	r := rand.New(rand.NewPCG(3, 3))
	hits := 0
	for range 50_000 {
		h := hash128{r.Uint64N(8), r.Uint64N(80)}
		shard := h.hi % lruShards
		list := order[shard]
		at := slices.Index(list, h)
		got, ok := l.append([]byte("d"), h)
		if ok != (at >= 0) || ok && string(got[1:]) != token(h) {
			t.Fatalf("%v: %q %v, want %v", h, got, ok, at >= 0)
		}
		if ok {
			hits++
			list = slices.Delete(list, at, at+1)
		} else {
			l.put(h, []byte(token(h)))
		}
		list = append(list, h)
		bytes := 0
		for _, x := range list {
			bytes += len(token(x)) + lruEntryBytes
		}
		for bytes > size/lruShards {
			bytes -= len(token(list[0])) + lruEntryBytes
			list = list[1:]
		}
		order[shard] = list
		if s := l.shard(h); s.bytes != bytes || len(s.entries) != len(list) {
			t.Fatalf("%d bytes in %d entries, want %d in %d", s.bytes, len(s.entries), bytes, len(list))
		}
	}
	if hits < 1000 {
		t.Errorf("%d hits", hits)
	}
	h := hash128{1, 1}
	l.put(h, make([]byte, size))
	if _, ok := l.append(nil, h); ok {
		t.Error("a token larger than the whole is kept")
	}
	l.put(h, []byte("one"))
	l.put(h, []byte("two"))
	if got, _ := l.append(nil, h); string(got) != "two" {
		t.Errorf("%q", got)
	}
}
