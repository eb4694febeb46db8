package corpus

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/big"
	"math/rand/v2"
	"strings"
)

const (
	digits = "0123456789"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	alnum  = "abcdefghijklmnopqrstuvwxyz" + upper + digits
)

// A value is what is planted: secret must not stand in redacted output, shape is the text around it.
type value struct{ kind, secret, shape string }

func (v value) text() string { return fmt.Sprintf(v.shape, v.secret) }

// into puts the value's text at a blank of the line, or at its end.
func (v value) into(r *rand.Rand, line []byte) []byte {
	var blanks []int
	for i, c := range line {
		if c == ' ' {
			blanks = append(blanks, i)
		}
	}
	at := len(line)
	if len(blanks) > 0 && r.Float64() < 0.7 {
		at = blanks[r.IntN(len(blanks))]
	}
	return bytes.Join([][]byte{line[:at], []byte(" "), []byte(v.text()), line[at:]}, nil)
}

type kindOf struct {
	kind   string
	make   func(*rand.Rand) string
	shapes []string
}

// kinds are those of the reference script, in the same surroundings.
var kinds = []kindOf{
	{"email", email, []string{"user=%s", "sent mail to <%s>", "%s logged in"}},
	{"card", card, []string{"card=%s", "pan %s declined", "paid with %s ok"}},
	{"ssn", ssn, []string{"ssn=%s", "status 200 %s"}},
	{"iban", iban, []string{"iban=%s", "to account %s"}},
	{"jwt", jwt, []string{"Authorization: Bearer %s", "jwt %s"}},
	{"aws", func(r *rand.Rand) string { return "AKIA" + chars(r, 16, upper+"234567") }, []string{"aws_key=%s", "id %s"}},
	{"github", func(r *rand.Rand) string { return "ghp_" + chars(r, 36, alnum) }, []string{"token %s"}},
	{"phone", phone, []string{"tel %s", "phone: %s"}},
	{"password", func(r *rand.Rand) string { return chars(r, 12, alnum) }, []string{"password=%s", "pwd: %s"}},
	{"basic", func(r *rand.Rand) string { return chars(r, 10, alnum) }, []string{"https://svc:%s@db.example.com/x"}},
}

func plant(r *rand.Rand) value {
	k := kinds[r.IntN(len(kinds))]
	return value{k.kind, k.make(r), pick(r, k.shapes...)}
}

func pick(r *rand.Rand, of ...string) string { return of[r.IntN(len(of))] }

func between(r *rand.Rand, least, most int) int { return least + r.IntN(most-least+1) }

func chars(r *rand.Rand, n int, alphabet string) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphabet[r.IntN(len(alphabet))]
	}
	return string(b)
}

func email(r *rand.Rand) string {
	return fmt.Sprintf("%s.%s%d@%s", pick(r, "john", "mary", "li", "ahmed", "olga", "peter", "sofia"),
		pick(r, "smith", "jones", "chen", "khan", "ivanova", "mueller", "garcia"), between(r, 1, 9999),
		pick(r, "example.com", "mail.example.org", "corp.example.net"))
}

// card returns a number with a right Luhn check digit (ISO/IEC 7812-1), plain or in groups.
func card(r *rand.Rand) string {
	prefix, n, cut := pick(r, "4", "51", "52", "53", "54", "55", "6011"), 16, []int{4, 8, 12}
	if r.IntN(5) == 0 {
		prefix, n, cut = pick(r, "34", "37"), 15, []int{4, 10}
	}
	s := prefix + chars(r, n-1-len(prefix), digits)
	sum := 0
	for i := range len(s) {
		d := int(s[len(s)-1-i] - '0')
		if i%2 == 0 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	s += string(digits[(10-sum%10)%10])
	sep, out, from := pick(r, "", "-", " "), "", 0
	for _, at := range cut {
		out, from = out+s[from:at]+sep, at
	}
	return out + s[from:]
}

func ssn(r *rand.Rand) string {
	area := between(r, 1, 898)
	if area >= 666 {
		area++
	}
	return fmt.Sprintf("%03d-%02d-%04d", area, between(r, 1, 99), between(r, 1, 9999))
}

// iban returns an account number with right check digits (ISO 13616), plain or in groups of four.
func iban(r *rand.Rand) string {
	lengths := map[string]int{"DE": 22, "FR": 27, "GB": 22, "NL": 18, "ES": 24, "AT": 20}
	cc := pick(r, "DE", "FR", "GB", "NL", "ES", "AT")
	bban := chars(r, lengths[cc]-4, digits)
	if cc == "GB" || cc == "NL" {
		bban = chars(r, 4, upper) + bban[4:]
	}
	var number strings.Builder
	for _, c := range bban + cc + "00" {
		if c >= 'A' {
			fmt.Fprintf(&number, "%d", c-'A'+10)
		} else {
			number.WriteRune(c)
		}
	}
	n, _ := new(big.Int).SetString(number.String(), 10)
	s := fmt.Sprintf("%s%02d%s", cc, 98-new(big.Int).Mod(n, big.NewInt(97)).Int64(), bban)
	if r.IntN(10) < 7 {
		return s
	}
	var groups []string
	for len(s) > 4 {
		groups, s = append(groups, s[:4]), s[4:]
	}
	return strings.Join(append(groups, s), " ")
}

func jwt(r *rand.Rand) string {
	e := base64.RawURLEncoding.EncodeToString
	return e([]byte(`{"alg": "HS256", "typ": "JWT"}`)) + "." +
		e(fmt.Appendf(nil, `{"sub": %q, "name": %q, "iat": 1516239022}`, chars(r, 10, digits), chars(r, 8, alnum))) + "." +
		chars(r, 43, alnum)
}

// phone uses the ranges set aside for fiction: 555-01xx in North America, 020 7946 0xxx in London.
func phone(r *rand.Rand) string {
	switch r.IntN(3) {
	case 0:
		return fmt.Sprintf("+1-%d-555-01%02d", between(r, 201, 989), r.IntN(100))
	case 1:
		return fmt.Sprintf("(%d) 555-01%02d", between(r, 201, 989), r.IntN(100))
	}
	return fmt.Sprintf("+44 20 7946 0%03d", r.IntN(1000))
}
