// Command vaultd is a real HashiCorp Vault core (Shamir seal, storage in memory or in a
// folder) with the transit secrets engine, token, AppRole, JWT, Kubernetes and TLS
// certificate auth, and file audit, for tests on loopback. It is not a production server.
package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"flag"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hashicorp/go-hclog"
	jwtauth "github.com/hashicorp/vault-plugin-auth-jwt"
	kubeauth "github.com/hashicorp/vault-plugin-auth-kubernetes"
	"github.com/hashicorp/vault/audit"
	"github.com/hashicorp/vault/builtin/credential/approle"
	"github.com/hashicorp/vault/builtin/credential/cert"
	"github.com/hashicorp/vault/builtin/logical/transit"
	"github.com/hashicorp/vault/command/server"
	"github.com/hashicorp/vault/helper/namespace"
	vaulthttp "github.com/hashicorp/vault/http"
	"github.com/hashicorp/vault/internalshared/configutil"
	"github.com/hashicorp/vault/sdk/helper/consts"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/sdk/physical"
	"github.com/hashicorp/vault/sdk/physical/file"
	"github.com/hashicorp/vault/sdk/physical/inmem"
	"github.com/hashicorp/vault/vault"
)

// noPlugins: every backend is compiled in through CoreConfig.
type noPlugins struct{}

func (noPlugins) Contains(string, consts.PluginType) bool { return false }
func (noPlugins) Get(string, consts.PluginType) (func() (any, error), bool) {
	return nil, false
}
func (noPlugins) Keys(consts.PluginType) []string { return nil }
func (noPlugins) DeprecationStatus(string, consts.PluginType) (consts.DeprecationStatus, bool) {
	return consts.Supported, true
}
func (noPlugins) IsBuiltinEntPlugin(string, consts.PluginType) bool { return false }

// ready is printed as one JSON line once the listeners accept.
type ready struct {
	Addr      string `json:"addr"`
	Standby   string `json:"standby_addr,omitempty"`
	TLSAddr   string `json:"tls_addr,omitempty"`
	CAFile    string `json:"ca_file,omitempty"`
	RootToken string `json:"root_token,omitempty"`
	UnsealKey string `json:"unseal_key,omitempty"`
	PID       int    `json:"pid"`
	StartMS   int64  `json:"start_ms"`
}

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "vaultd:", err)
		os.Exit(1)
	}
}

func run() error {
	t0 := time.Now()
	listen := flag.String("listen", "127.0.0.1:8200", "plain HTTP listener (port 0 picks one)")
	tlsListen := flag.String("tls-listen", "", "TLS listener (HTTP/2 through ALPN); empty: none")
	caFile := flag.String("ca-out", "", "write the TLS listener's self-signed certificate here")
	root := flag.String("root-token", "root", "dev root token id; empty: leave Vault uninitialised and sealed")
	auditFile := flag.String("audit", "", "enable a file audit device at this path")
	mount := flag.Bool("transit", true, "mount transit/ and auth/approle, auth/kubernetes in dev mode")
	level := flag.String("log", "error", "log level: trace, debug, info, warn, error, off")
	maxReq := flag.Int64("max-request-size", 0, "listener max_request_size in bytes; 0: 32 MiB, <0: none")
	storage := flag.String("storage", "", "keep everything in this folder, so that a later run finds it, sealed; empty: in memory")
	standby := flag.String("standby", "", "second node of an HA pair, on this address (307s to the active one; sys/step-down swaps them)")
	untilEOF := flag.Bool("until-eof", false, "exit when stdin closes, so the server dies with its parent")
	flag.Parse()

	log := hclog.New(&hclog.LoggerOptions{Name: "vaultd", Level: hclog.LevelFromString(*level), Output: os.Stderr})
	var phys physical.Backend
	var err error
	switch {
	case *storage != "":
		phys, err = file.NewFileBackend(map[string]string{"path": *storage}, log)
	case *standby != "":
		phys, err = inmem.NewInmemHA(nil, log)
	default:
		phys, err = inmem.NewInmem(nil, log)
	}
	if err != nil {
		return err
	}
	ln, err := loopback(*listen)
	if err != nil {
		return err
	}
	lc := &configutil.Listener{Type: "tcp", Address: ln.Addr().String(), MaxRequestSize: *maxReq}
	newCore := func(ln net.Listener) (*vault.Core, error) {
		ha, _ := phys.(physical.HABackend)
		return vault.NewCore(&vault.CoreConfig{
			Physical: phys, HAPhysical: ha, StorageType: "inmem", RedirectAddr: "http://" + ln.Addr().String(),
			Logger: log, LogLevel: *level, DisableMlock: true, DevToken: *root,
			BuiltinRegistry: noPlugins{}, EnableIntrospection: true,
			RawConfig: &server.Config{SharedConfig: &configutil.SharedConfig{
				DisableMlock: true, Listeners: []*configutil.Listener{lc},
			}},
			LogicalBackends: map[string]logical.Factory{"transit": transit.Factory},
			CredentialBackends: map[string]logical.Factory{
				"approle": approle.Factory, "cert": cert.Factory, "jwt": jwtauth.Factory, "kubernetes": kubeauth.Factory,
			},
			AuditBackends: map[string]audit.Factory{"file": audit.NewFileBackend},
		})
	}
	core, err := newCore(ln)
	if err != nil {
		return err
	}
	addr := "http://" + ln.Addr().String()
	out := ready{Addr: addr, PID: os.Getpid()}
	initialised, err := core.Initialized(context.Background())
	if err != nil {
		return err
	}
	if *root != "" && !initialised {
		if out.UnsealKey, err = dev(core, *root, *auditFile, *mount); err != nil {
			return err
		}
		out.RootToken = *root
	}

	serve := func(core *vault.Core, l net.Listener) {
		h := vaulthttp.Handler.Handler(&vault.HandlerProperties{Core: core, ListenerConfig: lc})
		s := &http.Server{Handler: h, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
			IdleTimeout: 5 * time.Minute, ErrorLog: log.StandardLogger(nil)}
		go func() {
			if err := s.Serve(l); err != nil {
				log.Error("serve", "error", err)
			}
		}()
	}
	serve(core, ln)
	if *standby != "" {
		sl, err := loopback(*standby)
		if err != nil {
			return err
		}
		c2, err := newCore(sl)
		if err != nil {
			return err
		}
		key, _ := hex.DecodeString(out.UnsealKey)
		if ok, err := c2.Unseal(key); err != nil || !ok {
			return fmt.Errorf("unseal standby: ok=%v %w", ok, err)
		}
		out.Standby = "http://" + sl.Addr().String()
		serve(c2, sl)
	}
	if *tlsListen != "" {
		tl, err := loopback(*tlsListen)
		if err != nil {
			return err
		}
		own, pemBytes, err := selfSigned()
		if err != nil {
			return err
		}
		if out.CAFile = *caFile; *caFile != "" {
			if err := os.WriteFile(*caFile, pemBytes, 0o644); err != nil {
				return err
			}
		}
		out.TLSAddr = "https://" + tl.Addr().String()
		serve(core, tls.NewListener(tl, &tls.Config{MinVersion: tls.VersionTLS12,
			ClientAuth: tls.RequestClientCert, Certificates: []tls.Certificate{own}, NextProtos: []string{"h2", "http/1.1"}}))
	}
	out.StartMS = time.Since(t0).Milliseconds()
	if err := json.NewEncoder(os.Stdout).Encode(out); err != nil {
		return err
	}

	stop := make(chan os.Signal, 1)
	signal.Notify(stop, os.Interrupt, syscall.SIGTERM)
	if *untilEOF {
		go func() {
			_, _ = io.Copy(io.Discard, os.Stdin)
			stop <- syscall.SIGTERM
		}()
	}
	<-stop
	return core.Shutdown()
}

// dev initialises (1 share), unseals, makes the root token and the mounts.
func dev(core *vault.Core, root, auditFile string, mount bool) (string, error) {
	ctx := namespace.RootContext(context.Background())
	init, err := core.Initialize(ctx, &vault.InitParams{
		BarrierConfig: &vault.SealConfig{SecretShares: 1, SecretThreshold: 1, Name: "shamir", StoredShares: 1},
	})
	if err != nil {
		return "", fmt.Errorf("init: %w", err)
	}
	key := hex.EncodeToString(init.SecretShares[0])
	if ok, err := core.Unseal(append([]byte(nil), init.SecretShares[0]...)); err != nil || !ok {
		return "", fmt.Errorf("unseal: ok=%v %w", ok, err)
	}
	// Without HA the core is active when Unseal returns; with it, soon after.
	for range 500 {
		if sb, _ := core.Standby(); !sb {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	tok := init.RootToken
	do := func(path string, data map[string]any) error {
		resp, err := core.HandleRequest(ctx, &logical.Request{
			ID: "vaultd", Operation: logical.UpdateOperation, ClientToken: tok, Path: path, Data: data})
		if err == nil && resp != nil && resp.IsError() {
			err = resp.Error()
		}
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		return nil
	}
	if err := do("auth/token/create", map[string]any{"id": root, "policies": []string{"root"},
		"no_parent": true, "no_default_policy": true}); err != nil {
		return "", err
	}
	if err := do("auth/token/revoke-self", nil); err != nil {
		return "", err
	}
	tok = root
	if auditFile != "" {
		if err := do("sys/audit/file", map[string]any{"type": "file", "options": map[string]any{"file_path": auditFile}}); err != nil {
			return "", err
		}
	}
	if !mount {
		return key, nil
	}
	for _, m := range [][2]string{{"sys/mounts/transit", "transit"}, {"sys/auth/approle", "approle"},
		{"sys/auth/cert", "cert"}, {"sys/auth/jwt", "jwt"}, {"sys/auth/kubernetes", "kubernetes"}} {
		if err := do(m[0], map[string]any{"type": m[1]}); err != nil {
			return "", err
		}
	}
	return key, nil
}

// loopback listens, refusing any address but a loopback one.
func loopback(addr string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return nil, err
	}
	if ip := net.ParseIP(host); ip == nil || !ip.IsLoopback() {
		return nil, fmt.Errorf("%s: only loopback addresses", addr)
	}
	return net.Listen("tcp", addr)
}

func selfSigned() (tls.Certificate, []byte, error) {
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	t := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "vaultd"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(240 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback}, DNSNames: []string{"localhost"}}
	der, err := x509.CreateCertificate(rand.Reader, t, t, &k.PublicKey, k)
	if err != nil {
		return tls.Certificate{}, nil, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: k},
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), nil
}
