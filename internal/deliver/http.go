package deliver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"time"
)

// HTTPOptions say how chunks go to an HTTP server, as lines of JSON in the body of a POST.
type HTTPOptions struct {
	// URL is http or https, without a user.
	URL string
	TLS TLSFiles
	// Timeout bounds one delivery. The context's deadline holds when it is earlier.
	Timeout time.Duration
	// Headers are sent with each request.
	Headers map[string]string
	// AuthorizationFile holds the value of the header Authorization, read for each
	// request; empty for none.
	AuthorizationFile string
	// Gzip compresses the body.
	Gzip bool
	JSON JSONOptions
}

// HTTP delivers by POST. 2xx means delivered. 400 and 422, which say that the content can
// never be taken, are permanent; 413 makes the chunk go in halves, and is permanent for a
// single record. Everything else, also 401, 403 and 404, can be mended on one of both
// sides, and is retryable. A server that asks for time by Retry-After is left alone until
// then. Redirects are not followed, and proxies not used: the chunk goes where the policy
// says.
type HTTP struct {
	o       HTTPOptions
	to      string // the server, for messages
	client  http.Client
	conns   *http.Transport
	flights sync.WaitGroup

	mu     sync.Mutex
	closed bool      // guarded by mu
	rest   time.Time // guarded by mu; when the server may be asked again
}

// maxRest is the longest pause that a Retry-After can ask for.
const maxRest = 5 * time.Minute

// CheckURL reports what is wrong with an URL of HTTPOptions, without repeating it.
func CheckURL(s string) error {
	u, err := url.Parse(s)
	switch {
	case err != nil, u.Scheme != "http" && u.Scheme != "https", u.Hostname() == "", u.Fragment != "":
		return errors.New("want http://HOST or https://HOST, with a port and a path as needed")
	case u.User != nil:
		return errors.New("a user or a password does not belong into an URL")
	}
	return nil
}

// OpenURL reports whether what is sent to the URL can be read and changed on its way: it is
// not this machine for certain, and there is no TLS.
func OpenURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && u.Scheme == "http" && !isLoopback(u.Hostname())
}

// NewHTTP returns what delivers to the URL. It does not connect, but it looks at the files
// that the options name.
func NewHTTP(o HTTPOptions) (*HTTP, error) {
	if o.Timeout <= 0 {
		return nil, errors.New("a delivery without a timeout")
	}
	if err := CheckURL(o.URL); err != nil {
		return nil, err
	}
	if o.AuthorizationFile != "" {
		if _, err := readSecret(o.AuthorizationFile); err != nil {
			return nil, err
		}
	}
	if _, err := o.TLS.config(""); err != nil {
		return nil, err
	}
	u, err := url.Parse(o.URL)
	if err != nil {
		return nil, errors.New("an URL that cannot be read")
	}
	o.Headers = maps.Clone(o.Headers)
	d := &HTTP{o: o, to: u.Scheme + "://" + u.Host}
	d.conns = &http.Transport{
		DialTLSContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
			return dial(ctx, Target{Network: network, Address: addr, TLS: true}, o.TLS)
		},
		MaxIdleConnsPerHost:   maxIdle,
		IdleConnTimeout:       time.Minute,
		ResponseHeaderTimeout: o.Timeout,
		DisableCompression:    true,
	}
	d.client = http.Client{
		Transport:     d.conns,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	return d, nil
}

// Deliver implements Deliverer.
func (d *HTTP) Deliver(ctx context.Context, tag string, chunk []byte, _ int) error {
	d.mu.Lock()
	closed, rest := d.closed, time.Until(d.rest)
	if !closed {
		d.flights.Add(1)
	}
	d.mu.Unlock()
	if closed {
		return errClosed
	}
	defer d.flights.Done()
	if rest > 0 {
		return fmt.Errorf("%s: asked for %v more without requests", d.to, rest.Round(time.Second))
	}
	l := d.o.JSON.appendLines(tag, chunk)
	ctx, cancel := context.WithTimeout(ctx, d.o.Timeout)
	defer cancel()
	err := d.post(ctx, l.text, 0, l.ends)
	if err != nil && !Permanent(err) {
		return err
	}
	return errors.Join(err, leftOut(l.left))
}

// post sends lines, in halves when they are too many. text begins at from, and ends are
// the ends of its lines.
func (d *HTTP) post(ctx context.Context, text []byte, from int, ends []int) error {
	if len(ends) == 0 {
		return nil
	}
	err := d.send(ctx, text[from:ends[len(ends)-1]])
	if !errors.Is(err, errTooLarge) {
		return err
	}
	if len(ends) == 1 {
		return permanent{err}
	}
	half := len(ends) / 2
	first := d.post(ctx, text, from, ends[:half])
	// A half that can never be taken must not cost the other one. But one that may come
	// again comes again with both.
	if first != nil && !Permanent(first) {
		return first
	}
	second := d.post(ctx, text, ends[half-1], ends[half:])
	if second != nil && !Permanent(second) {
		return second
	}
	return errors.Join(first, second)
}

var errTooLarge = errors.New("413: too large")

// send makes one request.
func (d *HTTP) send(ctx context.Context, body []byte) error {
	if d.o.Gzip {
		var err error
		if body, err = compress(body); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, d.o.URL, bytes.NewReader(body))
	if err != nil {
		return errors.New("a request that cannot be made") // its text has the URL
	}
	r.Header.Set("Content-Type", "application/x-ndjson")
	r.Header.Set("User-Agent", "logveil")
	for k, v := range d.o.Headers {
		r.Header.Set(k, v)
	}
	if d.o.Gzip {
		r.Header.Set("Content-Encoding", "gzip")
	}
	if d.o.AuthorizationFile != "" {
		secret, err := readSecret(d.o.AuthorizationFile)
		if err != nil {
			return err
		}
		r.Header.Set("Authorization", string(secret))
	}
	a, err := d.client.Do(r)
	if err != nil {
		// The message has the URL, whose query may hold a key.
		var u *url.Error
		if errors.As(err, &u) {
			err = u.Err
		}
		return fmt.Errorf("%s: %w", d.to, err)
	}
	defer a.Body.Close()
	// What a server says about a request may repeat it. It is read, so that the
	// connection can be used again, and not shown.
	_, _ = io.CopyN(io.Discard, a.Body, 64<<10)
	return d.judge(a)
}

// judge says what a status means.
func (d *HTTP) judge(a *http.Response) error {
	err := fmt.Errorf("%s: status %d", d.to, a.StatusCode)
	switch code := a.StatusCode; {
	case code >= 200 && code < 300:
		return nil
	case code == http.StatusRequestEntityTooLarge:
		return fmt.Errorf("%s: status %w", d.to, errTooLarge)
	case code == http.StatusBadRequest, code == http.StatusUnprocessableEntity:
		return permanent{err}
	}
	if pause := retryAfter(a.Header.Get("Retry-After"), time.Now()); pause > 0 {
		d.mu.Lock()
		d.rest = time.Now().Add(pause)
		d.mu.Unlock()
	}
	return err
}

// retryAfter reads seconds or a date, RFC 9110 section 10.2.3.
func retryAfter(s string, now time.Time) time.Duration {
	if s == "" {
		return 0
	}
	pause := time.Duration(0)
	if n, err := strconv.ParseUint(s, 10, 32); err == nil {
		pause = time.Duration(n) * time.Second
	} else if at, err := http.ParseTime(s); err == nil {
		pause = at.Sub(now)
	}
	return min(max(pause, 0), maxRest)
}

// Close implements Deliverer.
func (d *HTTP) Close(ctx context.Context) error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	err := waitFor(ctx, d.flights.Wait)
	d.conns.CloseIdleConnections()
	return err
}
