package corpus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"
)

// The record is the reference script's: what a Log4j2 or Mule JSON layout writes, with a nested payload and
// a JSON document escaped in a string.
type (
	jsonRecord struct {
		Timestamp     string  `json:"timestamp"`
		Level         string  `json:"level"`
		Thread        string  `json:"thread"`
		Logger        string  `json:"logger"`
		Message       string  `json:"message"`
		CorrelationID string  `json:"correlationId"`
		Application   string  `json:"applicationName"`
		Payload       payload `json:"payload"`
		Raw           string  `json:"raw"`
	}
	payload struct {
		Request request `json:"request"`
		Items   []item  `json:"items"`
		OK      bool    `json:"ok"`
		Err     *string `json:"err"`
	}
	request struct {
		Method  string  `json:"method"`
		Path    string  `json:"path"`
		Headers headers `json:"headers"`
	}
	headers struct {
		Host   string `json:"host"`
		Length int    `json:"content-length"`
		ID     string `json:"x-request-id"`
	}
	item struct {
		SKU   string  `json:"sku"`
		Qty   int     `json:"qty"`
		Price float64 `json:"price"`
	}
	inner struct {
		OrderID int    `json:"orderId"`
		Status  string `json:"status"`
		Detail  string `json:"detail"`
		Note    string `json:"note,omitempty"`
	}
)

// record returns one JSON record with its line end. note, when there is one, goes into the escaped document.
func record(r *rand.Rand, line, note string) []byte {
	detail := []rune(strings.ToValidUTF8(line, "\uFFFD"))
	id := uuid(r)
	rec := jsonRecord{
		Timestamp: fmt.Sprintf("2026-%02d-%02dT%02d:%02d:%02d.%03dZ", between(r, 1, 12), between(r, 1, 28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1000)),
		Level:     pick(r, "INFO", "INFO", "INFO", "WARN", "ERROR", "DEBUG"),
		Thread:    fmt.Sprintf("[MuleRuntime].uber.%02d: [orders-api].orders-flow.CPU_INTENSIVE @%08x", between(r, 1, 64), r.Uint32()),
		Logger:    pick(r, "org.mule.runtime.core.internal.processor.LoggerMessageProcessor", "com.acme.orders.OrderService", "org.apache.http.wire"),
		Message:   string(detail), CorrelationID: id, Application: "orders-api",
		Payload: payload{Request: request{Method: pick(r, "GET", "POST", "PUT"), Path: fmt.Sprintf("/api/v1/orders/%d", between(r, 1, 1e6)),
			Headers: headers{Host: "orders.example.internal", Length: between(r, 10, 5000), ID: id}}, OK: true},
		Raw: string(encode(inner{between(r, 1, 99999), pick(r, "OK", "FAILED", "PENDING"), string(detail[:min(60, len(detail))]), note})),
	}
	for range between(r, 1, 3) {
		rec.Payload.Items = append(rec.Payload.Items, item{fmt.Sprintf("SKU-%06d", r.IntN(1e6)), between(r, 1, 9), float64(r.IntN(10000)) / 100})
	}
	return append(encode(rec), '\n')
}

// encode writes JSON as loggers do, without escapes for HTML.
func encode(v any) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic("BUG: a record of strings and numbers does not encode")
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'})
}
