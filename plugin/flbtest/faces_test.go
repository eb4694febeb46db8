package flbtest

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tinylib/msgp/msgp"
)

// planted are values that no test may find again.
var planted = []string{"4111111111111111", "ada@example.com", "hunter2", "078-05-1120"}

const masks = "version: 1\ndefault: {scheme: mask}\n"

// record is an event of Fluent Bit with string fields.
func record(fields ...string) []byte {
	b := msgp.AppendArrayHeader(nil, 2)
	b = msgp.AppendArrayHeader(b, 2)
	b = append(b, 0xd7, 0, 0x65, 0x6e, 0x6f, 0x70, 0, 0, 0, 1)
	b = msgp.AppendMapHeader(b, 0)
	b = msgp.AppendMapHeader(b, uint32(len(fields)/2))
	for _, f := range fields {
		b = msgp.AppendString(b, f)
	}
	return b
}

func raw() []byte {
	return bytes.Repeat(record("log", "card 4111111111111111 of ada@example.com", "password", `hunter2 "x"`, "ssn", "078-05-1120"), 50)
}

func noneRaw(t *testing.T, what string, text []byte) {
	t.Helper()
	for _, p := range planted {
		if bytes.Contains(text, []byte(p)) {
			t.Errorf("%s: %q passed", what, p)
		}
	}
}

// TestFilter drives the filter in the order of both structures that hosts have.
func TestFilter(t *testing.T) {
	for _, version := range []string{"v2.2", "v3.2"} {
		h := startHost(t, plugin(t), version)
		policy := h.write("policy.yml", masks)
		h.want("ok", "filter-init 0 config_file=%s", policy)
		got := h.filter(0, raw())
		want := bytes.Repeat(record("log", "card tok1_card_x of tok1_email_x", "password", "tok1_password_x", "ssn", "tok1_ssn_x"), 50)
		if !bytes.Equal(got, want) {
			t.Errorf("%s: %q", version, got[:min(300, len(got))])
		}
		if got := h.filter(0, nil); len(got) != 0 {
			t.Errorf("%s: an empty chunk gives %q", version, got)
		}
		clean := bytes.Repeat(record("log", "nothing to be found"), 50)
		if got := h.filter(0, clean); !bytes.Equal(got, clean) {
			t.Errorf("%s: a clean chunk gives %q", version, got)
		}
		if got := h.filter(0, []byte("\xc1 ada@example.com")); len(got) != 0 {
			t.Errorf("%s: damage gives %q", version, got)
		}
		h.want("ok", "filter-exit 0")
		log := h.end()
		noneRaw(t, "log", []byte(log))
		if !strings.Contains(log, "not MessagePack") {
			t.Errorf("%s: the log says nothing of the damage: %s", version, log)
		}
	}
}

// TestRefusals starts with what must not start.
func TestRefusals(t *testing.T) {
	h := startHost(t, plugin(t), "v3.2")
	good, bad := h.write("policy.yml", masks), h.write("bad.yml", "version: 1\nkinds: {card: {allow: 4111111111111111}}\n")
	for what, options := range map[string]string{
		"no policy":             "",
		"a bad policy":          "config_file=" + bad,
		"a policy that is gone": "config_file=" + filepath.Join(h.dir, "none.yml"),
		"a bad tenant_key":      "tenant_key=a..b config_file=" + good,
	} {
		if got := h.ask("filter-init 0 %s", options); got != "refused" {
			t.Errorf("filter with %s: %s", what, got)
		}
		if got := h.ask("output-init 0 %s", options); got != "error" {
			t.Errorf("output with %s: %s", what, got)
		}
	}
	h.want("error", "output-init 0 config_file=%s", good) // says nothing of where records go
	h.want("refused", "filter-init-only 0 config_file=%s", good)
	h.want("refused", "daemon 1 config_file=%s", good)
	h.want("ok", "output-exit 0") // as Fluent Bit does for one that did not start
	// A chunk for a filter that is none is left out.
	if got := h.filter(0, raw()); len(got) != 0 {
		t.Errorf("%d bytes from a filter that did not start", len(got))
	}
	h.want("retry", "flush 0 tag %s", h.write("in", string(raw())))
	log := h.end()
	noneRaw(t, "log", []byte(log))
	for _, want := range []string{"config_file is missing", "bad.yml:2:16", "tenant_key", "fluent_bit.output", "does not know this version", "daemon mode"} {
		if !strings.Contains(log, want) {
			t.Errorf("the log does not say %q:\n%s", want, log)
		}
	}

	old := startHost(t, plugin(t), "v2.2", "-DOLD_HOST")
	old.want("refused", "filter-init 0 config_file=%s", old.write("policy.yml", masks))
	if log := old.end(); !strings.Contains(log, "v2.2.0 or later") {
		t.Errorf("log of an old host: %s", log)
	}
}

// TestOutput delivers to a file of lines, from several threads, and starts and ends in
// every order that a host may have.
func TestOutput(t *testing.T) {
	h := startHost(t, plugin(t), "v3.2")
	to := filepath.Join(h.dir, "delivered")
	policy := h.write("policy.yml", masks+"fluent_bit: {output: {type: file, file: {path: "+to+"}}}\n")
	in := h.write("in", string(raw()))
	h.want("ok", "output-init 0 config_file=%s", policy)
	h.want("ok", "flush 0 app %s", in)
	h.want("failed 0", "load 0 o 8 25 %s", in)
	h.want("ok", "output-exit 0")
	h.want("ok", "output-exit 0") // twice
	h.want("retry", "flush 0 app %s", in)
	log := h.end()
	got, err := os.ReadFile(to)
	if err != nil {
		t.Fatal(err)
	}
	noneRaw(t, "delivered", got)
	if n, want := bytes.Count(got, []byte("tok1_card_x")), 50*(1+8*25); n != want {
		t.Errorf("%d records delivered, want %d", n, want)
	}
	if !strings.Contains(log, "without workers") {
		t.Errorf("the log does not warn of an output in the engine's thread:\n%s", log)
	}
}

// TestManyAtOnce gives chunks to several instances from many threads.
func TestManyAtOnce(t *testing.T) {
	h := startHost(t, plugin(t), "v3.2")
	policy := h.write("policy.yml", "version: 1\ntokens: {key_file: k}\n")
	var chunk []byte
	for _, name := range []string{"tail", "kubernetes", "opentelemetry"} {
		b, err := os.ReadFile(filepath.Join(root, "testdata", "records", name+".msgpack"))
		if err != nil {
			t.Fatal(err)
		}
		chunk = append(chunk, b...)
	}
	in := h.write("load", string(bytes.Repeat(chunk, 20)))
	for id := range 3 {
		h.want("ok", "filter-init %d config_file=%s", id, policy)
		h.want("failed 0", "load %d f 8 30 %s", id, in)
	}
	for id := range 3 {
		h.want("ok", "filter-exit %d", id)
	}
	h.end()
}

// TestReload ends all instances and starts them again, as a hot reload does, with a policy
// that is better, bad, or gone.
func TestReload(t *testing.T) {
	h := startHost(t, plugin(t), "v3.2")
	policy := h.write("policy.yml", masks+"kinds: {email: {enabled: false}}\n")
	start := func() { h.want("ok", "filter-init 0 config_file=%s", policy) }
	reload := func() { h.want("ok", "filter-exit 0"); start() }
	mail, card := record("log", "of ada@example.com"), record("log", "card 4111111111111111")
	check := func(what string, in, want []byte) {
		t.Helper()
		if got := h.filter(0, in); !bytes.Equal(got, want) {
			t.Errorf("%s: %q", what, got)
		}
	}
	mailGone, cardGone := record("log", "of tok1_email_x"), record("log", "card tok1_card_x")
	start()
	check("e-mail is off", mail, mail)
	h.write("policy.yml", masks)
	reload()
	check("e-mail is on", mail, mailGone)
	h.write("policy.yml", masks+"kinds: {nonsense: {}}\n")
	reload()
	check("a bad policy", mail, mailGone)
	if err := os.Remove(policy); err != nil {
		t.Fatal(err)
	}
	reload()
	check("no policy", mail, mailGone)
	check("no policy", card, cardGone)
	h.write("policy.yml", masks+"kinds: {card: {enabled: false}}\n")
	reload()
	check("a good policy again", card, card)
	log := h.end()
	noneRaw(t, "log", []byte(log))
	if n := strings.Count(log, "the former one stays in force"); n != 2 {
		t.Errorf("the log says %d times that a policy is bad:\n%s", n, log)
	}
}

// TestSignals lets the host set its handlers again, as Fluent Bit does at a reload.
func TestSignals(t *testing.T) {
	h := startHost(t, plugin(t), "v3.2")
	h.want("ok", "filter-init 0 config_file=%s", h.write("policy.yml", masks))
	h.want("kept", "signals 0 %s", h.write("in", string(raw())))
	h.end()
}

// TestPanics has a detector that panics, with a text and by a fault of memory, also after
// the host took the signal for that.
func TestPanics(t *testing.T) {
	h := startHost(t, faultyPlugin(t), "v3.2")
	h.want("ok", "filter-init 0 config_file=%s", h.write("policy.yml", masks))
	for _, word := range []string{"boom", "boomnil"} {
		in := bytes.Repeat(record("a", "hunter2 "+word+" 078-05-1120", "b", "mail ada@example.com", "c", "as it was"), 20)
		want := bytes.Repeat(record("a", "tok1_failed_x", "b", "mail tok1_email_x", "c", "as it was"), 20)
		for range 2 {
			if got := h.filter(0, in); !bytes.Equal(got, want) {
				t.Errorf("%s: %q", word, got[:min(len(got), 300)])
			}
			h.want("kept", "signals 0 %s", h.write("in2", string(in)))
		}
	}
	noneRaw(t, "log", []byte(h.end()))
}
