// Package detectors holds the detectors that come with the product: one file each, one
// line each in [All]. A detector confirms candidates of one kind and gives the exact span
// of the value; where candidates come from is the engine's business, what replaces them
// the tokenizer's.
//
// To add one, write name.go with a type that implements [redact.Detector] and a doc
// comment that names the source of the format, name_test.go that runs the conformance
// kit of package detectortest, testdata/detectors/name.txt with marked examples, and a
// line in [All].
package detectors
