package metrics

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"logveil/internal/deliver"
)

// delivery counts what an output hands on.
type delivery struct {
	chunks, records, bytes *prometheus.CounterVec
	seconds                *prometheus.HistogramVec
}

// The results of a delivery.
const (
	resultDelivered = "delivered"
	resultRetry     = "retry"
	resultPermanent = "permanent"
)

var results = []string{resultDelivered, resultRetry, resultPermanent}

func newDelivery(r *prometheus.Registry) delivery {
	counter := func(name, help string) *prometheus.CounterVec {
		c := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "logveil", Subsystem: "delivery", Name: name, Help: help}, []string{"output", "result"})
		r.MustRegister(c)
		return c
	}
	d := delivery{
		chunks:  counter("chunks_total", "Attempts to hand a chunk on: delivered, to be tried again, or never to work."),
		records: counter("records_total", "Records in those chunks."),
		bytes:   counter("bytes_total", "Bytes of those chunks, as MessagePack."),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "logveil", Subsystem: "delivery", Name: "seconds",
			Help: "Seconds that one attempt took.", Buckets: latencyBuckets}, []string{"output"}),
	}
	r.MustRegister(d.seconds)
	return d
}

// Deliverer returns d with its attempts counted under the name of an output, one of the
// kinds of a policy.
func (m *Metrics) Deliverer(output string, d deliver.Deliverer) deliver.Deliverer {
	for _, r := range results {
		m.delivery.chunks.WithLabelValues(output, r)
		m.delivery.records.WithLabelValues(output, r)
		m.delivery.bytes.WithLabelValues(output, r)
	}
	m.delivery.seconds.WithLabelValues(output)
	return &counted{d, output, &m.delivery}
}

type counted struct {
	to     deliver.Deliverer
	output string
	counts *delivery
}

func (c *counted) Deliver(ctx context.Context, tag string, chunk []byte, records int) error {
	start := time.Now()
	err := c.to.Deliver(ctx, tag, chunk, records)
	result := resultDelivered
	switch {
	case err == nil:
	case deliver.Permanent(err):
		result = resultPermanent
	default:
		result = resultRetry
	}
	c.counts.chunks.WithLabelValues(c.output, result).Inc()
	c.counts.records.WithLabelValues(c.output, result).Add(float64(records))
	c.counts.bytes.WithLabelValues(c.output, result).Add(float64(len(chunk)))
	c.counts.seconds.WithLabelValues(c.output).Observe(time.Since(start).Seconds())
	return err
}

func (c *counted) Close(ctx context.Context) error { return c.to.Close(ctx) }
