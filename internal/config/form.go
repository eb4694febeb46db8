package config

import (
	"slices"

	"logveil/detectors"
	"logveil/redact"
)

// formed are the kinds that have a form of their own, confirmed by the detector of the
// kind's name. Values of other kinds may be known by nothing but the key before them.
var formed = []redact.Kind{"card", "email", "iban", "ipv4", "ipv6", "mac", "phone", "ssn"}

// LooksLike reports whether a value, the whole of it, has the form of its kind, check digits
// included. It says yes of kinds that have none. Values without the form have tokens too,
// where a key told of them.
func LooksLike(kind redact.Kind, value []byte) bool {
	if !slices.Contains(formed, kind) {
		return true
	}
	var ds []redact.Detector
	for _, d := range detectors.All() {
		// National telephone numbers are as a rule known by their key alone.
		if s := d.Spec(); s.Kind == kind && (s.Name == string(kind) || kind == "phone") {
			ds = append(ds, d)
		}
	}
	e, err := redact.New(redact.Options{Detectors: ds})
	if err != nil {
		panic("BUG: detectors of a kind: " + err.Error())
	}
	w := e.NewWorker()
	// Some forms are told from other numbers by a word before them.
	for _, before := range []string{"", string(kind) + " ", string(kind) + ": "} {
		text := append([]byte(before), value...)
		found := slices.ContainsFunc(w.Find(text), func(f redact.Finding) bool {
			return f.Start == len(before) && f.End == len(text)
		})
		clear(text)
		if found {
			return true
		}
	}
	return false
}
