package redact

import "bytes"

// The key of a value may stand on a line before it: in pretty-printed JSON, around the text
// of an XML element, in the header of a part of multipart/form-data. A stream is not cut
// between the two; nor is what is masked for want of work, or for a panic.

const (
	// maxOpenLines and maxOpenBytes bound how far back such a key is looked for.
	maxOpenLines = 6
	maxOpenBytes = 1 << 10
	// maxOpenObject bounds, in bytes, how far back the key of an object of many lines is
	// looked for.
	maxOpenObject = 4 << 10
)

// openLine returns the start of the line at the end of b, which ends with a line end, that
// opens a value to stand on the lines behind it, or len(b) when there is none.
func openLine(b []byte) int {
	end, text := len(b), false
	for i := range maxOpenLines {
		start := bytes.LastIndexByte(b[:end-1], '\n') + 1
		if i > 0 && len(b)-start > maxOpenBytes {
			break
		}
		line := bytes.TrimRight(b[max(start, end-maxOpenBytes):end], " \t\r\n")
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

// openList returns the line that opens the list of which the lines at the end of b hold one
// value each, as pretty-printed JSON has it, with a line before that has its key; or an empty
// span at len(b) when there is none. Only b[low:] is looked at: when all of it is such lines,
// it is the list before.
func openList(b []byte, low int, before Span) Span {
	for end := len(b); end > low; {
		start := low + bytes.LastIndexByte(b[low:end-1], '\n') + 1
		line := bytes.Trim(b[start:end], " \t\r\n")
		switch n := len(line); {
		case n > 0 && line[n-1] == '[':
			if start > 0 {
				start = openLine(b[:start]) // the key may stand on the line before
			}
			return Span{start, end}
		case n > 0 && (line[n-1] != ',' || !listed(line[:n-1])):
			return Span{len(b), len(b)}
		}
		end = start
	}
	return before
}

// openObject returns the start of the line with a key that opens the outermost object or list
// that the lines at the end of b, of pretty-printed JSON, are in; len(b) when there is none.
func openObject(b []byte) int {
	found, depth := len(b), 0
	for end := len(b); end > 0 && len(b)-end < maxOpenObject; {
		start := bytes.LastIndexByte(b[:end-1], '\n') + 1
		line := bytes.Trim(b[start:end], " \t\r\n")
		if len(line) == 0 {
			return found
		}
		opens := line[len(line)-1] == '{' || line[len(line)-1] == '['
		closes := line[0] == '}' || line[0] == ']'
		switch {
		case opens && depth > 0:
			depth--
		case opens && closes: // "}, {"
		case opens && hasKey(line):
			found = start
		case opens && len(line) > 1:
			return found
		case closes:
			depth++
		case !opens && line[0] != '"' && line[0] != '\'' && !isScalar(bytes.TrimRight(line, ",")):
			return found
		}
		end = start
	}
	return found
}

// hasKey reports whether a line that ends with a bracket has a key before it.
func hasKey(line []byte) bool {
	line = bytes.TrimRight(line[:len(line)-1], " \t")
	return len(line) > 2 && line[len(line)-1] == ':'
}

// closed returns the end of the lines b[start:end) with those behind them that belong to a
// value of which the key stands in them: the next line, or the rest of a list or an object.
func closed(b []byte, start, end int) int {
	if end < len(b) && openLine(b[:end+1]) <= end {
		end = lineAfter(b, end)
	}
	if end == len(b) {
		return end
	}
	if openList(b[:end+1], start, Span{}).Len() > 0 {
		for end < len(b) {
			next := lineAfter(b, end)
			if line := bytes.Trim(b[end:next], " \t\r\n,"); len(line) > 0 && !listed(line) {
				break
			}
			end = next
		}
		return end
	}
	if at := openObject(b[:end+1]); at >= start && at <= end {
		for lim := end + maxOpenObject; end < len(b) && end < lim; {
			next := lineAfter(b, end)
			if line := bytes.TrimLeft(b[end:next], "\r\n"); len(line) > 0 && line[0] != ' ' && line[0] != '\t' {
				break
			}
			end = next
		}
	}
	return end
}

// lineAfter returns the end of the line behind the line end at b[i], without its own.
func lineAfter(b []byte, i int) int {
	if n := bytes.IndexByte(b[i+1:], '\n'); n >= 0 {
		return i + 1 + n
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
// names the key of the member "value" behind it, an element that does so, or names a part of a
// form.
func opensValue(line []byte) bool {
	if bytes.HasSuffix(line, []byte(`",`)) {
		return bytes.Contains(line, []byte(`"key"`)) || bytes.Contains(line, []byte(`"name"`))
	}
	if key, ok := bytes.CutSuffix(line, []byte{':'}); ok {
		return bytes.HasSuffix(bytes.TrimRight(key, " \t"), []byte{'"'})
	}
	if bytes.HasSuffix(line, []byte("</name>")) || bytes.HasSuffix(line, []byte("</key>")) {
		return true
	}
	return bytes.Contains(line, []byte("form-data;")) && bytes.Contains(line, []byte(` name="`))
}

// passesValue reports whether a line may stand between a key and its value: it is blank, or
// another header of a part of a form.
func passesValue(line []byte) bool {
	i := len(line)
	return i == 0 || bytes.Contains(line, []byte("Content-")) || i >= 4 && (string(line[i-4:]) == `>> "` || string(line[i-4:]) == `<< "`)
}
