package fluentbit

import (
	"fmt"
	"regexp"
	"strings"
)

// place is a line of a file.
type place struct {
	file string
	line int
}

// prop is one property of a section.
type prop struct {
	key, value string // the key in lower case
	at         place
}

// section is a part of a configuration: the service, an input, a filter, an output, a
// processor of one of them, or a task of the stream processor.
type section struct {
	kind  string // service, input, filter, output, processor, stream
	at    place
	props []prop
	// processors are those for logs, in order.
	processors []*section
	// conditional says that the section looks at some records only.
	conditional bool
	// routes names outputs that an input sends to whatever its tags are.
	routes []string
}

// get returns the last property of a name, and whether there is one.
func (s *section) get(key string) (string, bool) {
	for i := len(s.props) - 1; i >= 0; i-- {
		if s.props[i].key == key {
			return s.props[i].value, true
		}
	}
	return "", false
}

// where returns the place of the last property of a name, or that of the section.
func (s *section) where(key string) place {
	for i := len(s.props) - 1; i >= 0; i-- {
		if s.props[i].key == key {
			return s.props[i].at
		}
	}
	return s.at
}

// name returns the name of the plugin, in lower case.
func (s *section) name() string {
	n, _ := s.get("name")
	return strings.ToLower(n)
}

// on reports whether a property is switched on.
func (s *section) on(key string) bool {
	v, _ := s.get(key)
	switch strings.ToLower(v) {
	case "on", "true", "yes", "1":
		return true
	}
	return false
}

// off reports whether a property is switched off.
func (s *section) off(key string) bool {
	v, _ := s.get(key)
	switch strings.ToLower(v) {
	case "off", "false", "no", "0":
		return true
	}
	return false
}

// config is a configuration with all that it includes.
type config struct {
	file     string // the first one
	service  section
	sections []*section
	// vars are the variables that the configuration sets itself.
	vars map[string]string
	// problems are those of reading it.
	problems []Problem
}

func (c *config) of(kind string) []*section {
	var of []*section
	for _, s := range c.sections {
		if s.kind == kind {
			of = append(of, s)
		}
	}
	return of
}

func (c *config) problem(at place, format string, a ...any) {
	c.problems = append(c.problems, Problem{at.file, at.line, fmt.Sprintf(format, a...)})
}

// Bounds of a configuration: files of this size, and includes nested and numbered like
// this, are no configuration that anybody wrote.
const (
	maxFile  = 4 << 20
	maxDepth = 8
	maxFiles = 200
)

var variable = regexp.MustCompile(`\$\{([A-Za-z0-9_.:/-]+)\}`)

// expand puts the values of variables that the configuration sets itself in their place.
// Others stay: they are known only where Fluent Bit runs.
func (c *config) expand() {
	for _, s := range append(c.sections, &c.service) {
		s.expand(c.vars)
	}
}

func (s *section) expand(vars map[string]string) {
	for i := range s.props {
		s.props[i].value = variable.ReplaceAllStringFunc(s.props[i].value, func(v string) string {
			if known, ok := vars[v[2:len(v)-1]]; ok {
				return known
			}
			return v
		})
	}
	for _, p := range s.processors {
		p.expand(vars)
	}
}
