package redact

import "bytes"

// The key of a value may stand on a line before it: in pretty-printed JSON, around the text
// of an XML element, in the header of a part of multipart/form-data. A stream is not cut
// between the two.

const (
	// maxOpenLines and maxOpenBytes bound how far back such a key is looked for.
	maxOpenLines = 6
	maxOpenBytes = 1 << 10
)

// openLine returns the start of the line at the end of b, which ends with a line end, that
// opens a value to stand on the lines behind it, or len(b) when there is none.
func openLine(b []byte) int {
	end, text := len(b), false
	for i := range maxOpenLines {
		start := bytes.LastIndexByte(b[:end-1], '\n') + 1
		if len(b)-start > maxOpenBytes {
			break
		}
		line := bytes.TrimRight(b[start:end], " \t\r\n")
		if wire, ok := bytes.CutSuffix(line, []byte(`[\n]"`)); ok {
			line = bytes.TrimRight(bytes.TrimSuffix(wire, []byte(`[\r]`)), " ")
		}
		switch {
		case opensElement(line), opensValue(line) && !text:
			return start
		case start == 0:
			return len(b)
		case i == 0 && len(line) > 0 && bytes.IndexByte(line, '<') < 0 && !passesValue(line):
			text = true // perhaps that of an element, whose end is still to come
		case text || !passesValue(line):
			return len(b)
		}
		end = start
	}
	return len(b)
}

// openList returns the start of the line that opens the list of which the lines at the end
// of b hold one value each, as pretty-printed JSON has it, or len(b) when there is none.
func openList(b []byte) int {
	for end := len(b); end > 0; {
		start := bytes.LastIndexByte(b[:end-1], '\n') + 1
		line := bytes.Trim(b[start:end], " \t\r\n")
		switch n := len(line); {
		case n > 0 && line[n-1] == '[':
			if start > 0 {
				return openLine(b[:start]) // the key may stand on the line before
			}
			return 0
		case n > 0 && (line[n-1] != ',' || !listed(line[:n-1])):
			return len(b)
		}
		end = start
	}
	return len(b)
}

// listed reports whether v is a string, a number or a literal of JSON, as far as its ends
// tell.
func listed(v []byte) bool {
	n := len(v)
	if n > 1 && (v[0] == '"' || v[0] == '\'') && v[n-1] == v[0] {
		return !bytes.Contains(v, []byte(`":`)) && !bytes.Contains(v, []byte(`" :`))
	}
	return isScalar(v)
}

// opensElement reports whether a line ends with the start tag of an XML element or the
// beginning of a CDATA section.
func opensElement(line []byte) bool {
	n := len(line)
	if n < 3 || line[n-1] != '>' {
		return bytes.HasSuffix(line, []byte("<![CDATA["))
	}
	i := bytes.LastIndexByte(line, '<')
	return i >= 0 && n-i > 2 && line[n-2] != '/' && isAlnum(line[i+1])
}

// opensValue reports whether a line ends with a key of JSON and its colon, is a member that
// names the key of the member "value" behind it, or names a part of a form.
func opensValue(line []byte) bool {
	if bytes.HasSuffix(line, []byte(`",`)) {
		return bytes.Contains(line, []byte(`"key"`)) || bytes.Contains(line, []byte(`"name"`))
	}
	if key, ok := bytes.CutSuffix(line, []byte{':'}); ok {
		return bytes.HasSuffix(bytes.TrimRight(key, " \t"), []byte{'"'})
	}
	return bytes.Contains(line, []byte("form-data;")) && bytes.Contains(line, []byte(` name="`))
}

// passesValue reports whether a line may stand between a key and its value: it is blank, or
// another header of a part of a form.
func passesValue(line []byte) bool {
	i := len(line)
	return i == 0 || bytes.Contains(line, []byte("Content-")) || i >= 4 && (string(line[i-4:]) == `>> "` || string(line[i-4:]) == `<< "`)
}
