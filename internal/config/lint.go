package config

import (
	"fmt"

	"logveil/detectors"
	"logveil/redact"
	"logveil/vault"
)

// lint reports what each key may say by itself but the policy as a whole may not.
func (p *Policy) lint(d *decoder) {
	for kind, rule := range p.Kinds {
		at := d.places["kinds."+kind+".keep_last"]
		limit := vault.KeepLimit(redact.Kind(kind))
		switch {
		case rule.KeepLast == 0:
		case limit == 0:
			d.failAt(at, "a mask of the kind %s shows no characters", kind)
		case rule.KeepLast > limit:
			d.failAt(at, "a mask of the kind %s shows %d characters at most", kind, limit)
		case p.Rule(redact.Kind(kind)).Scheme != SchemeMask:
			d.failAt(at, "`keep_last` is for masks: add `scheme: mask`")
		}
	}
	if len(p.kindsInForce()) == 0 {
		d.failAt(d.places["kinds"], "every kind is off: nothing would be replaced")
	}
	p.lintKeys(d)
	p.lintVault(d)
	p.lintTenants(d)
	p.lintFluentBit(d)
	for i, rule := range p.Allow {
		p.lintAllow(d, rule, fmt.Sprintf("allow[%d]", i))
	}
}

func (p *Policy) lintKeys(d *decoder) {
	check := func(keys []string, at string) {
		for i, k := range keys {
			if err := detectors.CheckKey(k); err != nil {
				d.failAt(d.places[fmt.Sprintf("%s[%d]", at, i)], "%v", err)
			}
		}
	}
	for i, r := range p.Keys.Also {
		check(r.Keys, fmt.Sprintf("keys.also[%d].keys", i))
	}
	check(p.Keys.Never, "keys.never")
}

func (p *Policy) lintAllow(d *decoder, rule AllowRule, at string) {
	if len(rule.Values) == 0 && len(rule.Networks) == 0 {
		d.failAt(d.places[at], "allows nothing: give `values` or `networks`")
	}
	if networkKind(rule.Kind) {
		for i, n := range rule.Networks {
			if n.Addr().Is4() != (rule.Kind == "ipv4") {
				d.failAt(d.places[fmt.Sprintf("%s.networks[%d]", at, i)], "not a network of the kind %s", rule.Kind)
			}
		}
	} else if len(rule.Networks) > 0 {
		d.failAt(d.places[at+".networks"], "networks are for the kinds ipv4 and ipv6")
	}
	if !standsAlone(rule.Kind) {
		return
	}
	found := foundAlone(redact.Kind(rule.Kind))
	for i, v := range rule.Values {
		if !found(v) {
			d.failAt(d.places[fmt.Sprintf("%s.values[%d]", at, i)], "no value of the kind %s: it is never replaced", rule.Kind)
		}
	}
}

func networkKind(kind string) bool { return kind == "ipv4" || kind == "ipv6" }

// standsAlone reports whether the values of a kind are known by their own form, without a
// key or a word near them.
func standsAlone(kind string) bool {
	switch kind {
	case "card", "email", "iban", "ipv4", "ipv6", "mac":
		return true
	}
	return false
}

// foundAlone returns what reports whether the whole of a text is found as a value of the
// kind.
func foundAlone(kind redact.Kind) func(string) bool {
	e, err := redact.New(redact.Options{Detectors: detectorsOf(detectors.All(), func(k redact.Kind) bool { return k == kind })})
	if err != nil {
		panic("BUG: detectors of the kind " + string(kind) + ": " + err.Error())
	}
	w := e.NewWorker()
	return func(v string) bool {
		for _, f := range w.Find([]byte(v)) {
			if f.Start == 0 && f.End == len(v) {
				return true
			}
		}
		return false
	}
}
