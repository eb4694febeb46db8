package detectors

import "logveil/redact"

type ssn struct{}

func (ssn) Spec() redact.Spec { return redact.Spec{Name: "ssn", Kind: "ssn"} }

func (ssn) Match(b []byte, at int) (redact.Span, redact.Reason) {
	return redact.Span{}, redact.RejectAnchor
}
