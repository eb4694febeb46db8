package detectors

import "logveil/redact"

// All returns every detector that comes with the product, in the order of their reports.
// Each call returns a new slice; the detectors in it are immutable.
func All() []redact.Detector {
	return []redact.Detector{
		card{},
		iban{},
		ssn{},
		phone{},
		assign{passwords},
		assign{secrets},
		assign{tokens},
	}
}
