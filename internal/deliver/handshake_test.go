package deliver

import (
	"bytes"
	"io"
	"testing"

	"github.com/tinylib/msgp/msgp"
)

// FuzzAck compares with a decoder that makes values of everything.
func FuzzAck(f *testing.F) {
	f.Add([]byte("\x81\xa3ack\xa4abcd"))
	f.Add([]byte("\x82\xa1x\x91\x01\xa3ack\xc4\x04abcd"))
	f.Add([]byte("\x80"))
	f.Add([]byte("HTTP/1.1 400 Bad Request"))
	f.Fuzz(func(t *testing.T, b []byte) {
		got, err := readAck(msgp.NewReader(bytes.NewReader(b)))
		if err != nil || got == "" {
			return
		}
		// From bytes, because a reader makes room for as much as a length promises.
		v, _, err := msgp.ReadIntfBytes(b)
		if err != nil {
			return // keys that are no texts, which this decoder does not take
		}
		m, ok := v.(map[string]any)
		if !ok {
			t.Fatalf("an acknowledgement in %T", v)
		}
		var want string
		switch a := m["ack"].(type) {
		case string:
			want = a
		case []byte:
			want = string(a)
		}
		if got != want {
			t.Errorf("%q, want %q", got, want)
		}
	})
}

// FuzzHandshake: whatever a server says that does not have the key, it is not believed.
func FuzzHandshake(f *testing.F) {
	key := file(f, "a key that no input of this test knows")
	f.Add([]byte("\x92\xa4HELO\x81\xa5nonce\xa2xy\x95\xa4PONG\xc3\xa0\xa1s\xa3abc"))
	f.Add([]byte("\x92\xa4HELO\x83\xa5nonce\xa2xy\xa4auth\xa1a\xa9keepalive\xc2\x95\xa4PONG\xc2\xa0\xa1s\xa3abc"))
	f.Fuzz(func(t *testing.T, b []byte) {
		c := &Forward{o: ForwardOptions{SharedKeyFile: key, Hostname: "me"}}
		var said bytes.Buffer
		if _, err := c.handshake(msgp.NewReader(bytes.NewReader(b)), io.Writer(&said)); err == nil {
			t.Error("believed")
		}
		if bytes.Contains(said.Bytes(), []byte("a key that")) {
			t.Error("the key went out")
		}
	})
}
