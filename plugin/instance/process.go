package instance

import (
	"context"
	"crypto/sha256"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"logveil/internal/config"
	"logveil/internal/metrics"
	"logveil/vault"
)

// Process is what the instances of one process share. It is safe for concurrent use.
type Process struct {
	lines   chan line
	metrics *metrics.Metrics

	mu       sync.Mutex
	policies map[string]*policy // the last good one of each file
	listen   string             // where the metrics are shown
	server   *metrics.Server

	current atomic.Pointer[config.Redactor] // of the policy that was loaded last
}

// policy is a policy in force.
type policy struct {
	sum      [sha256.Size]byte // of the file
	config   *config.Policy
	redactor *config.Redactor
	counts   *metrics.Engine
	refs     int  // instances; guarded by Process.mu
	replaced bool // by a later one; guarded by Process.mu
}

// NewProcess returns what has no instances yet. log writes to the host's log, lines that
// hold no values; it is called from one goroutine.
func NewProcess(version string, log func(Level, string)) *Process {
	p := &Process{lines: make(chan line, maxLines), metrics: metrics.New(version, "policy"), policies: map[string]*policy{}}
	go writeLines(p.lines, log)
	if err := p.metrics.Register(metrics.Tokens(p.tokens)); err != nil {
		p.say(LevelWarn, "no metrics of tokens: %v", err)
	}
	return p
}

// tokens returns the counts of the tokens of the policy that was loaded last.
func (p *Process) tokens() vault.Metrics {
	if r := p.current.Load(); r != nil {
		return r.Metrics()
	}
	return vault.Metrics{}
}

// use returns the policy in force of a file, for one more instance. It reads the file
// unless another instance uses just that. When the file is bad, the former policy stays.
func (p *Process) use(file string) (*policy, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	old := p.policies[file]
	text, err := os.ReadFile(file)
	sum := sha256.Sum256(text)
	if err == nil && old != nil && old.refs > 0 && old.sum == sum {
		old.refs++
		return old, nil
	}
	loaded, err := p.load(file)
	p.metrics.PolicyLoaded(err == nil)
	switch {
	case err == nil:
	case old != nil:
		p.say(LevelError, "the policy is bad, the former one stays in force: %v", err)
		old.refs++
		return old, nil
	default:
		return nil, err
	}
	loaded.sum, loaded.refs = sum, 1
	if old != nil {
		old.replaced = true
		old.closeUnused()
	}
	p.policies[file] = loaded
	p.current.Store(loaded.redactor)
	p.metrics.SetReady("policy", true)
	p.serve(loaded.config.FluentBit.Metrics.Listen)
	return loaded, nil
}

// serve shows the metrics where a policy says; p.mu is held. There is one such place, and
// a process that cannot have it goes on without.
func (p *Process) serve(listen string) {
	if listen == p.listen && (p.server != nil || listen == config.MetricsOff) {
		return // else it is tried again
	}
	p.listen = listen
	if p.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := p.server.Close(ctx); err != nil {
			p.say(LevelWarn, "metrics: %v", err)
		}
		p.server = nil
	}
	if listen == config.MetricsOff {
		return
	}
	var err error
	if p.server, err = p.metrics.Serve(listen); err != nil {
		p.server = nil
		p.say(LevelWarn, "metrics are not shown: %v", err)
	}
}

func (p *Process) load(file string) (*policy, error) {
	c, err := config.Load(file)
	if err != nil {
		return nil, err
	}
	c.OnWaiting(func(text string) { p.say(LevelWarn, "%s", text) })
	r, err := c.Redactor(context.Background(), func(text string) { p.say(LevelWarn, "%s", text) })
	if err != nil {
		return nil, err
	}
	if len(c.Fields.Drop)+len(c.Fields.Rename) > 0 {
		p.say(LevelWarn, "the section fields of the policy is not for the plugin: Fluent Bit's own filters drop and rename")
	}
	for _, w := range c.Warnings() {
		p.say(LevelWarn, "%s", w)
	}
	if r.KeyMade {
		p.say(LevelWarn, "made a new key in %s; keep it safe: tokens can be turned back only with it", r.KeyFile)
	}
	return &policy{config: c, redactor: r, counts: p.metrics.Engine(r.Engine.Specs())}, nil
}

// leave says that an instance uses the policy no more.
func (p *Process) leave(pol *policy) {
	p.mu.Lock()
	defer p.mu.Unlock()
	pol.refs--
	pol.closeUnused()
}

func (pol *policy) closeUnused() {
	if pol.replaced && pol.refs == 0 {
		pol.redactor.Close()
	}
}

// noise says a thing that may happen with every chunk at most once in a while, with how
// often it happened since; the format begins with that number.
type noise struct {
	mu   sync.Mutex
	n    int
	next time.Time
}

// quiet is the least time between two lines of a noise.
const quiet = 10 * time.Second

func (n *noise) say(p *Process, count int, format string, args ...any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.n += count
	if now := time.Now(); now.After(n.next) {
		p.say(LevelError, format, append([]any{n.n}, args...)...)
		n.n, n.next = 0, now.Add(quiet)
	}
}
