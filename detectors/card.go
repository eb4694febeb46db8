package detectors

import "logveil/redact"

type card struct{}

func (card) Spec() redact.Spec { return redact.Spec{Name: "card", Kind: "card"} }

func (card) Match(b []byte, at int) (redact.Span, redact.Reason) {
	return redact.Span{}, redact.RejectAnchor
}
