package fluentbit

import (
	"os"
	"path/filepath"
	"strings"
)

// classic reads the format of sections in brackets and indented keys. It is more generous
// than Fluent Bit about indentation and blank lines, and misses nothing that Fluent Bit
// would take.
func (c *config) classic(file string, text string, depth int, read func(file string, depth int, from place)) {
	var s *section
	line := 0
	for raw := range strings.SplitSeq(text, "\n") {
		line++
		at := place{file, line}
		raw = strings.TrimSuffix(raw, "\r")
		l := strings.TrimSpace(raw)
		switch {
		case l == "" || l[0] == '#':
		case hasPrefixFold(l, "@include "):
			c.include(filepath.Dir(file), strings.TrimSpace(l[len("@include "):]), depth, at, read)
		case hasPrefixFold(l, "@set "):
			if k, v, ok := strings.Cut(strings.TrimSpace(l[len("@set "):]), "="); ok {
				c.vars[strings.TrimSpace(k)] = strings.TrimSpace(v)
			}
		case l[0] == '[' && raw[0] == '[':
			name, _, ok := strings.Cut(l[1:], "]")
			if !ok {
				c.problem(at, "a section without an end: ] is missing")
				continue
			}
			s = c.begin(strings.ToLower(strings.TrimSpace(name)), at)
		case l[0] == '[': // a group inside of a section, as of a parser
		case s == nil:
			c.problem(at, "a key outside of any section")
		default:
			k, v, _ := strings.Cut(l, " ")
			if i := strings.IndexByte(k, '\t'); i >= 0 {
				k, v = l[:i], l[i:]
			}
			s.props = append(s.props, prop{strings.ToLower(k), unquote(strings.TrimSpace(v)), at})
		}
	}
}

// begin starts a section. Those that have no part in the way of records are read and
// forgotten.
func (c *config) begin(kind string, at place) *section {
	switch kind {
	case "service":
		if c.service.at.line == 0 {
			c.service.at = at
		}
		return &c.service
	case "input", "filter", "output", "stream_task", "stream_processor":
		s := &section{kind: strings.TrimSuffix(strings.TrimSuffix(kind, "_task"), "_processor"), at: at}
		c.sections = append(c.sections, s)
		return s
	}
	return &section{kind: kind, at: at}
}

// include reads the files that a pattern names, relative to a folder.
func (c *config) include(dir, pattern string, depth int, at place, read func(string, int, place)) {
	pattern = variable.ReplaceAllStringFunc(pattern, func(v string) string {
		if known, ok := c.vars[v[2:len(v)-1]]; ok {
			return known
		}
		return v
	})
	if !filepath.IsAbs(pattern) {
		pattern = filepath.Join(dir, pattern)
	}
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		if _, err := os.Stat(pattern); err != nil {
			c.problem(at, "nothing to include: no such file here, so what it says is not checked")
		}
		return
	}
	for _, f := range files {
		read(f, depth+1, at)
	}
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// unquote takes off quotes around a whole value.
func unquote(v string) string {
	if len(v) >= 2 && (v[0] == '"' || v[0] == '\'') && v[len(v)-1] == v[0] {
		return v[1 : len(v)-1]
	}
	return v
}
