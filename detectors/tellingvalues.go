package detectors

import (
	"bytes"

	"logveil/detectors/internal/keyed"
)

// tellingKinds are the kinds of values that keys tell of.
var tellingKinds = [...]tellingKind{
	{"account", "bank account, sort code or routing number behind its key", digitWords, true, true, func(v []byte, k asked) bool {
		s := shapeOf(v)
		if k.Weak || k.Alone {
			return s.digits >= 8 && s.digits <= 18 && s.digits == len(v)
		}
		return s.id(4, 34, 4, v)
	}},
	{"address", "street, house number, address line or city behind its key", manyWordsAndCommas, false, false, isAddress},
	{"card", "payment card number behind its key, whatever its check digit", digitWords, true, true, func(v []byte, _ asked) bool {
		s := shapeOf(v)
		return s.digits >= 12 && s.digits <= 19 && s.digits+s.blanks+s.dashes == len(v)
	}},
	{"cvv", "card verification number behind its key", oneWord, false, true, func(v []byte, _ asked) bool {
		return (len(v) == 3 || len(v) == 4) && shapeOf(v).digits == len(v)
	}},
	{"dob", "date or year of birth behind its key", dateWords, false, true, isDateOfBirth},
	{"email", "mail address of any form behind its key", oneWord, false, false, isKeyedMail},
	{"expiry", "expiry of a payment card behind its key: month and year", oneWord, false, true, isExpiry},
	{"geo", "latitude or longitude of at least three decimals behind its key", oneWord, false, true, isCoordinate},
	{"iban", "IBAN behind its key, whatever its check digits", digitWords, false, true, func(v []byte, _ asked) bool {
		s := shapeOf(v)
		return len(v) > 14 && keyed.IsLetter(v[0]) && keyed.IsLetter(v[1]) && keyed.IsDigit(v[2]) && keyed.IsDigit(v[3]) && s.id(15, 42, 6, v)
	}},
	{"insurance", "insurance or policy number behind its key", digitWords, true, true, idOf(4, 24, 4)},
	{"licence", "driving licence number behind its key", digitWords, true, true, idOf(5, 24, 4)},
	{"medical", "number of a patient or a medical record behind its key", digitWords, true, true, idOf(4, 24, 4)},
	{"name", "name of a person behind its key", manyWords, false, false, isName},
	{"nationalid", "national identity number behind its key", digitWords, true, true, idOf(6, 24, 5)},
	{"passport", "passport number behind its key", digitWords, true, true, idOf(6, 16, 5)},
	{"phone", "telephone number of any form behind its key", digitWords, false, true, isKeyedPhone},
	{"pin", "PIN of four to eight digits behind its key", oneWord, false, true, func(v []byte, _ asked) bool {
		return len(v) >= 4 && len(v) <= 8 && shapeOf(v).digits == len(v)
	}},
	{"postcode", "postal code behind its key", digitWords, false, true, isPostcode},
	{"ssn", "social security number of any form behind its key", digitWords, true, true, func(v []byte, _ asked) bool {
		s := shapeOf(v)
		return s.digits == 9 && s.digits+s.blanks+s.dashes+s.dots == len(v)
	}},
	{"taxid", "tax or VAT number behind its key", digitWords, true, true, idOf(6, 20, 4)},
	{"username", "name that somebody logs in with behind its key", oneWord, false, false, isUsername},
	{"vehicle", "vehicle identification or plate number behind its key", digitWords, true, true, func(v []byte, _ asked) bool {
		s := shapeOf(v)
		return s.digits > 0 && s.letters > 0 && s.id(4, 20, 1, v)
	}},
}

// shape counts the bytes of a value.
type shape struct{ digits, uppers, lowers, letters, blanks, dashes, dots, slashes, others int }

func shapeOf(v []byte) (s shape) {
	for rest := v; len(rest) > 0; {
		part := rest[:min(len(rest), maxLane)]
		rest = rest[len(part):]
		var sum uint64
		for _, c := range part {
			sum += shapeLanes[c]
		}
		s.digits += int(sum & maxLane)
		s.uppers += int(sum >> 8 & maxLane)
		s.lowers += int(sum >> 16 & maxLane)
		s.blanks += int(sum >> 24 & maxLane)
		s.dashes += int(sum >> 32 & maxLane)
		s.dots += int(sum >> 40 & maxLane)
		s.slashes += int(sum >> 48 & maxLane)
	}
	s.letters = s.uppers + s.lowers
	s.others = len(v) - s.digits - s.letters - s.blanks - s.dashes - s.dots - s.slashes
	return s
}

// shapeLanes holds, for each byte, a one in the lane of the count that it adds to. A lane has
// eight bits, in the order in which shapeOf reads them.
var shapeLanes = func() (t [256]uint64) {
	for c := range t {
		for lane, in := range [...]bool{
			keyed.IsDigit(byte(c)), keyed.IsUpper(byte(c)), keyed.IsLower(byte(c)), c == ' ', c == '-', c == '.', c == '/',
		} {
			if in {
				t[c] = 1 << (8 * lane)
			}
		}
	}
	return t
}()

// maxLane is the largest number in a lane.
const maxLane = 1<<8 - 1

// id reports whether v, of which s is the shape, is a number as offices give them: shortest
// to longest letters and digits with separators between them, so many of them digits.
func (s *shape) id(shortest, longest, digits int, v []byte) bool {
	n := s.digits + s.letters
	return n >= shortest && n <= longest && s.digits >= digits && s.others == 0 && s.blanks <= 8 &&
		s.dots+s.slashes+s.dashes <= 6 && s.lowers <= s.digits && (keyed.IsDigit(v[0]) || keyed.IsLetter(v[0]))
}

func idOf(shortest, longest, digits int) func([]byte, asked) bool {
	return func(v []byte, _ asked) bool {
		s := shapeOf(v)
		return s.id(shortest, longest, digits, v)
	}
}

// isWords reports whether v is made of words that a form might hold, rather than of a
// name in a program, a status or a placeholder.
func isWords(v []byte, k asked, several bool) bool {
	s := keyed.Measure(v)
	if s.Placeholder(v) && !(several && keyed.IsUpper(v[0])) {
		return false
	}
	// "Will" is a name, "will be set" is none.
	if keyed.WordAt(v) != keyed.NoWord && !keyed.IsUpper(v[0]) {
		return false
	}
	return !bytes.Contains(v, doubleSlash) && !masked(v)
}

var doubleSlash = []byte("//")

// masked reports whether v is what masks leave: x and X only.
func masked(v []byte) bool {
	for _, c := range v {
		if c|0x20 != 'x' && c != ' ' {
			return false
		}
	}
	return true
}

// isName takes words of letters, with apostrophes, hyphens and the dots of initials, and looks
// at the first seven. A weak key asks for two words that begin with capitals.
func isName(v []byte, k asked) bool {
	if k.Weak && len(v) > 80 {
		return false
	}
	letters, words, capitals := 0, 0, 0
	prev := byte(' ')
	for i := 0; i < len(v); i++ {
		c := v[i]
		switch {
		case c >= 0x80:
			letters++
		case keyed.IsLetter(c):
			if prev == ' ' || prev == '+' {
				if words++; words > maxNameWords && !k.Weak {
					return isWords(v, k, capitals >= 2) && capitals >= 2
				}
				if keyed.IsUpper(c) {
					capitals++
				}
			} else if keyed.IsUpper(c) && keyed.IsLower(prev) && keyed.IsLower(v[0]) {
				return false // firstName
			}
			if prev == '.' {
				if i < 3 || v[i-3] != ' ' && v[i-3] != '.' {
					if i != 2 {
						return false // com.example
					}
				}
			}
			letters++
		case c == '\\' && i+5 < len(v) && v[i+1] == 'u':
			letters++
			i += 5
			c = 'u'
		case c == '%' && i+2 < len(v) && keyed.IsLetter(prev):
			letters++
			i += 2
			c = 'u'
		case c == '\'' || c == '-' || c == '`' || c == ',':
			if prev == ' ' {
				return false
			}
		case c == ' ' || c == '+' || c == '.':
		default:
			return false
		}
		prev = c
	}
	if letters < 2 || words > maxNameWords {
		return false
	}
	if k.Weak {
		return words >= 2 && capitals == words && words <= 4 && keyed.WordAt(v) == keyed.NoWord
	}
	return isWords(v, k, capitals >= 2) && !columnWord(v)
}

// maxNameWords is how many words of a name are looked at.
const maxNameWords = 7

// columnWord reports whether v is what a name stands for in a query or a form.
func columnWord(v []byte) bool {
	switch string(v) {
	case "asc", "desc", "ASC", "DESC", "first", "last", "name", "firstname", "lastname", "surname", "varchar", "VARCHAR", "String", "STRING", "label", "input", "field":
		return true
	}
	return false
}

// isAddress takes a street with or without a number, a number alone behind a key that asks
// for one, and behind the bare key "address" only what has a number among words.
func isAddress(v []byte, k asked) bool {
	s := shapeOf(v)
	high, never := 0, false
	for _, c := range v {
		high += int(c >> 7)
		never = never || inNoAddress[c]
	}
	if never || len(v) < 8 && bytes.IndexByte(v, '*') >= 0 {
		return false
	}
	several := s.blanks > 0 || bytes.IndexByte(v, '+') > 0
	switch {
	case k.Weak:
		return s.digits == 0 && s.letters+high >= 2 && len(v) <= 40 && !keyed.IsLower(v[0]) && isWords(v, k, several)
	case k.Alone:
		return s.digits > 0 && s.letters+high >= 4 && several && s.dots < 4 && isWords(v, k, several)
	case s.letters+high < 2:
		return k.last == 'n' && s.digits > 0 && s.digits <= 5 && s.others == 0
	}
	return (several || !program(v)) && isWords(v, k, several)
}

// inNoAddress are bytes that no address has.
var inNoAddress = [256]bool{'@': true, '=': true, '{': true, '[': true, '<': true, '|': true, '_': true, ':': true}

// program reports whether the single word v looks like a name in a program.
func program(v []byte) bool {
	for i, c := range v {
		if c == '.' && i+1 < len(v) && keyed.IsLetter(v[i+1]) || c == '/' || i > 0 && keyed.IsUpper(c) && keyed.IsLower(v[i-1]) {
			return true
		}
	}
	return keyed.WordAt(v) != keyed.NoWord || len(v) < 3
}

// isDateOfBirth takes dates in digits or with the name of a month, a year, and seconds or
// milliseconds of the Unix epoch.
func isDateOfBirth(v []byte, _ asked) bool {
	if len(v) > 40 || !keyed.IsDigit(v[0]) && !keyed.IsLetter(v[0]) && v[0] != '-' {
		return false
	}
	s := shapeOf(v)
	seps := s.dashes + s.dots + s.slashes + s.blanks
	switch {
	case s.others > 0 && s.others > bytes.Count(v, []byte{':'})+bytes.Count(v, []byte{','})+bytes.Count(v, []byte{'+'}):
		return false
	case s.letters > 2: // a month, T and Z
		return s.digits >= 3 && seps > 0 && s.letters <= 14
	case s.digits == 4 && seps == 0:
		return len(v) == 4 && (v[0] == '1' && v[1] >= '8' || v[0] == '2' && v[1] == '0')
	}
	return s.digits >= 6 && (seps >= 2 || s.digits >= 8 && s.digits <= 13 && seps == 0 || seps == 1 && v[0] == '-')
}

func isKeyedMail(v []byte, _ asked) bool {
	at := bytes.IndexByte(v, '@')
	if at <= 0 || at+2 >= len(v) {
		return false
	}
	for _, c := range v {
		if c <= ' ' || c == '/' || c == '(' || c == '*' || c == '<' || c == '{' || c == ';' {
			return false
		}
	}
	return keyed.IsLetter(v[at+1])
}

// isExpiry takes a month and a year, parted or not, or one of them where the key asks for it.
func isExpiry(v []byte, k asked) bool {
	two := func(i int) int {
		if i+2 > len(v) || !keyed.IsDigit(v[i]) || !keyed.IsDigit(v[i+1]) {
			return -1
		}
		return int(v[i]-'0')*10 + int(v[i+1]-'0')
	}
	month := func(m int) bool { return m >= 1 && m <= 12 }
	switch n := len(v); {
	case k.last == 'm':
		return n == 2 && month(two(0)) || n == 1 && v[0] >= '1' && v[0] <= '9'
	case k.last == 'y':
		return n == 2 && two(0) > 0 || n == 4 && two(0) == 20 && two(2) >= 0
	case n == 4 && k.Words > 1:
		return month(two(0)) && two(2) >= 0 || month(two(2)) && two(0) >= 0
	case n == 5 && (v[2] == '/' || v[2] == '-' && k.Words > 1):
		return month(two(0)) && two(3) >= 0
	case n == 7 && (v[2] == '/' || v[2] == '-'):
		return month(two(0)) && two(3) == 20 && two(5) >= 0
	case n == 7 && v[4] == '-' && k.Words > 1:
		return two(0) == 20 && two(2) >= 0 && month(two(5))
	}
	return false
}

// isCoordinate takes one decimal number, or two parted by a comma; less than three
// decimals are a region.
func isCoordinate(v []byte, _ asked) bool {
	whole, decimals, dot := 0, 0, false
	for i, c := range v {
		switch {
		case (c == '-' || c == '+') && i == 0:
		case c == '.' && !dot:
			dot = true
		case c == ',' && decimals >= minDecimals:
			return isCoordinate(bytes.TrimLeft(v[i+1:], " "), asked{})
		case !keyed.IsDigit(c):
			return false
		case dot:
			decimals++
		default:
			whole++
		}
	}
	return whole >= 1 && whole <= 3 && decimals >= minDecimals
}

const minDecimals = 3

// isKeyedPhone takes six to fifteen digits as people write them.
func isKeyedPhone(v []byte, _ asked) bool {
	digits, groups, dots := 0, 0, 0
	for i, c := range v {
		switch {
		case keyed.IsDigit(c):
			if i == 0 || !keyed.IsDigit(v[i-1]) {
				groups++
			}
			digits++
		case c == '.':
			dots++
		case c == '+' && i == 0, c == ' ', c == '-', c == '(', c == ')', c == '/':
		case (c == 'x' || c == 'X') && digits >= 7:
		case c == 'e' && digits >= 7 && bytes.HasPrefix(v[i:], []byte("ext")):
			return len(v)-i < 12
		default:
			return false
		}
	}
	return digits >= 6 && digits <= 15 && groups <= 7 && !(dots == 3 && groups == 4) && (v[0] == '+' || v[0] == '(' || keyed.IsDigit(v[0]))
}

// isPostcode takes three to ten digits and letters with two digits among them, more digits
// than words have.
func isPostcode(v []byte, _ asked) bool {
	s := shapeOf(v)
	n := s.digits + s.letters
	if n < 3 || n > 10 || s.others+s.dots+s.slashes > 0 || s.blanks+s.dashes > 1 || s.lowers > 4 || s.digits < 2 {
		return false
	}
	if s.letters == 0 {
		return s.digits >= 4 && s.digits <= 9 && (s.digits <= 6 || s.dashes+s.blanks == 1 || s.digits >= 7)
	}
	return s.letters <= 5
}

// isUsername takes one word that is neither a number nor the account of a system.
func isUsername(v []byte, k asked) bool {
	if len(v) < 2 || len(v) > 64 {
		return false
	}
	letters := 0
	for _, c := range v {
		switch {
		case keyed.IsLetter(c) || c >= 0x80:
			letters++
		case keyed.IsDigit(c) || c == '_' || c == '-' || c == '.' || c == '@' || c == '\\' || c == '+':
		case c == ' ' && k.quoted:
		default:
			return false
		}
	}
	if letters < 2 || v[0] == '-' || v[0] == '.' || v[0] == '@' || bytes.HasPrefix(v, []byte("tok1_")) {
		return false
	}
	s := keyed.Measure(v)
	if !k.quoted && s.Dots > 0 && s.Upper > s.Lower && bytes.IndexByte(v, '_') > 0 {
		return false // env.DB_USERNAME
	}
	return !s.Placeholder(v) && keyed.WordAt(v) == keyed.NoWord && !systemAccount(v)
}

// systemAccount reports whether v is an account that systems and databases come with.
func systemAccount(v []byte) bool {
	var fold [16]byte
	if len(v) > len(fold) {
		return false
	}
	for i, c := range v {
		if keyed.IsUpper(c) {
			c |= 0x20
		}
		fold[i] = c
	}
	switch string(fold[:len(v)]) {
	case "root", "admin", "administrator", "system", "nobody", "daemon", "bin", "sys", "sync", "www-data", "apache", "nginx", "http", "tomcat",
		"mysql", "postgres", "mongodb", "redis", "elastic", "kibana", "kafka", "zookeeper", "hadoop", "hdfs", "yarn", "mapred", "hive", "hbase", "spark",
		"jenkins", "git", "docker", "ubuntu", "ec2-user", "centos", "vagrant", "oracle", "sa", "dbo", "sshd", "ftp", "mail", "postfix", "cron",
		"guest", "anonymous", "test", "service", "localhost", "username", "user_name", "api", "app", "mule", "vault", "consul", "node", "dr.who",
		"local_system", "network_service":
		return true
	}
	return false
}
