package vault

import (
	"bytes"
	"context"
	"fmt"

	"logveil/redact"
)

// Revealer gives back the values behind tokens. It is not safe for concurrent use.
type Revealer struct {
	keys map[string][]opener
	sc   scratch
	buf  []byte
	bad  int // see BadAt
	// before is told what will be opened, and may refuse; nil when all keys are here.
	before func(ctx context.Context, byKey map[string][]sealed) error
}

// opener gives back what was sealed under one key.
type opener interface {
	// keyID is the key's name in tokens.
	keyID() string
	// prepare is told all that open will be asked for, in one go. An error means
	// that the keys cannot be reached now.
	prepare(ctx context.Context, sealed []sealed) error
	// open appends the canonical form behind a payload to dst, or says why not.
	open(dst []byte, kind redact.Kind, payload []byte, sc *scratch) ([]byte, openResult)
	// finish drops what prepare gathered.
	finish()
}

// sealed is a token's kind and payload.
type sealed struct {
	kind    redact.Kind
	payload []byte
}

type openResult uint8

const (
	opened    openResult = iota
	refused              // not made with this key
	forbidden            // Vault does not let this caller read it
	gone                 // the key is no more
)

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
	// Forbidden counts tokens that Vault does not let this caller read.
	Forbidden uint64
	// Shredded counts tokens whose key is no more, and digests, which nobody can read.
	Shredded uint64
	// Damaged counts what begins like a token and is none, or none any more.
	Damaged uint64
}

// NewRevealer returns a Revealer with the keys of the schemes. Schemes that cannot be
// opened with a key in this process are an error; see [NewReader] for the others.
func NewRevealer(schemes ...Scheme) (*Revealer, error) {
	r := newRevealer()
	for _, s := range schemes {
		o, ok := s.(opener)
		if !ok {
			return nil, fmt.Errorf("vault: tokens of the scheme %q cannot be opened here", s.Name())
		}
		r.add(o)
	}
	return r, nil
}

func newRevealer() *Revealer {
	return &Revealer{keys: make(map[string][]opener), buf: make([]byte, 0, redact.MaxPayload), bad: -1}
}

func (r *Revealer) add(o opener) { r.keys[o.keyID()] = append(r.keys[o.keyID()], o) }

var tokenStart = []byte("tok1_")

// AppendReveal appends text to dst with the values in the places of their tokens, byte
// for byte, whatever is around them: in JSON, a value with a quote in it breaks the
// quotes. Tokens that cannot be opened stay as they are. It is for keys in this process;
// those in Vault need [Revealer.AppendRevealContext].
func (r *Revealer) AppendReveal(dst, text []byte) ([]byte, RevealStats) {
	dst, st, _ := r.AppendRevealContext(context.Background(), dst, text)
	return dst, st
}

// AppendRevealContext is AppendReveal that may ask Vault, once for all tokens of text. When
// Vault cannot be reached it returns an error and dst as it was.
func (r *Revealer) AppendRevealContext(ctx context.Context, dst, text []byte) ([]byte, RevealStats, error) {
	if err := r.prepare(ctx, text); err != nil {
		return dst, RevealStats{}, err
	}
	defer func() {
		for _, keys := range r.keys {
			for _, k := range keys {
				k.finish()
			}
		}
	}()
	var st RevealStats
	whole := len(text)
	r.bad = -1
	spoilt := func() {
		if r.bad < 0 {
			r.bad = whole - len(text)
		}
	}
	for {
		at := bytes.Index(text, tokenStart)
		if at < 0 {
			return append(dst, text...), st, nil
		}
		dst = append(dst, text[:at]...)
		text = text[at:]
		tok, ok := redact.ParseToken(text, 0)
		n := len(tokenStart)
		switch {
		case !ok:
			spoilt()
			st.Damaged++
		case tok.Mask:
			st.Masks++
		default:
			n = tok.End
			var res openResult
			if dst, res, ok = r.open(dst, text, tok); ok && res == opened {
				st.Revealed++
				text = text[n:]
				continue
			}
			switch {
			case !ok:
				st.Unknown++
			case res == forbidden:
				st.Forbidden++
			case res == gone:
				st.Shredded++
			default:
				spoilt()
				st.Refused++
			}
		}
		dst = append(dst, text[:n]...)
		text = text[n:]
	}
}

// BadAt returns where the first token stood in the last text that counts as refused or
// damaged, or -1.
func (r *Revealer) BadAt() int { return r.bad }

// prepare tells the keys which tokens stand in text.
func (r *Revealer) prepare(ctx context.Context, text []byte) error {
	if r.before == nil {
		return nil
	}
	byKey := make(map[string][]sealed)
	for rest := text; ; {
		at := bytes.Index(rest, tokenStart)
		if at < 0 {
			break
		}
		rest = rest[at:]
		tok, ok := redact.ParseToken(rest, 0)
		if !ok || tok.Mask {
			rest = rest[len(tokenStart):]
			continue
		}
		if kid := string(rest[tok.Kid.Start:tok.Kid.End]); len(r.keys[kid]) > 0 {
			if payload, ok := tok.AppendPayload(nil, rest); ok {
				byKey[kid] = append(byKey[kid], sealed{redact.Kind(rest[tok.Kind.Start:tok.Kind.End]), payload})
			}
		}
		rest = rest[tok.End:]
	}
	if len(byKey) == 0 {
		return nil
	}
	if err := r.before(ctx, byKey); err != nil {
		return err
	}
	for kid, list := range byKey {
		for _, k := range r.keys[kid] {
			if err := k.prepare(ctx, list); err != nil {
				return err
			}
		}
	}
	return nil
}

// open appends the value of the token that stands in text; it reports whether its key is
// known.
func (r *Revealer) open(dst, text []byte, tok redact.Token) (_ []byte, res openResult, known bool) {
	keys := r.keys[string(text[tok.Kid.Start:tok.Kid.End])]
	if len(keys) == 0 {
		return dst, refused, false
	}
	payload, ok := tok.AppendPayload(r.sc.payload[:0], text)
	r.sc.payload = payload
	if !ok {
		return dst, refused, true
	}
	kind := redact.Kind(text[tok.Kind.Start:tok.Kind.End])
	res = refused
	for _, k := range keys {
		var one openResult
		if r.buf, one = k.open(r.buf[:0], kind, payload, &r.sc); one == opened {
			dst = append(dst, uncanon(r.buf)...)
			clear(r.buf)
			return dst, opened, true
		}
		res = max(res, one)
	}
	return dst, res, true
}
