// Package fluentbit reads configurations of Fluent Bit and finds the ways on which records
// get past the redaction, or get lost behind it.
//
// # Flows
//
// A flow is a set of records with one origin, an input, a filter that emits records anew or a
// task of the stream processor, and one pattern of tags. It goes through the processors of its input and the
// filters that match, in the order of the file, and then to the outputs that match. A flow
// that no redactor covers must not reach an output other than the redacting one. A filter
// covers a flow when its pattern matches every tag that the flow can have: what cannot be
// known, such as an environment variable, counts as not covered.
//
// # What it cannot see
//
// Options of the command line, such as -Z for chunk traces; scripts (Lua, WebAssembly) that
// send records elsewhere; plugins that it does not know. Metrics and traces are no log
// events, and pass the redaction by design.
package fluentbit
