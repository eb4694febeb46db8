package config

import "strings"

// suggest returns the known word that a misspelt one probably means, or an empty string
// when none is near: at most one edit in three characters, where an edit inserts,
// deletes, replaces or swaps neighbours. The comparison ignores case, and takes `-` for `_`.
func suggest(word string, known []string) string {
	if len(word) > 64 {
		return ""
	}
	fold := func(s string) string { return strings.ReplaceAll(strings.ToLower(s), "-", "_") }
	word = fold(word)
	best, bestCost := "", len(word)/3+1
	for _, k := range known {
		if c := editDistance(word, fold(k)); c < bestCost {
			best, bestCost = k, c
		}
	}
	return best
}

// editDistance is the optimal string alignment distance of two words.
func editDistance(a, b string) int {
	prev2 := make([]int, len(b)+1)
	prev := make([]int, len(b)+1)
	cur := make([]int, len(b)+1)
	for j := range prev {
		prev[j] = j
	}
	for i := 1; i <= len(a); i++ {
		cur[0] = i
		for j := 1; j <= len(b); j++ {
			replace := prev[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			cur[j] = min(prev[j]+1, cur[j-1]+1, replace)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				cur[j] = min(cur[j], prev2[j-2]+1)
			}
		}
		prev2, prev, cur = prev, cur, prev2
	}
	return prev[len(b)]
}
