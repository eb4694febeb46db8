package corpus

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// A Flood is a short unit that, repeated in lines of about Line bytes, makes a scanner start and verify over
// and over. Line 0 is one unbroken line.
type Flood struct {
	Name string // fit for a file name
	Unit []byte
	Line int
}

// Text returns the flood's first size bytes.
func (f Flood) Text(size int) []byte { return Text(f.Unit, f.Line, size) }

// FloodLines are the line lengths in bytes that every unit floods at.
var FloodLines = []int{140, 15_000, 0}

// floodUnits are starts of values, whole values back to back, keys without values, and the bytes that
// structure is made of.
var floodUnits = []string{
	"10.0.0.1 ", "1.1.1.", "a@b.co ", "a@", "api=", "password=hunter2abcdef ", "eyJ", "eyJa.", "4111 1111 1111 1111 ",
	"1234-", "a:b:", "::1 ", "12:34:56:78:", "DE89370400440532013000 ", "AB12abcdefghijkl ", "+1", "AKIAAKIA", "123-45-6789 ",
	"tok1_", "-----BEGIN ", "://a:", "Bearer ", `{"`, `\\`, "((((", "key:", "secret", "sk_live_", "xoxb-",
	".", " ", "\x00", "\xff",
	// encodings, nesting
	`\u0040`, "%40", "&#64;", "QUtJQUFL", `{"a":`, "[[",
	// found by Search
	"password=", "=keyW", `key:e@key_:k\\a@\\t\\`, `k:@\tUR\t.c=iuut3key:`, `\r\@Key=e\r\Key=`, `@\teKeyJ=@\t.key:@\tKeyJ=@\t.`,
	`dpasswo=s\\bQa&p&&&&&&&&q&&&&&&&q&`, `E\pasSwoUM\a:~'&&d&m&d&SC7zj\\\\n`, `passwbAAAAAAAAAAAAAAAAA=hu\\\\n\AAAAAAAA`, `&@\s\\rak.pa>s&'s&c&s&a&ps&&&`,
	// lists of values, and values that overlap
	"10.0.0.1,", "4111111111111111,", "a@b.c", "a@a.bb@", "é@é.", "0000.1111.2222.", "curl -u a:",
	// keywords that look ahead, keys, literals of many rules, literals that overlap themselves
	"ssn ", "phone 1", "pwd=a;", "pwd='", "sk-", "://:", "PuTTY-User-Key-File-2: ", "-----", strings.Repeat("A", 24) + " ",
	// base64, some of it of base64, and many layers
	"QUtJQUlPU0ZPRE5ON0VYQU1QTEUg ", "VGhlIGNhcmQgaXMgNDExMTEx ", "ZXlKaGJH", "%2525252525252525252540a", `\\\\\\\\n`,
	// keys that tell of people, lists
	`"firstName":"`, "lastNames=[a,", "(name=Ada Ada,dob=", "street=a a ", "surname",
	// found by Search: values that are read far to be rejected, keys among keys, and true values seen
	// twice, as they stand and decoded
	"(city=Bo,", `\\rapasswPuTTY-User-Key-File-2: Yo.rd2_=`, `3ssn0bn0b11S0k.11-1-.ssn800=r''pa70`, `A\mK1street={\u0040ea`,
	`cug\r -u cuc-u -u   -u cuc-u `, "cuIrkLNameTcu0IrlLNamelastNamelastNames:", `=wnphone 1032{5\)2 50.3:%252525525s5X`,
	`QU1\\rapaSsword2=o.ps&&c&s&&a&&s&&s]&a&`, "5251-l----Lname =Ada Ada Adpwd=a;zxa%4", `{"1street=.00.0Ax` + strings.Repeat("A", 13) + `J4-A=A\\\\n`,
	"----%2525252525252521.a0" + strings.Repeat("A", 14), `10.1.0.1\n`,
	// found by Search: keys in many layers, command lines
	"rwm[\x00d=%2525XsbXstreet5Xstreet==Kueet", "'curl -1a:y l -aJlan: -l,A -u:loA",
	// objects and lists under keys of secrets that have no end
	`{"password":{"a":`, `"password":[["a",{"b":`, "passwords=[{",
}

// Floods lists the known ones, each at every length of FloodLines: the units above and long runs of digits,
// letters and hex.
func Floods() []Flood {
	var fs []Flood
	add := func(name string, unit []byte) {
		for _, line := range FloodLines {
			length := "unbroken"
			if line > 0 {
				length = strconv.Itoa(line)
			}
			fs = append(fs, Flood{name + "-" + length, unit, line})
		}
	}
	for i, u := range floodUnits {
		add(fmt.Sprintf("%02d-%s", i+1, plainName(u)), []byte(u))
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, run := range []struct{ name, alphabet string }{{"digits", digits}, {"letters", alnum[:52]}, {"hex", "0123456789abcdef"}} {
		add("run-"+run.name, []byte(chars(r, 997, run.alphabet)))
	}
	return fs
}

// plainName keeps letters and digits and writes other bytes as an underscore and their hex.
func plainName(unit string) string {
	var b strings.Builder
	for _, c := range []byte(unit) {
		if strings.IndexByte(alnum, c) >= 0 {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "_%02x", c)
		}
	}
	return b.String()
}

// Text repeats the unit to exactly size bytes, with a line end after as many whole units (one at least) as
// fit in line bytes, or none when line is 0.
func Text(unit []byte, line, size int) []byte {
	if len(unit) == 0 || size <= 0 {
		return nil
	}
	one := unit
	if line > 0 {
		one = append(bytes.Repeat(unit, max(1, line/len(unit))), '\n')
	}
	return bytes.Repeat(one, size/len(one)+1)[:size:size]
}
