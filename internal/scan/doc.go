// Package scan turns bytes into candidates: places where a value may stand.
//
// Text is looked at in windows of [Window] bytes, in two stages.
//
// Stage 1 reads the window once and makes one bitmap, a plane, for each byte [Class],
// with bit i of word i/64 standing for byte i, and one plane of literal hits by the
// method that Hyperscan calls Teddy: each literal is known by one window of three bytes
// and sits in one of sixteen buckets; a byte is a hit when one bucket admits it and the
// two bytes after it.
//
// Stage 2 runs a [Program] over the planes. It is compiled from shapes, which are
// regular expressions of fixed small width: "three digits, dash, two digits" is an AND
// of shifted planes, for all 8192 places of a window at once. The cost is the number of
// operations in the program, whatever the text.
//
// The windows of a longer text overlap by [Margin] bytes on each side, so that a shape
// or a literal that crosses from one window into the next is seen whole in one of them,
// and no cut at a line end is needed.
//
// The portable code is always compiled and is the reference. It must be right first:
// a candidate too many costs a few nanoseconds, a candidate too few is a leak.
package scan
