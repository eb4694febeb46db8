package fluentbit

import (
	"regexp"
	"strings"
)

// Patterns of tags are texts in which * stands for any text, also for none.

// covers reports whether pattern matches every tag that the pattern tags stands for. A *
// of tags is covered by a * alone.
func covers(pattern, tags string) bool {
	// reach[i]: pattern[:i] can have matched what was read of tags.
	return match(pattern, tags, func(p, t byte) bool { return p == t && t != '*' })
}

// match runs a pattern over a text whose bytes are compared by same; a * of the pattern
// takes any bytes.
func match(pattern, text string, same func(p, t byte) bool) bool {
	reach := make([]bool, len(pattern)+1)
	stars := func() {
		for i := range len(pattern) {
			if reach[i] && pattern[i] == '*' {
				reach[i+1] = true
			}
		}
	}
	reach[0] = true
	stars()
	for j := range len(text) {
		for i := len(pattern); i >= 0; i-- {
			stay := i < len(pattern) && reach[i] && pattern[i] == '*'
			step := i > 0 && reach[i-1] && pattern[i-1] != '*' && same(pattern[i-1], text[j])
			reach[i] = stay || step
		}
		stars()
	}
	return reach[len(pattern)]
}

// meet reports whether there is a tag that both patterns match.
func meet(a, b string) bool {
	seen := map[[2]int]bool{}
	var from func(i, j int) bool
	from = func(i, j int) bool {
		if seen[[2]int{i, j}] {
			return false
		}
		seen[[2]int{i, j}] = true
		switch {
		case i == len(a) && j == len(b):
			return true
		case i < len(a) && a[i] == '*':
			return from(i+1, j) || j < len(b) && from(i, j+1)
		case j < len(b) && b[j] == '*':
			return from(i, j+1) || i < len(a) && from(i+1, j)
		}
		return i < len(a) && j < len(b) && a[i] == b[j] && from(i+1, j+1)
	}
	return from(0, 0)
}

var placeholder = regexp.MustCompile(`<[^<>]*>`)

// reference is a part of a new tag that comes from a record or from the old tag.
var reference = regexp.MustCompile(`\$[A-Za-z0-9_]+(\[[^\]]*\])*`)

// wide returns the pattern of what a text with variables can stand for.
func wide(s string) string { return squeeze(variable.ReplaceAllLiteralString(s, "*")) }

func squeeze(s string) string {
	for strings.Contains(s, "**") {
		s = strings.ReplaceAll(s, "**", "*")
	}
	return s
}

// matches reports how the condition of a filter or an output stands to tags: whether it
// may match one of them, and whether it matches all.
func (s *section) matches(tags string) (some, all bool) {
	m, ok := s.get("match")
	if ok {
		some = meet(wide(m), tags)
		all = !variable.MatchString(m) && covers(squeeze(m), tags)
	}
	if r, ok := s.get("match_regex"); ok {
		re, err := regexp.Compile(r)
		switch {
		case err != nil || strings.Contains(tags, "*"):
			// It cannot be told which of the tags it matches.
			some = true
			all = all || r == ".*"
		case re.MatchString(tags):
			some, all = true, true
		}
	}
	return some, all
}
