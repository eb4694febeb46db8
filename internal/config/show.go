package config

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"logveil/redact"
)

// Show writes what the policy puts in force, the defaults filled in. Of allowed values it
// tells the number.
func (p *Policy) Show(w io.Writer) {
	name := p.file
	if name == "" {
		name = "built-in policy"
	}
	fmt.Fprintf(w, "%s: valid\n\n", name)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "KIND\tREPLACED BY\tALLOWED")
	for _, k := range KindNames() {
		rule := p.Rule(redact.Kind(k))
		by := "nothing: off"
		if rule.Enabled {
			by = string(rule.Scheme)
			if rule.KeepLast > 0 {
				by += fmt.Sprintf(", keeps last %d", rule.KeepLast)
			}
		}
		fmt.Fprintf(t, "%s\t%s\t%s\n", k, by, p.allowedCount(k))
	}
	fmt.Fprintln(t)
	workers := "all processors"
	if p.Limits.Workers > 0 {
		workers = fmt.Sprint(p.Limits.Workers)
	}
	for _, r := range p.Keys.Also {
		fmt.Fprintf(t, "keys.also\t%s: %s\n", r.Kind, strings.Join(r.Keys, ", "))
	}
	if len(p.Keys.Never) > 0 {
		fmt.Fprintf(t, "keys.never\t%s\n", strings.Join(p.Keys.Never, ", "))
	}
	fmt.Fprintf(t, "json.numbers\t%s\n", p.JSON.Numbers)
	if len(p.Fields.Drop) > 0 {
		fmt.Fprintf(t, "fields.drop\t%s\n", strings.Join(p.Fields.Drop, ", "))
	}
	for _, r := range p.Fields.Rename {
		fmt.Fprintf(t, "fields.rename\t%s to %s\n", r.From, r.To)
	}
	fmt.Fprintf(t, "limits.depth\t%d\n", p.Limits.Depth)
	fmt.Fprintf(t, "limits.line_cap\t%s\n", formatSize(p.Limits.LineCap))
	fmt.Fprintf(t, "limits.workers\t%s\n", workers)
	if p.needsKey() {
		file, err := p.keyFile()
		if err != nil {
			file = err.Error()
		}
		fmt.Fprintf(t, "tokens.key_file\t%s\n", file)
	}
	if p.Tokens.Tenant != "" {
		fmt.Fprintf(t, "tokens.tenant\t%s\n", p.Tokens.Tenant)
	}
	if tenants := p.Tokens.Tenants; len(tenants.Names) > 0 {
		from := "the host says which"
		switch {
		case tenants.RecordField != "":
			from = "by the field " + tenants.RecordField
		case tenants.KubernetesLabel != "":
			from = "by the label " + tenants.KubernetesLabel
		}
		fmt.Fprintf(t, "tokens.tenants\t%s, %s\n", strings.Join(tenants.Names, ", "), from)
	}
	row := func(key, value string) { fmt.Fprintf(t, "%s\t%s\n", key, value) }
	if p.HasVault() {
		p.showVault(row)
	}
	p.showFluentBit(row)
	t.Flush()
}

func (p *Policy) allowedCount(kind string) string {
	var values, networks int
	for _, a := range p.Allow {
		if a.Kind == kind {
			values += len(a.Values)
			networks += len(a.Networks)
		}
	}
	switch {
	case values > 0 && networks > 0:
		return count(values, "value") + ", " + count(networks, "network")
	case values > 0:
		return count(values, "value")
	case networks > 0:
		return count(networks, "network")
	}
	return "-"
}
