package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v4"
)

// maxFile bounds a policy file, in bytes.
const maxFile = 4 << 20

// maxProblems is how many problems of a file are reported.
const maxProblems = 20

// Problem is one thing that is wrong in a policy, and where. It never repeats what
// stands there.
type Problem struct {
	// Line and Col start at 1; both are 0 when the place is not known.
	Line, Col int
	Text      string
}

// Error is what is wrong with a policy file.
type Error struct {
	File     string
	Problems []Problem
}

// Error gives one line a problem, `FILE:LINE:COL: text`.
func (e *Error) Error() string {
	var b strings.Builder
	for i, p := range e.Problems {
		if i == maxProblems {
			fmt.Fprintf(&b, "\n%s: and %d more", e.File, len(e.Problems)-i)
			break
		}
		if i > 0 {
			b.WriteByte('\n')
		}
		b.WriteString(e.File)
		if p.Line > 0 {
			fmt.Fprintf(&b, ":%d:%d", p.Line, p.Col)
		}
		b.WriteString(": ")
		b.WriteString(p.Text)
	}
	return b.String()
}

// Load reads a policy file and checks it. What is wrong with its content comes as an
// [*Error]; other errors are those of reading the file.
func Load(file string) (*Policy, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(b) > maxFile {
		return nil, &Error{file, []Problem{{Text: fmt.Sprintf("longer than %s: not a policy", formatSize(maxFile))}}}
	}
	return parse(file, b)
}

// parse decodes and checks the text of a policy. file names it in errors.
func parse(file string, b []byte) (*Policy, error) {
	p := Builtin()
	p.file = file
	d := &decoder{places: map[string]place{}}
	if n := d.document(b); n != nil {
		d.object(n, p.declare(), "")
	}
	// A rule over half a policy would complain about what the decoder refused already.
	if len(d.problems) == 0 {
		p.lint(d)
	}
	if len(d.problems) > 0 {
		slices.SortStableFunc(d.problems, func(a, b Problem) int {
			if a.Line != b.Line {
				return a.Line - b.Line
			}
			return a.Col - b.Col
		})
		return nil, &Error{file, d.problems}
	}
	return p, nil
}

type place struct{ line, col int }

// decoder reads the nodes of one document into a declaration and gathers problems.
type decoder struct {
	problems []Problem
	// places holds where each key and entry of the file stands, by its path.
	places map[string]place
}

func (d *decoder) fail(n *yaml.Node, format string, a ...any) {
	d.failAt(place{n.Line, n.Column}, format, a...)
}

func (d *decoder) failAt(at place, format string, a ...any) {
	d.problems = append(d.problems, Problem{at.line, at.col, fmt.Sprintf(format, a...)})
}

// document returns the root of the one document in b, or nil when there is none or b is
// not YAML.
func (d *decoder) document(b []byte) *yaml.Node {
	if at, ok := badByte(b); ok {
		d.failAt(at, "not a text file: a control character, or not UTF-8")
		return nil
	}
	l, err := yaml.NewLoader(bytes.NewReader(b))
	if err != nil {
		d.syntax(err)
		return nil
	}
	var doc, next yaml.Node
	if err := l.Load(&doc); err != nil {
		if !errors.Is(err, io.EOF) {
			d.syntax(err)
		}
		return nil
	}
	switch err := l.Load(&next); {
	case err == nil:
		d.fail(&next, "a second document: a policy is one document")
		return nil
	case !errors.Is(err, io.EOF):
		d.syntax(err)
		return nil
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		return nil
	}
	if root := doc.Content[0]; root.Tag != "!!null" {
		return root
	}
	return nil
}

// syntax reports an error of the YAML library. Its messages are kept only from the stages
// whose messages are fixed sentences: the others quote the file.
func (d *decoder) syntax(err error) {
	var e *yaml.LoadError
	if !errors.As(err, &e) {
		d.failAt(place{}, "not YAML")
		return
	}
	at := place{e.Mark.Line, e.Mark.Column}
	switch {
	case e.Stage == "composer":
		d.failAt(at, "anchors and aliases are not used in a policy; quote a text that starts with & or *")
	case (e.Stage == "scanner" || e.Stage == "parser") && !strings.HasPrefix(e.Message, "found character '"):
		d.failAt(at, "not YAML: %s", e.Message)
	default:
		d.failAt(at, "not YAML")
	}
}

// badByte returns the place of the first byte that cannot stand in a text file.
func badByte(b []byte) (place, bool) {
	b = bytes.TrimPrefix(b, []byte("\ufeff"))
	line, col := 1, 1
	for len(b) > 0 {
		r, n := utf8.DecodeRune(b)
		switch {
		case r == '\n':
			line, col = line+1, 0
		case r == utf8.RuneError && n == 1, r < ' ' && r != '\t' && r != '\r', r == 0x7f, r >= 0x80 && r < 0xa0 && r != 0x85, r == 0xfffe, r == 0xffff:
			return place{line, col}, true
		}
		b, col = b[n:], col+1
	}
	return place{}, false
}

// plain reports whether n is a node as a policy may hold it, without YAML's machinery.
func (d *decoder) plain(n *yaml.Node) bool {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		d.fail(n, "anchors and aliases are not used in a policy; quote a text that starts with & or *")
	case n.Style&yaml.TaggedStyle != 0:
		d.fail(n, "tags are not used in a policy; quote a text that starts with !")
	default:
		return true
	}
	return false
}

// want reports that n is not what stands in the declaration.
func (d *decoder) want(n *yaml.Node, what string) { d.fail(n, "want %s, found %s", what, found(n)) }

// found names the type of a node, never its content.
func found(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	}
	switch n.ShortTag() {
	case "!!null":
		return "nothing"
	case "!!bool":
		return "a truth value"
	case "!!int", "!!float":
		return "a number"
	}
	return "a text"
}

// object reads a mapping whose keys are declared.
func (d *decoder) object(n *yaml.Node, o object, at string) {
	known := make([]string, len(o))
	for i, m := range o {
		known[i] = m.name
	}
	seen := d.entries(n, "key", known, at, func(key string, v *yaml.Node) {
		i := slices.Index(known, key)
		o[i].value.read(d, v, join(at, key))
	})
	for _, m := range o {
		if m.required && !seen[m.name] && n.Kind == yaml.MappingNode {
			d.fail(n, "`%s` is missing here", m.name)
		}
	}
}

// entries calls read for each entry of a mapping whose key is known, and reports the
// other keys and those that stand twice. It returns the keys that were there.
func (d *decoder) entries(n *yaml.Node, what string, known []string, at string, read func(key string, v *yaml.Node)) map[string]bool {
	seen := map[string]bool{}
	if !d.plain(n) {
		return seen
	}
	if n.Kind != yaml.MappingNode {
		d.want(n, "a mapping")
		return seen
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		if !d.plain(k) {
			continue
		}
		switch key := k.Value; {
		case k.Kind != yaml.ScalarNode || !slices.Contains(known, key):
			d.fail(k, "unknown %s; %s", what, orKnown(k.Value, known))
		case seen[key]:
			d.fail(k, "`%s` stands here twice; it was first given in line %d", key, d.places[join(at, key)].line)
		default:
			seen[key] = true
			d.places[join(at, key)] = place{k.Line, k.Column}
			if d.plain(v) {
				read(key, v)
			}
		}
	}
	return seen
}

// orKnown suggests a known word for an unknown one, or lists them. It does not repeat the
// unknown one, which may be a value that slipped into the wrong column.
func orKnown(word string, known []string) string {
	if s := suggest(word, known); s != "" {
		return fmt.Sprintf("did you mean `%s`?", s)
	}
	if len(known) > 12 {
		return "docs/config.md lists what is known"
	}
	return "known here: " + strings.Join(known, ", ")
}

func join(at, key string) string {
	if at == "" {
		return key
	}
	return at + "." + key
}
