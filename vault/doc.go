// Package vault turns values into tokens and tokens back into values.
//
// # Terminology
//
// A scheme is a way to make tokens. A kind is what a value is, such as card or email; a
// rule gives the scheme of a kind. A tenant is whom values belong to; its tokens are made
// with keys of its own. A kid is the name of a key as it stands in a token. The grammar
// of tokens is in package redact.
//
// # Schemes
//
//   - envelope: sealed in this process, with keys that Vault derives ([Envelope])
//   - transit: encrypted inside Vault, read only there ([NewTransit])
//   - hmac: digested inside Vault, read nowhere ([NewHMAC])
//   - local: sealed in this process, with a key from a key file ([NewLocal])
//   - mask: nothing kept but, where a rule says so, the last characters ([Mask])
//
// A [Tokenizer] answers values by the rules of their kinds; [Tenants] chooses one by the
// tenant of a request. A [Revealer] reads what this process has keys for, a [Reader] what
// Vault lets its caller read.
//
// # What a token promises
//
// Equal values of one kind, under one key and for one tenant, have equal tokens, on every
// machine and with no shared state, so that redacted logs can be joined. Values are
// brought into their kind's canonical form first: 4111-1111-1111-1111 and 4111 1111 1111
// 1111 are one card. Different kinds and tenants never share a token. A token that nobody
// made with the key does not open.
//
// Determinism has a price: a token shows which values are equal, how often each one
// comes, and mostly how long it is. Who may have values tokenised can guess one and
// compare; who has a key can try all social security numbers in a minute. The whole of it
// is in docs/threat-model.md.
//
// # Vault
//
// A [Client] logs in by one of the methods that implement [Auth], keeps its token fresh
// and stops asking a Vault that does not answer. Schemes check their key at the start,
// and refuse one that would make tokens that join with nothing.
//
// # Failing closed
//
// A [Tokenizer] never answers with the value. What it cannot answer in time stays without
// an answer and becomes a mask, counted by reason. No error holds a value, a token of
// Vault or key bytes, and a [Secret] does not print.
package vault
