package vault

import "logveil/redact"

// AppendCanonical appends the form in which values of a kind are compared: two ways to
// write one value have the same form, and two values do not. It is what tokens are made
// from. A form can hold the value itself and is as sensitive.
func AppendCanonical(dst []byte, kind redact.Kind, raw []byte) []byte {
	return appendCanon(dst, kind, raw)
}
