package plugin

import (
	"cmp"
	"context"
	"encoding/binary"
	"slices"

	"logveil/redact"
)

const (
	// maxDepth bounds how deep values may be nested. A record that goes deeper is masked whole.
	maxDepth = 256
	// maxBatch is how much text, in bytes, is laid out before the engine looks at it. A
	// chunk of Fluent Bit has about 2 MB, so that one is nearly always one batch.
	maxBatch = 4 << 20
	// maxKept is the length of the longest buffer that is kept for the next chunk, in bytes.
	maxKept = 16 << 20
	// maxPart is how much of a chunk, in bytes, is laid out before the engine looks at it,
	// and the longest text that one record may have: places are kept in 32 bits.
	maxPart = 1 << 29
	// maxRepeated is the longest key, in bytes, that is laid out again before each element
	// of an array, and minElement the shortest text or integer for which it is, all but the
	// first: so the text is at most some thirty times as long as the chunk.
	maxRepeated = 64
	minElement  = 3
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
	stack   []frame
	edits   []edit
	changes []redact.Change
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
	out, c, ok := r.try(ctx, dst, chunk)
	if ok {
		return out, c
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
		if ok {
			dst = out
		} else {
			dst = appendMasked(dst, chunk[p:end])
			one = Counts{Records: 1, Panics: 1}
		}
		c.Records += one.Records
		c.Deep += one.Deep
		c.Panics += one.Panics
		p = end
	}
	return dst, c
}

// try is Append, and reports whether there was no panic. After one, what it returns holds
// nothing that may be used.
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
	from := 0
	for p := 0; p < len(chunk); {
		b := r.batchOf(chunk, p)
		m := b.mark()
		end := r.record(b, chunk[from:], p-from) + from
		if end < from {
			b.truncate(m)
			dst = r.flush(ctx, dst, chunk[from:p])
			if end = skip(chunk, p); end < 0 {
				c.Damaged = len(chunk) - p
				end = len(chunk)
			} else {
				dst = appendMasked(dst, chunk[p:end])
				c.Deep++
				c.Records++
			}
			from = end
		} else {
			c.Records++
		}
		p = end
		if len(b.Text) >= maxBatch || p-from >= maxPart || p == len(chunk) {
			dst = r.flush(ctx, dst, chunk[from:p])
			from = p
		}
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

// flush appends a part of the chunk, redacted as it is laid out.
func (r *Redactor) flush(ctx context.Context, dst, part []byte) []byte {
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
	from := int32(0)
	for _, e := range r.edits {
		if e.start < from {
			continue // its stand-in went whole
		}
		dst = append(dst, part[from:e.start]...)
		dst = appendText(dst, part[e.start:e.end], e.text)
		from = e.end
	}
	for _, b := range r.batches {
		if cap(b.Text) > maxKept || cap(b.out) > maxKept {
			b.Text, b.out = nil, nil
		}
	}
	return append(dst, part[from:]...)
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
	if len(chunk)-p > 12 && binary.LittleEndian.Uint32(chunk[p:]) == 0x00d79292 {
		return true, p + 12
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

// record lays out the record at chunk[p] and returns its end, or -1 when it cannot.
func (r *Redactor) record(b *batch, chunk []byte, p int) int {
	b.Records = append(b.Records, int32(len(b.Text)))
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
	if len(b.Text) > maxPart || p > maxPart {
		return -1
	}
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
	stack := r.stack[:0]
	f := frame{left: 1}
	if it, ok := itemAt(chunk, p); ok && it.kind == kindMap { // Fast path - nearly always.
		f = frame{left: it.n, isMap: true}
		b.Text = append(b.Text, '{')
		p = it.body
	}
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
			if it.end-it.body < minElement && it.kind == kindText || it.end-start < minElement && it.kind == kindInt ||
				it.kind == kindAtom || container && it.n == 0 {
				continue
			}
			// Elements stand under the key of their array. The first has it before it.
			b.Text = append(b.Text, ',')
			if n := f.key.Len(); n > 0 && n <= maxRepeated {
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
		key := len(b.Text)
		if f.key.End == key && f.key.Len() > 0 {
			key = f.key.Start
			if it.kind == kindText && r.telling(b.Text[key:f.key.End]) && confusing(chunk[it.body:it.end]) {
				b.standIn(chunk[it.body:it.end], start, it.end, key)
				b.repeat(&f.key)
				key = f.key.Start
			}
		}
		b.leaf(chunk, start, it, key)
	}
}

// repeat lays out a key once more.
func (b *batch) repeat(key *redact.Span) {
	start := len(b.Text)
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

// telling reports whether any detector goes by the key, which is as it is laid out. It asks
// the engine once, and remembers.
func (r *Redactor) telling(key []byte) bool {
	n := len(key)
	if n < 4 {
		return false // nothing, or a number
	}
	recent := &r.recent[(n+int(key[1])*7+int(key[n-3])*5+int(key[n/2])*3)%recentKeys]
	if recent.key == string(key) {
		return recent.telling
	}
	k, known := r.known[string(key)]
	if !known {
		if n > maxKnownKey || len(r.known) == maxKnown {
			return true
		}
		k.key = string(key)
		for _, c := range r.w.Explain([]byte(k.key + `"Zx7kQ9vB2mN4"`)) {
			k.telling = k.telling || c.At < n
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
