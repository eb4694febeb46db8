package detectors

import (
	"logveil/detectors/internal/keys"
	"logveil/detectors/rules"
	"logveil/redact"
)

// All returns every detector that comes with the product, in the order of their reports.
// Each call returns a new slice; the detectors in it are immutable.
func All() []redact.Detector { return all(keys.Default()) }

// Keys are what a policy adds to the dictionary of telling keys. A key is one to six words
// in lower case with a blank between them: "ledger ref" stands for ledgerRef, LEDGER_REF and
// the like, with words before it and with numbers behind it.
type Keys struct {
	// Also are keys by the kind of the values behind them, one of KeyedKinds. A value must
	// still look like one of the kind.
	Also map[string][]string
	// Never are keys behind which none of KeyedKinds is looked for.
	Never []string
}

// KeyedKinds returns the kinds of values that stand behind telling keys, sorted. The caller
// must not change them.
func KeyedKinds() []string { return keys.Kinds() }

// CheckKey reports what is wrong with the form of a key. The error does not repeat it.
func CheckKey(key string) error { return keys.Check(key) }

// AllWith returns what All does, with a dictionary that has more keys.
func AllWith(k Keys) ([]redact.Detector, error) {
	if len(k.Also) == 0 && len(k.Never) == 0 {
		return All(), nil
	}
	d, err := keys.Default().With(k.Also, k.Never)
	if err != nil {
		return nil, err
	}
	return all(d), nil
}

func all(dict *keys.Dictionary) []redact.Detector {
	ds := []redact.Detector{
		card{},
		iban{},
		ssn{},
		phone{},
		email{},
		ipv4{},
		ipv6{},
		mac{},
		jwt{},
		bearer{},
		basic{},
		urlcred{},
		connstr{},
		pem{},
		commandLine{},
		assign{passwords},
		assign{secrets},
		assign{tokens},
	}
	ds = append(ds, tellings(dict)...)
	return append(ds, rules.All()...)
}
