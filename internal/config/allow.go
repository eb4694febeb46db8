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
	ip, ok := parseIPv4(value)
	if !ok {
		// An allocation for each IPv6 address, and only when networks are allowed.
		var err error
		if ip, err = netip.ParseAddr(string(value)); err != nil {
			return false
		}
	}
	ip = ip.Unmap().WithZone("")
	for _, n := range networks {
		if n.Contains(ip) {
			return true
		}
	}
	return false
}

// parseIPv4 reads dotted decimal, as netip.ParseAddr does, without an allocation.
func parseIPv4(b []byte) (netip.Addr, bool) {
	var ip [4]byte
	for i := range ip {
		if i > 0 {
			if len(b) == 0 || b[0] != '.' {
				return netip.Addr{}, false
			}
			b = b[1:]
		}
		n, digits := 0, 0
		for digits < len(b) && digits < 3 && '0' <= b[digits] && b[digits] <= '9' {
			n = 10*n + int(b[digits]-'0')
			digits++
		}
		if digits == 0 || n > 255 || digits > 1 && b[0] == '0' {
			return netip.Addr{}, false
		}
		ip[i], b = byte(n), b[digits:]
	}
	return netip.AddrFrom4(ip), len(b) == 0
}
