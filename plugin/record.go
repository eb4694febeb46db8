package plugin

import (
	"cmp"
	"context"
	"slices"

	"logveil/redact"
)

const (
	// maxDepth bounds how deep values may be nested. A record that goes deeper is left out.
	maxDepth = 256
	// maxBatch is how much text, in bytes, is laid out before the engine looks at it. A
	// chunk of Fluent Bit has about 2 MB, so that one is nearly always one batch.
	maxBatch = 4 << 20
	// maxRepeated is the longest key, in bytes, that is laid out again before each element
	// of an array, and minElement the shortest text or integer for which it is: so the
	// text is at most some thirty times as long as the chunk.
	maxRepeated = 64
	minElement  = 3
	// minDigits is the least number of digits that a value can have.
	minDigits = 4
	// maxKnown bounds the memory of which keys are telling, and maxKnownKey, in bytes, each
	// of them. Further keys are taken for telling ones.
	maxKnown    = 1024
	maxKnownKey = 128
	// lookAhead is how far into a value a byte can end it before a detector that goes by
	// the key knows it for a value, in bytes.
	lookAhead = 64
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
}

// Counts say what became of a chunk.
type Counts struct {
	// Records is how many there are in the redacted chunk, markers of groups included.
	Records int
	// Dropped is how many were left out, because they are nested too deep or because of a
	// panic outside of detectors.
	Dropped int
	// Damaged is how many bytes at the end of the chunk were left out because they are no
	// MessagePack. What follows the first of them cannot be told apart any more.
	Damaged int
	// Panics is how many panics there were outside of detectors.
	Panics int
}

// Redactor redacts chunks. It holds the buffers of one goroutine and is not safe for
// concurrent use.
type Redactor struct {
	o       Options
	w       *redact.Worker
	counted redact.Stats // by workers that panicked

	batches []*batch // the first is for records without a tenant
	known   map[string]bool
	stack   []frame
	cuts    []edit
	edits   []edit
	changes []redact.Change
}

// batch is the text of the records of one tenant.
type batch struct {
	tenant string
	text   []byte
	fields []redact.Field
	leaves []leaf // of the chunk, one for each field
	out    []byte
}

// leaf is a value in the chunk: where it starts, where its payload does, where it ends.
type leaf struct{ start, body, end int }

// edit is a part of the chunk that is replaced by a leaf with the payload text, or left out.
type edit struct {
	leaf
	text []byte
	cut  bool
}

// New returns a Redactor.
func New(o Options) *Redactor {
	return &Redactor{o: o, w: o.Engine.NewWorker(), batches: []*batch{{}}, known: map[string]bool{}}
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
// masked. It never fails: what it cannot read is left out and counted.
func (r *Redactor) Append(ctx context.Context, dst, chunk []byte) ([]byte, Counts) {
	n := len(dst)
	dst, c, ok := r.try(ctx, dst, chunk)
	if ok {
		return dst, c
	}
	// A panic outside of detectors: one record at a time, and none that panics again.
	dst, c = dst[:n], Counts{Panics: 1}
	for p := 0; p < len(chunk); {
		end := skip(chunk, p)
		if end < 0 {
			c.Damaged = len(chunk) - p
			break
		}
		n := len(dst)
		d, one, ok := r.try(ctx, dst, chunk[p:end])
		if !ok {
			d, one = dst[:n], Counts{Dropped: 1, Panics: 1}
		}
		dst = d
		c.Records += one.Records
		c.Dropped += one.Dropped
		c.Panics += one.Panics
		p = end
	}
	return dst, c
}

// try is Append, and reports whether there was no panic. After one, what it returns holds
// nothing that may be used.
func (r *Redactor) try(ctx context.Context, dst, chunk []byte) (out []byte, c Counts, ok bool) {
	out = dst
	defer func() {
		if !ok {
			_ = recover() // its text may hold a value: it is dropped
			r.counted.Add(r.w.Stats())
			r.w = r.o.Engine.NewWorker()
			r.cuts = r.cuts[:0]
			for _, b := range r.batches {
				b.reset()
			}
		}
	}()
	from := 0
	for p := 0; p < len(chunk); {
		b, size := r.batchOf(chunk, p)
		end := r.record(b, chunk, p)
		switch {
		case end > 0:
			c.Records++
		default:
			b.truncate(size)
			if end = skip(chunk, p); end < 0 {
				c.Damaged = len(chunk) - p
				end = len(chunk)
			} else {
				c.Dropped++
			}
			r.cuts = append(r.cuts, edit{leaf: leaf{p, p, end}, cut: true})
		}
		p = end
		if len(b.text) >= maxBatch || p == len(chunk) {
			dst = r.flush(ctx, dst, chunk, from, p)
			from = p
		}
	}
	return dst, c, true
}

// flush redacts what is laid out and appends chunk[from:to).
func (r *Redactor) flush(ctx context.Context, dst, chunk []byte, from, to int) []byte {
	r.edits = append(r.edits[:0], r.cuts...)
	r.cuts = r.cuts[:0]
	for _, b := range r.batches {
		if len(b.fields) == 0 {
			continue
		}
		tctx := ctx
		if b.tenant != "" {
			tctx = r.o.ForTenant(ctx, b.tenant)
		}
		b.out, r.changes = r.w.AppendFields(tctx, b.out[:0], b.text, b.fields, r.changes[:0])
		for _, c := range r.changes {
			r.edits = append(r.edits, edit{leaf: b.leaves[c.Field], text: b.out[c.Start:c.End]})
		}
		b.reset()
	}
	// A stand-in comes before its value, and stays there.
	if byStart := func(a, b edit) int { return cmp.Compare(a.start, b.start) }; !slices.IsSortedFunc(r.edits, byStart) {
		slices.SortStableFunc(r.edits, byStart)
	}
	for _, e := range r.edits {
		if e.start < from {
			continue // its stand-in went whole
		}
		dst = append(dst, chunk[from:e.start]...)
		if !e.cut {
			dst = appendText(dst, chunk[e.start:e.end], e.text)
		}
		from = e.end
	}
	return append(dst, chunk[from:to]...)
}

// batchOf returns the batch of the record at chunk[p], and what it holds.
func (r *Redactor) batchOf(chunk []byte, p int) (*batch, mark) {
	b := r.batches[0]
	if name, ok := r.tenant(chunk, p); ok {
		if !slices.Contains(r.o.Tenants, string(name)) {
			name = []byte(UnknownTenant)
		}
		i := slices.IndexFunc(r.batches, func(b *batch) bool { return b.tenant == string(name) })
		if i < 0 {
			i = len(r.batches)
			r.batches = append(r.batches, &batch{tenant: string(name)})
		}
		b = r.batches[i]
	}
	return b, mark{len(b.text), len(b.fields)}
}

// tenant returns the name of the tenant of the record at chunk[p].
func (r *Redactor) tenant(chunk []byte, p int) ([]byte, bool) {
	if len(r.o.TenantPath) == 0 {
		return nil, false
	}
	_, p = eventParts(chunk, p)
	for _, key := range r.o.TenantPath {
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

// eventParts returns where the metadata and the body of the event at chunk[p] are:
// [[time, metadata], body], or [time, body] without metadata, which is 0 then. Of what is
// neither, body is the whole.
func eventParts(chunk []byte, p int) (metadata, body int) {
	event, ok := itemAt(chunk, p)
	if !ok || event.kind != kindArray || event.n != 2 {
		return 0, p
	}
	head, ok := itemAt(chunk, event.body)
	switch {
	case !ok:
		return 0, p
	case isTime(chunk[event.body:], head.kind):
		return 0, head.end
	case head.kind != kindArray || head.n != 2:
		return 0, p
	}
	time, ok := itemAt(chunk, head.body)
	if !ok || !isTime(chunk[head.body:], time.kind) {
		return 0, p
	}
	end := skip(chunk, time.end)
	if end < 0 {
		return 0, p
	}
	return time.end, end
}

// isTime reports whether the value that begins b can be the time of an event: an integer, a
// float, or the extension that Fluent's protocol has for it.
func isTime(b []byte, k kind) bool {
	return k == kindInt || k == kindAtom || k == kindExt && isTimestamp(b)
}

// record lays out the record at chunk[p] and returns its end, or -1 when it cannot.
func (r *Redactor) record(b *batch, chunk []byte, p int) int {
	metadata, body := eventParts(chunk, p)
	if metadata > 0 {
		if it, _ := itemAt(chunk, metadata); it.n > 0 || it.kind != kindMap {
			if r.value(b, chunk, metadata) < 0 {
				return -1
			}
			b.text = append(b.text, '\n')
		}
	}
	end := r.value(b, chunk, body)
	b.text = append(b.text, '\n')
	return end
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
	r.stack = append(r.stack[:0], frame{left: 1})
	for len(r.stack) > 0 {
		f := &r.stack[len(r.stack)-1]
		if f.left == 0 {
			if f.isMap {
				b.text = append(b.text, '}')
			}
			r.stack = r.stack[:len(r.stack)-1]
			continue
		}
		it, ok := itemAt(chunk, p)
		if !ok {
			return -1
		}
		at := leaf{p, it.body, it.end}
		p = it.end
		container := it.kind == kindArray || it.kind == kindMap
		isKey := f.isMap && f.left&1 == 0
		f.left--
		switch {
		case isKey:
			if f.begun {
				b.text = append(b.text, ',')
			}
			f.begun, f.key = true, redact.Span{}
			if container {
				break // no key that anything goes by, but it may hold values
			}
			start := len(b.text)
			b.leaf(chunk, at, it.kind, redact.Span{})
			b.text = append(b.text, ':')
			f.key = redact.Span{Start: start, End: len(b.text)}
			continue
		case !f.isMap:
			if it.end-it.body < minElement && it.kind == kindText || it.end-at.start < minElement && it.kind == kindInt ||
				it.kind == kindAtom || container && it.n == 0 {
				continue
			}
			if f.begun {
				b.text = append(b.text, ',')
			}
			// Elements stand under the key of their array. The first has it before it.
			if n := f.key.Len(); f.begun && n > 0 && n <= maxRepeated {
				start := len(b.text)
				b.text = append(b.text, b.text[f.key.Start:f.key.End]...)
				f.key = redact.Span{Start: start, End: len(b.text)}
			}
			f.begun = true
		}
		if !container {
			if it.kind == kindText && f.key.Len() > 0 && confusing(chunk[it.body:it.end]) && r.telling(b.text[f.key.Start:f.key.End]) {
				f.key = b.standIn(chunk, at, f.key)
			}
			b.leaf(chunk, at, it.kind, f.key)
			continue
		}
		inner := frame{left: it.n, isMap: it.kind == kindMap, key: f.key}
		if inner.isMap {
			b.text = append(b.text, '{')
			inner.key = redact.Span{}
		}
		if r.stack = append(r.stack, inner); len(r.stack) > maxDepth {
			return -1
		}
	}
	return p
}

// leaf lays out a value that holds no others. key is the key that it stands under.
func (b *batch) leaf(chunk []byte, at leaf, k kind, key redact.Span) {
	quote := len(b.text)
	b.text = append(b.text, '"')
	least := 1
	switch {
	case k == kindText, k == kindExt && !isTimestamp(chunk[at.start:at.end]):
		b.text = append(b.text, chunk[at.body:at.end]...)
	case k == kindInt:
		b.text = appendInt(b.text, chunk[at.start:at.end])
		least = minDigits
	}
	b.text = append(b.text, '"')
	s := redact.Span{Start: quote + 1, End: len(b.text) - 1}
	if s.Len() < least {
		return
	}
	alone := redact.Span{Start: quote, End: len(b.text)}
	if key.Len() > 0 && key.End == quote {
		alone.Start = key.Start
	}
	b.fields = append(b.fields, redact.Field{Span: s, Alone: alone})
	b.leaves = append(b.leaves, at)
}

// standIn lays out a text that stands for a value, behind its key: the same with every
// byte replaced that could end it too early. The key is laid out once more behind it, for
// the value itself, and returned.
func (b *batch) standIn(chunk []byte, at leaf, key redact.Span) redact.Span {
	value := chunk[at.body:at.end]
	b.text = append(b.text, '"')
	start := len(b.text)
	b.text = append(b.text, value...)
	for i, c := range b.text[start:] {
		if ending[c] {
			b.text[start+i] = 'x'
		}
	}
	s := redact.Span{Start: start, End: len(b.text)}
	b.fields = append(b.fields, redact.Field{Span: s, Alone: redact.Span{Start: key.Start, End: s.End}, Whole: value})
	b.leaves = append(b.leaves, at)
	b.text = append(b.text, '"', ',')
	start = len(b.text)
	b.text = append(b.text, b.text[key.Start:key.End]...)
	return redact.Span{Start: start, End: len(b.text)}
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

// telling reports whether any detector goes by the key, which is as it is laid out. It asks
// the engine once, and remembers.
func (r *Redactor) telling(key []byte) bool {
	is, known := r.known[string(key)]
	if known || len(key) > maxKnownKey || len(r.known) == maxKnown {
		return is || !known
	}
	for _, c := range r.w.Explain(append(slices.Clone(key), `"Zx7kQ9vB2mN4"`...)) {
		is = is || c.At < len(key)
	}
	r.known[string(key)] = is
	return is
}

// isTimestamp reports whether an extension is a time of Fluent's protocol (type 0, 8 bytes)
// or of MessagePack (type -1).
func isTimestamp(b []byte) bool {
	it, _ := itemAt(b, 0)
	t := b[it.body-1]
	return t == 0 && it.end-it.body == 8 || t == 0xff
}

// mark is how much a batch holds.
type mark struct{ text, fields int }

func (b *batch) truncate(m mark) {
	b.text, b.fields, b.leaves = b.text[:m.text], b.fields[:m.fields], b.leaves[:m.fields]
}

func (b *batch) reset() { b.truncate(mark{}) }
