package keys

// maxKey is how many letters and digits of a key are looked at, at most.
const maxKey = 64

// Key is a key by its words: lower-case letters and digits, nothing between them.
type Key struct {
	text [maxKey]byte
	n    int
	// starts has a bit for each place in text where a word begins.
	starts uint64
	long   bool
}

// Add adds the words of a part of a key. Words are parted by anything that is no letter
// and no digit, by a capital behind a small letter or before one, and where digits begin
// and end.
func (k *Key) Add(b []byte) {
	prev := byte(0)
	for i, c := range b {
		class := classOf[c]
		if class == 0 {
			prev = 0
			continue
		}
		if k.n == maxKey {
			k.long = true
			return
		}
		p := classOf[prev]
		if p == 0 || p != class && (class == digit || p == digit || class == upper) ||
			class == upper && p == upper && i+1 < len(b) && classOf[b[i+1]] == lower {
			k.starts |= 1 << k.n
		}
		if class == upper {
			c |= 0x20
		}
		k.text[k.n] = c
		k.n++
		prev = b[i]
	}
}

const (
	lower = 1 + iota
	upper
	digit
)

var classOf = func() (t [256]uint8) {
	for c := range 26 {
		t['a'+c], t['A'+c] = lower, upper
	}
	for c := range 10 {
		t['0'+c] = digit
	}
	return t
}()

// Lookup returns the term that decides what a key tells of: the longest at its end, less
// words that add nothing. Not ok when there is none, or when the words around the term
// forbid it.
func (d *Dictionary) Lookup(k *Key) (t Term, ok bool) {
	if k.long || k.n < minTerm {
		return t, false
	}
	for end := k.n; end >= minTerm; {
		if t, start, ok := d.ending(k, end); ok {
			if t.Alone && !k.persons(start) {
				return t, false
			}
			if t.Weak && start > 0 && people[string(k.text[k.wordBefore(start):start])] {
				t.Weak = false // the customer's name
			}
			return t, t.Kinds != 0
		}
		last := k.wordBefore(end)
		if last == 0 || !neutral[string(k.text[last:end])] && !k.digits(last, end) {
			return t, false
		}
		end = last
	}
	return t, false
}

// ending returns the longest term that ends at k.text[:end], and where it starts.
func (d *Dictionary) ending(k *Key, end int) (t Term, start int, ok bool) {
	whole, singular := d.mayEnd(k, end), end
	if end > minTerm && k.text[end-1] == 's' && d.mayEnd(k, end-1) {
		singular--
	}
	if !whole && singular == end {
		return t, 0, false
	}
	for start = 0; end-start >= minTerm; start++ {
		if end-start > maxTerm {
			continue
		}
		lengths := d.starts[startPair(k.text[start:])]
		if (lengths>>(end-start)|lengths>>(singular-start))&1 == 0 || k.starts>>start&1 == 0 && !k.glued(start, end) {
			continue
		}
		if lengths>>(end-start)&1 != 0 {
			if t, ok = d.terms[string(k.text[start:end])]; ok {
				return t, start, true
			}
		}
		if singular < end && lengths>>(singular-start)&1 != 0 {
			if t, ok = d.terms[string(k.text[start:singular])]; ok {
				return t, start, true
			}
		}
	}
	return t, 0, false
}

// startPair is the index in Dictionary.starts of what begins as text does.
func startPair(text []byte) int { return int(text[0]&31)<<5 | int(text[1]&31) }

// endBits is the number of bits of the hash of a term's end.
const endBits = 12

// endHash is a hash of the last three letters of text.
func endHash(text []byte) uint32 {
	n := len(text)
	return (uint32(text[n-1]) | uint32(text[n-2])<<8 | uint32(text[n-3])<<16) * 0x9E3779B1 >> (32 - endBits)
}

// mayEnd reports whether a term may end at k.text[:end]. Nearly all keys fail here.
func (d *Dictionary) mayEnd(k *Key, end int) bool {
	h := endHash(k.text[:end])
	return d.ends[h/64]>>(h%64)&1 != 0
}

// wordBefore returns the start of the word that ends at end.
func (k *Key) wordBefore(end int) int {
	i := end - 1
	for i > 0 && k.starts>>i&1 == 0 {
		i--
	}
	return i
}

func (k *Key) digits(from, to int) bool {
	for _, c := range k.text[from:to] {
		if classOf[c] != digit {
			return false
		}
	}
	return true
}

// glued reports whether a term may begin at start, inside a word of which the part before
// is a whole word without a sign that it ends: "customerphone".
func (k *Key) glued(start, end int) bool {
	if end-start < minGlued {
		return false
	}
	w := k.wordBefore(start)
	if c := k.text[w] - 'a'; c >= 26 || personLengths[c]>>(start-w)&1 == 0 {
		return false
	}
	return person[string(k.text[w:start])]
}

// personLengths has, for each first letter of the words of person, a bit for each length.
var personLengths = func() (t [26]uint64) {
	for w := range person {
		t[w[0]-'a'] |= 1 << len(w)
	}
	return t
}()

// minGlued is the length of the shortest term that may be glued to the word before it.
const minGlued = 4

// persons reports whether all words before start name a person, or there are none.
func (k *Key) persons(start int) bool {
	for start > 0 {
		w := k.wordBefore(start)
		if !person[string(k.text[w:start])] {
			return false
		}
		start = w
	}
	return true
}

func set(words ...string) map[string]bool {
	m := map[string]bool{}
	for _, w := range words {
		m[w] = true
	}
	return m
}

// person are words before a term that say whose value it is.
var person = set("customer", "cust", "client", "user", "person", "patient", "employee", "emp", "member", "subscriber", "applicant", "owner",
	"holder", "cardholder", "passenger", "guest", "buyer", "seller", "shopper", "sender", "recipient", "receiver", "payer", "payee",
	"beneficiary", "debtor", "creditor", "contact", "consumer", "insured", "policyholder", "student", "driver", "tenant", "borrower",
	"home", "work", "office", "private", "personal", "billing", "bill", "shipping", "ship", "delivery", "mailing", "postal", "residential",
	"primary", "secondary", "current", "permanent", "old", "new", "my", "your", "his", "her", "their", "to", "x")

// people are those that are said of people alone.
var people = set("customer", "cust", "person", "patient", "employee", "emp", "subscriber", "applicant", "holder", "cardholder", "passenger",
	"guest", "buyer", "shopper", "payer", "payee", "beneficiary", "debtor", "creditor", "insured", "policyholder", "student", "driver", "borrower",
	"billing", "shipping", "delivery")

// neutral are words behind a term that leave its meaning.
var neutral = set("number", "numbers", "no", "nr", "num", "value", "val", "text", "txt", "string", "str", "raw", "plain", "old", "new", "line",
	"field", "attr", "data", "list", "latin", "local", "input", "es")

// Goes reports whether a word in either case may go on a key behind a blank: one of those
// that terms of several words have, or one that adds nothing.
func (d *Dictionary) Goes(word []byte) bool {
	var fold [16]byte
	if n := len(word); n == 0 || n > len(fold) || classOf[word[0]] == 0 || classOf[word[0]] == digit || d.goes[word[0]&0x1f-1]>>n&1 == 0 {
		return false
	}
	for i, c := range word {
		if classOf[c] == upper {
			c |= 0x20
		}
		fold[i] = c
	}
	return d.words[string(fold[:len(word)])]
}

// Last returns the first letter of the last word of the key, or 0.
func (k *Key) Last() byte {
	if k.n == 0 {
		return 0
	}
	return k.text[k.wordBefore(k.n)]
}
