package redact

import "context"

// Value is one value to be replaced and, once answered, the token that replaces it.
type Value struct {
	Kind Kind
	// Raw is the value as it stands in the text, decoded of any outer encoding. It is
	// valid until Tokenize returns. It is nil for what must be masked.
	Raw []byte
	// Token is the answer. Left empty, the value is masked.
	Token []byte
}

// Tokenizer turns values into stand-ins, a batch at a time.
type Tokenizer interface {
	// Tokenize sets Token of every value it can answer before ctx is done; what stays
	// empty is masked. Tokens are appended to buf, and the extended buffer is
	// returned so that it can be used again; the tokens are valid until then. It must
	// be safe for concurrent use, and must not keep Raw.
	Tokenize(ctx context.Context, vs []Value, buf []byte) []byte
}

// MaskTokenizer answers nothing, so that every value becomes its kind's mask.
type MaskTokenizer struct{}

// Tokenize implements Tokenizer.
func (MaskTokenizer) Tokenize(_ context.Context, _ []Value, buf []byte) []byte { return buf }
