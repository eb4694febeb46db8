// Command otel measures the OpenTelemetry Collector's redactionprocessor, made by its factory: the patterns
// as blocked_values, allow_all_keys, no summary. A batch of log records (a step of the protocol) is one
// ConsumeLogs call. Lines are string bodies; with --mode json bodies are the parsed documents. Building the
// log data is not on the clock.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/open-telemetry/opentelemetry-collector-contrib/processor/redactionprocessor"
	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/consumer"
	"go.opentelemetry.io/collector/pdata/pcommon"
	"go.opentelemetry.io/collector/pdata/plog"
	"go.opentelemetry.io/collector/processor"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"go.uber.org/zap"

	"logveil/bench/peers/protocol"
)

const (
	module = "github.com/open-telemetry/opentelemetry-collector-contrib/processor/redactionprocessor"
	mask   = "****"
)

func main() { protocol.Main(build) }

func build(a protocol.Args) (protocol.Peer, protocol.Info, error) {
	info := protocol.Info{Peer: "otel-redaction", Version: version()}
	if a.Variant != "" {
		return nil, info, fmt.Errorf("this peer has no variants")
	}
	ps, err := protocol.ReadPatterns(a.Patterns)
	if err != nil {
		return nil, info, err
	}
	factory := redactionprocessor.NewFactory()
	cfg := factory.CreateDefaultConfig().(*redactionprocessor.Config)
	cfg.AllowAllKeys = true
	cfg.Summary = "silent"
	cfg.MaskingString = mask
	for _, p := range ps {
		cfg.BlockedValues = append(cfg.BlockedValues, p.Expr)
	}
	info.Config = fmt.Sprintf("allow_all_keys, %d blocked_values, batches", len(ps))
	q := &peer{json: a.JSON}
	sink, err := consumer.NewLogs(func(_ context.Context, l plog.Logs) error { q.out += l.LogRecordCount(); return nil })
	if err != nil {
		return nil, info, err
	}
	set := processor.Settings{ID: component.NewID(factory.Type()), TelemetrySettings: component.TelemetrySettings{
		Logger:         zap.NewNop(),
		TracerProvider: tracenoop.NewTracerProvider(),
		MeterProvider:  metricnoop.NewMeterProvider(),
		Resource:       pcommon.NewResource(),
	}}
	q.processor, err = factory.CreateLogs(context.Background(), set, cfg, sink)
	return q, info, err
}

func version() string {
	if bi, ok := debug.ReadBuildInfo(); ok {
		for _, m := range bi.Deps {
			if m.Path == module {
				return m.Version
			}
		}
	}
	return "unknown"
}

type peer struct {
	json      bool
	processor processor.Logs
	logs      map[int]plog.Logs // by the first record of the batch
	masks     int               // mask strings that the input holds itself
	out       int               // records that reached the next component
}

func (p *peer) Prepare(b protocol.Batch) error {
	p.logs, p.masks = map[int]plog.Logs{}, 0
	for from, to := range b.Steps() {
		logs := plog.NewLogs()
		records := logs.ResourceLogs().AppendEmpty().ScopeLogs().AppendEmpty().LogRecords()
		records.EnsureCapacity(to - from)
		for i := from; i < to; i++ {
			text := string(b.Record(i))
			p.masks += strings.Count(text, mask)
			if err := p.setBody(records.AppendEmpty().Body(), text); err != nil {
				return fmt.Errorf("record %d: %w", i, err)
			}
		}
		p.logs[from] = logs
	}
	runtime.GC()
	return nil
}

func (p *peer) setBody(body pcommon.Value, text string) error {
	if !p.json {
		body.SetStr(text)
		return nil
	}
	var doc any
	if err := json.Unmarshal([]byte(text), &doc); err != nil {
		return fmt.Errorf("the body is not JSON") // the decoder's own text may quote the record
	}
	return body.FromRaw(doc)
}

func (p *peer) Process(from, _ int) error {
	return p.processor.ConsumeLogs(context.Background(), p.logs[from])
}

func (p *peer) Findings() int {
	n := -p.masks
	for _, logs := range p.logs {
		records := logs.ResourceLogs().At(0).ScopeLogs().At(0).LogRecords()
		for i := range records.Len() {
			n += strings.Count(records.At(i).Body().AsString(), mask)
		}
	}
	return n
}
