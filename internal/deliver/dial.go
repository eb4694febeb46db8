package deliver

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"strings"
)

// Target is a place to connect to.
type Target struct {
	// Network is tcp or unix, Address HOST:PORT or the path of a socket.
	Network, Address string
	// TLS says that the connection is encrypted and the server's certificate checked.
	TLS bool
}

// ParseTarget reads tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH. A port that is left
// out is 24224. Its errors do not repeat the text.
func ParseTarget(s string) (Target, error) {
	u, err := url.Parse(s)
	if err != nil {
		return Target{}, errors.New("want tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH")
	}
	switch u.Scheme {
	case "tcp", "tls":
		switch {
		case u.Hostname() == "":
			return Target{}, errors.New("the host is missing")
		case u.User != nil || u.Path != "" || u.RawQuery != "" || u.Fragment != "":
			return Target{}, errors.New("want a host and a port and nothing else")
		}
		port := u.Port()
		if port == "" {
			port = "24224"
		}
		return Target{Network: "tcp", Address: net.JoinHostPort(u.Hostname(), port), TLS: u.Scheme == "tls"}, nil
	case "unix":
		if u.Host != "" || !strings.HasPrefix(u.Path, "/") || u.RawQuery != "" || u.Fragment != "" {
			return Target{}, errors.New("want unix:///PATH, with an absolute path")
		}
		return Target{Network: "unix", Address: u.Path}, nil
	}
	return Target{}, errors.New("want tcp://HOST:PORT, tls://HOST:PORT or unix:///PATH")
}

// String returns the target as ParseTarget reads it.
func (t Target) String() string {
	scheme := t.Network
	if t.TLS {
		scheme = "tls"
	}
	return scheme + "://" + t.Address
}

// Open reports whether what is sent to the target can be read and changed on its way: it
// is not this machine for certain, and there is no TLS.
func (t Target) Open() bool {
	if t.TLS || t.Network == "unix" {
		return false
	}
	host, _, err := net.SplitHostPort(t.Address)
	return err != nil || !isLoopback(host)
}

func isLoopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// TLSFiles name what a TLS connection needs besides the system's certificate authorities.
// They are read for every new connection, so that what renews them needs no restart.
type TLSFiles struct {
	// CA holds the certificates of the authorities to trust, in PEM; empty for those of
	// the system.
	CA string
	// Cert and Key are the client's own certificate and key, in PEM; empty for none.
	Cert, Key string
	// ServerName is the name that the server's certificate must have, when it is not the
	// host of the target.
	ServerName string
}

// maxCredential bounds a file with keys or certificates, in bytes.
const maxCredential = 1 << 20

// config reads the files. Errors name the file and what is wrong.
func (f TLSFiles) config(host string) (*tls.Config, error) {
	c := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: host}
	if f.ServerName != "" {
		c.ServerName = f.ServerName
	}
	if f.CA != "" {
		b, err := readSmall(f.CA)
		if err != nil {
			return nil, err
		}
		c.RootCAs = x509.NewCertPool()
		if !c.RootCAs.AppendCertsFromPEM(b) {
			return nil, fmt.Errorf("%s: no certificate in PEM form", f.CA)
		}
	}
	if f.Cert != "" {
		cert, err := tls.LoadX509KeyPair(f.Cert, f.Key)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Cert, err)
		}
		c.Certificates = []tls.Certificate{cert}
	}
	return c, nil
}

// readSmall reads a file of bounded size.
func readSmall(name string) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, maxCredential+1))
	if err == nil && len(b) > maxCredential {
		err = fmt.Errorf("%s: too long", name)
	}
	return b, err
}

// readSecret reads a file that holds one secret; a line end behind it is not part of it.
func readSecret(name string) ([]byte, error) {
	b, err := readSmall(name)
	if err != nil {
		return nil, err
	}
	b = bytes.TrimSuffix(b, []byte("\n"))
	b = bytes.TrimSuffix(b, []byte("\r"))
	if len(b) == 0 {
		return nil, fmt.Errorf("%s: empty", name)
	}
	return b, nil
}

// dial connects to a target, with the TLS handshake done. It ends when ctx does.
func dial(ctx context.Context, t Target, files TLSFiles) (net.Conn, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, t.Network, t.Address)
	if err != nil || !t.TLS {
		return c, err
	}
	host, _, err := net.SplitHostPort(t.Address)
	var config *tls.Config
	if err == nil {
		config, err = files.config(host)
	}
	if err == nil {
		tc := tls.Client(c, config)
		if err = tc.HandshakeContext(ctx); err == nil {
			return tc, nil
		}
	}
	return nil, errors.Join(err, c.Close())
}
