// Package pipe is where bytes come from and go to: files, standard input and output, and
// records that other programs write.
package pipe
