// Package plugin redacts the records of Fluent Bit.
//
// Fluent Bit keeps records in chunks of MessagePack. A [Redactor] takes a chunk and gives
// back the same chunk with the values in it replaced: in every string, at every depth, of
// the records, their metadata and the markers of OpenTelemetry's groups. What has no value
// in it stays as it is to the byte, numbers, times and oversized headers included.
//
// A chunk is not decoded. One walk over its bytes lays the strings out as one text, a
// record a line and each value behind its key, as JSON would have them but without
// escapes; the engine looks at the text once, and the strings in which it found something
// are written back with their new lengths.
//
// Package flb below it is the shared object that Fluent Bit loads.
package plugin
