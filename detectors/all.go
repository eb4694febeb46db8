package detectors

import (
	"logveil/detectors/internal/keys"
	"logveil/detectors/rules"
	"logveil/redact"
)

// All returns every detector that comes with the product, in the order of their reports.
// Each call returns a new slice; the detectors in it are immutable.
func All() []redact.Detector {
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
		assign{passwords},
		assign{secrets},
		assign{tokens},
	}
	ds = append(ds, tellings(keys.Default())...)
	return append(ds, rules.All()...)
}
