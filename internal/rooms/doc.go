// Package rooms holds the tests over the whole tree: which package may import which, and
// what every package owes its readers. It has no code of its own.
package rooms
