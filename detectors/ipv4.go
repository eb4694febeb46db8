package detectors

import (
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
	if len(b)-at < len("1.1.1.1") || !isDigit(b[at]) || b[at+1] != '.' {
		return redact.Span{}, redact.RejectAnchor
	}
	var octets [4]int
	end := at + 1
	for i := 1; i < 4; i++ {
		if end >= len(b) || b[end] != '.' {
			return redact.Span{}, redact.RejectAnchor
		}
		n, next := octet(b, end+1)
		if n < 0 {
			return redact.Span{}, redact.RejectRange
		}
		octets[i], end = n, next
	}
	start := at
	for start > 0 && at-start < 5 && isDigit(b[start-1]) {
		start--
	}
	if start > 0 && b[start-1] == '%' && at-start >= 2 {
		start += 2 // the digits of an escape: %2010.0.0.1
	}
	n, next := octet(b, start)
	if n < 0 || next != at+1 {
		return redact.Span{}, redact.RejectRange
	}
	octets[0] = n

	// What is found here rejects all candidates of the same dotted number.
	s := redact.Span{Start: start, End: end}
	if start > 1 && b[start-1] == '.' && isDigit(b[start-2]) {
		return s, redact.RejectNeighbor
	}
	if end+1 < len(b) && b[end] == '.' && isDigit(b[end+1]) && !ipv4Port(b, s, octets) {
		return s, redact.RejectNeighbor
	}
	if ipv4Certain(octets) {
		// Nothing that is glued to it may keep it from being hidden.
		for s.End < len(b) && s.End-end < ipv4Look && isWord(b[s.End]) {
			s.End++
		}
		return s, redact.Accepted
	}
	if r := ipv4Before(b, start, end); !r.OK() {
		return s, r
	}
	if r := ipv4After(b, end); !r.OK() {
		return s, r
	}
	for s.End < len(b) && s.End-end < ipv4Look && isWord(b[s.End]) {
		s.End++ // 10.0.0.1_8080
	}
	return s, redact.Accepted
}

// octet reads the one to three digits at b[i], and returns the byte after them. The
// number is negative when they are more, none, or above 255.
func octet(b []byte, i int) (n, end int) {
	for end = i; end < len(b) && isDigit(b[end]); end++ {
		if end-i == 3 {
			return -1, end
		}
		n = n*10 + int(b[end]-'0')
	}
	if end == i || n > 255 {
		return -1, end
	}
	return n, end
}

// ipv4Certain reports whether no version has these numbers: private networks other than
// 10/8, the first loopback address, and first octets that no version reaches. Browsers
// count versions up to there, but end them in .0.0.0.
func ipv4Certain(o [4]int) bool {
	switch {
	case o[1] == 0 && o[2] == 0 && o[3] == 0:
		return false
	case o[0] == 192 && o[1] == 168, o[0] == 172 && o[1]&^15 == 16:
		return true
	}
	return o[0] >= 172 || o[0] == 127 && o[1] == 0 && o[2] == 0 && o[3] == 1
}

// ipv4Port reports whether a fifth number is a port as tcpdump and BSD netstat write it:
// "IP 10.0.0.1.443 > 10.0.0.2.53999:".
func ipv4Port(b []byte, s redact.Span, o [4]int) bool {
	end := s.End + 1
	for end < len(b) && end-s.End < 8 && isDigit(b[end]) {
		end++
	}
	if end-s.End-1 > 5 || end+1 < len(b) && b[end] == '.' && isDigit(b[end+1]) || end < len(b) && isWord(b[end]) {
		return false
	}
	return ipv4Certain(o) ||
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
