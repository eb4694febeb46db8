package config

import (
	"net/netip"

	"logveil/redact"
	"logveil/vault"
)

// allowed decides which values may stay.
type allowed struct {
	values   map[redact.Kind]map[string]struct{}
	networks map[redact.Kind][]netip.Prefix
}

// allowFunc returns what redact.Options.Allow wants, or nil when nothing may stay.
func (p *Policy) allowFunc() func(redact.Kind, []byte) bool {
	a := allowed{map[redact.Kind]map[string]struct{}{}, map[redact.Kind][]netip.Prefix{}}
	for _, rule := range p.Allow {
		kind := redact.Kind(rule.Kind)
		for _, v := range rule.Values {
			if a.values[kind] == nil {
				a.values[kind] = map[string]struct{}{}
			}
			a.values[kind][string(vault.AppendCanonical(nil, kind, []byte(v)))] = struct{}{}
		}
		a.networks[kind] = append(a.networks[kind], rule.Networks...)
	}
	if len(p.Allow) == 0 {
		return nil
	}
	return a.stays
}

// maxAllowed bounds the values that are compared, in bytes: addresses, numbers and mail
// addresses are far shorter, and a longer canonical form would need memory for each value.
const maxAllowed = 512

// stays reports whether a value is allowed for its kind. It is safe for concurrent use.
func (a *allowed) stays(kind redact.Kind, value []byte) bool {
	if values := a.values[kind]; values != nil && len(value) <= maxAllowed {
		var buf [maxAllowed + 8]byte
		if _, ok := values[string(vault.AppendCanonical(buf[:0], kind, value))]; ok {
			return true
		}
	}
	networks := a.networks[kind]
	if len(networks) == 0 || len(value) > 64 {
		return false
	}
	ip, err := netip.ParseAddr(string(value))
	if err != nil {
		return false
	}
	ip = ip.Unmap().WithZone("")
	for _, n := range networks {
		if n.Contains(ip) {
			return true
		}
	}
	return false
}
