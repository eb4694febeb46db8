// Package vault turns values into tokens and tokens back into values.
//
// # Terminology
//
// A scheme is a way to make tokens: local seals values with a key from a key file, mask
// keeps nothing. A kind is what a value is, such as card or email; a rule gives the
// scheme of a kind. A kid is the name of a key as it stands in a token. The grammar of
// tokens is in package redact.
//
// # What a token promises
//
// Equal values of one kind, under one key and for one tenant, have equal tokens, on every
// machine and with no shared state, so that redacted logs can be joined. Values are
// brought into their kind's canonical form first: 4111-1111-1111-1111 and 4111 1111 1111
// 1111 are one card. Different kinds and tenants never share a token. Tokens are made with
// AES-256-SIV (RFC 5297), so that a token nobody made with the key does not open.
//
// Determinism has a price: a token shows which values are equal, how often each one
// comes, and how long it is. Who may have values tokenised can guess one and compare; who
// has the key can try all social security numbers in minutes.
//
// # Failing closed
//
// A [Tokenizer] never answers with the value. What it cannot answer stays without an answer
// and becomes a mask. No error holds a value or key bytes, and a [Secret] does not print.
package vault
