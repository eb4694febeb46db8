// Package rules holds secret formats as data.
//
// # Templates
//
// A [Rule] is one format, in one of two templates. A format with a telling text of its
// own, at least three bytes that always stand in it, is written as a Pattern alone:
//
//	ghp_[0-9A-Za-z]{36}
//
// A format without one is found by what stands before it. Its Keywords are looked for in
// either case, then up to 20 more bytes of a key, an operator, and a value that is the
// Pattern and nothing else:
//
//	Keywords: "heroku"; Pattern: [0-9a-f]{8}-[0-9a-f]{4}-...
//	HEROKU_API_KEY="..."   heroku.token: ...   {"herokuKey": "..."}
//
// Operators and quotes are those of the key = value detectors, at any depth of escaping.
//
// # Patterns
//
// A Pattern is a regular expression in Go's syntax, of which literals, classes of ASCII
// characters, {n} and {m,n}, ?, groups and alternation are allowed. A count that varies
// must be followed by something that its class does not hold. So every text can match in
// one way only, and is read once, from the anchor outward, without trying again. One
// capture group marks the part that is the secret; without one it is all.
//
// A match is not taken when it is part of something longer: behind a word character,
// when it begins with one, unless that ends an escape (\n, %20); or before a letter, a
// digit or a character of the pattern's last class. A count at the end that may reach
// 64 and more is cut there and taken, because what is longer is longer still a secret.
//
// # Adding one
//
// A rule is an entry in the list of its family, and a section of the same name in
// testdata/rules/FAMILY.txt with at least one positive and one negative example. Source
// names the vendor's public documentation of the format.
package rules
