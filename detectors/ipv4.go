package detectors

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"logveil/detectors/internal/keyed"
	"logveil/redact"
)

// ipv4 finds IPv4 addresses in dotted-decimal notation.
//
// Source: the dotted-decimal form of RFC 1123, section 2.1, and the "IPv4address" of
// RFC 3986, section 3.2.2; leading zeros are taken as well, since logs hold them.
//
// Every address is taken, also 127.0.0.1, 0.0.0.0 and netmasks: what need not be hidden
// is named by the policy as allowed networks. A port, a prefix length and a reverse name
// around the address stay as they are. Four numbers with dots are as often a version, so
// they are not an address where they are part of a longer dotted number, follow a word
// for a version, a product name and a slash (Firefox/2.0.0.4), or letters and a dash
// (ckeditor-3.6.2.2). Numbers that no version uses, such as 192.168.1.1, are an address
// in any of these places but the first. A fifth number is a port where tcpdump writes it.
type ipv4 struct{}

const (
	ipv4MaxLen = 80
	// ipv4Look bounds the words that are read to the left of an address, in bytes.
	ipv4Look = 32
)

func (ipv4) Spec() redact.Spec {
	return redact.Spec{
		Name:   "ipv4",
		Kind:   "ipv4",
		Doc:    "IPv4 addresses in dotted decimal; versions and longer numbers are left out.",
		Anchor: redact.Anchor{Shape: `\d\..{1,3}\..{1,3}\.\d`},
		MaxLen: ipv4MaxLen,
		Rank:   40,
		Weight: 2,
	}
}

func (ipv4) Match(b []byte, at int) (redact.Span, redact.Reason) {
	s, r := dottedQuad(b, at)
	switch {
	case !r.OK():
		return redact.Span{}, r
	case ipv4Alone(b, s):
		return s, redact.Accepted
	case s.Start > 1 && b[s.Start-1] == '.' && isDigit(b[s.Start-2]):
		// What is found here rejects all candidates of the same dotted number.
		return s, redact.RejectNeighbor
	case s.End+1 < len(b) && b[s.End] == '.' && isDigit(b[s.End+1]) && !ipv4Port(b, s):
		return s, redact.RejectNeighbor
	}
	if !ipv4Certain(b[s.Start:s.End]) {
		if r := ipv4Before(b, s.Start, s.End); !r.OK() {
			return s, r
		}
		if r := ipv4After(b, s.End); !r.OK() {
			return s, r
		}
	}
	// What is glued to it must go with it: 10.0.0.1_8080.
	for end := s.End; s.End < len(b) && s.End-end < ipv4Look && isWord(b[s.End]); {
		s.End++
	}
	return s, redact.Accepted
}

// dottedQuad reads the four numbers with dots between them of which the first ends with
// b[at]. None of them has more than three digits or is above 255.
func dottedQuad(b []byte, at int) (redact.Span, redact.Reason) {
	// How long numbers are could not be foreseen by branches: all is read at once, from
	// b[at-3] on, with zero bytes where there is no text.
	const first, size = 3, 20
	var edge [size]byte
	x := &edge
	if at >= first && len(b)-at >= size-first {
		x = (*[size]byte)(b[at-first:])
	} else {
		copy(edge[max(0, first-at):], b[max(0, at-first):min(len(b), at-first+size)])
	}
	// A bit for each byte behind b[at] that is no digit: the first four are the dots and the
	// end.
	lo, hi := binary.LittleEndian.Uint64(x[first+1:]), binary.LittleEndian.Uint64(x[first+9:])
	ends := flagBits(notDigits(lo)) | flagBits(notDigits(hi))<<8
	ends &= ends - 1
	end2 := bits.TrailingZeros32(ends)
	ends &= ends - 1
	end3 := bits.TrailingZeros32(ends)
	ends &= ends - 1
	end4 := bits.TrailingZeros32(ends)
	if !isDigit(x[first]) || (x[first+1]^'.')|(x[first+1+end2&15]^'.')|(x[first+1+end3&15]^'.') != 0 {
		return redact.Span{}, redact.RejectAnchor
	}
	n2, n3, n4 := end2-1, end3-end2-1, end4-end3-1
	if (n2-1)|(n3-1)|(n4-1)|(3-n2)|(3-n3)|(3-n4) < 0 {
		return redact.Span{}, redact.RejectRange
	}
	n1 := bits.LeadingZeros32(uint32(notDigits(uint64(binary.LittleEndian.Uint32(x[:]))))) / 8
	if start := at + 1 - n1; n1 > 3 || start > 0 && b[start-1] == '%' {
		if n1 = at + 1 - ipv4Start(b, at); n1 > 3 {
			return redact.Span{}, redact.RejectRange
		}
	}
	const most = 0x020505
	if max(digitsBefore(x, first+1, n1), digitsBefore(x, first+1+end2, n2), digitsBefore(x, first+1+end3, n3), digitsBefore(x, first+1+end4, n4)) > most {
		return redact.Span{}, redact.RejectRange
	}
	return redact.Span{Start: at + 1 - n1, End: at + 1 + end4}, redact.Accepted
}

// digitsBefore returns the n digits before x[end], three at most, a byte for each, of which
// the last one is the lowest.
func digitsBefore(x *[20]byte, end, n int) uint32 {
	return binary.BigEndian.Uint32(x[(end-4)&15:]) & 0x0f0f0f & (1<<(8*n&31) - 1)
}

// ipv4Start returns where the number that ends with b[at] begins, behind the digits of an
// escape: %2010.0.0.1.
func ipv4Start(b []byte, at int) int {
	start := at
	for start > 0 && at-start < 5 && isDigit(b[start-1]) {
		start--
	}
	if start > 0 && b[start-1] == '%' && at-start >= 2 {
		start += 2
	}
	return start
}

// ipv4Alone reports whether the two bytes on either side of an address tell that nothing of
// what ipv4Before, ipv4After and ipv4Port look for stands there, as is so of most.
func ipv4Alone(b []byte, s redact.Span) bool {
	return s.Start >= 2 && len(b)-s.End >= 2 &&
		ipv4Left[b[s.Start-1]]&(ipv4Left[b[s.Start-2]]>>4) != 0 &&
		ipv4Right[b[s.End]]&(ipv4Right[b[s.End+1]]>>4) != 0
}

// ipv4Left and ipv4Right have, in their lower halves, what a byte right beside an address
// is, and in their upper halves beside which of these a byte may be the next one.
var ipv4Left, ipv4Right = func() (left, right [256]uint8) {
	const plain, gap, slash, joint = 1, 2, 4, 2
	for i := range 256 {
		c := byte(i)
		left[i], right[i] = plain<<4, plain<<4
		if !versionGap[c] && bytes.IndexByte(versionEnds, c|0x20) < 0 {
			left[i] |= gap << 4
		}
		if !isWord(c) && c != '\\' {
			left[i] |= slash << 4
		}
		if !isWord(c) {
			right[i] |= joint << 4
		}
		switch {
		case c == '/':
			left[i] |= slash
		case versionGap[c]:
			left[i] |= gap
		case !isWord(c) && c != '~' && c != '.' && c != '-':
			left[i] |= plain
		}
		switch {
		case c == '.' || c == '-':
			right[i] |= joint
		case !isWord(c):
			right[i] |= plain
		}
	}
	return left, right
}()

// ipv4Certain reports whether no version has these numbers: private networks other than
// 10/8, the first loopback address, and first octets that no version reaches. Browsers
// count versions up to there, but end them in .0.0.0.
func ipv4Certain(address []byte) bool {
	var o [4]int
	for i, end := 0, -1; i < len(o); i++ {
		o[i], end = octet(address, end+1)
	}
	return o[1]|o[2]|o[3] != 0 && (o[0] >= 172 || o[0] == 127 && o[1]|o[2] == 0 && o[3] == 1)
}

// ipv4Port reports whether a fifth number is a port as tcpdump and BSD netstat write it:
// "IP 10.0.0.1.443 > 10.0.0.2.53999:".
func ipv4Port(b []byte, s redact.Span) bool {
	end := s.End + 1
	for end < len(b) && end-s.End < 8 && isDigit(b[end]) {
		end++
	}
	if end-s.End-1 > 5 || end+1 < len(b) && b[end] == '.' && isDigit(b[end+1]) || end < len(b) && isWord(b[end]) {
		return false
	}
	return ipv4Certain(b[s.Start:s.End]) ||
		s.Start >= 3 && (string(b[s.Start-3:s.Start]) == "IP " || string(b[s.Start-2:s.Start]) == "> ") ||
		end+2 < len(b) && string(b[end:end+3]) == " > "
}

// ipv4Before judges by what stands before the address.
func ipv4Before(b []byte, start, end int) redact.Reason {
	if start == 0 {
		return redact.Accepted
	}
	switch c := b[start-1]; {
	case isWord(c):
		if glued(b, start) && !ipv4Host(wordBefore(b, start)) {
			return redact.RejectNeighbor
		}
		return redact.Accepted
	case c == '~' || c == '.' && start > 1 && isWord(b[start-2]):
		return redact.RejectNeighbor
	case c == '-':
		// After a number or an id of digits, as in BP-134736-10.1.2.3-1444, it may stand.
		w := wordBefore(b, start-1)
		if len(w) > 0 && !digitsOnly(w) && !ipv4Host(w) {
			return redact.RejectNeighbor
		}
	case c == '/':
		i := start - 1
		for i > 0 && start-i < 8 && b[i-1] == '\\' {
			i-- // a slash escaped in JSON
		}
		// Product names begin with a capital and end with a letter; hosts before an
		// address, as Java writes them, do not, or a port follows.
		w := wordBefore(b, i)
		if end+1 < len(b) && b[end] == ':' && isDigit(b[end+1]) || len(w) == 0 {
			return redact.Accepted
		}
		if isUpper(w[0]) && isLetter(w[len(w)-1]) || oneOf(w, "zlib", "curl", "libcurl", "nginx", "okhttp") {
			return redact.RejectNeighbor
		}
		return redact.Accepted
	}
	i := start
	for i > 0 && start-i < 8 && versionGap[b[i-1]] {
		i--
	}
	if i < start && versionWord(wordBefore(b, i)) {
		return redact.RejectContext
	}
	return redact.Accepted
}

// ipv4After judges by what stands after the address.
func ipv4After(b []byte, end int) redact.Reason {
	if end < len(b) && isLetter(b[end]) {
		return redact.RejectNeighbor
	}
	if end+2 >= len(b) || !isLetter(b[end+1]) {
		return redact.Accepted
	}
	i := end + 1
	for i < len(b) && i-end <= 10 && isWord(b[i]) {
		i++
	}
	w := b[end+1 : i]
	switch b[end] {
	case '-':
		for len(w) > 0 && isDigit(w[len(w)-1]) {
			w = w[:len(w)-1] // rc1, b14
		}
		if oneOf(w, "snapshot", "release", "alpha", "beta", "rc", "ga", "final", "b", "v", "r") {
			return redact.RejectNeighbor
		}
	case '.':
		if oneOf(w, "jar", "war", "tar", "zip", "rpm", "deb", "whl", "dll", "exe", "so", "gz", "tgz", "nupkg") {
			return redact.RejectNeighbor
		}
	}
	return redact.Accepted
}

// ipv4Host reports whether w, which a dash joins to an address, names a host or an
// address and no product.
func ipv4Host(w []byte) bool {
	return oneOf(w, "ip", "ec2", "host", "addr", "address", "node", "from", "to", "src", "dst", "client", "server", "static", "dynamic", "dyn")
}

// versionEnds are the last letters of the words that versionWord knows.
var versionEnds = []byte("nrvde")

// versionWord reports whether w says that a version follows.
func versionWord(w []byte) bool {
	const version = "version"
	return len(w) >= len(version) && hasFold(w, len(w)-len(version), version) ||
		oneOf(w, "ver", "rv", "v", "build", "release", "revision", "firmware")
}

// oneOf reports whether w is one of the given lower-case texts, in either case.
func oneOf(w []byte, texts ...string) bool {
	for _, t := range texts {
		if len(w) == len(t) && hasFold(w, 0, t) {
			return true
		}
	}
	return false
}

// versionGap is what may stand between a word for a version and the version.
var versionGap = tableOf(" \t=:\"'\\([<")

// wordBefore returns the word that ends right before b[i], or its end when it is longer
// than an ipv4Look.
func wordBefore(b []byte, i int) []byte {
	start := i
	for start > 0 && i-start < ipv4Look && isWord(b[start-1]) {
		start--
	}
	return b[start:i]
}

func digitsOnly(w []byte) bool {
	for _, c := range w {
		if !isDigit(c) {
			return false
		}
	}
	return true
}

// glued reports whether a word character stands right before b[i] and belongs to the
// same word, rather than ending an escape or the colour sequence of a terminal.
func glued(b []byte, i int) bool { return i > 0 && isWord(b[i-1]) && !keyed.Starts(b, i) }

// byteTable says of each byte whether it is in a set.
type byteTable [256]bool

// tableOf makes the table of the bytes of s. Where s has three bytes "a-z", all from
// the first to the last are in it; a dash at the end stands for itself.
func tableOf(s string) (t byteTable) {
	for i := 0; i < len(s); i++ {
		if i+2 < len(s) && s[i+1] == '-' {
			for c := int(s[i]); c <= int(s[i+2]); c++ {
				t[c] = true
			}
			i += 2
			continue
		}
		t[s[i]] = true
	}
	return t
}

var hexTable = tableOf("0-9A-Fa-f")

func isHex(c byte) bool { return hexTable[c] }
