package detectortest

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"

	"logveil/redact"
)

// Class says which bytes of a marked value are changed to see whether the detector
// notices.
type Class string

// The classes of a "# mutate:" comment.
const (
	MutateNone  Class = "none"
	MutateDigit Class = "digit"
	MutateAlnum Class = "alnum"
)

// Case is one line of a conformance file.
type Case struct {
	// Line counts from 1.
	Line int
	// Text is the line without marks, with its escapes decoded.
	Text []byte
	// Spans are the marked values in Text, in order; none in a negative.
	Spans []redact.Span
	// Mutate is what the last "# mutate:" comment before the line said.
	Mutate Class
}

// Load reads a conformance file. It is an error when the file has no positive or no
// negative, because then it could not fail.
func Load(file string) ([]Case, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("conformance file: %w", err)
	}
	cases, err := Parse(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	positive, negative := false, false
	for _, c := range cases {
		positive = positive || len(c.Spans) > 0
		negative = negative || len(c.Spans) == 0
	}
	if !positive || !negative {
		return nil, fmt.Errorf("%s: needs at least one line with marks and one without", file)
	}
	return cases, nil
}

// Parse reads the text of a conformance file.
func Parse(data []byte) ([]Case, error) {
	var cases []Case
	mutate := MutateNone
	for i, line := range bytes.Split(data, []byte("\n")) {
		if len(bytes.TrimSpace(line)) == 0 {
			continue
		}
		if line[0] == '#' {
			comment := strings.TrimSpace(string(line[1:]))
			if value, ok := strings.CutPrefix(comment, "mutate:"); ok {
				mutate = Class(strings.TrimSpace(value))
				if mutate != MutateNone && mutate != MutateDigit && mutate != MutateAlnum {
					return nil, fmt.Errorf("line %d: mutate is digit, alnum or none", i+1)
				}
			}
			continue
		}
		c, err := parseCase(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		c.Line, c.Mutate = i+1, mutate
		cases = append(cases, c)
	}
	return cases, nil
}

const (
	openMark  = "«"
	closeMark = "»"
)

func parseCase(line []byte) (Case, error) {
	var c Case
	start := -1
	for len(line) > 0 {
		switch {
		case bytes.HasPrefix(line, []byte(openMark)):
			if start >= 0 {
				return c, fmt.Errorf("%s inside %s", openMark, openMark)
			}
			start = len(c.Text)
			line = line[len(openMark):]
		case bytes.HasPrefix(line, []byte(closeMark)):
			if start < 0 || start == len(c.Text) {
				return c, fmt.Errorf("%s without a value", closeMark)
			}
			c.Spans = append(c.Spans, redact.Span{Start: start, End: len(c.Text)})
			start = -1
			line = line[len(closeMark):]
		case line[0] == '\\':
			b, n, err := unescape(line)
			if err != nil {
				return c, err
			}
			c.Text = append(c.Text, b)
			line = line[n:]
		default:
			c.Text = append(c.Text, line[0])
			line = line[1:]
		}
	}
	if start >= 0 {
		return c, fmt.Errorf("%s is not closed", openMark)
	}
	return c, nil
}

// unescape decodes the escape that s begins with, and returns how long it is.
func unescape(s []byte) (byte, int, error) {
	if len(s) >= 2 {
		switch s[1] {
		case 'n':
			return '\n', 2, nil
		case 'r':
			return '\r', 2, nil
		case 't':
			return '\t', 2, nil
		case '\\':
			return '\\', 2, nil
		case 'x':
			if len(s) >= 4 {
				if n, err := strconv.ParseUint(string(s[2:4]), 16, 8); err == nil {
					return byte(n), 4, nil
				}
			}
		}
	}
	return 0, 0, fmt.Errorf(`the escapes are \n, \r, \t, \\ and \xHH`)
}
