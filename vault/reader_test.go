package vault

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"logveil/redact"
)

var allSchemes = []string{"envelope", "transit", "hmac"}

// rooted is a client that may do everything.
func (w *world) rooted(t *testing.T) *Client {
	t.Helper()
	cfg := w.config()
	cfg.Auth = TokenFile{w.file(t, "root", w.RootToken)}
	return newClient(t, cfg)
}

// as is a client under a policy.
func (w *world) as(t *testing.T, policy string) *Client {
	t.Helper()
	cfg := w.config()
	cfg.Auth = TokenFile{w.file(t, fmt.Sprintf("token%d", time.Now().UnixNano()), w.Token(t, policy, map[string]any{"no_default_policy": true, "ttl": "1h"}))}
	return newClient(t, cfg)
}

func policyOf(t *testing.T, p Plan, name string) string {
	t.Helper()
	all, err := Policies(p)
	if err != nil {
		t.Fatal(err)
	}
	for _, pol := range all {
		if pol.Name == name {
			return pol.HCL
		}
	}
	t.Fatalf("no policy %q", name)
	return ""
}

func TestInit(t *testing.T) {
	w := newWorld(t)
	root := w.rooted(t)
	p := Plan{Mount: "pii", Tenants: []string{"acme", "beta"}, Schemes: allSchemes}
	try := func(dry bool, want string) {
		t.Helper()
		steps, err := Init(t.Context(), root, p, dry)
		if err != nil || len(steps) != 1+6+1 {
			t.Fatalf("%d steps, %v", len(steps), err)
		}
		for _, s := range steps {
			if s.Done != want {
				t.Errorf("%s: %s, want %s", s.What, s.Done, want)
			}
		}
	}
	try(true, "made")
	try(false, "made")
	try(false, "exists")
	try(true, "exists")
	res, err := Check(t.Context(), root, p)
	if err != nil || len(res) != 6 {
		t.Fatal(res, err)
	}
	for _, r := range res {
		if r.Err != nil || r.Oldest != 1 || r.Newest != 1 || !redact.ValidKid(r.Kid) {
			t.Errorf("%+v", r)
		}
	}
	w.Write(t, "pii/keys/logveil-hmac-gamma", map[string]any{"derived": true})
	p.Tenants = []string{"gamma"}
	if _, err := Init(t.Context(), root, p, false); err == nil || !strings.Contains(err.Error(), "must be hmac") {
		t.Errorf("a key of another type: %v", err)
	}
	if res, err := Check(t.Context(), root, p); err != nil || res[2].Err == nil {
		t.Errorf("%+v %v", res, err)
	}
	for _, bad := range []Plan{{}, {Schemes: []string{"local"}}, {Schemes: allSchemes, Tenants: []string{"a/b"}}, {Schemes: allSchemes, Prefix: `x"`}, {Schemes: allSchemes, Kinds: []redact.Kind{"X"}}} {
		if _, err := Init(t.Context(), root, bad, true); err == nil {
			t.Errorf("%+v is taken", bad)
		}
	}
}

// tokensOfAll makes tokens of values under every scheme of a plan's tenant.
func tokensOfAll(t *testing.T, c *Client, p Plan, tenant string, values []redact.Value) string {
	t.Helper()
	cfg := RemoteConfig{Mount: p.Mount, Tenant: tenant, Budget: 5 * time.Second}
	tc, hc := cfg, cfg
	tc.Key, hc.Key = p.KeyName("transit", tenant), p.KeyName("hmac", tenant)
	var kinds []redact.Kind
	for _, v := range values {
		kinds = append(kinds, v.Kind)
	}
	schemes := []Scheme{
		newEnvelope(t, c, EnvelopeConfig{Mount: p.Mount, Key: p.KeyName("envelope", tenant), Tenant: tenant, Epoch: p.Epoch, Kinds: kinds}),
		newTransit(t, c, tc), newHMAC(t, c, hc),
	}
	var text strings.Builder
	for _, s := range schemes {
		tk := newTokenizer(t, Options{Default: Rule{Scheme: s}})
		for _, v := range values {
			tok := tokenOf(tk, v.Kind, string(v.Raw))
			if tok == "" {
				t.Fatalf("%s: no token for %s", s.Name(), v.Kind)
			}
			fmt.Fprintf(&text, "%s %s\n", s.Name(), tok)
		}
	}
	return text.String()
}

var testValues = []redact.Value{
	{Kind: "email", Raw: []byte("alice@example.com")}, {Kind: "card", Raw: []byte("4111111111111111")},
	{Kind: "secret", Raw: []byte("h\x00nter2 \xff é\n")}, {Kind: "pem", Raw: bytes.Repeat([]byte("key "), 1000)},
}

func newReader(t *testing.T, c *Client, p Plan, cfg ReaderConfig) *Reader {
	t.Helper()
	var err error
	if cfg.Keys, err = p.Refs(); err != nil {
		t.Fatal(err)
	}
	cfg.Mount = p.Mount
	if cfg.Rate == 0 {
		cfg.Rate = -1
	}
	r, err := NewReader(t.Context(), c, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Roles: a redactor makes tokens and reads those of an envelope only; an investigator
// reads; an auditor and an operator read nothing.
func TestPoliciesAreEnough(t *testing.T) {
	w := newWorld(t)
	p := Plan{Mount: "pii", Schemes: allSchemes, Kinds: []redact.Kind{"email", "card", "secret", "pem"}}
	if _, err := Init(t.Context(), w.rooted(t), p, false); err != nil {
		t.Fatal(err)
	}
	text := tokensOfAll(t, w.as(t, policyOf(t, p, "logveil-redactor")), p, "", testValues)
	for _, c := range []struct {
		role                          string
		revealed, forbidden, shredded uint64
	}{
		{"logveil-redactor", 4, 4, 4}, {"logveil-investigator", 8, 0, 4}, {"logveil-auditor", 0, 8, 4}, {"logveil-operator", 0, 8, 4},
	} {
		r := newReader(t, w.as(t, policyOf(t, p, c.role)), p, ReaderConfig{})
		out, st, err := r.AppendRevealContext(t.Context(), nil, []byte(text))
		if err != nil {
			t.Errorf("%s: %v", c.role, err)
			continue
		}
		if st.Revealed != c.revealed || st.Forbidden != c.forbidden || st.Shredded != c.shredded {
			t.Errorf("%s: %+v", c.role, st)
		}
		if got := strings.Count(string(out), "alice@example.com"); uint64(got) != c.revealed/4 {
			t.Errorf("%s: the mail stands %d times in what is revealed", c.role, got)
		}
	}
	// Kinds outside the plan have no key, and cost the others nothing.
	cfg := EnvelopeConfig{Mount: "pii", Key: "logveil-envelope", Kinds: []redact.Kind{"iban", "email"}, Refresh: 30 * time.Millisecond, MaxAge: patience}
	rc := w.as(t, policyOf(t, p, "logveil-redactor"))
	if _, err := NewEnvelope(t.Context(), rc, cfg); err == nil || !strings.Contains(err.Error(), "kind iban") {
		t.Errorf("started without the key of a kind: %v", err)
	}
	cfg.MaskOnStartFailure = true
	e := newEnvelope(t, rc, cfg)
	tk := newTokenizer(t, Options{Default: Rule{Scheme: e}})
	end := time.Now().Add(patience)
	for refreshes, age := 0, e.Status().Age; refreshes < 3; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("a denied kind keeps the keys of others from being taken again")
		}
		now := e.Status().Age
		if now < age {
			refreshes++
		}
		age = now
		if tok := tokenOf(tk, "iban", "DE89370400440532013000"); tok != "" {
			t.Fatalf("a kind that the policy does not name: %q", tok)
		}
		if tokenOf(tk, "email", "alice@example.com") == "" {
			t.Fatal("a kind that the policy names is masked")
		}
	}
	if st := e.Status(); st.Denied == nil || st.Refresh != nil || st.Ready != 1 || st.Missing != 1 {
		t.Errorf("%+v", st)
	}
	// The operator does what operators do, with its own policy.
	op := w.as(t, policyOf(t, p, "logveil-operator"))
	if _, err := Init(t.Context(), op, p, false); err != nil {
		t.Error(err)
	}
	if _, err := Rotate(t.Context(), op, p, "", 0, false); err != nil {
		t.Error(err)
	}
	if _, err := Shred(t.Context(), op, p, "", ShredConfirmation("")); err != nil {
		t.Error(err)
	}
}

// What a plan does not use costs a redactor's policy nothing, and lets an investigator read
// what a former plan made, but never envelope keys of kinds that nobody named.
func TestPoliciesOfFormerPlans(t *testing.T) {
	p := Plan{Schemes: []string{"transit"}}
	for name, want := range map[string]string{"logveil-redactor": "transit", "logveil-investigator": "hmac transit"} {
		hcl := policyOf(t, p, name)
		for _, s := range allSchemes {
			if got := strings.Contains(hcl, "logveil-"+s); got != strings.Contains(want, s) {
				t.Errorf("%s, %s: %v\n%s", name, s, got, hcl)
			}
		}
	}
	p.Kinds = []redact.Kind{"email"}
	hcl := policyOf(t, p, "logveil-investigator")
	if !strings.Contains(hcl, "hmac/logveil-envelope/sha2-512") || strings.Contains(hcl, `"input"       = []`) {
		t.Errorf("with a kind:\n%s", hcl)
	}
}

func TestReaderAudit(t *testing.T) {
	w := newWorld(t)
	p := Plan{Schemes: allSchemes}
	root := w.rooted(t)
	if _, err := Init(t.Context(), root, p, false); err != nil {
		t.Fatal(err)
	}
	text := tokensOfAll(t, newClient(t, w.config()), p, "", testValues[:1])
	var records []RevealRecord
	stop := errors.New("the audit log is full")
	r := newReader(t, w.as(t, policyOf(t, p, "logveil-investigator")), p, ReaderConfig{Reason: "case 4711", Audit: func(rec RevealRecord) error {
		if records = append(records, rec); len(records) > 2 {
			return stop
		}
		return nil
	}})
	for range 2 {
		if _, st, err := r.AppendRevealContext(t.Context(), nil, []byte(text)); err != nil || st.Revealed != 2 {
			t.Errorf("%+v, %v", st, err)
		}
	}
	if out, _, err := r.AppendRevealContext(t.Context(), []byte("dst"), []byte(text)); !errors.Is(err, stop) || string(out) != "dst" {
		t.Errorf("without an audit record: %q, %v", out, err)
	}
	if len(records) != 3 || records[0].Reason != "case 4711" || records[0].Name == "" || len(records[0].Tokens) != 3 {
		t.Errorf("%+v", records)
	}
	log, err := os.ReadFile(w.Audit)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(log, []byte("case 4711")) {
		t.Error("Vault's audit log does not hold the reason")
	}
	if _, err := NewReader(t.Context(), root, ReaderConfig{Reason: "two\nlines"}); err == nil {
		t.Error("a reason of two lines is taken")
	}
	// No text with tokens, no record.
	if _, _, err := r.AppendRevealContext(t.Context(), nil, []byte("nothing tok1_card_x1111")); err != nil {
		t.Error(err)
	}
}

// A second's worth of tokens comes at once, and what goes beyond it waits, in one text as
// in many. A token that was there before does not count again.
func TestReaderRate(t *testing.T) {
	w := newWorld(t)
	p := Plan{Schemes: []string{"envelope"}}
	var values []redact.Value
	for i := range 30 {
		values = append(values, redact.Value{Kind: "email", Raw: fmt.Appendf(nil, "user%d@example.com", i)})
	}
	e := newEnvelope(t, newClient(t, w.config()), EnvelopeConfig{Kinds: []redact.Kind{"email"}})
	newTokenizer(t, Options{Default: Rule{Scheme: e}}).Tokenize(t.Context(), values, nil)
	var all []byte
	for _, v := range values {
		all = append(append(all, v.Token...), ' ')
	}
	var told time.Duration
	reader := func() *Reader {
		return newReader(t, newClient(t, w.config()), p, ReaderConfig{Rate: 20, Waiting: func(d time.Duration) { told += d }})
	}
	took := func(r *Reader, texts ...[]byte) time.Duration {
		t.Helper()
		start := time.Now()
		for _, text := range texts {
			if _, st, err := r.AppendRevealContext(t.Context(), nil, text); err != nil || st.Revealed == 0 {
				t.Errorf("%+v, %v", st, err)
			}
		}
		return time.Since(start)
	}
	// 30 tokens, 20 a second: 1.5 s, less the second that may come at once.
	if d := took(reader(), all); d < 490*time.Millisecond || told < 490*time.Millisecond {
		t.Errorf("30 tokens in one text took %v, and %v of wait were told", d, told)
	}
	r := reader()
	if d := took(r, bytes.SplitAfter(all[:len(all)-1], []byte(" "))...); d < 490*time.Millisecond {
		t.Errorf("30 tokens one by one took %v", d)
	}
	told = 0
	if took(r, all, all, all); told > 0 {
		t.Errorf("known tokens waited %v", told)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if out, _, err := reader().AppendRevealContext(ctx, []byte("dst"), all); err == nil || string(out) != "dst" {
		t.Errorf("canceled: %q, %v", out, err)
	}
}

// TestRotateInterrupted: a rotation that Vault ends reports every key that it moved, also the
// one that it left on the way.
func TestRotateInterrupted(t *testing.T) {
	w := newWorld(t)
	p := Plan{Schemes: allSchemes, Epoch: 1}
	root := w.rooted(t)
	if _, err := Init(t.Context(), root, p, false); err != nil {
		t.Fatal(err)
	}
	rs, err := Rotate(t.Context(), root, p, "", 0, true)
	if err != nil || len(rs) != 3 {
		t.Fatal(rs, err)
	}
	for range 2 {
		if _, err := write[struct{}](t.Context(), root, request{path: rs[0].Mount + "/keys/" + rs[0].Key + "/rotate"}, struct{}{}); err != nil {
			t.Fatal(err)
		}
	}
	proxy := newFaultProxy(t, w)
	cfg := throughProxy(w, proxy)
	cfg.Auth = TokenFile{w.file(t, "root", w.RootToken)}
	through := newClient(t, cfg)
	rotated := 0
	proxy.set(func(rw http.ResponseWriter, r *http.Request, forward http.Handler) {
		if strings.HasSuffix(r.URL.Path, "/rotate") {
			if rotated++; rotated > 2 {
				rw.WriteHeader(http.StatusForbidden)
				return
			}
		}
		forward.ServeHTTP(rw, r)
	})
	rs, err = Rotate(t.Context(), through, p, "", 4, false)
	if err == nil || len(rs) != 2 || rs[0].From != 3 || rs[0].To != 4 || rs[1].From != 1 || rs[1].To != 2 {
		t.Errorf("%+v, %v", rs, err)
	}
}

// Rotated: new tokens differ, old ones stay readable, are found by their value, and move
// to the new version with their joins.
func TestRotateAndRewrap(t *testing.T) {
	w := newWorld(t)
	p := Plan{Schemes: allSchemes, Epoch: 1}
	root := w.rooted(t)
	if _, err := Init(t.Context(), root, p, false); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, w.config())
	old := tokensOfAll(t, c, p, "", testValues)
	for i, try := range []struct {
		to      int
		dry     bool
		version int
	}{{0, true, 1}, {0, false, 2}, {2, false, 2}, {2, true, 2}} {
		rs, err := Rotate(t.Context(), root, p, "", try.to, try.dry)
		if err != nil || len(rs) != 3 || rs[1].To != 2 || rs[1].From != min(2, 1+i/2) {
			t.Fatal(rs, err)
		}
		refs, err := p.Refs()
		if err != nil {
			t.Fatal(err)
		}
		ids, err := Manifest(t.Context(), root, p.Mount, refs)
		if err != nil || ids[len(ids)-1].Version != try.version {
			t.Fatal(ids, err)
		}
	}
	if _, err := Rotate(t.Context(), root, p, "", 4, false); err == nil {
		t.Error("rotated beyond the next version")
	}
	now := tokensOfAll(t, c, p, "", testValues)
	oldLines, nowLines := strings.Split(old, "\n"), strings.Split(now, "\n")
	for i := range oldLines {
		if oldLines[i] == nowLines[i] && oldLines[i] != "" {
			t.Errorf("the same token after a rotation: %.60s", oldLines[i])
		}
	}
	r := newReader(t, root, p, ReaderConfig{})
	for _, text := range []string{old, now} {
		out, st, err := r.AppendRevealContext(t.Context(), nil, []byte(text))
		if err != nil || st.Revealed != 8 || st.Shredded != 4 || !bytes.Contains(out, testValues[2].Raw) || !bytes.Contains(out, testValues[3].Raw) {
			t.Errorf("%+v, %v", st, err)
		}
	}
	for i, v := range testValues {
		toks, err := r.Tokens(t.Context(), v.Kind, v.Raw)
		if err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		for _, k := range toks {
			if k.Err != nil {
				t.Errorf("%+v: %v", k.KeyID, k.Err)
			}
			all.WriteString(k.Token + "\n")
		}
		if len(toks) != 2*2+2+2 { // epochs and versions of the envelope, versions of the others
			t.Errorf("%d tokens", len(toks))
		}
		for _, lines := range [][]string{oldLines, nowLines} {
			for s := range 3 {
				_, tok, _ := strings.Cut(lines[s*len(testValues)+i], " ")
				if !strings.Contains(all.String(), tok+"\n") {
					t.Errorf("%s: the token of the log is not among those of its value", lines[s*len(testValues)+i][:10])
				}
			}
		}
	}
	moved, st, err := r.AppendRewrap(t.Context(), nil, []byte(old))
	if err != nil || st != (RewrapStats{Moved: 8, Left: 4}) {
		t.Fatalf("%+v, %v", st, err)
	}
	movedLines := strings.Split(string(moved), "\n")
	for i := range 8 {
		if movedLines[i] != nowLines[i] {
			t.Errorf("moved to %.60s, made anew %.60s", movedLines[i], nowLines[i])
		}
	}
	again, st, err := r.AppendRewrap(t.Context(), nil, moved)
	if err != nil || st != (RewrapStats{Newest: 8, Left: 4}) || !bytes.Equal(again, moved) {
		t.Errorf("%+v, %v", st, err)
	}

	// Versions before the newest are destroyed: what was moved is readable, the rest is not.
	if _, err := ShredBefore(t.Context(), root, p, "", "yes"); err == nil {
		t.Error("without a confirmation")
	}
	for _, want := range []int{3, 0} {
		todo, err := ShredPlan(t.Context(), root, p, "", true)
		if err != nil || len(todo) != want || want > 0 && (todo[0].From != 1 || todo[0].To != 1) {
			t.Fatal(todo, err)
		}
		if done, err := ShredBefore(t.Context(), root, p, "", ShredConfirmation("")); err != nil || !slices.Equal(done, todo) {
			t.Fatal(done, err)
		}
	}
	r = newReader(t, root, p, ReaderConfig{})
	if _, st, err := r.AppendRevealContext(t.Context(), nil, []byte(old)); err != nil || st.Revealed != 0 || st.Shredded != 12 {
		t.Errorf("old: %+v, %v", st, err)
	}
	if _, st, err := r.AppendRevealContext(t.Context(), nil, moved); err != nil || st.Revealed != 8 {
		t.Errorf("moved: %+v, %v", st, err)
	}
}

func TestShred(t *testing.T) {
	w := newWorld(t)
	p := Plan{Schemes: allSchemes, Tenants: []string{"acme", "beta"}}
	root := w.rooted(t)
	if _, err := Init(t.Context(), root, p, false); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, w.config())
	acme, beta := tokensOfAll(t, c, p, "acme", testValues), tokensOfAll(t, c, p, "beta", testValues)
	for _, wrong := range []string{"", "yes", "shred beta", "shred everything"} {
		if _, err := Shred(t.Context(), root, p, "acme", wrong); err == nil {
			t.Errorf("confirmation %q is taken", wrong)
		}
	}
	if _, err := Shred(t.Context(), root, p, "gamma", ShredConfirmation("gamma")); err == nil {
		t.Error("a tenant that is none")
	}
	gone, err := Shred(t.Context(), root, p, "acme", "shred acme")
	if err != nil || len(gone) != 3 {
		t.Fatal(gone, err)
	}
	// A key of the same name that is made later reads nothing.
	if _, err := Init(t.Context(), root, p, false); err != nil {
		t.Fatal(err)
	}
	r := newReader(t, root, p, ReaderConfig{})
	out, st, err := r.AppendRevealContext(context.Background(), nil, []byte(acme))
	if err != nil || st.Revealed != 0 || st.Refused != 8 || string(out) != acme {
		t.Errorf("acme: %+v, %v", st, err)
	}
	if _, st, err := r.AppendRevealContext(context.Background(), nil, []byte(beta)); err != nil || st.Revealed != 8 {
		t.Errorf("beta: %+v, %v", st, err)
	}
	if gone, err := Shred(t.Context(), root, p, "acme", "shred acme"); err != nil || len(gone) != 3 {
		t.Errorf("again: %v, %v", gone, err)
	}
	if gone, err := Shred(t.Context(), root, p, "acme", "shred acme"); err != nil || len(gone) != 0 {
		t.Errorf("nothing left: %v, %v", gone, err)
	}
}
