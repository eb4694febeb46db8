// Package metrics counts what a host of the engine does, and serves the counts to
// Prometheus.
//
// No count carries a value, a tag, a tenant or anything else of a record. Every label has
// a fixed set of words or is a kind or a detector of the engine, so the number of series
// is bounded by the policy and does not grow with the traffic. Series exist from the
// start, at zero, so that a rate or an alert over them has no gap.
package metrics
