package instance

import (
	"context"
	"errors"
	"regexp"
	"strings"
	"time"

	"logveil/internal/deliver"
	"logveil/internal/metrics"
	"logveil/plugin"
	"logveil/redact"
)

const (
	// TokenWait is the longest wait for tokens of one chunk.
	TokenWait = time.Second
	// FlushWait is the longest time of one flush of an output.
	FlushWait = 4 * time.Second

	// maxIdle is how many workers of one instance are kept; more are made when more chunks
	// come at the same time.
	maxIdle = 16
	// localBatch is plugin.Options.Batch where no token is waited for.
	localBatch = 192 << 10
	// maxKept is the largest buffer that is kept for the next chunk, in bytes.
	maxKept = 16 << 20
)

// Options are what the host's configuration says of one instance. All else is in the policy.
type Options struct {
	// ConfigFile is the policy.
	ConfigFile string
	// TenantKey, when not empty, is the path of the field that holds the name of a
	// record's tenant, in the place of what the policy says.
	TenantKey string
}

var tenantKeyForm = regexp.MustCompile(`^[^.\s]+(\.[^.\s]+){0,15}$`)

// instance is what a filter and an output have in common.
type instance struct {
	process               *Process
	policy                *policy
	face                  metrics.Face
	options               plugin.Options
	idle                  chan *worker
	deep, damaged, panics noise
}

// worker has the buffers for one chunk at a time.
type worker struct {
	r    *plugin.Redactor
	out  []byte
	seen redact.Stats // what the metrics have
}

func (p *Process) newInstance(o Options, face metrics.Face) (*instance, error) {
	switch {
	case o.ConfigFile == "":
		return nil, errors.New("config_file is missing: name the policy")
	case o.TenantKey != "" && !tenantKeyForm.MatchString(o.TenantKey):
		return nil, errors.New("tenant_key: want the path of a field, its keys joined by dots")
	}
	pol, err := p.use(o.ConfigFile)
	if err != nil {
		return nil, err
	}
	tokens := &pol.config.Tokens
	in := &instance{process: p, policy: pol, face: face, idle: make(chan *worker, maxIdle)}
	in.options = plugin.Options{
		Engine:     pol.redactor.Engine,
		TenantPath: tokens.Tenants.Path(),
		Tenants:    append([]string{tokens.Tenant}, tokens.Tenants.Names...),
		ForTenant:  pol.redactor.ForTenant,
	}
	if !pol.config.HasVault() {
		in.options.Batch = localBatch
	}
	if o.TenantKey != "" {
		in.options.TenantPath = strings.Split(o.TenantKey, ".")
	}
	return in, nil
}

func (in *instance) close() { in.process.leave(in.policy) }

// take returns a worker, and give takes it back.
func (in *instance) take() *worker {
	select {
	case w := <-in.idle:
		return w
	default:
		return &worker{r: plugin.New(in.options)}
	}
}

func (in *instance) give(w *worker) {
	if cap(w.out) > maxKept {
		w.out = nil
	}
	select {
	case in.idle <- w:
	default:
	}
}

// redact appends the redacted chunk to dst, and returns it with the number of its records. A
// chunk that stays as it is, is not appended, and changed is false.
func (in *instance) redact(ctx context.Context, w *worker, dst, chunk []byte) (out []byte, records int, changed bool) {
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, TokenWait)
	defer cancel()
	out, c, changed := w.r.AppendChanged(ctx, dst, chunk)
	to := len(out) - len(dst)
	if !changed {
		to = len(chunk)
	}
	in.count(w, c, len(chunk), to, time.Since(start))
	return out, c.Records, changed
}

func (in *instance) count(w *worker, c plugin.Counts, from, to int, took time.Duration) {
	m := in.process.metrics
	m.Batch(in.face, c.Records, from, to, took)
	in.policy.counts.Add(w.r.Stats(), &w.seen)
	if c.Deep > 0 {
		m.Masked(metrics.ReasonUnscanned, c.Deep)
		in.deep.say(in.process, c.Deep, "%d records masked whole: nested too deep")
	}
	if c.Damaged > 0 {
		m.Dropped(in.face, 1) // one at least
		in.damaged.say(in.process, c.Damaged, "%d bytes left out: not MessagePack")
	}
	if c.Panics > 0 {
		m.Masked(metrics.ReasonPanic, c.Panics)
		in.panics.say(in.process, c.Panics, "%d faults of the plugin: the records that they happen in are masked whole")
	}
}

// Filter is an instance that gives redacted chunks back to its host. It is safe for
// concurrent use.
type Filter struct{ in *instance }

// NewFilter starts a filter.
func (p *Process) NewFilter(o Options) (*Filter, error) {
	in, err := p.newInstance(o, metrics.FaceFilter)
	if err != nil {
		return nil, err
	}
	p.say(LevelInfo, "filter: policy %s is in force", o.ConfigFile)
	return &Filter{in}, nil
}

// Redact appends the redacted chunk to dst, which it must not overlap, and returns the
// extended buffer: as it was when every record was left out. A chunk that all was looked at
// of, and nothing was to be replaced in, is not appended; changed is false then and only then.
func (f *Filter) Redact(dst, chunk []byte) (out []byte, changed bool) {
	w := f.in.take()
	out, _, changed = f.in.redact(context.Background(), w, dst, chunk)
	f.in.give(w)
	return out, changed
}

// Close ends the filter. No chunk may come any more.
func (f *Filter) Close() { f.in.close() }

// Output is an instance that delivers redacted chunks. It is safe for concurrent use.
type Output struct {
	in             *instance
	to             deliver.Deliverer
	failed, refuse noise
}

// NewOutput starts an output.
func (p *Process) NewOutput(o Options) (*Output, error) {
	in, err := p.newInstance(o, metrics.FaceOutput)
	if err != nil {
		return nil, err
	}
	to, err := in.policy.config.Deliverer()
	if err != nil {
		in.close()
		return nil, err
	}
	kind := string(in.policy.config.FluentBit.Output.Type)
	p.say(LevelInfo, "output: policy %s is in force, records go to %s", o.ConfigFile, kind)
	return &Output{in: in, to: p.metrics.Deliverer(kind, to)}, nil
}

// Result is what the host is to do with a chunk.
type Result int

// The results of a flush.
const (
	Delivered Result = iota
	Retry            // the same chunk must come again
	Refused          // the same chunk can never be delivered
)

// Flush redacts a chunk and delivers it. It returns how many records there were, too.
func (o *Output) Flush(tag string, chunk []byte) (result Result, records int) {
	ctx, cancel := context.WithTimeout(context.Background(), FlushWait)
	defer cancel()
	w := o.in.take()
	defer o.in.give(w)
	var changed bool
	if w.out, records, changed = o.in.redact(ctx, w, w.out[:0], chunk); changed {
		chunk = w.out
	}
	if records == 0 {
		return Delivered, 0
	}
	err := o.to.Deliver(ctx, tag, chunk, records)
	switch {
	case err == nil:
		return Delivered, records
	case deliver.Permanent(err):
		o.refuse.say(o.in.process, 1, "output: %d chunks given up: %v", err)
		return Refused, records
	}
	o.failed.say(o.in.process, 1, "output: %d deliveries failed, and are tried again: %v", err)
	return Retry, records
}

// Close ends the output, after what is on its way or at the end of FlushWait.
func (o *Output) Close() {
	ctx, cancel := context.WithTimeout(context.Background(), FlushWait)
	defer cancel()
	if err := o.to.Close(ctx); err != nil {
		o.in.process.say(LevelWarn, "output: %v", err)
	}
	o.in.close()
}
