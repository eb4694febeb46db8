package detectors

import (
	"bytes"
	"unicode/utf8"

	"logveil/redact"
)

// email finds e-mail addresses.
//
// Source: the addr-spec of RFC 5321 and RFC 5322 in the form that people and directories
// use: letters, digits and . _ % + - ' # $ ~ before the @, without quotes, and a domain
// name with at least one dot behind it. Characters that are not ASCII are taken on both
// sides, as RFC 6531 allows. A local part longer than the 64 bytes of RFC 5321 is taken up
// to 255, since mailing systems write such.
//
// Not taken: hosts without a dot, which logs write for users and processes
// (root@localhost); versions (pkg@1.2.3); object ids; names of files and of systemd units
// (logo@2x.png, user@1000.service); the user and password of a URL, which are no mailbox;
// and git@host, which names a service. Names of other things that are built like an
// address are taken, such as message ids and SSH algorithms (aes256-gcm@openssh.com).
type email struct{}

const (
	emailMaxLen = 512
	emailLocal  = 255
	emailDomain = 253
	// emailUserinfo bounds how far before an address the start of a URL is looked for.
	emailUserinfo = 240
)

func (email) Spec() redact.Spec {
	return redact.Spec{
		Name: "email",
		Kind: "email",
		Doc:  "E-mail addresses, also with characters that are not ASCII.",
		// Not \w@\w: the byte before may be of a character that is not ASCII.
		Anchor: redact.Anchor{Shape: `@`},
		MaxLen: emailMaxLen,
		Rank:   50,
		Weight: 3,
		Work:   map[redact.Reason]int{redact.Accepted: 8},
	}
}

func (email) Match(b []byte, at int) (redact.Span, redact.Reason) {
	domain := at + 1
	if b[at] != '@' {
		return redact.Span{}, redact.RejectAnchor
	}
	if domain < len(b) && b[domain] == '@' {
		end := domain
		for end < len(b) && end-at < 64 && b[end] == '@' {
			end++
		}
		return redact.Span{Start: at, End: end - 1}, redact.RejectAnchor
	}
	if domain >= len(b) || at == 0 || !domainBytes[b[domain]] || b[domain] < '0' {
		return redact.Span{}, redact.RejectAnchor
	}
	if c := b[at-1]; !localBytes[c] {
		return redact.Span{}, redact.RejectAnchor
	}
	// Most candidates are told apart here: no dot follows the first label.
	for i, lim := domain+1, min(len(b), domain+64); ; i++ {
		if i == lim || !domainBytes[b[i]] {
			return redact.Span{}, redact.RejectAnchor
		}
		if b[i] == '.' {
			break
		}
	}
	end, r := emailDomainEnd(b, domain)
	if !r.OK() {
		return redact.Span{}, r
	}
	start := emailLocalStart(b, at)
	switch n := at - start; {
	case n == 0:
		return redact.Span{}, redact.RejectAnchor
	case n > emailLocal:
		return redact.Span{}, redact.RejectLength
	case tokenSpan(b, start, at):
		return redact.Span{}, redact.RejectValue
	case string(b[start:at]) == "git":
		return redact.Span{}, redact.RejectValue
	case inUserinfo(b, start):
		return redact.Span{}, redact.RejectContext
	}
	return redact.Span{Start: start, End: end}, redact.Accepted
}

var (
	localBytes  = tableOf("0-9A-Za-z._%+'#$~\x80-\xff-")
	domainBytes = tableOf("0-9A-Za-z.\x80-\xff-")
)

// emailDomainEnd returns the end of the domain that starts at b[start]. It is the longest
// run of labels whose last one can be a top-level domain.
func emailDomainEnd(b []byte, start int) (int, redact.Reason) {
	lim := min(len(b), start+emailDomain+1)
	best := 0
	labels, numeric := 0, 0
	i := start
	for i < lim && domainBytes[b[i]] {
		// A label: b[i:j].
		j := i
		letters, digits := 0, 0
		for ; j < lim && b[j] != '.' && domainBytes[b[j]]; j++ {
			switch c := b[j]; {
			case isLetter(c):
				letters++
			case isDigit(c):
				digits++
			case c >= 0x80:
				if r, n := utf8.DecodeRune(b[j:lim]); outside(r, n) {
					lim = j
				} else {
					j += n - 1
				}
			}
		}
		j = min(j, lim)
		if j == i {
			break
		}
		if labels > 0 {
			if e := topLevel(b, i, j, letters); e > 0 {
				best = e
			}
		}
		labels++
		if digits == j-i {
			numeric++
		}
		if j >= lim || b[j] != '.' {
			break
		}
		i = j + 1
	}
	switch {
	case best == 0:
		return 0, redact.RejectAnchor
	case best-start > emailDomain:
		return 0, redact.RejectLength
	case numeric > 1:
		return 0, redact.RejectValue // a version: 1.2.3-rc.next
	}
	// What is glued to the last label belongs to the word: example.com_2024.
	end := best
	for end < len(b) && end-best < 64 && isWord(b[end]) {
		end++
	}
	if fileName(b[start:best]) {
		return 0, redact.RejectValue
	}
	return end, redact.Accepted
}

// topLevel returns the end of the top-level domain that the label b[i:j] is, or begins
// with, or 0.
func topLevel(b []byte, i, j, letters int) int {
	switch {
	case letters == j-i && letters >= 2:
		return j
	case j-i > 4 && hasFold(b, i, "xn--"):
		return j
	case b[i] >= 0x80:
		return j
	}
	// com-foo, com2, and "com" with a character of another script right behind it.
	k := i
	for k < j && isLetter(b[k]) {
		k++
	}
	if k-i >= 2 && k < j && (b[k] == '-' || b[k] >= 0x80) {
		return k
	}
	return 0
}

// fileName reports whether a domain ends like the name of a file or of a systemd unit,
// in something that is no top-level domain.
func fileName(domain []byte) bool {
	i := len(domain)
	for i > 0 && domain[i-1] != '.' {
		i--
	}
	tld := domain[i:]
	var lower [9]byte
	if len(tld) == 0 || len(tld) > len(lower) || !isLetter(tld[0]) || suffixLengths[tld[0]|0x20-'a']>>len(tld)&1 == 0 {
		return false
	}
	for k, c := range tld {
		if isUpper(c) {
			c |= 0x20
		}
		lower[k] = c
	}
	return fileSuffixes[string(lower[:len(tld)])]
}

// fileSuffixes are what names of files and of systemd units end in that is no top-level
// domain, and suffixLengths has, for each first letter of them, a bit for each length.
var fileSuffixes, suffixLengths = func() (set map[string]bool, lengths [26]uint16) {
	set = map[string]bool{}
	for _, s := range []string{
		"js", "gz", "xz",
		"png", "jpg", "gif", "svg", "bmp", "ico", "css", "txt", "log", "xml", "yml", "jar", "war", "exe", "dll", "tgz", "php", "htm",
		"jpeg", "webp", "json", "yaml", "html", "conf", "path", "swap",
		"class", "slice", "mount", "scope", "timer", "socket", "device", "target", "service", "automount",
	} {
		set[s] = true
		lengths[s[0]-'a'] |= 1 << len(s)
	}
	return set, lengths
}()

// emailLocalStart returns where the local part that ends at b[at] begins.
func emailLocalStart(b []byte, at int) int {
	lim := max(0, at-emailLocal-1)
	i := at
	for i > lim && localBytes[b[i-1]] {
		switch c := b[i-1]; {
		case c >= 0x80:
			r, n := utf8.DecodeLastRune(b[max(lim, i-utf8.UTFMax):i])
			if outside(r, n) {
				return trimLocal(b, i, at)
			}
			i -= n
			continue
		}
		i--
	}
	// The letters of an escape are no part of the address: \nuser@, \u003cuser@.
	if i > 0 && b[i-1] == '\\' && i < at {
		switch c := b[i]; {
		case c == 'n' || c == 'r' || c == 't':
			i++
		case c == 'u' && at-i > 5 && isHex(b[i+1]) && isHex(b[i+2]) && isHex(b[i+3]) && isHex(b[i+4]):
			i += 5
		}
	}
	return trimLocal(b, i, at)
}

// trimLocal skips what an address does not begin with.
func trimLocal(b []byte, i, at int) int {
	for i < at && !isWord(b[i]) && b[i] < 0x80 {
		i++
	}
	return i
}

// outside reports whether a character stands around addresses and not in them: spaces,
// quotation marks and punctuation of other scripts.
func outside(r rune, size int) bool {
	switch {
	case r == utf8.RuneError && size <= 1:
		return false // a byte of another encoding
	case r < 0xc0, 0x2000 <= r && r < 0x2070, 0x3000 <= r && r < 0x3040, 0xff00 <= r && r < 0xff10, 0xff1a <= r && r < 0xff21:
		return true
	}
	return r == 0xfeff
}

// inUserinfo reports whether b[start] is in the user or password of a URL.
func inUserinfo(b []byte, start int) bool {
	lim := max(0, start-emailUserinfo)
	if start == lim || userinfoStop[b[start-1]] && b[start-1] != '/' {
		return false
	}
	if bytes.IndexByte(b[lim:start], '/') < 0 {
		return false // without a look at each byte: addresses may follow one another
	}
	i := start
	for i > lim && !userinfoStop[b[i-1]] {
		i--
	}
	return i > lim && b[i-1] == '/' &&
		(i >= 3 && b[i-2] == '/' && b[i-3] == ':' || i >= 5 && b[i-2] == '\\' && b[i-3] == '/' && b[i-4] == '\\' && b[i-5] == ':')
}

// userinfoStop are the slash before the user of a URL, and what cannot stand in between.
var userinfoStop = tableOf("\x00- /\"<>?#")
