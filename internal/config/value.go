package config

import (
	"fmt"
	"maps"
	"math"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// object declares a mapping with fixed keys.
type object []member

// member declares one key.
type member struct {
	name string
	// doc is for people, in Markdown.
	doc      string
	required bool
	value    value
}

// value declares what stands at a place of a policy: how it is read into the Go variable
// it is bound to, and what it is, for machines and for people.
type value interface {
	// read reads the node into the variable, or reports a problem.
	read(d *decoder, n *yaml.Node, at string)
	// schema returns the JSON Schema.
	schema() map[string]any
	// is says what may stand here.
	is() string
	// show returns what the variable holds, as YAML in one line; empty when that is
	// nothing. It never shows an allowed value.
	show() string
}

// scalar returns the text of a scalar, or reports that something else stands there.
func scalar(d *decoder, n *yaml.Node, what string, tags ...string) (string, bool) {
	if n.Kind != yaml.ScalarNode || !slices.Contains(tags, n.ShortTag()) {
		d.want(n, what)
		return "", false
	}
	return n.Value, true
}

// integer is a whole number between two bounds.
type integer struct {
	dst      *int
	min, max int
}

func (v integer) is() string {
	if v.min == v.max {
		return fmt.Sprintf("the number %d", v.min)
	}
	return fmt.Sprintf("a whole number from %d to %d", v.min, v.max)
}

func (v integer) read(d *decoder, n *yaml.Node, _ string) {
	s, ok := scalar(d, n, v.is(), "!!int")
	if !ok {
		return
	}
	i, err := strconv.Atoi(s)
	if err != nil || i < v.min || i > v.max {
		d.fail(n, "want %s", v.is())
		return
	}
	*v.dst = i
}

func (v integer) schema() map[string]any {
	return map[string]any{"type": "integer", "minimum": v.min, "maximum": v.max, "default": *v.dst}
}

func (v integer) show() string { return strconv.Itoa(*v.dst) }

// boolean is true or false.
type boolean struct{ dst *bool }

func (v boolean) is() string { return "`true` or `false`" }

func (v boolean) read(d *decoder, n *yaml.Node, _ string) {
	s, ok := scalar(d, n, "true or false", "!!bool")
	if !ok {
		return
	}
	switch s {
	case "true":
		*v.dst = true
	case "false":
		*v.dst = false
	default:
		d.fail(n, "want true or false, spelt like this")
	}
}

func (v boolean) schema() map[string]any {
	return map[string]any{"type": "boolean", "default": *v.dst}
}

func (v boolean) show() string { return strconv.FormatBool(*v.dst) }

// enum is one of a few words. unset says what an empty variable means.
type enum[T ~string] struct {
	dst   *T
	words []T
	unset string
	// what names the words where there are too many to list.
	what string
}

// null is a word that YAML takes for nothing unless it is in quotes. Where it is one of
// the words, it is taken as it stands.
const null = "null"

func (v enum[T]) strings() []string {
	words := make([]string, len(v.words))
	for i, w := range v.words {
		words[i] = string(w)
	}
	return words
}

func (v enum[T]) is() string {
	if v.what != "" {
		return v.what
	}
	return "one of `" + strings.Join(v.strings(), "`, `") + "`"
}

func (v enum[T]) read(d *decoder, n *yaml.Node, _ string) {
	tags := []string{"!!str"}
	if slices.Contains(v.strings(), null) {
		tags = append(tags, "!!null")
	}
	s, ok := scalar(d, n, "a word", tags...)
	if !ok {
		return
	}
	i := slices.Index(v.strings(), s)
	if i < 0 {
		d.fail(n, "unknown word; %s", orKnown(s, v.strings()))
		return
	}
	*v.dst = v.words[i]
}

func (v enum[T]) schema() map[string]any {
	s := map[string]any{"type": "string", "enum": v.strings()}
	if slices.Contains(v.strings(), null) {
		var words []any
		for _, w := range v.strings() {
			words = append(words, w)
		}
		s["type"], s["enum"] = []string{"string", "null"}, append(words, nil)
	}
	if *v.dst != "" {
		s["default"] = string(*v.dst)
	}
	return s
}

func (v enum[T]) show() string {
	if *v.dst == "" {
		return v.unset
	}
	return string(*v.dst)
}

// size is a number of bytes with an optional binary unit.
type size struct {
	dst      *int64
	min, max int64
}

const sizePattern = `^([0-9]+) ?(B|KiB|MiB|GiB)?$`

var (
	sizeForm  = regexp.MustCompile(sizePattern)
	sizeUnits = []string{"B", "KiB", "MiB", "GiB"}
)

func (v size) is() string {
	return fmt.Sprintf("a size from %s to %s, in bytes or with B, KiB, MiB or GiB", formatSize(v.min), formatSize(v.max))
}

func (v size) read(d *decoder, n *yaml.Node, _ string) {
	s, ok := scalar(d, n, v.is(), "!!int", "!!str")
	if !ok {
		return
	}
	i, ok := parseSize(s)
	if !ok || i < v.min || i > v.max {
		d.fail(n, "want %s", v.is())
		return
	}
	*v.dst = i
}

func parseSize(s string) (int64, bool) {
	m := sizeForm.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	i, err := strconv.ParseInt(m[1], 10, 64)
	shift := 10 * max(0, slices.Index(sizeUnits, m[2]))
	if err != nil || i > math.MaxInt64>>shift {
		return 0, false
	}
	return i << shift, true
}

// formatSize writes a size in the largest unit that divides it.
func formatSize(n int64) string {
	unit := 0
	for n != 0 && n%1024 == 0 && unit+1 < len(sizeUnits) {
		n, unit = n/1024, unit+1
	}
	return strconv.FormatInt(n, 10) + sizeUnits[unit]
}

func (v size) schema() map[string]any {
	return map[string]any{
		"default": formatSize(*v.dst),
		"oneOf": []any{
			map[string]any{"type": "integer", "minimum": v.min, "maximum": v.max},
			map[string]any{"type": "string", "pattern": sizePattern},
		},
	}
}

func (v size) show() string { return formatSize(*v.dst) }

// identifier is a short name.
type identifier struct{ dst *string }

const identifierPattern = `^[a-z0-9][a-z0-9._-]{0,62}$`

var identifierForm = regexp.MustCompile(identifierPattern)

func (v identifier) is() string {
	return "a name of at most 63 lower-case letters, digits, `.`, `_` and `-`"
}

func (v identifier) read(d *decoder, n *yaml.Node, _ string) {
	s, ok := scalar(d, n, "a name", "!!str")
	if !ok {
		return
	}
	if !identifierForm.MatchString(s) {
		d.fail(n, "want %s", strings.ReplaceAll(v.is(), "`", ""))
		return
	}
	*v.dst = s
}

func (v identifier) schema() map[string]any {
	return map[string]any{"type": "string", "pattern": identifierPattern}
}

func (v identifier) show() string { return *v.dst }

// word is a text of one line whose form is known.
type word struct {
	dst  *string
	form *regexp.Regexp
	what string
}

func (v word) is() string { return v.what }

func (v word) read(d *decoder, n *yaml.Node, _ string) {
	what := strings.ReplaceAll(v.what, "`", "")
	s, ok := scalar(d, n, what, "!!str", "!!int")
	if !ok {
		return
	}
	if !v.form.MatchString(s) {
		d.fail(n, "want %s", what)
		return
	}
	*v.dst = s
}

func (v word) schema() map[string]any {
	s := map[string]any{"type": "string", "pattern": v.form.String()}
	if *v.dst != "" {
		s["default"] = *v.dst
	}
	return s
}

func (v word) show() string { return *v.dst }

// names is a list of different names, each as an identifier.
type names struct{ dst *[]string }

func (v names) is() string {
	return "a list of names, each of at most 63 lower-case letters, digits, `.`, `_` and `-`"
}

func (v names) read(d *decoder, n *yaml.Node, at string) {
	elements(d, n, at, "a list of names", func(e *yaml.Node, at string) {
		var s string
		identifier{&s}.read(d, e, at)
		switch {
		case s == "":
		case slices.Contains(*v.dst, s):
			d.fail(e, "this name stands here twice")
		default:
			*v.dst = append(*v.dst, s)
		}
	})
}

func (v names) schema() map[string]any {
	return map[string]any{
		"type": "array", "uniqueItems": true,
		"items": map[string]any{"type": "string", "pattern": identifierPattern},
	}
}

func (v names) show() string { return strings.Join(*v.dst, ", ") }

// duration is a length of time in one unit.
type duration struct {
	dst      *time.Duration
	min, max time.Duration
}

const durationPattern = `^([0-9]{1,9}) ?(ms|s|m|h|d)$`

var (
	durationForm  = regexp.MustCompile(durationPattern)
	durationUnits = []struct {
		name string
		is   time.Duration
	}{{"d", 24 * time.Hour}, {"h", time.Hour}, {"m", time.Minute}, {"s", time.Second}, {"ms", time.Millisecond}}
)

func (v duration) is() string {
	return fmt.Sprintf("a time from %s to %s, in ms, s, m, h or d", formatDuration(v.min), formatDuration(v.max))
}

func (v duration) read(d *decoder, n *yaml.Node, _ string) {
	s, ok := scalar(d, n, v.is(), "!!str")
	if !ok {
		return
	}
	t, ok := parseDuration(s)
	if !ok || t < v.min || t > v.max {
		d.fail(n, "want %s", v.is())
		return
	}
	*v.dst = t
}

func parseDuration(s string) (time.Duration, bool) {
	m := durationForm.FindStringSubmatch(s)
	if m == nil {
		return 0, false
	}
	i, err := strconv.ParseInt(m[1], 10, 64)
	for _, u := range durationUnits {
		if u.name == m[2] && err == nil && i <= math.MaxInt64/int64(u.is) {
			return time.Duration(i) * u.is, true
		}
	}
	return 0, false
}

// formatDuration writes a time in the largest unit that divides it.
func formatDuration(t time.Duration) string {
	for _, u := range durationUnits {
		if t >= u.is && t%u.is == 0 {
			return strconv.FormatInt(int64(t/u.is), 10) + u.name
		}
	}
	return strconv.FormatInt(t.Milliseconds(), 10) + "ms"
}

func (v duration) schema() map[string]any {
	return map[string]any{"type": "string", "pattern": durationPattern, "default": formatDuration(*v.dst)}
}

func (v duration) show() string { return formatDuration(*v.dst) }

// path names a file. unset says what holds when it is not given.
type path struct {
	dst   *string
	unset string
}

func (v path) is() string { return "the path of a file" }

func (v path) read(d *decoder, n *yaml.Node, _ string) {
	s, ok := scalar(d, n, v.is(), "!!str")
	if !ok {
		return
	}
	switch {
	case s == "":
		d.fail(n, "want the path of a file, found nothing")
	case strings.HasPrefix(s, "~") || strings.Contains(s, "$"):
		d.fail(n, "`~` and `$` are not expanded here: write the path out")
	default:
		*v.dst = s
	}
}

func (v path) schema() map[string]any {
	return map[string]any{"type": "string", "minLength": 1, "pattern": "^[^~$][^$]*$"}
}

func (v path) show() string {
	if *v.dst == "" {
		return v.unset
	}
	return *v.dst
}

// texts is a list of whole values, which nothing here ever shows.
type texts struct{ dst *[]string }

func (v texts) is() string { return "a list of texts" }

func (v texts) read(d *decoder, n *yaml.Node, at string) {
	elements(d, n, at, v.is(), func(e *yaml.Node, _ string) {
		// A card number without quotes is a number to YAML, and a date a time stamp:
		// what counts is how it is written.
		s, ok := scalar(d, e, "a text", "!!str", "!!int", "!!float", "!!timestamp")
		if !ok {
			return
		}
		if s == "" {
			d.fail(e, "want a text, found nothing")
			return
		}
		*v.dst = append(*v.dst, s)
	})
}

func (v texts) schema() map[string]any {
	return map[string]any{
		"type":  "array",
		"items": map[string]any{"type": []string{"string", "number"}, "minLength": 1},
	}
}

func (v texts) show() string { return count(len(*v.dst), "value") }

// networks is a list of IP networks, which nothing here ever shows.
type networks struct{ dst *[]netip.Prefix }

func (v networks) is() string { return "a list of networks in CIDR form" }

func (v networks) read(d *decoder, n *yaml.Node, at string) {
	elements(d, n, at, v.is(), func(e *yaml.Node, _ string) {
		s, ok := scalar(d, e, "a network such as 192.0.2.0/24", "!!str")
		if !ok {
			return
		}
		p, err := netip.ParsePrefix(s)
		switch {
		case err != nil:
			d.fail(e, "want a network such as 192.0.2.0/24 or 2001:db8::/32")
		case p.Addr().Is4In6():
			d.fail(e, "want an IPv4 network in its own form, such as 192.0.2.0/24")
		case p != p.Masked():
			d.fail(e, "the address has bits set beyond the length of the network")
		case p.Bits() == 0:
			d.fail(e, "this is every address: switch the kind off instead, with `enabled: false`")
		default:
			*v.dst = append(*v.dst, p)
		}
	})
}

func (v networks) schema() map[string]any {
	return map[string]any{
		"type":  "array",
		"items": map[string]any{"type": "string", "pattern": "^[0-9A-Fa-f:.]+/[0-9]{1,3}$"},
	}
}

func (v networks) show() string { return count(len(*v.dst), "network") }

// elements calls read for each element of a list.
func elements(d *decoder, n *yaml.Node, at, what string, read func(e *yaml.Node, at string)) {
	if n.Kind != yaml.SequenceNode {
		d.want(n, what)
		return
	}
	for i, e := range n.Content {
		at := fmt.Sprintf("%s[%d]", at, i)
		d.places[at] = place{e.Line, e.Column}
		if d.plain(e) {
			read(e, at)
		}
	}
}

func (o object) is() string { return "a mapping" }

func (o object) read(d *decoder, n *yaml.Node, at string) { d.object(n, o, at) }

func (o object) schema() map[string]any {
	props := map[string]any{}
	var required []string
	for _, m := range o {
		s := m.value.schema()
		s["description"] = strings.ReplaceAll(m.doc, "`", "")
		props[m.name] = s
		if m.required {
			required = append(required, m.name)
		}
	}
	s := map[string]any{"type": "object", "additionalProperties": false, "properties": props}
	if required != nil {
		s["required"] = required
	}
	return s
}

func (o object) show() string { return "" }

// mapping is a mapping whose keys are names out of a known set and whose values are
// declared alike.
type mapping[T any] struct {
	dst     map[string]*T
	what    string
	names   []string
	fresh   func() *T
	declare func(*T) object
}

func (v mapping[T]) is() string { return "a mapping from a " + v.what + " to a mapping" }

func (v mapping[T]) read(d *decoder, n *yaml.Node, at string) {
	d.entries(n, v.what, v.names, at, func(key string, e *yaml.Node) {
		t := v.fresh()
		d.object(e, v.declare(t), join(at, key))
		v.dst[key] = t
	})
}

func (v mapping[T]) schema() map[string]any {
	props := map[string]any{}
	for _, n := range v.names {
		props[n] = map[string]any{"$ref": "#/$defs/" + v.what}
	}
	return map[string]any{"type": "object", "additionalProperties": false, "properties": props}
}

func (v mapping[T]) show() string {
	return strings.Join(slices.Sorted(maps.Keys(v.dst)), ", ")
}

// list is a list of mappings declared alike.
type list[T any] struct {
	dst     *[]T
	what    string
	declare func(*T) object
}

func (v list[T]) is() string { return "a list of mappings" }

func (v list[T]) read(d *decoder, n *yaml.Node, at string) {
	elements(d, n, at, v.is(), func(e *yaml.Node, at string) {
		var t T
		d.object(e, v.declare(&t), at)
		*v.dst = append(*v.dst, t)
	})
}

func (v list[T]) schema() map[string]any {
	var t T
	return map[string]any{"type": "array", "items": v.declare(&t).schema()}
}

func (v list[T]) show() string { return count(len(*v.dst), v.what) }

// count writes a number with its noun, and nothing for none.
func count(n int, noun string) string {
	switch n {
	case 0:
		return ""
	case 1:
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
