package keyed

// WordsEnd returns the end of a value of several words without quotes that starts at
// b[start], not beyond limit bytes from there. It ends at what parts values, or before the
// blank that the next key stands behind; then it is closed. At the end of the line, or at
// something that no such value holds, it is not: words of a sentence may follow it.
//
// With commas, a comma and a blank are part of it when no key follows: "12 High Street,
// London".
func WordsEnd(b []byte, start, limit int, commas bool) (end int, closed bool) {
	lim := min(len(b), start+limit)
	for i := start; i < lim; i++ {
		c := b[i]
		if wordsGoOn[c] {
			continue
		}
		switch c {
		case ' ':
			if i+1 >= lim || b[i+1] == ' ' || b[i+1] == '-' || b[i+1] == '|' || nextKey(b, i+1, lim) {
				return i, true
			}
		case ',':
			if !commas || i+2 >= lim || b[i+1] != ' ' || nextKey(b, i+2, lim) {
				return i, true
			}
		case '\'':
			if i+1 >= lim || !IsLetter(b[i+1]) || i == start || !IsLetter(b[i-1]) {
				return i, true
			}
		case '\\':
			// \u00e9 is a letter, \u0022 and all other escapes are not.
			if i+5 < lim && b[i+1] == 'u' && !(b[i+2] == '0' && b[i+3] == '0' && b[i+4] < '8') {
				i += 5
				continue
			}
			return i, true
		case '#':
			if ControlAt(b, i, lim) {
				return i, true
			}
		case ';', '&', '|', ')', ']', '}', '"', '<', '>', '`', '\t':
			return i, true
		default:
			return i, false
		}
	}
	return lim, false
}

// wordsGoOn are the bytes that words and numbers of a name or an address are made of.
var wordsGoOn = func() (t [256]bool) {
	for c := range t {
		t[c] = c >= 0x80 || classes[c]&className != 0
	}
	for _, c := range []byte("+/%") {
		t[c] = true
	}
	return t
}()

// nextKey reports whether a key and its operator stand at b[i].
func nextKey(b []byte, i, lim int) bool {
	start := i
	if i < lim && (b[i] == '"' || b[i] == '\'') {
		i++
	}
	for i < lim && i-start < 40 && IsName(b[i]) {
		i++
	}
	if i < lim && (b[i] == '"' || b[i] == '\'') {
		i++
	}
	return i > start && i < lim && (b[i] == '=' || b[i] == ':')
}

// Capitalized returns the length of the part of v that names and addresses are made of:
// words that begin with a capital, a digit or a letter that is not ASCII, and the small
// words between such, as in "Ludwig van Beethoven". It takes one word in any case.
func Capitalized(v []byte) int {
	end := 0
	for i := 0; i < len(v); {
		start := i
		for i < len(v) && v[i] != ' ' {
			i++
		}
		w := v[start:i]
		switch {
		case start == 0:
			end = i
			if len(w) > 0 && IsLower(w[0]) && !particle(w) {
				return end
			}
		case len(w) > 0 && !IsLower(w[0]):
			end = i
		case !particle(w):
			return end
		}
		for i < len(v) && v[i] == ' ' {
			i++
		}
	}
	return end
}

// particle reports whether w is a small word within a name.
func particle(w []byte) bool {
	switch string(w) {
	case "de", "del", "della", "der", "den", "van", "von", "vom", "zu", "zur", "la", "le", "du", "da", "das", "di", "do", "dos", "el", "al", "bin",
		"ben", "ibn", "ter", "ten", "af", "av", "y", "e":
		return true
	}
	return false
}

// GroupsEnd returns the end of the groups of letters and digits, parted by single blanks,
// that go on behind b[end]: "4111 1111 1111 1111", "NW1 6XE", "12 March 1980". A group has
// a digit, is of capitals, or is one of the words that months accepts; at most limit bytes
// from end are looked at.
func GroupsEnd(b []byte, end, limit int, months bool) int {
	lim := min(len(b), end+limit)
	for end < lim && b[end] == ' ' {
		i := end + 1
		digits, lowers, start := 0, 0, i
		for i < lim && (IsWord(b[i]) && b[i] != '_' || b[i] == '-' || b[i] == '(' || b[i] == ')' || months && (b[i] == ',' || b[i] == '.')) {
			if IsDigit(b[i]) {
				digits++
			}
			if IsLower(b[i]) {
				lowers++
			}
			i++
		}
		month := months && lowers > 1 && !IsDigit(b[start]) && isMonth(b[start:i])
		if i == start || i < lim && (b[i] == '=' || b[i] == ':' || b[i] == '_' || b[i] == '/') || !month && (digits == 0 && i-start > 4 || lowers > 0) {
			return end
		}
		if digits == 0 && !month && !(i+1 < lim && b[i] == ' ' && IsDigit(b[i+1])) {
			return end // "12345678 USD"
		}
		end = i
	}
	return end
}

func isMonth(w []byte) bool {
	if len(w) < 3 {
		return false
	}
	switch string([]byte{w[0] | 0x20, w[1] | 0x20, w[2] | 0x20}) {
	case "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec", "okt", "dez", "mai":
		return true
	}
	return false
}
