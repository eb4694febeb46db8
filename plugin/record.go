package plugin

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"logveil/redact"
)

const (
	// maxDepth bounds how deep values may be nested. A record that goes deeper is masked whole.
	maxDepth = 256
	// maxBatch is how much text, in bytes, is laid out before the engine looks at it, unless
	// Options say less. A chunk of Fluent Bit has about 2 MB, so that one is nearly always
	// one batch.
	maxBatch = 4 << 20
	// maxKept is the length of the longest buffer that is kept for the next chunk, in bytes.
	maxKept = 16 << 20
	// maxPart is how much of a chunk, in bytes, is laid out before the engine looks at it,
	// and the longest text that one record may have: places are kept in 32 bits.
	maxPart = 1 << 29
	// maxRepeated is how much of a key, in bytes, is laid out again before each element of
	// an array, and minElement the length of the shortest text for which it is, all but the
	// first, and less than that of an integer: so the text is at most some thirty times as
	// long as the chunk.
	maxRepeated = 64
	minElement  = 2
	// maxKnown bounds the memory of which keys are telling, and maxKnownKey, in bytes, each
	// of them. Further keys are taken for telling ones.
	maxKnown    = 1024
	maxKnownKey = 128
	// lookAhead is how far into a value a byte can end it before a detector that goes by
	// the key knows it for a value, in bytes.
	lookAhead = 64
	// shortKey is how many bytes of a key are copied at a time: one more than the longest
	// of which the header has one byte.
	shortKey = 32
)

// UnknownTenant is what Options.ForTenant is asked for in the place of a tenant that
// Options.Tenants does not list. It is no valid name.
const UnknownTenant = "?"

// Options are what a Redactor is built from.
type Options struct {
	Engine *redact.Engine
	// TenantPath are the keys that lead to the name of a record's tenant, from the top of
	// its body. When it is empty, or there is no name, ForTenant is not asked.
	TenantPath []string
	// Tenants are the known tenants. They bound how many a chunk is split into.
	Tenants []string
	// ForTenant returns a context with which the engine makes the tokens of a tenant.
	ForTenant func(ctx context.Context, tenant string) context.Context
	// Batch, when not 0, is how much text, in bytes, is laid out before the engine looks at
	// it and makes its tokens. Some 200 KB stay in a processor's cache from one step to the
	// next; where tokens are waited for, the fewer batches the better.
	Batch int
}

// Counts say what became of a chunk.
type Counts struct {
	// Records is how many there are in the redacted chunk, markers of groups included.
	Records int
	// Deep is how many were masked whole because they are nested too deep, or too long.
	Deep int
	// Damaged is how many bytes at the end of the chunk were left out because they are no
	// MessagePack. What follows the first of them cannot be told apart any more.
	Damaged int
	// Panics is how many panics there were outside of the engine. What panics again when its
	// record is looked at alone masks it whole.
	Panics int
}

// Redactor redacts chunks. It holds the buffers of one goroutine and is not safe for
// concurrent use.
type Redactor struct {
	o       Options
	w       *redact.Worker
	counted redact.Stats // by workers that panicked

	batches []*batch // the first is for records without a tenant
	known   map[string]knownKey
	recent  [recentKeys]knownKey
	alike   alike
	stack   []frame
	edits   []edit
	changes []redact.Change
	done    int // the end of the part of the chunk that is in what try returns
}

// batch is the text of the records of one tenant.
type batch struct {
	tenant string
	redact.Fields
	leaves []leaf // of the chunk, one for each field
	out    []byte
}

// leaf is where a value stands in the part of the chunk that is laid out.
type leaf struct{ start, end int32 }

// edit is a value that gets another text.
type edit struct {
	leaf
	text []byte
}

// New returns a Redactor.
func New(o Options) *Redactor {
	if o.Batch == 0 {
		o.Batch = maxBatch
	}
	return &Redactor{o: o, w: o.Engine.NewWorker(), batches: []*batch{{}}, known: map[string]knownKey{}}
}

// Stats returns the engine's counts since the Redactor was made; valid until the next call.
// Lines and bytes are those of the text that was laid out.
func (r *Redactor) Stats() *redact.Stats {
	if r.counted.Findings == nil {
		return r.w.Stats()
	}
	s := redact.Stats{}
	s.Add(&r.counted)
	s.Add(r.w.Stats())
	return &s
}

// Append appends the redacted chunk to dst and returns the extended buffer. dst and chunk
// must not overlap. The wait for tokens ends with ctx; what is not answered by then is
// masked. It never fails: a record that cannot be redacted is masked whole, and what is no
// MessagePack is left out; both are counted.
func (r *Redactor) Append(ctx context.Context, dst, chunk []byte) ([]byte, Counts) {
	out, c, changed := r.AppendChanged(ctx, dst, chunk)
	if !changed {
		out = append(out, chunk...)
	}
	return out, c
}

// AppendChanged is Append for a chunk that changes. One that stays as it is to the last
// byte, because there is nothing in it that is to be replaced, is not appended; changed is
// false then and only then.
func (r *Redactor) AppendChanged(ctx context.Context, dst, chunk []byte) (out []byte, c Counts, changed bool) {
	out, c, ok := r.try(ctx, dst, chunk)
	if ok {
		return out, c, r.done > 0
	}
	// One record at a time, and nothing but the time of one that panics again.
	c = Counts{Panics: 1}
	for p := 0; p < len(chunk); {
		end := skip(chunk, p)
		if end < 0 {
			c.Damaged = len(chunk) - p
			break
		}
		out, one, ok := r.try(ctx, dst, chunk[p:end])
		switch {
		case !ok:
			dst = appendMasked(dst, chunk[p:end])
			one = Counts{Records: 1, Panics: 1}
		case r.done > 0:
			dst = out
		default:
			dst = append(dst, chunk[p:end]...)
		}
		c.Records += one.Records
		c.Deep += one.Deep
		c.Panics += one.Panics
		p = end
	}
	return dst, c, true
}

// try appends the redacted chunk, or nothing when r.done is 0 afterwards: the chunk stays as
// it is. It reports whether there was no panic; after one, what it returns holds nothing that
// may be used.
func (r *Redactor) try(ctx context.Context, dst, chunk []byte) (out []byte, c Counts, ok bool) {
	defer func() {
		if !ok {
			_ = recover() // its text may hold a value: it is dropped
			r.counted.Add(r.w.Stats())
			r.w = r.o.Engine.NewWorker()
			for _, b := range r.batches {
				b.truncate(mark{})
			}
		}
	}()
	r.done = 0
	from := 0
	for p := 0; p < len(chunk); {
		b := r.batchOf(chunk, p)
		n, end := r.layOut(b, chunk[from:], p-from)
		c.Records += n
		end += from
		if n == 0 {
			dst = r.flush(ctx, dst, chunk, from, p)
			dst = append(dst, chunk[r.done:p]...)
			if end = skip(chunk, p); end < 0 {
				c.Damaged = len(chunk) - p
				end = len(chunk)
			} else {
				dst = appendMasked(dst, chunk[p:end])
				c.Deep++
				c.Records++
			}
			from, r.done = end, end
		}
		p = end
		if len(b.Text) >= r.o.Batch || p-from >= maxPart || p == len(chunk) {
			dst = r.flush(ctx, dst, chunk, from, p)
			from = p
		}
	}
	if r.done > 0 {
		dst = append(dst, chunk[r.done:]...)
	}
	return dst, c, true
}

// maskedKey is the key of the only value of a record that is masked whole.
const maskedKey = "logveil"

// appendMasked appends the event with its time, and a mask in the place of all else.
func appendMasked(dst, event []byte) []byte {
	metadata, body := header(event, 0)
	dst = append(dst, event[:body]...)
	if metadata {
		dst = append(dst, 0x80)
	}
	mask := redact.AppendMask(nil, redact.KindFailed)
	dst = append(dst, 0x81, 0xa0|byte(len(maskedKey)))
	dst = append(dst, maskedKey...)
	return append(append(dst, 0xa0|byte(len(mask))), mask...)
}

// flush looks at what is laid out, which is chunk[from:to), and appends the chunk up to the
// last value in it that is replaced.
func (r *Redactor) flush(ctx context.Context, dst, chunk []byte, from, to int) []byte {
	r.edits = r.edits[:0]
	for _, b := range r.batches {
		if len(b.Fields.Fields) == 0 {
			b.truncate(mark{})
			continue
		}
		tctx := ctx
		if b.tenant != "" {
			tctx = r.o.ForTenant(ctx, b.tenant)
		}
		b.out, r.changes = r.w.AppendFields(tctx, b.out[:0], &b.Fields, r.changes[:0])
		for _, c := range r.changes {
			r.edits = append(r.edits, edit{b.leaves[c.Field], b.out[c.Start:c.End]})
		}
		b.truncate(mark{})
	}
	// A stand-in comes before its value, and stays there.
	if byStart := func(a, b edit) int { return cmp.Compare(a.start, b.start) }; !slices.IsSortedFunc(r.edits, byStart) {
		slices.SortStableFunc(r.edits, byStart)
	}
	part := chunk[from:to]
	for _, e := range r.edits {
		if from+int(e.start) < r.done {
			continue // its stand-in went whole
		}
		dst = append(dst, chunk[r.done:from+int(e.start)]...)
		dst = appendText(dst, part[e.start:e.end], e.text)
		r.done = from + int(e.end)
	}
	for _, b := range r.batches {
		if cap(b.Text) > maxKept || cap(b.out) > maxKept {
			b.Text, b.out = nil, nil
		}
	}
	return dst
}

// batchOf returns the batch of the record at chunk[p].
func (r *Redactor) batchOf(chunk []byte, p int) *batch {
	if len(r.o.TenantPath) == 0 {
		return r.batches[0]
	}
	name, ok := r.tenant(chunk, p)
	if !ok {
		return r.batches[0]
	}
	if !slices.Contains(r.o.Tenants, string(name)) {
		name = []byte(UnknownTenant)
	}
	for _, b := range r.batches[1:] {
		if b.tenant == string(name) {
			return b
		}
	}
	r.batches = append(r.batches, &batch{tenant: string(name)})
	return r.batches[len(r.batches)-1]
}

// tenant returns the name of the tenant of the record at chunk[p].
func (r *Redactor) tenant(chunk []byte, p int) ([]byte, bool) {
	metadata, p := header(chunk, p)
	if metadata {
		p = skip(chunk, p)
	}
	for _, key := range r.o.TenantPath {
		if p < 0 {
			return nil, false
		}
		it, ok := itemAt(chunk, p)
		if !ok || it.kind != kindMap {
			return nil, false
		}
		p = it.body
		for n := it.n; ; n -= 2 {
			if n == 0 {
				return nil, false
			}
			k, ok := itemAt(chunk, p)
			value := skip(chunk, p)
			if !ok || value < 0 {
				return nil, false
			}
			if k.kind == kindText && string(chunk[k.body:k.end]) == key {
				p = value
				break
			}
			if p = skip(chunk, value); p < 0 {
				return nil, false
			}
		}
	}
	it, ok := itemAt(chunk, p)
	if !ok || it.kind != kindText || it.body == it.end {
		return nil, false
	}
	return chunk[it.body:it.end], true
}

// header reads the beginning of the event at chunk[p]: [[time, metadata], body], or
// [time, body]. It returns where the metadata stands, with the body behind it, or else
// where the body does; of what is no event, that is the whole.
func header(chunk []byte, p int) (metadata bool, next int) {
	// Fast path - what Fluent Bit writes.
	if len(chunk)-p > headLen && binary.LittleEndian.Uint32(chunk[p:]) == eventHead {
		return true, p + headLen
	}
	event, ok := itemAt(chunk, p)
	if !ok || event.kind != kindArray || event.n != 2 {
		return false, p
	}
	head, ok := itemAt(chunk, event.body)
	switch {
	case !ok:
		return false, p
	case isTime(chunk[event.body:], head.kind):
		return false, head.end
	case head.kind != kindArray || head.n != 2:
		return false, p
	}
	time, ok := itemAt(chunk, head.body)
	if !ok || !isTime(chunk[head.body:], time.kind) {
		return false, p
	}
	return true, time.end
}

// isTime reports whether the value that begins b can be the time of an event: an integer, a
// float, or the extension that Fluent's protocol has for it.
func isTime(b []byte, k kind) bool {
	return k == kindInt || k == kindFloat || k == kindExt && isTimestamp(b)
}

// layOut lays out the record at chunk[p], and those behind it that are alike. It returns how
// many they are and where they end, or no number and -1 when it cannot.
func (r *Redactor) layOut(b *batch, chunk []byte, p int) (n, end int) {
	if end = r.record(b, chunk, p); end < 0 {
		return 0, end
	}
	r.learnAlike(b, chunk, p)
	n, end = r.same(b, chunk, end)
	return 1 + n, end
}

// record lays out the record at chunk[p] and returns its end, or -1, with nothing laid out,
// when it cannot.
func (r *Redactor) record(b *batch, chunk []byte, p int) int {
	m := b.mark()
	b.Records = append(b.Records, int32(len(b.Text)))
	p = r.event(b, chunk, p)
	if p < 0 || p > maxPart || len(b.Text) > maxPart {
		b.truncate(m)
		return -1
	}
	return p
}

func (r *Redactor) event(b *batch, chunk []byte, p int) int {
	metadata, p := header(chunk, p)
	if metadata {
		if it, ok := itemAt(chunk, p); ok && it.kind == kindMap && it.n == 0 {
			p = it.end
		} else {
			if p = r.value(b, chunk, p); p < 0 {
				return -1
			}
			b.Text = append(b.Text, '\n')
		}
	}
	p = r.value(b, chunk, p)
	b.Text = append(b.Text, '\n')
	return p
}

// frame is an array or a map that is being laid out.
type frame struct {
	left  int // how many of its values are still to come
	isMap bool
	begun bool // whether one came already
	// key is where the key stands in the text under which the next value does, or is
	// empty when there is none.
	key redact.Span
}

// value lays out the value at chunk[p] and returns its end, or -1 when it is damaged or
// nested too deep.
func (r *Redactor) value(b *batch, chunk []byte, p int) int {
	f := frame{left: 1}
	if n, body := mapAt(chunk, p); body > 0 { // Fast path - nearly always.
		b.Text = append(b.Text, '{')
		f, p = frame{left: 2 * n, isMap: true}, body
		for ; f.left > 0; f.left -= 2 {
			end := r.pair(b, chunk, p, f.begun)
			if end == 0 {
				break
			}
			f.begun, p = true, end
		}
		if f.left == 0 {
			b.Text = append(b.Text, '}')
			return p
		}
	}
	stack := r.stack[:0]
	for {
		if f.left == 0 {
			if f.isMap {
				b.Text = append(b.Text, '}')
			}
			if len(stack) == 0 {
				return p
			}
			f = stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			continue
		}
		if f.isMap && f.left&1 == 0 {
			if end := r.pair(b, chunk, p, f.begun); end > 0 {
				f.begun, f.left, p = true, f.left-2, end
				continue
			}
		}
		it, ok := itemAt(chunk, p)
		if !ok {
			return -1
		}
		start := p
		p = it.end
		container := it.kind == kindArray || it.kind == kindMap
		isKey := f.isMap && f.left&1 == 0
		f.left--
		switch {
		case isKey:
			if f.begun {
				b.Text = append(b.Text, ',')
			}
			f.begun, f.key = true, redact.Span{}
			if container {
				break // no key that anything goes by, but it may hold values
			}
			f.key.Start = len(b.Text)
			b.leaf(chunk, start, it, f.key.Start)
			b.Text = append(b.Text, ':')
			f.key.End = len(b.Text)
			continue
		case !f.isMap:
			if !f.begun {
				f.begun = true
				break
			}
			if it.end-it.body < minElement && it.kind == kindText || it.end-start <= minElement && it.kind == kindInt ||
				it.kind == kindAtom || container && it.n == 0 {
				continue
			}
			// Elements stand under the key of their array. The first has it before it.
			b.Text = append(b.Text, ',')
			if f.key.Len() > 0 {
				b.repeat(&f.key)
			}
		}
		if container {
			stack = append(stack, f)
			f = frame{left: it.n, isMap: it.kind == kindMap, key: f.key}
			if f.isMap {
				b.Text = append(b.Text, '{')
				f.key = redact.Span{}
			}
			if r.stack = stack; len(stack) > maxDepth {
				return -1
			}
			continue
		}
		key, inList := len(b.Text), false
		if f.key.End == key && f.key.Len() > 0 {
			key = f.key.Start
			// Some keys tell of a list and not of a value: "passwords", of which 3 are one.
			if inList = !f.isMap; inList {
				b.Text = append(b.Text, '[')
			}
			if it.kind == kindText && r.telling(b.Text[key:]) && confusing(chunk[it.body:it.end]) {
				b.standIn(chunk[it.body:it.end], start, it.end, key)
				b.repeat(&f.key)
				if key = f.key.Start; inList {
					b.Text = append(b.Text, '[')
				}
			}
		}
		b.leaf(chunk, start, it, key)
		if inList {
			b.Text = append(b.Text, ']')
		}
	}
}

// pair lays out a short key and a text under it, which is what most of a record is, and
// returns the end of the text. It returns 0 and lays out nothing when there is anything else
// at chunk[p], or to be thought about.
func (r *Redactor) pair(b *batch, chunk []byte, p int, begun bool) int {
	if len(chunk)-p <= 1+shortKey {
		return 0
	}
	k := int(chunk[p]) - 0xa0
	if k <= 0 || k >= shortKey {
		return 0
	}
	from, end := shortText(chunk, p+1+k)
	if from >= end {
		return 0
	}
	at := len(b.Text)
	b.grow(len(`,"":""`) + shortKey + end - from)
	text := b.Text[:cap(b.Text)]
	if begun {
		text[at] = ','
		at++
	}
	// The whole of what a short key may be is copied at once, and overwritten behind it.
	key := at
	text[at] = '"'
	*(*[shortKey]byte)(text[at+1:]) = [shortKey]byte(chunk[p+1:])
	at += 1 + k
	text[at], text[at+1] = '"', ':'
	at += 2
	if r.telling(text[key:at]) && confusing(chunk[from:end]) {
		return 0
	}
	text[at] = '"'
	at++
	stop := at + copy(text[at:], chunk[from:end])
	text[stop] = '"'
	b.Text = text[:stop+1]
	b.Fields.Fields = append(b.Fields.Fields,
		redact.Field{Start: int32(key + 1), End: int32(key + 1 + k), Key: int32(key)},
		redact.Field{Start: int32(at), End: int32(stop), Key: int32(key)})
	b.leaves = append(b.leaves, leaf{int32(p), int32(p + 1 + k)}, leaf{int32(p + 1 + k), int32(end)})
	return end
}

// shortText returns where the text at chunk[p] begins and where it ends; nothing when there
// is no text, or one of 64 KB or more.
func shortText(chunk []byte, p int) (from, end int) {
	if len(chunk)-p < 3 {
		return 0, 0
	}
	switch c := chunk[p]; {
	case c-0xa0 < 0x20:
		from, end = p+1, p+1+int(c-0xa0)
	case c == 0xd9:
		from, end = p+2, p+2+int(chunk[p+1])
	case c == 0xda:
		from, end = p+3, p+3+int(binary.BigEndian.Uint16(chunk[p+1:]))
	}
	if end > len(chunk) {
		return 0, 0
	}
	return from, end
}

// grow makes room for n bytes more of text.
func (b *batch) grow(n int) {
	if cap(b.Text)-len(b.Text) < n {
		b.Text = slices.Grow(b.Text, n)
	}
}

// alike is how records begin that have one short key, which no detector goes by, and a text
// under it: what an input writes that does not parse.
type alike struct {
	head []byte // behind the time of the event, up to the text
	key  int    // where in that the key stands
	// lead is the same as it is laid out, leadLen bytes of it.
	lead    [maxLead]byte
	leadLen int
}

// maxLead is the length of the longest lead, and some bytes, so that it is moved quickly.
const maxLead = shortKey + 8

// eventHead are the first four bytes of an event that Fluent Bit writes: an array of an
// array of time and metadata and of a body, and the time as an extension of eight bytes.
const eventHead = 0x00d79292

// headLen is how long that is, with the time.
const headLen = 12

// learnAlike notes how the record at chunk[p] begins, if it is one.
func (r *Redactor) learnAlike(b *batch, chunk []byte, p int) {
	r.alike.head = r.alike.head[:0]
	if len(r.o.TenantPath) > 0 || len(chunk)-p <= headLen || binary.LittleEndian.Uint32(chunk[p:]) != eventHead {
		return
	}
	n, body := mapAt(chunk, p+headLen)
	if body == 0 || n != 0 {
		return
	}
	n, key := mapAt(chunk, body)
	if key == 0 || n != 1 {
		return
	}
	k := int(chunk[key]) - 0xa0
	if k <= 0 || k >= shortKey {
		return
	}
	head := chunk[p+headLen : key+1+k]
	lead := b.Text[b.Records[len(b.Records)-1]:]
	lead = lead[:min(len(`{"":"`)+k, len(lead))]
	if !bytes.HasSuffix(lead, quoteColonQuote) || r.telling(lead[1:len(lead)-1]) {
		return // no text, or one that a stand-in comes before
	}
	r.alike.head, r.alike.key = append(r.alike.head, head...), len(head)-1-k
	r.alike.leadLen = copy(r.alike.lead[:], lead)
}

var quoteColonQuote = []byte(`":"`)

// same lays out the records from chunk[p] on that begin as r.alike says, up to a full batch.
// It returns how many they are and where they end.
func (r *Redactor) same(b *batch, chunk []byte, p int) (n, end int) {
	head, key, lead := r.alike.head, r.alike.key, r.alike.leadLen
	if len(head) == 0 {
		return 0, p
	}
	text, records, fields, leaves := b.Text, b.Records, b.Fields.Fields, b.leaves
	for len(chunk)-p > headLen+len(head) && p < maxPart-1<<16 && len(text) < r.o.Batch &&
		binary.LittleEndian.Uint32(chunk[p:]) == eventHead &&
		string(chunk[p+headLen:p+headLen+len(head)]) == string(head) {
		value := p + headLen + len(head)
		from, end := shortText(chunk, value)
		if from >= end {
			break
		}
		start := len(text)
		if cap(text)-start < maxLead+end-from+len("\"}\n") {
			text = slices.Grow(text, maxLead+end-from+len("\"}\n"))
		}
		text = text[:cap(text)]
		*(*[maxLead]byte)(text[start:]) = r.alike.lead
		at := start + lead
		stop := at + copy(text[at:], chunk[from:end])
		text[stop], text[stop+1], text[stop+2] = '"', '}', '\n'
		text = text[:stop+3]
		records = append(records, int32(start))
		fields = append(fields,
			redact.Field{Start: int32(start + 2), End: int32(at - 3), Key: int32(start + 1)},
			redact.Field{Start: int32(at), End: int32(stop), Key: int32(start + 1)})
		leaves = append(leaves, leaf{int32(p + headLen + key), int32(value)}, leaf{int32(value), int32(end)})
		n, p = n+1, end
	}
	b.Text, b.Records, b.Fields.Fields, b.leaves = text, records, fields, leaves
	return n, p
}

// repeat lays out a key once more, of a long one the end, which decides.
func (b *batch) repeat(key *redact.Span) {
	start := len(b.Text)
	if key.Len() > maxRepeated {
		key.Start = key.End - maxRepeated
		b.Text = append(b.Text, '"')
	}
	b.Text = append(b.Text, b.Text[key.Start:key.End]...)
	*key = redact.Span{Start: start, End: len(b.Text)}
}

// leaf lays out a value that holds no others. What tells what it is begins at key.
func (b *batch) leaf(chunk []byte, start int, it item, key int) {
	text, from := b.Text, len(b.Text)
	var end int
	switch {
	case it.kind == kindInt:
		text = appendInt(text, chunk[start:it.end])
		end = len(text)
	case it.kind == kindFloat:
		text = appendFloat(text, chunk[start:it.end])
		end = len(text)
	case it.kind == kindAtom, it.kind == kindExt && isTimestamp(chunk[start:it.end]):
		b.Text = append(text, "null"...)
		return
	default:
		text = append(text, '"')
		text = append(text, chunk[it.body:it.end]...)
		from, end = from+1, len(text)
		text = append(text, '"')
	}
	b.Text = text
	if end > from {
		b.field(redact.Field{Start: int32(from), End: int32(end), Key: int32(key)}, start, it.end)
	}
}

func (b *batch) field(f redact.Field, start, end int) {
	b.Fields.Fields = append(b.Fields.Fields, f)
	b.leaves = append(b.leaves, leaf{int32(start), int32(end)})
}

// standIn lays out a text that stands for a value, behind its key: the same with every
// byte replaced that could end it too early.
func (b *batch) standIn(value []byte, start, end, key int) {
	b.Text = append(b.Text, '"')
	from := len(b.Text)
	b.Text = append(b.Text, value...)
	for i, c := range b.Text[from:] {
		if ending[c] {
			b.Text[from+i] = 'x'
		}
	}
	b.Whole = append(b.Whole, value)
	b.field(redact.Field{Start: int32(from), End: int32(len(b.Text)), Key: int32(key), Whole: int32(len(b.Whole))}, start, end)
	b.Text = append(b.Text, '"', ',')
}

// ending are the bytes that can end a value in quotation marks.
var ending = func() (t [256]bool) {
	for c := range ' ' {
		t[c] = true
	}
	for _, c := range []byte("\"'`\\\x7f") {
		t[c] = true
	}
	return t
}()

// confusing reports whether a value has a byte near its beginning that could end it.
func confusing(value []byte) bool {
	for _, c := range value[:min(len(value), lookAhead)] {
		if ending[c] {
			return true
		}
	}
	return false
}

// recentKeys is how many keys are remembered where they are found at once.
const recentKeys = 64

// knownKey says whether any detector goes by a key.
type knownKey struct {
	key     string
	telling bool
}

// telling reports whether any detector goes by the key, which is as it is laid out.
func (r *Redactor) telling(key []byte) bool {
	n := len(key)
	if n < 4 {
		return false // nothing, or a number
	}
	recent := &r.recent[(n+int(key[1])+8*int(key[n-3]))%recentKeys]
	if recent.key == string(key) {
		return recent.telling
	}
	return r.learn(key, recent)
}

// learn asks the engine whether any detector goes by the key, once, and remembers.
func (r *Redactor) learn(key []byte, recent *knownKey) bool {
	k, known := r.known[string(key)]
	if !known {
		if len(key) > maxKnownKey || len(r.known) == maxKnown {
			return true
		}
		k.key = string(key)
		for _, c := range r.w.Explain([]byte(k.key + `"Zx7kQ9vB2mN4"`)) {
			k.telling = k.telling || c.At < len(key)
		}
		r.known[k.key] = k
	}
	*recent = k
	return k.telling
}

// isTimestamp reports whether an extension is a time of Fluent's protocol (type 0, 8 bytes)
// or of MessagePack (type -1, 4, 8 or 12 bytes).
func isTimestamp(b []byte) bool {
	it, _ := itemAt(b, 0)
	switch t, n := b[it.body-1], it.end-it.body; t {
	case 0:
		return n == 8
	case 0xff:
		return n == 4 || n == 8 || n == 12
	}
	return false
}

// mark is how much a batch holds.
type mark struct{ text, fields, records, whole int }

func (b *batch) mark() mark { return mark{len(b.Text), len(b.leaves), len(b.Records), len(b.Whole)} }

func (b *batch) truncate(m mark) {
	b.Text, b.Records, b.Whole = b.Text[:m.text], b.Records[:m.records], b.Whole[:m.whole]
	b.Fields.Fields, b.leaves = b.Fields.Fields[:m.fields], b.leaves[:m.fields]
}
