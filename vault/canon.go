package vault

import (
	"net/netip"
	"unsafe"

	"logveil/internal/check"
	"logveil/redact"
)

// A value is brought into the canonical form of its kind before it is sealed, so that
// the ways to write one value have one token:
//
//	card   digits; spaces and dashes go, and a decimal point with an exponent
//	iban   upper case; spaces and dashes go
//	ssn    nine digits; the same
//	phone  digits, after a + when there was one; spaces and - . ( ) / go
//	email  the domain in lower case, the rest as it is
//	mac    lower-case hexadecimal digits; separators go
//	ipv6   RFC 5952
//
// Every other kind, and every value that does not fit its kind's form, is sealed as it
// is. The two cannot be taken for one another: no canonical form begins with NUL, and
// what is sealed as it is gets a NUL in front where the canonical form of its kind is
// something else or begins with NUL. So Reveal gives back the canonical form of a
// value that fits, and the very bytes of any other.

const rawMark = 0

// AppendCanonical appends the form in which values of a kind are sealed and compared: the
// ways to write one value have the same form, and two values do not. It can hold the value
// itself and is as sensitive. At most one byte more than raw is appended, or maxCard bytes.
func AppendCanonical(dst []byte, kind redact.Kind, raw []byte) []byte {
	n := len(dst)
	var ok bool
	switch kind {
	case "card":
		if dst, ok = appendDigits(dst, raw, " -", false); !ok {
			dst, ok = check.AppendWhole(dst[:n], raw, maxCard) // 4.111111111111111E15
		}
		ok = ok && len(dst)-n >= 12 && len(dst)-n <= maxCard
	case "ssn":
		if dst, ok = appendDigits(dst, raw, " -", false); !ok {
			dst, ok = check.AppendWhole(dst[:n], raw, 9)
		}
		ok = ok && len(dst)-n == 9
	case "phone":
		dst, ok = appendDigits(dst, raw, " -.()/", true)
		ok = ok && len(dst)-n >= 5
	case "iban":
		dst, ok = appendIBAN(dst, raw)
	case "email":
		dst, ok = appendEmail(dst, raw)
	case "mac":
		dst, ok = appendMAC(dst, raw)
	case "ipv6":
		dst, ok = appendIPv6(dst, raw)
	default:
		if len(raw) > 0 && raw[0] == rawMark {
			dst = append(dst, rawMark)
		}
		return append(dst, raw...)
	}
	if !ok {
		dst = append(dst[:n], rawMark)
		dst = append(dst, raw...)
	}
	return dst
}

// maxCard is the number of digits of the longest card number.
const maxCard = 19

// uncanon returns what Reveal shows for what was sealed.
func uncanon(sealed []byte) []byte {
	if len(sealed) > 0 && sealed[0] == rawMark {
		return sealed[1:]
	}
	return sealed
}

// appendDigits appends the digits of raw, and a + at its start when plus is set. It
// reports whether nothing else than digits and separators stood there.
func appendDigits(dst, raw []byte, separators string, plus bool) ([]byte, bool) {
next:
	for i, c := range raw {
		switch {
		case '0' <= c && c <= '9' || plus && i == 0 && c == '+':
			dst = append(dst, c)
			continue next
		}
		for j := range len(separators) {
			if c == separators[j] {
				continue next
			}
		}
		return dst, false
	}
	return dst, true
}

// appendIBAN wants two letters, two digits, and 15 to 34 letters and digits in all.
func appendIBAN(dst, raw []byte) ([]byte, bool) {
	n := len(dst)
	for _, c := range raw {
		i := len(dst) - n
		switch {
		case c == ' ' || c == '-':
			continue
		case 'a' <= c && c <= 'z':
			c -= 'a' - 'A'
		case 'A' <= c && c <= 'Z' || '0' <= c && c <= '9':
		default:
			return dst, false
		}
		if i < 2 && c <= '9' || i >= 2 && i < 4 && c > '9' {
			return dst, false
		}
		dst = append(dst, c)
	}
	return dst, len(dst)-n >= 15 && len(dst)-n <= 34
}

// appendEmail lowers the ASCII letters behind the last @.
func appendEmail(dst, raw []byte) ([]byte, bool) {
	at := len(raw) - 1
	for at > 0 && raw[at] != '@' {
		at--
	}
	if at <= 0 || raw[0] == rawMark {
		return dst, false
	}
	dst = append(dst, raw[:at]...)
	for _, c := range raw[at:] {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst, true
}

// appendMAC wants 12 or 16 hexadecimal digits, EUI-48 or EUI-64.
func appendMAC(dst, raw []byte) ([]byte, bool) {
	n := len(dst)
	for _, c := range raw {
		switch {
		case c == ':' || c == '-' || c == '.' || c == ' ':
			continue
		case 'A' <= c && c <= 'F':
			c += 'a' - 'A'
		case 'a' <= c && c <= 'f' || '0' <= c && c <= '9':
		default:
			return dst, false
		}
		dst = append(dst, c)
	}
	return dst, len(dst)-n == 12 || len(dst)-n == 16
}

func appendIPv6(dst, raw []byte) ([]byte, bool) {
	const longest = len("ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255")
	if len(raw) == 0 || len(raw) > longest {
		return dst, false
	}
	for _, c := range raw {
		// Zones would be interned, and anything else is not an address.
		hex := '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
		if !hex && c != ':' && c != '.' {
			return dst, false
		}
	}
	// A string over raw, to allocate nothing. It does not outlive this function: the
	// address holds numbers only, and the error, which quotes it, is dropped.
	ip, err := netip.ParseAddr(unsafe.String(&raw[0], len(raw)))
	if err != nil || !ip.Is6() {
		return dst, false
	}
	return ip.AppendTo(dst), true
}

// KeepLimit is the most characters that a mask of the kind may keep of a value, 0 when
// it may keep none.
func KeepLimit(kind redact.Kind) int {
	switch kind {
	case "card", "iban", "ssn", "phone":
		return 4
	}
	return 0
}

// kept returns the end of a canonical value that its mask shows: n characters, within
// KeepLimit, and nothing of a value that would show half of itself.
func kept(kind redact.Kind, canon []byte, n int) []byte {
	n = min(n, KeepLimit(kind))
	if n <= 0 || len(canon) <= 2*n || canon[0] == rawMark {
		return nil
	}
	return canon[len(canon)-n:]
}
