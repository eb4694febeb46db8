// Package keys knows which keys tell that a value is sensitive, and of what kind it is:
// firstName, date_of_birth, CUSTOMER-IBAN.
//
// # Terms
//
// The dictionary is data, the .txt files beside this one. A term is one to six words in
// lower case. It is found in a key however the words are joined: firstName, first_name,
// FIRST-NAME, "First name", firstname. Words may stand before it (customerFirstName) and
// words that add nothing may stand behind it (firstName1, phoneNumber, ibanValue); any
// other word behind it makes the key mean something else (phoneVerified, addressFamily).
// The longest term at the end of a key decides, so that "ip address" is no address.
//
// # Sources
//
// The terms are those of schema.org's Person and PostalAddress, vCard (RFC 6350), OpenID
// Connect's standard claims, ISO 20022 and PCI DSS for payments, and HIPAA's list of
// identifiers (45 CFR 164.514), in the spellings of common APIs.
package keys

import (
	"embed"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
)

// Never is the section of terms that are never sensitive.
const Never = "never"

// Term is what the dictionary says of one term.
type Term struct {
	// Kinds are the kinds of values that stand behind it, as a set: bit i is Kinds()[i].
	// None for a term that is never sensitive.
	Kinds uint32
	// Weak says that the term tells of a person only beside another telling key.
	Weak bool
	// Alone says that no words may stand before it but those that name a person.
	Alone bool
	// Words is how many words it has.
	Words int
}

// Dictionary maps terms to what they tell. Immutable.
type Dictionary struct {
	terms map[string]Term // by the words without anything between them
	// words are those that may go on a key behind a blank: of terms of several words, and
	// those that add nothing.
	words map[string]bool
	// goes has, for each first letter of a word that may go on a key, a bit for each length.
	goes [26]uint32
	// texts are the terms as they were written, by kind.
	texts map[string][]string
	// blank are the terms that may stand before a blank and a value.
	blank map[string]bool
	// ends has a bit for each hash of the last three letters of a term.
	ends [1 << endBits / 64]uint64
	// starts has, for each pair of first letters of a term, by their low bits, a bit for each
	// length.
	starts [32 * 32]uint64
}

//go:embed *.txt
var files embed.FS

// Default returns the dictionary that comes with the product.
func Default() *Dictionary { return loaded() }

var loaded = sync.OnceValue(func() *Dictionary {
	d := &Dictionary{terms: map[string]Term{}, words: map[string]bool{}, texts: map[string][]string{}, blank: map[string]bool{}}
	for w := range neutral {
		d.goesOn(w)
	}
	entries, err := files.ReadDir(".")
	if err != nil {
		panic("BUG: keys: " + err.Error())
	}
	for _, e := range entries {
		text, err := files.ReadFile(e.Name())
		if err == nil {
			err = d.read(string(text))
		}
		if err != nil {
			panic("BUG: keys: " + e.Name() + ": " + err.Error())
		}
	}
	return d
})

// read adds the terms of one file: sections "[kind]", comments, and a term a line, with a
// ? behind a weak one, a ! behind one that stands alone, and a ~ behind one of common
// words that a value may follow with nothing but a blank between.
func (d *Dictionary) read(text string) error {
	kind := ""
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line[0] == '#':
			continue
		case line[0] == '[':
			kind = strings.Trim(line, "[]")
			continue
		case kind == "":
			return errors.New("a term before any section")
		}
		var t Term
		blank := false
		words := strings.Fields(line)
		for len(words) > 1 {
			switch words[len(words)-1] {
			case "?":
				t.Weak = true
			case "!":
				t.Alone = true
			case "~":
				blank = true
			default:
				goto marked
			}
			words = words[:len(words)-1]
		}
	marked:
		if blank {
			d.blank[strings.Join(words, " ")] = true
		}
		if err := d.add(kind, strings.Join(words, " "), t); err != nil {
			return err
		}
	}
	return nil
}

// With returns a dictionary that has more terms: extra by kind, and never sensitive ones,
// which win over all others. The errors name no term.
func (d *Dictionary) With(extra map[string][]string, never []string) (*Dictionary, error) {
	n := &Dictionary{terms: maps.Clone(d.terms), words: maps.Clone(d.words), texts: map[string][]string{}, blank: d.blank, ends: d.ends, starts: d.starts, goes: d.goes}
	for k, ts := range d.texts {
		n.texts[k] = slices.Clone(ts)
	}
	for _, kind := range slices.Sorted(maps.Keys(extra)) {
		for _, text := range extra[kind] {
			// What a user names is sensitive wherever it stands.
			delete(n.terms, joined(text))
			if err := n.add(kind, text, Term{}); err != nil {
				return nil, err
			}
		}
	}
	for _, text := range never {
		delete(n.terms, joined(text))
		if err := n.add(Never, text, Term{}); err != nil {
			return nil, err
		}
	}
	return n, nil
}

// Errors of terms.
var (
	errForm = errors.New("want one to six words of lower-case letters and digits, with a blank between them, and three to 40 letters and digits in all")
	errKind = errors.New("no kind whose values stand behind keys")
)

const (
	// minTerm and maxTerm are the lengths of the shortest and the longest term, without
	// blanks; no term has more than maxWords words.
	minTerm  = 3
	maxTerm  = 40
	maxWords = 6
)

// Check reports what is wrong with the form of a term.
func Check(text string) error {
	words := strings.Split(text, " ")
	if n := len(joined(text)); n < minTerm || n > maxTerm || len(words) > maxWords {
		return errForm
	}
	for _, w := range words {
		if w == "" || strings.Trim(w, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			return errForm
		}
	}
	return nil
}

func joined(text string) string { return strings.ReplaceAll(text, " ", "") }

func (d *Dictionary) add(kind, text string, t Term) error {
	if err := Check(text); err != nil {
		return fmt.Errorf("a term of %s: %w", kind, err)
	}
	words := strings.Split(text, " ")
	t.Words = len(words)
	if kind != Never {
		i := slices.Index(kinds, kind)
		if i < 0 {
			return errKind
		}
		t.Kinds = 1 << i
	}
	if old, ok := d.terms[joined(text)]; ok && old.Kinds != 0 && kind != Never {
		t.Kinds |= old.Kinds
	}
	d.terms[joined(text)] = t
	e := endHash([]byte(joined(text)))
	d.ends[e/64] |= 1 << (e % 64)
	d.starts[startPair([]byte(joined(text)))] |= 1 << len(joined(text))
	d.texts[kind] = append(d.texts[kind], text)
	if len(words) > 1 {
		for _, w := range words {
			d.goesOn(w)
		}
	}
	return nil
}

// goesOn notes a word that may go on a key behind a blank.
func (d *Dictionary) goesOn(w string) {
	d.words[w] = true
	if i := w[0] - 'a'; i < 26 {
		d.goes[i] |= 1 << len(w)
	}
}

// kinds are the kinds of values that keys tell of, sorted.
var kinds = []string{
	"account", "address", "card", "cvv", "dob", "email", "expiry", "geo", "iban", "insurance", "licence", "medical",
	"name", "nationalid", "passport", "phone", "pin", "postcode", "ssn", "taxid", "username", "vehicle",
}

// Kinds returns the kinds of values that keys tell of, sorted. The caller must not change
// them.
func Kinds() []string { return kinds }

// Terms returns the terms of a kind, in the order of the files. The caller must not change
// them.
func (d *Dictionary) Terms(kind string) []string { return d.texts[kind] }
