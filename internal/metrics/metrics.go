package metrics

import (
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"logveil/redact"
)

// Face says where in a host the engine runs.
type Face string

// The faces of a host.
const (
	FaceFilter Face = "filter" // a filter or a processor of Fluent Bit
	FaceOutput Face = "output" // an output of Fluent Bit
)

// Reason says why something became a mask instead of a token.
type Reason string

// The reasons for masks.
const (
	ReasonNoToken   Reason = "no_token"  // the tokenizer had none in time
	ReasonDetector  Reason = "detector"  // a detector panicked: the line is masked whole
	ReasonUnscanned Reason = "unscanned" // a bound on work left a place unread
	ReasonPanic     Reason = "panic"     // a panic outside detectors: the record is masked whole
)

var (
	faces   = []Face{FaceFilter, FaceOutput}
	reasons = []Reason{ReasonNoToken, ReasonDetector, ReasonUnscanned, ReasonPanic}
)

// Metrics are the counts of one process. All methods are safe for concurrent use.
type Metrics struct {
	registry *prometheus.Registry

	records, bytesIn, bytesOut *prometheus.CounterVec // by face
	seconds                    *prometheus.HistogramVec
	dropped                    *prometheus.CounterVec
	masked                     *prometheus.CounterVec // by reason
	findings                   *prometheus.CounterVec // by kind, detector
	reloads                    *prometheus.CounterVec // by result
	reloaded                   prometheus.Gauge
	delivery                   delivery

	mu       sync.Mutex
	notReady []string // guarded by mu; sorted
}

// latencyBuckets reach from a small batch to the longest wait that a host allows, in
// seconds.
var latencyBuckets = []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}

// New returns counts at zero. version is that of the program. The parts named are not
// ready until [Metrics.SetReady] says so.
func New(version string, parts ...string) *Metrics {
	m := &Metrics{registry: prometheus.NewRegistry(), notReady: slices.Sorted(slices.Values(parts))}
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "logveil", Name: name, Help: help}, labels)
		m.registry.MustRegister(c)
		return c
	}
	histogram := func(name, help string, labels ...string) *prometheus.HistogramVec {
		h := prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "logveil", Name: name, Help: help, Buckets: latencyBuckets}, labels)
		m.registry.MustRegister(h)
		return h
	}
	gauge := func(name, help string) prometheus.Gauge {
		g := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "logveil", Name: name, Help: help})
		m.registry.MustRegister(g)
		return g
	}
	m.records = counter("records_total", "Records that came to be redacted.", "face")
	m.bytesIn = counter("input_bytes_total", "Bytes that came to be redacted.", "face")
	m.bytesOut = counter("output_bytes_total", "Bytes that were handed on, redacted.", "face")
	m.dropped = counter("dropped_records_total", "Records that were left out because they could be neither read nor masked.", "face")
	m.seconds = histogram("redact_seconds", "Seconds that redacting one batch took.", "face")
	for _, f := range faces {
		m.records.WithLabelValues(string(f))
		m.bytesIn.WithLabelValues(string(f))
		m.bytesOut.WithLabelValues(string(f))
		m.dropped.WithLabelValues(string(f))
		m.seconds.WithLabelValues(string(f))
	}
	m.masked = counter("masked_total", "Values, places or records that became masks instead of tokens, by the reason.", "reason")
	for _, r := range reasons {
		m.masked.WithLabelValues(string(r))
	}
	m.findings = counter("findings_total", "Values that were replaced, by kind and detector.", "kind", "detector")
	m.reloads = counter("policy_loads_total", "Attempts to load the policy. A failed one leaves the former policy in force.", "result")
	m.reloads.WithLabelValues("loaded")
	m.reloads.WithLabelValues("failed")
	m.reloaded = gauge("policy_loaded_timestamp_seconds", "When the policy in force was loaded, in seconds since 1970.")
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: "logveil", Name: "ready",
		Help: "1 when every part is ready, as /readyz says, else 0."}, func() float64 {
		if len(m.NotReady()) > 0 {
			return 0
		}
		return 1
	}))
	info := prometheus.NewGauge(prometheus.GaugeOpts{Namespace: "logveil", Name: "build_info", Help: "Always 1; the labels say which build runs.",
		ConstLabels: prometheus.Labels{"version": version, "goversion": runtime.Version(), "kernels": redact.Implementation()}})
	info.Set(1)
	m.registry.MustRegister(info,
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.delivery = newDelivery(m.registry)
	return m
}

// Register adds a collector of another part of the program. The rules of this package for
// labels hold for it, too.
func (m *Metrics) Register(c prometheus.Collector) error { return m.registry.Register(c) }

// Batch counts one batch of records that a face redacted: records and bytes that came,
// bytes that were handed on, and how long it took.
func (m *Metrics) Batch(f Face, records, in, out int, took time.Duration) {
	m.records.WithLabelValues(string(f)).Add(float64(records))
	m.bytesIn.WithLabelValues(string(f)).Add(float64(in))
	m.bytesOut.WithLabelValues(string(f)).Add(float64(out))
	m.seconds.WithLabelValues(string(f)).Observe(took.Seconds())
}

// Dropped counts records that were left out.
func (m *Metrics) Dropped(f Face, records int) {
	m.dropped.WithLabelValues(string(f)).Add(float64(records))
}

// Masked counts n masks that the engine does not count itself.
func (m *Metrics) Masked(r Reason, n int) { m.masked.WithLabelValues(string(r)).Add(float64(n)) }

// PolicyLoaded counts an attempt to load the policy.
func (m *Metrics) PolicyLoaded(ok bool) {
	if !ok {
		m.reloads.WithLabelValues("failed").Inc()
		return
	}
	m.reloads.WithLabelValues("loaded").Inc()
	m.reloaded.SetToCurrentTime()
}

// SetReady says whether a part of the program can do its work.
func (m *Metrics) SetReady(part string, ready bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	i, there := slices.BinarySearch(m.notReady, part)
	switch {
	case ready && there:
		m.notReady = slices.Delete(m.notReady, i, i+1)
	case !ready && !there:
		m.notReady = slices.Insert(m.notReady, i, part)
	}
}

// NotReady returns the parts that cannot do their work, sorted.
func (m *Metrics) NotReady() []string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.notReady)
}

// Engine returns what takes the counts of the workers of one engine. Engines of several
// policies, one after the other, add to the same series.
func (m *Metrics) Engine(specs []redact.Spec) *Engine {
	e := &Engine{
		findings:  make([]prometheus.Counter, len(specs)),
		noToken:   m.masked.WithLabelValues(string(ReasonNoToken)),
		detector:  m.masked.WithLabelValues(string(ReasonDetector)),
		unscanned: m.masked.WithLabelValues(string(ReasonUnscanned)),
	}
	for i, s := range specs {
		e.findings[i] = m.findings.WithLabelValues(string(s.Kind), s.Name)
	}
	return e
}

// Engine takes the counts of one engine's workers.
type Engine struct {
	findings                     []prometheus.Counter
	noToken, detector, unscanned prometheus.Counter
}

// Add adds what a worker counted since the last call, and remembers it in seen, which
// belongs to the worker and is empty at first. It does not allocate but for that memory.
func (e *Engine) Add(now, seen *redact.Stats) {
	if seen.Findings == nil {
		seen.Findings = make([]uint64, len(e.findings))
	}
	for i, n := range now.Findings {
		add(e.findings[i], n, &seen.Findings[i])
	}
	add(e.noToken, now.Masked, &seen.Masked)
	add(e.detector, now.Failed, &seen.Failed)
	add(e.unscanned, now.Unscanned, &seen.Unscanned)
}

func add(c prometheus.Counter, now uint64, seen *uint64) {
	if now != *seen {
		c.Add(float64(now - *seen))
		*seen = now
	}
}
