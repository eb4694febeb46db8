// Package log4j2test holds the tests of the engine against what a real Log4j2 writes. It has
// no code of its own.
//
// The program in testdata/log4j2 logs planted values through the layouts of Log4j2. What it
// wrote is kept there, in recorded; where java and mvn are installed, the tests build the
// program and look at what it writes now, too.
package log4j2test
