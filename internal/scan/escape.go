package scan

import "bytes"

// escapes are the bytes that introduce an escape sequence: of JSON and most languages, of
// URLs, of XML.
var escapes = [3]byte{'\\', '%', '&'}

// Escapes calls yield for each byte of text[from:to) that may introduce an escape
// sequence, in order for each of them.
func Escapes(text []byte, from, to int, yield func(at int)) {
	for _, c := range escapes {
		for at := from; at < to; at++ {
			i := bytes.IndexByte(text[at:to], c)
			if i < 0 {
				break
			}
			at += i
			yield(at)
		}
	}
}
