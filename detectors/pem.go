package detectors

import (
	"bytes"

	"logveil/redact"
)

// pem finds private keys in text: PEM blocks whose label says PRIVATE KEY, those of
// OpenSSH and OpenPGP among them, and PuTTY's key files.
//
// Sources: RFC 7468 for the blocks, RFC 1421 for their header lines, RFC 9580, section 6,
// for OpenPGP, RFC 4716 for the markers of SSH2, and appendix C of the PuTTY manual.
// Public keys and certificates are no secrets and stay.
//
// The value is the whole block with its markers, over many lines, on one line with
// escaped line ends or blanks in their place, as the lines of a source text, or with a
// prefix and a suffix that a log put around each line. Where the end is missing, it runs
// to the last line that still looks like a key. A rest of a key whose beginning is
// missing is found by its end marker.
type pem struct{}

const (
	pemMaxLen = 16 << 10
	// pemWord is the length from which on a word is part of a key and not of prose, in
	// characters; lines of keys have 64 and more, but for the last one.
	pemWord = 16
	// pemWrapped is that length for lines in which other text stands around the key's.
	pemWrapped = 60
	// pemLine bounds a line of a key in bytes, with what a log puts around it.
	pemLine = 1 << 10

	pemBegin    = "-----BEGIN "
	pemEnd      = "-----END "
	pemBeginSSH = "---- BEGIN SSH2 ENCRYPTED PRIVATE KEY ----"
	pemEndSSH   = "---- END SSH2 ENCRYPTED PRIVATE KEY ----"
	puttyBegin  = "PuTTY-User-Key-File-"
	puttyEnd    = "Private-MAC:"
)

func (pem) Spec() redact.Spec {
	return redact.Spec{
		Name: "pem",
		Kind: "pem",
		Doc:  "Private keys in PEM, OpenSSH, OpenPGP and PuTTY form.",
		Anchor: redact.Anchor{Literals: []redact.Literal{
			{Text: pemBegin}, {Text: pemEnd}, {Text: pemBeginSSH}, {Text: puttyBegin},
		}},
		MaxLen:    pemMaxLen,
		Multiline: true,
		Rank:      90,
		Weight:    8,
	}
}

func (pem) Match(b []byte, at int) (redact.Span, redact.Reason) {
	lim := min(len(b), at+pemMaxLen)
	switch rest := b[at:lim]; {
	case hasText(rest, pemBegin):
		i := privateLabel(b, at+len(pemBegin), lim)
		if i < 0 {
			return redact.Span{}, redact.RejectAnchor
		}
		return matchBlock(b, at, i, lim, false)
	case hasText(rest, pemEnd):
		i := privateLabel(b, at+len(pemEnd), lim)
		if i < 0 {
			return redact.Span{}, redact.RejectAnchor
		}
		return matchBlockEnd(b, at, i)
	case hasText(rest, pemBeginSSH):
		return matchBlock(b, at, at+len(pemBeginSSH), lim, false)
	case hasText(rest, puttyBegin):
		i := at + len(puttyBegin)
		if i < lim && isDigit(b[i]) {
			return matchBlock(b, at, i+1, lim, true)
		}
	}
	return redact.Span{}, redact.RejectAnchor
}

func hasText(b []byte, s string) bool { return len(b) >= len(s) && string(b[:len(s)]) == s }

// privateLabel reads the label of a marker at b[i] and the dashes behind it, and returns
// the byte after them, or -1 when it is not the label of a private key.
func privateLabel(b []byte, i, lim int) int {
	const dashes = "-----"
	j := i
	for j < lim && j-i < 48 && (isUpper(b[j]) || isDigit(b[j]) || b[j] == ' ') {
		j++
	}
	label := b[i:j]
	label = bytes.TrimSuffix(label, []byte(" BLOCK"))
	if !bytes.HasSuffix(label, []byte("PRIVATE KEY")) || !hasText(b[j:lim], dashes) {
		return -1
	}
	return j + len(dashes)
}

// matchBlock reads a key whose first marker is b[at:i].
func matchBlock(b []byte, at, i, lim int, putty bool) (redact.Span, redact.Reason) {
	body := readBody(b, i, lim, putty)
	switch {
	case body.closed && body.chars >= pemWord:
		return redact.Span{Start: at, End: body.end}, redact.Accepted
	case body.end == lim && !body.closed:
		// Cut, or the end of the text: more may come.
		return redact.Span{Start: at, End: lim}, redact.AcceptedOpen
	}
	if !putty {
		if s, r := matchWrapped(b, at, i, lim); r.OK() {
			return s, r
		}
	}
	if body.last > i && !body.closed {
		return redact.Span{Start: at, End: body.last}, redact.AcceptedOpen
	}
	return redact.Span{Start: body.end}, redact.RejectValue
}

// keyBody is what readBody saw.
type keyBody struct {
	end    int  // where it stopped
	closed bool // at the end marker, which is before end
	last   int  // end of the last word that is long enough to be of a key
	chars  int  // of base64
}

// readBody reads the body of a key from b[i] on: words of base64, header lines before
// them (in PuTTY's files anywhere), and what stands between lines.
func readBody(b []byte, i, lim int, putty bool) (k keyBody) {
	short := 0      // short words in a row with nothing but blanks between
	newline := true // a line has just begun
	if putty {
		i, newline = headerEnd(b, i, lim), true
		if i < 0 {
			return k
		}
	}
	for i < lim {
		c := b[i]
		switch {
		case c == '\n' || c == '\r':
			newline, short = true, 0
			i++
		case c <= ' ':
			i++
		case c == '\\':
			j := i
			for j < lim && b[j] == '\\' {
				j++
			}
			if j == lim {
				k.end = lim
				return k
			}
			switch {
			case b[j] == 'n' || b[j] == 'r':
				newline, short = true, 0
				i = j + 1
			case b[j] == 't':
				i = j + 1
			case hasText(b[j:lim], "u000"):
				newline, short = true, 0
				i = min(j+5, lim)
			case b[j] == '"' || b[j] == '\'' || b[j] == '\n' || b[j] == '\r':
				i = j
			default:
				k.end = i
				return k
			}
		case c == '"' || c == '\'':
			j := joinedLine(b, i, lim)
			if j < 0 {
				k.end = i
				return k
			}
			newline, short = true, 0
			i = j
		case c == '-':
			k.end = i
			n := min(lim-i, len(pemEnd))
			if string(b[i:i+n]) == pemEnd[:n] {
				j := privateLabel(b, min(i+len(pemEnd), lim), lim)
				if j > 0 {
					k.end, k.closed = j, true
				} else if lim-i < len(pemEnd)+48 {
					k.end = lim
				}
			} else if hasText(b[i:lim], pemEndSSH) {
				k.end, k.closed = i+len(pemEndSSH), true
			}
			return k
		case isBase64(c):
			if newline && (k.chars == 0 || putty) {
				if j := headerEnd(b, i, lim); j > 0 {
					if putty && hasText(b[i:lim], puttyEnd) {
						k.end, k.closed = trimEnd(b, i, j), true
						return k
					}
					i = j
					continue
				}
			}
			j := wordEnd(b, i, lim)
			n := j - i
			if n < pemWord && b[j-1] != '=' {
				if short++; short > 1 && !newline {
					k.end = i
					return k
				}
			} else {
				k.last, short = j, 0
			}
			k.chars += n
			newline = false
			i = j
		default:
			if k.chars == 0 {
				k.end = i
				return k
			}
			// Something else in a word of the key, such as an escape.
			if short++; short > 1 && !newline {
				k.end = i
				return k
			}
			newline = false
			for i < lim && b[i] > ' ' && b[i] != '"' && b[i] != '\'' && b[i] != '\\' && b[i] != '-' {
				i++
			}
		}
	}
	k.end = lim
	return k
}

func isBase64(c byte) bool {
	return base64Value[c] >= 0 && c != '-' && c != '_' || c == '='
}

// wordEnd returns the end of the base64 at b[i], with slashes escaped for JSON.
func wordEnd(b []byte, i, lim int) int {
	for i < lim {
		switch c := b[i]; {
		case isBase64(c):
			i++
		case c == '\\' && i+1 < lim && b[i+1] == '/':
			i += 2
		default:
			return i
		}
	}
	return lim
}

// headerEnd returns the byte after a header line, "Name: value", at b[i], or -1. It ends
// at a line end, an escaped one, or the end of what may be looked at.
func headerEnd(b []byte, i, lim int) int {
	j := i
	for j < lim && j-i < 40 && (isWord(b[j]) || b[j] == '-') {
		j++
	}
	if j >= lim || b[j] != ':' || j > i && !isLetter(b[i]) {
		return -1
	}
	for end := min(lim, j+256); j < end; j++ {
		if b[j] == '\n' || b[j] == '\\' && j+1 < lim && (b[j+1] == 'n' || b[j+1] == 'r' || b[j+1] == '\\') {
			return j
		}
	}
	if j == lim {
		return lim
	}
	return -1
}

// trimEnd returns the end of the hexadecimal digits that end the line b[i:j].
func trimEnd(b []byte, i, j int) int {
	i += len(puttyEnd)
	for i < j && b[i] == ' ' {
		i++
	}
	for i < j && isHex(b[i]) {
		i++
	}
	return i
}

// joinedLine skips the end of one string literal and the beginning of the next, on the
// lines of a source text, and returns the byte after, or -1 when that is not what stands
// at b[i].
func joinedLine(b []byte, i, lim int) int {
	q := b[i]
	for i++; i < lim && (b[i] == ' ' || b[i] == '+' || b[i] == ',' || b[i] == '.' || b[i] == '\\' || b[i] == '&'); i++ {
	}
	if i == lim {
		return lim
	}
	if b[i] != '\n' && b[i] != '\r' && b[i] != q {
		return -1
	}
	for ; i < lim && b[i] <= ' '; i++ {
	}
	if i == lim {
		return lim
	}
	if b[i] != q {
		return -1
	}
	return i + 1
}

// matchWrapped reads a key that has a prefix or a suffix on each of its lines: every line
// up to the end marker holds a long word of base64, but for the last one.
func matchWrapped(b []byte, at, i, lim int) (redact.Span, redact.Reason) {
	next := func(i int) int {
		return bytes.IndexByte(b[i:min(lim, i+pemLine)], '\n')
	}
	none := redact.Span{}
	first := i
	for first < lim && first-i < 4 && b[first] == '\\' {
		first++
	}
	if first == lim || b[first] != '\n' && b[first] != '\r' && (first == i || b[first] != 'n' && b[first] != 'r') {
		return none, redact.RejectValue
	}
	last, short := -1, false
	for {
		n := next(i)
		if n < 0 {
			break
		}
		i += n + 1
		if i == lim {
			break
		}
		n = next(i)
		if n < 0 {
			n = min(lim, i+pemLine) - i
		}
		line := b[i : i+n]
		if j := bytes.Index(line, []byte(pemEnd)); j >= 0 {
			if end := privateLabel(b, i+j+len(pemEnd), lim); end > 0 && last > 0 {
				return redact.Span{Start: at, End: end}, redact.Accepted
			}
			break
		}
		if bytes.Contains(line, []byte(pemBegin)) || short {
			break
		}
		if end := longWord(line); end > 0 {
			last = i + end
		} else if last < 0 {
			return none, redact.RejectValue
		} else {
			short = true
		}
	}
	if i >= lim {
		return redact.Span{Start: at, End: lim}, redact.AcceptedOpen
	}
	if last > 0 {
		return redact.Span{Start: at, End: last}, redact.AcceptedOpen
	}
	return none, redact.RejectValue
}

// longWord returns the end of a word of base64 that can be a line of a key, or 0.
func longWord(line []byte) int {
	for i := 0; i < len(line); {
		j := i
		for j < len(line) && isBase64(line[j]) {
			j++
		}
		if j-i >= pemWrapped {
			return j
		}
		i = j + 1
	}
	return 0
}

// matchBlockEnd reads a key backwards from its end marker, b[at:end], for as long as its
// lines are words of base64.
func matchBlockEnd(b []byte, at, end int) (redact.Span, redact.Reason) {
	lim := max(0, at-pemMaxLen)
	start, chars := at, 0
	for i := at; i > lim; {
		// Before b[i] stands a line end, written in one of three ways.
		switch {
		case b[i-1] == '\n' || b[i-1] == '\r':
			for i > lim && (b[i-1] == '\n' || b[i-1] == '\r') {
				i--
			}
		case i-1 > lim && (b[i-1] == 'n' || b[i-1] == 'r') && b[i-2] == '\\':
			for i-1 > lim && (b[i-1] == 'n' || b[i-1] == 'r') && b[i-2] == '\\' {
				for i--; i > lim && b[i-1] == '\\'; i-- {
				}
			}
		default:
			i = lim
			continue
		}
		j := i
		for j > lim && isBase64(b[j-1]) {
			j--
		}
		if j > lim && j < i && b[j-1] == '\\' && (b[j] == 'n' || b[j] == 'r') {
			j++ // the letter of an escaped line end
		}
		if n := i - j; n == 0 || n < pemWord && chars > 0 {
			break
		}
		chars += i - j
		start, i = j, j
	}
	if chars < 2*pemWord {
		return redact.Span{}, redact.RejectLength
	}
	return redact.Span{Start: start, End: end}, redact.Accepted
}
