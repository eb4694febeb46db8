package vault

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"time"
)

// Auth logs in to Vault. There is one file for each method.
type Auth interface {
	// login returns a token. It is called by one goroutine at a time.
	login(ctx context.Context, c caller) (*grant, error)
}

// grant is a token and how long it lives.
type grant struct {
	token     string
	ttl       time.Duration // 0: for ever
	renewable bool
}

// authAnswer is what a login answers.
type authAnswer struct {
	Auth *struct {
		ClientToken   string `json:"client_token"`
		LeaseDuration int    `json:"lease_duration"`
		Renewable     bool   `json:"renewable"`
	} `json:"auth"`
}

// maxTTL keeps sums of durations in range; Vault's own maximum is far below.
const maxTTL = 10 * 365 * 24 * time.Hour

// loginAt sends a login.
func loginAt(ctx context.Context, c caller, path string, data any) (*grant, error) {
	body, err := json.Marshal(data)
	if err != nil {
		return nil, errors.New("vault: a login that JSON cannot hold")
	}
	answer, err := c.call(ctx, request{method: http.MethodPut, path: path, body: body})
	clearSent(body, err)
	return grantFrom(answer, err)
}

func grantFrom(answer []byte, err error) (*grant, error) {
	if err != nil {
		return nil, err
	}
	var a authAnswer
	if json.Unmarshal(answer, &a) != nil || a.Auth == nil || a.Auth.ClientToken == "" {
		return nil, errors.New("vault: a login was answered without a token")
	}
	return &grant{
		token:     a.Auth.ClientToken,
		ttl:       min(time.Duration(a.Auth.LeaseDuration)*time.Second, maxTTL),
		renewable: a.Auth.Renewable,
	}, nil
}

// session keeps a Client's token fresh. Its waits are measured with the monotonic clock,
// so that setting the system's clock does not matter.
type session struct {
	c *Client

	mu      sync.Mutex
	ready   chan struct{} // closed when there is a token
	refused chan struct{} // closed when Vault said no, and not only nothing
	lastErr error
	// denied asks for a new login; it holds who waits for it.
	denied    chan chan bool
	lastLogin time.Time
}

func newSession(c *Client) *session {
	return &session{c: c, ready: make(chan struct{}), refused: make(chan struct{}), denied: make(chan chan bool)}
}

// run logs in, renews, and logs in again, until ctx is done.
func (s *session) run(ctx context.Context) {
	wait := s.c.cfg.timing.loginRetryMin
	for ctx.Err() == nil {
		g, err := s.login(ctx)
		if err != nil {
			s.c.alarms.raise("login: " + err.Error())
			s.pause(ctx, jitter(wait))
			longest := s.c.cfg.timing.loginRetryMax
			if classOf(err) != classDown {
				// Vault said no, and locks out who asks too often.
				longest *= 10
			}
			wait = min(2*wait, longest)
			continue
		}
		wait = s.c.cfg.timing.loginRetryMin
		s.keep(ctx, g)
	}
}

// jitter spreads a wait over half to one and a half of it, so that a fleet does not come
// back at once.
func jitter(d time.Duration) time.Duration {
	return d/2 + time.Duration(rand.Int64N(int64(d)+1)) //nolint:gosec // spreads load, keeps no secret
}

// login logs in once and hands the token out.
func (s *session) login(ctx context.Context) (*grant, error) {
	s.lastLogin = time.Now()
	g, err := s.c.cfg.Auth.login(ctx, loginCaller{s.c})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lastErr = err
	if err != nil {
		if classOf(err) != classDown {
			closeOnce(s.refused)
		}
		return nil, err
	}
	s.setToken(g.token)
	closeOnce(s.ready)
	return g, nil
}

// closeOnce closes a channel unless it is closed. The caller holds the lock for it.
func closeOnce(c chan struct{}) {
	select {
	case <-c:
	default:
		close(c)
	}
}

func (s *session) setToken(token string) {
	s.c.reconnectMu.Lock()
	s.c.conn.Load().api.SetToken(token)
	s.c.reconnectMu.Unlock()
}

// loginCaller sends requests without a session: a login must not wait for a login.
type loginCaller struct{ c *Client }

func (l loginCaller) call(ctx context.Context, r request) ([]byte, error) {
	body, _, err := l.c.once(ctx, r)
	return body, err
}

// keep renews the token until a new login is due.
func (s *session) keep(ctx context.Context, g *grant) {
	ttl, expiry := g.ttl, time.Now().Add(g.ttl)
	for {
		wait := maxTTL
		if ttl > 0 {
			// Half of what is left, less a little that differs from one to the other.
			wait = time.Until(expiry)/2 - time.Duration(rand.Int64N(int64(ttl)/20+1)) //nolint:gosec // spreads load, keeps no secret
		}
		due := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			due.Stop()
			return
		case done := <-s.denied:
			due.Stop()
			done <- s.relogin(ctx, g, &ttl, &expiry)
		case <-due.C:
			if ttl == 0 {
				continue
			}
			if !g.renewable {
				return
			}
			n, err := s.renew(ctx)
			if err != nil && classOf(err) == classDown && time.Until(expiry) > ttl/10 {
				// Vault is away; the token may outlive that.
				if s.pause(ctx, jitter(s.c.cfg.timing.loginRetryMin)) {
					return
				}
				continue
			}
			// Near its maximum a token is renewed for less and less: time for a new one.
			if err != nil || n.ttl < ttl/2 {
				return
			}
			ttl, expiry = n.ttl, time.Now().Add(n.ttl)
		}
	}
}

// relogin logs in after a 403, but not more often than reloginMin allows.
func (s *session) relogin(ctx context.Context, g *grant, ttl *time.Duration, expiry *time.Time) bool {
	if time.Since(s.lastLogin) < s.c.cfg.timing.reloginMin {
		return false
	}
	n, err := s.login(ctx)
	if err != nil {
		s.c.alarms.raise("login: " + err.Error())
		return false
	}
	*g, *ttl, *expiry = *n, n.ttl, time.Now().Add(n.ttl)
	return true
}

func (s *session) renew(ctx context.Context) (*grant, error) {
	return grantFrom(loginCaller{s.c}.call(ctx, request{method: http.MethodPut, path: "auth/token/renew-self", body: []byte("{}")}))
}

// pause waits; it answers who asks for a login with no, and reports whether ctx is done.
func (s *session) pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return true
		case done := <-s.denied:
			done <- false
		case <-t.C:
			return false
		}
	}
}

// renewAfterDenied gets a new token in the place of the one that was refused. It reports
// whether a repetition has a chance.
func (s *session) renewAfterDenied(ctx context.Context, refused string) bool {
	if s.c.conn.Load().api.Token() != refused {
		return true // somebody was faster
	}
	done := make(chan bool, 1)
	select {
	case s.denied <- done:
	case <-ctx.Done():
		return false
	}
	select {
	case ok := <-done:
		return ok || s.c.conn.Load().api.Token() != refused
	case <-ctx.Done():
		return false
	}
}

func (s *session) wait(ctx context.Context) error {
	select {
	case <-s.ready:
		return nil
	case <-s.refused:
	case <-ctx.Done():
	}
	select {
	case <-s.ready:
		return nil
	default:
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lastErr != nil {
		return s.lastErr
	}
	return fmt.Errorf("vault: login: %w", ctx.Err())
}
