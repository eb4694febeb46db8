package deliver

import (
	"context"
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tinylib/msgp/msgp"
)

// connect opens a connection and goes through the handshake, if there is to be one.
func (f *Forward) connect(ctx context.Context, t Target) (*link, error) {
	c, err := dial(ctx, t, f.o.TLS)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	r := msgp.NewReaderSize(c, 1024)
	if f.o.SharedKeyFile == "" {
		return newLink(c, r, false), nil
	}
	if err := c.SetDeadline(deadlineOf(ctx)); err != nil {
		abort(c)
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) })
	once, err := f.handshake(r, c)
	// A deadline that is set after the handshake would end the link's reading.
	if !stop() && err == nil {
		err = ctx.Err()
	}
	if err == nil {
		err = c.SetDeadline(time.Time{})
	}
	if err != nil {
		abort(c)
		return nil, fmt.Errorf("handshake: %w", err)
	}
	return newLink(c, r, once), nil
}

// errKey says that the server does not know the key. Whoever answers so may be anybody.
var errKey = errors.New("the server did not prove that it has the shared key")

// handshake answers HELO with PING and checks PONG. once says that the server wants no
// second message over the connection.
func (f *Forward) handshake(r *msgp.Reader, w io.Writer) (once bool, err error) {
	key, err := readSecret(f.o.SharedKeyFile)
	if err != nil {
		return false, err
	}
	nonce, auth, keepalive, err := readHelo(r)
	if err != nil {
		return false, fmt.Errorf("HELO: %w", err)
	}
	// Text, because not every server takes bytes here.
	salt := []byte(rand.Text())
	b := msgp.AppendArrayHeader(nil, 6)
	b = msgp.AppendString(b, "PING")
	b = msgp.AppendString(b, f.o.Hostname)
	b = msgp.AppendStringFromBytes(b, salt)
	b = msgp.AppendString(b, digest(salt, []byte(f.o.Hostname), nonce, key))
	// Fluent Bit sends auth whether it has users or not: without a password there is none
	// to prove, and the server says whether that will do.
	if len(auth) == 0 || f.o.PasswordFile == "" {
		b = msgp.AppendString(msgp.AppendString(b, ""), "")
	} else {
		password, err := readSecret(f.o.PasswordFile)
		if err != nil {
			return false, err
		}
		b = msgp.AppendString(b, f.o.User)
		b = msgp.AppendString(b, digest(auth, []byte(f.o.User), password))
	}
	if _, err := w.Write(b); err != nil {
		return false, fmt.Errorf("PING: %w", err)
	}
	ok, name, proof, err := readPong(r)
	switch {
	case err != nil:
		return false, fmt.Errorf("PONG: %w", err)
	case !ok:
		return false, errors.New("the server refused the key, the user or the password")
	case name == f.o.Hostname:
		// The same names would make both proofs the same: one could be echoed.
		return false, errors.New("the server has this client's own name")
	case subtle.ConstantTimeCompare([]byte(proof), []byte(digest(salt, []byte(name), nonce, key))) != 1:
		return false, errKey
	}
	return !keepalive, nil
}

// digest is the hexadecimal SHA-512 of the parts, one behind the other.
func digest(parts ...[]byte) string {
	h := sha512.New()
	for _, p := range parts {
		h.Write(p)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// readHelo reads ["HELO", {"nonce": ..., "auth": ..., "keepalive": ...}].
func readHelo(r *msgp.Reader) (nonce, auth []byte, keepalive bool, err error) {
	if err := expect(r, "HELO", 2, 2); err != nil {
		return nil, nil, false, err
	}
	n, err := r.ReadMapHeader()
	if err != nil {
		return nil, nil, false, err
	}
	if n > 64 {
		return nil, nil, false, errors.New("an answer of another form")
	}
	keepalive = true
	for range n {
		key, err := readText(r)
		if err != nil {
			return nil, nil, false, err
		}
		var s string
		switch key {
		case "nonce":
			s, err = readText(r)
			nonce = []byte(s)
		case "auth":
			s, err = readText(r)
			auth = []byte(s)
		case "keepalive":
			keepalive, err = r.ReadBool()
		default:
			err = r.Skip()
		}
		if err != nil {
			return nil, nil, false, err
		}
	}
	if len(nonce) == 0 {
		return nil, nil, false, errors.New("no nonce")
	}
	return nonce, auth, keepalive, nil
}

// readPong reads ["PONG", ok, reason, name, proof]. The reason is left out: it is the
// server's text, and this program's messages have only their own.
func readPong(r *msgp.Reader) (ok bool, name, proof string, err error) {
	if err := expect(r, "PONG", 5, 5); err != nil {
		return false, "", "", err
	}
	if ok, err = r.ReadBool(); err != nil {
		return false, "", "", err
	}
	for _, s := range []*string{new(string), &name, &proof} {
		if *s, err = readText(r); err != nil {
			return false, "", "", err
		}
	}
	return ok, name, proof, nil
}

// expect reads the beginning of an array of a length within bounds whose first element is
// a word.
func expect(r *msgp.Reader, word string, least, most uint32) error {
	n, err := r.ReadArrayHeader()
	if err != nil {
		return err
	}
	s := ""
	if n >= least && n <= most {
		if s, err = readText(r); err != nil {
			return err
		}
	}
	if s != word {
		return errors.New("an answer of another form")
	}
	return nil
}
