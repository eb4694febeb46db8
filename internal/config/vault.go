package config

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"logveil/redact"
	"logveil/vault"
)

// OnStartFailure says what a redactor does when it starts and Vault gives it no key.
type OnStartFailure string

// What a redactor without a key does.
const (
	// StartRefuse ends it.
	StartRefuse OnStartFailure = "refuse"
	// StartMask masks until there is a key.
	StartMask OnStartFailure = "mask"
)

// AuthMethod is how a redactor logs in to Vault.
type AuthMethod string

// The methods of a policy.
const (
	AuthTokenFile  AuthMethod = "token_file"
	AuthAppRole    AuthMethod = "approle"
	AuthKubernetes AuthMethod = "kubernetes"
	AuthJWT        AuthMethod = "jwt"
	AuthCert       AuthMethod = "cert"
	// AuthAgent is no login: a Vault Agent or Proxy adds its token.
	AuthAgent AuthMethod = "agent"
)

// Vault says which Vault holds the keys, how it is reached, and how much time and memory
// it may cost. Address is empty when there is none.
type Vault struct {
	Address, Namespace                        string
	CAFile, ServerName, ClientCert, ClientKey string
	Auth                                      VaultAuth

	// Mount is where the transit engine is; KeyPrefix begins the names of its keys.
	Mount, KeyPrefix string
	// KeyVersion is 0 for the newest one.
	KeyVersion, Epoch int

	OnStartFailure                               OnStartFailure
	StartTimeout, RequestTimeout, Budget, Linger time.Duration
	Batch, InFlight, Queue                       int
	// Cache is in bytes, and shared by the schemes and tenants.
	Cache              int64
	Refresh, MaxKeyAge time.Duration
	// RevealRate is in tokens a second.
	RevealRate int
}

// VaultAuth says how a redactor logs in. Which of its fields are used depends on Method.
type VaultAuth struct {
	Method       AuthMethod
	Mount, Role  string
	RoleID       string
	SecretIDFile string
	Wrapped      bool
	TokenFile    string
	JWTFile      string
}

func defaultVault() Vault {
	return Vault{
		Mount: "transit", KeyPrefix: "logveil",
		OnStartFailure: StartRefuse, StartTimeout: 10 * time.Second, RequestTimeout: 2 * time.Second,
		Budget: 250 * time.Millisecond, Linger: 2 * time.Millisecond, Batch: 200, InFlight: 4, Queue: 8192, Cache: 32 << 20,
		Refresh: time.Hour, MaxKeyAge: 24 * time.Hour, RevealRate: 100,
	}
}

// Forms of the names that stand in Vault's paths, and of those that Vault is told.
var (
	mountForm  = regexp.MustCompile(`^[A-Za-z0-9_.-]+(/[A-Za-z0-9_.-]+)*$`)
	prefixForm = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,63}$`)
	hostForm   = regexp.MustCompile(`^[A-Za-z0-9.-]{1,253}$`)
	wordForm   = regexp.MustCompile(`^[!-~]{1,512}$`)
	fieldForm  = regexp.MustCompile(`^[^.\x00-\x20]+(\.[^.\x00-\x20]+)*$`)
	labelForm  = regexp.MustCompile(`^([a-z0-9.-]{1,253}/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$`)
)

// address is where a Vault is.
type address struct{ dst *string }

const addressPattern = `^(https://|http://|unix:///).+$`

func (v address) is() string {
	return "`https://HOST:PORT`, or `unix:///PATH` of a Vault Agent or Proxy"
}

func (v address) read(d *decoder, n *yaml.Node, _ string) {
	what := strings.ReplaceAll(v.is(), "`", "")
	s, ok := scalar(d, n, what, "!!str")
	if !ok {
		return
	}
	if vault.CheckAddress(s) != nil {
		d.fail(n, "want %s; http:// is for loopback addresses only", what)
		return
	}
	*v.dst = s
}

func (v address) schema() map[string]any {
	return map[string]any{"type": "string", "pattern": addressPattern}
}

func (v address) show() string { return *v.dst }

func (v *Vault) declare() object {
	return object{
		{
			name:     "address",
			doc:      "Where Vault, or an Agent or Proxy in front of it, answers.",
			required: true,
			value:    address{&v.Address},
		},
		{
			name:  "namespace",
			doc:   "The namespace of a Vault Enterprise.",
			value: word{&v.Namespace, wordForm, "the name of a namespace"},
		},
		{
			name:  "ca_file",
			doc:   "The certificate authorities that Vault's certificate may come from, in PEM; without one, those of the system. It is read again when it changes.",
			value: path{dst: &v.CAFile},
		},
		{
			name:  "server_name",
			doc:   "The name in Vault's certificate, where it is not the host of `address`.",
			value: word{&v.ServerName, hostForm, "the name of a host"},
		},
		{
			name:  "client_cert",
			doc:   "A client certificate in PEM, with `client_key`. It is read again for each connection.",
			value: path{dst: &v.ClientCert},
		},
		{
			name:  "client_key",
			doc:   "The key of `client_cert` in PEM.",
			value: path{dst: &v.ClientKey},
		},
		{
			name:  "auth",
			doc:   "How a redactor logs in. People who reveal, search and administrate use their own Vault token instead: `VAULT_TOKEN`, or the file that `vault login` writes.",
			value: v.Auth.declare(),
		},
		{
			name:  "mount",
			doc:   "Where Vault's transit engine is mounted.",
			value: word{&v.Mount, mountForm, "a path of letters, digits, `.`, `_`, `-` and `/`"},
		},
		{
			name:  "key_prefix",
			doc:   "How the names of keys and Vault policies begin. The key of a scheme is PREFIX-SCHEME, that of a tenant PREFIX-SCHEME-TENANT.",
			value: word{&v.KeyPrefix, prefixForm, "a name of at most 63 letters, digits, `.`, `_` and `-`"},
		},
		{
			name:  "key_version",
			doc:   "The version of the keys to make tokens with; 0 is the newest one. A fleet whose tokens must be equal during a rotation too names it, and moves on all at once.",
			value: integer{&v.KeyVersion, 0, 1 << 20},
		},
		{
			name:  "epoch",
			doc:   "Raise it to have new tokens of `envelope` without a new key version. The tokens of lower epochs stay readable.",
			value: integer{&v.Epoch, 0, 1 << 10},
		},
		{
			name:  "on_start_failure",
			doc:   "What happens when there is no key at the start. `refuse`: the program ends. `mask`: values are masked until Vault gives the key. A key that is wrong refuses in any case.",
			value: enum[OnStartFailure]{dst: &v.OnStartFailure, words: []OnStartFailure{StartRefuse, StartMask}},
		},
		{
			name:  "start_timeout",
			doc:   "How long the start may wait for Vault. After that `on_start_failure` says what happens.",
			value: duration{&v.StartTimeout, 100 * time.Millisecond, time.Hour},
		},
		{
			name:  "request_timeout",
			doc:   "How long one request may take.",
			value: duration{&v.RequestTimeout, 10 * time.Millisecond, 5 * time.Minute},
		},
		{
			name:  "budget",
			doc:   "How long new values of `transit` and `hmac` wait for their tokens before they are masked.",
			value: duration{&v.Budget, time.Millisecond, time.Minute},
		},
		{
			name:  "batch",
			doc:   "How many values one request holds at most.",
			value: integer{&v.Batch, 1, 1000},
		},
		{
			name:  "linger",
			doc:   "How long a request waits for more values.",
			value: duration{&v.Linger, 0, time.Second},
		},
		{
			name:  "in_flight",
			doc:   "How many requests of one scheme and tenant are under way at most.",
			value: integer{&v.InFlight, 1, 64},
		},
		{
			name:  "queue",
			doc:   "How many values wait to be sent at most; what comes on top is masked.",
			value: integer{&v.Queue, 1, 1 << 20},
		},
		{
			name:  "cache",
			doc:   "Memory for tokens that Vault made, shared out among schemes and tenants.",
			value: size{&v.Cache, 0, 16 << 30},
		},
		{
			name:  "refresh",
			doc:   "How often the keys are looked at again: whether there is a newer version to go on with, and for `envelope` whether Vault still gives them.",
			value: duration{&v.Refresh, time.Second, 30 * 24 * time.Hour},
		},
		{
			name:  "max_key_age",
			doc:   "How long the keys of `envelope` are used while Vault is away; then values are masked.",
			value: duration{&v.MaxKeyAge, time.Second, 365 * 24 * time.Hour},
		},
		{
			name:  "reveal_rate",
			doc:   "How many different tokens `logveil reveal` turns back in a second.",
			value: integer{&v.RevealRate, 1, 1 << 20},
		},
	}
}

func (a *VaultAuth) declare() object {
	return object{
		{
			name:     "method",
			doc:      "`token_file`: a token that something else keeps in a file. `approle`, `kubernetes`, `jwt`, `cert`: Vault's methods of these names. `agent`: none, because an Agent or Proxy adds its token.",
			required: true,
			value:    enum[AuthMethod]{dst: &a.Method, words: authMethods},
		},
		{
			name:  "mount",
			doc:   "Where the method is mounted, if not under its own name.",
			value: word{&a.Mount, mountForm, "a path of letters, digits, `.`, `_`, `-` and `/`"},
		},
		{
			name:  "role",
			doc:   "The role, for `kubernetes`, `jwt` and `cert`.",
			value: word{&a.Role, wordForm, "the name of a role"},
		},
		{
			name:  "role_id",
			doc:   "The role's id, for `approle`.",
			value: word{&a.RoleID, wordForm, "the id of a role"},
		},
		{
			name:  "secret_id_file",
			doc:   "The secret id, for an `approle` that needs one. It is read again for each login.",
			value: path{dst: &a.SecretIDFile},
		},
		{
			name:  "wrapped",
			doc:   "`secret_id_file` holds a token that wraps the secret id, and can be used once.",
			value: boolean{&a.Wrapped},
		},
		{
			name:  "token_file",
			doc:   "The token, for `token_file`.",
			value: path{dst: &a.TokenFile},
		},
		{
			name:  "jwt_file",
			doc:   "The JSON web token, for `jwt`; for `kubernetes` where it is not at the usual place of a pod. It is read again for each login.",
			value: path{dst: &a.JWTFile},
		},
	}
}

var authMethods = []AuthMethod{AuthTokenFile, AuthAppRole, AuthKubernetes, AuthJWT, AuthCert, AuthAgent}

// HasVault reports whether the policy names a Vault.
func (p *Policy) HasVault() bool { return p.Vault.Address != "" }

// vaultSchemes are the schemes whose keys Vault holds.
var vaultSchemes = []Scheme{SchemeEnvelope, SchemeTransit, SchemeHMAC}

// kindsOf returns the kinds in force under a scheme, sorted.
func (p *Policy) kindsOf(s Scheme) []redact.Kind {
	var kinds []redact.Kind
	for _, k := range p.kindsInForce() {
		if kind := redact.Kind(k); p.Rule(kind).Scheme == s {
			kinds = append(kinds, kind)
		}
	}
	return kinds
}

// tenants returns the names of all tenants. That of values without one comes first, and
// is empty when they belong to nobody.
func (p *Policy) tenants() []string {
	all := []string{p.Tokens.Tenant}
	for _, t := range p.Tokens.Tenants.Names {
		if !slices.Contains(all, t) {
			all = append(all, t)
		}
	}
	if len(all) > 1 && all[0] == "" {
		// Values without a tenant have no key among tenants.
		return all[1:]
	}
	return all
}

// plan is what the policy keeps in Vault.
func (p *Policy) plan() vault.Plan {
	plan := vault.Plan{
		Mount: p.Vault.Mount, Prefix: p.Vault.KeyPrefix, Tenants: p.tenants(),
		Kinds: p.kindsOf(SchemeEnvelope), Epoch: p.Vault.Epoch,
	}
	for _, s := range vaultSchemes {
		if len(p.kindsOf(s)) > 0 {
			plan.Schemes = append(plan.Schemes, string(s))
		}
	}
	return plan
}

// needsVault reports whether values of any kind are replaced under a key in Vault.
func (p *Policy) needsVault() bool { return len(p.plan().Schemes) > 0 }

// auth returns how a redactor logs in; nil when an Agent does.
func (p *Policy) auth() vault.Auth {
	a := p.Vault.Auth
	switch a.Method {
	case AuthTokenFile:
		return vault.TokenFile{Path: p.beside(a.TokenFile)}
	case AuthAppRole:
		return vault.NewAppRole(vault.AppRole{Mount: a.Mount, RoleID: a.RoleID, SecretIDFile: p.beside(a.SecretIDFile), Wrapped: a.Wrapped})
	case AuthKubernetes:
		return vault.Kubernetes{Mount: a.Mount, Role: a.Role, File: p.beside(a.JWTFile)}
	case AuthJWT:
		return vault.JWT{Mount: a.Mount, Role: a.Role, File: p.beside(a.JWTFile)}
	case AuthCert:
		return vault.Certificate{Mount: a.Mount, Role: a.Role}
	}
	return nil
}

// client returns what talks to the policy's Vault.
func (p *Policy) client(auth vault.Auth, alarm func(string)) (*vault.Client, error) {
	v := p.Vault
	return vault.NewClient(vault.ClientConfig{
		Address: v.Address, Namespace: v.Namespace, CAFile: p.beside(v.CAFile), ServerName: v.ServerName,
		CertFile: p.beside(v.ClientCert), KeyFile: p.beside(v.ClientKey),
		Auth: auth, RequestTimeout: v.RequestTimeout, Alarm: alarm,
	})
}

// silentWait is how long a login may take before somebody is told what is waited for.
const silentWait = 2 * time.Second

// OnWaiting has say called, once, with what is waited for when a login at Vault takes
// longer than 2 s, by the Redactor, the Operator and the Reader of the policy. It must not
// block, and may be called while they are being built; the text holds no secret.
func (p *Policy) OnWaiting(say func(text string)) { p.waiting = say }

// login waits for a login at Vault, as long as ctx allows: `vault.start_timeout` at most.
func (p *Policy) login(ctx context.Context, c *vault.Client) error {
	where := fmt.Sprintf("for a login at Vault, %s (vault.start_timeout)", p.Vault.Address)
	wait := formatDuration(p.Vault.StartTimeout)
	if p.waiting != nil {
		t := time.AfterFunc(silentWait, func() { p.waiting("waiting up to " + wait + " " + where) })
		defer t.Stop()
	}
	err := c.Login(ctx)
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%w; waited %s %s", err, wait, where)
	}
	return err
}

// lintVault reports what the section says that does not fit together.
func (p *Policy) lintVault(d *decoder) {
	if !p.HasVault() {
		if s := p.Default.Scheme; slices.Contains(vaultSchemes, s) {
			d.failAt(d.places["default.scheme"], "the scheme %s needs a section `vault`", s)
		}
		for kind, rule := range p.Kinds {
			if s := rule.Scheme; slices.Contains(vaultSchemes, s) {
				d.failAt(d.places["kinds."+kind+".scheme"], "the scheme %s needs a section `vault`", s)
			}
		}
		return
	}
	v := &p.Vault
	if (v.ClientCert == "") != (v.ClientKey == "") {
		d.failAt(d.places["vault"], "`client_cert` and `client_key` go together")
	}
	if v.MaxKeyAge < v.Refresh {
		d.failAt(d.places["vault"], "`max_key_age` is at least `refresh`")
	}
	p.lintAuth(d)
}

func (p *Policy) lintAuth(d *decoder) {
	a, at := &p.Vault.Auth, d.places["vault.auth"]
	if at == (place{}) {
		if strings.HasPrefix(p.Vault.Address, "unix://") {
			a.Method = AuthAgent
			return
		}
		d.failAt(d.places["vault"], "`auth` is missing here: how does a redactor log in?")
		return
	}
	for _, k := range []struct {
		key     string
		given   bool
		methods []AuthMethod
		needed  []AuthMethod
	}{
		{"mount", a.Mount != "", []AuthMethod{AuthAppRole, AuthKubernetes, AuthJWT, AuthCert}, nil},
		{"role", a.Role != "", []AuthMethod{AuthKubernetes, AuthJWT, AuthCert}, []AuthMethod{AuthKubernetes, AuthJWT}},
		{"role_id", a.RoleID != "", []AuthMethod{AuthAppRole}, []AuthMethod{AuthAppRole}},
		{"secret_id_file", a.SecretIDFile != "", []AuthMethod{AuthAppRole}, nil},
		{"wrapped", a.Wrapped, []AuthMethod{AuthAppRole}, nil},
		{"token_file", a.TokenFile != "", []AuthMethod{AuthTokenFile}, []AuthMethod{AuthTokenFile}},
		{"jwt_file", a.JWTFile != "", []AuthMethod{AuthJWT, AuthKubernetes}, []AuthMethod{AuthJWT}},
	} {
		switch {
		case k.given && !slices.Contains(k.methods, a.Method):
			d.failAt(d.places["vault.auth."+k.key], "`%s` is not for the method %s", k.key, a.Method)
		case !k.given && slices.Contains(k.needed, a.Method):
			d.failAt(at, "the method %s needs `%s`", a.Method, k.key)
		}
	}
	switch {
	case a.Wrapped && a.SecretIDFile == "":
		d.failAt(at, "`wrapped` needs `secret_id_file`")
	case a.Method == AuthCert && p.Vault.ClientCert == "":
		d.failAt(at, "the method cert needs `vault.client_cert`")
	}
}

// lintTenants reports a list of tenants that nothing chooses from, and the reverse.
func (p *Policy) lintTenants(d *decoder) {
	t, at := p.Tokens.Tenants, d.places["tokens.tenants"]
	switch {
	case t.RecordField != "" && t.KubernetesLabel != "":
		d.failAt(at, "`record_field` and `kubernetes_label`: one of them")
	case (t.RecordField != "" || t.KubernetesLabel != "") && len(t.Names) == 0:
		d.failAt(at, "`names` is missing here: which tenants are there?")
	}
}

// showVault writes what is in force of the section.
func (p *Policy) showVault(row func(key, value string)) {
	v := &p.Vault
	row("vault.address", v.Address)
	how := string(v.Auth.Method)
	for _, s := range []string{v.Auth.Role, v.Auth.TokenFile} {
		if s != "" {
			how += " " + s
		}
	}
	row("vault.auth", how)
	plan := p.plan()
	for _, t := range p.tenants() {
		var keys []string
		for _, s := range plan.Schemes {
			keys = append(keys, plan.Mount+"/"+plan.KeyName(s, t))
		}
		what := "vault.keys"
		if t != "" {
			what += " of " + t
		}
		if keys == nil {
			keys = []string{"none: no kind is under a scheme of Vault"}
		}
		row(what, strings.Join(keys, ", "))
	}
	version := "newest"
	if v.KeyVersion > 0 {
		version = fmt.Sprint(v.KeyVersion)
	}
	row("vault.key_version", fmt.Sprintf("%s, epoch %d", version, v.Epoch))
	row("vault.on_start_failure", string(v.OnStartFailure))
	row("vault.budget", fmt.Sprintf("%s for new values of transit and hmac", formatDuration(v.Budget)))
	row("vault.max_key_age", fmt.Sprintf("%s, refreshed after %s", formatDuration(v.MaxKeyAge), formatDuration(v.Refresh)))
}
