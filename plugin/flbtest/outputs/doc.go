// Package outputs holds the tests of the ready configurations of deploy/fluent-bit, each
// run by a real Fluent Bit against a real end: Kafka, an S3 gateway, OpenSearch, a store of
// logs that speaks the protocols of Elasticsearch, Loki, Splunk and OpenTelemetry, and
// another Fluent Bit; and of the manifests for Kubernetes. It is a module of its own because
// of what all these bring, and has no code of its own.
//
//	FLUENT_BIT=... go test -C plugin/flbtest/outputs -v -timeout 30m
//
// FLUENT_BIT names a program of Fluent Bit, or several with colons between. Kafka and
// OpenSearch need Java and Maven.
package outputs
