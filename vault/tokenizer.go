package vault

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"unsafe"

	"logveil/redact"
)

// MaxValue is the longest value, in bytes, that gets a token. Longer ones are masked.
const MaxValue = redact.MaxLookaround

// DefaultCacheBytes is the size of a Tokenizer's cache unless Options say otherwise.
const DefaultCacheBytes = 8 << 20

// Rule says how the values of a kind are replaced.
type Rule struct {
	Scheme Scheme
	// KeepLast is the number of characters that the scheme "mask" keeps of the
	// value's end, at most KeepLimit of the kind.
	KeepLast int
}

// Options are what a Tokenizer is built from.
type Options struct {
	// Default is the rule of the kinds that Kinds does not name. It needs a Scheme.
	Default Rule
	Kinds   map[redact.Kind]Rule
	// CacheBytes bounds the memory for tokens already made, about 136 bytes each. 0
	// means DefaultCacheBytes, less than 0 no cache.
	CacheBytes int
}

// Tokenizer answers each value by the rule of its kind. It implements redact.Tokenizer.
//
// Each goroutine in Tokenize works in a lane of its own, with its own cache, so that no
// lock and no cache line is shared while there are no more of them than lanes.
type Tokenizer struct {
	table atomic.Pointer[kindTable]
	mu    sync.Mutex // held to add a kind to a table
	lanes []lane
	size  int // of one lane's cache, in bytes
}

type lane struct {
	mu sync.Mutex
	laneState
	_ [64]byte // no two lanes in a cache line
}

type laneState struct {
	cache *cache // made at first use
	canon []byte
	scratch
	todo group
	// fetched keeps the compiler from leaving out what fetch does.
	fetched uint64
	stats   [numSchemes]SchemeStats
	// refused counts values that no scheme was asked for.
	refused uint64
}

// Stats counts what a Tokenizer did. All counts only grow.
type Stats struct {
	// SchemeStats sum up those of all schemes.
	SchemeStats
	// Schemes holds the counts of each scheme that was used.
	Schemes map[string]SchemeStats
	// Refused counts values left without an answer, because they are longer than
	// MaxValue or of a kind that cannot stand in a token.
	Refused uint64
}

// SchemeStats counts what a Tokenizer did under one scheme. What Vault was asked for is in
// the Stats of the [Remote].
type SchemeStats struct {
	// Made counts tokens made in this process, Cached those answered from the
	// Tokenizer's cache.
	Made, Cached uint64
	// Masks counts values whose rule is a mask.
	Masks uint64
	// NoKey counts values left without an answer, because there is no key: Vault gave
	// none yet, or the last one is too old.
	NoKey uint64
}

func (s *SchemeStats) add(o SchemeStats) {
	s.Made += o.Made
	s.Cached += o.Cached
	s.Masks += o.Masks
	s.NoKey += o.NoKey
}

// schemeNames are all schemes; their places index the counts.
var schemeNames = [...]string{"mask", "local", "envelope", "transit", "hmac"}

const numSchemes = len(schemeNames)

// New builds a Tokenizer.
func New(o Options) (*Tokenizer, error) {
	const maxLanes = 32
	t := &Tokenizer{lanes: make([]lane, min(maxLanes, runtime.GOMAXPROCS(0)))}
	switch {
	case o.CacheBytes == 0:
		t.size = DefaultCacheBytes / len(t.lanes)
	case o.CacheBytes > 0:
		t.size = o.CacheBytes / len(t.lanes)
	}
	if err := t.SetRules(o.Default, o.Kinds); err != nil {
		return nil, err
	}
	return t, nil
}

// SetRules replaces the rules. Values in work get their tokens under the old ones; no
// token of the cache outlives its rule.
func (t *Tokenizer) SetRules(def Rule, kinds map[redact.Kind]Rule) error {
	tab := &kindTable{def: def, rules: make(map[redact.Kind]Rule, len(kinds))}
	if err := checkRule(def, "default"); err != nil {
		return err
	}
	for k, r := range kinds {
		if !k.Valid() {
			return fmt.Errorf("vault: kind %q cannot stand in a token", k)
		}
		if err := checkRule(r, string(k)); err != nil {
			return err
		}
		if limit := KeepLimit(k); r.KeepLast > limit {
			return fmt.Errorf("vault: %s: a mask may keep %d characters at most", k, limit)
		}
		tab.rules[k] = r
	}
	t.table.Store(tab)
	return nil
}

func checkRule(r Rule, of string) error {
	if r.Scheme == nil {
		return fmt.Errorf("vault: %s: no scheme", of)
	}
	if r.KeepLast < 0 {
		return fmt.Errorf("vault: %s: a mask cannot keep %d characters", of, r.KeepLast)
	}
	return nil
}

// Tokenize implements redact.Tokenizer. It waits, for the budget of the schemes in Vault at
// most, when it meets values that only Vault can answer.
func (t *Tokenizer) Tokenize(ctx context.Context, vs []redact.Value, buf []byte) []byte {
	if len(vs) == 0 {
		return buf
	}
	var waits *waits
	buf = t.answer(vs, buf, &waits)
	if waits != nil {
		buf = waits.answer(ctx, vs, buf)
	}
	return buf
}

// groupSize is how many values are looked up in a cache together, and made together: enough
// that memory, code and keys are waited for once and not for each, and few enough to find
// it all in the first-level cache.
const groupSize = 64

// group is what is known of some values before they are answered.
type group struct {
	kinds  [groupSize]*boundKind // nil: refused
	seals  [groupSize]*sealMaker
	hashes [groupSize]hash128
	// cached are the hashes of the values that a cache can answer, one after the other;
	// missed the numbers of those that it does not.
	cached [groupSize]hash128
	missed [groupSize]uint8
}

// answer answers the values that need no wait, and starts what the others wait for.
func (t *Tokenizer) answer(vs []redact.Value, buf []byte, w **waits) []byte {
	tab := t.table.Load()
	l := t.lease(vs)
	defer l.mu.Unlock()
	if l.cache == nil {
		l.cache = newCache(t.size)
		// Whole from the start: what outgrows a buffer would leave plaintext behind.
		l.canon = make([]byte, 0, MaxValue+1)
		l.payload = make([]byte, 0, redact.MaxPayload)
	}
	used := 0 // how much of l.canon held plaintext
	for first := 0; first < len(vs); first += groupSize {
		part := vs[first:min(len(vs), first+groupSize)]
		t.lookAt(tab, l, part)
		buf = l.answer(part, first, buf, w, &used)
	}
	clear(l.canon[:min(used+1, cap(l.canon))])
	clear(l.todo.seals[:]) // keys that are dropped must not stay
	return buf
}

// lookAt finds the rules and the hashes of a group of values.
func (t *Tokenizer) lookAt(tab *kindTable, l *lane, vs []redact.Value) {
	g, cached := &l.todo, 0
	var k *boundKind
	for i := range vs {
		v := &vs[i]
		if k == nil || k.kind != v.Kind {
			if k = tab.slot(v.Kind).Load(); k == nil {
				k = t.addKind(tab, v.Kind)
			}
		}
		if g.kinds[i] = k; k == nil || len(v.Raw) > MaxValue {
			g.kinds[i] = nil
			l.refused++
			continue
		}
		switch {
		case k.seal != nil:
			if g.seals[i] = k.seal.Load(); g.seals[i] == nil {
				g.kinds[i] = nil
				l.stats[k.scheme].NoKey++
				continue
			}
			g.hashes[i] = g.seals[i].key.sum(v.Raw, &l.hash)
		case k.remote != nil:
			g.hashes[i] = k.remote.key.Load().sum(v.Raw, &l.hash)
		default:
			continue
		}
		g.cached[cached] = g.hashes[i]
		cached++
	}
	l.fetched += l.cache.fetch(g.cached[:cached])
}

// answer answers a group of values, whose first has the number first: those that the cache
// has, then the others.
func (l *laneState) answer(vs []redact.Value, first int, buf []byte, w **waits, used *int) []byte {
	g := &l.todo
	missed := g.missed[:0]
	for i := range vs {
		k := g.kinds[i]
		if k == nil {
			continue
		}
		start, ok := len(buf), false
		if k.mask == nil {
			buf, ok = l.cache.append(buf, g.hashes[i])
		}
		if !ok {
			missed = append(missed, uint8(i))
			continue
		}
		l.stats[k.scheme].Cached++
		vs[i].Token = buf[start:len(buf):len(buf)]
	}
	for _, i := range missed {
		v, k, h := &vs[i], g.kinds[i], g.hashes[i]
		start, stats := len(buf), &l.stats[k.scheme]
		if k.mask == nil {
			// It may have been made a moment ago.
			var ok bool
			if buf, ok = l.cache.append(buf, h); ok {
				stats.Cached++
				v.Token = buf[start:len(buf):len(buf)]
				continue
			}
		}
		if k.remote != nil {
			r := k.remote.r
			var ok bool
			if buf, ok = r.lru.append(buf, h); ok {
				r.metrics.stored.Add(1)
				v.Token = buf[start:len(buf):len(buf)]
				l.cache.put(h, v.Token)
				continue
			}
		}
		l.canon = AppendCanonical(l.canon[:0], k.kind, v.Raw)
		*used = max(*used, len(l.canon), len(v.Raw))
		switch {
		case k.mask != nil:
			buf = k.mask.append(buf, l.canon)
			stats.Masks++
		case k.seal != nil:
			buf = g.seals[i].append(buf, l.canon, &l.scratch)
			stats.Made++
			l.cache.put(h, buf[start:])
		default:
			if *w == nil {
				*w = newWaits()
			}
			(*w).start(k.remote, first+int(i), h, l.canon)
			continue
		}
		v.Token = buf[start:len(buf):len(buf)]
	}
	return buf
}

// lease locks a lane. A goroutine that keeps its values in one slice finds the same lane,
// warm, again and again, because the search starts at a place that depends on the
// slice's address.
func (t *Tokenizer) lease(vs []redact.Value) *lane {
	at := uint64(uintptr(unsafe.Pointer(unsafe.SliceData(vs)))) * 0x9e3779b97f4a7c15 >> 32
	first := int(at % uint64(len(t.lanes)))
	for i := range t.lanes {
		if l := &t.lanes[(first+i)%len(t.lanes)]; l.mu.TryLock() {
			return l
		}
	}
	l := &t.lanes[first]
	l.mu.Lock()
	return l
}

// Stats returns what was done up to now.
func (t *Tokenizer) Stats() Stats {
	s := Stats{Schemes: make(map[string]SchemeStats)}
	var by [numSchemes]SchemeStats
	for i := range t.lanes {
		l := &t.lanes[i]
		l.mu.Lock()
		for j, st := range l.stats {
			by[j].add(st)
		}
		s.Refused += l.refused
		l.mu.Unlock()
	}
	for j, st := range by {
		if s.add(st); st != (SchemeStats{}) {
			s.Schemes[schemeNames[j]] = st
		}
	}
	return s
}

// kindTable finds what makes the tokens of a kind. Readers need no lock; a kind seen for
// the first time is added under the Tokenizer's.
type kindTable struct {
	def   Rule
	rules map[redact.Kind]Rule
	// slots is an open hash table, a quarter of it in use at most.
	slots [4 * maxKinds]atomic.Pointer[boundKind]
	n     int
}

// boundKind is a kind under its rule.
type boundKind struct {
	kind   redact.Kind
	scheme int // into schemeNames
	binding
}

// maxKinds is how many kinds there can be; a large policy has some hundreds.
const maxKinds = 1 << 10

// slot returns where a kind stands, or where it is to be put.
func (tab *kindTable) slot(k redact.Kind) *atomic.Pointer[boundKind] {
	var h uint32
	for i := range min(len(k), 16) {
		h = h*31 + uint32(k[i])
	}
	for i := h % uint32(len(tab.slots)); ; i = (i + 1) % uint32(len(tab.slots)) {
		s := &tab.slots[i]
		if b := s.Load(); b == nil || b.kind == k {
			return s
		}
	}
}

// addKind returns the kind bound by the rules of tab, or nil when it cannot stand in a
// token.
func (t *Tokenizer) addKind(tab *kindTable, kind redact.Kind) *boundKind {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := tab.slot(kind)
	if b := s.Load(); b != nil || !kind.Valid() || tab.n >= maxKinds {
		return b
	}
	rule, ok := tab.rules[kind]
	if !ok {
		rule = tab.def
		rule.KeepLast = min(rule.KeepLast, KeepLimit(kind))
	}
	b := &boundKind{kind, max(0, slices.Index(schemeNames[:], rule.Scheme.Name())), rule.Scheme.bind(kind, rule.KeepLast)}
	s.Store(b)
	tab.n++
	return b
}
