package config

import (
	"io"
	"regexp"
	"strings"

	"go.yaml.in/yaml/v4"

	"logveil/internal/fields"
)

// Fields say which members of JSON records are dropped or renamed once they are redacted.
type Fields struct {
	Drop   []string
	Rename []RenameRule
}

// RenameRule gives the member at the path From the name To.
type RenameRule struct{ From, To string }

func (r *RenameRule) declare() object {
	return object{
		{
			name:     "from",
			doc:      "The path of the member.",
			required: true,
			value:    fieldPath{&r.From},
		},
		{
			name:     "to",
			doc:      "Its new name. A member whose new name is taken keeps its own.",
			required: true,
			value:    fieldPath{&r.To},
		},
	}
}

// EditFields returns a writer through which redacted text must go on its way to dst, and
// what must be called at its end.
func (p *Policy) EditFields(dst io.Writer) (io.Writer, func() error) {
	e := fields.Edits{Drop: p.Fields.Drop, Rename: map[string]string{}}
	for _, r := range p.Fields.Rename {
		e.Rename[r.From] = r.To
	}
	if e.Empty() {
		return dst, func() error { return nil }
	}
	ed, err := fields.NewEditor(e)
	if err != nil {
		panic("BUG: paths of fields that the decoder took: " + err.Error())
	}
	w := fields.NewWriter(dst, ed)
	return w, w.Flush
}

const fieldPathPattern = `^[^.\s]+(\.[^.\s]+)*$`

var fieldPathForm = regexp.MustCompile(fieldPathPattern)

// fieldPath is the path of a member of JSON.
type fieldPath struct{ dst *string }

func (v fieldPath) is() string { return "keys joined by dots" }

func (v fieldPath) read(d *decoder, n *yaml.Node, _ string) {
	s, ok := scalar(d, n, v.is(), "!!str")
	if !ok {
		return
	}
	if !fieldPathForm.MatchString(s) {
		d.fail(n, "want %s", v.is())
		return
	}
	*v.dst = s
}

func (v fieldPath) schema() map[string]any {
	return map[string]any{"type": "string", "pattern": fieldPathPattern}
}

func (v fieldPath) show() string { return *v.dst }

// fieldPaths is a list of such paths.
type fieldPaths struct{ dst *[]string }

func (v fieldPaths) is() string { return "a list of keys joined by dots" }

func (v fieldPaths) read(d *decoder, n *yaml.Node, at string) {
	elements(d, n, at, v.is(), func(e *yaml.Node, at string) {
		var s string
		if (fieldPath{&s}).read(d, e, at); s != "" {
			*v.dst = append(*v.dst, s)
		}
	})
}

func (v fieldPaths) schema() map[string]any {
	return map[string]any{"type": "array", "items": fieldPath{}.schema()}
}

func (v fieldPaths) show() string { return strings.Join(*v.dst, ", ") }
