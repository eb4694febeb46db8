package vault

import (
	"bytes"
	"fmt"

	"logveil/redact"
)

// Revealer gives back the values behind tokens. It is not safe for concurrent use.
type Revealer struct {
	keys map[string][]opener
	sc   scratch
	buf  []byte
}

// RevealStats counts what AppendReveal met.
type RevealStats struct {
	// Revealed counts tokens replaced by their values.
	Revealed uint64
	// Masks counts masks: their values are gone.
	Masks uint64
	// Unknown counts tokens of keys that are not at hand.
	Unknown uint64
	// Refused counts tokens that name a key at hand but were not made with it.
	Refused uint64
	// Damaged counts what begins like a token and is none, or none any more.
	Damaged uint64
}

// NewRevealer returns a Revealer with the keys of the schemes. Schemes that cannot be
// opened here are an error.
func NewRevealer(schemes ...Scheme) (*Revealer, error) {
	r := &Revealer{keys: make(map[string][]opener), buf: make([]byte, 0, redact.MaxPayload)}
	for _, s := range schemes {
		o, ok := s.(opener)
		if !ok {
			return nil, fmt.Errorf("vault: tokens of the scheme %q cannot be opened", s.Name())
		}
		r.keys[o.keyID()] = append(r.keys[o.keyID()], o)
	}
	return r, nil
}

var tokenStart = []byte("tok1_")

// AppendReveal appends text to dst with the values in the places of their tokens, byte
// for byte, whatever is around them: in JSON, a value with a quote in it breaks the
// quotes. Tokens that cannot be opened stay as they are.
func (r *Revealer) AppendReveal(dst, text []byte) ([]byte, RevealStats) {
	var st RevealStats
	for {
		at := bytes.Index(text, tokenStart)
		if at < 0 {
			return append(dst, text...), st
		}
		dst = append(dst, text[:at]...)
		text = text[at:]
		tok, ok := redact.ParseToken(text, 0)
		n := len(tokenStart)
		switch {
		case !ok:
			st.Damaged++
		case tok.Mask:
			st.Masks++
		default:
			n = tok.End
			var known, opened bool
			dst, known, opened = r.open(dst, text, tok)
			switch {
			case opened:
				st.Revealed++
				text = text[n:]
				continue
			case known:
				st.Refused++
			default:
				st.Unknown++
			}
		}
		dst = append(dst, text[:n]...)
		text = text[n:]
	}
}

// open appends the value of the token that stands in text.
func (r *Revealer) open(dst, text []byte, tok redact.Token) (_ []byte, known, opened bool) {
	keys := r.keys[string(text[tok.Kid.Start:tok.Kid.End])]
	if len(keys) == 0 {
		return dst, false, false
	}
	payload, ok := tok.AppendPayload(r.sc.payload[:0], text)
	r.sc.payload = payload
	if !ok {
		return dst, true, false
	}
	kind := redact.Kind(text[tok.Kind.Start:tok.Kind.End])
	for _, k := range keys {
		if r.buf, opened = k.open(r.buf[:0], kind, payload, &r.sc); opened {
			dst = append(dst, uncanon(r.buf)...)
			clear(r.buf)
			return dst, true, true
		}
	}
	return dst, true, false
}
