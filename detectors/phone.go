package detectors

import "logveil/redact"

type phone struct{}

func (phone) Spec() redact.Spec { return redact.Spec{Name: "phone", Kind: "phone"} }

func (phone) Match(b []byte, at int) (redact.Span, redact.Reason) {
	return redact.Span{}, redact.RejectAnchor
}
