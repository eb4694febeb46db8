package detectors

import "logveil/redact"

type iban struct{}

func (iban) Spec() redact.Spec { return redact.Spec{Name: "iban", Kind: "iban"} }

func (iban) Match(b []byte, at int) (redact.Span, redact.Reason) {
	return redact.Span{}, redact.RejectAnchor
}
