// Package check holds the pure check-digit algorithms that detectors confirm values with.
//
// Every function works on the compact form of a number, with separators already removed,
// does no I/O and allocates nothing. What a number must look like before its check digits
// are worth computing (prefix, length, neighbours) is the detector's business.
package check
