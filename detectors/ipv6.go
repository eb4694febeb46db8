package detectors

import "logveil/redact"

// ipv6 finds IPv6 addresses.
//
// Source: the text forms of RFC 4291, section 2.2: eight groups, "::" once for groups of
// zeros, the last four bytes in dotted decimal.
//
// Brackets, a zone (%eth0), a prefix length and a port stay as they are, also the port
// behind eight groups that Java writes without brackets. The unspecified address is not
// taken. Times, MAC and other hardware addresses, and the "::" of programming languages
// are kept out by form: a compressed address needs a digit, and either three characters
// in one of its groups, five groups, a dotted part, or to be "::1".
type ipv6 struct{}

const (
	ipv6MaxLen = 96
	// ipv6Side bounds what is read to each side of the anchor, and ipv6Run both
	// together, in bytes: an address has at most 45.
	ipv6Side = 72
	ipv6Run  = 72
)

func (ipv6) Spec() redact.Spec {
	return redact.Spec{
		Name:   "ipv6",
		Kind:   "ipv6",
		Doc:    "IPv6 addresses in all text forms.",
		Anchor: redact.Anchor{Shape: `(::|:.{1,4}:.{1,4}:.{1,4}:)`},
		MaxLen: ipv6MaxLen,
		Rank:   45,
		Weight: 2,
		Work:   map[redact.Reason]int{redact.RejectLength: 15},
	}
}

func (ipv6) Match(b []byte, at int) (redact.Span, redact.Reason) {
	if b[at] != ':' || at+1 == len(b) {
		return redact.Span{}, redact.RejectAnchor
	}
	if b[at+1] != ':' && !isHex(b[at+1]) {
		return redact.Span{}, redact.RejectAnchor
	}
	// The run of hexadecimal digits and colons around the anchor. All candidates in it
	// see the same run, so that one answer holds for all of them.
	start, end := at, at+1
	for start > 0 && at-start < ipv6Side && ipv6Bytes[b[start-1]] {
		start--
	}
	dots := false // a dotted part is the last one
	for end < len(b) && end-at < ipv6Side {
		if c := b[end]; c == '.' && end+1 < len(b) && isDigit(b[end+1]) && isDigit(b[end-1]) {
			dots = true
		} else if !ipv6Bytes[c] || dots && !isDigit(c) {
			break
		}
		end++
	}
	run := redact.Span{Start: start, End: end}
	if end-start >= ipv6Run {
		return run, redact.RejectLength
	}
	if end-start <= 4 && (at+2 >= end || b[at+2] != '1') {
		return run, redact.RejectValue // "::" alone, or of a programming language
	}

	if start > 0 && b[start-1] == '%' && start+2 <= at && isHex(b[start]) && isHex(b[start+1]) {
		start += 2 // the digits of an escape: %20::1
	}
	// The first group may be the end of a word, as in client_id:fe80::1.
	if b[start] != ':' && (glued(b, start) || b[start-min(start, 1)] == '.') {
		for b[start] != ':' {
			start++
		}
	}
	if b[start] == ':' {
		switch {
		case end-start < 2:
			return run, redact.RejectAnchor
		case b[start+1] != ':':
			start++
		case start > 0 && (isWord(b[start-1]) && glued(b, start) || b[start-1] == ')' || b[start-1] == '>' || b[start-1] == '.'):
			return run, redact.RejectNeighbor // a scope: std::, f()::, <T>::, 1.2.3.4::5
		}
	}
	// The last group may be the beginning of a word, as in 2001:db8::1:Failed. A colon
	// at the end is punctuation.
	if end < len(b) && isWord(b[end]) && b[end-1] != ':' {
		for end > start && b[end-1] != ':' {
			end--
		}
	}
	if end-start > 1 && b[end-1] == ':' {
		if b[end-2] != ':' {
			end--
		} else if end < len(b) && isWord(b[end]) {
			return run, redact.RejectNeighbor
		}
	}

	n, r := parseIPv6(b[start:end])
	if !r.OK() {
		return run, r
	}
	if end = start + n; end < len(b) && isWord(b[end]) {
		return run, redact.RejectNeighbor
	}
	return redact.Span{Start: start, End: end}, redact.Accepted
}

var ipv6Bytes = tableOf(":0-9A-Fa-f")

// parseIPv6 judges a text of hexadecimal digits, colons and dots, and returns how much of
// it is the address.
func parseIPv6(a []byte) (n int, r redact.Reason) {
	var (
		groups int // written ones; the dotted part counts as two
		gap    = -1
		widest int
		pairs  = true // all groups of two characters
		digit  bool
		zero   = true
		dotted bool
	)
	i := 0
	for i < len(a) {
		if a[i] == ':' {
			if i+1 < len(a) && a[i+1] == ':' {
				if gap >= 0 || i+2 < len(a) && a[i+2] == ':' {
					return 0, redact.RejectAnchor
				}
				gap = groups
				i += 2
				continue
			}
			if i == 0 {
				return 0, redact.RejectAnchor
			}
			i++
			continue
		}
		j := i
		decimals, zeros := 0, 0
		for ; j < len(a) && isHex(a[j]); j++ {
			if isDigit(a[j]) {
				decimals++
			}
			if a[j] == '0' {
				zeros++
			}
		}
		if j < len(a) && a[j] == '.' {
			k := i
			for m := 0; m < 4; m++ {
				o, next := octet(a, k)
				if o < 0 || m < 3 && (next == len(a) || a[next] != '.') {
					return 0, redact.RejectRange
				}
				zero = zero && o == 0
				k = next + 1
			}
			if k-1 != len(a) {
				return 0, redact.RejectAnchor
			}
			groups += 2
			dotted = true
			break
		}
		// After eight groups a port may follow.
		if groups == 8 && gap < 0 && j == len(a) && decimals == j-i && 2 <= decimals && decimals <= 5 {
			n = i - 1
			break
		}
		if j-i > 4 {
			return 0, redact.RejectLength
		}
		digit = digit || decimals > 0
		zero = zero && zeros == j-i
		groups++
		widest = max(widest, j-i)
		pairs = pairs && j-i == 2
		i = j
	}
	if n == 0 {
		n = len(a)
	}
	switch {
	case zero:
		return 0, redact.RejectValue
	case gap < 0 && groups != 8, gap >= 0 && groups > 7:
		return 0, redact.RejectLength
	case gap < 0 && pairs:
		return 0, redact.RejectValue // EUI-64, fingerprints
	case gap < 0 || dotted || groups >= 5:
		return n, redact.Accepted
	case !digit && groups < 3:
		return 0, redact.RejectValue
	case widest < 3 && string(a[:n]) != "::1":
		return 0, redact.RejectValue
	}
	return n, redact.Accepted
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
