package detectors

import "logveil/redact"

// mac finds hardware addresses of six bytes.
//
// Source: EUI-48 as IEEE 802-2014, section 8.1, writes it (hexadecimal representation
// with hyphens, and with colons), and the three groups of four with dots of Cisco IOS.
//
// Longer chains of bytes, such as fingerprints and EUI-64, are not addresses of six
// bytes. The addresses of all zeros and all ones name no device. Without a letter, the
// forms with hyphens and dots are more often dates and numbers, and stay.
type mac struct{}

const (
	macLen    = len("00:00:00:00:00:00")
	macDotted = len("0000.0000.0000")
	// macDashes bounds what is skipped at a time, in bytes.
	macDashes = 40
)

func (mac) Spec() redact.Spec {
	return redact.Spec{
		Name: "mac",
		Kind: "mac",
		Doc:  "Hardware (MAC) addresses with colons, hyphens or in Cisco's dotted form.",
		Anchor: redact.Anchor{
			Shape: `(.{2}[:-].{2}[:-].{2}[:-].{2}[:-].{2}[:-]|.{4}\.[0-9A-Fa-f]{4}\.)`,
		},
		MaxLen: 40,
		Rank:   45,
		Work:   map[redact.Reason]int{redact.RejectAnchor: 3},
	}
}

func (mac) Match(b []byte, at int) (redact.Span, redact.Reason) {
	if len(b)-at < macDotted {
		return redact.Span{}, redact.RejectLength
	}
	if !isHex(b[at]) {
		// A line of dashes: nothing begins before the first digit.
		i := at + 1
		for i < len(b) && i-at < macDashes && !isHex(b[i]) {
			i++
		}
		return redact.Span{Start: at, End: i}, redact.RejectAnchor
	}
	switch sep := b[at+2]; {
	case sep == ':' || sep == '-':
		return matchMAC(b, at, sep)
	case b[at+4] == '.':
		return matchDottedMAC(b, at)
	}
	return redact.Span{}, redact.RejectAnchor
}

func matchMAC(b []byte, at int, sep byte) (redact.Span, redact.Reason) {
	if len(b)-at < macLen {
		return redact.Span{}, redact.RejectLength
	}
	if macGroupBefore(b, at, sep) {
		return redact.Span{}, redact.RejectNeighbor
	}
	letter, same, first := false, true, b[at]|0x20
	for i := at; ; i += 3 {
		c, d := b[i], b[i+1]
		if !isHex(c) || !isHex(d) {
			return redact.Span{}, redact.RejectAnchor
		}
		letter = letter || !isDigit(c) || !isDigit(d)
		same = same && c|0x20 == first && d|0x20 == first
		if i == at+macLen-2 {
			break
		}
		if b[i+2] != sep {
			return redact.Span{}, redact.RejectAnchor
		}
	}
	s := redact.Span{Start: at, End: at + macLen}
	if glued(b, at) || s.End < len(b) && isWord(b[s.End]) {
		return redact.Span{}, redact.RejectNeighbor
	}
	if macGroupAfter(b, s.End, sep) {
		return redact.Span{}, redact.RejectNeighbor
	}
	if same && (b[at] == '0' || first == 'f') || !letter && sep == '-' {
		return redact.Span{}, redact.RejectValue
	}
	return s, redact.Accepted
}

func matchDottedMAC(b []byte, at int) (redact.Span, redact.Reason) {
	if at > 1 && b[at-1] == '.' && isWord(b[at-2]) {
		return redact.Span{}, redact.RejectNeighbor
	}
	a := b[at : at+macDotted]
	letter, same := false, true
	for i, c := range a {
		switch {
		case i%5 == 4:
			if c != '.' {
				return redact.Span{}, redact.RejectAnchor
			}
		case !isHex(c):
			return redact.Span{}, redact.RejectAnchor
		default:
			letter = letter || !isDigit(c)
			same = same && c|0x20 == a[0]|0x20
		}
	}
	s := redact.Span{Start: at, End: at + macDotted}
	if glued(b, at) || s.End < len(b) && isWord(b[s.End]) {
		return redact.Span{}, redact.RejectNeighbor
	}
	if s.End+1 < len(b) && b[s.End] == '.' && isWord(b[s.End+1]) {
		return redact.Span{}, redact.RejectNeighbor
	}
	if !letter || same && a[0]|0x20 == 'f' {
		return redact.Span{}, redact.RejectValue
	}
	return s, redact.Accepted
}

// macGroupBefore reports whether the separator and a further group of a chain stand
// before b[at]: one to four hexadecimal digits that are a word of their own.
func macGroupBefore(b []byte, at int, sep byte) bool {
	if at == 0 || b[at-1] != sep {
		return false
	}
	i := at - 1
	for i > 0 && at-i < 6 && isHex(b[i-1]) {
		i--
	}
	n := at - 1 - i
	return n == 0 && sep == ':' && i > 0 && b[i-1] == ':' || 0 < n && n <= 4 && !glued(b, i)
}

// macGroupAfter is macGroupBefore to the right of an address that ends at b[end].
func macGroupAfter(b []byte, end int, sep byte) bool {
	if end >= len(b) || b[end] != sep {
		return false
	}
	i := end + 1
	for i < len(b) && i-end < 6 && isHex(b[i]) {
		i++
	}
	n := i - end - 1
	return n == 0 && sep == ':' && i < len(b) && b[i] == ':' || 0 < n && n <= 4 && (i == len(b) || !isWord(b[i]))
}
