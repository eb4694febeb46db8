package fluentbit

import (
	"bytes"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v4"
)

// yaml reads the format that Fluent Bit takes for files called .yaml and .yml.
func (c *config) yaml(file string, text []byte, depth int, read func(file string, depth int, from place)) {
	l, err := yaml.NewLoader(bytes.NewReader(text))
	var doc yaml.Node
	if err == nil {
		err = l.Load(&doc)
	}
	if err != nil || len(doc.Content) != 1 {
		c.problem(place{file, yamlLine(err)}, "not YAML, or empty")
		return
	}
	r := reader{c, file}
	r.each(doc.Content[0], func(key string, v *yaml.Node) {
		switch key {
		case "env":
			r.env(v)
		case "includes":
			for _, n := range v.Content {
				c.include(filepath.Dir(file), n.Value, depth, place{file, n.Line}, read)
			}
		case "service":
			if c.service.at.line == 0 {
				c.service.at = place{file, v.Line}
			}
			r.props(v, &c.service)
		case "stream_processor":
			for _, n := range items(v) {
				s := &section{kind: "stream", at: place{file, n.Line}}
				r.props(n, s)
				c.sections = append(c.sections, s)
			}
		case "pipeline":
			r.each(v, func(key string, list *yaml.Node) {
				kind := strings.TrimSuffix(key, "s")
				if kind != "input" && kind != "filter" && kind != "output" {
					return
				}
				for _, n := range items(list) {
					s := &section{kind: kind, at: place{file, n.Line}}
					r.plugin(n, s)
					c.sections = append(c.sections, s)
				}
			})
		}
	})
}

func yamlLine(err error) int {
	if e, ok := err.(*yaml.LoadError); ok { //nolint:errorlint // the loader gives it as it is
		return max(1, e.Mark.Line)
	}
	return 1
}

// reader reads the nodes of one file.
type reader struct {
	c    *config
	file string
}

// each calls f for each entry of a mapping; keys are in lower case.
func (r reader) each(n *yaml.Node, f func(key string, v *yaml.Node)) {
	n = resolve(n)
	if n.Kind != yaml.MappingNode {
		return
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		f(strings.ToLower(n.Content[i].Value), resolve(n.Content[i+1]))
	}
}

// resolve follows an alias.
func resolve(n *yaml.Node) *yaml.Node {
	if n.Kind == yaml.AliasNode && n.Alias != nil {
		return n.Alias
	}
	return n
}

// items returns the elements of a list, or the one thing that stands in its place.
func items(n *yaml.Node) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		return []*yaml.Node{n}
	}
	all := make([]*yaml.Node, len(n.Content))
	for i, e := range n.Content {
		all[i] = resolve(e)
	}
	return all
}

// env reads variables, a mapping or a list of name and value.
func (r reader) env(v *yaml.Node) {
	for _, n := range items(v) {
		name, value := "", ""
		r.each(n, func(key string, e *yaml.Node) {
			switch key {
			case "name":
				name = e.Value
			case "value":
				value = e.Value
			}
		})
		if name != "" {
			r.c.vars[name] = value
		}
	}
	if v.Kind == yaml.MappingNode {
		for i := 0; i+1 < len(v.Content); i += 2 {
			r.c.vars[v.Content[i].Value] = v.Content[i+1].Value
		}
	}
}

// props reads what is scalar, or a list of scalars, as properties.
func (r reader) props(n *yaml.Node, s *section) {
	r.each(n, func(key string, v *yaml.Node) {
		for _, e := range items(v) {
			if e.Kind == yaml.ScalarNode {
				s.props = append(s.props, prop{key, e.Value, place{r.file, e.Line}})
			}
		}
	})
}

// plugin reads an input, a filter, an output or a processor.
func (r reader) plugin(n *yaml.Node, s *section) {
	r.props(n, s)
	r.each(n, func(key string, v *yaml.Node) {
		switch key {
		case "condition":
			s.conditional = true
		case "processors":
			r.each(v, func(signal string, list *yaml.Node) {
				if signal != "logs" {
					return
				}
				for _, e := range items(list) {
					p := &section{kind: "processor", at: place{r.file, e.Line}}
					r.plugin(e, p)
					s.processors = append(s.processors, p)
				}
			})
		case "routes":
			s.routes = append(s.routes, r.outputs(v)...)
		}
	})
}

// outputs returns every name in a list called outputs, at any depth.
func (r reader) outputs(n *yaml.Node) []string {
	var names []string
	r.each(n, func(key string, v *yaml.Node) {
		if key != "outputs" {
			names = append(names, r.outputs(v)...)
			return
		}
		for _, e := range items(v) {
			if e.Kind == yaml.ScalarNode {
				names = append(names, e.Value)
			}
			r.each(e, func(key string, v *yaml.Node) {
				if key == "name" {
					names = append(names, v.Value)
				}
			})
		}
	})
	if n.Kind == yaml.SequenceNode {
		for _, e := range items(n) {
			names = append(names, r.outputs(e)...)
		}
	}
	return names
}
