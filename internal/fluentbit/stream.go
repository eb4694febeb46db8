package fluentbit

import (
	"regexp"
	"strings"
)

// query is what is known of the query of a stream task.
type query struct {
	name   string // of the stream that it makes, a pattern
	from   string // a pattern of the tags, or the name of the stream, that it reads
	tagged bool   // the former
	tags   string // of the records that come out
	prints bool   // they go to the standard output and nowhere else
}

var (
	creates  = regexp.MustCompile(`(?i)\b(?:create|flush)\s+(?:stream|snapshot)\s+([^\s;]+)`)
	withTag  = regexp.MustCompile(`(?i)\btag\s*=\s*'([^']*)'`)
	readFrom = regexp.MustCompile(`(?i)\bfrom\s+(tag|stream)\s*:\s*(?:'([^']*)'|([^\s;]+))`)
)

// queryOf reads a query as far as its source and its result go. What is not understood
// reads everything, or comes out under any tag.
func queryOf(task *section) query {
	exec, _ := task.get("exec")
	q := query{name: "*", from: "*", tagged: true, tags: "*", prints: true}
	if m := creates.FindStringSubmatch(exec); m != nil {
		q.name, q.prints = wide(m[1]), false
	}
	if m := readFrom.FindStringSubmatch(exec); m != nil {
		q.from, q.tagged = wide(m[2]+m[3]), strings.EqualFold(m[1], "tag")
	}
	if m := withTag.FindStringSubmatch(exec); m != nil {
		q.tags = wide(m[1])
	}
	return q
}

// reads reports whether a query may read records of a flow.
func (q query) reads(f flow) bool {
	if q.tagged {
		return meet(q.from, f.tags)
	}
	alias, aliased := f.origin.get("alias")
	return meet(q.from, f.source) || aliased && meet(q.from, wide(alias))
}
