// This program writes the kernels for amd64: see go:generate in ../scan_amd64.go.
package main

import (
	. "github.com/mmcloughlin/avo/build"
)

// What the package scan is built on, and scan_amd64.go holds against its constants.
const (
	edge      = 64
	maxStripe = 512
	stride    = edge + maxStripe + edge
)

// Classes, in the order of their planes.
const (
	digit = iota
	word
	upper
	hexDigit
	dot
	dash
	space
	colon
	at
	plus
	escape
	nonWord
	numClasses
)

func main() {
	ConstraintExpr("!purego")
	classesAVX512()
	literalsAVX512()
	runAVX512()
	classesAVX2()
	evenAVX2()
	runAVX2()
	likelyPlaces()
	surePlaces()
	comparePlaces()
	joinedPlaces()
	orderedPlaces()
	Generate()
}
