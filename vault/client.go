package vault

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/hashicorp/vault/api"
)

// ClientConfig says how Vault is reached.
type ClientConfig struct {
	// Address is https://HOST:PORT, or unix:///PATH of a Vault Agent or Proxy.
	// Plain http:// is accepted for a loopback address only.
	Address string
	// Namespace is a Vault Enterprise namespace; empty means none.
	Namespace string
	// CAFile holds the certificates that Vault's must lead to, in PEM; empty means the
	// system's. It is read again when it changes.
	CAFile string
	// ServerName is the name that Vault's certificate must have when it is not the
	// host of Address.
	ServerName string
	// CertFile and KeyFile are a client certificate, in PEM; both or none. They are
	// read again at each new connection.
	CertFile, KeyFile string
	// Auth logs in; nil when an Agent adds the token.
	Auth Auth
	// RequestTimeout bounds one request. 0 means 2 s.
	RequestTimeout time.Duration
	// Alarm, when not nil, is called with what a person must look at, at most once a
	// minute for each text. It must not block. The texts hold no value, token or key.
	Alarm func(text string)

	// timing is set by tests.
	timing timing
}

// timing are the waits of the background work.
type timing struct {
	loginRetryMin, loginRetryMax time.Duration // between failed logins
	reloginMin                   time.Duration // between logins after a 403
	probeMin, probeMax           time.Duration // between health probes
}

func (t *timing) setDefaults() {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&t.loginRetryMin, time.Second)
	set(&t.loginRetryMax, 30*time.Second)
	set(&t.reloginMin, time.Second)
	set(&t.probeMin, time.Second)
	set(&t.probeMax, 30*time.Second)
}

// Client talks to one Vault. It logs in, keeps its token fresh, and is safe for concurrent
// use. Close ends its background work.
type Client struct {
	cfg     ClientConfig
	conn    atomic.Pointer[connection]
	session *session // nil when an Agent adds the token
	breaker *breaker
	alarms  alarms

	reconnectMu sync.Mutex

	stop context.CancelFunc
	wg   sync.WaitGroup
	ctx  context.Context
}

// connection is a client under one state of the certificate files.
type connection struct {
	api   *api.Client
	files [sha256.Size]byte
}

// NewClient prepares a Client and starts to log in, in the background. Login waits for it.
func NewClient(cfg ClientConfig) (*Client, error) {
	if cfg.RequestTimeout == 0 {
		cfg.RequestTimeout = 2 * time.Second
	}
	cfg.timing.setDefaults()
	c := &Client{cfg: cfg}
	c.alarms.to = cfg.Alarm
	conn, err := connect(&cfg)
	if err != nil {
		return nil, err
	}
	c.conn.Store(conn)
	c.ctx, c.stop = context.WithCancel(context.Background())
	c.breaker = newBreaker(cfg.timing, c.healthy)
	c.wg.Go(func() { c.breaker.run(c.ctx) })
	if cfg.Auth != nil {
		c.session = newSession(c)
		c.wg.Go(func() { c.session.run(c.ctx) })
	}
	return c, nil
}

// Login waits until the Client has a token. It returns why it has none when ctx is done, or
// when Vault refuses the login; the Client goes on trying.
func (c *Client) Login(ctx context.Context) error {
	if c.session == nil {
		return nil
	}
	return c.session.wait(ctx)
}

// Close ends the background work and forgets the token.
func (c *Client) Close() {
	c.stop()
	c.wg.Wait()
	c.conn.Load().api.ClearToken()
	c.conn.Load().close()
}

func (k *connection) close() {
	if t, ok := k.api.CloneConfig().HttpClient.Transport.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
}

// CheckAddress reports what is wrong with an address of Vault. The error does not repeat
// it.
func CheckAddress(address string) error {
	u, err := url.Parse(address)
	if err != nil {
		return errors.New("vault: the address is not a URL")
	}
	switch ip := net.ParseIP(u.Hostname()); {
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return errors.New("vault: an address is a scheme and a host only")
	case u.Scheme == "unix" && u.Host == "" && u.Path != "":
	case u.Scheme == "https" && u.Hostname() != "":
	case u.Scheme == "http" && (u.Hostname() == "localhost" || ip.IsLoopback()):
	case u.Scheme == "http":
		return errors.New("vault: http:// is for loopback addresses only; use https://")
	default:
		return errors.New("vault: the address has another scheme than https or unix")
	}
	return nil
}

// connect builds an api.Client from the configuration and the files it names. Nothing of
// it comes from the environment: a stray VAULT_SKIP_VERIFY must not weaken it.
func connect(cfg *ClientConfig) (*connection, error) {
	if err := CheckAddress(cfg.Address); err != nil {
		return nil, err
	}
	u, err := url.Parse(cfg.Address)
	if err != nil {
		return nil, errors.New("vault: the address is not a URL")
	}
	t := &http.Transport{
		Proxy:                 http.ProxyFromEnvironment,
		DialContext:           (&net.Dialer{Timeout: cfg.RequestTimeout, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:   cfg.RequestTimeout,
		ResponseHeaderTimeout: cfg.RequestTimeout,
		MaxIdleConns:          16,
		MaxIdleConnsPerHost:   16,
		IdleConnTimeout:       90 * time.Second,
		ForceAttemptHTTP2:     true,
		// A connection that was cut without a word is found by a ping, instead of by
		// every request running into its timeout.
		HTTP2: &http.HTTP2Config{SendPingTimeout: 5 * time.Second, PingTimeout: cfg.RequestTimeout},
	}
	address := cfg.Address
	switch u.Scheme {
	case "unix":
		path := u.Path
		t.Proxy = nil
		t.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
			return (&net.Dialer{Timeout: cfg.RequestTimeout}).DialContext(ctx, "unix", path)
		}
		address = "http://localhost"
	case "http":
		t.Proxy = nil
	}
	files := sha256.New()
	if t.TLSClientConfig, err = tlsConfig(cfg, files); err != nil {
		return nil, err
	}
	ac := &api.Config{
		Address:    address,
		MaxRetries: 0, // the breaker and the callers' budgets decide
		// The api package loses the body of a request that it sends on.
		DisableRedirects: true,
		HttpClient: &http.Client{
			Transport:     t,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
	}
	a, err := api.NewClient(ac)
	if err != nil {
		return nil, fmt.Errorf("vault: %w", err)
	}
	a.ClearToken()
	a.SetHeaders(http.Header{api.RequestHeaderName: {"true"}})
	if cfg.Namespace != "" {
		a.SetNamespace(cfg.Namespace)
	}
	return &connection{api: a, files: [sha256.Size]byte(files.Sum(nil))}, nil
}

func tlsConfig(cfg *ClientConfig, files io.Writer) (*tls.Config, error) {
	tc := &tls.Config{MinVersion: tls.VersionTLS12, ServerName: cfg.ServerName}
	if cfg.CAFile != "" {
		pem, err := os.ReadFile(cfg.CAFile)
		if err != nil {
			return nil, fmt.Errorf("vault: certificate authority: %w", err)
		}
		_, _ = files.Write(pem)
		tc.RootCAs = x509.NewCertPool()
		if !tc.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("vault: certificate authority: %s holds no certificate in PEM", cfg.CAFile)
		}
	}
	if (cfg.CertFile == "") != (cfg.KeyFile == "") {
		return nil, errors.New("vault: a client certificate needs both its file and its key's file")
	}
	if cfg.CertFile != "" {
		load := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			c, err := tls.LoadX509KeyPair(cfg.CertFile, cfg.KeyFile)
			if err != nil {
				return nil, fmt.Errorf("client certificate %s: %w", filepath.Base(cfg.CertFile), err)
			}
			return &c, nil
		}
		if _, err := load(nil); err != nil {
			return nil, fmt.Errorf("vault: %w", err)
		}
		tc.GetClientCertificate = load
	}
	return tc, nil
}

// reconnect reads the certificate files again and, when they changed, goes on with them.
func (c *Client) reconnect() {
	c.reconnectMu.Lock()
	defer c.reconnectMu.Unlock()
	old := c.conn.Load()
	k, err := connect(&c.cfg)
	if err != nil {
		c.alarms.raise(err.Error())
		return
	}
	if k.files == old.files {
		return
	}
	k.api.SetToken(old.api.Token())
	c.conn.Store(k)
	old.close()
}

// class is what an error of a request means for the caller.
type class uint8

const (
	classDown     class = iota // no answer, 5xx, sealed, no leader: the breaker's business
	classQuota                 // 429
	classDenied                // 403
	classConfig                // 400, 404: nothing a repetition would change
	classTooLarge              // 413 and the JSON limits, which come as 500
	classCanceled              // the caller gave up
)

func (c class) String() string {
	return [...]string{"unreachable", "over a quota", "permission denied", "refused as wrong", "too large", "canceled"}[c]
}

// requestError is a request that failed. Its text holds what Vault said, if that is
// known to hold none of what was sent.
type requestError struct {
	op     string // "PUT transit/encrypt/k"
	status int    // 0 when there was no answer
	class  class
	after  time.Duration // of a Retry-After header
	said   string
}

func (e *requestError) Error() string {
	s := "vault: " + e.op + ": " + e.class.String()
	if e.status != 0 {
		s += ", status " + strconv.Itoa(e.status)
	}
	if e.said != "" {
		s += " (" + e.said + ")"
	}
	return s
}

// classOf returns the class of an error that call returned.
func classOf(err error) class {
	if e, ok := errors.AsType[*requestError](err); ok {
		return e.class
	}
	if _, ok := errors.AsType[*loginError](err); ok {
		return classConfig
	}
	return classDown
}

// caller is what the rest of the package asks of a Client.
type caller interface {
	// call sends a request and returns the body of the answer, which may be empty.
	call(ctx context.Context, r request) ([]byte, error)
}

// request is one request to Vault.
type request struct {
	method, path string
	body         []byte
	// query is put behind the path.
	query url.Values
	// quiet says that the request holds values, so that nothing of an answer may
	// stand in an error.
	quiet bool
	// header is added to the request's.
	header http.Header
	// token, when not empty, is used instead of the session's.
	token string
}

const maxAnswer = 64 << 20 // bytes; a full batch of the longest values is a tenth of it

// call implements caller. After a 403 it logs in again, once, and repeats the request.
func (c *Client) call(ctx context.Context, r request) ([]byte, error) {
	body, used, err := c.once(ctx, r)
	if err != nil && classOf(err) == classDenied && c.session != nil && r.token == "" {
		if c.session.renewAfterDenied(ctx, used) {
			body, _, err = c.once(ctx, r)
		}
		if err != nil && classOf(err) == classDenied {
			c.alarms.raise(err.Error())
		}
	}
	return body, err
}

// once sends the request once; it returns the token that it used.
func (c *Client) once(ctx context.Context, r request) ([]byte, string, error) {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.RequestTimeout)
	defer cancel()
	a := c.conn.Load().api
	token := r.token
	if token == "" {
		token = a.Token()
	}
	if token == "" && c.session != nil && !r.anonymous() {
		return nil, "", &requestError{op: r.op(), class: classDown, said: "not logged in"}
	}
	resp, err := roundTrip(ctx, a, &r, nil)
	if err == nil && isRedirect(resp.StatusCode) {
		// A standby names the active node.
		to, lerr := resp.Location()
		resp.Body.Close()
		switch {
		case lerr != nil, to.Scheme != "https" && resp.Request.URL.Scheme == "https", CheckAddress(to.Scheme+"://"+to.Host) != nil:
			return nil, token, &requestError{op: r.op(), status: resp.StatusCode, class: classDown, said: "a redirect that cannot be followed"}
		default:
			resp, err = roundTrip(ctx, a, &r, to)
		}
	}
	var body []byte
	if resp != nil {
		defer resp.Body.Close()
		if err == nil && isRedirect(resp.StatusCode) {
			return nil, token, &requestError{op: r.op(), status: resp.StatusCode, class: classDown, said: "no active node"}
		}
		if err == nil {
			body, err = io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
			if err == nil && len(body) > maxAnswer {
				err = errors.New("the answer is too long")
			}
		}
	}
	if err == nil {
		return body, token, nil
	}
	return nil, token, c.failed(ctx, r, resp, err)
}

// roundTrip sends a request, to another node than a's when to is not nil.
func roundTrip(ctx context.Context, a *api.Client, r *request, to *url.URL) (*api.Response, error) {
	req := a.NewRequest(r.method, "/v1/"+r.path)
	if to != nil {
		req.URL = to
	}
	if r.token != "" {
		req.ClientToken = r.token
	}
	req.BodyBytes = r.body
	req.Params = r.query
	for k, v := range r.header {
		req.Headers[k] = v
	}
	return a.RawRequestWithContext(ctx, req) //nolint:staticcheck // the only one that takes bytes, a method and headers
}

func isRedirect(status int) bool { return status >= 301 && status <= 308 && status != 304 }

func (r *request) op() string { return r.method + " " + r.path }

// anonymous reports whether the request needs no token.
func (r *request) anonymous() bool {
	return strings.HasSuffix(r.path, "/login") || r.path == "sys/health" || strings.HasPrefix(r.path, "sys/wrapping/")
}

func (c *Client) failed(ctx context.Context, r request, resp *api.Response, err error) error {
	e := &requestError{op: r.op(), class: classDown}
	if re, ok := errors.AsType[*api.ResponseError](err); ok {
		e.status = re.StatusCode
		if !re.RawError {
			e.said = strings.Join(strings.Fields(strings.Join(re.Errors, "; ")), " ")
		}
		switch {
		case e.status == http.StatusTooManyRequests:
			e.class = classQuota
			if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s >= 0 {
				e.after = time.Duration(min(s, 3600)) * time.Second
			}
		case e.status == http.StatusForbidden:
			e.class = classDenied
		case e.status == http.StatusRequestEntityTooLarge || e.status == 500 && strings.HasPrefix(e.said, "JSON ") && strings.Contains(e.said, "exceeds"):
			e.class = classTooLarge
		case e.status >= 400 && e.status < 500:
			e.class = classConfig
		}
		if r.quiet {
			e.said = ""
		}
		return e
	}
	switch {
	case errors.Is(err, context.Canceled):
		e.class, e.said = classCanceled, ""
	case errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil:
		e.said = "timeout"
	case isCertificateError(err):
		// Vault may have a new certificate, and the file its new authority.
		e.said = "certificate not trusted"
		c.reconnect()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		e.said = "connection cut"
	case strings.Contains(err.Error(), "http2: "), strings.Contains(err.Error(), "stream error: "):
		e.said = "connection lost"
	default:
		if op, ok := errors.AsType[*net.OpError](err); ok {
			e.said = op.Op + ": " + strings.TrimPrefix(op.Err.Error(), op.Op+": ")
		}
	}
	return e
}

func isCertificateError(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	var unknown x509.UnknownAuthorityError
	return errors.As(err, &unknown)
}

// healthy asks whether Vault could serve requests now. A standby can: it forwards or
// redirects them.
func (c *Client) healthy(ctx context.Context) bool {
	c.reconnect()
	_, _, err := c.once(ctx, request{method: http.MethodGet, path: "sys/health",
		query: url.Values{"standbyok": {"true"}, "perfstandbyok": {"true"}}})
	return err == nil
}

// alarms passes each text on at most once a minute.
type alarms struct {
	to   func(string)
	mu   sync.Mutex
	last map[string]time.Time
}

func (a *alarms) raise(text string) {
	if a.to == nil {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if t, ok := a.last[text]; ok && time.Since(t) < time.Minute {
		return
	}
	if a.last == nil || len(a.last) > 100 {
		a.last = make(map[string]time.Time)
	}
	a.last[text] = time.Now()
	a.to(text)
}

// Convenience around call for requests that are not in a hurry.

// read returns the data of a path, nil when there is nothing there.
func read[T any](ctx context.Context, c caller, path string) (*T, error) {
	body, err := c.call(ctx, request{method: http.MethodGet, path: path})
	if e, ok := errors.AsType[*requestError](err); ok && e.status == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return decode[T](path, body)
}

// write sends data and returns the data of the answer, nil when it is empty.
func write[T any](ctx context.Context, c caller, r request, data any) (*T, error) {
	var err error
	if r.body, err = json.Marshal(data); err != nil {
		return nil, errors.New("vault: a request that JSON cannot hold")
	}
	if r.method == "" {
		r.method = http.MethodPut
	}
	body, err := c.call(ctx, r)
	clearSent(r.body, err)
	if err != nil {
		return nil, err
	}
	defer clear(body)
	return decode[T](r.path, body)
}

// clearSent zeroes the body of a request that was answered. After an error the transport
// may still be sending it.
func clearSent(body []byte, err error) {
	if err == nil {
		clear(body)
	}
}

func decode[T any](path string, body []byte) (*T, error) {
	if len(body) == 0 {
		return nil, nil
	}
	var answer struct {
		Data *T `json:"data"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		// The error of json would quote the answer.
		return nil, fmt.Errorf("vault: %s: the answer is not what was asked for", path)
	}
	return answer.Data, nil
}
