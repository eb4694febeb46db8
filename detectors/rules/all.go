package rules

import (
	"slices"
	"sync"

	"logveil/redact"
)

// families are the lists of rules, by the name of their file of examples.
var families = []struct {
	name  string
	rules []Rule
}{
	{"cloud", cloud},
	{"scm", scm},
	{"infra", infra},
	{"ci", ci},
	{"payment", payment},
	{"messaging", messaging},
	{"ai", ai},
	{"observability", observability},
	{"identity", identity},
	{"database", database},
	{"mulesoft", mulesoft},
}

var compiled = sync.OnceValue(func() (ds []redact.Detector) {
	for _, f := range families {
		for _, r := range f.rules {
			d, err := New(r)
			if err != nil {
				panic("BUG: " + err.Error())
			}
			ds = append(ds, d)
		}
	}
	return ds
})

// All returns a detector for each rule that comes with the product. Each call returns a
// new slice; the detectors in it are immutable. The rules are compiled on the first call.
func All() []redact.Detector { return slices.Clone(compiled()) }
