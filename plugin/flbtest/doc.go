// Package flbtest holds the tests of the plugin as what is delivered: the shared object.
// It has no code of its own.
//
// A small host in C (testdata/host.c) loads the plugin and calls it in Fluent Bit's order.
// Where the environment variable FLUENT_BIT names a program, or several with colons
// between, the tests run against it, too: from files with planted values to a listening
// end, under signals, reloads, full disks and ends that are down.
package flbtest
