// Package scan turns bytes into candidates: places where a value may stand.
//
// Text is looked at in windows of [Window] bytes, in two stages.
//
// Stage 1 reads the window and makes one bitmap, a plane, for each byte [Class], and a
// list of the literals in it. A plane has the places of eight stripes of the window side by
// side, one in each bit of a byte, so that the plane of what stands n bytes on is the same
// plane read n bytes on.
//
// Stage 2 runs a [Program] over the planes. It is compiled from shapes, which are
// regular expressions of fixed small width: "three digits, dash, two digits" is an AND
// of shifted planes, for all places of a window at once. The cost is the number of
// operations in the program, whatever the text.
//
// The windows of a longer text overlap by [Margin] bytes on each side, so that a shape
// or a literal that crosses from one window into the next is seen whole in one of them,
// and no cut at a line end is needed.
//
// The portable code is always compiled and is the reference. It must be right first:
// a candidate too many costs a few nanoseconds, a candidate too few is a leak.
package scan
