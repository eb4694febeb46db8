package detectors

import (
	"bytes"

	"logveil/detectors/internal/keyed"
	"logveil/redact"
)

// curlUser finds the argument of "curl -u user:password". Other programs mean other things by
// that flag.
//
// Source: the manual of curl, "-u, --user <user:password>".
type curlUser struct{}

const (
	// maxCurlUser bounds what is looked at, in bytes to either side.
	maxCurlUser = 256
	curl        = "curl"
	shortUser   = " -u "
	longUser    = "--user "
)

// Spec implements redact.Detector.
func (curlUser) Spec() redact.Spec {
	return redact.Spec{
		Name: "curl-user", Kind: "password", Doc: "User and password behind the flag -u or --user of curl",
		Anchor: redact.Anchor{Literals: folded(shortUser, longUser)},
		MaxLen: maxCurlUser, Rank: 20, Weight: 3,
		Work: map[redact.Reason]int{redact.Accepted: 12},
	}
}

// Match implements redact.Detector.
func (curlUser) Match(b []byte, at int) (redact.Span, redact.Reason) {
	end := at
	switch {
	case foldPrefix(b[at:], shortUser):
		end += len(shortUser)
	case foldPrefix(b[at:], longUser):
		end += len(longUser)
	default:
		return redact.Span{}, redact.RejectAnchor
	}
	if ok, read := curlBefore(b, at); !ok {
		return redact.Span{Start: at + read}, redact.RejectContext
	}
	op, ok := keyed.Blanks(b, end-1)
	if !ok {
		return redact.Span{}, redact.RejectOperator
	}
	stop, open := op.End(b, maxCurlUser)
	colon := bytes.IndexByte(b[op.Start:stop], ':')
	if colon < 0 || open {
		return redact.Span{}, redact.RejectValue
	}
	user, pw := b[op.Start:op.Start+colon], b[op.Start+colon+1:stop]
	s := keyed.Measure(pw)
	if s.Placeholder(pw) || s.N < 3 || keyed.WordAt(pw) != keyed.NoWord || len(user) > 0 && (user[0] == '$' || user[0] == '<') || pw[0] == '$' || s.Blank > 0 {
		return redact.Span{}, redact.RejectValue
	}
	if alreadyToken(b, op.Start, stop) {
		return redact.Span{}, redact.RejectValue
	}
	return redact.Span{Start: op.Start, End: stop}, redact.Accepted
}

// curlBefore reports whether the command "curl" stands before the flag at b[at], in its line,
// and how far from it the look ended.
func curlBefore(b []byte, at int) (ok bool, read int) {
	// The blank before the flag is part of its literal, or stands before it.
	i := at
	if b[i] != ' ' {
		i--
	}
	for low := max(len(curl), at-maxCurlUser); i >= low && b[i] != '\n'; i-- {
		if b[i] == ' ' && string(b[i-len(curl):i]) == curl {
			return true, at - i
		}
	}
	return false, at - i
}
