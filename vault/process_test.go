package vault

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"logveil/redact"
)

// How many values the tests of whole fleets use, through Vault and without it.
var (
	fleetValues = flag.Int("vault.values", 5000, "values of the tests that ask Vault for each")
	sealValues  = flag.Int("vault.sealed", 10_000, "values of each kind in the tests that seal in the process")
)

// The tests run themselves again as other processes, with what to do in the environment.
func TestMain(m *testing.M) {
	if role := os.Getenv("LOGVEIL_TEST_PROCESS"); role != "" {
		flag.Parse()
		if err := otherProcess(role); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func otherProcess(role string) error {
	if err := HardenProcess(); err != nil {
		return err
	}
	c, err := NewClient(ClientConfig{Address: os.Getenv("TEST_ADDR"), CAFile: os.Getenv("TEST_CA"), Auth: TokenFile{os.Getenv("TEST_TOKEN")}, RequestTimeout: patience})
	if err != nil {
		return err
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Minute) // for all that it does
	defer cancel()
	if err := c.Login(ctx); err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(11, 12))
	switch role {
	case "fleet":
		for _, name := range allSchemes {
			for _, tenant := range []string{"", "acme"} {
				s, err := schemeOf(ctx, c, name, tenant)
				if err != nil {
					return err
				}
				tk, err := New(Options{Default: Rule{Scheme: s}})
				if err != nil {
					return err
				}
				sum := sha256.New()
				for range *fleetValues / 500 {
					vs := randomValues(r, 500)
					r.Shuffle(len(vs), func(i, j int) { vs[i], vs[j] = vs[j], vs[i] })
					tk.Tokenize(ctx, vs, nil)
					for _, v := range vs {
						if len(v.Token) == 0 {
							return fmt.Errorf("%s: no token for %s of %d bytes: %v", name, v.Kind, len(v.Raw), Measure(NewTenants(map[string]*Tokenizer{"": tk}), s).Schemes[name].Masked)
						}
						sum.Write(v.Token)
					}
				}
				fmt.Printf("%s %q %s\n", name, tenant, hex.EncodeToString(sum.Sum(nil)))
			}
		}
	case "secrets":
		tk, err := secretsTokenizer(ctx, c)
		if err != nil {
			return err
		}
		for _, v := range secretValues() {
			vs := []redact.Value{v}
			tk.Tokenize(ctx, vs, nil)
			fmt.Printf("%s\n", vs[0].Token)
		}
		// Whoever looks from outside does so now.
		fmt.Println("ready")
		_, _ = os.Stdin.Read(make([]byte, 1))
		_ = unix.Kill(os.Getpid(), unix.SIGABRT)
		time.Sleep(10 * time.Second)
	}
	return nil
}

// schemeOf makes a scheme with the keys of newWorld.
func schemeOf(ctx context.Context, c *Client, name, tenant string) (Scheme, error) {
	cfg := RemoteConfig{Key: "logveil-" + name, Tenant: tenant, Budget: 30 * time.Second}
	switch name {
	case "transit":
		return NewTransit(ctx, c, cfg)
	case "hmac":
		return NewHMAC(ctx, c, cfg)
	}
	return NewEnvelope(ctx, c, EnvelopeConfig{Key: "logveil-envelope", Tenant: tenant, Kinds: append([]redact.Kind{"jwt", "github"}, canonKinds...)})
}

func (w *world) process(t *testing.T, role string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(os.Args[0], fmt.Sprintf("-vault.values=%d", *fleetValues))
	cmd.Env = append(os.Environ(), "LOGVEIL_TEST_PROCESS="+role, "TEST_ADDR="+w.TLSAddr, "TEST_CA="+w.CAFile, "TEST_TOKEN="+w.tokenFile, "GOTRACEBACK=crash")
	cmd.Stderr = os.Stderr
	cmd.Dir = t.TempDir()
	return cmd
}

// Three processes without shared state make the same tokens; tenants and schemes differ.
func TestFleetEquality(t *testing.T) {
	w := newWorld(t)
	var first string
	for range 3 {
		out, err := w.process(t, "fleet").Output()
		if err != nil {
			t.Fatal(err)
		}
		if first == "" {
			first = string(out)
		}
		if string(out) != first {
			t.Errorf("%s\nand\n%s", first, out)
		}
	}
	seen := map[string]bool{}
	for line := range strings.Lines(first) {
		seen[line[strings.LastIndexByte(line, ' '):]] = true
	}
	if len(seen) != 6 {
		t.Errorf("%d different sums, want 6: %s", len(seen), first)
	}
}

// Values of every kind, binary and Unicode ones too, come back, through Vault as well.
func TestRoundTripThroughVault(t *testing.T) {
	w := newWorld(t)
	root := w.rooted(t)
	c := newClient(t, w.config())
	refs, err := (&Plan{Schemes: []string{"envelope", "transit"}}).Refs()
	if err != nil {
		t.Fatal(err)
	}
	reader, err := NewReader(t.Context(), root, ReaderConfig{Keys: refs, Rate: -1})
	if err != nil {
		t.Fatal(err)
	}
	kinds := append([]redact.Kind{"jwt", "github"}, canonKinds...)
	for _, name := range []string{"envelope", "transit"} {
		n := *sealValues * len(kinds)
		if name == "transit" {
			n = *fleetValues
		}
		of := make(map[redact.Kind]int)
		s, err := schemeOf(t.Context(), c, name, "")
		if err != nil {
			t.Fatal(err)
		}
		tk := newTokenizer(t, Options{Default: Rule{Scheme: s}})
		r := rand.New(rand.NewPCG(13, 14))
		var text, want, out, buf []byte
		for done := 0; done < n; done += 1000 {
			vs := randomValues(r, 1000)
			buf = tk.Tokenize(t.Context(), vs, buf[:0])
			text, want = text[:0], want[:0]
			for _, v := range vs {
				if len(v.Token) == 0 {
					t.Fatalf("%s: no token for %s of %d bytes: %v", name, v.Kind, len(v.Raw), Measure(NewTenants(map[string]*Tokenizer{"": tk}), s).Schemes[name].Masked)
				}
				of[v.Kind]++
				text = append(append(text, v.Token...), ' ')
				want = append(append(want, uncanon(AppendCanonical(nil, v.Kind, v.Raw))...), ' ')
			}
			var st RevealStats
			if out, st, err = reader.AppendRevealContext(t.Context(), out[:0], text); err != nil || st.Revealed != 1000 || !bytes.Equal(out, want) {
				t.Fatalf("%s: %+v, %v", name, st, err)
			}
		}
		t.Logf("%s: %d values of %d kinds: %v", name, n, len(of), of)
		if len(of) != len(kinds) {
			t.Errorf("%s: values of %d kinds only", name, len(of))
		}
	}
}

// What was redacted once is not changed by a second pass, under any scheme.
func TestSecondPassChangesNothing(t *testing.T) {
	w := newWorld(t)
	c := newClient(t, w.config())
	schemes := []Scheme{Mask{}, testSealer(t, 1, "")}
	for _, name := range allSchemes {
		s, err := schemeOf(t.Context(), c, name, "")
		if err != nil {
			t.Fatal(err)
		}
		schemes = append(schemes, s)
	}
	for _, s := range schemes {
		kinds := map[redact.Kind]Rule{"number": {Scheme: s}}
		e, err := redact.New(redact.Options{Detectors: []redact.Detector{numberDetector{}}, Tokenizer: newTokenizer(t, Options{Default: Rule{Scheme: Mask{}}, Kinds: kinds})})
		if err != nil {
			t.Fatal(err)
		}
		if env, ok := s.(*Envelope); ok {
			eventually(t, "a key for the kind", func() bool { st := env.Status(); return st.Missing == 0 })
		}
		var text []byte
		for i := range 1000 {
			text = fmt.Appendf(text, "line %d no:%010d and no:%010d\n", i, i*7919, i)
		}
		once := e.NewWorker().Append(t.Context(), nil, text)
		twice := e.NewWorker().Append(t.Context(), nil, once)
		if bytes.Equal(once, text) || !bytes.Equal(once, twice) {
			t.Errorf("%s: a second pass changes the text, or the first did not", s.Name())
		}
	}
}

func secretValues() []redact.Value {
	return []redact.Value{
		{Kind: "email", Raw: []byte("quetzalcoatl.tezcatlipoca@example.com")},
		{Kind: "secret", Raw: []byte("xipe-totec-mictlantecuhtli-0123456789")},
		{Kind: "card", Raw: []byte("4539578763621486")},
	}
}

func secretsTokenizer(ctx context.Context, c *Client) (*Tokenizer, error) {
	kinds := make(map[redact.Kind]Rule)
	for i, name := range allSchemes {
		s, err := schemeOf(ctx, c, name, "")
		if err != nil {
			return nil, err
		}
		kinds[secretValues()[i].Kind] = Rule{Scheme: s}
	}
	return New(Options{Default: Rule{Scheme: Mask{}}, Kinds: kinds})
}

// Vault's audit log, what the process prints, its environment and its core dumps hold no
// value.
func TestNoPlaintextOutside(t *testing.T) {
	w := newWorld(t)
	cmd := w.process(t, "secrets")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	outPipe, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var out []byte
	for !bytes.Contains(out, []byte("ready")) {
		b := make([]byte, 4096)
		n, err := outPipe.Read(b)
		if out = append(out, b[:n]...); err != nil {
			t.Fatalf("%v: %s", err, stderr.Bytes())
		}
	}
	if n := bytes.Count(out, []byte("tok1_")); n != 3 {
		t.Errorf("%d tokens: %s", n, out)
	}
	proc := fmt.Sprintf("/proc/%d/", cmd.Process.Pid)
	environ, _ := os.ReadFile(proc + "environ") // refused to all but root: the process is not dumpable
	status, err := os.Stat(proc + "mem")
	if err != nil {
		t.Fatal(err)
	}
	if owner := status.Sys().(*syscall.Stat_t).Uid; owner != 0 {
		t.Errorf("/proc/PID/mem belongs to user %d, not to root as that of a process that is not dumpable", owner)
	}
	limits, err := os.ReadFile(proc + "limits")
	if err != nil || !strings.Contains(strings.Join(strings.Fields(string(limits)), " "), "Max core file size 0 0 bytes") {
		t.Errorf("core dumps are not limited: %v\n%s", err, limits)
	}
	_, _ = in.Write([]byte("x"))
	_ = cmd.Wait()
	audit, err := os.ReadFile(w.Audit)
	if err != nil || len(audit) < 1000 {
		t.Fatalf("audit log of %d bytes: %v", len(audit), err)
	}
	cores, _ := filepath.Glob(filepath.Join(cmd.Dir, "*core*"))
	if len(cores) > 0 {
		t.Errorf("core dumps: %v", cores)
	}
	for _, v := range secretValues() {
		raw := string(v.Raw)
		for _, form := range []string{raw, base64.StdEncoding.EncodeToString(v.Raw), hex.EncodeToString(v.Raw), base64.StdEncoding.EncodeToString(v.Raw[1:])[:16], base64.StdEncoding.EncodeToString(v.Raw[2:])[:16], raw[:12]} {
			for where, text := range map[string][]byte{"audit log": audit, "output": out, "errors": stderr.Bytes(), "environment": environ} {
				if bytes.Contains(text, []byte(form)) {
					t.Errorf("%s: a value of kind %s stands in the %s", form[:4], v.Kind, where)
				}
			}
		}
	}
}

// The clock may jump: no wait and no age is measured with it.
func TestClockJump(t *testing.T) {
	w := newWorld(t)
	c := newClient(t, w.config())
	e := newEnvelope(t, c, EnvelopeConfig{Kinds: []redact.Kind{"email"}})
	b := newBreaker(fast, nil)
	for range failuresToOpen {
		b.failure()
	}
	rd, err := NewReader(t.Context(), c, ReaderConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if err := rd.pace(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	for what, at := range map[string]time.Time{"the envelope's age": e.taken, "the last login": c.session.lastLogin, "the breaker": b.since, "the rate of reveals": rd.next} {
		// A time with a monotonic part is compared by it alone.
		if !strings.Contains(at.String(), " m=") {
			t.Errorf("%s is measured with the wall clock: %v", what, at)
		}
	}
}

// An envelope's keys are used until they are too old, and not longer; then values are
// masked, and tokens come back with Vault. They are the same tokens.
func TestEnvelopeMaxAge(t *testing.T) {
	w := newWorld(t, "-storage", t.TempDir())
	c := newClient(t, w.config())
	e := newEnvelope(t, c, EnvelopeConfig{Kinds: []redact.Kind{"email"}, Refresh: 50 * time.Millisecond, MaxAge: 1500 * time.Millisecond})
	tk := newTokenizer(t, Options{Default: Rule{Scheme: e}})
	first := tokenOf(tk, "email", "a@example.com")
	if first == "" {
		t.Fatal("no token")
	}
	w.Kill()
	died := time.Now()
	for time.Since(died) < time.Second {
		if tok := tokenOf(tk, "email", "a@example.com"); tok != first {
			t.Fatalf("%q while Vault is away for a moment", tok)
		}
		time.Sleep(20 * time.Millisecond)
	}
	eventually(t, "masks", func() bool { return tokenOf(tk, "email", "a@example.com") == "" })
	if age := time.Since(died); age > 3*time.Second {
		t.Errorf("the key was used for %v", age)
	}
	if st := e.Status(); st.Refresh == nil || st.Ready != 0 || tk.Stats().NoKey == 0 {
		t.Errorf("%+v %+v", st, tk.Stats())
	}
	w.Restart(t)
	eventually(t, "tokens", func() bool { return tokenOf(tk, "email", "a@example.com") == first })
}

// Without Vault at the start: refuse, or masks until it comes.
func TestEnvelopeWithoutVaultAtStart(t *testing.T) {
	w := newWorld(t)
	w.Seal(t)
	c, err := NewClient(w.config())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	cfg := EnvelopeConfig{Key: "logveil-envelope", Kinds: []redact.Kind{"email"}}
	if _, err := NewEnvelope(t.Context(), c, cfg); err == nil {
		t.Fatal("started without a key")
	}
	cfg.MaskOnStartFailure = true
	e := newEnvelope(t, c, cfg)
	tk := newTokenizer(t, Options{Default: Rule{Scheme: e}})
	if tok := tokenOf(tk, "email", "a@example.com"); tok != "" {
		t.Errorf("a token from nothing: %q", tok)
	}
	w.Unseal(t)
	eventually(t, "tokens", func() bool { return tokenOf(tk, "email", "a@example.com") != "" })
	// A kind that nobody named has its key a moment later.
	eventually(t, "another kind", func() bool { return tokenOf(tk, "iban", "DE89370400440532013000") != "" })
}

// A key that was rotated takes over at the next refresh, for all kinds at once; one that
// was replaced does not.
func TestEnvelopeRotation(t *testing.T) {
	w := newWorld(t)
	alarms := new(alarmLog)
	cfg := w.config()
	cfg.Alarm = alarms.raise
	c := newClient(t, cfg)
	e := newEnvelope(t, c, EnvelopeConfig{Kinds: []redact.Kind{"email", "card"}, Refresh: 30 * time.Millisecond})
	pinned := newEnvelope(t, c, EnvelopeConfig{Version: 1, Kinds: []redact.Kind{"email"}, Refresh: 30 * time.Millisecond})
	tk, ptk := newTokenizer(t, Options{Default: Rule{Scheme: e}}), newTokenizer(t, Options{Default: Rule{Scheme: pinned}})
	first := tokenOf(tk, "email", "a@example.com")
	if first != tokenOf(ptk, "email", "a@example.com") {
		t.Error("version 1 and the latest one differ while they are one")
	}
	w.Write(t, "transit/keys/logveil-envelope/rotate", nil)
	eventually(t, "another token", func() bool { return tokenOf(tk, "email", "a@example.com") != first })
	if tokenOf(ptk, "email", "a@example.com") != first {
		t.Error("a version that was named did not stay")
	}
	second := tokenOf(tk, "email", "a@example.com")
	w.deleteKey(t, "logveil-envelope")
	w.makeKeys(t)
	w.Write(t, "transit/keys/logveil-envelope/rotate", nil)
	eventually(t, "alarm", func() bool { return alarms.has("was replaced by another") })
	if tok := tokenOf(tk, "email", "a@example.com"); tok != second {
		t.Errorf("%q with a key that was replaced, before %q", tok, second)
	}
}

// A key of the same name in the place of the one in use makes no token, whatever its
// version is when a refresh meets it; a rotation is taken over, even when the version in
// use was retired before the refresh.
func TestEnvelopeReplacedKey(t *testing.T) {
	w := newWorld(t)
	const rotate = "transit/keys/logveil-envelope/rotate"
	w.Write(t, rotate, nil)
	e := newEnvelope(t, newClient(t, w.config()), EnvelopeConfig{Kinds: []redact.Kind{"email", "card"}})
	tk := newTokenizer(t, Options{Default: Rule{Scheme: e}})
	token := func() string { return tokenOf(tk, "email", "a@example.com") }
	first := token()
	w.Write(t, rotate, nil)
	w.Write(t, "transit/keys/logveil-envelope/config", map[string]any{"min_encryption_version": 3, "min_decryption_version": 3})
	if err := e.takeAll(t.Context()); err != nil || token() == first || e.Status().Key.Version != 3 {
		t.Errorf("rotated and retired: %v, %+v", err, e.Status())
	}
	third := token()
	w.deleteKey(t, "logveil-envelope")
	if err := e.takeAll(t.Context()); err == nil || !strings.Contains(err.Error(), "does not exist") || token() != third {
		t.Errorf("deleted: %v", err)
	}
	w.makeKeys(t)
	for version := 1; version <= 5; version++ {
		if err := e.takeAll(t.Context()); err == nil || !strings.Contains(err.Error(), "was replaced by another") || token() != third {
			t.Errorf("replaced, version %d: %v", version, err)
		}
		w.Write(t, rotate, nil)
	}
}
