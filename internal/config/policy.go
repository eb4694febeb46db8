package config

import (
	"net/netip"
	"slices"
	"strings"
	"sync"

	"logveil/detectors"
	"logveil/redact"
)

// Scheme says how the values of a kind are replaced.
type Scheme string

// The schemes of a policy.
const (
	// SchemeEnvelope makes deterministic, reversible tokens under keys that Vault derives.
	SchemeEnvelope Scheme = "envelope"
	// SchemeTransit lets Vault encrypt each new value.
	SchemeTransit Scheme = "transit"
	// SchemeHMAC lets Vault digest each new value.
	SchemeHMAC Scheme = "hmac"
	// SchemeLocal makes deterministic, reversible tokens under the key file.
	SchemeLocal Scheme = "local"
	// SchemeMask makes placeholders that nobody can reverse.
	SchemeMask Scheme = "mask"
)

// Policy is what one file says, with the defaults where it is silent.
type Policy struct {
	Version int
	Default Default
	// Kinds holds the rules of the kinds that the file names.
	Kinds  map[string]*KindRule
	Allow  []AllowRule
	Keys   Keys
	JSON   JSON
	Fields Fields
	Limits Limits
	Tokens Tokens
	Vault  Vault
	// FluentBit is for the plugin alone.
	FluentBit FluentBit

	// file is where the policy came from, or empty for the built-in one.
	file      string
	keyMaking keyMaking
	waiting   func(text string) // nil, or see OnWaiting
}

// Default is what holds for kinds without a rule of their own.
type Default struct {
	// Scheme is empty when none is named: that is envelope where there is a Vault, and
	// local where there is none.
	Scheme Scheme
}

// KindRule is what holds for one kind.
type KindRule struct {
	Enabled bool
	// Scheme is empty when the default holds.
	Scheme   Scheme
	KeepLast int
}

// AllowRule lists what may stay as it is, for one kind.
type AllowRule struct {
	Kind     string
	Values   []string
	Networks []netip.Prefix
}

// Keys are the telling keys that a policy adds, and takes away.
type Keys struct {
	Also  []KeyRule
	Never []string
}

// KeyRule lists keys by the kind of the values behind them.
type KeyRule struct {
	Kind string
	Keys []string
}

// JSON says how values in JSON are replaced.
type JSON struct {
	Numbers redact.Numbers
}

// Limits bound what a run may use.
type Limits struct {
	// Depth is in layers of encoding.
	Depth int
	// LineCap is in bytes.
	LineCap int64
	Workers int
}

// Tokens say under which key and for whom tokens are made.
type Tokens struct {
	// KeyFile is empty for the default place.
	KeyFile string
	// Tenant is whose values are that come without the name of a tenant.
	Tenant  string
	Tenants Tenants
}

// Tenants say who else values may belong to, and where their tenant's name stands.
type Tenants struct {
	Names []string
	// RecordField is the path of a record's field, its keys joined by dots;
	// KubernetesLabel is the label of a pod. One of them at most is not empty.
	RecordField, KubernetesLabel string
}

// Path returns where the name of a tenant stands in a record: the keys that lead to it, or
// nothing when no record says whose it is. Labels of pods stand where Fluent Bit's filter
// "kubernetes" puts them.
func (t *Tenants) Path() []string {
	switch {
	case t.RecordField != "":
		return strings.Split(t.RecordField, ".")
	case t.KubernetesLabel != "":
		return []string{"kubernetes", "labels", t.KubernetesLabel}
	}
	return nil
}

// Bounds of the limits.
const (
	minLineCap = redact.MinLineCap
	maxLineCap = 64 << 20
	maxWorkers = 1024
	// maxKeepLast is the most that any kind allows; lint knows the limit of each.
	maxKeepLast = 4
)

// Builtin returns the policy that holds when no file is given: every detector, reversible
// tokens under a local key, nothing allowed.
func Builtin() *Policy {
	return &Policy{
		Version:   1,
		Kinds:     map[string]*KindRule{},
		JSON:      JSON{Numbers: redact.NumbersString},
		Limits:    Limits{LineCap: 1 << 20, Depth: redact.DefaultDepth},
		Vault:     defaultVault(),
		FluentBit: defaultFluentBit(),
	}
}

func newKindRule() *KindRule { return &KindRule{Enabled: true} }

// declare is the declaration: every key of a policy, bound to the variable it sets. What
// the variables hold before a file is read are the defaults.
func (p *Policy) declare() object {
	return object{
		{
			name:  "version",
			doc:   "The form of this file. There is one so far.",
			value: integer{&p.Version, 1, 1},
		},
		{
			name: "default",
			doc:  "What holds for every kind that has no rule of its own under `kinds`.",
			value: object{
				{
					name:  "scheme",
					doc:   "How values are replaced. `envelope`: by tokens made here, under keys that Vault derives; equal for equal values everywhere, and `logveil reveal` turns them back for who may derive the keys. `transit`: by tokens that Vault makes, one request for many new values, and that only Vault can read. `hmac`: by digests that Vault makes and nobody can turn back. `local`: like `envelope`, under the key file and without a Vault. `mask`: by a placeholder that nobody can turn back.",
					value: enum[Scheme]{dst: &p.Default.Scheme, words: schemes, unset: "`envelope` with a section `vault`, `local` without"},
				},
			},
		},
		{
			name: "kinds",
			doc:  "Rules by kind. A kind that is not named here is on, with the default scheme.",
			value: mapping[KindRule]{
				dst: p.Kinds, what: "kind", names: KindNames(),
				fresh: newKindRule, declare: (*KindRule).declare,
			},
		},
		{
			name: "allow",
			doc:  "Values that may stay as they are. Each entry speaks for one kind and exempts only the finding whose value it names: another finding in the same line, or over the same bytes, is still replaced.",
			value: list[AllowRule]{
				dst: &p.Allow, what: "entry", declare: (*AllowRule).declare,
			},
		},
		{
			name: "keys",
			doc:  "Keys that tell what stands behind them, besides those that are known. A key is one to six words in lower case: `ledger ref` stands for `ledgerRef`, `LEDGER_REF`, `customer-ledger-ref` and `ledgerRef1`. A value must still look like one of its kind.",
			value: object{
				{
					name: "also",
					doc:  "Keys that are added. They tell of their kind wherever they stand.",
					value: list[KeyRule]{
						dst: &p.Keys.Also, what: "entry", declare: (*KeyRule).declare,
					},
				},
				{
					name:  "never",
					doc:   "Keys behind which nothing is looked for that only keys tell. Passwords, secrets and tokens, and values known by their own form, are still found.",
					value: texts{&p.Keys.Never},
				},
			},
		},
		{
			name: "json",
			doc:  "How values in JSON are replaced, wherever JSON stands.",
			value: object{
				{
					name:  "numbers",
					doc:   "What takes the place of a number that is replaced, or of `true` or `false`. `string`: the token as a string. `null`: nothing is left of the value. `number`: a number of the same length, made from the token, that cannot be a card, a social security or a telephone number; `logveil reveal` cannot turn it back, and `true` and `false` become `null`.",
					value: enum[redact.Numbers]{dst: &p.JSON.Numbers, words: numbers},
				},
			},
		},
		{
			name: "fields",
			doc:  "What else `logveil redact` changes in JSON records, one a line, after they are redacted. A path is keys joined by dots; arrays on the way stand for all their elements. Only records with such a member are written anew.",
			value: object{
				{
					name:  "drop",
					doc:   "Paths of members that are left out.",
					value: fieldPaths{&p.Fields.Drop},
				},
				{
					name:  "rename",
					doc:   "Members that get other names. They stand last in their objects then.",
					value: list[RenameRule]{dst: &p.Fields.Rename, what: "field", declare: (*RenameRule).declare},
				},
			},
		},
		{
			name: "limits",
			doc:  "Bounds on memory, processors and work.",
			value: object{
				{
					name:  "depth",
					doc:   "How many layers of encoding are undone to look for values: JSON in strings of JSON, in URLs, in XML, in base64. What lies deeper is masked whole if anything in it looks like a value.",
					value: integer{&p.Limits.Depth, 1, redact.MaxDepth},
				},
				{
					name:  "line_cap",
					doc:   "The longest line that is kept whole in memory. A longer one is cut at a safe place and still searched to its end.",
					value: size{&p.Limits.LineCap, minLineCap, maxLineCap},
				},
				{
					name:  "workers",
					doc:   "How many processors redact at the same time; 0 means all that the process may use.",
					value: integer{&p.Limits.Workers, 0, maxWorkers},
				},
			},
		},
		{
			name: "tokens",
			doc:  "The key and the name space of tokens.",
			value: object{
				{
					name:  "key_file",
					doc:   "The key of the scheme `local`. It is made on first use, readable by its owner only, if its folder is there; the default folder is made, too. A relative path starts at the folder of the policy file. Whoever has the file can turn tokens back.",
					value: path{&p.Tokens.KeyFile, "`$XDG_STATE_HOME/logveil/local.key`, or `~/.local/state/logveil/local.key`"},
				},
				{
					name:  "tenant",
					doc:   "The tenant of all values, or with `tenants` of those that come without one. Tenants have keys of their own in Vault, and names of their own under the key file: equal values of two tenants have different tokens.",
					value: identifier{&p.Tokens.Tenant},
				},
				{
					name: "tenants",
					doc:  "Several tenants in one stream. A value of a tenant that is not named here is masked.",
					value: object{
						{
							name:  "names",
							doc:   "The tenants besides `tokens.tenant`.",
							value: names{&p.Tokens.Tenants.Names},
						},
						{
							name:  "record_field",
							doc:   "The field of a record that holds its tenant, such as `tenant` or `request.customer`.",
							value: word{&p.Tokens.Tenants.RecordField, fieldForm, "the path of a field: keys joined by dots"},
						},
						{
							name:  "kubernetes_label",
							doc:   "The label of a pod that holds the tenant of its records.",
							value: word{&p.Tokens.Tenants.KubernetesLabel, labelForm, "the name of a label, such as `team` or `example.com/team`"},
						},
					},
				},
			},
		},
		{
			name:  "vault",
			doc:   "The Vault that holds the keys of the schemes `envelope`, `transit` and `hmac`. Without this section there is none.",
			value: p.Vault.declare(),
		},
		{
			name:  "fluent_bit",
			doc:   "For the plugin for Fluent Bit.",
			value: p.FluentBit.declare(),
		},
	}
}

func (r *KindRule) declare() object {
	return object{
		{
			name:  "enabled",
			doc:   "Whether values of the kind are looked for at all. A kind that is off costs no time.",
			value: boolean{&r.Enabled},
		},
		{
			name:  "scheme",
			doc:   "How values of the kind are replaced.",
			value: enum[Scheme]{dst: &r.Scheme, words: schemes, unset: "`default.scheme`"},
		},
		{
			name:  "keep_last",
			doc:   "How many of a value's last characters a mask shows. Only with the scheme `mask`, and only for kinds whose last characters alone tell nobody the value.",
			value: integer{&r.KeepLast, 0, maxKeepLast},
		},
	}
}

func (r *KeyRule) declare() object {
	return object{
		{
			name:     "kind",
			doc:      "The kind of the values.",
			required: true,
			value:    enum[string]{dst: &r.Kind, words: detectors.KeyedKinds(), what: "a kind of values behind keys"},
		},
		{
			name:     "keys",
			doc:      "The keys.",
			required: true,
			value:    texts{&r.Keys},
		},
	}
}

func (r *AllowRule) declare() object {
	return object{
		{
			name:     "kind",
			doc:      "The kind that the entry speaks for.",
			required: true,
			value:    enum[string]{dst: &r.Kind, words: KindNames(), what: "a kind"},
		},
		{
			name:  "values",
			doc:   "Whole values. They are brought into the kind's standard form before they are compared, so `4111 1111 1111 1111` and `4111-1111-1111-1111` are one card.",
			value: texts{&r.Values},
		},
		{
			name:  "networks",
			doc:   "For the kinds `ipv4` and `ipv6`: networks in CIDR form whose addresses may stay.",
			value: networks{&r.Networks},
		},
	}
}

var schemes = []Scheme{SchemeEnvelope, SchemeTransit, SchemeHMAC, SchemeLocal, SchemeMask}

var numbers = []redact.Numbers{redact.NumbersString, redact.NumbersNull, redact.NumbersNumber}

// KindNames returns the kinds that the detectors find, sorted. The caller must not change
// them.
func KindNames() []string { return kindNames() }

var kindNames = sync.OnceValue(func() []string {
	var names []string
	for _, d := range detectors.All() {
		names = append(names, string(d.Spec().Kind))
	}
	slices.Sort(names)
	return slices.Compact(names)
})

// Rule returns what holds for a kind, the defaults filled in.
func (p *Policy) Rule(kind redact.Kind) KindRule {
	r := p.Kinds[string(kind)]
	if r == nil {
		r = newKindRule()
	}
	rule := *r
	if rule.Scheme == "" {
		rule.Scheme = p.defaultScheme()
	}
	return rule
}

func (p *Policy) defaultScheme() Scheme {
	switch {
	case p.Default.Scheme != "":
		return p.Default.Scheme
	case p.HasVault():
		return SchemeEnvelope
	}
	return SchemeLocal
}
